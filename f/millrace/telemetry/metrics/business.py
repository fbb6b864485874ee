# requirements:

"""Business metrics: tasks, accuracy, cost, on-time digest: tasks done, how right they were, what
one costs, whether the digest was there.
"""

from f.millrace.telemetry.metrics import define

OUTCOMES = ("approved", "corrected", "refused", "undone", "silent_success")

TASKS = define.define_metric(
    "tasks_total",
    "counter",
    [define.Label("outcome", ("completed", "unreviewed", "no_sources"))],
    help="Topics and questions that were worked on, by what came of them.",
    source="rows of decision (judgements) and of research_result",
    # Not `review`, which an answer changes: a task is counted once. A topic that money ended was
    # never judged.
    sql=f"""SELECT coalesce(d.made_at, r.created_at) AS at,
        CASE
            WHEN r.no_sources THEN 'no_sources'
            WHEN d.escalated IS NOT FALSE THEN 'unreviewed'
            ELSE 'completed'
        END AS outcome,
        1 AS value, {define.RUN_TRACE}
    FROM (
        SELECT run_id, subject AS topic_id, escalated, made_at FROM decision
        WHERE kind = 'judgement'
    ) d
    FULL JOIN research_result r USING (run_id, topic_id)""",
    means=(
        "The work that people see: `completed` stands on its evidence, `unreviewed` is marked as"
        " unsure, `no_sources` found nothing."
    ),
    do="Few completed: look at the confidence and the sources on the dashboard Research.",
    panels=[
        define.Panel(
            "Overview",
            "Tasks a day",
            "sum by (outcome) (increase(millrace_tasks_total[1d]))",
            "{{outcome}}",
            "bars",
        ),
        define.Panel(
            "Overview",
            "Task completion",
            'sum(increase(millrace_tasks_total{outcome="completed"}[1d])) /'
            " sum(increase(millrace_tasks_total[1d]))",
            kind="stat",
            unit="ratio",
        ),
        define.Panel(
            "Performance", "Throughput, tasks an hour", "sum(increase(millrace_tasks_total[1h]))"
        ),
        define.Panel(
            "Cost",
            "Cost a task",
            "sum(increase(millrace_cost_usd_total[1d])) / sum(increase(millrace_tasks_total[1d]))",
            kind="stat",
            unit="usd",
        ),
    ],
)

DECISIONS = define.define_metric(
    "decisions_total",
    "counter",
    [define.Label("kind", ("judgement", "action")), define.Label("outcome", OUTCOMES)],
    help=(
        "Decisions of agents by how they came out: approved, corrected, refused, undone, or right"
        " without a word."
    ),
    source="rows of decision",
    sql=(
        f"SELECT outcome_at AS at, kind, outcome, 1 AS value, {define.RUN_TRACE} FROM decision"
        " WHERE outcome IS NOT NULL"
    ),
    means="How right the agents were, by those who have to live with it.",
    do=(
        "scripts/millrace feedback records what a person thinks; scripts/millrace scorecard"
        " compares with the targets."
    ),
    panels=[
        define.Panel(
            "Overview",
            "Decisions a day",
            "sum by (outcome) (increase(millrace_decisions_total[1d]))",
            "{{outcome}}",
            "bars",
        ),
        define.Panel(
            "Safety",
            "Approvals and corrections",
            "sum by (kind, outcome) (increase(millrace_decisions_total[1d]))",
            "{{kind}} {{outcome}}",
            "bars",
        ),
    ],
)

JUDGED = define.define_metric(
    "judgement_faults_total",
    "counter",
    [define.Label("fault", ("false_alarm", "miss"))],
    help=(
        "False alarms: a person was asked, and it was right. Misses: nobody was asked, and it was"
        " wrong."
    ),
    source="rows of decision, kind judgement",
    sql=(
        "SELECT outcome_at AS at, CASE WHEN escalated THEN 'false_alarm' ELSE 'miss' END AS fault,"
        f" 1 AS value, {define.RUN_TRACE} FROM decision WHERE kind = 'judgement' AND ((escalated"
        " AND outcome = 'approved') OR (NOT escalated AND outcome IN ('corrected', 'refused',"
        " 'undone')))"
    ),
    means="Whether confidence asks for a person where one is needed.",
    do="Many false alarms: lower confidence_review. Misses: raise it.",
    panels=[
        define.Panel(
            "Safety",
            "False alarms and misses",
            "sum by (fault) (increase(millrace_judgement_faults_total[1d]))",
            "{{fault}}",
            "bars",
        )
    ],
)

QUALITY = define.define_metric(
    "quality_ratio",
    "gauge",
    unit="ratio",
    help="Mean confidence of the results of the last 7 days.",
    source="rows of research_result",
    sql=(
        "SELECT avg(confidence) / 100 AS value FROM research_result WHERE created_at > now() -"
        " interval '7 days'"
    ),
    means="How good the week's results are.",
    do="Compare with the decisions: confidence that people do not share is not quality.",
    panels=[
        define.Panel("Overview", "Quality", "millrace_quality_ratio", kind="stat", unit="ratio")
    ],
)

AVAILABILITY = define.define_metric(
    "availability_ratio",
    "gauge",
    unit="ratio",
    help="The part of the runs of the last 7 days that ended well.",
    source="rows of run",
    sql=(
        "SELECT avg((status IN ('done', 'stopped', 'partly_failed'))::int) AS value FROM run WHERE"
        " finished_at > now() - interval '7 days' AND status <> 'cancelled'"
    ),
    means="Whether tasks are done as asked.",
    do="scripts/millrace runs shows those that did not.",
    panels=[
        define.Panel(
            "Overview", "Availability", "millrace_availability_ratio", kind="stat", unit="ratio"
        )
    ],
)

EXPECTED = """
WITH due AS (
    SELECT DISTINCT ON (flow, namespace) flow, namespace, coalesce(
        pipeline #>> '{opened,timezone}', pipeline #>> '{schedule,timezone}', 'UTC') AS zone
    FROM run WHERE namespace = 'main' AND NOT dry_run AND flow = 'daily_research'
      AND scheduled_for > %(now)s - interval '14 days'
    ORDER BY flow, namespace, scheduled_for DESC
), local AS (
    SELECT *, (%(now)s AT TIME ZONE zone) AS clock FROM due
)
SELECT flow, CASE WHEN clock::time >= %(digest_due)s::time
    AND NOT EXISTS (
        SELECT FROM delivery d
        WHERE d.flow = local.flow AND d.namespace = 'main' AND d.edition = 'daily'
          AND d.local_day = clock::date AND d.status IN ('sent', 'outbox')
    )
    AND NOT EXISTS (
        SELECT FROM run r
        JOIN action a ON a.run_id = r.id AND a.asked_at IS NOT NULL AND a.state = 'proposed'
        WHERE r.flow = local.flow AND r.namespace = 'main' AND r.edition = 'daily'
          AND r.local_day = clock::date AND r.status = 'waiting'
    )
    THEN 1 ELSE 0 END AS value FROM local
"""

OVERDUE = define.define_metric(
    "digest_overdue",
    "gauge",
    [define.Label("flow", at_most=60)],
    help=(
        "1 when it is later than the setting digest_due, in the schedule's zone, and the day's"
        " digest neither was delivered nor waits for a person."
    ),
    source="rows of run (scheduled in the last 14 days), delivery and action",
    sql=EXPECTED,
    means="The dead man's switch: it speaks when everything else is silent.",
    do="scripts/millrace runs: did it start, did it fail, did a question expire?",
    panels=[
        define.Panel(
            "Overview", "Digest overdue", "max(millrace_digest_overdue) or vector(0)", kind="stat"
        )
    ],
    alerts=[
        define.Alert(
            "NoDigest",
            "max by (flow) (millrace_digest_overdue) == 1",
            "emergency",
            "the digest of {{ $labels.flow }} is not out, and it is past its time",
            (
                "no worker runs",
                "the run failed, or nobody answered in time",
                "the schedule is switched off",
            ),
            (
                "scripts/millrace runs",
                "scripts/millrace approvals list",
                "scripts/millrace run daily_research",
            ),
            fires={'millrace_digest_overdue{flow="daily_research"}': "0x10 1x60"},
            quiet={'millrace_digest_overdue{flow="daily_research"}': "0x60"},
            wait="1m",
        )
    ],
)
