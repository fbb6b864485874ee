# no_postinstall
# requirements: millrace_core

"""Propose the mails.

Looks who has a standing approval, and who waits for a person.

scripts/millrace step research/propose run_id=RUN
"""

from __future__ import annotations

from f.millrace.digest import delivery, run_plan
from f.millrace.telemetry import spans


def main(run_id: str) -> dict:
    """Propose the mails.

    Args:
        run_id: The run whose digests are composed.
    """
    with spans.step("research.propose", run_id) as span:
        opened = run_plan.load(run_id)
        answer: dict = {"action_id": None, "needs_approval": False, "standing": [], "asking": []}
        if opened.namespace.startswith("dry-"):
            return answer
        if interrupted := delivery.list_interrupted(opened):
            from f.millrace.digest import sending  # few runs die there

            sending.reconcile(opened, interrupted)
        delivery.create(run_id, opened)
        standing = delivery.needs_nobody(opened)
        rows = delivery.deliveries_of(run_id)
        answer["standing"] = [row["recipient"] for row in rows if row["recipient"] in standing]
        # Those who were asked about before a repeat are still part of what was asked.
        waiting = [
            row
            for row in rows
            if row["recipient"] not in standing
            and row["status"] in ("waiting", "sending", "denied", "expired")
        ]
        if waiting:
            from f.millrace.telemetry import events  # most runs ask nobody
            from f.millrace.trust import actions

            key = (
                f"send:{opened.flow}:{opened.namespace}:{opened.edition}"
                f":{opened.day}:{opened.number}:{run_id}"
            )
            action = actions.propose(
                delivery.TOOL,
                delivery.batch_arguments(waiting),
                key,
                reason=_approval_reason(waiting),
            )
            answer |= {
                "action_id": str(action["id"]),
                "needs_approval": action["state"] == "proposed",
                "asking": [row["recipient"] for row in waiting],
            }
            events.emit(
                "decision",
                f"{len(waiting)} recipients wait for a person",
                action_id=answer["action_id"],
            )
        span.set(standing=len(answer["standing"]), asking=len(answer["asking"]))
        return answer


def _approval_reason(waiting: list[delivery.DigestDelivery]) -> str:
    return (
        "mail is a high-risk action and always asks; without a standing approval:"
        f" {', '.join(row['recipient'] for row in waiting)}"
    )
