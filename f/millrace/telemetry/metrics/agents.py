# requirements:

"""Figures of agents: how often, how long, how well, at what load."""

from f.millrace.telemetry.metrics import define

AGENT = define.Label("agent", at_most=20)
ENDED = "name LIKE 'invoke_agent %%' AND status <> 'pending'"

INVOCATIONS = define.define_metric(
    "agent_invocations_total",
    "counter",
    [AGENT, define.Label("status", ("ok", "error", "killed"))],
    help="Invocations of agents that have ended.",
    source="spans invoke_agent",
    sql=(
        "SELECT seen_at AS at, attributes ->> 'agent.id' AS agent, status, 1 AS value, trace_id AS"
        f" trace FROM span WHERE {ENDED}"
    ),
    means="How much each agent is asked to do, and how much of that fails.",
    do=(
        "Look at the trace behind a failed invocation: the last chat or tool span below it says"
        " why."
    ),
    panels=[
        define.Panel(
            "Overview",
            "Agent invocations an hour",
            "sum(increase(millrace_agent_invocations_total[1h]))",
        ),
        define.Panel(
            "Agents",
            "Invocations an hour",
            "sum by (agent, status)"
            ' (increase(millrace_agent_invocations_total{agent=~"$agent"}[1h]))',
            "{{agent}} {{status}}",
        ),
        define.Panel(
            "Agents",
            "Errors a minute",
            "sum by (agent)"
            ' (rate(millrace_agent_invocations_total{agent=~"$agent",status!="ok"}[1h])) * 60',
            "{{agent}}",
        ),
        define.Panel(
            "Agents",
            "Success",
            "sum by (agent)"
            ' (increase(millrace_agent_invocations_total{agent=~"$agent",status="ok"}[1d])) / sum'
            ' by (agent) (increase(millrace_agent_invocations_total{agent=~"$agent"}[1d]))',
            "{{agent}}",
            "stat",
            "ratio",
        ),
    ],
    alerts=[
        define.Alert(
            "AgentErrors",
            'sum by (agent) (increase(millrace_agent_invocations_total{status!="ok"}[1h])) > 5 and '
            'sum by (agent) (increase(millrace_agent_invocations_total{status!="ok"}[1h])) '
            "/ sum by (agent) (increase(millrace_agent_invocations_total[1h])) > 0.2",
            "warning",
            "{{ $labels.agent }} fails in more than one of five invocations",
            (
                "the model's provider is down or refuses the key",
                "a prompt or tool was changed",
                "the time for a topic is too short",
            ),
            ("scripts/millrace runs", "scripts/millrace trace RUN", "scripts/millrace health"),
            fires={
                'millrace_agent_invocations_total{agent="writer",status="error"}': "0+1x60",
                'millrace_agent_invocations_total{agent="writer",status="ok"}': "0+2x60",
            },
            quiet={
                'millrace_agent_invocations_total{agent="writer",status="error"}': "0+1x60",
                'millrace_agent_invocations_total{agent="writer",status="ok"}': "0+20x60",
            },
        )
    ],
)

DURATION = define.define_metric(
    "agent_duration_seconds",
    "histogram",
    [AGENT],
    "seconds",
    "How long an invocation of an agent takes.",
    source="spans invoke_agent",
    sql=(
        "SELECT seen_at AS at, attributes ->> 'agent.id' AS agent, extract(epoch FROM finished_at"
        f" - started_at) AS value, trace_id AS trace FROM span WHERE {ENDED}"
    ),
    bounds=define.SECONDS,
    means="The time from a question to an agent until its answer, tools and models included.",
    do="Compare with the latency of its turns and tools: the one that grew with it is the cause.",
    panels=[
        define.Panel(
            "Performance",
            f"Agent duration, P{share}",
            f"histogram_quantile(0.{share}, sum by (agent, le)"
            ' (increase(millrace_agent_duration_seconds_bucket{agent=~"$agent"}[1h])))',
            "{{agent}}",
            unit="seconds",
        )
        for share in (50, 95, 99)
    ],
)

TURNS = define.define_metric(
    "agent_turns_total",
    "counter",
    [AGENT],
    help="Requests of agents to models that were answered.",
    source="rows of usage, kind model, settled",
    sql=(
        f"SELECT settled_at AS at, agent, 1 AS value, {define.RUN_TRACE} FROM usage WHERE state ="
        " 'settled' AND kind = 'model'"
    ),
    means="How often an agent goes back to its model.",
    do=(
        "Many turns an invocation mean that answers had to be repaired: look at the spans chat"
        " below invoke_agent."
    ),
    panels=[
        define.Panel(
            "Agents",
            "Turns an hour",
            'sum by (agent) (increase(millrace_agent_turns_total{agent=~"$agent"}[1h]))',
            "{{agent}}",
        ),
        define.Panel(
            "Agents",
            "Turns an invocation",
            'sum by (agent) (increase(millrace_agent_turns_total{agent=~"$agent"}[1d])) '
            '/ sum by (agent) (increase(millrace_agent_invocations_total{agent=~"$agent"}[1d]))',
            "{{agent}}",
            "bars",
        ),
    ],
)

TURN_LATENCY = define.define_metric(
    "agent_turn_latency_seconds",
    "histogram",
    [AGENT],
    "seconds",
    "How long one turn takes: one request of an agent to its model.",
    source="spans chat",
    sql=(
        "SELECT seen_at AS at, attributes ->> 'gen_ai.agent.name' AS agent, extract(epoch FROM"
        " finished_at - started_at) AS value, trace_id AS trace FROM span WHERE name LIKE 'chat %%'"
        " AND status <> 'pending'"
    ),
    bounds=define.SECONDS,
    means="The provider's speed, as the agents feel it.",
    do="If one model is slow, give the agent another (setting agents), or set cheaper_model.",
    panels=[
        define.Panel(
            "Performance",
            f"Turn latency, P{share}",
            f"histogram_quantile(0.{share}, sum by (agent, le)"
            ' (increase(millrace_agent_turn_latency_seconds_bucket{agent=~"$agent"}[1h])))',
            "{{agent}}",
            unit="seconds",
        )
        for share in (50, 95, 99)
    ],
    alerts=[
        define.Alert(
            "SlowTurns",
            "histogram_quantile(0.95, sum by (agent, le)"
            " (increase(millrace_agent_turn_latency_seconds_bucket[1h]))) > 60",
            "warning",
            "one in twenty turns of {{ $labels.agent }} takes more than a minute",
            (
                "the model's provider is slow",
                "prompts have grown",
                "the machine is short of processor time or memory",
            ),
            (
                "scripts/millrace trace last",
                "the dashboard Performance: is it one agent or all?",
                "scripts/millrace health",
            ),
            fires={
                'millrace_agent_turn_latency_seconds_bucket{agent="writer",le="60"}': "0+1x60",
                'millrace_agent_turn_latency_seconds_bucket{agent="writer",le="120"}': "0+5x60",
                'millrace_agent_turn_latency_seconds_bucket{agent="writer",le="+Inf"}': "0+5x60",
            },
            quiet={
                'millrace_agent_turn_latency_seconds_bucket{agent="writer",le="5"}': "0+5x60",
                'millrace_agent_turn_latency_seconds_bucket{agent="writer",le="60"}': "0+5x60",
                'millrace_agent_turn_latency_seconds_bucket{agent="writer",le="+Inf"}': "0+5x60",
            },
        )
    ],
)

AGENTS = define.define_metric(
    "agents",
    "gauge",
    help="Agents that were invoked in the last 30 days.",
    source="spans invoke_agent",
    sql=(
        "SELECT count(DISTINCT labels ->> 'agent') AS value FROM metric_hour WHERE metric ="
        " 'agent_invocations_total' AND hour > %(now)s - interval '30 days'"
    ),
    means="How many kinds of agents are at work.",
    do="If it falls, a step with an agent no longer runs: look at the dashboard Workflows.",
    panels=[define.Panel("Agents", "Agents", "millrace_agents", kind="stat")],
)

LOAD = define.define_metric(
    "agent_load",
    "gauge",
    [AGENT],
    help="Invocations of agents that are running now.",
    source="pending spans invoke_agent",
    sql=(
        "SELECT attributes ->> 'agent.id' AS agent, count(*) FILTER (WHERE status = 'pending') AS"
        " value FROM span WHERE name LIKE 'invoke_agent %%' AND seen_at > now() - interval '1 day'"
        " GROUP BY 1"
    ),
    means="How much each agent does side by side.",
    do="If it stays high while nothing ends, runs stand still: scripts/millrace recover.",
    panels=[
        define.Panel(
            "Agents",
            "Running now",
            'sum by (agent) (millrace_agent_load{agent=~"$agent"})',
            "{{agent}}",
        ),
        define.Panel("Overview", "Active agents", "sum(millrace_agent_load)", kind="stat"),
    ],
)

PARTS = """
WITH ran AS (
    SELECT attributes ->> 'agent.id' AS agent, avg((status = 'ok')::int) AS success,
           avg((finished_at - started_at <= interval '60 seconds')::int) AS in_time
    FROM span WHERE name LIKE 'invoke_agent %%' AND status <> 'pending'
      AND seen_at > now() - interval '7 days'
    GROUP BY 1
), judged AS (
    SELECT agent, avg((outcome IN ('approved', 'silent_success'))::int) AS agreed FROM decision
    WHERE outcome_at > now() - interval '7 days' GROUP BY 1
), part AS (
    SELECT agent, part, value FROM ran LEFT JOIN judged USING (agent),
    LATERAL (
        VALUES ('success', success), ('in_time', in_time), ('agreed', coalesce(agreed, 1))
    ) AS parts (part, value)
)
"""

HEALTH_PARTS = define.define_metric(
    "agent_health_part_ratio",
    "gauge",
    [AGENT, define.Label("part", ("success", "in_time", "agreed"))],
    "ratio",
    "The parts of an agent's health over 7 days: invocations without error, within a minute,"
    " results nobody objected to.",
    source="spans invoke_agent, rows of decision",
    sql=PARTS + "SELECT agent, part, value FROM part",
    means="Why an agent's health is what it is.",
    do=(
        "The lowest part says where to look: errors in the traces, time on the dashboard"
        " Performance, objections in `feedback`."
    ),
    panels=[
        define.Panel(
            "Agents",
            "Health by part",
            'millrace_agent_health_part_ratio{agent=~"$agent"}',
            "{{agent}} {{part}}",
            "bars",
            "ratio",
        )
    ],
)

HEALTH = define.define_metric(
    "agent_health_ratio",
    "gauge",
    [AGENT],
    "ratio",
    "Health of an agent, 0 to 1: half success, 0.3 results nobody objected to, 0.2 within a"
    " minute.",
    source="spans invoke_agent, rows of decision",
    sql=PARTS
    + "SELECT agent, sum(value * CASE part WHEN 'success' THEN 0.5 WHEN 'agreed' THEN 0.3 ELSE 0.2"
    " END) AS value FROM part GROUP BY 1",
    means="One figure for how an agent does; its parts are in agent_health_part_ratio.",
    do="Look at its parts.",
    panels=[
        define.Panel(
            "Overview",
            "Health of the agents",
            "millrace_agent_health_ratio",
            "{{agent}}",
            "stat",
            "ratio",
        ),
        define.Panel(
            "Agents",
            "Health",
            'millrace_agent_health_ratio{agent=~"$agent"}',
            "{{agent}}",
            unit="ratio",
        ),
    ],
    alerts=[
        define.Alert(
            "AgentUnhealthy",
            "millrace_agent_health_ratio < 0.6",
            "warning",
            "the health of {{ $labels.agent }} is {{ $value | humanizePercentage }}",
            (
                "its model fails",
                "its results are corrected or refused",
                "it is much slower than a minute",
            ),
            (
                "the panel Health by part says which part is low",
                "scripts/millrace scorecard",
                "scripts/millrace trace RUN",
            ),
            fires={'millrace_agent_health_ratio{agent="judge"}': "0.4x60"},
            quiet={'millrace_agent_health_ratio{agent="judge"}': "0.9x60"},
            wait="10m",
        )
    ],
)
