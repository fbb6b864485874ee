"""How long a scrape of /metrics takes after a year of daily runs, counting what is new included,
and beside it a bare one.

The year's rows are all still there, as if nothing had ever been pruned. The bare side is
prometheus_client with the same series held in memory by one long process, which short processes
cannot have.
"""

import statistics
import time
import urllib.request
from typing import Any

DAYS = 365
REPEATS = 15
ACCEPT = {"Accept": "application/openmetrics-text; version=1.0.0"}
AT = "now() - make_interval(days => %(days)s - d, secs => 3600)"
YEAR = (
    f"""INSERT INTO run (id, flow, status, scheduled_for, started_at, finished_at, sampled)
    SELECT gen_random_uuid(), 'daily_research', 'done', {AT}, {AT}, {AT} + interval '50 seconds',
           'out'
    FROM generate_series(1, %(days)s) AS d""",
    """INSERT INTO step (run_id, path, name, status, started_at, finished_at)
    SELECT id, 'step ' || n, 'research.step', 'done', started_at + make_interval(secs => 3 * n),
           started_at + make_interval(secs => 3 * n + 3)
    FROM run, generate_series(1, 14) AS n""",
    """INSERT INTO span (trace_id, span_id, run_id, name, status, attributes, started_at,
                      finished_at, seen_at)
    SELECT replace(r.id::text, '-', ''), left(md5(n::text), 16), r.id, kind.name, 'ok',
           kind.attributes, r.started_at, r.started_at + interval '1 second', r.finished_at
    FROM run r, (VALUES
        ('execute_tool web.fetch',
         '{"tool.name": "web.fetch", "agent.id": "researcher"}'::jsonb, 20),
        ('risk_decision web.fetch',
         '{"millrace.decision": "run", "agent.risk_level": "medium"}', 20),
        ('chat offline', '{"gen_ai.agent.name": "writer"}', 12),
        ('invoke_agent writer', '{"agent.id": "writer"}', 12),
        ('search_memory', '{"gen_ai.memory.record.count": 3}', 6),
        ('create_memory', '{}', 20)
    ) AS kind (name, attributes, many),
    LATERAL (SELECT kind.name || n AS n FROM generate_series(1, kind.many) AS n) AS numbers""",
    """INSERT INTO usage (run_id, agent, model, state, cost_usd, tokens, settled_at)
    SELECT id, 'writer', 'openai:gpt', 'settled', 0.01, '{"input": 900, "output": 90}', finished_at
    FROM run, generate_series(1, 12)""",
    (
        "INSERT INTO run_event (run_id, event, at) SELECT id, 'progress', finished_at FROM run,"
        " generate_series(1, 60)"
    ),
    """INSERT INTO research_result
        (run_id, topic_id, title, confidence, stopped_because, created_at)
    SELECT id, 'topic ' || n, 'x', 80, 'enough evidence', finished_at
    FROM run, generate_series(1, 5) AS n""",
    """INSERT INTO evidence (id, run_id, namespace, body, tool, created_at)
    SELECT md5(id::text || n), id, 'main', 'x', 'web.fetch', finished_at
    FROM run, generate_series(1, 30) AS n""",
    """INSERT INTO decision (run_id, kind, subject, outcome, outcome_at)
    SELECT id, 'judgement', 'topic ' || n, 'silent_success', finished_at
    FROM run, generate_series(1, 5) AS n""",
    (
        "INSERT INTO source_reading (run_id, source, status, fresh) SELECT id, 'source ' || n,"
        " 'ok', 9 FROM run, generate_series(1, 5) AS n"
    ),
    "ANALYZE",
)


def measure() -> dict[str, Any]:
    """Return milliseconds a scrape, ours and bare, and how many series and rows there are; needs a
    migrated, empty database.
    """
    from f.millrace.core import db
    from scripts.observability import exporter

    for statement in YEAR:
        db.execute(statement, {"days": DAYS} if "%(days)s" in statement else None)
    rows = db.fetch_one(
        "SELECT (SELECT count(*) FROM span) AS spans, (SELECT count(*) FROM run) AS runs"
    )
    exporter.ROLL_SECONDS = 0.0
    server, thread = exporter.serving("of-the-benchmark")
    address = f"http://127.0.0.1:{server.server_port}/metrics"
    first = _scraped(address)[0]
    times = [_scraped(address) for _ in range(REPEATS)]
    bare = _bare(times[-1][1])
    server.shutdown()
    thread.join()
    server.server_close()
    db.close()
    ours = statistics.median(took for took, _ in times)
    return {
        "ms": round(ours, 1),
        "slowest_ms": round(max(took for took, _ in times), 1),
        "first_ever_ms": round(first, 1),
        "bare_prometheus_client_ms": round(bare, 1),
        "ratio": round(ours / bare, 1),
        "series": sum(1 for line in times[-1][1].splitlines() if line and not line.startswith("#")),
        "rows": rows,
        "runs": REPEATS,
    }


def _scraped(address: str) -> tuple[float, str]:
    began = time.perf_counter()
    with urllib.request.urlopen(
        urllib.request.Request(address, headers=ACCEPT), timeout=120
    ) as answer:
        text = answer.read().decode()
    return (time.perf_counter() - began) * 1000, text


def _bare(text: str) -> float:
    """Return what prometheus_client alone takes to serve as many series out of its memory."""
    from prometheus_client import CollectorRegistry, Gauge, start_http_server

    registry = CollectorRegistry()
    gauge = Gauge("bare", "The same number of series.", ["n"], registry=registry)
    for number, line in enumerate(text.splitlines()):
        if line and not line.startswith("#"):
            gauge.labels(str(number)).set(1)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    address = f"http://127.0.0.1:{server.server_port}/metrics"
    times = [_scraped(address)[0] for _ in range(REPEATS)]
    server.shutdown()
    thread.join()
    server.server_close()
    return statistics.median(times)
