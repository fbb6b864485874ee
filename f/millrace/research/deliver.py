# no_postinstall
# requirements: millrace_core

"""Send to those who agreed.

The digest goes to those who have a standing approval; nobody waits for the others.

scripts/millrace step research/deliver run_id=RUN
"""

from f.millrace.research import delivery, run_plan
from f.millrace.telemetry import spans
from f.millrace.trust import approvals


def main(run_id: str) -> dict:
    """Deliver to those with a standing approval.

    Args:
        run_id: The run whose mails are proposed.
    """
    with spans.step("research.deliver", run_id) as span:
        opened = run_plan.load(run_id)
        # Looked up again: an approval can be revoked between the steps.
        standing = approvals.list_standing(opened.flow, opened.namespace, delivery.TOOL)
        rows = [
            row
            for row in delivery.deliveries_of(run_id)
            if row["recipient"] in standing
            and row["status"] in ("waiting", "sending", "failed", "unknown")
        ]
        deliveries = delivery.deliver(
            opened, rows, lambda action: approvals.approve_by_standing(action, opened.flow)
        )
        span.set(deliveries=len(deliveries))
        return {"deliveries": deliveries}
