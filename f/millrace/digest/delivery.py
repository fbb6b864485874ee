# requirements:

"""Digests as mails: one for each recipient, named by flow, recipient, edition, day and number.

`digest/sending` sends them, each once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db, ids
from f.millrace.digest import run_plan
from f.millrace.trust import deliveries, recipients, standing_approvals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from f.millrace.core import rows

    class DigestDelivery(rows.Delivery):
        """A delivery with the texts of its digest."""

        subject: str
        html: str
        plain: str
        private: bool
        shared: dict[str, Any]
        window_since: datetime | None

    class DeliveryResult(TypedDict):
        """How a mail stands."""

        recipient: str
        status: str
        message_id: str
        path: str | None
        error: str | None


TOOL = "mail.send"
HOST = "millrace.local"


def key_of(opened: run_plan.RunPlan, recipient: str) -> str:
    """Return what a mail is for: one effect has one key, whichever run or job sends it."""
    edition = f"{opened.flow}:{opened.namespace}:{opened.edition}"
    return f"mail:{edition}:{recipient}:{opened.day.isoformat()}:{opened.number}"


def message_id(opened: run_plan.RunPlan, recipient: str) -> str:
    """Return the mail's Message-ID, which depends on its key only."""
    edition = "" if opened.edition == "daily" else f"{opened.edition}-"
    name = f"{opened.flow}-{edition}{opened.day.isoformat()}-{opened.number}"
    return f"{name}-{ids.digest_of(key_of(opened, recipient))[:16]}@{HOST}"


def create(run_id: str, opened: run_plan.RunPlan) -> None:
    """Make this run's deliveries; one that another run holds or has sent stays with that run.

    What became of interrupted ones is found out first: `list_interrupted`, `sending.reconcile`.
    """
    for digest in db.fetch_all(
        "SELECT id, recipients, window_until FROM digest WHERE run_id = %s", [run_id]
    ):
        for recipient in digest["recipients"]:
            deliveries.claim(
                deliveries.Key(
                    opened.flow,
                    opened.namespace,
                    opened.edition,
                    recipient,
                    opened.day,
                    opened.number,
                ),
                run_id,
                digest["id"],
                message_id(opened, recipient),
                digest["window_until"],
            )


def list_interrupted(opened: run_plan.RunPlan) -> list[DigestDelivery]:
    """Return the mails of this digest, of any day, whose run died while it sent them."""
    return db.fetch_all(
        "SELECT d.*, g.subject, g.html, g.plain, g.private, g.shared, g.window_since FROM delivery"
        " d JOIN digest g ON g.id = d.digest_id JOIN run r ON r.id = d.run_id WHERE d.flow = %s AND"
        " d.namespace = %s AND d.edition = %s AND d.status = 'sending' AND r.status NOT IN"
        " ('running', 'waiting') ORDER BY d.local_day, d.recipient",
        [opened.flow, opened.namespace, opened.edition],
    )


def deliveries_of(run_id: str) -> list[DigestDelivery]:
    """Return the run's deliveries with the texts of their digests."""
    return db.fetch_all(
        "SELECT d.*, g.subject, g.html, g.plain, g.private, g.shared, g.window_since FROM delivery"
        " d JOIN digest g ON g.id = d.digest_id WHERE d.run_id = %s ORDER BY d.recipient",
        [run_id],
    )


def make_arguments(row: DigestDelivery) -> dict[str, Any]:
    """Return what sending this mail means: to whom, which subject, which text."""
    return {
        "to": row["recipient"],
        "subject": row["subject"],
        "html_sha256": hashlib.sha256(row["html"].encode()).hexdigest(),
        "plain_sha256": hashlib.sha256(row["plain"].encode()).hexdigest(),
        "message_id": row["message_id"],
        "_digest_id": str(row["digest_id"]),
    }


def batch_arguments(waiting: list[DigestDelivery]) -> dict[str, Any]:
    """Return what a person is asked about: the mails to all who wait."""
    return {
        "to": [row["recipient"] for row in waiting],
        "mails": [make_arguments(row) for row in waiting],
    }


def needs_nobody(opened: run_plan.RunPlan) -> set[str]:
    """Return to whom mail goes unasked: a standing approval holds, or it stays in the outbox."""
    standing = standing_approvals.list_standing(opened.flow, opened.namespace, TOOL)
    return {*standing, recipients.OWN}


def count_results(told: Sequence[DeliveryResult]) -> dict[str, int]:
    """Return how many mails were sent, kept in the outbox, and neither: a try is no delivery."""
    return {
        "delivered": sum(one["status"] == "sent" for one in told),
        "kept": sum(one["status"] == "outbox" for one in told),
        "undelivered": sum(one["status"] in ("failed", "unknown") for one in told),
    }


def mark(
    row: DigestDelivery,
    status: str,
    action_id: str | None,
    path: str = "",
    error: str | None = None,
    temporary: bool = False,
) -> DeliveryResult:
    """Note how a mail stands, and return that as JSON."""
    key = deliveries.Key(
        row["flow"],
        row["namespace"],
        row["edition"],
        row["recipient"],
        row["local_day"],
        row["number"],
    )
    deliveries.mark(key, status, action_id, path, error, temporary)
    return to_dict({**row, "path": path, "error": error}, status)


def close(unsent: list[DigestDelivery], status: str, why: str) -> list[DeliveryResult]:
    """Mark mails that will not be sent: denied or expired."""
    return [
        mark(row, status, str(row["action_id"]) if row["action_id"] else None, error=why)
        for row in unsent
    ]


def to_dict(row: DigestDelivery, status: str) -> DeliveryResult:
    """Return a delivery as JSON: recipient, status, message_id, path, error."""
    return {
        "recipient": row["recipient"],
        "status": status,
        "message_id": row["message_id"],
        "path": row["path"] or None,
        "error": row["error"],
    }
