# no_postinstall
# requirements: millrace_sources

"""Recover stalled runs.

Finds runs that stand still and continues them, tries another way,
or tells a person; hands over answers, and sends what people chose to be told.

A run that has ended on the server, because a person cancelled it or otherwise, has ended here too.

scripts/millrace step ops/recover_runs
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NotRequired, TypedDict

from f.millrace.core import db, errors, redaction, windmill
from f.millrace.ops import notices, notifications
from f.millrace.telemetry import runs, spans
from f.millrace.trust import audit, recovery

if TYPE_CHECKING:
    from f.millrace.core import rows

    class EndedRun(TypedDict):
        """A run that has ended on the server."""

        run_id: str
        status: str
        reason: str

    class RecoveredRun(TypedDict):
        """What was done about a run that stood still, and by which job it goes on."""

        run_id: str
        measure: str
        job_id: str
        error: NotRequired[str]


# A run that moved a moment ago is not asked about.
QUIET_SECONDS = 60
# Why this step cancels a job: it is no person's wish to end the run.
RESTARTED = "it stood still; a new job goes on with it"
# The server itself cancels a flow that hangs between two steps, under this name.
SERVER = "monitor"


class RunEnd(NamedTuple):
    """How a run's job ended on the server."""

    status: Literal["done", "failed", "cancelled"]
    reason: str
    by: str = "millrace"
    at: datetime | None = None


def main(look_only: bool = False) -> dict:
    """Recover what stands still.

    Args:
        look_only: Say which runs stand still, and change nothing.
    """
    if look_only:
        found = recovery.stalled_runs()
        return {"stalled": [str(row["id"]) for row in found], "count": len(found)}
    with spans.step("ops.recover_runs") as span:
        swept = recovery.sweep()
        # Only a job of the server may ask it; started elsewhere, this step sees to what needs no
        # server.
        ended, handed, measures = _on_windmill() if windmill.on_worker() else ([], [], [])
        again = _try_again() if windmill.on_worker() else []
        span.set(
            dead=len(swept.dead), expired=swept.expired, recovered=len(measures), ended=len(ended)
        )
        return {
            "killed": swept.dead,
            "expired_approvals": swept.expired,
            "freed_reservations": swept.reservations,
            "ended_on_server": ended,
            "answers_handed_over": handed,
            "recovered": measures,
            "tried_again": again,
            "told": notifications.deliver_due()._asdict(),
            "wm_labels": sorted(
                {one["measure"] for one in measures} | {one["status"] for one in ended}
            ),
        }


def _try_again() -> list[str]:
    """Start a new job for each run that waits to be tried again, and return the runs' ids."""
    started = []
    for row in recovery.postponed_runs():
        try:
            job = _start_job(row)
        except (errors.BadSetting, OSError):
            # at the next tick
            continue
        runs.try_again(str(row["id"]), job)
        started.append(str(row["id"]))
    return started


def _on_windmill() -> tuple[list[EndedRun], list[str], list[RecoveredRun]]:
    """See to the runs on Windmill; return those that have ended there, those that got an answer,
    and what was done about others.
    """
    ended, unreachable = _follow_server()
    handed = [str(row["run_id"]) for row in recovery.answered_runs() if _hand_over(row)]
    stalled = [
        row
        for row in recovery.stalled_runs()
        if row["orchestrator"] == "windmill" and str(row["id"]) not in unreachable
    ]
    return ended, handed, [_recover_apart(row) for row in stalled]


def _recover_apart(row: recovery.StalledRun) -> RecoveredRun:
    """Recover one run; what goes wrong with it is told, and does not keep the others."""
    try:
        return _recover(row)
    except errors.DatabaseUnavailable:
        raise
    except (errors.MillraceError, OSError) as error:
        said = redaction.redact(str(error))
        return {"run_id": str(row["id"]), "measure": "none", "job_id": "", "error": said}


def _follow_server() -> tuple[list[EndedRun], set[str]]:
    """End the runs that have ended on the server; return these, and the ids of those that it could
    not be asked about.
    """
    found: list[EndedRun] = []
    unreachable: set[str] = set()
    stalled = {row["id"] for row in recovery.stalled_runs()}
    for row in recovery.on_server(QUIET_SECONDS):
        try:
            job = windmill.get(f"jobs_u/get/{row['job_id']}?no_logs=true&no_code=true")
        except errors.BadSetting:
            # the server answers, and does not show this job; what stands still is recovered as
            # before
            continue
        except OSError:
            unreachable.add(str(row["id"]))
            continue
        ended = _end_of(job) if job else None
        if not job and (row["id"] in stalled or _waits_for_nobody(row)):
            ended = _end_unknown(row["job_id"])
        if ended and recovery.end(row, ended.status, ended.reason, ended.by, ended.at):
            found.append({"run_id": str(row["id"]), "status": ended.status, "reason": ended.reason})
            _tell_failure(row, ended)
    return found, unreachable


def _waits_for_nobody(row: recovery.ServerRun) -> bool:
    return row["status"] == "waiting" and not row["asks"]


def _tell_failure(row: rows.Run, ended: RunEnd) -> None:
    if ended.status == "failed":
        _tell(row, f"Millrace: {row['flow']} failed on Windmill", ended.reason, "a run failed")


def _end_of(job: dict[str, Any]) -> RunEnd | None:
    """Return how a job ended on the server; None while it is there to run, or was cancelled only to
    be started again.
    """
    at = datetime.fromisoformat(job["completed_at"]) if job.get("completed_at") else None
    if job.get("canceled"):
        by, reason = (
            str(job.get("canceled_by") or "somebody"),
            redaction.redact(str(job.get("canceled_reason") or "")),
        )
        if by == SERVER or reason == RESTARTED:
            return None
        return RunEnd(
            "cancelled",
            f"cancelled on Windmill by {by}" + (f": {reason}" if reason else ""),
            by,
            at,
        )
    if job.get("type") != "CompletedJob":
        return None
    if job.get("success"):
        return RunEnd("done", "it ended on Windmill", at=at)
    fault = job.get("result")
    fault = fault.get("error", fault) if isinstance(fault, dict) else {}
    said = fault.get("message") if isinstance(fault, dict) else ""
    return RunEnd(
        "failed",
        redaction.redact(f"failed on Windmill: {said or 'without a message'}")[:2000],
        at=at,
    )


def _end_unknown(job_id: str) -> RunEnd:
    # The server says the same of a job that this step's user may not see: only what stands still is
    # given up for it.
    return RunEnd(
        "failed",
        f"Windmill does not know job {job_id} of this run: deleted, older than it keeps jobs, or"
        " not for the user of ops/recover_runs",
    )


def _hand_over(row: recovery.AnsweredRun) -> bool:
    """Give an answer from the command line to the flow that waits on Windmill; False when it would
    not take it.
    """
    try:
        # Addresses that answer by themselves: used here, kept and shown nowhere.
        urls = windmill.get(f"jobs/resume_urls/{row['job_id']}/1") or {}
        address = str(urls.get("resume" if row["decision"] == "approved" else "cancel") or "")
        path = address.partition("/api/w/")[2].partition("/")[2]
        if path:
            windmill.post(
                path, {"action_digest": row["digest"], "decision": row["decision"], "by": row["by"]}
            )
        return bool(path)
    except (errors.BadSetting, OSError):
        # answered there in the meantime, or no longer waiting: the first answer stands
        return False


def _recover(row: recovery.StalledRun) -> RecoveredRun:
    run_id, measure = str(row["id"]), recovery.decide(row)
    job, refusal = "", ""
    if measure != "escalate":
        try:
            job = _start_again(row)
        except errors.BadSetting as error:
            measure, refusal = "escalate", str(error)
    if measure == "escalate":
        escalate(row, refusal)
    return {"run_id": run_id, "measure": measure, "job_id": job}


def _start_again(row: rows.Run) -> str:
    """Start a new job that goes on with the run, and return its id;
    what is done stays done by its business key.
    """
    run_id = str(row["id"])
    latest = db.fetch_one(
        "SELECT job_id FROM attempt WHERE run_id = %s AND job_id <> '' ORDER BY started_at DESC"
        " LIMIT 1",
        [run_id],
    )
    windmill.post(
        f"jobs_u/queue/cancel/{latest['job_id'] if latest else run_id}", {"reason": RESTARTED}
    )
    job = _start_job(row)
    runs.begin_attempt(run_id, job)
    return job


def _start_job(row: rows.Run) -> str:
    """Start a job that goes on with the run, and return its id."""
    run_id, pipeline = str(row["id"]), row["pipeline"] or {}
    if not (pipeline.get("area") and pipeline.get("name")):
        raise errors.BadSetting(
            f"run {run_id} does not say which flow it belongs to, so it cannot be started again"
        )
    return str(
        windmill.post(
            f"jobs/run/f/f/millrace/{pipeline['area']}/{pipeline['name']}",
            {**row["args"], "run_id": run_id},
        )
    )


def escalate(row: recovery.StalledRun | recovery.ResumableRun, reason: str = "") -> None:
    """End a run that nothing helps, and tell the operator; `reason`: why it cannot go on."""
    run_id = str(row["id"])
    where = ", ".join(row["running"]) or "between two steps"
    said = reason or row["error"] or f"no progress at {where}, also not another way"
    if runs.end(run_id, "failed", said):
        audit.append("millrace", "run.escalated", row["flow"], run_id, at=where)
    _tell(row, f"Millrace: {row['flow']} stands still at {where}", said, "a run stands still")


def _tell(row: rows.Run, subject: str, said: str, reason: str) -> None:
    run_id = str(row["id"])
    text = (
        f"{said}\n\nRun {run_id}\n\n  scripts/millrace show {run_id}\n  scripts/millrace resume"
        f" {run_id}\n"
    )
    notices.tell_operator("stalled", run_id, subject, text, reason)
