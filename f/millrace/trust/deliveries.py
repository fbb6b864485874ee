# requirements:

"""Deliveries: who got which mail, one row for each recipient, day and number; no mail is sent that
its row does not hold.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import UUID

from f.millrace.core import db

if TYPE_CHECKING:

    class DeferredMail(TypedDict):
        """A mail that its server refused for now."""

        recipient: str
        error: str | None
        tries: int


# A mail that may have gone out keeps the window of the run that sent it; what became of it is
# found out first (digest/sending.reconcile).
CLAIM = """
INSERT INTO delivery (flow, namespace, edition, recipient, local_day, number, run_id, digest_id,
                      message_id, status, window_until)
VALUES (%(flow)s, %(namespace)s, %(edition)s, %(recipient)s, %(local_day)s, %(number)s, %(run_id)s,
        %(digest_id)s, %(message_id)s, 'waiting', %(until)s)
ON CONFLICT (flow, namespace, edition, recipient, local_day, number) DO UPDATE SET
    run_id = excluded.run_id, digest_id = excluded.digest_id,
    window_until = excluded.window_until, status = 'waiting', error = NULL, action_id = NULL
WHERE delivery.run_id <> excluded.run_id AND (
    delivery.status IN ('failed', 'expired')
    OR (
        delivery.status IN ('waiting', 'sending')
        AND NOT EXISTS (
            SELECT 1 FROM run
            WHERE run.id = delivery.run_id AND run.status IN ('running', 'waiting'))
        AND NOT EXISTS (
            SELECT 1 FROM action a
            WHERE a.id = delivery.action_id AND a.state IN ('performing', 'performed', 'unknown'))
    )
)
"""


class Key(NamedTuple):
    """What a mail is for: one effect has one row, whichever run sends it."""

    flow: str
    namespace: str
    edition: str
    recipient: str
    local_day: date
    number: int


def claim(key: Key, run_id: str, digest_id: UUID, message_id: str, window_until: datetime) -> None:
    """Make the delivery this run's; one that another run holds or has sent stays with that run."""
    db.execute(
        CLAIM,
        {
            **key._asdict(),
            "run_id": run_id,
            "digest_id": digest_id,
            "message_id": message_id,
            "until": window_until,
        },
    )


def mark(
    key: Key,
    status: str,
    action_id: str | None,
    path: str = "",
    error: str | None = None,
    temporary: bool = False,
) -> None:
    """Record how far the mail is: by which action, and the file or the fault; `temporary`: it may
    go later.
    """
    db.execute(
        "UPDATE delivery SET status = %(status)s, action_id = %(action_id)s, path = %(path)s, error"
        " = %(error)s, temporary = %(temporary)s, tries = tries + (%(status)s IN ('sent', 'outbox',"
        " 'failed'))::int, at = clock_timestamp() WHERE flow = %(flow)s AND namespace ="
        " %(namespace)s AND edition = %(edition)s AND recipient = %(recipient)s AND local_day ="
        " %(local_day)s AND"
        " number = %(number)s",
        {
            **key._asdict(),
            "status": status,
            "action_id": action_id,
            "path": path,
            "error": error,
            "temporary": temporary,
        },
    )


def list_refused_for_now(run_id: str) -> list[DeferredMail]:
    """Return the run's mails that their server refused for now: recipient, error and tries."""
    return db.fetch_all(
        "SELECT recipient, error, tries FROM delivery WHERE run_id = %s AND status = 'failed' AND"
        " temporary ORDER BY recipient",
        [run_id],
    )


def expire(run_id: str, reason: str) -> None:
    """Give up the mails of a run that still wait, as the run has ended."""
    db.execute(
        "UPDATE delivery SET status = 'expired', error = %s WHERE run_id = %s AND status ="
        " 'waiting'",
        [reason, run_id],
    )


def record_outcome(action_id: UUID, is_sent: bool) -> None:
    """Carry over what a person said about a mail of which nobody could tell whether it was sent."""
    db.execute(
        "UPDATE delivery SET status = %s, error = NULL, at = clock_timestamp() WHERE action_id = %s"
        " AND status IN ('unknown', 'sending')",
        ["sent" if is_sent else "failed", action_id],
    )
