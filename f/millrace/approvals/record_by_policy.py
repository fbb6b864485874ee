# no_postinstall
# requirements: millrace_core

"""Record that no person had to be asked: there is nothing to approve, or it was approved before.

scripts/millrace step approvals/record_by_policy
"""

from f.millrace.telemetry import spans
from f.millrace.trust import actions, approvals


def main(action_id: str | None = None) -> dict:
    """Record that nobody was asked.

    Args:
        action_id: The action, if one was proposed.
    """
    if not action_id:
        return {"approved": False, "decision": "nothing_to_approve", "by": "policy"}
    action = actions.by_id(action_id)
    with spans.step("approvals.record_by_policy", str(action["run_id"]) if action["run_id"] else None, action_id=action_id):
        answer = approvals.answer(action_id)
        if answer is None:
            return {"approved": False, "decision": action["state"], "by": "policy"}
        return {"approved": answer["decision"] == "approved", "decision": answer["decision"], "by": answer["decided_by"]}
