# no_postinstall
# requirements: millrace_agents

"""Make approved calls.

Makes the calls that agents proposed inside their steps and a person approved, each once.

scripts/millrace step approvals/perform run_id=RUN
"""

from f.millrace.core import errors
from f.millrace.telemetry import events, spans
from f.millrace.tools import approved_calls
from f.millrace.trust import actions


def main(run_id: str = "", action_id: str | None = None) -> dict:
    """Perform approved calls.

    Args:
        run_id: All approved calls of this run that are not done yet.
        action_id: Only this action, also after it failed, or the question about a run's calls; none
            when nothing was asked.
    """
    if not (run_id or action_id):
        raise errors.BadInput(
            "give a run_id, or an action_id; scripts/millrace approvals list shows them"
        )
    wanted = actions.get_by_id(action_id) if action_id else None
    run_id = run_id or str((wanted or {}).get("run_id") or "")
    with spans.step("approvals.perform", run_id or None, action_id=action_id or "") as span:
        if wanted is None:
            done = [approved_calls.perform(row) for row in approved_calls.list_open(run_id)]
        elif wanted["tool"] == approved_calls.TOGETHER:
            done = approved_calls.perform_together(wanted)
        else:
            done = [approved_calls.perform(wanted)]
        for row in done:
            events.emit(
                "decision",
                f"{row['tool']}, for which a person was asked: {row['state']}",
                action_id=str(row["id"]),
                state=row["state"],
            )
        span.set(performed=sum(row["state"] == "performed" for row in done))
        return {
            "actions": [
                {"action_id": str(row["id"]), "tool": row["tool"], "state": row["state"]}
                for row in done
            ]
        }
