# requirements:

"""A person's answer as a waiting flow gives it: read with suspicion, recorded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from f.millrace.core import errors
from f.millrace.telemetry import events, runs
from f.millrace.trust import actions, approvals

if TYPE_CHECKING:
    from f.millrace.core import rows

TIMED_OUT = "SuspendedTimedOut"
YES = ("approve", "approved", "yes", True)


def record(
    action: rows.Action, resume: Any, resumes: list[Any], approvers: list[Any] | None
) -> dict[str, Any]:
    """Record the answer to an action and return the one that stands: approved, decision, by."""
    decision, why = read(action["digest"], resume, resumes)
    by = _who(resume, approvers)
    try:
        row = approvals.decide(str(action["id"]), action["digest"], decision, by, why)
        decision, by = row["decision"], row["decided_by"]
    except errors.BadInput as error:
        decision, why = "denied", str(error)
    runs.go_on(action["run_id"])
    events.emit(
        "decision",
        f"{action['tool']} {decision} by {by}",
        action_id=str(action["id"]),
        decision=decision,
        why=why,
    )
    return {"approved": decision == "approved", "decision": decision, "by": by}


def read(digest: str, resume: Any, resumes: list[Any]) -> tuple[actions.Decision, str]:
    """Return the decision and why.

    A refused answer may carry a body that says yes beside its error, and a GET on a resume address
    counts as an answer without a body: so approved only if there is an answer, nothing has an
    error, and the body names the action's digest.
    """
    bodies = [_body(one) for one in (resume, *resumes)]
    errors = [body["error"] for body in bodies if "error" in body]
    names = [
        _body(error).get("name") if isinstance(error, dict) else str(error) for error in errors
    ]
    if TIMED_OUT in names:
        return "expired", "nobody answered in time"
    if errors:
        return "denied", f"refused ({names[0]})"
    answer, others = bodies[0], bodies[1:]
    if not answer:
        return "denied", "an answer without a body is no approval"
    if "decision" in answer and answer["decision"] not in YES:
        return "denied", "refused"
    if answer.get("action_digest") != digest:
        return "denied", "the answer is for other arguments"
    others = [body for body in others if body.get("action_digest") not in (None, digest)]
    return ("denied", "the answers are for different arguments") if others else ("approved", "")


def _body(answer: Any) -> dict[str, Any]:
    """Return what an answer says by name; nothing of one without a body."""
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}


def _who(resume: Any, approvers: list[Any] | None) -> str:
    given = _body(resume).get("by")
    if isinstance(given, str) and given.strip():
        return given.strip()[:200]
    return ", ".join(str(one) for one in approvers or [])[:200] or "unknown"
