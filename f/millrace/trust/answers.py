# requirements:

"""A person's answer as a waiting flow gives it: read with suspicion, recorded once."""

from typing import Any

from f.millrace.core import db, errors
from f.millrace.telemetry import events
from f.millrace.trust import approvals

TIMED_OUT = "SuspendedTimedOut"
YES = ("approve", "approved", "yes", True)


def record(
    action: dict[str, Any], resume: Any, resumes: list[Any], approvers: list[Any] | None
) -> dict[str, Any]:
    """Record the answer to an action and return the one that stands: approved, decision, by."""
    decision, why = read(action["digest"], resume, resumes)
    by = _who(resume, approvers)
    try:
        row = approvals.decide(str(action["id"]), action["digest"], decision, by, why)
        decision, by = row["decision"], row["decided_by"]
    except errors.BadInput as error:
        decision, why = "denied", str(error)
    db.execute(
        "UPDATE run SET status = 'running' WHERE id = %s AND status = 'waiting'", [action["run_id"]]
    )
    events.emit(
        "decision",
        f"{action['tool']} {decision} by {by}",
        action_id=str(action["id"]),
        decision=decision,
        why=why,
    )
    return {"approved": decision == "approved", "decision": decision, "by": by}


def read(digest: str, resume: Any, resumes: list[Any]) -> tuple[approvals.Decision, str]:
    """Return the decision and why.

    A refused answer may carry a body that says yes beside its error, and a GET on a resume address
    counts as an answer without a body: so approved only if there is an answer, nothing has an
    error, and the body names the action's digest.
    """
    errors = [
        one["error"] for one in [resume, *resumes] if isinstance(one, dict) and "error" in one
    ]
    names = [error.get("name") if isinstance(error, dict) else str(error) for error in errors]
    if TIMED_OUT in names:
        return "expired", "nobody answered in time"
    if errors:
        return "denied", f"refused ({names[0]})"
    if not isinstance(resume, dict) or not resume:
        return "denied", "an answer without a body is no approval"
    if "decision" in resume and resume["decision"] not in YES:
        return "denied", "refused"
    if resume.get("action_digest") != digest:
        return "denied", "the answer is for other arguments"
    others = [
        one
        for one in resumes
        if isinstance(one, dict) and one.get("action_digest") not in (None, digest)
    ]
    return ("denied", "the answers are for different arguments") if others else ("approved", "")


def _who(resume: Any, approvers: list[Any] | None) -> str:
    given = resume.get("by") if isinstance(resume, dict) else None
    if isinstance(given, str) and given.strip():
        return given.strip()[:200]
    return ", ".join(str(one) for one in approvers or [])[:200] or "unknown"
