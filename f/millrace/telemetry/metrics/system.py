# requirements:

"""Metrics of the system itself: health, capacity, whether telemetry keeps up."""

from f.millrace.telemetry.metrics import define

STATES = ("healthy", "degraded", "critical", "unknown")
PARTS = ("database", "model", "tools", "search", "mail", "jaeger", "schedules", "disk")
# A check that is older than three turns of its schedule says nothing about now.
LATEST = (
    "(SELECT state FROM health_check h WHERE h.part = parts.part AND h.at > now() - interval '15"
    " minutes' ORDER BY id DESC LIMIT 1)"
)

HEALTH = define.define_metric(
    "health_state",
    "gauge",
    [define.Label("part", PARTS), define.Label("state", STATES)],
    help="1 for the state that each component is in.",
    source="rows of health_check, written every five minutes",
    sql=(
        f"SELECT parts.part, states.state, (coalesce({LATEST}, 'unknown') = states.state)::int AS"
        f" value FROM unnest(ARRAY{list(PARTS)}) AS parts (part), unnest(ARRAY{list(STATES)}) AS"
        " states (state)"
    ),
    means=(
        "healthy, degraded (works with less), critical (does not work), unknown (was not checked"
        " for 15 minutes)."
    ),
    do="scripts/millrace health says why, and the next step for each fault.",
    panels=[
        define.Panel(
            "Overview",
            "Health",
            "max by (part, state) (millrace_health_state) == 1",
            "{{part}} {{state}}",
            "table",
        ),
    ],
    alerts=[
        define.Alert(
            "Unhealthy",
            'max by (part) (millrace_health_state{state="critical"}) == 1',
            "critical",
            "{{ $labels.part }} does not work",
            (
                "it is not running",
                "its address or key in the settings is wrong",
                "the disk is full",
            ),
            ("scripts/millrace health", "the next step that it names"),
            fires={'millrace_health_state{part="database",state="critical"}': "1x60"},
            quiet={
                'millrace_health_state{part="database",state="critical"}': "0x60",
                'millrace_health_state{part="mail",state="degraded"}': "1x60",
            },
            wait="5m",
        ),
        define.Alert(
            "HealthUnknown",
            'min(millrace_health_state{state="unknown"}) == 1',
            "warning",
            "nothing has checked the components' health for a quarter of an hour",
            ("the schedule of check_health is off", "no worker runs"),
            ("scripts/millrace health", "scripts/millrace schedule cron check_health"),
            fires={
                'millrace_health_state{part="database",state="unknown"}': "1x60",
                'millrace_health_state{part="disk",state="unknown"}': "1x60",
            },
            quiet={
                'millrace_health_state{part="database",state="unknown"}': "0x60",
                'millrace_health_state{part="disk",state="unknown"}': "1x60",
            },
            wait="10m",
        ),
    ],
)

CAPACITY = define.define_metric(
    "capacity_used_ratio",
    "gauge",
    [define.Label("resource", ("connections", "approvals"))],
    "ratio",
    "How much of what is limited is in use: connections of the database; days of waiting questions"
    " out of a week.",
    source="pg_stat_activity, rows of action",
    sql=(
        "SELECT 'connections' AS resource, count(*)::float /"
        " current_setting('max_connections')::int AS value FROM pg_stat_activity UNION ALL SELECT"
        " 'approvals', least(1, coalesce(max(extract(epoch FROM now() - asked_at)), 0) / 604800)"
        " FROM action WHERE state = 'proposed' AND asked_at IS NOT NULL"
    ),
    means="How much room is left.",
    do="Connections: fewer workers, or a larger max_connections. Approvals: answer them.",
    panels=[
        define.Panel(
            "Performance",
            "Capacity in use",
            "max by (resource) (millrace_capacity_used_ratio)",
            "{{resource}}",
            unit="ratio",
        )
    ],
    alerts=[
        define.Alert(
            "CapacityShort",
            "max by (resource) (millrace_capacity_used_ratio) > 0.9",
            "warning",
            "{{ $labels.resource }}: {{ $value | humanizePercentage }} are in use",
            ("more workers than the database allows", "questions that nobody answers"),
            ("scripts/millrace health", "scripts/millrace approvals list"),
            fires={'millrace_capacity_used_ratio{resource="connections"}': "0.95x60"},
            quiet={'millrace_capacity_used_ratio{resource="connections"}': "0.5x60"},
            wait="5m",
        )
    ],
)

DATABASE = define.define_metric(
    "database_bytes",
    "gauge",
    unit="bytes",
    help="Size of the database.",
    source="pg_database_size",
    sql="SELECT pg_database_size(current_database()) AS value",
    means="How much is stored.",
    do="Shorter trace_days, event_days, metric_days or memory_days keep less.",
    panels=[
        define.Panel("Performance", "Size of the database", "millrace_database_bytes", unit="bytes")
    ],
)

SESSIONS = define.define_metric(
    "sessions",
    "gauge",
    help="Conversations with a word in the last hour.",
    source="rows of chat_session",
    sql="SELECT count(*) AS value FROM chat_session WHERE updated_at > now() - interval '1 hour'",
    means="How many people are in a conversation.",
    do="Nothing by itself.",
    panels=[define.Panel("Overview", "Conversations", "millrace_sessions", kind="stat")],
)

BACKLOG = define.define_metric(
    "telemetry_backlog",
    "gauge",
    help=(
        "Traces of ended runs that sampling keeps or has not judged, and that were not sent for 10"
        " minutes."
    ),
    source="rows of run and span",
    sql=(
        "SELECT count(*) AS value FROM run r WHERE finished_at < now() - interval '10 minutes' AND"
        " finished_at > now() - interval '30 days' AND EXISTS (SELECT FROM run WHERE root_sent_at"
        " IS NOT NULL) AND sampled_end IS DISTINCT FROM finished_at"
    ),
    means="Whether traces reach Jaeger; 0 as long as none was ever sent.",
    do=(
        "scripts/millrace health: is Jaeger up? scripts/millrace run export_traces sends what is"
        " left."
    ),
    panels=[define.Panel("Performance", "Traces not sent", "millrace_telemetry_backlog")],
    alerts=[
        define.Alert(
            "TelemetryBacklog",
            "millrace_telemetry_backlog > 50",
            "warning",
            "{{ $value }} traces were not sent",
            (
                "Jaeger is down",
                "ops/export_traces is not scheduled",
                "the address otlp_endpoint is wrong",
            ),
            ("scripts/millrace health", "scripts/millrace run export_traces"),
            fires={"millrace_telemetry_backlog": "80x60"},
            quiet={"millrace_telemetry_backlog": "3x60"},
            wait="10m",
        )
    ],
)

EVENTS = define.define_metric(
    "events_total",
    "counter",
    [define.Label("event", at_most=40)],
    help="Events of runs.",
    source="rows of run_event",
    sql=f"SELECT at, event, 1 AS value, {define.RUN_TRACE} FROM run_event",
    means="How much the runs have to say.",
    do="Nothing by itself.",
    panels=[
        define.Panel(
            "Performance",
            "Events an hour",
            "sum by (event) (increase(millrace_events_total[1h]))",
            "{{event}}",
            "bars",
        )
    ],
)

REFUSED = define.define_metric(
    "labels_refused_total",
    "counter",
    [define.Label("metric", at_most=150), define.Label("label", at_most=60)],
    help="Samples whose label had a value beyond its bounds; they are counted under `other`.",
    source="the roll-up of the metrics",
    sql="SELECT now() AS at, '' AS metric, '' AS label, 0 AS value, '' AS trace WHERE false",
    means="Something makes new names all the time, or a bound is too tight.",
    do="See which label it is; give it fewer values, or a larger at_most.",
    panels=[
        define.Panel(
            "Performance",
            "Labels refused",
            "sum by (metric, label) (increase(millrace_labels_refused_total[1d])) or vector(0)",
            "{{metric}} {{label}}",
            "bars",
        )
    ],
    alerts=[
        define.Alert(
            "LabelsRefused",
            "sum by (metric, label) (increase(millrace_labels_refused_total[1h])) > 10",
            "info",
            "{{ $labels.label }} of {{ $labels.metric }} has more values than it may",
            ("names with a date or an id in them", "many models or tools"),
            ("scripts/millrace metrics show", "the label's bound in f/millrace/telemetry/metrics"),
            fires={'millrace_labels_refused_total{metric="events_total",label="event"}': "0+1x60"},
            quiet={'millrace_labels_refused_total{metric="events_total",label="event"}': "5x60"},
        )
    ],
)

BUILD = define.define_metric(
    "exporter_up",
    "gauge",
    help="1 as long as the exporter can read the database.",
    source="the exporter",
    sql="SELECT 1 AS value",
    means="Whether metrics can be read at all.",
    do="docker compose ps exporter, or scripts/millrace metrics serve.",
    panels=[define.Panel("Overview", "Exporter", "max(millrace_exporter_up)", kind="stat")],
    alerts=[
        define.Alert(
            "NoFigures",
            "absent(millrace_exporter_up)",
            "emergency",
            "there are no metrics: nobody would see that something is wrong",
            ("the exporter is not running", "the database is away", "Prometheus cannot reach it"),
            (
                "docker compose ps exporter",
                "scripts/millrace health",
                "scripts/millrace metrics serve",
            ),
            fires={"millrace_requests_total": "0x60"},
            quiet={"millrace_exporter_up": "1x60"},
            wait="5m",
        )
    ],
)
