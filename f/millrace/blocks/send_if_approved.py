# no_postinstall
# requirements: millrace_core

"""Send approved mails.

Stands behind `blocks/send_mail` and `blocks/ask_approval`. It reads the answer as take_answer does
and sends exactly the mails that were shown, each once. When nobody had to be asked there is nothing
left to do, and it says so.

scripts/millrace step blocks/send_if_approved action_id=ACTION
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.blocks import mails
from f.millrace.core import errors
from f.millrace.telemetry import spans
from f.millrace.trust import actions, answers, approvals

if TYPE_CHECKING:
    from f.millrace.core import rows


def main(
    action_id: str = "",
    resume: dict | None = None,
    resumes: list[dict] | None = None,
    approvers: list[str] | None = None,
    already_sent: list[dict] | None = None,
) -> dict:
    """Send approved mails.

    Args:
        action_id: The action_id of the step send_mail; empty when nobody was asked. Example:
            results.mail.action_id
        resume: Write the expression: resume
        resumes: Write the expression: resumes
        approvers: Write the expression: approvers
        already_sent: The mails of the step send_mail, to have all of them in one result. Example:
            results.mail.mails

    Returns:
        approved: Whether a person said yes; false also when nobody was asked.
        decision: approved, denied, expired, or nothing_to_approve.
        by: Who decided.
        mails: What became of the mails: recipient, status (sent, or outbox for a file), path.
    """
    if not action_id:
        return {
            "approved": False,
            "decision": "nothing_to_approve",
            "by": "policy",
            "mails": already_sent or [],
        }
    whole = actions.get_by_id(action_id)
    if whole["tool"] != mails.TOOL or "mails" not in whole["arguments"]:
        raise errors.BadInput(
            f"action {action_id} is no mail of send_mail but {whole['tool']}; use take_answer for"
            " other questions"
        )
    with spans.step("blocks.send_if_approved", action_id=action_id) as span:
        answer = answers.record(whole, resume, resumes or [], approvers)
        done = _send(whole) if answer["approved"] else []
        span.set(decision=answer["decision"], mails=len(done))
        return {**answer, "mails": [*(already_sent or []), *done]}


def _send(whole: rows.Action) -> list[mails.SentMail]:
    done: list[mails.SentMail] = []

    def send_all() -> dict[str, Any]:
        done.extend(
            mails.send(
                whole["arguments"]["mails"], lambda action: approvals.approve_as_part(action, whole)
            )
        )
        return {"mails": [{"recipient": one["recipient"], "status": one["status"]} for one in done]}

    try:
        # A crash between leaves it undone: every mail knows for itself whether it went out.
        row = actions.perform(whole["key"], whole["arguments"], send_all, check=lambda: False)
    except errors.NeedsApproval:
        return []
    if row["state"] == "failed":
        raise errors.ToolFailed((row["outcome"] or {})["error"])
    return done or list((row["outcome"] or {}).get("mails", []))
