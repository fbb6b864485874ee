# no_postinstall
# requirements: millrace_core

"""Ask for approval.

The flow waits after it: switch on "Suspend until approval/resume" in the step's "Run settings" (1
approval, the same timeout as here, and "Continue on disapproval/timeout"). The flow
`blocks/ask_person` is all that in one step. The approval page shows what is asked; its button sends
the question's fingerprint back, so that an approval counts for this question only. Put
`blocks/take_answer` or `blocks/send_if_approved` behind it: they read the answer. The operator
(setting `operator`) gets a mail with the link.

scripts/millrace step blocks/ask_approval question="Publish the report?"
"""

from f.millrace.core import errors
from f.millrace.telemetry import spans
from f.millrace.tools import asking
from f.millrace.trust import actions


def main(question: str = "", details: str = "", action_id: str = "", timeout: int = 86400) -> dict:
    """Ask a person for approval.

    Args:
        question: What a person has to decide, in one sentence. Example: Publish this report on the
            website?
        details: What they should know for it, for example the result of an earlier step.
        action_id: Instead of a question: an action that a step proposed, such as send_mail's
            action_id.
        timeout: Seconds until the question expires; the same number as in the step's suspend
            settings.

    Returns:
        action_id: What the next step needs to read the answer.
        description: What the approval page shows.
        default_args: What its button sends back.
    """
    if bool(question.strip()) == bool(action_id):
        raise errors.BadInput("give either a question or an action_id, not both and not neither")
    if timeout <= 0:
        raise errors.BadInput(f"timeout is {timeout}; it must be more than 0 seconds")
    with spans.step("blocks.ask_approval", action_id=action_id) as span:
        action = actions.get_by_id(action_id) if action_id else asking.propose(question, details)
        span.set(action_id=str(action["id"]))
        return {"action_id": str(action["id"]), **asking.ask(action, timeout)}
