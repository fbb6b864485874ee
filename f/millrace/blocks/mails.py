# requirements:

"""Mails of somebody's flow: each sent once, and only with an approval for exactly this mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import errors, ids, redaction, run_context
from f.millrace.telemetry import events
from f.millrace.trust import actions, approvals

if TYPE_CHECKING:
    from f.millrace.core import rows

    class ComposedMail(TypedDict):
        """What sending a mail means: the arguments of its action."""

        to: str
        subject: str
        text: str
        message_id: str

    class SentMail(TypedDict):
        """How a mail ended."""

        recipient: str
        status: str
        path: str | None
        error: str | None


TOOL = "mail.send"


def flow() -> str:
    """Return whose standing approvals hold: those of the outermost flow's path, or of the run's
    flow outside of Windmill's.
    """
    return run_context.root_flow_path() or run_context.current().flow


def compose(to: str, subject: str, text: str) -> ComposedMail:
    """Return what sending this mail means, without secrets; its name is the same when the step
    runs again.
    """
    name = ids.digest_of([flow(), run_context.current().run_id, run_context.current().step, to])[
        :24
    ]
    subject, text = redaction.redact(subject), redaction.redact(text)
    return {"to": to, "subject": subject, "text": text, "message_id": f"{name}@millrace.local"}


def batch(mails: list[ComposedMail]) -> tuple[str, dict[str, Any]]:
    """Return the key and the arguments of the one action that a person is asked about."""
    return f"mails:{run_context.current().run_id}:{run_context.current().step}", {
        "to": [one["to"] for one in mails],
        "mails": mails,
    }


def send(mails: list[ComposedMail], authorise: Callable[[rows.Action], bool]) -> list[SentMail]:
    """Send the mails that `authorise` approves (it is given the action) and return how each ended:
    recipient, status, path.

    ToolFailed when one was not sent; the step may run again,
    and those that were sent are not sent twice.
    """
    ended = [_send(one, authorise) for one in mails]
    failed = [one for one in ended if one["status"] == "failed"]
    if failed:
        raise errors.ToolFailed(
            f"{len(failed)} of {len(ended)} mails were not sent: {failed[0]['recipient']}:"
            f" {failed[0]['error']}"
        )
    return ended


def _send(wanted: ComposedMail, authorise: Callable[[rows.Action], bool]) -> SentMail:
    key, arguments = f"mail:{wanted['message_id']}", dict[str, Any](wanted)
    action = actions.propose(TOOL, arguments, key, reason=f"{flow()} sends a mail")
    if action["digest"] == actions.digest(TOOL, arguments):
        if not authorise(action):
            return {"recipient": wanted["to"], "status": "waiting", "path": None, "error": None}
        try:
            action = actions.perform(
                key, arguments, lambda: _hand_over(wanted), lambda: _look(wanted)
            )
        except errors.NeedsApproval as error:
            return {
                "recipient": wanted["to"],
                "status": "waiting",
                "path": None,
                "error": str(error),
            }
    outcome = action["outcome"] or {}
    status = outcome.get("status", "sent") if action["state"] == "performed" else action["state"]
    events.emit(
        "progress", f"Mail to {wanted['to']}: {status}", recipient=wanted["to"], status=status
    )
    return {
        "recipient": wanted["to"],
        "status": status,
        "path": outcome.get("path") or None,
        "error": outcome.get("error"),
    }


def approve_by_standing(action: rows.Action) -> bool:
    """Approve a mail by the standing approval of its recipient for this flow."""
    return approvals.approve_by_standing(action, flow())


def _hand_over(wanted: ComposedMail) -> dict[str, Any]:
    from f.millrace.tools import mail  # few runs of a step send one

    try:
        return mail.send(
            wanted["to"], wanted["subject"], wanted["text"], "", wanted["message_id"]
        ).to_json()
    except mail.DeliveryUnknown as error:
        raise actions.OutcomeUnknown(str(error)) from error


def _look(wanted: ComposedMail) -> dict[str, Any] | bool | None:
    from f.millrace.tools import mail

    found = mail.look(wanted["message_id"])
    return found.to_json() if isinstance(found, mail.Sent) else found
