"""Ended runs reach a collector once; a collector that is down loses nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from f.millrace.core import config, db
from f.millrace.telemetry.export import export_runs
from f.millrace.telemetry.spans import root_span_id, span, step

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("MILLRACE_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    config.reload()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def run_once(status: str = "done") -> None:
    with step("research.open", run_id=RUN), span("search"):
        pass
    db.execute("UPDATE run SET status = %s, finished_at = clock_timestamp() WHERE id = %s", [status, RUN])


def test_a_run_is_one_trace_whose_id_is_the_runs(database: str, collector: list[Any]) -> None:
    run_once()

    assert export_runs() == 1
    assert export_runs() == 0

    spans = collector[0]["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [each["name"] for each in spans] == ["invoke_workflow research.open", "research.open", "search"]
    assert {each["traceId"] for each in spans} == {RUN.replace("-", "")}
    assert spans[1]["parentSpanId"] == spans[0]["spanId"] == root_span_id(RUN)


def test_a_killed_run_has_its_root_span_too(database: str, collector: list[Any]) -> None:
    run_once("killed")

    export_runs()

    root = collector[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert root["status"]["code"] == 2
    assert {"key": "workflow.success", "value": {"boolValue": False}} in root["attributes"]


def test_spans_stay_while_the_collector_is_down(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_OTLP_ENDPOINT", "http://127.0.0.1:9")
    config.reload()
    run_once()

    assert export_runs() == 0
    assert db.one("SELECT count(*) AS waiting FROM span WHERE exported_at IS NULL") == {"waiting": 2}
