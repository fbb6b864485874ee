# no_postinstall
# requirements: millrace_core

"""Ask a person.

Says what will happen and why it asks. The flow waits after this step.

scripts/millrace step approvals/ask action_id=ACTION
"""

from f.millrace.telemetry import spans
from f.millrace.tools import asking
from f.millrace.trust import actions


def main(action_id: str, timeout: int = 79200) -> dict:
    """Ask a person.

    Args:
        action_id: The proposed action.
        timeout: Seconds until the question expires.
    """
    action = actions.get_by_id(action_id)
    with spans.step(
        "approvals.ask", str(action["run_id"]) if action["run_id"] else None, action_id=action_id
    ):
        return asking.ask(action, timeout)
