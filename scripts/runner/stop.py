"""Stop a run of this machine: its runner and what that started end, its rows say so."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

from f.millrace.core import db, errors
from f.millrace.telemetry import runs
from f.millrace.trust import approvals, audit, budget, deliveries, recovery

if TYPE_CHECKING:
    from f.millrace.core import rows

# How long a runner may take to end its steps before it is killed.
GRACE_SECONDS = 5.0
REASON = "stopped by {}"


def stop(run_id: str, by: str) -> str:
    """End a run that runs or waits and return the status that stands.

    Raises:
        NotFound: There is no such run.
        BadInput: It cannot be stopped from here: Windmill or another machine runs it.
    """
    row = _row(run_id)
    if row["status"] == "waiting":
        _cancel(run_id, by)
    elif row["status"] == "running":
        if row["orchestrator"] == "windmill":
            raise errors.BadInput("this run is a job of Windmill; cancel it on its page there")
        # A runner that is gone has left its lock, and its number may be another's by now.
        if run_id not in recovery.mark_dead():
            _end_runner(run_id)
        budget.end_run(run_id)
        approvals.withdraw(run_id, REASON.format(by))
    status = _row(run_id)["status"]
    if status != row["status"]:
        audit.append(by, "run.stopped", row["flow"], run_id, status=status)
    return status


def _end_runner(run_id: str) -> None:
    attempt: rows.Attempt | None = db.fetch_one(
        "SELECT * FROM attempt WHERE run_id = %s AND status = 'running' ORDER BY started_at DESC"
        " LIMIT 1",
        [run_id],
    )
    if attempt is None or not attempt["pid"]:
        raise errors.BadInput("no runner is known of this run; scripts/millrace recover closes it")
    if attempt["host"] != socket.gethostname():
        raise errors.BadInput(f"this run goes on at {attempt['host']}; stop it there")
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.kill(attempt["pid"], number)
        except ProcessLookupError:
            break
        except PermissionError as error:
            raise errors.BadInput(
                "another user of this machine runs it; stop it from their account"
            ) from error
        if _has_ended(run_id):
            return
    recovery.mark_dead()


def _has_ended(run_id: str) -> bool:
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until:
        if _row(run_id)["status"] != "running":
            return True
        time.sleep(0.05)
    return False


def _cancel(run_id: str, by: str) -> None:
    with db.transaction():
        if runs.end(run_id, "cancelled", REASON.format(by)):
            deliveries.expire(run_id, REASON.format(by))
            budget.end_run(run_id)
            approvals.withdraw(run_id, REASON.format(by))


def _row(run_id: str) -> rows.Run:
    row: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id::text = %s", [run_id])
    if row is None:
        raise errors.NotFound(f"there is no run {run_id}; scripts/millrace runs lists them")
    return row
