# no_postinstall
# requirements: millrace_core

"""Record the decision.

What a person answered: approved only when nothing in what came back says otherwise. When nobody had
to be asked, what was decided before, or that there is nothing to approve.

scripts/millrace step approvals/record action_id=ACTION
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from f.millrace.core import db, run_context
from f.millrace.telemetry import spans
from f.millrace.trust import actions, answers, approvals

if TYPE_CHECKING:
    from f.millrace.core import rows


def main(
    action_id: str | None = None,
    asked: bool = True,
    resume: dict | None = None,
    resumes: list[dict] | None = None,
    approvers: list[str] | None = None,
) -> dict:
    """Record the decision.

    Args:
        action_id: The action that was asked about; none when nothing was proposed.
        asked: Whether a person was asked; what else came back counts only then.
        resume: The body of the answer, as the flow gives it; none after a bare GET.
        resumes: All bodies and errors that came.
        approvers: Who answered, as the flow gives it.

    Returns:
        approved: Whether it may be done.
        decision: approved, denied, expired, nothing_to_approve, or how the action stands when
            nobody was asked.
        by: Who decided; `policy` when nobody was asked.
    """
    action = actions.get_by_id(action_id) if action_id else None
    run_id = str(action["run_id"]) if action and action["run_id"] else _run_of_job()
    step = (
        spans.step("approvals.record", run_id, action_id=action_id or "", asked=asked)
        if action or run_id
        else nullcontext()
    )
    with step as span:
        if action is None:
            decision = {"approved": False, "decision": "nothing_to_approve", "by": "policy"}
        elif asked:
            decision = answers.record(action, resume, resumes or [], approvers)
        else:
            decision = _without_asking(action)
        if span is not None:
            span.set(decision=decision["decision"])
        return decision


def _without_asking(action: rows.Action) -> dict:
    """Return what holds without a question: an answer that was given before,
    else the action's own state.
    """
    answer = approvals.find_answer(str(action["id"]))
    if answer is None:
        return {"approved": False, "decision": action["state"], "by": "policy"}
    return {
        "approved": answer["decision"] == "approved",
        "decision": answer["decision"],
        "by": answer["decided_by"],
    }


def _run_of_job() -> str | None:
    """Return the run that this job works for, if it has one: a job that goes on with a run has
    another id than the run.
    """
    job = run_context.root_run_id()
    row = job and db.fetch_one(
        "SELECT run_id AS id FROM attempt WHERE job_id = %s UNION ALL SELECT id FROM run WHERE"
        " id::text = %s LIMIT 1",
        [job, job],
    )
    return str(row["id"]) if row else None
