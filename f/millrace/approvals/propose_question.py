# no_postinstall
# requirements: millrace_core

"""Note a question.

What a person is asked by the step after it; nothing is done when the answer is yes, but that the
flow goes on.

scripts/millrace step approvals/propose_question question="Publish the report?"
"""

from f.millrace.telemetry import spans
from f.millrace.tools import asking


def main(question: str, details: str = "") -> dict:
    """Note a question.

    Args:
        question: What a person has to decide, in one sentence.
        details: What they should know for it.

    Returns:
        action_id: What the next step asks about.
    """
    with spans.step("approvals.propose_question") as span:
        action = asking.propose(question, details)
        span.set(action_id=str(action["id"]))
        return {"action_id": str(action["id"])}
