# no_postinstall
# requirements: millrace_core

"""Read a person's answer.

Stands behind `blocks/ask_approval`. Approved only when a person pressed Approve for this very
question: a refusal, a time-out, a link that was merely opened and an answer to another question are
all a no.

scripts/millrace step blocks/take_answer action_id=ACTION
"""

from f.millrace.telemetry import spans
from f.millrace.trust import actions, answers


def main(
    action_id: str,
    resume: dict | None = None,
    resumes: list[dict] | None = None,
    approvers: list[str] | None = None,
) -> dict:
    """Take a person's answer.

    Args:
        action_id: The action_id of the step that asked. Example: results.ask.action_id
        resume: Write the expression: resume
        resumes: Write the expression: resumes
        approvers: Write the expression: approvers

    Returns:
        approved: Whether a person said yes; use it in a branch.
        decision: approved, denied or expired.
        by: Who decided.
    """
    action = actions.get_by_id(action_id)
    with spans.step("blocks.take_answer", action_id=action_id) as span:
        answer = answers.record(action, resume, resumes or [], approvers)
        span.set(decision=answer["decision"])
        return answer
