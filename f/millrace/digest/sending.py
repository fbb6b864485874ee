# requirements:

"""How a digest's mail goes out: approved, sent once, looked for when the try that sent it died."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, errors, redaction
from f.millrace.digest import delivery, run_plan
from f.millrace.telemetry import alerts, events
from f.millrace.trust import actions, approvals, recipients, shares

if TYPE_CHECKING:
    from f.millrace.core import rows

ALERT = "DeliveryFailed"


def authorise_unasked(opened: run_plan.RunPlan, action: rows.Action) -> bool:
    """Approve a mail that needs nobody: by the standing approval, or as one that stays here; return
    whether it is approved.
    """
    if action["arguments"].get("to") == recipients.OWN:
        return approvals.approve_own(action)
    return approvals.approve_by_standing(action, opened.flow)


def deliver(
    opened: run_plan.RunPlan,
    waiting: list[delivery.DigestDelivery],
    authorise: Callable[[rows.Action], bool],
) -> list[delivery.DeliveryResult]:
    """Send the mails whose action `authorise` approves; return how each ended. What goes wrong with
    one does not end those after it.
    """
    return [_deliver_apart(opened, row, authorise) for row in waiting]


def _deliver_apart(
    opened: run_plan.RunPlan, row: delivery.DigestDelivery, authorise: Callable[[rows.Action], bool]
) -> delivery.DeliveryResult:
    try:
        return _deliver(opened, row, authorise)
    except errors.MillraceError:
        raise  # no fault of this mail: what is not sent is told where it arises
    except Exception as error:
        answer = delivery.mark(row, "failed", _action_id(row), error=_describe(error))
        _alert(row, answer, temporary=False)
        return answer


def _action_id(row: delivery.DigestDelivery) -> str | None:
    return str(row["action_id"]) if row["action_id"] else None


def _describe(error: Exception) -> str:
    return redaction.redact(f"{type(error).__name__}: {error}")[:500]


def _deliver(
    opened: run_plan.RunPlan, row: delivery.DigestDelivery, authorise: Callable[[rows.Action], bool]
) -> delivery.DeliveryResult:
    # What became of a try that died comes first: a mail that may be with its reader is not one that
    # came too late.
    done = _find_action(opened, row)
    if done is not None:
        return _close_delivery(row, done)
    later = _overtaken_by(row)
    if later:
        return delivery.mark(
            row,
            "expired",
            _action_id(row),
            error=f"the digest of {later} came first and holds what was new",
        )
    if recipients.is_unsubscribed(row["recipient"], row["flow"], row["namespace"]):
        return delivery.mark(row, "expired", _action_id(row), error="its reader has unsubscribed")
    if _shows_too_much(row, opened):
        said = "it holds what is not shared with its reader any more; --again makes another edition"
        return delivery.mark(row, "expired", _action_id(row), error=said)
    wanted = delivery.make_arguments(row)
    key = delivery.key_of(opened, row["recipient"])
    action = actions.propose(
        delivery.TOOL, wanted, key, reason=f"the digest of {opened.day} for {row['recipient']}"
    )
    if not authorise(action):
        return delivery.to_dict(row, row["status"])
    delivery.mark(row, "sending", str(action["id"]))
    try:
        done = actions.perform(key, wanted, lambda: _send(row), lambda: _look(row))
    except errors.NeedsApproval as error:
        return delivery.mark(row, "waiting", str(action["id"]), error=str(error))
    return _close_delivery(row, done)


def _shows_too_much(row: delivery.DigestDelivery, opened: run_plan.RunPlan) -> bool:
    """Return whether a digest shows its reader what is private and not, or no longer, for them."""
    if row["private"]:
        readers = recipients.list_of_run(opened.flow, opened.lasting)
        return not any(one["owner"] and one["address"] == row["recipient"] for one in readers)
    if not row["shared"]:
        return False
    held = shares.of_recipients([row["recipient"]], opened.flow, opened.lasting)
    return not row["shared"].keys() <= held[row["recipient"]].keys()


def _find_action(opened: run_plan.RunPlan, row: delivery.DigestDelivery) -> rows.Action | None:
    """Return the mail's action when it was performed, or may have been, also by an earlier run of
    the day.
    """
    try:
        action = actions.reconcile(delivery.key_of(opened, row["recipient"]), lambda: _look(row))
    except errors.NotFound:
        return None
    return action if action["state"] in ("performed", "unknown") else None


def reconcile(opened: run_plan.RunPlan, interrupted: list[delivery.DigestDelivery]) -> None:
    """Find out what became of mails whose run died while it sent them: before new windows are cut,
    and before another run of the day takes a delivery over.
    """
    for row in interrupted:
        of_row = dataclasses.replace(opened, day=row["local_day"], number=row["number"])
        key = delivery.key_of(of_row, row["recipient"])
        done = actions.reconcile(key, lambda row=row: _look(row))
        if done["state"] in ("performed", "unknown"):
            _close_delivery(row, done)


def _overtaken_by(row: delivery.DigestDelivery) -> str:
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


def _close_delivery(row: delivery.DigestDelivery, done: rows.Action) -> delivery.DeliveryResult:
    outcome = done["outcome"] or {}
    status = outcome.get("status", "sent") if done["state"] == "performed" else done["state"]
    answer = delivery.mark(
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


def _alert(row: delivery.DigestDelivery, answer: delivery.DeliveryResult, temporary: bool) -> None:
    """Raise an alert about a mail that did not go out; it ends when it did."""
    labels = {"flow": row["flow"], "recipient": row["recipient"]}
    if answer["status"] in ("sent", "outbox"):
        alerts.resolve(ALERT, labels)
    elif answer["status"] in ("failed", "unknown") and row["edition"] != "sample":
        words = "is not delivered yet" if temporary else "was not delivered"
        if answer["status"] == "unknown":
            words = "may or may not be delivered (scripts/millrace approvals list)"
        said = f"the digest of {row['local_day']} for {row['recipient']} {words}: {answer['error']}"
        alerts.raise_alert(ALERT, "warning" if temporary else "critical", "run", said, labels)


def _send(row: delivery.DigestDelivery) -> dict[str, Any]:
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
    except errors.MillraceError:
        raise
    except Exception as error:  # nobody foresaw it, so nobody can say how far the mail came
        raise actions.OutcomeUnknown(_describe(error)) from error
    if sent.path:
        _write_page(row)
    return sent.to_json()


def _look(row: delivery.DigestDelivery) -> dict[str, Any] | bool | None:
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


def _write_page(row: delivery.DigestDelivery) -> None:
    from f.millrace.digest import archive

    try:
        archive.write(row["digest_id"])
    except errors.ToolFailed as error:
        # The mail itself is written; its page is a convenience.
        events.emit("error", f"the digest's page could not be written: {error}")
