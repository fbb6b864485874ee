# requirements:

"""Retention: traces, events, metrics and alerts older than the settings keep are deleted."""

from f.millrace.core import config, db
from f.millrace.telemetry import runs

BATCH = 5_000

CHECKPOINTS = (
    "checkpoint.checkpoints",
    "checkpoint.checkpoint_blobs",
    "checkpoint.checkpoint_writes",
)

# What somebody may still ask about is kept: money, and what was proposed.
OLD_MAINTENANCE = f"""
starts_with(flow, '{runs.MAINTENANCE}') AND status NOT IN ('running', 'waiting')
AND finished_at < {{before}}
AND NOT EXISTS (SELECT FROM usage WHERE usage.run_id = run.id)
AND NOT EXISTS (SELECT FROM action WHERE action.run_id = run.id)
"""
# A run that failed in part begins anew when it goes on, in a thread of its own.
OVER = ("done", "partly_failed", "cancelled")
USELESS_THREADS = """
SELECT thread.id FROM (
    SELECT DISTINCT left(thread_id, 36) AS id FROM checkpoint.checkpoints
) AS thread LEFT JOIN run ON run.id::text = thread.id
WHERE run.id IS NULL OR run.status = ANY(%s)
    OR (run.status NOT IN ('running', 'waiting') AND run.finished_at < {before})
"""


def prune() -> dict[str, int]:
    """Delete what is older than the settings keep, and how many of each;
    what was not counted yet stays.
    """
    counted = "(SELECT coalesce(min(rolled_until), 'infinity') FROM metric_roll)"
    folded = "(SELECT coalesce(min(folded_until), 'infinity') FROM metric_roll)"
    found = config.settings()
    return {
        "spans": _delete(
            "span", f"least({_ago(found.trace_days)}, {counted})", "started_at < {before}"
        ),
        "events": _delete(
            "run_event", f"least({_ago(found.event_days)}, {counted})", "at < {before}"
        ),
        "metrics": _delete(
            "metric_hour", f"least({_ago(found.metric_days)}, {folded})", "hour < {before}"
        ),
        "checkpoints": _delete_old_checkpoints(_ago(found.event_days)),
        "runs": _delete_maintenance(f"least({_ago(found.event_days)}, {counted})"),
        "alerts": _delete(
            "alert", _ago(found.alert_days), "state = 'resolved' AND resolved_at < {before}"
        ),
        "mails": _delete("outbox", _ago(found.event_days), "made_at < {before}"),
        "faults": _delete("model_fault", _ago(found.event_days), "at < {before}"),
        "notifications": _delete(
            "notification", _ago(found.event_days), "state <> 'waiting' AND happened_at < {before}"
        ),
        "checks": _delete("health_check", _ago(found.event_days), "at < {before}"),
    }


def _delete_maintenance(before: str) -> int:
    """Delete old runs of maintenance."""
    condition = OLD_MAINTENANCE.replace("{before}", before)
    return _delete_while(
        f"DELETE FROM run WHERE id IN (SELECT id FROM run WHERE {condition} LIMIT {BATCH})"
    )


def delete_checkpoints(connection: db.Connection, run_id: str) -> None:
    """Delete what the local runner kept to go on with a run that is over."""
    for table in CHECKPOINTS:
        connection.execute(f"DELETE FROM {table} WHERE left(thread_id, 36) = %s", [run_id])  # type: ignore[arg-type]


def _delete_old_checkpoints(before: str) -> int:
    """Delete the checkpoints of runs that nobody goes on with: over, gone, or ended long ago."""
    there = db.fetch_one("SELECT to_regclass(%s) AS name", [CHECKPOINTS[0]])
    if not there or not there["name"]:
        return 0
    rows = db.fetch_all(USELESS_THREADS.replace("{before}", before), [list(OVER)])
    for start in range(0, len(rows), BATCH):
        batch = [row["id"] for row in rows[start : start + BATCH]]
        for table in CHECKPOINTS:
            db.execute(f"DELETE FROM {table} WHERE left(thread_id, 36) = ANY(%s)", [batch])
    return len(rows)


def _ago(days: int) -> str:
    # Not clock_timestamp(): no index serves for what changes within a statement.
    return f"now() - make_interval(days => {int(days)})"


def _delete(table: str, before: str, old: str) -> int:
    # A batch is a transaction, so that a long clean-up holds up no writer.
    condition = old.replace("{before}", before)
    sql = (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition}"
        f" LIMIT {BATCH}))"
    )
    return _delete_while(sql)


def _delete_while(sql: str) -> int:
    deleted = 0
    while count := db.execute(sql):
        deleted += count
    return deleted
