# no_postinstall
# requirements: millrace_core

"""Recover stalled runs.

Finds runs that stand still and continues them, tries another way, or tells a person; hands over answers.

scripts/millrace step ops/recover_runs
"""

from typing import Any

from f.millrace.core import db, errors, windmill
from f.millrace.ops import notices
from f.millrace.telemetry import spans
from f.millrace.trust import audit, recovery


def main(look_only: bool = False) -> dict:
    """Recover what stands still.

    Args:
        look_only: Say which runs stand still, and change nothing.
    """
    if look_only:
        found = recovery.stalled()
        return {"stalled": [str(row["id"]) for row in found], "count": len(found)}
    with spans.step("ops.recover_runs") as span:
        swept = recovery.sweep()
        handed = [str(row["run_id"]) for row in recovery.answered() if _hand_over(row)]
        measures = [_recover(row) for row in recovery.stalled() if row["orchestrator"] == "windmill"]
        span.set(dead=len(swept.dead), expired=swept.expired, recovered=len(measures))
        return {
            "killed": swept.dead,
            "expired_approvals": swept.expired,
            "freed_reservations": swept.reservations,
            "answers_handed_over": handed,
            "recovered": measures,
            "wm_labels": sorted({one["measure"] for one in measures}),
        }


def _hand_over(row: dict[str, Any]) -> bool:
    """Give an answer from the command line to the flow that waits on Windmill; False when it would not take it."""
    try:
        # Addresses that answer by themselves: used here, kept and shown nowhere.
        urls = windmill.get(f"jobs/resume_urls/{row['job_id']}/1") or {}
        address = str(urls.get("resume" if row["decision"] == "approved" else "cancel") or "")
        path = address.partition("/api/w/")[2].partition("/")[2]
        if path:
            windmill.post(path, {"action_digest": row["digest"], "decision": row["decision"], "by": row["by"]})
        return bool(path)
    except (errors.BadSetting, OSError):
        return False  # answered there in the meantime, or no longer waiting: the first answer stands


def _recover(row: dict[str, Any]) -> dict[str, Any]:
    run_id, measure = str(row["id"]), recovery.decide(row)
    job = ""
    if measure != "escalate":
        try:
            job = _start_again(row)
        except errors.BadSetting as error:
            measure, row = "escalate", {**row, "error": str(error)}
    if measure == "escalate":
        escalate(row)
    return {"run_id": run_id, "measure": measure, "job_id": job}


def _start_again(row: dict[str, Any]) -> str:
    """Start a new job that goes on with the run, and return its id; what is done stays done by its business key."""
    run_id, pipeline = str(row["id"]), row["pipeline"] or {}
    if not (pipeline.get("area") and pipeline.get("name")):
        raise errors.BadSetting(f"run {run_id} does not say which flow it belongs to, so it cannot be started again")
    windmill.post(f"jobs_u/queue/cancel/{run_id}", {"reason": "it stood still; a new job goes on with it"})
    job = str(windmill.post(f"jobs/run/f/f/millrace/{pipeline['area']}/{pipeline['name']}", {**row["args"], "run_id": run_id}))
    db.execute("INSERT INTO attempt (run_id, job_id) VALUES (%s, %s)", [run_id, job])
    return job


def escalate(row: dict[str, Any]) -> None:
    """End a run that nothing helps, and tell the operator."""
    run_id = str(row["id"])
    where = ", ".join(row["running"]) or "between two steps"
    said = row.get("error") or f"no progress at {where}, also not another way"
    changed = db.execute(
        "UPDATE run SET status = 'failed', error = %s, finished_at = clock_timestamp() WHERE id = %s "
        "AND status IN ('running', 'killed', 'waiting')",
        [said, run_id],
    )
    if changed:
        audit.append("millrace", "run.escalated", row["flow"], run_id, at=where)
    text = f"{said}\n\nRun {run_id}\n\n  scripts/millrace show {run_id}\n  scripts/millrace resume {run_id}\n"
    notices.tell_operator("stalled", run_id, f"Millrace: {row['flow']} stands still at {where}", text, "a run stands still")
