# requirements:

"""Metrics of memory: what it holds, whether it has answers, how fresh, how fast."""

from f.millrace.telemetry.metrics import define

SEARCH = "FROM span WHERE name = 'search_memory' AND status <> 'pending'"
TYPE = define.Label("type", at_most=30)

ITEMS = define.define_metric(
    "memory_items",
    "gauge",
    [TYPE],
    help="Memories by type.",
    source="memory_extent, the counts that search keeps",
    sql="SELECT type, sum(items) AS value FROM memory_extent GROUP BY 1 HAVING sum(items) > 0",
    means="What the memory holds.",
    do="The setting memory_days lets types expire.",
    panels=[
        define.Panel(
            "Memory", "Memories", "sum by (type) (millrace_memory_items)", "{{type}}", "bars"
        )
    ],
)

SEARCHES = define.define_metric(
    "memory_searches_total",
    "counter",
    [define.Label("result", ("hit", "miss", "error"))],
    help="Questions to memory, by whether it had something.",
    source="spans search_memory",
    sql=(
        "SELECT seen_at AS at, CASE WHEN status <> 'ok' THEN 'error' WHEN coalesce((attributes ->>"
        " 'gen_ai.memory.record.count')::int, 0) > 0 THEN 'hit' ELSE 'miss' END AS result, 1 AS"
        f" value, trace_id AS trace {SEARCH}"
    ),
    means="Whether remembering pays.",
    do="Many misses: nothing about it was kept, or its vectors are missing (memory_unembedded).",
    panels=[
        define.Panel(
            "Memory",
            "Hits",
            'sum(increase(millrace_memory_searches_total{result="hit"}[1d])) /'
            " sum(increase(millrace_memory_searches_total[1d]))",
            kind="stat",
            unit="ratio",
        ),
        define.Panel(
            "Memory",
            "Searches an hour",
            "sum by (result) (increase(millrace_memory_searches_total[1h]))",
            "{{result}}",
            "bars",
        ),
    ],
)

LATENCY = define.define_metric(
    "memory_search_seconds",
    "histogram",
    unit="seconds",
    help="How long a question to memory takes.",
    source="spans search_memory",
    sql=(
        "SELECT seen_at AS at, extract(epoch FROM finished_at - started_at) AS value, trace_id AS"
        f" trace {SEARCH}"
    ),
    bounds=(0.005, 0.01, 0.025, *define.SECONDS[:8]),
    means="Words, vectors and ranking together.",
    do=(
        "The first search of a process loads the embedding model; the others should take"
        " milliseconds."
    ),
    panels=[
        define.Panel(
            "Memory",
            f"Search latency, P{share}",
            f"histogram_quantile(0.{share}, sum by (le)"
            " (increase(millrace_memory_search_seconds_bucket[1h])))",
            unit="seconds",
        )
        for share in (50, 95, 99)
    ],
)

WRITES = define.define_metric(
    "memory_writes_total",
    "counter",
    help="Memories that were written.",
    source="spans create_memory",
    sql=(
        "SELECT seen_at AS at, 1 AS value, trace_id AS trace FROM span WHERE name = 'create_memory'"
        " AND status = 'ok'"
    ),
    means="How much is learned.",
    do="None for days: research finds nothing new, or the step remember fails.",
    panels=[
        define.Panel("Memory", "Written an hour", "sum(increase(millrace_memory_writes_total[1h]))")
    ],
)

FRESHNESS = define.define_metric(
    "memory_age_seconds",
    "gauge",
    [TYPE],
    "seconds",
    "Time since the newest memory of a type was written.",
    source="rows of memory_item",
    sql=(
        "SELECT e.type, min(extract(epoch FROM now() - newest.created_at)) AS value FROM (SELECT"
        " DISTINCT namespace, type FROM memory_extent) e, LATERAL (SELECT created_at FROM"
        " memory_item m WHERE m.namespace = e.namespace AND m.type = e.type ORDER BY created_at"
        " DESC LIMIT 1) newest GROUP BY 1"
    ),
    means="How fresh the memory is.",
    do="An old one of a type that should grow: look at the flow that writes it.",
    panels=[
        define.Panel(
            "Memory",
            "Age of the newest",
            "min by (type) (millrace_memory_age_seconds)",
            "{{type}}",
            "bars",
            "seconds",
        )
    ],
)

UNEMBEDDED = define.define_metric(
    "memory_unembedded",
    "gauge",
    help="Memories without a vector: they are found by their words only.",
    source="rows of memory_item",
    sql="SELECT count(*) AS value FROM memory_item WHERE embedding IS NULL",
    means="Whether the nightly embedding keeps up.",
    do="scripts/millrace run embed_memory",
    panels=[define.Panel("Memory", "Without a vector", "millrace_memory_unembedded", kind="stat")],
)
