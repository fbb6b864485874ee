"""A collector that can answer, refuse or be silent, and runs to send to it."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from f.millrace.core import config, db
from f.millrace.telemetry.spans import span, step

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


@dataclass
class Collector:
    """What came; `answers` is the status, or None for none at all."""

    bodies: list[Any] = field(default_factory=list)
    answers: int | None = 200
    says: bytes = b""
    asked: list[tuple[str, str]] = field(default_factory=list)
    given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def spans(self) -> list[dict[str, Any]]:
        """Every span that came, with its scope."""
        return [
            {**span, "scope": scope["scope"]["name"]}
            for body in self.bodies
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector on loopback that the settings name."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, self.headers.get("authorization") or ""))
            if found.answers is None:
                found.given_up.wait(30)
                return
            if found.answers == 200:
                found.bodies.append(body)
            self.send_response(found.answers)
            self.end_headers()
            self.wfile.write(found.says)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("MILLRACE_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("MILLRACE_TRACE_SAMPLING", "all")
    config.reload()
    yield found
    found.given_up.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ran(database: str) -> Callable[..., None]:
    """Record a run of one step, ended a minute ago."""

    def run(
        status: str = "done",
        run_id: str = RUN,
        scope: str = "millrace.tools",
        seconds_ago: int = 60,
    ) -> None:
        with step("research.open", run_id=run_id), span("search", scope=scope), span("fetch"):
            pass
        db.execute(
            "UPDATE run SET status = %s, finished_at = clock_timestamp() - make_interval(secs =>"
            " %s) WHERE id = %s",
            [status, seconds_ago, run_id],
        )

    return run
