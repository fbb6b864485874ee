# requirements:

"""Figures of money: what was spent, on what, and how far the limits are used."""

from f.millrace.telemetry.metrics import agents, define

MODEL = define.Label("model", at_most=40)
SCOPE = define.Label("scope", ("run", "user_day", "flow_day"))
SETTLED = "FROM usage WHERE state = 'settled' AND kind = 'model'"

COST = define.define_metric(
    "cost_usd_total",
    "counter",
    [agents.AGENT, MODEL],
    "usd",
    "US dollars spent on models and paid tools.",
    source="rows of usage, settled",
    sql=(
        f"SELECT settled_at AS at, agent, model, cost_usd AS value, {define.RUN_TRACE} FROM usage"
        " WHERE state = 'settled'"
    ),
    means="Where the money goes; the same rows as `scripts/millrace spend`.",
    do=(
        "scripts/millrace spend --by run shows the dearest runs; a cheaper model for one agent is a"
        " setting."
    ),
    panels=[
        define.Panel(
            "Overview",
            "Spent in 24 hours",
            "sum(increase(millrace_cost_usd_total[1d]))",
            kind="stat",
            unit="usd",
        ),
        define.Panel(
            "Cost",
            "Cost by agent and model",
            "sum by (agent, model)"
            ' (increase(millrace_cost_usd_total{agent=~"$agent",model=~"$model"}[1d]))',
            "{{agent}} {{model}}",
            "bars",
            "usd",
        ),
        define.Panel(
            "Cost",
            "Cost in all",
            'sum(millrace_cost_usd_total{model=~"$model"})',
            kind="stat",
            unit="usd",
        ),
        define.Panel(
            "Cost",
            "Spend expected in the next 24 hours",
            "sum(rate(millrace_cost_usd_total[6h])) * 86400",
            kind="stat",
            unit="usd",
        ),
    ],
)

TOKENS = define.define_metric(
    "token_usage_total",
    "counter",
    [MODEL],
    help="Tokens in and out of models.",
    source="rows of usage, kind model, settled",
    sql=(
        "SELECT settled_at AS at, model, coalesce((tokens ->> 'input')::bigint, 0) +"
        f" coalesce((tokens ->> 'output')::bigint, 0) AS value, {define.RUN_TRACE} {SETTLED}"
    ),
    means="How much text the models read and write.",
    do=(
        "If it grows without more topics, prompts have grown: compare the prompt hashes of two"
        " runs' chat spans."
    ),
    panels=[
        define.Panel(
            "Cost",
            "Tokens an hour by model",
            'sum by (model) (increase(millrace_token_usage_total{model=~"$model"}[1h]))',
            "{{model}}",
        )
    ],
)

AGENT_TOKENS = define.define_metric(
    "agent_tokens_total",
    "counter",
    [agents.AGENT, define.Label("kind", ("input", "output", "cache_read", "reasoning"))],
    help=(
        "Tokens by agent and kind; those read from a cache and those of reasoning are counted with"
        " input and output, too."
    ),
    source="rows of usage, kind model, settled",
    sql=(
        f"SELECT settled_at AS at, agent, key AS kind, value::bigint AS value, {define.RUN_TRACE}"
        " FROM usage, jsonb_each_text(tokens) WHERE state = 'settled' AND kind = 'model' AND key"
        " IN ('input', 'output', 'cache_read', 'reasoning')"
    ),
    means="Which agent needs the tokens, and whether the cache helps.",
    do="Much input with little cache_read: the prompt's beginning changes from call to call.",
    panels=[
        define.Panel(
            "Agents",
            "Tokens an hour",
            'sum by (agent, kind) (increase(millrace_agent_tokens_total{agent=~"$agent"}[1h]))',
            "{{agent}} {{kind}}",
        ),
        define.Panel(
            "Cost",
            "Tokens by kind",
            "sum by (kind) (increase(millrace_agent_tokens_total[1d]))",
            "{{kind}}",
            "bars",
        ),
    ],
)

LIMITS = (
    "FROM budget WHERE limit_usd > 0 AND (key LIKE '%% ' || %(day)s OR (scope = 'run' AND key IN"
    " (SELECT id::text FROM run WHERE status IN ('running', 'waiting') OR finished_at > now() -"
    " interval '1 hour')))"
)


def _spend(percent: int, severity: str, name: str) -> define.Alert:
    return define.Alert(
        name,
        f"max by (scope) (millrace_budget_used_ratio) >= {percent / 100:g}",
        severity,  # type: ignore[arg-type]
        f"{percent} % of a limit ({{{{ $labels.scope }}}}) are used: {{{{ $value |"
        " humanizePercentage }}",
        ("more topics or questions than usual", "a dearer model", "a run that repeats itself"),
        (
            "scripts/millrace spend --by run --days 1",
            "scripts/millrace runs",
            "raise the limit, or wait for the new day (UTC)",
        ),
        fires={'millrace_budget_used_ratio{scope="user_day"}': f"{percent / 100:g}x60"},
        quiet={'millrace_budget_used_ratio{scope="user_day"}': f"{percent / 100 - 0.05:g}x60"},
    )


USED = define.define_metric(
    "budget_used_ratio",
    "gauge",
    [SCOPE],
    "ratio",
    "The part of the most used limit that is spent: of a run, of a user's day, of a flow's day.",
    source="rows of budget",
    sql=f"SELECT scope, max(spent_usd / limit_usd) AS value {LIMITS} GROUP BY scope",
    means=(
        "How near the money is to its end: at 0.7 it warns, from 0.9 a person is asked, at 1"
        " nothing more is started."
    ),
    do="See what it was spent on, then raise the limit or let it hold.",
    panels=[
        define.Panel(
            "Overview", "Limits used", "max(millrace_budget_used_ratio)", kind="stat", unit="ratio"
        ),
        define.Panel(
            "Cost", "Limits used", "millrace_budget_used_ratio", "{{scope}}", unit="ratio"
        ),
    ],
    alerts=[
        _spend(70, "info", "Spend70"),
        _spend(90, "warning", "Spend90"),
        _spend(100, "critical", "Spend100"),
    ],
)

LIMIT = define.define_metric(
    "budget_limit_usd",
    "gauge",
    [SCOPE],
    "usd",
    "The limit that holds: the lowest of each scope.",
    source="rows of budget",
    sql=f"SELECT scope, min(limit_usd) AS value {LIMITS} GROUP BY scope",
    means="What may be spent at most.",
    do="It is a setting: run_usd, daily_budget_usd, flow_daily_usd, or a pipeline's own budget.",
    panels=[
        define.Panel("Cost", "Limits", "millrace_budget_limit_usd", "{{scope}}", "stat", "usd")
    ],
    alerts=[
        define.Alert(
            "BudgetBurn",
            "sum(increase(millrace_cost_usd_total[1h])) * 24 >"
            ' scalar(min(millrace_budget_limit_usd{scope="user_day"})) and on ()'
            ' max(millrace_budget_used_ratio{scope="user_day"}) > 0.2',
            "warning",
            "at the speed of the last hour the day's money does not last: {{ $value | humanize }}"
            " USD a day",
            ("a loop that asks again and again", "a large folder of documents", "a dearer model"),
            (
                "scripts/millrace spend --by run --days 1",
                "scripts/millrace runs",
                "scripts/millrace audit show RUN",
            ),
            fires={
                'millrace_cost_usd_total{agent="writer",model="m"}': "0+0.1x60",
                'millrace_budget_limit_usd{scope="user_day"}': "50x60",
                'millrace_budget_used_ratio{scope="user_day"}': "0.3x60",
            },
            quiet={
                'millrace_cost_usd_total{agent="writer",model="m"}': "0+0.01x60",
                'millrace_budget_limit_usd{scope="user_day"}': "50x60",
                'millrace_budget_used_ratio{scope="user_day"}': "0.3x60",
            },
            at="60m",
        )
    ],
)
