"""A step leaves its rows, whatever becomes of it."""

import json
import tomllib
from pathlib import Path

import pytest

from f.millrace.core import config, db
from f.millrace.core.run_context import change, current
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.recorder import VERSION, flush
from f.millrace.telemetry.spans import root_span_id, span, step
from scripts.paths import ROOT

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


def test_a_step_started_alone_makes_its_own_run(database: str) -> None:
    with step("research.plan"):
        run_id = current().run_id

    run = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    assert run is not None
    assert (run["flow"], run["status"]) == ("research.plan", "done")


def test_spans_of_all_steps_share_the_trace_that_the_run_names(database: str) -> None:
    with step("research.open", run_id=RUN), span("search", kind="client"):
        emit("progress", "Searching")
    with step("research.close", run_id=RUN):
        pass

    rows = db.fetch_all("SELECT * FROM span ORDER BY started_at")
    assert {row["trace_id"] for row in rows} == {RUN.replace("-", "")}
    assert [row["name"] for row in rows] == ["research.open", "search", "research.close"]
    assert rows[0]["parent_id"] == root_span_id(RUN)
    assert rows[1]["parent_id"] == rows[0]["span_id"]
    assert {row["status"] for row in rows} == {"ok"}
    assert db.fetch_one("SELECT step, message FROM run_event") == {
        "step": "open",
        "message": "Searching",
    }


def test_a_failed_step_says_why_without_secrets(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError), step("research.read", run_id=RUN):
        raise RuntimeError("no answer from https://me:hunter2hunter2@news.example/")

    row = db.fetch_one("SELECT status, error FROM step")
    assert row == {"status": "failed", "error": "no answer from https://[redacted]@news.example/"}
    assert db.fetch_one("SELECT status FROM span") == {"status": "error"}


def test_a_repeated_step_is_one_row_with_two_tries(database: str) -> None:
    for _ in range(2):
        with step("research.read", run_id=RUN):
            pass

    assert db.fetch_one("SELECT tries, status FROM step") == {"tries": 2, "status": "done"}


def test_a_span_outside_of_a_run_is_nothing(database: str) -> None:
    with span("search", query="x") as handle:
        handle.set(found=1)
    flush()

    assert db.fetch_all("SELECT * FROM span") == []


def test_what_was_said_is_kept_only_when_asked_for_and_redacted(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "gen_ai.input.messages": [
            {"text": "my key is sk-abcdefghijklmnopqrstuv", "password": "open sesame"}
        ]
    }
    with step("research.open", run_id=RUN), span("silent") as handle:
        handle.content(said)
    monkeypatch.setenv("MILLRACE_TRACE_CONTENT", "true")
    config.reload()
    with step("research.open", run_id=RUN), span("open") as handle:
        handle.content(said)

    rows = {
        row["name"]: row["attributes"]
        for row in db.fetch_all(
            "SELECT name, attributes FROM span WHERE name IN ('silent', 'open')"
        )
    }
    assert rows["silent"] == {}
    assert (
        rows["open"]["gen_ai.input.messages"]
        == '[{"text": "my key is [redacted]", "password": "[redacted]"}]'
    )


def test_attributes_that_hold_a_secret_are_redacted(database: str) -> None:
    with (
        step("research.open", run_id=RUN),
        span("fetch", url="https://me:hunter2hunter2@news.example/", tags=("a", "b"), n=1.5),
    ):
        pass

    row = db.fetch_one("SELECT attributes FROM span WHERE name = 'fetch'")
    assert row == {
        "attributes": {
            "millrace.url": "https://[redacted]@news.example/",
            "millrace.tags": ["a", "b"],
            "millrace.n": 1.5,
        }
    }


def test_the_recorded_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION


def test_events_are_appended_one_object_a_line(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "events.jsonl"
    monkeypatch.setenv("MILLRACE_EVENTS_FILE", str(file))
    config.reload()
    with step("research.open", run_id=RUN):
        emit("progress", "Searching\nfor keys: sk-abcdefghijklmnopqrstuv", found=2)
        with change(session_id="mine", turn_id="t1"):
            emit("progress", "and on")

    first, second = [json.loads(line) for line in file.read_text().splitlines()]
    assert list(first) == ["event", "trace_id", "session_id", "turn_id", "at", "metadata"]
    assert (first["trace_id"], first["session_id"], first["turn_id"]) == (
        RUN.replace("-", ""),
        RUN,
        "open",
    )
    assert first["metadata"] == {
        "message": "Searching\nfor keys: [redacted]",
        "step": "open",
        "found": 2,
    }
    assert (second["session_id"], second["turn_id"]) == ("mine", "t1")
