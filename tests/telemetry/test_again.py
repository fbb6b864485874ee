"""What "Run again" on Windmill does: of one step, outside of its flow, and of a whole flow."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from f.millrace.core import db, run_context
from f.millrace.telemetry import spans
from f.millrace.trust import recovery

# As a job finds them: what is unset is an empty string (windmill.md, section 6).
UNSET = (
    "WM_FLOW_JOB_ID",
    "WM_ROOT_FLOW_JOB_ID",
    "WM_FLOW_PATH",
    "WM_FLOW_STEP_ID",
    "WM_SCHEDULE_PATH",
    "WM_ROOT_JOB_ID",
)


@pytest.fixture
def job(worker: Any, database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Be a job of the worker: alone, or the step of a flow's run."""

    @contextmanager
    def be(**environment: str) -> Iterator[str]:
        job_id = str(uuid4())
        with monkeypatch.context() as changed:
            for name, value in {
                **dict.fromkeys(UNSET, ""),
                "WM_JOB_ID": job_id,
                **environment,
            }.items():
                changed.setenv(name, value)
            if not os.environ["WM_ROOT_JOB_ID"]:
                changed.setenv("WM_ROOT_JOB_ID", job_id)
            yield job_id

    return be


def in_flow(run_id: str, step: str, iteration: int | None = None) -> dict[str, str]:
    path = "f/millrace/research/daily_research" + (
        "" if iteration is None else f"/forloop-{iteration}"
    )
    return {
        "WM_ROOT_JOB_ID": run_id,
        "WM_FLOW_JOB_ID": run_id,
        "WM_FLOW_PATH": path,
        "WM_FLOW_STEP_ID": step,
    }


def run_step(name: str, run_id: str | None, fails: bool = False, **asked: Any) -> None:
    """Do what a step's main() does."""
    try:
        with spans.step(name, run_id, **asked):
            if fails:
                raise ValueError("the network is away")
    except ValueError:
        assert fails


@pytest.fixture
def failed_run(job: Any) -> str:
    """A run of a flow whose second iteration gave up, and that the failure module has ended."""
    run_id = str(uuid4())
    with job(**in_flow(run_id, "open")):
        run_step("research.open", None)
    for place in (0, 1):
        with job(**in_flow(run_id, "investigate", place)):
            run_step("research.investigate", run_id, fails=place == 1, topic_id=f"t{place}")
    db.execute(
        "UPDATE run SET status = 'failed', error = 'investigate: the network is away', finished_at"
        " = now()"
    )
    return run_id


def steps() -> dict[str, tuple[str, int]]:
    return {
        row["path"]: (row["status"], row["tries"])
        for row in db.fetch_all("SELECT path, status, tries FROM step")
    }


def test_a_step_that_is_run_again_by_itself_is_a_further_try_of_its_own_row(
    job: Any, failed_run: str
) -> None:
    with job() as job_id:
        run_step("research.investigate", failed_run, topic_id="t1")

    assert steps() == {
        "open": ("done", 1),
        "[0].investigate": ("done", 1),
        "[1].investigate": ("done", 2),
    }
    assert db.fetch_one("SELECT job_id FROM step WHERE tries = 2") == {"job_id": job_id}


def test_the_run_of_a_step_that_was_run_again_stays_as_it_ended(job: Any, failed_run: str) -> None:
    before = db.fetch_one("SELECT * FROM run")
    with job():
        run_step("research.investigate", failed_run, topic_id="t1")

    assert db.fetch_all("SELECT * FROM run") == [before]
    assert db.fetch_all("SELECT 1 FROM attempt") == []
    with job():
        run_step("research.investigate", failed_run, fails=True, topic_id="t1")
    assert db.fetch_all("SELECT * FROM run") == [before]


def test_a_step_that_the_run_never_had_is_a_row_of_its_own(job: Any, failed_run: str) -> None:
    with job():
        run_step("research.investigate", failed_run, topic_id="t7")

    assert steps()["investigate"] == ("done", 1) and len(steps()) == 4


def test_a_retry_of_the_server_is_a_further_try_too(job: Any) -> None:
    run_id = str(uuid4())
    for fails in (True, False):
        with job(**in_flow(run_id, "read_source", 2)):
            run_step("research.read_source", run_id, fails=fails, source="feeds")

    assert steps() == {"[2].read_source": ("done", 2)}
    assert db.fetch_one("SELECT status FROM run") == {"status": "running"}


def test_a_flow_that_is_run_again_is_a_new_run(job: Any, failed_run: str) -> None:
    again = str(uuid4())
    with job(**in_flow(again, "open")):
        run_step("research.open", None)

    assert {
        str(row["id"]): row["status"] for row in db.fetch_all("SELECT id, status FROM run")
    } == {
        failed_run: "failed",
        again: "running",
    }


def test_a_flow_that_goes_on_with_a_run_is_an_attempt_of_it_and_the_run_runs_again(
    job: Any, failed_run: str
) -> None:
    later = str(uuid4())
    for step in ("open", "compose"):
        with job(**in_flow(later, step)):
            run_step(f"research.{step}", failed_run)

    assert db.fetch_all("SELECT run_id::text, job_id FROM attempt") == [
        {"run_id": failed_run, "job_id": later}
    ]
    assert db.fetch_one("SELECT status, error, finished_at FROM run") == {
        "status": "running",
        "error": None,
        "finished_at": None,
    }
    assert [row["job_id"] for row in recovery.on_server(0)] == [later]
    # The failure module is given no run: its flow's job leads to it.
    with job(**in_flow(later, "failure")), spans.step("ops.report_failure"):
        assert run_context.current().run_id == failed_run
