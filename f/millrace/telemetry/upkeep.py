"""What keeps traces and events in order: open spans of dead steps are closed, old rows are deleted."""

from f.millrace.core import db
from f.millrace.core.config import settings

# A living process says so every second; a machine may sleep or be short of processor time for a while.
SILENT_SECONDS = 60
BATCH = 5_000

CLOSE = """
UPDATE span SET status = 'killed', finished_at = greatest(seen_at, started_at)
WHERE status = 'pending' AND (%(run)s::uuid IS NULL OR run_id = %(run)s::uuid)
AND seen_at <= clock_timestamp() - make_interval(secs => %(silent)s)
"""


def close_killed(run_id: str | None = None) -> int:
    """Close the open spans of processes that are silent for a minute, or all of a run whose processes have ended."""
    return db.execute(CLOSE, {"run": run_id, "silent": 0 if run_id else SILENT_SECONDS})


def prune() -> dict[str, int]:
    """Delete spans and events that are older than the settings `trace_days` and `event_days` keep; how many of each."""
    return {
        "spans": _delete("span", "started_at", settings().trace_days),
        "events": _delete("run_event", "at", settings().event_days),
    }


def _delete(table: str, column: str, days: int) -> int:
    # A batch is a transaction, so that a long clean-up holds up no writer.
    sql = (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} "
        f"WHERE {column} < clock_timestamp() - make_interval(days => %s) LIMIT %s))"
    )
    deleted = 0
    while count := db.execute(sql, [days, BATCH]):
        deleted += count
    return deleted
