"""What the runner keeps in Postgres: the run's row, its attempts, the lock of a run and the
checkpoints.
"""

import contextlib
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from f.millrace.core import db
from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.telemetry import runs, upkeep

# A killed runner's connection is closed by the kernel, but its backend needs a moment to notice.
LOCK_SECONDS = 5.0
SETUP_LOCK = 7_241_180_034
CHECKPOINT_SCHEMA = "checkpoint"
# Of a run whose steps came to more than this, it is not kept what each came to.
MOST_RESULTS = 2_000_000


class Store:
    """One runner's connections: one for rows and the lock, one for LangGraph's checkpoints."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url or db.database_url()
        self.connection = db.open_connection(self.url)
        self._checkpoints: db.Connection | None = None
        self._lock = threading.Lock()
        self.attempt_id: str | None = None

    def close(self) -> None:
        """Close the connections; the run's lock goes with them."""
        for connection in (self.connection, self._checkpoints):
            if connection is not None:
                with contextlib.suppress(Exception):
                    connection.close()

    def checkpointer(self) -> Any:
        """Return LangGraph's Postgres saver in its schema, with its tables there."""
        # a second to import; the run's row comes first
        from langgraph.checkpoint.postgres import PostgresSaver

        self._checkpoints = db.open_connection(self.url)
        self._checkpoints.execute(f"SET search_path TO {CHECKPOINT_SCHEMA}, public")  # type: ignore[arg-type]
        saver = PostgresSaver(self._checkpoints)  # type: ignore[arg-type]
        row = self._one("SELECT to_regclass('checkpoint.checkpoint_writes') AS there")
        if row is None or row["there"] is None:
            set_up_checkpoints(self._checkpoints)
        return saver

    def lock_run(self, run_id: str) -> None:
        """Take the run's lock; BadInput when another runner keeps it."""
        until = time.monotonic() + LOCK_SECONDS
        while True:
            row = self._one(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS mine", [run_id]
            )
            if row and row["mine"]:
                return
            if time.monotonic() > until:
                raise BadInput(
                    f"run {run_id} is being run by another process; wait for it or end it, then"
                    " resume"
                )
            time.sleep(0.05)

    def open_run(
        self,
        run_id: str,
        flow: str,
        args: dict[str, Any],
        openflow: dict[str, Any],
        continues: tuple[str | None, str] = (None, ""),
    ) -> None:
        """Insert the run's row; BadInput when there is one already."""
        with self._lock:
            self.attempt_id = runs.open_local(
                self.connection, run_id, flow, args, openflow, continues
            )

    def find_run(self, run_id: str) -> dict[str, Any]:
        """Return the row of a run of this runner."""
        row = self._one("SELECT * FROM run WHERE id = %s", [run_id])
        if row is None:
            raise NotFound(f"there is no run {run_id}; scripts/millrace runs lists them")
        if not row["openflow"]:
            raise BadInput(
                f"run {run_id} of {row['flow']} was not started by the local runner, so it cannot"
                " go on here"
            )
        return row

    def reopen_run(self, row: dict[str, Any]) -> dict[str, Any]:
        """Have a run go on and return its row with the thread of its checkpoints; what its lost
        runner left as running is marked as killed.
        """
        run_id = str(row["id"])
        self._refuse_forgotten(row)
        again = begins_again(row)
        with self._lock:
            self.attempt_id = runs.reopen_local(self.connection, run_id, again)
        tries = (row["pipeline"].get("postponed") or {}).get("tries", 0) + again
        return {**row, "thread": f"{run_id}+{tries}" if tries else run_id}

    def close_run(
        self,
        run_id: str,
        status: str,
        result: Any,
        error: str | None,
        results: dict[str, Any] | None = None,
    ) -> str:
        """Record how the run ended and return the status that stands."""
        if results and len(json.dumps(results, default=str)) > MOST_RESULTS:
            results = None
        with self._lock:
            stands = runs.close_local(
                self.connection, run_id, self.attempt_id, status, result, error, results
            )
            if stands in upkeep.OVER:
                upkeep.delete_checkpoints(self.connection, run_id)
        return stands

    def find_results(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return what each step of an ended run came to; of one that was cut off, as far as its
        checkpoints say.
        """
        kept: dict[str, Any] | None = row["results"]
        if kept is not None:
            return kept
        tries = (row["pipeline"].get("postponed") or {}).get("tries", 0)
        thread = f"{row['id']}+{tries}" if tries else str(row["id"])
        last = self.checkpointer().get_tuple({"configurable": {"thread_id": thread}})
        return (last.checkpoint["channel_values"].get("results") or {}) if last else {}

    def step_died(
        self, run_id: str, path: str, name: str, job_id: str, status: str, error: str
    ) -> None:
        """Record a step, or what of its parts was running, whose process ended before it could."""
        with self._lock:
            runs.end_dead_step(self.connection, run_id, path, name, job_id, status, error)

    def _refuse_forgotten(self, row: dict[str, Any]) -> None:
        """Raise BadInput when the checkpoints of a run were deleted for their age: it would do
        again what it has done.
        """
        days, ended = settings().event_days, row["finished_at"]
        if ended is None or datetime.now(UTC) - ended < timedelta(days=days):
            return
        found = self._one(
            "SELECT 1 FROM checkpoint.checkpoints WHERE left(thread_id, 36) = %s LIMIT 1",
            [str(row["id"])],
        )
        if found is None:
            raise BadInput(
                f"run {row['id']} ended on {ended:%Y-%m-%d}, and how far a run came is kept for"
                f" {days} days (setting event_days); start a new one"
            )

    def _one(self, sql: str, params: Any = None) -> dict[str, Any] | None:
        with self._lock:
            return self.connection.execute(sql, params).fetchone()  # type: ignore[arg-type]


def is_over(row: dict[str, Any]) -> bool:
    """Tell whether nothing of a run is left to do: it is done, or failed in part and has no way to
    do what is missing.
    """
    return row["status"] == "done" or (row["status"] == "partly_failed" and not begins_again(row))


def begins_again(row: dict[str, Any]) -> bool:
    """Tell whether a run that failed in part goes on from its first step: a flow with the input
    `run_id` finds what is done, and does what is not.
    """
    inputs = ((row["openflow"] or {}).get("schema") or {}).get("properties") or {}
    return row["status"] == "partly_failed" and "run_id" in inputs


def set_up_checkpoints(connection: db.Connection | None = None) -> None:
    """Create LangGraph's tables in the schema `checkpoint`; part of `db migrate`, harmless to
    repeat.
    """
    from langgraph.checkpoint.postgres import PostgresSaver

    own = connection is None
    connection = connection or db.open_connection()
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", [SETUP_LOCK])
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CHECKPOINT_SCHEMA}")  # type: ignore[arg-type]
        connection.execute(f"SET search_path TO {CHECKPOINT_SCHEMA}, public")  # type: ignore[arg-type]
        PostgresSaver(connection).setup()  # type: ignore[arg-type]
        connection.execute("SELECT pg_advisory_unlock(%s)", [SETUP_LOCK])
    finally:
        if own:
            connection.close()
