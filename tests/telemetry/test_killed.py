"""What a process had recorded when it was killed is kept, and what was open shows as killed."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

import pytest

from f.millrace.core import db
from f.millrace.ops import prune_memory, recover_runs
from f.millrace.telemetry import recorder, upkeep
from f.millrace.telemetry.spans import span, step
from scripts.commands.__main__ import main
from scripts.commands.run import find
from scripts.paths import ROOT
from tests.telemetry.conftest import RUN

PROCESSES = 1000 if os.environ.get("PROVE") else 10
OPEN = """
import time
from f.millrace.telemetry.spans import span, step
with step("research.read", run_id={run!r}), span("first"):
    pass
with step("research.read", run_id={run!r}), span("second"):
    with span("ended"):
        pass
    print("open", flush=True)
    time.sleep(600)
"""


def seen(sql: str) -> bool:
    """Wait until a row is there."""
    for _ in range(600):
        if db.fetch_one(sql):
            return True
        time.sleep(0.05)
    return False


def test_a_step_that_is_killed_in_the_middle_shows_what_was_open(database: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN.format(run=RUN)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"open\n"
    assert seen("SELECT 1 FROM span WHERE name = 'second'")

    process.kill()
    process.communicate()
    assert recorder.close_killed() == 0, "one that was alive a moment ago may still be"
    recorder.close_killed(RUN)

    rows = db.fetch_all(
        "SELECT name, status, finished_at >= started_at AS closed FROM span ORDER BY started_at"
    )
    assert [(row["name"], row["status"], row["closed"]) for row in rows] == [
        ("research.read", "ok", True),
        ("first", "ok", True),
        ("research.read", "killed", True),
        ("second", "killed", True),
        ("ended", "ok", True),
    ]


def test_a_process_that_is_silent_for_a_minute_is_taken_for_dead(database: str) -> None:
    with step("research.open", run_id=RUN):
        recorder.flush()
        db.execute("UPDATE span SET seen_at = seen_at - interval '2 minutes'")

        assert recorder.close_killed() == 1

    # It was alive after all.
    assert db.fetch_one("SELECT status FROM span") == {"status": "ok"}


def test_no_span_is_lost_when_the_process_is_killed_right_after_main(database: str) -> None:
    with step("research.open", run_id=RUN):
        pass  # loads what the children use
    db.close()
    runs = [str(uuid.uuid4()) for _ in range(PROCESSES)]

    for run_id in runs:
        child = os.fork()
        if child == 0:
            with step("research.read", run_id=run_id), span("one"), span("two"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)

    found = db.fetch_one(
        "SELECT count(*) AS n FROM span WHERE run_id = ANY(%s) AND status = 'ok'", [runs]
    )
    assert found == {"n": 3 * PROCESSES}


@pytest.mark.parametrize("table", ["span", "run_event"])
def test_old_rows_are_deleted_and_others_stay(table: str, ran: Callable[..., None]) -> None:
    ran()
    db.execute(
        "INSERT INTO run_event (run_id, event) SELECT %s, 'progress' FROM generate_series(1, 3)",
        [RUN],
    )
    db.execute(
        "UPDATE span SET started_at = started_at - interval '31 days' WHERE name = 'fetch'"
        if table == "span"
        else (
            "UPDATE run_event SET at = at - interval '31 days' WHERE id = (SELECT min(id) FROM"
            " run_event)"
        )
    )

    deleted = upkeep.prune()

    assert (deleted["spans"], deleted["events"]) == (
        int(table == "span"),
        int(table == "run_event"),
    )
    assert not any(upkeep.prune().values())


def test_maintenance_leaves_no_runs_behind_for_ever_and_fills_no_list(
    ran: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    ran()
    assert main(["run", "check_health"]) == 0
    prune_memory.main()
    recover_runs.main()

    capsys.readouterr()
    assert main(["runs"]) == 0 and "ops." not in capsys.readouterr().out
    assert find("last")["flow"] == "research.open"
    assert main(["runs", "--all"]) == 0 and "ops.prune_memory" in capsys.readouterr().out
    db.execute("UPDATE run SET finished_at = finished_at - interval '31 days'")
    assert upkeep.prune()["runs"] == 3
    assert db.fetch_one("SELECT count(*) AS n FROM checkpoint.checkpoints") == {"n": 0}
    assert db.fetch_all("SELECT flow FROM run") == [{"flow": "research.open"}]
