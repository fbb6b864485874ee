"""What a span costs, beside the bare SDK and three peers, what a step's end waits for, whatever the
collector does, and what a scrape of the metrics takes.

Each side records the same spans (an agent's, with eight attributes, a child below it) in fresh
processes, in turns. The peers live in environments of their own (BENCH_PEERS names one Python for
all, made in the cache otherwise). Counted is processor time of the whole process, background
threads included, per span; nothing is sent anywhere.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripts.benchmarks import peers, scrape
from scripts.database.embedded import temporary
from scripts.paths import ROOT

SPANS = 2_000
REPEATS = 7
STEP_SPANS = 50
STEPS = 21
KILLED = 1_000
# Each in an environment of its own: they ask for different releases of OpenTelemetry.
PEERS = {
    "logfire": ["logfire==5.2.0"],
    "openinference-instrumentation": ["openinference-instrumentation==0.1.72"],
    "traceloop-sdk": ["traceloop-sdk==0.62.4", "httpx==0.28.1"],  # imports httpx without saying so
}

COMMON = """
import json, sys, time
def recorded(record, count):
    record(200)
    wall, cpu = time.perf_counter(), time.process_time()
    record(count)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"us": cpu * 1e6 / count, "wall_us": wall * 1e6 / count}))
ATTRIBUTES = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "offline",
              "gen_ai.agent.name": "planner", "gen_ai.provider.name": "millrace",
              "gen_ai.usage.input_tokens": 130, "gen_ai.usage.output_tokens": 60,
              "operation.cost": 0.01, "millrace.cost.source": "local"}
"""
DROP = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
class Drop(SpanExporter):
    def export(self, spans): return SpanExportResult.SUCCESS
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True
"""
SIDES = {
    "millrace": (
        """
from f.millrace.core.run_context import Context, use
from f.millrace.telemetry import recorder
from f.millrace.telemetry.spans import span
recorder.tracer("bench")
# Rows are what a step's end pays, measured below.
recorder._recorder.flush = recorder._recorder._ended.clear
def record(count):
    with use(Context(run_id="018f6b0e-7f3a-7c11-9a55-0123456789ab")):
        for _ in range(count // 2):
            with span("invoke_agent planner", ATTRIBUTES):
                with span("chat offline", ATTRIBUTES): pass
recorded(record, COUNT)
"""
    ),
    "sdk": DROP
    + """
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Drop(), max_queue_size=100000))
tracer = provider.get_tracer("bench")
def record(count):
    for _ in range(count // 2):
        with tracer.start_as_current_span("invoke_agent planner", attributes=ATTRIBUTES):
            with tracer.start_as_current_span("chat offline", attributes=ATTRIBUTES): pass
recorded(record, COUNT)
""",
    "logfire": DROP
    + """
import logfire
dropped = BatchSpanProcessor(Drop(), max_queue_size=100000)
logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[dropped])
def record(count):
    for _ in range(count // 2):
        with logfire.span("invoke_agent planner", **ATTRIBUTES):
            with logfire.span("chat offline", **ATTRIBUTES): pass
recorded(record, COUNT)
""",
    "openinference-instrumentation": DROP
    + """
from openinference.instrumentation import OITracer, TraceConfig
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Drop(), max_queue_size=100000))
tracer = OITracer(provider.get_tracer("bench"), config=TraceConfig())
def record(count):
    for _ in range(count // 2):
        with tracer.start_as_current_span("invoke_agent planner", attributes=ATTRIBUTES):
            with tracer.start_as_current_span("chat offline", attributes=ATTRIBUTES): pass
recorded(record, COUNT)
""",
    "traceloop-sdk": DROP
    + """
import os, contextlib, io
os.environ["TRACELOOP_TELEMETRY"] = "false"
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, task
from opentelemetry import trace
with contextlib.redirect_stdout(io.StringIO()):
    dropped = BatchSpanProcessor(Drop(), max_queue_size=100000)
    Traceloop.init(app_name="bench", processor=dropped, instruments=set())
@task(name="chat offline")
def chat():
    trace.get_current_span().set_attributes(ATTRIBUTES)
@agent(name="invoke_agent planner")
def invoke():
    trace.get_current_span().set_attributes(ATTRIBUTES)
    chat()
def record(count):
    for _ in range(count // 2): invoke()
recorded(record, COUNT)
""",
}


def measure() -> dict[str, Any]:
    """Return microseconds a span of each side, milliseconds of a step's end and of a scrape, and
    the spans lost by killed processes.
    """
    with temporary() as url:
        from f.millrace.core import config, db

        os.environ["MILLRACE_DATABASE_URL"] = url
        config.reload()
        db.migrate(url)
        found = {"span": _span_costs(), "step_end_ms": _step_ends(), "killed": _killed()}
        # A database that nothing else is in.
        with temporary() as empty:
            os.environ["MILLRACE_DATABASE_URL"] = empty
            config.reload()
            db.migrate(empty)
            return {**found, "scrape": scrape.measure()}


def _span_costs() -> dict[str, Any]:
    pythons = {
        "millrace": sys.executable,
        "sdk": sys.executable,
        **{
            name: str(peers.python(f"telemetry-{name}", packages))
            for name, packages in PEERS.items()
        },
    }
    runs: dict[str, list[float]] = {name: [] for name in SIDES}
    for _ in range(REPEATS):
        for name, code in SIDES.items():
            runs[name].append(_one(pythons[name], COMMON + code.replace("COUNT", str(SPANS))))
    medians = {name: round(statistics.median(values), 1) for name, values in runs.items()}
    ratios = {
        name: round(medians["millrace"] / value, 2)
        for name, value in medians.items()
        if name != "millrace"
    }
    return {"us": medians, "millrace_to": ratios, "spans": SPANS, "runs": REPEATS}


def _one(python: str, code: str) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=120
    )
    if done.returncode:
        raise RuntimeError(f"{python} failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])["us"]


class Collector(BaseHTTPRequestHandler):
    """One that takes everything."""

    def do_POST(self) -> None:
        """Read and accept."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _step_ends() -> dict[str, float]:
    """Return how long a step's end takes, from the last span to the next statement, with each kind
    of collector.
    """
    from f.millrace.core import config, db
    from f.millrace.core.redaction import redact
    from f.millrace.telemetry.spans import span, step

    silent = socket.create_server(("127.0.0.1", 0))
    up = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=up.serve_forever, daemon=True).start()
    places = {
        "none": "",
        "up": f"http://127.0.0.1:{up.server_port}",
        "down": "http://127.0.0.1:9",
        "silent": f"http://127.0.0.1:{silent.getsockname()[1]}",
    }
    times: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(STEPS):
        for name, endpoint in places.items():
            os.environ["MILLRACE_OTLP_ENDPOINT"] = endpoint
            config.reload()
            redact("settings and secrets are read before the clock starts")
            with step("bench.step", run_id=str(uuid.uuid4())):
                for _ in range(STEP_SPANS):
                    with span("execute_tool web.search", {"tool.name": "web.search"}):
                        pass
                began = time.perf_counter()
            times[name].append((time.perf_counter() - began) * 1000)
    os.environ.pop("MILLRACE_OTLP_ENDPOINT")
    config.reload()
    silent.close()
    up.shutdown()
    up.server_close()
    db.close()
    return {name: round(statistics.median(found), 1) for name, found in times.items()}


def _killed() -> dict[str, int]:
    """Return how many spans were lost by processes that were killed right after main() returned."""
    from f.millrace.core import db
    from f.millrace.telemetry.spans import span, step

    runs = [str(uuid.uuid4()) for _ in range(KILLED)]
    for run_id in runs:
        child = os.fork()
        if child == 0:
            with step("bench.step", run_id=run_id), span("one"), span("two"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
    row = db.fetch_one(
        "SELECT count(*) AS n FROM span WHERE run_id = ANY(%s::uuid[]) AND status = 'ok'", [runs]
    )
    db.close()
    return {"processes": KILLED, "spans": 3 * KILLED, "lost": 3 * KILLED - (row["n"] if row else 0)}
