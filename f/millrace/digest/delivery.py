# requirements:

"""Digests as mails: one for each recipient, named by flow, recipient, edition, day and number, and
sent once.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

from f.millrace.core import db, errors, ids
from f.millrace.digest import run_plan
from f.millrace.telemetry import alerts, events
from f.millrace.trust import actions, approvals, deliveries, recipients, shares

Row = dict[str, Any]
TOOL = "mail.send"
ALERT = "DeliveryFailed"
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
    """Make this run's deliveries; one that another run holds or has sent stays with that run."""
    reconcile_interrupted(opened)
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


def deliveries_of(run_id: str) -> list[Row]:
    """Return the run's deliveries with the texts of their digests."""
    return db.fetch_all(
        "SELECT d.*, g.subject, g.html, g.plain, g.private, g.shared, g.window_since FROM delivery"
        " d JOIN digest g ON g.id = d.digest_id WHERE d.run_id = %s ORDER BY d.recipient",
        [run_id],
    )


def arguments(row: Row) -> dict[str, Any]:
    """Return what sending this mail means: to whom, which subject, which text."""
    return {
        "to": row["recipient"],
        "subject": row["subject"],
        "html_sha256": hashlib.sha256(row["html"].encode()).hexdigest(),
        "plain_sha256": hashlib.sha256(row["plain"].encode()).hexdigest(),
        "message_id": row["message_id"],
        "_digest_id": str(row["digest_id"]),
    }


def batch_arguments(rows: list[Row]) -> dict[str, Any]:
    """Return what a person is asked about: the mails to all who wait."""
    return {"to": [row["recipient"] for row in rows], "mails": [arguments(row) for row in rows]}


def needs_nobody(opened: run_plan.RunPlan) -> set[str]:
    """Return to whom mail goes unasked: a standing approval holds, or it stays in the outbox."""
    standing = approvals.list_standing(opened.flow, opened.namespace, TOOL)
    return {*standing, recipients.OWN}


def authorise_unasked(opened: run_plan.RunPlan, action: Row) -> bool:
    """Approve a mail that needs nobody: by the standing approval, or as one that stays here; return
    whether it is approved.
    """
    if action["arguments"].get("to") == recipients.OWN:
        return approvals.approve_own(action)
    return approvals.approve_by_standing(action, opened.flow)


def counts(told: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many mails were sent, kept in the outbox, and neither: a try is no delivery."""
    return {
        "delivered": sum(one["status"] == "sent" for one in told),
        "kept": sum(one["status"] == "outbox" for one in told),
        "undelivered": sum(one["status"] in ("failed", "unknown") for one in told),
    }


def deliver(
    opened: run_plan.RunPlan, rows: list[Row], authorise: Callable[[Row], bool]
) -> list[dict[str, Any]]:
    """Send the mails whose action `authorise` approves; return how each ended."""
    return [_deliver(opened, row, authorise) for row in rows]


def _deliver(
    opened: run_plan.RunPlan, row: Row, authorise: Callable[[Row], bool]
) -> dict[str, Any]:
    # What became of a try that died comes first: a mail that may be with its reader is not one that
    # came too late.
    done = _find_action(opened, row)
    if done is not None:
        return _close_delivery(row, done)
    later = _overtaken_by(row)
    if later:
        return _mark(
            row,
            "expired",
            row["action_id"],
            error=f"the digest of {later} came first and holds what was new",
        )
    if recipients.is_unsubscribed(row["recipient"], row["flow"], row["namespace"]):
        return _mark(row, "expired", row["action_id"], error="its reader has unsubscribed")
    if _shows_too_much(row, opened):
        said = "it holds what is not shared with its reader any more; --again makes another edition"
        return _mark(row, "expired", row["action_id"], error=said)
    wanted = arguments(row)
    key = key_of(opened, row["recipient"])
    action = actions.propose(
        TOOL, wanted, key, reason=f"the digest of {opened.day} for {row['recipient']}"
    )
    if not authorise(action):
        return _to_dict(row, row["status"])
    _mark(row, "sending", str(action["id"]))
    try:
        done = actions.perform(key, wanted, lambda: _send(row), lambda: _look(row))
    except errors.NeedsApproval as error:
        return _mark(row, "waiting", str(action["id"]), error=str(error))
    return _close_delivery(row, done)


def _shows_too_much(row: Row, opened: run_plan.RunPlan) -> bool:
    """Return whether a digest shows its reader what is private and not, or no longer, for them."""
    if row["private"]:
        readers = recipients.list_of_run(opened.flow, opened.lasting)
        return not any(one["owner"] and one["address"] == row["recipient"] for one in readers)
    if not row["shared"]:
        return False
    held = shares.of_recipients([row["recipient"]], opened.flow, opened.lasting)
    return not row["shared"].keys() <= held[row["recipient"]].keys()


def _find_action(opened: run_plan.RunPlan, row: Row) -> Row | None:
    """Return the mail's action when it was performed, or may have been, also by an earlier run of
    the day.
    """
    try:
        action = actions.reconcile(key_of(opened, row["recipient"]), lambda: _look(row))
    except errors.NotFound:
        return None
    return action if action["state"] in ("performed", "unknown") else None


def reconcile_interrupted(opened: run_plan.RunPlan) -> int:
    """Find out what became of mails whose run died while it sent them, and return how many.

    Before new windows are cut, and before another run of the day takes a delivery over.
    """
    rows = db.fetch_all(
        "SELECT d.*, g.subject, g.html, g.plain, g.private, g.shared, g.window_since FROM delivery"
        " d JOIN digest g ON g.id = d.digest_id JOIN run r ON r.id = d.run_id WHERE d.flow = %s AND"
        " d.namespace = %s AND d.edition = %s AND d.status = 'sending' AND r.status NOT IN"
        " ('running', 'waiting') ORDER BY d.local_day, d.recipient",
        [opened.flow, opened.namespace, opened.edition],
    )
    for row in rows:
        of_row = dataclasses.replace(opened, day=row["local_day"], number=row["number"])
        done = actions.reconcile(key_of(of_row, row["recipient"]), lambda row=row: _look(row))
        if done["state"] in ("performed", "unknown"):
            _close_delivery(row, done)
    return len(rows)


def _overtaken_by(row: Row) -> str:
    """Return the day of a digest that its reader got after this one's window began: a late run has
    nothing new for them.

    What this one holds beyond it is new in the next. A further edition of a day repeats that day on
    purpose.
    """
    if row["edition"] == "sample":
        return ""
    found = db.fetch_one(
        "SELECT local_day FROM delivery WHERE flow = %(flow)s AND namespace = %(namespace)s AND"
        " edition = %(edition)s AND recipient = %(recipient)s AND (local_day, number) <>"
        " (%(local_day)s, %(number)s) AND status IN ('sent', 'outbox') AND"
        " (%(window_since)s::timestamptz IS NULL OR window_until > %(window_since)s) AND"
        " (%(number)s = 1 OR local_day <> %(local_day)s) ORDER BY at DESC LIMIT 1",
        row,
    )
    return str(found["local_day"]) if found else ""


def _close_delivery(row: Row, done: Row) -> dict[str, Any]:
    outcome = done["outcome"] or {}
    status = outcome.get("status", "sent") if done["state"] == "performed" else done["state"]
    answer = _mark(
        row,
        status,
        str(done["id"]),
        outcome.get("path", ""),
        outcome.get("error"),
        bool(outcome.get("temporary")),
    )
    _alert(row, answer, bool(outcome.get("temporary")))
    events.emit("progress", f"Digest for {row['recipient']}: {status}", **answer)
    return answer


def _alert(row: Row, answer: dict[str, Any], temporary: bool) -> None:
    """Raise an alert about a mail that did not go out; it ends when it did."""
    labels = {"flow": row["flow"], "recipient": row["recipient"]}
    if answer["status"] in ("sent", "outbox"):
        alerts.resolve(ALERT, labels)
    elif answer["status"] in ("failed", "unknown") and row["edition"] != "sample":
        words = "is not delivered yet" if temporary else "was not delivered"
        said = f"the digest of {row['local_day']} for {row['recipient']} {words}: {answer['error']}"
        alerts.raise_alert(ALERT, "warning" if temporary else "critical", "run", said, labels)


def _send(row: Row) -> dict[str, Any]:
    from f.millrace.digest import digest_links  # few runs of a step send one
    from f.millrace.tools import mail

    own = digest_links.personalise(row)
    try:
        sent = mail.send(
            row["recipient"],
            row["subject"],
            own.plain,
            own.html,
            row["message_id"],
            mail.Listing(f"Millrace {row['flow'].replace('_', ' ')}", row["flow"], own.unsubscribe),
        )
    except mail.DeliveryUnknown as error:
        raise actions.OutcomeUnknown(str(error)) from error
    if sent.path:
        _write_page(row)
    return sent.to_json()


def _look(row: Row) -> dict[str, Any] | bool | None:
    """Return the outcome of an earlier try that died: the outbox can be looked at, a mail server
    cannot.
    """
    from f.millrace.tools import mail

    found = mail.look(row["message_id"], row["recipient"])
    if not isinstance(found, mail.Sent):
        return found
    if found.path:
        _write_page(row)
    return found.to_json()


def _write_page(row: Row) -> None:
    from f.millrace.digest import archive

    try:
        archive.write(row["digest_id"])
    except errors.ToolFailed as error:
        # The mail itself is written; its page is a convenience.
        events.emit("error", f"the digest's page could not be written: {error}")


def _mark(
    row: Row,
    status: str,
    action_id: str | None,
    path: str = "",
    error: str | None = None,
    temporary: bool = False,
) -> dict[str, Any]:
    key = deliveries.Key(*(row[name] for name in deliveries.Key._fields))
    deliveries.mark(key, status, action_id, path, error, temporary)
    return _to_dict({**row, "path": path, "error": error}, status)


def close(rows: list[Row], status: str, why: str) -> list[dict[str, Any]]:
    """Mark mails that will not be sent: denied or expired."""
    return [
        _mark(row, status, str(row["action_id"]) if row["action_id"] else None, error=why)
        for row in rows
    ]


def _to_dict(row: Row, status: str) -> dict[str, Any]:
    return {
        "recipient": row["recipient"],
        "status": status,
        "message_id": row["message_id"],
        "path": row["path"] or None,
        "error": row["error"],
    }
