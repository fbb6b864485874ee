# requirements:

"""The run's own row: made once, by whoever comes first, and kept over all its attempts."""

import os
from datetime import datetime
from typing import Any
from uuid import uuid4

from f.millrace.core import db, ids, redaction, run_context

OURS = "f/millrace/"
# Runs of maintenance are steps of their own, many a day, all alike: lists and sampling leave them
# out.
MAINTENANCE = "ops."


def ensure(run_id: str | None, flow: str) -> dict[str, Any]:
    """Return the run's row: `run_id`, or the run that the job's outermost one goes on with or is,
    or a new one for a step alone.
    """
    run_id = run_id or _run_of_job(run_context.root_run_id()) or str(uuid4())
    db.execute(
        "INSERT INTO run (id, flow, orchestrator) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING",
        [run_id, flow, orchestrator()],
    )
    own_job = run_context.root_run_id()
    if own_job not in ("", run_id) and not is_outside_flow():
        _join(run_id, own_job)
    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    assert row is not None
    return row


def _run_of_job(job_id: str) -> str:
    found = (
        db.fetch_one("SELECT run_id FROM attempt WHERE job_id = %s LIMIT 1", [job_id])
        if job_id
        else None
    )
    return str(found["run_id"]) if found else job_id


def _join(run_id: str, job_id: str) -> None:
    """Record that another job of the server goes on with a run, which then runs again; once for
    each job.
    """
    joined = db.execute(
        "INSERT INTO attempt (run_id, job_id) SELECT %s, %s WHERE NOT EXISTS (SELECT FROM attempt"
        " WHERE run_id = %s AND job_id = %s)",
        [run_id, job_id, run_id, job_id],
    )
    if joined:
        db.execute(
            "UPDATE run SET status = 'running', error = NULL, finished_at = NULL WHERE id = %s AND"
            " status IN ('failed', 'cancelled', 'killed')",
            [run_id],
        )


def is_outside_flow() -> bool:
    """Tell whether this process's step was started by itself: by hand, from a test, by "Run again"
    on its job's page.
    """
    return not any(
        os.environ.get(name) for name in ("WM_FLOW_STEP_ID", "WM_FLOW_JOB_ID", "MILLRACE_STEP")
    )


def is_alone() -> bool:
    """Tell whether this process's step belongs to no flow of ours: nobody else will end its run.

    A flow that somebody made on Windmill, or a part for one, knows nothing of runs: each of our
    steps in it ends the run again.
    """
    if is_outside_flow():
        return True
    path = run_context.root_flow_path()
    ours = path.startswith(OURS) and not path.startswith(run_context.PARTS)
    return not os.environ.get("MILLRACE_STEP") and path != "" and not ours


def begin_alone(name: str) -> dict[str, Any]:
    """Return the run's row of a step that is alone: of its flow's path if it is in somebody's flow;
    an ended run goes on.
    """
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
    """End the run of a step that was started alone; a run that a step has ended or parked itself is
    left as it is.
    """
    db.execute(
        "UPDATE run SET status = %s, error = %s, finished_at = clock_timestamp() "
        "WHERE id = %s AND status = 'running' AND openflow IS NULL",
        [status, redaction.redact(error) if error else None, context.run_id],
    )


def orchestrator() -> str:
    """Return who runs this process: windmill or local."""
    from f.millrace.core import windmill

    return "windmill" if windmill.on_worker() else "local"


def context_of(row: dict[str, Any], step: str, part: str = "") -> run_context.Context:
    """Return the context of a step, or of one part of it, in that run."""
    return run_context.Context(
        run_id=str(row["id"]),
        flow=row["flow"],
        namespace=row["namespace"],
        edition=row["edition"],
        step=run_context.step_path(step, part),
        dry_run=row["dry_run"],
    )


def path_of_repeat(run_id: str, name: str, about: str) -> str:
    """Return the path of the step that is run again outside of its flow: that of its row, what did
    not end well first.
    """
    row = db.fetch_one(
        "SELECT path FROM step WHERE run_id = %s AND name = %s AND about = %s ORDER BY status ="
        " 'done', started_at DESC LIMIT 1",
        [run_id, name, about],
    )
    return row["path"] if row else ""


def digest_of(attributes: dict[str, Any]) -> str:
    """Return what tells a step from the same one of another iteration: the digest of what it is
    asked to do.
    """
    return ids.digest_of(
        {
            name: value if isinstance(value, bool | int | str) else str(value)
            for name, value in attributes.items()
        }
    )


def begin_step(context: run_context.Context, name: str, job_id: str, about: str = "") -> None:
    """Record that the step runs; a repeat counts as a further try of the same row."""
    db.execute(
        "INSERT INTO step (run_id, path, name, job_id, about) VALUES (%s, %s, %s, %s, %s) ON"
        " CONFLICT (run_id, path) DO UPDATE SET tries = step.tries + 1, status = 'running', error ="
        " NULL, job_id = excluded.job_id, about = excluded.about, started_at = clock_timestamp(),"
        " finished_at = NULL",
        [context.run_id, context.step, name, job_id, about],
    )


def end_step(context: run_context.Context, status: str, error: str | None = None) -> None:
    """Record how the step ended: done or failed, with the fault in words."""
    db.execute(
        "UPDATE step SET status = %s, error = %s, finished_at = clock_timestamp() WHERE run_id = %s"
        " AND path = %s",
        [status, redaction.redact(error) if error else None, context.run_id, context.step],
    )


def end(run_id: str, status: str, error: str, at: datetime | None = None) -> bool:
    """End a run that runs or waits, with what of it is open; False when it has ended already.

    A step that never said how it ended was cancelled with its run, or killed.
    """
    with db.transaction() as connection:
        ended = connection.execute(
            "UPDATE run SET status = %s, error = %s, finished_at = coalesce(%s, clock_timestamp()) "
            "WHERE id = %s AND status IN ('running', 'waiting', 'killed')",
            [status, redaction.redact(error) or None, at, run_id],
        ).rowcount
        if ended:
            connection.execute(
                "UPDATE attempt SET status = %s, finished_at = clock_timestamp() WHERE run_id = %s"
                " AND status IN ('running', 'waiting')",
                [status, run_id],
            )
            connection.execute(
                "UPDATE step SET status = %s, finished_at = clock_timestamp() WHERE run_id = %s AND"
                " status = 'running'",
                ["cancelled" if status == "cancelled" else "killed", run_id],
            )
    return bool(ended)
