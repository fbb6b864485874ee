# requirements:

"""Runs that stopped getting on: found by their rows, then continued, continued another way, or
handed to a person.

Progress is measured by the database's clock, which no worker can set back. A run that waits for a
person is not stalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from f.millrace.core import config, db, run_context
from f.millrace.telemetry import events, runs
from f.millrace.trust import approvals, audit, budget, deliveries, fallback

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from f.millrace.core import rows

    class StalledRun(rows.Run):
        """A run, how long it stood still, and the steps that it stands at."""

        progressed_at: datetime
        idle_seconds: Decimal
        running: list[str]

    class ResumableRun(rows.Run):
        """A local run to go on with, and the steps that it was killed at."""

        idle_seconds: int
        running: list[str]

    class ServerRun(rows.Run):
        """A run on Windmill: the job that it is there, and whether it asks a person."""

        job_id: str
        asks: bool

    class AnsweredRun(TypedDict):
        """An answer to a run's question, given outside of Windmill."""

        run_id: UUID
        job_id: str
        decision: Literal["approved", "denied"]
        by: str
        digest: str


Measure = Literal["continue", "alternative", "escalate"]
MEASURES: tuple[Measure, ...] = ("continue", "alternative", "escalate")
# A request to a model lasts minutes at most; a reservation that is older belongs to nobody.
RESERVATION_SECONDS = 1800
# Nobody wants last week's digest continued.
RECENT = "3 days"

STALLED = """
SELECT r.*, seen.progressed_at,
       extract(epoch FROM clock_timestamp() - seen.progressed_at) AS idle_seconds,
       ARRAY(
           SELECT path FROM step WHERE run_id = r.id AND status = 'running' ORDER BY started_at
       ) AS running
FROM run r, LATERAL (
    SELECT greatest(
        r.started_at,
        (SELECT max(greatest(started_at, finished_at)) FROM step WHERE run_id = r.id),
        (SELECT max(started_at) FROM attempt WHERE run_id = r.id),
        (SELECT max(at) FROM run_event WHERE run_id = r.id),
        (SELECT max(greatest(reserved_at, sent_at, settled_at)) FROM usage WHERE run_id = r.id)
    ) AS progressed_at
) seen
WHERE r.status = 'running' ORDER BY r.started_at
"""
# A run is its latest attempt's job on the server; the first attempt has no row, its job is the
# run's id.
ON_SERVER = """
SELECT r.*, coalesce(latest.job_id, r.id::text) AS job_id,
       EXISTS (
           SELECT FROM action a
           WHERE a.run_id = r.id AND a.state = 'proposed' AND a.asked_at IS NOT NULL
       ) AS asks
FROM run r
LEFT JOIN LATERAL (
    SELECT job_id FROM attempt WHERE run_id = r.id AND job_id <> ''
    ORDER BY started_at DESC LIMIT 1
) latest ON true
WHERE r.orchestrator = 'windmill' AND r.id <> ALL(%s::uuid[]) AND (
    r.status = 'running'
    OR (r.status = 'waiting' AND r.started_at > clock_timestamp() - %s::interval
        AND r.pipeline #>> '{postponed,waits}' IS DISTINCT FROM 'true')
) ORDER BY r.started_at
"""
# The last question of a run and the job that asked it; an answer in time only, for Windmill ends
# late ones itself.
ANSWERED = """
SELECT r.id AS run_id, s.job_id, p.decision, p.decided_by AS by, a.digest
FROM run r
CROSS JOIN LATERAL (
    SELECT * FROM action WHERE run_id = r.id AND asked_at IS NOT NULL AND expires_at IS NOT NULL
    ORDER BY asked_at DESC LIMIT 1
) a
CROSS JOIN LATERAL (
    SELECT * FROM step
    WHERE run_id = r.id AND name IN ('approvals.ask', 'blocks.ask_approval') AND job_id <> ''
    ORDER BY started_at DESC LIMIT 1
) s
JOIN approval p ON p.action_id = a.id AND p.decision IN ('approved', 'denied')
WHERE r.status = 'waiting' AND r.orchestrator = 'windmill' ORDER BY r.started_at
"""
# Only a flow's own question has an end to answer by.
LAST_ANSWER = """
SELECT p.* FROM (
    SELECT id FROM action WHERE run_id = %s AND asked_at IS NOT NULL AND expires_at IS NOT NULL
    ORDER BY asked_at DESC LIMIT 1
) a JOIN approval p ON p.action_id = a.id
"""


@dataclass(frozen=True)
class SweepResult:
    """What a sweep has closed."""

    dead: list[str]
    expired: int
    reservations: int


def sweep() -> SweepResult:
    """Close what dead processes and silent people left open;
    cheap enough for every start of the command line.
    """
    return SweepResult(mark_dead(), approvals.expire(), budget.sweep(RESERVATION_SECONDS))


def mark_dead() -> list[str]:
    """Mark the local runs whose runner is gone as killed, and return their ids: nothing of them
    blocks a day any more.

    A runner holds its run's lock for as long as it lives, so a free lock is certain.
    """
    rows = db.fetch_all(
        "SELECT id FROM run WHERE status = 'running' AND orchestrator = 'local' AND openflow IS NOT"
        " NULL"
    )
    return [str(row["id"]) for row in rows if _bury(str(row["id"]))]


def _bury(run_id: str) -> bool:
    with db.transaction() as connection:
        free = connection.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS mine", [run_id]
        ).fetchone()
        if not free or not free["mine"]:
            return False
        killed = runs.kill(run_id, "its runner ended without a word")
        if killed:
            audit.append("millrace", "run.killed", run_id, run_id)
    return killed


def stalled_runs() -> list[StalledRun]:
    """Return the runs without progress for longer than the step they are at may take."""
    found: list[StalledRun] = db.fetch_all(STALLED)
    return [row for row in found if row["idle_seconds"] > _patience(row)]


def on_server(quiet_seconds: float) -> list[ServerRun]:
    """Return the runs on Windmill that wait, and those without progress for so long, each with its
    `job_id` there and whether it `asks`.
    """
    moving = [row["id"] for row in db.fetch_all(STALLED) if row["idle_seconds"] < quiet_seconds]
    return db.fetch_all(ON_SERVER, [moving, RECENT])


def end(
    row: ServerRun,
    status: Literal["done", "failed", "cancelled"],
    reason: str,
    by: str,
    at: datetime | None = None,
) -> bool:
    """End a run as it ended on its server: its steps, its money, its open questions; False when it
    has ended already.
    """
    run_id = str(row["id"])
    with db.transaction():
        if not runs.end(run_id, status, "" if status == "done" else reason, at):
            return False
        deliveries.expire(run_id, reason)
        budget.end_run(run_id)
        approvals.withdraw(run_id, reason)
        audit.append(by, f"run.{status}", row["flow"], run_id, job=row["job_id"])
    return True


def resumable_runs() -> list[ResumableRun]:
    """Return the local runs to go on with: those whose runner died,
    and those whose question has expired.
    """
    return db.fetch_all(
        "SELECT r.*, 0 AS idle_seconds, ARRAY(SELECT path FROM step WHERE run_id = r.id AND status"
        " = 'killed') AS running FROM run r WHERE openflow IS NOT NULL AND started_at >"
        " clock_timestamp() - %s::interval AND (status = 'killed' OR (status = 'waiting' AND NOT"
        " EXISTS (SELECT 1 FROM action a WHERE a.run_id = r.id AND a.state = 'proposed'))) ORDER BY"
        " started_at",
        [RECENT],
    )


def postponed_runs() -> list[rows.Run]:
    """Return the runs on Windmill that wait to be tried again."""
    return db.fetch_all(
        f"SELECT * FROM run WHERE orchestrator = 'windmill' AND {runs.POSTPONED} AND started_at >"
        " clock_timestamp() - %s::interval ORDER BY started_at",
        [RECENT],
    )


def find_postponed(flow: str) -> rows.Run | None:
    """Return the local run of the flow that waits to be tried again; None when there is none."""
    return db.fetch_one(
        "SELECT * FROM run WHERE flow = %s AND openflow IS NOT NULL AND namespace = 'main' AND"
        f" {runs.POSTPONED} AND local_day = %s ORDER BY started_at DESC LIMIT 1",
        [flow, run_context.now().date()],
    )


def stored_answer(row: rows.Run) -> dict[str, Any] | None:
    """Return the answer to the last question of a run, as its runner takes it, when it was given
    while nobody was there to go on or whoever went on died of it; None when there is none.
    """
    given = db.fetch_one(LAST_ANSWER, [row["id"]])
    if row["status"] not in ("waiting", "killed") or given is None:
        return None
    if given["decision"] == "expired":
        return {"timed_out": True}
    return {
        "approved": given["decision"] == "approved",
        "body": {"action_digest": given["digest"]},
        "by": given["decided_by"],
    }


def answered_runs() -> list[AnsweredRun]:
    """Return what was answered outside of Windmill about its waiting runs: run_id, job_id (that
    asked), decision, by, digest.
    """
    return db.fetch_all(ANSWERED)


def next_measure(run_id: str) -> Measure:
    """Return what to do about a stalled run: go on, then another way,
    then a person; what was done before counts.
    """
    row = db.fetch_one(
        "SELECT count(*) AS n FROM audit WHERE run_id = %s AND kind = 'run.recovered'", [run_id]
    )
    return MEASURES[min(row["n"] if row else 0, len(MEASURES) - 1)]


def decide(row: StalledRun | ResumableRun) -> Measure:
    """Choose the measure for a run and record it; an alternative is stored with the run, where its
    steps find it.
    """
    run_id, measure = str(row["id"]), next_measure(str(row["id"]))
    if measure == "alternative":
        fallback.store(run_id, _other_way(row))
    where = ", ".join(row["running"]) or "between two steps"
    audit.append(
        "millrace",
        "run.recovered",
        row["flow"],
        run_id,
        measure=measure,
        at=where,
        idle=int(row["idle_seconds"]),
    )
    events.emit(
        "decision",
        f"run {run_id[:8]} stood still at {where}: {measure}",
        measure=measure,
        stalled=run_id,
    )
    return measure


def _other_way(row: StalledRun | ResumableRun) -> fallback.FallbackOptions:
    """Return another model, and the run without the sources that it hung at."""
    opened: dict[str, Any] = row["pipeline"].get("opened") or {}
    sources: list[str] = opened.get("sources") or []
    hung = [path for path in row["running"] if path.endswith(".read_source") and "[" in path]
    places = [int(path.split("[", 1)[1].split("]", 1)[0]) for path in hung]
    skip = [sources[place] for place in places if place < len(sources)]
    return {"skip_sources": skip} if skip else {"model": config.settings().fallback_model}


def _patience(row: StalledRun) -> float:
    timeouts: dict[str, Any] = row["pipeline"].get("timeouts") or {}
    named = [timeouts.get(path.rsplit(".", 1)[-1]) for path in row["running"]]
    if named and all(named):
        return max(float(seconds) for seconds in named if seconds)
    return config.settings().stalled_seconds
