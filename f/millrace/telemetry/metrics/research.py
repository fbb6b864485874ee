# requirements:

"""Metrics of research: what was searched and read, how good it is, what was made of it."""

from f.millrace.telemetry.metrics import define

EVENT_TRACE = "replace(run_id::text, '-', '')"
# Why a research ended, by the beginnings of its words.
STOPPED = """CASE
    WHEN no_sources THEN 'no_sources'
    WHEN stopped_because LIKE 'enough%%' THEN 'enough'
    WHEN stopped_because LIKE 'stalled%%' THEN 'stalled'
    WHEN stopped_because LIKE 'confused%%' THEN 'confused'
    WHEN stopped_because LIKE 'the limit of rounds%%' THEN 'rounds'
    WHEN stopped_because LIKE 'the budget%%' THEN 'budget'
    WHEN stopped_because LIKE 'the limit of time%%' THEN 'time'
    WHEN stopped_because LIKE 'one round%%' THEN 'one_round'
    ELSE 'switched_off'
END"""
ENDS = (
    "enough",
    "no_sources",
    "stalled",
    "confused",
    "rounds",
    "budget",
    "time",
    "one_round",
    "switched_off",
)

DECISIONS = f"""
SELECT at, metadata ->> 'decision' AS decision, metadata ->> 'reason' AS reason, 1 AS value,
       {EVENT_TRACE} AS trace
FROM run_event WHERE event = 'decision' AND metadata ->> 'agent' = 'selfrag'
UNION ALL
SELECT at, CASE WHEN event = 'escalation' THEN 'escalate' ELSE 'another_way' END,
       CASE
           WHEN coalesce(metadata ->> 'stop', metadata ->> 'stuck') LIKE 'confused%%'
           THEN 'confused' ELSE 'stalled'
       END, 1, {EVENT_TRACE}
FROM run_event WHERE (event = 'decision' AND metadata ? 'stuck') OR event = 'escalation'
UNION ALL
SELECT created_at,
       CASE
           WHEN no_sources THEN 'give_up'
           WHEN stopped_because LIKE 'enough%%' THEN 'accept'
           ELSE 'stop'
       END, {STOPPED}, 1, {EVENT_TRACE}
FROM research_result
"""

SELFRAG = define.define_metric(
    "agent_selfrag_decision_total",
    "counter",
    [
        define.Label(
            "decision",
            (
                "retrieve",
                "accept",
                "retrieve_again",
                "give_up",
                "research",
                "another_way",
                "escalate",
                "stop",
            ),
        ),
        define.Label(
            "reason",
            (
                "question",
                "asks_for_news",
                "nothing_found",
                "nothing_new",
                "not_grounded",
                "not_enough",
                *ENDS,
            ),
        ),
    ],
    help="What the loops that check their own answers decided, and why.",
    source="events decision of selfrag and research, events escalation, rows of research_result",
    sql=DECISIONS,
    means="Whether evidence is enough at once, after another try, or never.",
    do=(
        "Many escalations: the sources say too little about what is asked; add sources or"
        " documents."
    ),
    zeros=[
        {"decision": "accept", "reason": "enough"},
        {"decision": "another_way", "reason": "stalled"},
        {"decision": "escalate", "reason": "stalled"},
        {"decision": "escalate", "reason": "confused"},
        {"decision": "give_up", "reason": "not_enough"},
    ],
    panels=[
        define.Panel(
            "Research",
            "Decisions about evidence",
            "sum by (decision, reason) (increase(millrace_agent_selfrag_decision_total[1h]))",
            "{{decision}}: {{reason}}",
            "bars",
        )
    ],
    alerts=[
        define.Alert(
            "SelfRagEscalations",
            'sum(increase(millrace_agent_selfrag_decision_total{decision="escalate"}[6h])) > 5',
            "warning",
            "{{ $value | humanize }} researches of the last six hours found no way on and were left"
            " for a person",
            (
                "web search is down, and memory has to serve",
                "questions that the sources do not cover",
                "a model that repeats its queries",
            ),
            ("scripts/millrace health", "scripts/millrace show RUN", "scripts/millrace gaps"),
            fires={
                'millrace_agent_selfrag_decision_total{decision="escalate",reason="stalled"}': (
                    "0+0.5x60"
                )
            },
            quiet={
                'millrace_agent_selfrag_decision_total{decision="accept",reason="enough"}': (
                    "0+2x60"
                ),
                'millrace_agent_selfrag_decision_total{decision="escalate",reason="stalled"}': (
                    "0x60"
                ),
            },
        )
    ],
)

SEARCHES = define.define_metric(
    "research_queries_total",
    "counter",
    [define.Label("status", ("ok", "error"))],
    help="Searches of the web and of notes by the researcher.",
    source="spans execute_tool of tools that search",
    sql=(
        "SELECT seen_at AS at, CASE WHEN status = 'ok' AND coalesce(attributes ->> 'tool.success',"
        " 'true') = 'true' THEN 'ok' ELSE 'error' END AS status, 1 AS value, trace_id AS trace FROM"
        " span WHERE name LIKE 'execute_tool %%search' AND status <> 'pending'"
    ),
    means="Whether a question to the world gets an answer at all.",
    do=(
        "scripts/millrace health says whether the search server answers; the setting search_url"
        " names it."
    ),
    panels=[
        define.Panel(
            "Research",
            "Searches that worked",
            'sum(increase(millrace_research_queries_total{status="ok"}[1d])) /'
            " sum(increase(millrace_research_queries_total[1d]))",
            kind="stat",
            unit="ratio",
        )
    ],
)

CONFIDENCE = define.define_metric(
    "research_confidence_ratio",
    "histogram",
    unit="ratio",
    help="How sure the research of a topic or question is of its result, 0 to 1.",
    source="rows of research_result",
    sql=(
        f"SELECT created_at AS at, confidence / 100.0 AS value, {define.RUN_TRACE} FROM"
        " research_result"
    ),
    bounds=define.SHARES,
    means=(
        "The measured quality of the evidence: sources that agree, are trusted and carry each"
        " sentence."
    ),
    do="scripts/millrace show RUN lists the parts of each topic's confidence.",
    panels=[
        define.Panel(
            "Research",
            f"Confidence, P{share}",
            f"histogram_quantile(0.{share}, sum by (le)"
            " (increase(millrace_research_confidence_ratio_bucket[1d])))",
            unit="ratio",
        )
        for share in (50, 95)
    ],
    alerts=[
        define.Alert(
            "QualityDrop",
            "increase(millrace_research_confidence_ratio_sum[1d]) /"
            " increase(millrace_research_confidence_ratio_count[1d]) < 0.8 *"
            " (increase(millrace_research_confidence_ratio_sum[14d]) /"
            " increase(millrace_research_confidence_ratio_count[14d])) and"
            " increase(millrace_research_confidence_ratio_count[1d]) >= 3",
            "warning",
            "results of the last day are a fifth less sure than those of two weeks",
            ("a source is gone", "a model or prompt was changed", "web search falls back on less"),
            (
                "scripts/millrace scorecard",
                "scripts/millrace audit show RUN",
                "scripts/millrace show last",
            ),
            fires={
                "millrace_research_confidence_ratio_sum": "0+8x72 576+2x24",
                "millrace_research_confidence_ratio_count": "0+10x96",
            },
            quiet={
                "millrace_research_confidence_ratio_sum": "0+8x96",
                "millrace_research_confidence_ratio_count": "0+10x96",
            },
            at="95h",
            tick="1h",
        )
    ],
)

EVIDENCE = define.define_metric(
    "research_evidence_total",
    "counter",
    [
        define.Label("trust", ("own", "trusted", "untrusted")),
        define.Label("origin", ("web", "collected", "memory", "tool")),
    ],
    help="Passages kept as evidence, by how far their source is trusted and where they came from.",
    source="rows of evidence",
    sql=(
        "SELECT created_at AS at, trust, CASE WHEN tool = 'memory' OR url LIKE 'memory:%%' THEN"
        " 'memory' WHEN tool IN ('', 'collect', 'collected') THEN 'collected' WHEN tool LIKE"
        f" 'web.%%' THEN 'web' ELSE 'tool' END AS origin, 1 AS value, {define.RUN_TRACE} FROM"
        " evidence"
    ),
    means="What results stand on, and how much of it memory already had.",
    do="Little that is trusted: name trusted sources, or read the documents of your own.",
    panels=[
        define.Panel(
            "Research",
            "Evidence by trust",
            "sum by (trust) (increase(millrace_research_evidence_total[1d]))",
            "{{trust}}",
            "bars",
        ),
        define.Panel(
            "Memory",
            "Evidence from memory",
            'sum(increase(millrace_research_evidence_total{origin="memory"}[1d])) /'
            " sum(increase(millrace_research_evidence_total[1d]))",
            kind="stat",
            unit="ratio",
        ),
    ],
)

FINDINGS = define.define_metric(
    "research_findings_total",
    "counter",
    [define.Label("outcome", ("kept", "dropped", "conflict"))],
    help=(
        "Sentences that results say, those dropped because no evidence carried them, and conflicts"
        " between sources."
    ),
    source="rows of research_result, events decision that drop a sentence",
    sql=f"""SELECT created_at AS at, 'kept' AS outcome, jsonb_array_length(findings) AS value,
        {define.RUN_TRACE}
    FROM research_result WHERE jsonb_array_length(findings) > 0
    UNION ALL
    SELECT created_at, 'conflict', jsonb_array_length(conflicts), {EVENT_TRACE}
    FROM research_result WHERE jsonb_array_length(conflicts) > 0
    UNION ALL
    SELECT at, 'dropped', 1, {EVENT_TRACE}
    FROM run_event WHERE event = 'decision' AND message LIKE 'Dropped: %%'""",
    means="What was made of the evidence.",
    do="Many dropped sentences: the model invents; try another for the writer.",
    panels=[
        define.Panel(
            "Research",
            "Sentences",
            "sum by (outcome) (increase(millrace_research_findings_total[1d]))",
            "{{outcome}}",
            "bars",
        )
    ],
)

SOURCES = define.define_metric(
    "source_items_total",
    "counter",
    [define.Label("source", at_most=30)],
    help="Items that were new in a source when it was read.",
    source="rows of source_reading",
    sql=(
        "SELECT r.started_at + make_interval(secs => s.seconds) AS at, s.source, s.fresh AS value,"
        " replace(s.run_id::text, '-', '') AS trace FROM source_reading s JOIN run r ON r.id ="
        " s.run_id"
    ),
    means="Whether each source still has something to say.",
    do=(
        "A source without items for days has moved or refuses: scripts/millrace step"
        " research/read_source source=NAME."
    ),
    panels=[
        define.Panel(
            "Research",
            "New items by source",
            "sum by (source) (increase(millrace_source_items_total[1d]))",
            "{{source}}",
            "bars",
        )
    ],
)
