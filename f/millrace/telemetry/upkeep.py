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
        "runs": _delete_maintenance(f"least({_ago(found.event_days)}, {counted})"),
        "alerts": _delete(
            "alert", _ago(found.alert_days), "state = 'resolved' AND resolved_at < {before}"
        ),
        "mails": _delete("outbox", _ago(found.event_days), "made_at < {before}"),
        "faults": _delete("model_fault", _ago(found.event_days), "at < {before}"),
        "checks": _delete("health_check", _ago(found.event_days), "at < {before}"),
    }


def _delete_maintenance(before: str) -> int:
    """Delete old runs of maintenance, and what the local runner kept to go on with them."""
    condition = OLD_MAINTENANCE.replace("{before}", before)
    deleted = 0
    while rows := db.fetch_all(
        f"DELETE FROM run WHERE id IN (SELECT id FROM run WHERE {condition} LIMIT {BATCH})"
        " RETURNING id"
    ):
        deleted += len(rows)
        for table in CHECKPOINTS:
            there = db.fetch_one("SELECT to_regclass(%s) AS name", [table])
            if there and there["name"]:
                db.execute(
                    f"DELETE FROM {table} WHERE left(thread_id, 36) = ANY(%s)",
                    [[str(row["id"]) for row in rows]],
                )
    return deleted


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
    deleted = 0
    while count := db.execute(sql):
        deleted += count
    return deleted
