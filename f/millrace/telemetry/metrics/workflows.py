# requirements:

"""Figures of workflows: runs, how long they take and wait, what is tried again, what stands still,
what was missed.
"""

from f.millrace.telemetry.metrics import define

FLOW = define.Label("flow", at_most=60)
ENDED = "FROM run WHERE finished_at IS NOT NULL AND status <> 'running'"
TRACE = "replace(id::text, '-', '') AS trace"
WORKED = "extract(epoch FROM finished_at - started_at - run_waited(run)) AS value"
STATES = ("done", "partly_failed", "failed", "cancelled", "stopped", "killed", "waiting")

RUNS = define.define_metric(
    "workflow_runs_total",
    "counter",
    [FLOW, define.Label("status", STATES)],
    help="Runs that have ended, by flow and how.",
    source="rows of run",
    sql=f"SELECT finished_at AS at, flow, status, 1 AS value, {TRACE} {ENDED}",
    means=(
        "Which flows run, and how well they end. `stopped` means that there was nothing to do,"
        " `cancelled` that a person ended it."
    ),
    do="scripts/millrace runs lists them; scripts/millrace show RUN says which step gave up.",
    panels=[
        define.Panel(
            "Workflows",
            "Runs a day",
            'sum by (flow, status) (increase(millrace_workflow_runs_total{flow=~"$flow"}[1d]))',
            "{{flow}} {{status}}",
            "bars",
        ),
        define.Panel(
            "Workflows",
            "Completion",
            "sum by (flow)"
            ' (increase(millrace_workflow_runs_total{flow=~"$flow",status=~"done|stopped"}[1d])) /'
            " sum by (flow)"
            ' (increase(millrace_workflow_runs_total{flow=~"$flow",status!="cancelled"}[1d]))',
            "{{flow}}",
            "stat",
            "ratio",
        ),
    ],
)

DURATION = define.define_metric(
    "workflow_duration_seconds",
    "histogram",
    [FLOW],
    "seconds",
    "How long a run takes, without the time in which it waits for people.",
    source="rows of run, step, action and approval",
    sql=f"SELECT finished_at AS at, flow, {WORKED}, {TRACE} {ENDED}",
    bounds=(*define.SECONDS, 3600, 21600, 86400),
    means="From start to end; what people take to answer is not counted.",
    do="scripts/millrace trace RUN shows where the time went.",
    panels=[
        define.Panel(
            "Workflows",
            f"Duration, P{share}",
            f"histogram_quantile(0.{share}, sum by (flow, le)"
            ' (increase(millrace_workflow_duration_seconds_bucket{flow=~"$flow"}[1d])))',
            "{{flow}}",
            unit="seconds",
        )
        for share in (50, 95)
    ],
)

QUEUE = define.define_metric(
    "workflow_queue_seconds",
    "histogram",
    [FLOW],
    "seconds",
    "How long after its scheduled time a run began.",
    source="rows of run with a scheduled time",
    sql=(
        "SELECT started_at AS at, flow, greatest(0, extract(epoch FROM started_at -"
        f" coalesce(scheduled_for, started_at))) AS value, {TRACE} FROM run"
    ),
    bounds=(*define.SECONDS, 3600, 21600, 86400),
    means="Whether there are workers enough; a run started by hand waits for nothing.",
    do="More workers: WORKERS in .env, then docker compose up -d.",
    panels=[
        define.Panel(
            "Workflows",
            "Wait before the start, P95",
            "histogram_quantile(0.95, sum by (flow, le)"
            ' (increase(millrace_workflow_queue_seconds_bucket{flow=~"$flow"}[1d])))',
            "{{flow}}",
            unit="seconds",
        )
    ],
)

RUNNING = define.define_metric(
    "workflow_active",
    "gauge",
    [define.Label("state", ("running", "waiting"))],
    help="Runs that are under way, and those that wait for a person.",
    source="rows of run",
    sql=(
        "SELECT state, (SELECT count(*) FROM run WHERE status = state) AS value FROM (VALUES"
        " ('running'), ('waiting')) AS states (state)"
    ),
    means="What is going on now.",
    do="Waiting runs: scripts/millrace approvals list.",
    panels=[
        define.Panel(
            "Overview",
            "Under way",
            "sum by (state) (millrace_workflow_active)",
            "{{state}}",
            "stat",
        )
    ],
)

WORKFLOWS = define.define_metric(
    "workflows",
    "gauge",
    help="Flows that ran in the last 30 days.",
    source="rows of run",
    sql=(
        "SELECT count(DISTINCT labels ->> 'flow') AS value FROM metric_hour WHERE metric ="
        " 'workflow_runs_total' AND hour > %(now)s - interval '30 days' AND value > 0"
    ),
    means="How many kinds of work are done.",
    do="One less than before: its schedule is off or fails at once.",
    panels=[define.Panel("Workflows", "Flows", "millrace_workflows", kind="stat")],
)

RETRIES = define.define_metric(
    "step_retries_total",
    "counter",
    [FLOW],
    help="Further tries of steps.",
    source="rows of step, their tries",
    sql=(
        "SELECT s.finished_at AS at, r.flow, s.tries - 1 AS value, replace(s.run_id::text, '-', '')"
        " AS trace FROM step s JOIN run r ON r.id = s.run_id WHERE s.finished_at IS NOT NULL"
    ),
    means="How often something had to be done again.",
    do="The error of the first try is in the trace; one that always comes is worth a fix.",
    panels=[
        define.Panel(
            "Workflows",
            "Steps tried again",
            'sum by (flow) (increase(millrace_step_retries_total{flow=~"$flow"}[1d]))',
            "{{flow}}",
            "bars",
        )
    ],
)

STALLED = define.define_metric(
    "workflow_stalled",
    "gauge",
    help="Runs without progress for longer than the setting stalled_seconds.",
    source="rows of run, step and run_event",
    sql=(
        "SELECT count(*) AS value FROM run r WHERE status = 'running' AND greatest(r.started_at,"
        " (SELECT max(greatest(started_at, finished_at)) FROM step WHERE run_id = r.id), (SELECT"
        " max(at) FROM run_event WHERE run_id = r.id)) < now() - make_interval(secs =>"
        " %(stalled_seconds)s)"
    ),
    means="Work that nobody is doing any more.",
    do="scripts/millrace recover goes on with them.",
    panels=[define.Panel("Workflows", "Standing still", "millrace_workflow_stalled", kind="stat")],
    alerts=[
        define.Alert(
            "StalledRun",
            "millrace_workflow_stalled > 0",
            "critical",
            "{{ $value }} run(s) stand still",
            ("a worker died", "a source or tool hangs", "ops/recover_runs is not scheduled"),
            ("scripts/millrace runs", "scripts/millrace recover", "scripts/millrace trace RUN"),
            fires={"millrace_workflow_stalled": "1x60"},
            quiet={"millrace_workflow_stalled": "0x60"},
            wait="5m",
        )
    ],
)

MISSED = define.define_metric(
    "workflow_missed_total",
    "counter",
    [FLOW],
    help="Scheduled starts that came too late and were skipped, or were done later as one.",
    source="rows of audit, kind run.opened",
    sql=(
        "SELECT at, subject AS flow, (detail ->> 'decision' IN ('too_late', 'catch_up'))::int AS"
        f" value, {define.RUN_TRACE} FROM audit WHERE kind = 'run.opened'"
    ),
    means="Whether the schedule is kept.",
    do="The machine slept, or no worker was free: scripts/millrace schedule shows when it is due.",
    panels=[
        define.Panel(
            "Workflows",
            "Missed starts",
            'sum by (flow) (increase(millrace_workflow_missed_total{flow=~"$flow"}[1d]))',
            "{{flow}}",
            "bars",
        )
    ],
    alerts=[
        define.Alert(
            "MissedSchedule",
            "sum by (flow) (increase(millrace_workflow_missed_total[1d])) > 0.5",
            "warning",
            "{{ $labels.flow }} missed a scheduled start",
            ("the machine was off", "no worker was free", "the database was away"),
            ("scripts/millrace runs", "scripts/millrace health", "the schedule on Windmill"),
            fires={'millrace_workflow_missed_total{flow="daily_research"}': "0x10 1x60"},
            quiet={'millrace_workflow_missed_total{flow="daily_research"}': "1x60"},
        )
    ],
)

OVERHEAD = define.define_metric(
    "workflow_overhead_seconds_total",
    "counter",
    [FLOW],
    "seconds",
    "Time of runs in which none of their steps ran and nobody was waited for: the engine's.",
    source="rows of run, step, action and approval",
    sql=(
        "SELECT r.finished_at AS at, r.flow, greatest(0, extract(epoch FROM r.finished_at -"
        " r.started_at - run_waited(r)) - coalesce((SELECT sum(extract(epoch FROM upper(part) -"
        " lower(part))) FROM (SELECT unnest(range_agg(tstzrange(least(started_at, finished_at),"
        " finished_at))) AS part FROM step WHERE run_id = r.id AND finished_at IS NOT NULL) AS"
        " parts), 0)) AS value, replace(r.id::text, '-', '') AS trace FROM run r WHERE"
        " r.finished_at IS NOT NULL AND r.status <> 'running'"
    ),
    means="What coordination costs beside the work itself.",
    do="Much of it: too few workers, or a slow start of steps.",
    panels=[
        define.Panel(
            "Workflows",
            "Overhead",
            'sum by (flow) (increase(millrace_workflow_overhead_seconds_total{flow=~"$flow"}[1d])) '
            '/ sum by (flow) (increase(millrace_workflow_duration_seconds_sum{flow=~"$flow"}[1d]))',
            "{{flow}}",
            unit="ratio",
        )
    ],
)

REQUESTS = define.define_metric(
    "requests_total",
    "counter",
    [define.Label("orchestrator", ("local", "windmill"))],
    help="Runs asked for, of whatever flow.",
    source="rows of run",
    sql=f"SELECT started_at AS at, orchestrator, 1 AS value, {TRACE} FROM run",
    means="How many runs are asked for.",
    do="Nothing by itself.",
    panels=[
        define.Panel(
            "Overview",
            "Runs an hour",
            "sum by (orchestrator) (increase(millrace_requests_total[1h]))",
            "{{orchestrator}}",
            "bars",
        )
    ],
)

REQUEST_DURATION = define.define_metric(
    "request_duration_seconds",
    "histogram",
    unit="seconds",
    help="How long what was asked for took, without waiting for people.",
    source="rows of run, step, action and approval",
    sql=f"SELECT finished_at AS at, {WORKED}, {TRACE} {ENDED}",
    bounds=(*define.SECONDS, 3600, 21600, 86400),
    means="Over all flows; by flow it is workflow_duration_seconds.",
    do="See which flow it is on the dashboard Workflows.",
    panels=[
        define.Panel(
            "Overview",
            "Duration of runs, P95",
            "histogram_quantile(0.95, sum by (le)"
            " (increase(millrace_request_duration_seconds_bucket[1d])))",
            unit="seconds",
        )
    ],
)

ERRORS = define.define_metric(
    "errors_total",
    "counter",
    [define.Label("place", ("run", "step", "agent", "tool"))],
    help="What ended in an error, by where.",
    source="rows of run and step, spans invoke_agent and execute_tool",
    sql=f"""SELECT finished_at AS at, 'run' AS place, 1 AS value, {TRACE} FROM run
    WHERE status IN ('failed', 'killed', 'partly_failed') AND finished_at IS NOT NULL
    UNION ALL
    SELECT finished_at, 'step', 1, replace(run_id::text, '-', '') FROM step
    WHERE status IN ('failed', 'killed', 'timed_out') AND finished_at IS NOT NULL
      -- nobody answered: no error of the step that asked
      AND name NOT IN ('approvals.ask', 'blocks.ask_approval')
    UNION ALL
    SELECT seen_at, CASE WHEN name LIKE 'invoke_agent %%' THEN 'agent' ELSE 'tool' END, 1, trace_id
    FROM span WHERE status IN ('error', 'killed')
      AND (name LIKE 'invoke_agent %%' OR name LIKE 'execute_tool %%')""",
    means="Everything that went wrong, once at each level it was felt at.",
    do="The exemplar's trace shows the last case.",
    panels=[
        define.Panel(
            "Overview",
            "Errors an hour",
            "sum by (place) (increase(millrace_errors_total[1h]))",
            "{{place}}",
            "bars",
        ),
        define.Panel(
            "Performance",
            "Errors a minute",
            "sum by (place) (rate(millrace_errors_total[1h])) * 60",
            "{{place}}",
        ),
    ],
    alerts=[
        define.Alert(
            "ErrorRate",
            'sum(increase(millrace_errors_total{place="run"}[6h])) > 2 and'
            ' sum(increase(millrace_errors_total{place="run"}[6h])) /'
            " sum(increase(millrace_requests_total[6h])) > 0.2",
            "critical",
            "more than one of five runs of the last six hours failed",
            (
                "the database, the model or the network is away",
                "a change that was just deployed",
                "a source that breaks a step",
            ),
            ("scripts/millrace health", "scripts/millrace runs", "scripts/millrace show RUN"),
            fires={
                'millrace_errors_total{place="run"}': "0+0.2x60",
                'millrace_requests_total{orchestrator="local"}': "0+0.3x60",
            },
            quiet={
                'millrace_errors_total{place="run"}': "0+0.2x60",
                'millrace_requests_total{orchestrator="local"}': "0+3x60",
            },
        )
    ],
)
