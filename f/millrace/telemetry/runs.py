# requirements:

"""The run's own row: made once, by whoever comes first, and kept over all its attempts."""

import os
from typing import Any
from uuid import uuid4

from f.millrace.core import db, redaction, run_context

OURS = "f/millrace/"
# Runs of maintenance are steps of their own, many a day, all alike: lists and sampling leave them out.
MAINTENANCE = "ops."


def ensure(run_id: str | None, flow: str) -> dict[str, Any]:
    """Return the run's row: `run_id`, or the job's outermost run, or a new one for a step started alone."""
    run_id = run_id or run_context.root_run_id() or str(uuid4())
    db.execute(
        "INSERT INTO run (id, flow, orchestrator) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING",
        [run_id, flow, orchestrator()],
    )
    row = db.one("SELECT * FROM run WHERE id = %s", [run_id])
    assert row is not None
    return row


def alone() -> bool:
    """Tell whether this process's step belongs to no flow of ours: nobody else will end its run.

    A flow that somebody made on Windmill, or a part for one, knows nothing of runs: each of our steps in it ends the run again.
    """
    if not any(os.environ.get(name) for name in ("WM_FLOW_STEP_ID", "WM_FLOW_JOB_ID", "MILLRACE_STEP")):
        return True
    path = run_context.root_flow_path()
    ours = path.startswith(OURS) and not path.startswith(run_context.PARTS)
    return not os.environ.get("MILLRACE_STEP") and path != "" and not ours


def begin_alone(name: str) -> dict[str, Any]:
    """Return the run's row of a step that is alone: of its flow's path if it is in somebody's flow; an ended run goes on."""
    path = run_context.root_flow_path()
    row = ensure(None, path or name)
    if path:
        db.execute(
            "UPDATE run SET status = 'running', error = NULL, finished_at = NULL "
            "WHERE id = %s AND status IN ('done', 'failed') AND openflow IS NULL",
            [row["id"]],
        )
    return row


def end_alone(context: run_context.Context, status: str, error: str | None = None) -> None:
    """End the run of a step that was started alone; a run that a step has ended or parked itself is left as it is."""
    db.execute(
        "UPDATE run SET status = %s, error = %s, finished_at = clock_timestamp() "
        "WHERE id = %s AND status = 'running' AND openflow IS NULL",
        [status, redaction.redact(error) if error else None, context.run_id],
    )


def orchestrator() -> str:
    """Return who runs this process: windmill or local."""
    from f.millrace.core import windmill

    return "windmill" if windmill.on_worker() else "local"


def context_of(row: dict[str, Any], step: str) -> run_context.Context:
    """Return the context of a step in that run."""
    return run_context.Context(
        run_id=str(row["id"]),
        flow=row["flow"],
        namespace=row["namespace"],
        edition=row["edition"],
        step=run_context.step_path(step),
        dry_run=row["dry_run"],
    )


def begin_step(context: run_context.Context, name: str, job_id: str) -> None:
    """Record that the step runs; a repeat counts as a further try of the same row."""
    db.execute(
        "INSERT INTO step (run_id, path, name, job_id) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (run_id, path) DO UPDATE SET tries = step.tries + 1, status = 'running', error = NULL, "
        "job_id = excluded.job_id, started_at = clock_timestamp(), finished_at = NULL",
        [context.run_id, context.step, name, job_id],
    )


def end_step(context: run_context.Context, status: str, error: str | None = None) -> None:
    """Record how the step ended: done or failed, with the fault in words."""
    db.execute(
        "UPDATE step SET status = %s, error = %s, finished_at = clock_timestamp() WHERE run_id = %s AND path = %s",
        [status, redaction.redact(error) if error else None, context.run_id, context.step],
    )
