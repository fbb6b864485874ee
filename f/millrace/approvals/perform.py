# no_postinstall
# requirements: millrace_agents

"""Perform the calls that agents proposed and a person approved, each once.

scripts/millrace step approvals/perform run_id=RUN
"""

from f.millrace.core.errors import BadInput
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.spans import step
from f.millrace.tools import approved
from f.millrace.trust import actions


def main(run_id: str = "", action_id: str = "") -> dict:
    """Perform approved calls.

    Args:
        run_id: All approved calls of this run that are not done yet.
        action_id: Only this action, also after it failed; its run is used.
    """
    if not (run_id or action_id):
        raise BadInput("give a run_id, or an action_id; scripts/millrace approvals list shows them")
    wanted = [actions.by_id(action_id)] if action_id else None
    run_id = run_id or str((wanted or [{}])[0].get("run_id") or "")
    with step("approvals.perform", run_id or None, action_id=action_id) as span:
        done = [approved.perform(row) for row in (approved.left(run_id) if wanted is None else wanted)]
        for row in done:
            emit(
                "decision",
                f"{row['tool']}, which a person approved: {row['state']}",
                action_id=str(row["id"]),
                state=row["state"],
            )
        span.set(performed=sum(row["state"] == "performed" for row in done))
        return {"actions": [{"action_id": str(row["id"]), "tool": row["tool"], "state": row["state"]} for row in done]}
