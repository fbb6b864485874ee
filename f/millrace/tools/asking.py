# requirements:

"""Asking a person about a proposed action: for Windmill's approval page, by mail to the operator,
in the terminal.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from f.millrace.core import config, db, errors, ids, run_context, windmill
from f.millrace.telemetry import events, runs
from f.millrace.tools import mail
from f.millrace.trust import actions, questions

if TYPE_CHECKING:
    from f.millrace.core import rows


def propose(question: str, details: str) -> rows.Action:
    """Return the action that a plain question to a person is; the same question of the same step is
    one.
    """
    question = question.strip()
    if not question:
        raise errors.BadInput(
            "there is no question; say in one sentence what a person has to decide"
        )
    arguments = {"question": question, "details": details}
    here = run_context.current()
    key = f"decide:{here.run_id}:{here.step}:{ids.digest_of(arguments)[:16]}"
    return actions.propose(
        questions.DECIDE, arguments, key, reason="this flow asks a person before it goes on"
    )


def ask(action: rows.Action, timeout: int) -> dict[str, Any]:
    """Ask, once however often it is called, and return what the approval page of a waiting step
    shows and sends back.
    """
    action = _wait_for_answer(action, timeout)
    question = questions.question(action, page=_page())
    if action["state"] == "proposed":
        events.emit("decision", question.title, action_id=str(action["id"]), status="waiting")
        _mail_operator(action, question)
    # The page's button posts exactly this; a bare GET on a resume address posts nothing and is no
    # approval.
    return {
        "description": {"markdown": question.markdown},
        "default_args": {"action_digest": action["digest"]},
    }


def _page() -> str:
    """Return the approval page's address; those that answer by themselves go to nobody."""
    job = os.environ.get("WM_JOB_ID", "")
    if not (windmill.on_worker() and job):
        return ""
    try:
        urls: dict[str, Any] = windmill.get(f"jobs/resume_urls/{job}/1") or {}
        return str(urls.get("approvalPage") or "")
    except (errors.BadSetting, OSError):
        return ""  # the question itself must not fail for want of a link


def _wait_for_answer(action: rows.Action, timeout: int) -> rows.Action:
    expires_at = run_context.now() + timedelta(seconds=timeout)
    with db.transaction():
        actions.ask(action["id"], expires_at)
        runs.wait(action["run_id"])
        here = run_context.current()
        if action["state"] == "proposed" and str(action["run_id"]) == here.run_id:
            runs.wait_at_step(here)
    return actions.get_by_id(str(action["id"]))


def _mail_operator(action: rows.Action, question: questions.Question) -> None:
    operator = config.settings().operator
    if not operator:
        return
    name = f"ask-{ids.digest_of(str(action['id']))[:24]}@millrace.local"
    arguments = {
        "to": operator,
        "subject": question.title,
        "about": str(action["id"]),
        "digest": action["digest"],
        "message_id": name,
    }
    key = f"ask:{action['id']}"
    # Low risk by a built-in rule: the operator's own address, from the settings, and only what will
    # happen.
    actions.propose(
        "mail.ask_operator",
        arguments,
        key,
        reason="the operator is asked",
        run_id=str(action["run_id"] or "") or None,
    )
    sent = actions.perform(
        key,
        arguments,
        lambda: mail.send(operator, question.title, question.plain, question.html, name).to_json(),
    )
    if sent["state"] != "performed":
        outcome: dict[str, Any] = sent["outcome"] or {}
        events.emit("error", f"the operator could not be asked by mail: {outcome.get('error', '')}")
