# requirements:

"""Figures of tools and of the guards in front of them."""

from f.millrace.telemetry.metrics import agents, define

TOOL = define.Label("tool", at_most=60)
SEARCHES = 'millrace_agent_tool_calls_total{{agent="researcher",tool="web.search",status="{}"}}'
CALLS = "FROM span WHERE name LIKE 'execute_tool %%' AND status <> 'pending'"
NAMED = (
    "coalesce(attributes ->> 'agent.id', 'millrace') AS agent, attributes ->> 'tool.name' AS tool"
)
# The classes of why: bounded, as the words of a rule are not.
REASONS = (
    "low",
    "medium",
    "high",
    "tainted",
    "person",
    "policy",
    "nobody",
    "run",
    "user_day",
    "flow_day",
    "call",
    "authority",
)

TOOL_CALLS = define.define_metric(
    "agent_tool_calls_total",
    "counter",
    [agents.AGENT, TOOL, define.Label("status", ("ok", "error", "killed"))],
    help="Calls of tools by agents; `millrace` is the product itself, which sends the mails.",
    source="spans execute_tool",
    sql=(
        f"SELECT seen_at AS at, {NAMED}, CASE WHEN status = 'ok' AND attributes ->> 'tool.success'"
        f" = 'false' THEN 'error' ELSE status END AS status, 1 AS value, trace_id AS trace {CALLS}"
    ),
    means=(
        "What the agents do to the world, and how much of it works. A tool that fell back on less"
        " counts as an error."
    ),
    do=(
        "scripts/millrace tools list shows which tools are there; the span's tool.error_type says"
        " what went wrong."
    ),
    panels=[
        define.Panel(
            "Agents",
            "Tool calls an hour",
            "sum by (tool, status)"
            ' (increase(millrace_agent_tool_calls_total{agent=~"$agent"}[1h]))',
            "{{tool}} {{status}}",
        ),
        define.Panel(
            "Overview",
            "Tool success",
            'sum(increase(millrace_agent_tool_calls_total{status="ok"}[1d])) /'
            " sum(increase(millrace_agent_tool_calls_total[1d]))",
            kind="stat",
            unit="ratio",
        ),
    ],
    alerts=[
        define.Alert(
            "ToolFailures",
            "sum by (tool) (increase(millrace_agent_tool_calls_total[1h])) >= 5 and "
            '1 - sum by (tool) (increase(millrace_agent_tool_calls_total{status="ok"}[1h])) '
            "/ sum by (tool) (increase(millrace_agent_tool_calls_total[1h])) > 0.3",
            "warning",
            "more than three of ten calls of {{ $labels.tool }} fail",
            ("its server is down or slow", "its key has expired", "the sites it reads refuse it"),
            (
                "scripts/millrace health",
                "scripts/millrace tools list",
                "scripts/millrace trace last",
            ),
            fires={
                SEARCHES.format("error"): "0+1x60",
                SEARCHES.format("ok"): "0+1x60",
            },
            quiet={
                SEARCHES.format("error"): "0+1x60",
                SEARCHES.format("ok"): "0+9x60",
            },
        )
    ],
)

TOOL_LATENCY = define.define_metric(
    "agent_tool_latency_seconds",
    "histogram",
    [agents.AGENT, TOOL],
    "seconds",
    "How long a call of a tool takes, its second try included.",
    source="spans execute_tool",
    sql=(
        f"SELECT seen_at AS at, {NAMED}, extract(epoch FROM finished_at - started_at) AS value,"
        f" trace_id AS trace {CALLS}"
    ),
    bounds=define.SECONDS,
    means="How long agents wait for the world.",
    do=(
        "A slow tool of a server of others: scripts/millrace tools; a slow page: nothing, it has a"
        " time-out."
    ),
    panels=[
        define.Panel(
            "Performance",
            "Tool latency, P95",
            "histogram_quantile(0.95, sum by (tool, le)"
            ' (increase(millrace_agent_tool_latency_seconds_bucket{agent=~"$agent"}[1h])))',
            "{{tool}}",
            unit="seconds",
        )
    ],
)

GUARDS = """
SELECT seen_at AS at, 'risk' AS gate,
       CASE attributes ->> 'millrace.decision'
           WHEN 'run' THEN 'allowed' WHEN 'refuse' THEN 'denied' ELSE 'asked'
       END AS decision,
       CASE attributes ->> 'millrace.decision'
           WHEN 'refuse' THEN 'tainted' ELSE attributes ->> 'agent.risk_level'
       END AS reason, 1 AS value, trace_id AS trace
FROM span WHERE name LIKE 'risk_decision %%' AND status <> 'pending'
  AND attributes ? 'millrace.decision'
UNION ALL
SELECT at, 'approval', CASE kind WHEN 'approval.approved' THEN 'allowed' ELSE 'denied' END,
       CASE
           WHEN kind = 'approval.expired' THEN 'nobody'
           WHEN actor IN ('policy', 'millrace') THEN 'policy'
           ELSE 'person'
       END, 1, coalesce(replace(run_id::text, '-', ''), '')
FROM audit WHERE kind IN ('approval.approved', 'approval.denied', 'approval.expired')
UNION ALL
SELECT at, 'budget',
       CASE (metadata ->> 'percent')::int
           WHEN 70 THEN 'warned' WHEN 90 THEN 'asked' ELSE 'denied'
       END, coalesce(metadata ->> 'scope', 'call'), 1, replace(run_id::text, '-', '')
FROM run_event WHERE event = 'budget'
  AND (metadata ? 'percent' OR metadata ? 'tool' OR metadata ? 'topic')
UNION ALL
SELECT at, 'authority', 'denied', 'authority', 1, coalesce(replace(run_id::text, '-', ''), '')
FROM audit WHERE kind = 'authority.refused'
"""

GUARDRAIL = define.define_metric(
    "agent_guardrail_total",
    "counter",
    [
        define.Label("gate", ("risk", "approval", "budget", "authority")),
        define.Label("decision", ("allowed", "asked", "warned", "denied")),
        define.Label("reason", REASONS),
    ],
    help="What the guards decided about what agents wanted to do.",
    source="spans risk_decision, rows of audit (approvals, authority), events budget",
    sql=GUARDS,
    means="How often a guard lets something pass, asks a person, or refuses.",
    do=(
        "scripts/millrace audit show RUN lists each case; scripts/millrace risk explain TOOL says"
        " which rule decides."
    ),
    zeros=[
        *({"gate": "risk", "decision": "allowed", "reason": level} for level in ("low", "medium")),
        *({"gate": "risk", "decision": "asked", "reason": level} for level in ("medium", "high")),
        {"gate": "risk", "decision": "denied", "reason": "tainted"},
        *(
            {"gate": "approval", "decision": "denied", "reason": who}
            for who in ("person", "nobody")
        ),
        {"gate": "authority", "decision": "denied", "reason": "authority"},
        {"gate": "budget", "decision": "denied", "reason": "call"},
    ],
    panels=[
        define.Panel(
            "Safety",
            "Guards an hour",
            "sum by (gate, decision) (increase(millrace_agent_guardrail_total[1h]))",
            "{{gate}} {{decision}}",
        ),
        define.Panel(
            "Safety",
            "Denied, by reason",
            "sum by (gate, reason)"
            ' (increase(millrace_agent_guardrail_total{decision="denied"}[1d]))',
            "{{gate}} {{reason}}",
            "bars",
        ),
    ],
    alerts=[
        define.Alert(
            "GuardrailDenials",
            'sum by (gate) (increase(millrace_agent_guardrail_total{decision="denied"}[1h])) > 10',
            "warning",
            "the guard {{ $labels.gate }} has refused {{ $value | humanize }} times in an hour",
            (
                "a page or mail tries to make an agent do something",
                "a new tool asks for more than it may",
                "the money is spent",
            ),
            (
                "scripts/millrace audit show RUN",
                "scripts/millrace trace last",
                "scripts/millrace risk explain TOOL",
            ),
            fires={
                'millrace_agent_guardrail_total{gate="risk",decision="denied",reason="tainted"}': (
                    "0+1x60"
                )
            },
            quiet={
                'millrace_agent_guardrail_total{gate="risk",decision="allowed",reason="low"}': (
                    "0+9x60"
                ),
                'millrace_agent_guardrail_total{gate="risk",decision="denied",reason="tainted"}': (
                    "0+0.1x60"
                ),
            },
        )
    ],
)
