# requirements:

"""Standing approvals: mail to a recipient of a flow goes out without a question each time.

`trust/approvals` answers an action by one that holds.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from f.millrace.core import db, run_context
from f.millrace.trust import audit, authority

if TYPE_CHECKING:
    from f.millrace.core import rows


def grant(
    recipient: str,
    flow: str = "daily_research",
    namespace: str = "main",
    by: str = "operator",
    tool: str = "mail.send",
    expires_at: datetime | None = None,
) -> None:
    """Let a recipient of a flow have mail without asking each time; granting twice is once."""
    authority.refuse_agents("give a standing approval")
    with db.transaction() as connection:
        done = connection.execute(
            "INSERT INTO standing_approval (namespace, flow, tool, recipient, granted_by,"
            " expires_at) VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (namespace, flow, tool,"
            " recipient) WHERE revoked_at IS NULL DO UPDATE SET expires_at = excluded.expires_at,"
            " granted_by = excluded.granted_by, granted_at = clock_timestamp() WHERE"
            " standing_approval.expires_at IS DISTINCT FROM excluded.expires_at RETURNING id",
            [namespace, flow, tool, recipient, by, expires_at],
        ).fetchone()
        if done:
            until = expires_at.isoformat() if expires_at else None
            audit.append(
                by,
                "standing_approval.granted",
                recipient,
                flow=flow,
                namespace=namespace,
                tool=tool,
                until=until,
            )


def revoke(
    recipient: str,
    flow: str = "daily_research",
    namespace: str = "main",
    by: str = "operator",
    tool: str = "mail.send",
) -> bool:
    """Take a standing approval back; False when there was none."""
    authority.refuse_agents("revoke a standing approval")
    with db.transaction() as connection:
        row = connection.execute(
            "UPDATE standing_approval SET revoked_at = clock_timestamp(), revoked_by = %s WHERE"
            " namespace = %s AND flow = %s AND tool = %s AND recipient = %s AND revoked_at IS NULL"
            " RETURNING id",
            [by, namespace, flow, tool, recipient],
        ).fetchone()
        if row:
            audit.append(
                by,
                "standing_approval.revoked",
                recipient,
                flow=flow,
                namespace=namespace,
                tool=tool,
            )
    return row is not None


def list_standing(
    flow: str, namespace: str, tool: str = "mail.send"
) -> dict[str, rows.StandingApproval]:
    """Return the standing approvals that hold now, by recipient."""
    found: list[rows.StandingApproval] = db.fetch_all(
        "SELECT * FROM standing_approval WHERE flow = %s AND namespace = %s AND tool = %s AND"
        " revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)",
        [flow, namespace, tool, run_context.now()],
    )
    return {row["recipient"]: row for row in found}
