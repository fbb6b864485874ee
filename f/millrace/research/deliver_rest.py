# no_postinstall
# requirements: millrace_core

"""Send what was approved.

The digest goes to those about whom a person was asked, when the answer was yes.

scripts/millrace step research/deliver_rest run_id=RUN action_id=ACTION
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.core import errors
from f.millrace.digest import delivery, run_plan, sending
from f.millrace.telemetry import spans
from f.millrace.trust import actions, approvals

if TYPE_CHECKING:
    from f.millrace.core import rows


def main(run_id: str, approved: bool = False, action_id: str = "") -> dict:
    """Deliver to those who waited for a person.

    Args:
        run_id: The run whose mails were proposed.
        approved: What the approval step says; what counts is the stored answer.
        action_id: The action that the person was asked about; empty when nobody waited.
    """
    with spans.step("research.deliver_rest", run_id, approved=approved) as span:
        if not action_id:
            return {"deliveries": [], **delivery.count_results([])}
        whole = actions.get_by_id(action_id)
        asked = set(whole["arguments"]["to"])
        found = [row for row in delivery.deliveries_of(run_id) if row["recipient"] in asked]
        answer = approvals.find_answer(action_id)
        if approved and answer is not None and answer["decision"] == "approved":
            deliveries = _send(run_plan.load(run_id), whole, found)
        else:
            status = (
                "denied" if answer is not None and answer["decision"] == "denied" else "expired"
            )
            unsent = [row for row in found if row["status"] in ("waiting", "denied", "expired")]
            deliveries = delivery.close(unsent, status, _format_decision(answer))
        span.set(deliveries=len(deliveries))
        return {"deliveries": deliveries, **delivery.count_results(deliveries)}


def _send(
    opened: run_plan.RunPlan, whole: rows.Action, asked: list[delivery.DigestDelivery]
) -> list[delivery.DeliveryResult]:
    deliveries: list[delivery.DeliveryResult] = []

    def send_all() -> dict[str, Any]:
        # Those who got a standing approval meanwhile have it already; each mail is sent once by its
        # own key.
        deliveries.extend(
            sending.deliver(opened, asked, lambda action: approvals.approve_as_part(action, whole))
        )
        return {
            "deliveries": [
                {"recipient": one["recipient"], "status": one["status"]} for one in deliveries
            ]
        }

    try:
        # A crash between leaves it undone: every mail knows for itself whether it went out.
        actions.perform(
            whole["key"], delivery.batch_arguments(asked), send_all, check=lambda: False
        )
    except errors.NeedsApproval as error:
        return delivery.close(
            [row for row in asked if row["status"] == "waiting"], "expired", str(error)
        )
    return deliveries or [delivery.to_dict(row, row["status"]) for row in asked]


def _format_decision(answer: rows.Approval | None) -> str:
    if answer is None:
        return "nobody approved it"
    return f"{answer['decision']} by {answer['decided_by']}" + (
        f": {answer['how']}" if answer["how"] else ""
    )
