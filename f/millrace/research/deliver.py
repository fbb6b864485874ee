# no_postinstall
# requirements: millrace_core

"""Send to those who agreed.

The digest goes to those who have a standing approval; nobody waits for the others.

scripts/millrace step research/deliver run_id=RUN
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from f.millrace.digest import delivery, run_plan, sending
from f.millrace.telemetry import spans
from f.millrace.trust import approvals

if TYPE_CHECKING:
    from f.millrace.core import rows


def main(run_id: str) -> dict:
    """Deliver to those with a standing approval.

    Args:
        run_id: The run whose mails are proposed.
    """
    with spans.step("research.deliver", run_id) as span:
        opened = run_plan.load(run_id)
        # Looked up again: an approval can be revoked between the steps.
        unasked = delivery.needs_nobody(opened)
        rows = [
            row
            for row in delivery.deliveries_of(run_id)
            if row["status"] in ("waiting", "sending", "failed", "unknown")
        ]
        told = sending.deliver(
            opened,
            [row for row in rows if row["recipient"] in unasked],
            lambda action: sending.authorise_unasked(opened, action),
        )
        # What a person had approved and a server refused for now is tried again by that answer.
        told += sending.deliver(
            opened,
            [row for row in rows if row["recipient"] not in unasked and row["temporary"]],
            _is_approved,
        )
        span.set(deliveries=len(told))
        return {"deliveries": told, **delivery.count_results(told)}


def _is_approved(action: rows.Action) -> bool:
    answer = approvals.find_answer(str(action["id"]))
    return answer is not None and answer["decision"] == "approved"
