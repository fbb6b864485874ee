"""A step leaves its rows, whatever becomes of it."""

import pytest

from f.millrace.core import db
from f.millrace.core.context import current
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.spans import root_span_id, span, step

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


def test_a_step_started_alone_makes_its_own_run(database: str) -> None:
    with step("research.plan"):
        run_id = current().run_id

    run = db.one("SELECT * FROM run WHERE id = %s", [run_id])
    assert run is not None
    assert (run["flow"], run["status"]) == ("research.plan", "done")


def test_spans_of_all_steps_share_the_trace_that_the_run_names(database: str) -> None:
    with step("research.open", run_id=RUN), span("search", kind="client"):
        emit("progress", "Searching")
    with step("research.close", run_id=RUN):
        pass

    rows = db.all("SELECT * FROM span ORDER BY started_at")
    assert {row["trace_id"] for row in rows} == {RUN.replace("-", "")}
    assert [row["name"] for row in rows] == ["research.open", "search", "research.close"]
    assert rows[0]["parent_id"] == root_span_id(RUN)
    assert rows[1]["parent_id"] == rows[0]["span_id"]
    assert {row["status"] for row in rows} == {"ok"}
    assert db.one("SELECT step, message FROM run_event") == {"step": "open", "message": "Searching"}


def test_a_failed_step_says_why_without_secrets(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError), step("research.read", run_id=RUN):
        raise RuntimeError("no answer from https://me:hunter2hunter2@news.example/")

    row = db.one("SELECT status, error FROM step")
    assert row == {"status": "failed", "error": "no answer from https://[redacted]@news.example/"}
    assert db.one("SELECT status FROM span") == {"status": "error"}


def test_a_repeated_step_is_one_row_with_two_tries(database: str) -> None:
    for _ in range(2):
        with step("research.read", run_id=RUN):
            pass

    assert db.one("SELECT tries, status FROM step") == {"tries": 2, "status": "done"}
