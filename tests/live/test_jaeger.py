"""A daily run is one trace in the real Jaeger, found by the run's id."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from f.millrace.core import config, db
from f.millrace.telemetry.export import run_ended
from f.millrace.telemetry.spans import root_span_id
from scripts.observability.gobuild import NoProgram
from scripts.observability.jaeger import Jaeger, program, run_jaeger
from scripts.runner import run
from scripts.runner.openflow import load_openflow
from scripts.samples.sources import sample_sources
from tests.live.conftest import missing


@pytest.fixture
def jaeger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jaeger]:
    """A running Jaeger with this repository's configuration."""
    try:
        program()
    except NoProgram as error:
        missing(str(error))
    with run_jaeger(tmp_path) as found:
        monkeypatch.setenv("MILLRACE_OTLP_ENDPOINT", found.otlp)
        config.reload()
        yield found


def trace_of(jaeger: Jaeger, run_id: str, spans: int) -> dict[str, Any]:
    """Return the trace, once the collector has stored that many spans of it."""
    address = f"{jaeger.query}/api/traces/{run_id.replace('-', '')}"
    found: dict[str, Any] = {"spans": []}
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                found = json.load(answer)["data"][0]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
        if len(found["spans"]) >= spans:
            break
        time.sleep(0.2)
    return found


def test_a_daily_run_is_one_trace_found_by_its_id(jaeger: Jaeger, database: str) -> None:
    with sample_sources(True):
        done = run.start(
            load_openflow("daily_research"), "daily_research", {"sample": True, "max_topics": 1}
        )

    run_ended(done.run_id)

    rows = db.fetch_all(
        "SELECT span_id, parent_id, exported_at FROM span WHERE run_id = %s", [done.run_id]
    )
    assert all(row["exported_at"] for row in rows)
    trace = trace_of(jaeger, done.run_id, len(rows) + 1)
    root = root_span_id(done.run_id)
    assert {span["spanID"] for span in trace["spans"]} == {root, *(row["span_id"] for row in rows)}
    parents = {
        span["spanID"]: [link["spanID"] for link in span["references"]] for span in trace["spans"]
    }
    assert parents == {root: [], **{row["span_id"]: [row["parent_id"]] for row in rows}}
    assert not any(span.get("warnings") for span in trace["spans"])
    process = next(iter(trace["processes"].values()))
    assert process["serviceName"] == "millrace"
