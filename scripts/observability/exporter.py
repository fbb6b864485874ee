"""The exporter: serves the catalogue's metrics to Prometheus, and takes what Alertmanager has to
say.

GET /metrics (OpenMetrics with exemplars, or Prometheus's text), GET /ready, POST /alerts
(Alertmanager's webhook, which gives a token: a notice becomes a mail to the operator).

    python -m scripts.observability.exporter HOST TOKEN_FILE
"""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.ops.alertmanager import receive
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.logs import structured_log
from f.millrace.telemetry.metrics.define import PREFIX, Metric
from f.millrace.telemetry.rollup import roll
from f.millrace.telemetry.samples import Sample, collect
from scripts.serving import guard

PORT = 9464
# Scrapes that come sooner share a count.
ROLL_SECONDS = 10.0
LONGEST_NOTICE = 1_000_000
# Requests that are answered at a time; one more is turned away.
MOST_REQUESTS = 20
# How the container's neighbours call it.
IN_COMPOSE = ("exporter",)


class MetricCollector(Collector):
    """The catalogue as prometheus_client sees it."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._rolled = 0.0

    def collect(self) -> Iterator[Family]:
        """Count what is new, then yield every metric."""
        if time.monotonic() - self._rolled >= ROLL_SECONDS:
            roll(CATALOGUE.values())
            self._rolled = time.monotonic()
        for metric, found in collect(CATALOGUE.values()):
            yield family(metric, found, self._prefix)


def family(metric: Metric, found: list[Sample], prefix: str = PREFIX) -> Family:
    """Return one metric with its series."""
    name, labels = metric.full_name(prefix), [label.name for label in metric.labels]
    # OpenMetrics names a unit only where the name ends in it.
    unit = metric.unit if name.removesuffix("_total").endswith(metric.unit) else ""
    if metric.type == "counter":
        counter = CounterMetricFamily(
            name.removesuffix("_total"), metric.help, labels=labels, unit=unit
        )
        for figure in found:
            counter.add_metric(_values(figure, labels), figure.value, exemplar=_exemplar(figure))
        return counter
    if metric.type == "histogram":
        histogram = HistogramMetricFamily(name, metric.help, labels=labels, unit=unit)
        for figure in found:
            histogram.add_metric(
                _values(figure, labels), _buckets(metric, figure), sum_value=figure.value
            )
        return histogram
    gauge = GaugeMetricFamily(name, metric.help, labels=labels, unit=unit)
    for figure in found:
        gauge.add_metric(_values(figure, labels), figure.value)
    return gauge


def _values(figure: Sample, labels: list[str]) -> list[str]:
    return [figure.labels[name] for name in labels]


def _buckets(metric: Metric, figure: Sample) -> list[Any]:
    """Return the buckets; the exemplar stands in the first that holds its value."""
    bounds = [*map(float, metric.bounds), float("inf")]
    value = figure.exemplar.value if figure.exemplar else None
    place = next((bound for bound in bounds if value is not None and value <= bound), None)
    pairs = zip(bounds, figure.buckets, strict=True)
    return [
        (floatToGoString(bound), count, *([_exemplar(figure)] if bound == place else []))
        for bound, count in pairs
    ]


def _exemplar(figure: Sample) -> Exemplar | None:
    found = figure.exemplar
    return Exemplar({"trace_id": found.trace_id}, found.value, found.at) if found else None


class Server(ThreadingHTTPServer):
    """Serves the metrics and takes Alertmanager's notices; one thread asks the database for all."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        registry: CollectorRegistry,
        token: str,
        hosts: Sequence[str] = (),
    ) -> None:
        """Bind, without serving yet; `hosts` are names besides those of loopback."""
        self.registry, self.token, self.hosts = registry, token, hosts
        self.free = threading.BoundedSemaphore(MOST_REQUESTS)
        self.work = ThreadPoolExecutor(1, "metrics")
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; close at once what would be one too many."""
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and let the next one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def server_close(self) -> None:
        """Close the thread's connection with the socket."""
        super().server_close()
        self.work.submit(db.close)
        self.work.shutdown()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = 30
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        """Answer the metrics, or that they can be asked for."""
        if self._is_refused(""):
            return
        if self.path.partition("?")[0] == "/metrics":
            encoder, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(lambda: encoder(self.server.registry), kind)
        elif self.path == "/ready":
            self._send(200, b"ready\n", "text/plain")
        else:
            self._send(404, b"there are /metrics and /ready\n", "text/plain")

    def do_POST(self) -> None:
        """Take a notice of Alertmanager."""
        if self._is_refused(self.server.token):
            return
        if self.path != "/alerts":
            self._send(404, b"Alertmanager's webhook is /alerts\n", "text/plain")
            return
        given = self.headers.get("Content-Length", "")
        length = int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0
        if not 0 < length <= LONGEST_NOTICE:
            words = f"a notice says its length: Content-Length 1 to {LONGEST_NOTICE} bytes\n"
            self._send(413 if length else 411, words.encode(), "text/plain")
            return
        try:
            notice = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError) as error:
            self._send(400, f"not JSON that can be read: {error}\n".encode(), "text/plain")
            return
        self._answer(lambda: json.dumps(receive(notice)).encode(), "application/json")

    def _is_refused(self, token: str) -> bool:
        headers = {name.lower(): value for name, value in self.headers.items()}
        refusal = guard.refuse(
            headers,
            token,
            self.server.hosts,
            has_body=self.command == "POST",
            shown_by="`scripts/millrace metrics serve` (its file)",
        )
        if refusal:
            self._send(refusal.status, f"{refusal.words}\n".encode(), "text/plain")
        return refusal is not None

    def _answer(self, make: Any, kind: str) -> None:
        try:
            body = self.server.work.submit(make).result()
        except BadInput as error:
            self._send(400, f"{error}\n".encode(), "text/plain")
        except Exception as error:
            structured_log("error", f"{self.path} failed", {"error": str(error)}, ["metrics"])
            self._send(503, f"{type(error).__name__}: the log says more\n".encode(), "text/plain")
        else:
            self._send(200, body, kind)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log no request."""


def server(
    token: str,
    host: str = "127.0.0.1",
    port: int = PORT,
    prefix: str = PREFIX,
    hosts: Sequence[str] = (),
) -> Server:
    """Return the server, bound and not yet serving; who sends alerts has to give the token."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Undescribed(MetricCollector(prefix)))
    return Server((host, port), registry, token, hosts)


class Undescribed(Collector):
    """The metrics without being asked for when they are registered."""

    def __init__(self, inner: Collector) -> None:
        self.collect = inner.collect

    def describe(self) -> list[Family]:
        """Return nothing: names are known from the catalogue."""
        return []


def serving(
    token: str, host: str = "127.0.0.1", port: int = 0, prefix: str = PREFIX
) -> tuple[ThreadingHTTPServer, threading.Thread]:
    """Return a server that serves from a thread of its own."""
    made = server(token, host, port, prefix)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    return made, thread


if __name__ == "__main__":
    # In a container: only what it imports is installed there, and its tables are made by whoever
    # deploys. Alertmanager runs as another user, and shares no more than the folder of the token.
    held = guard.read_token(Path(sys.argv[2]), 0o644)
    server(held, sys.argv[1], hosts=IN_COMPOSE).serve_forever()
