# no_postinstall
# requirements: millrace_core

"""Record the answer of a person: approved only when nothing in what came back says otherwise.

scripts/millrace step approvals/record action_id=ACTION
"""

from f.millrace.telemetry import spans
from f.millrace.trust import actions, answers


def main(
    action_id: str, resume: dict | None = None, resumes: list[dict] | None = None, approvers: list[str] | None = None
) -> dict:
    """Record the answer.

    Args:
        action_id: The action that was asked about.
        resume: The body of the answer, as the flow gives it; none after a bare GET.
        resumes: All bodies and errors that came.
        approvers: Who answered, as the flow gives it.
    """
    action = actions.by_id(action_id)
    with spans.step("approvals.record", str(action["run_id"]) if action["run_id"] else None, action_id=action_id) as span:
        answer = answers.record(action, resume, resumes or [], approvers)
        span.set(decision=answer["decision"])
        return answer
