# requirements:

"""The rows of a run, its attempts and its steps: who changes one does it here.

A run's row is made once, by whoever comes first, and kept over all its attempts.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from f.millrace.core import db, errors, ids, redaction, run_context

if TYPE_CHECKING:
    from f.millrace.core import rows

OURS = "f/millrace/"
# Runs of maintenance are steps of their own, many a day, all alike: lists and sampling leave them
# out.
MAINTENANCE = "ops."


def ensure(run_id: str | None, flow: str) -> rows.Run:
    """Return the run's row: `run_id`, or the run that the job's outermost one goes on with or is,
    or a new one for a step alone.
    """
    run_id = run_id or _run_of_job(run_context.root_run_id()) or str(uuid4())
    db.execute(
        "INSERT INTO run (id, flow, orchestrator, user_id, session) VALUES (%s, %s, %s, %s, %s) ON"
        " CONFLICT (id) DO NOTHING",
        [run_id, flow, orchestrator(), run_context.user_id(), run_context.current().session_id],
    )
    own_job = run_context.root_run_id()
    if own_job not in ("", run_id) and not is_outside_flow():
        _join(run_id, own_job)
    row: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
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
    """Record that another job of the server goes on with a run,
    which then runs again; once for each job.
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


def begin_alone(name: str) -> rows.Run:
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


def context_of(row: rows.Run, step: str, part: str = "") -> run_context.Context:
    """Return the context of a step, or of one part of it, in that run."""
    return run_context.Context(
        run_id=str(row["id"]),
        flow=row["flow"],
        namespace=row["namespace"],
        edition=row["edition"],
        step=run_context.step_path(step, part),
        dry_run=row["dry_run"],
        session_id=row["session"],
        user_id=row["user_id"],
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
    """Record how the step ended: done or failed, with the fault in words; one that has asked a
    person goes on waiting.
    """
    db.execute(
        "UPDATE step SET status = CASE WHEN status = 'waiting' AND %(status)s = 'done' THEN status"
        " ELSE %(status)s END, error = %(error)s, finished_at = clock_timestamp() WHERE run_id ="
        " %(run)s AND path = %(path)s",
        {
            "status": status,
            "error": redaction.redact(error) if error else None,
            "run": context.run_id,
            "path": context.step,
        },
    )


def wait_at_step(context: run_context.Context) -> None:
    """Have the step wait for a person's answer, also after its process has ended."""
    db.execute(
        "UPDATE step SET status = 'waiting' WHERE run_id = %s AND path = %s AND status = 'running'",
        [context.run_id, context.step],
    )


def end_waiting_step(run_id: UUID | str | None, decision: str, how: str) -> None:
    """Record the answer at the step of the run that asked; while another question of the run is
    open, it goes on waiting.
    """
    db.execute(
        "UPDATE step SET status = %s, error = %s WHERE run_id = %s AND status = 'waiting' AND NOT"
        " EXISTS (SELECT FROM action WHERE run_id = step.run_id AND state = 'proposed' AND"
        " asked_at IS NOT NULL AND expires_at IS NOT NULL)",
        [*(("timed_out", how) if decision == "expired" else ("done", None)), run_id],
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
                "UPDATE step SET status = CASE WHEN status = 'waiting' THEN 'cancelled' ELSE %s"
                " END, finished_at = clock_timestamp() WHERE run_id = %s AND status IN ('running',"
                " 'waiting')",
                ["cancelled" if status == "cancelled" else "killed", run_id],
            )
    return bool(ended)


def keep(
    run_id: str,
    parts: dict[str, Any],
    *,
    flow: str | None = None,
    namespace: str | None = None,
    edition: str | None = None,
    pattern: str | None = None,
    dry_run: bool | None = None,
    scheduled_for: datetime | None = None,
    local_day: date | None = None,
) -> None:
    """Keep something with the run that its later steps ask for, in place of what has the same name,
    and what is known of the run by now.
    """
    at = dict.fromkeys(parts, datetime.now(UTC).isoformat())
    db.execute(
        "UPDATE run SET pipeline = pipeline || %s, kept_at = %s || kept_at, flow = coalesce(%s,"
        " flow), namespace = coalesce(%s, namespace), edition = coalesce(%s, edition), pattern ="
        " coalesce(%s, pattern), dry_run = coalesce(%s, dry_run), scheduled_for ="
        " coalesce(%s, scheduled_for), local_day = coalesce(%s, local_day) WHERE id = %s",
        [
            db.jsonb(parts),
            db.jsonb(at),
            flow,
            namespace,
            edition,
            pattern,
            dry_run,
            scheduled_for,
            local_day,
            run_id,
        ],
    )


def load_parts(run_id: str, before: datetime) -> dict[str, Any]:
    """Return what the steps of a run had kept with it before a moment, with where it worked."""
    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    assert row is not None
    kept = [name for name, at in row["kept_at"].items() if datetime.fromisoformat(at) < before]
    place = ("namespace", "edition", "dry_run", "scheduled_for", "local_day")
    return {
        **{name: row[name] for name in place},
        "kept_at": {name: row["kept_at"][name] for name in kept},
        "pipeline": {name: row["pipeline"][name] for name in kept},
    }


def store_parts(run_id: str, parts: dict[str, Any]) -> None:
    """Have a run begin with what `load_parts` returned of another."""
    db.execute(
        "UPDATE run SET pipeline = pipeline || %(pipeline)s, kept_at = %(kept_at)s, namespace ="
        " %(namespace)s, edition = %(edition)s, dry_run = %(dry_run)s, scheduled_for ="
        " %(scheduled_for)s, local_day = %(local_day)s WHERE id = %(id)s",
        {
            **parts,
            "pipeline": db.jsonb(parts["pipeline"]),
            "kept_at": db.jsonb(parts["kept_at"]),
            "id": run_id,
        },
    )


def keep_spec(run_id: str, pipeline: dict[str, Any] | None) -> None:
    """Keep what the flow's spec says with the run; what is kept already stays."""
    db.execute(
        "UPDATE run SET pipeline = %s || pipeline WHERE id = %s", [db.jsonb(pipeline or {}), run_id]
    )


def move(run_id: str, namespace: str) -> None:
    """Have the run read and write another namespace."""
    db.execute("UPDATE run SET namespace = %s WHERE id = %s", [namespace, run_id])


# A run that waits for nobody: it is tried again (research/postpone).
POSTPONED = "status = 'waiting' AND pipeline #>> '{postponed,waits}' = 'true'"


def postpone(run_id: str, reason: str, until: datetime) -> None:
    """Have a run wait until it is tried again from its first step; what is done is found again."""
    told = {"waits": True, "reason": reason, "until": until.isoformat()}
    told["tries"] = 1 + tries_of(run_id)
    db.execute(
        "UPDATE run SET status = 'waiting', error = %s, pipeline = pipeline || %s WHERE id = %s AND"
        " status IN ('running', 'waiting')",
        [redaction.redact(reason), db.jsonb({"postponed": redaction.redact(told)}), run_id],
    )


def try_again(run_id: str, job_id: str) -> None:
    """Have a postponed run run again, as a further job of the server."""
    begin_attempt(run_id, job_id)
    db.execute(
        "UPDATE run SET status = 'running', error = NULL, pipeline = jsonb_set(pipeline,"
        " '{postponed,waits}', 'false') WHERE id = %s",
        [run_id],
    )


def tries_of(run_id: str) -> int:
    """Return how often the run was begun again from its first step."""
    row = db.fetch_one(
        "SELECT (pipeline #>> '{postponed,tries}')::int AS n FROM run WHERE id = %s", [run_id]
    )
    return int(row["n"] or 0) if row else 0


def wait(run_id: UUID | str | None) -> None:
    """Have a running run wait for a person."""
    db.execute("UPDATE run SET status = 'waiting' WHERE id = %s AND status = 'running'", [run_id])


def go_on(run_id: UUID | str | None) -> None:
    """Have a run that waited for a person run again."""
    db.execute("UPDATE run SET status = 'running' WHERE id = %s AND status = 'waiting'", [run_id])


def close(
    run_id: str,
    status: Literal["done", "partly_failed"],
    result: dict[str, Any],
    error: str | None = None,
) -> bool:
    """End a run with its result; False when it has ended already."""
    return bool(
        db.execute(
            "UPDATE run SET status = %s, result = %s, error = %s, finished_at ="
            " coalesce(finished_at, %s) WHERE id = %s AND status IN ('running', 'waiting')",
            [status, db.jsonb(result), error, run_context.now(), run_id],
        )
    )


def skip(run_id: str, result: dict[str, Any]) -> None:
    """End a run that had nothing to do, with the result of the one that did it."""
    db.execute(
        "UPDATE run SET status = 'done', finished_at = coalesce(finished_at, clock_timestamp()),"
        " result = %s WHERE id = %s",
        [db.jsonb(result), run_id],
    )


def fail(run_id: str, error: str) -> bool:
    """End a run whose step gave up; False when it has ended already."""
    return bool(
        db.execute(
            "UPDATE run SET status = 'failed', error = %s, finished_at = coalesce(finished_at, %s)"
            " WHERE id = %s AND status IN ('running', 'waiting')",
            [error, run_context.now(), run_id],
        )
    )


def kill(run_id: str, error: str) -> bool:
    """Mark a running run and what runs of it as killed; False when it does not run."""
    with db.transaction() as connection:
        changed = connection.execute(
            "UPDATE run SET status = 'killed', error = %s, finished_at = clock_timestamp() WHERE id"
            " = %s AND status = 'running'",
            [error, run_id],
        ).rowcount
        if changed:
            _kill_parts(connection, run_id)
    return bool(changed)


def note_sampled(run: rows.Run, reason: str, root: bool) -> None:
    """Record why an ended run was exported or not, and whether its root span was; not if it has
    gone on meanwhile.
    """
    db.execute(
        "UPDATE run SET sampled = %s, sampled_end = finished_at, root_sent_at = CASE WHEN %s THEN"
        " coalesce(root_sent_at, clock_timestamp()) ELSE root_sent_at END WHERE id = %s AND"
        " finished_at = %s",
        [reason, root, run["id"], run["finished_at"]],
    )


def begin_attempt(run_id: str, job_id: str) -> None:
    """Record that a further job of the server goes on with the run."""
    db.execute("INSERT INTO attempt (run_id, job_id) VALUES (%s, %s)", [run_id, job_id])


# The local runner keeps a connection of its own, with the run's lock.


def open_local(
    connection: db.Connection,
    run_id: str,
    flow: str,
    args: dict[str, Any],
    openflow: dict[str, Any],
    continues: tuple[str | None, str] = (None, ""),
) -> str:
    """Insert the row of a run of the local runner and return its attempt's id; BadInput when there
    is one already. `continues`: the run that it goes on from, and at which step.
    """
    environment = (openflow.get("value") or {}).get("flow_env") or {}
    pipeline = environment.get("pipeline") or {}
    made = connection.execute(
        "INSERT INTO run (id, flow, args, openflow, pipeline, pattern, user_id, session,"
        " namespace, continues, continues_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO NOTHING",
        [
            run_id,
            flow,
            db.jsonb(args),
            db.jsonb(openflow),
            db.jsonb(pipeline),
            str(pipeline.get("pattern", "")),
            run_context.user_id(),
            run_context.current().session_id,
            run_context.current().namespace,
            *continues,
        ],
    ).rowcount
    if not made:
        raise errors.BadInput(
            f"run {run_id} exists already; continue it with scripts/millrace resume {run_id}"
        )
    return _begin_local_attempt(connection, run_id)


def reopen_local(connection: db.Connection, run_id: str, begin_again: bool = False) -> str:
    """Have a run of the local runner go on and return its new attempt's id; what its lost runner
    left as running is marked as killed. `begin_again`: from its first step, whatever was done.
    """
    _kill_parts(connection, run_id)
    connection.execute(
        "UPDATE run SET status = 'running', finished_at = NULL, error = NULL, pipeline = CASE WHEN"
        " %(again)s OR pipeline ? 'postponed' THEN pipeline || jsonb_build_object('postponed',"
        " coalesce(pipeline -> 'postponed', '{}') || jsonb_build_object('waits', false, 'tries',"
        " coalesce((pipeline #>> '{postponed,tries}')::int, 0) + %(more)s)) ELSE pipeline END"
        " WHERE id = %(id)s",
        {"again": begin_again, "more": int(begin_again), "id": run_id},
    )
    return _begin_local_attempt(connection, run_id)


def close_local(
    connection: db.Connection,
    run_id: str,
    attempt_id: str | None,
    status: str,
    result: Any,
    error: str | None,
    results: dict[str, Any] | None = None,
) -> str:
    """Record how a run and its attempt ended, or that they wait, and return the status that stands;
    `results` is what each of its steps came to.

    A result that a step has stored stays,
    and so does a step's own verdict that the run failed in part.
    """
    ended = status != "waiting"
    row = connection.execute(
        f"SELECT 1 FROM run WHERE id = %s AND {POSTPONED}", [run_id]
    ).fetchone()
    if row and status in ("done", "partly_failed"):
        # It has only stopped for now.
        return _close_attempt(connection, run_id, attempt_id, "waiting")
    row = connection.execute(
        "UPDATE run SET status = CASE WHEN status = 'partly_failed' AND %(status)s = 'done' THEN"
        " status ELSE %(status)s END, result = COALESCE(result, %(result)s), error ="
        " coalesce(%(error)s, CASE WHEN status = 'partly_failed' THEN error END),"
        " results = coalesce(%(results)s, results), finished_at = CASE WHEN %(ended)s THEN"
        " clock_timestamp() END WHERE id = %(id)s RETURNING status",
        {
            "status": status,
            "result": db.jsonb(result) if ended and result is not None else None,
            "error": redaction.redact(error) if error else None,
            "results": db.jsonb(redaction.redact(results)) if ended and results else None,
            "ended": ended,
            "id": run_id,
        },
    ).fetchone()
    _close_attempt(connection, run_id, attempt_id, status)
    return row["status"] if row else status


def _close_attempt(
    connection: db.Connection, run_id: str, attempt_id: str | None, status: str
) -> str:
    attempt = {"partly_failed": "done", "stopped": "killed"}.get(status, status)
    connection.execute(
        "UPDATE attempt SET status = %s, finished_at = clock_timestamp() WHERE id = %s AND run_id"
        " = %s",
        [attempt, attempt_id, run_id],
    )
    return status


def end_dead_step(
    connection: db.Connection,
    run_id: str,
    path: str,
    name: str,
    job_id: str,
    status: str,
    error: str,
) -> None:
    """Record a step, or what of its parts was running, whose process ended before it could."""
    error = redaction.redact(error)
    parts = connection.execute(
        "UPDATE step SET status = %s, error = %s, finished_at = clock_timestamp() WHERE run_id = %s"
        " AND job_id = %s AND status = 'running'",
        [status, error, run_id, job_id],
    ).rowcount
    if parts:
        return
    connection.execute(
        "INSERT INTO step (run_id, path, name, job_id, status, error, finished_at) VALUES"
        " (%(run)s, %(path)s, %(name)s, %(job)s, %(status)s, %(error)s, clock_timestamp()) ON"
        " CONFLICT (run_id, path) DO UPDATE SET status = excluded.status, error = excluded.error,"
        " finished_at = excluded.finished_at, job_id = excluded.job_id, tries = step.tries + CASE"
        " WHEN step.job_id = excluded.job_id THEN 0 ELSE 1 END WHERE step.status = 'running' OR"
        " step.job_id <> excluded.job_id",
        {
            "run": run_id,
            "path": path,
            "name": name,
            "job": job_id,
            "status": status,
            "error": error,
        },
    )


def _begin_local_attempt(connection: db.Connection, run_id: str) -> str:
    row = connection.execute(
        "INSERT INTO attempt (run_id, host, pid) VALUES (%s, %s, %s) RETURNING id",
        [run_id, socket.gethostname(), os.getpid()],
    ).fetchone()
    assert row is not None
    return str(row["id"])


def _kill_parts(connection: db.Connection, run_id: str) -> None:
    """Mark what runs of a run as killed: its attempt and its steps."""
    connection.execute(
        "UPDATE attempt SET status = 'killed', finished_at = clock_timestamp() WHERE run_id = %s"
        " AND status = 'running'",
        [run_id],
    )
    connection.execute(
        "UPDATE step SET status = 'killed', finished_at = clock_timestamp() WHERE run_id = %s AND"
        " status = 'running'",
        [run_id],
    )


def insert_step_copies(copies: list[dict[str, Any]]) -> None:
    """Store steps that another run had done; this run continues that one."""
    db.execute(
        "INSERT INTO step SELECT * FROM jsonb_populate_recordset(NULL::step, %s)",
        [db.jsonb(copies)],
    )
