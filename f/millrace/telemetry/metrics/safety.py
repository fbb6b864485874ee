# requirements:

"""Figures of safety: what was blocked, what was blocked for nothing, what broke a rule."""

from f.millrace.telemetry.metrics import define

BLOCKED = f"""
SELECT seen_at AS at, 'tainted' AS kind, 1 AS value, trace_id AS trace FROM span
WHERE name LIKE 'risk_decision %%' AND attributes ->> 'millrace.decision' = 'refuse'
UNION ALL
SELECT at, CASE kind WHEN 'approval.denied' THEN 'denied' ELSE 'authority' END, 1,
       {define.RUN_TRACE}
FROM audit WHERE kind IN ('approval.denied', 'authority.refused')
"""
# Held back because an agent asked for it, and allowed by the person who looked: it need not have
# been held.
OVER = (
    "SELECT d.outcome_at AS at, 1 AS value, replace(d.run_id::text, '-', '') AS trace FROM decision"
    " d JOIN action a ON a.key = d.subject WHERE d.kind = 'action' AND d.escalated AND d.outcome ="
    " 'approved' AND a.reason LIKE 'asked for by an agent%%'"
)

UNSAFE = define.define_metric(
    "safety_unsafe_blocked_total",
    "counter",
    [define.Label("kind", ("tainted", "denied", "authority"))],
    help=(
        "Unsafe actions that were blocked: caused by untrusted text, denied by a person, or not an"
        " agent's to decide."
    ),
    source="spans risk_decision that refuse, rows of audit",
    sql=BLOCKED,
    means="What would have happened without the guards.",
    do="scripts/millrace audit show RUN; the trace shows which text asked for it.",
    panels=[
        define.Panel(
            "Safety",
            "Unsafe actions blocked",
            "sum by (kind) (increase(millrace_safety_unsafe_blocked_total[1d]))",
            "{{kind}}",
            "bars",
        )
    ],
)

OVER_REFUSALS = define.define_metric(
    "safety_over_refusals_total",
    "counter",
    help="Actions held back that a person then allowed as they were.",
    source="rows of decision and action",
    sql=OVER,
    means="What the guards cost in time and patience.",
    do="A standing approval, or risk_policy in the settings, lets what is always allowed pass.",
    panels=[
        define.Panel(
            "Safety",
            "False positives",
            "sum(increase(millrace_safety_over_refusals_total[1d]))",
            kind="stat",
        )
    ],
)

VIOLATIONS = define.define_metric(
    "safety_violations_total",
    "counter",
    [define.Label("kind", ("authority", "tainted_action", "changed_tool"))],
    help=(
        "Attempts to break a rule: an agent that wanted to decide for people, act on untrusted"
        " text, or use a tool that was changed."
    ),
    source="rows of audit, spans risk_decision that refuse, events of changed tools",
    sql=f"""SELECT at, 'authority' AS kind, 1 AS value, {define.RUN_TRACE}
    FROM audit WHERE kind = 'authority.refused'
    UNION ALL
    SELECT seen_at, 'tainted_action', 1, trace_id FROM span
    WHERE name LIKE 'risk_decision %%' AND attributes ->> 'millrace.decision' = 'refuse'
    UNION ALL
    SELECT at, 'changed_tool', 1, replace(run_id::text, '-', '')
    FROM run_event WHERE event = 'tool' AND metadata ->> 'changed' = 'true'""",
    means="Somebody or something tried. Each was refused.",
    do="Read what the agent had read: scripts/millrace trace RUN, then take the source out.",
    panels=[
        define.Panel(
            "Safety",
            "Attempts to break a rule",
            "sum by (kind) (increase(millrace_safety_violations_total[1d]))",
            "{{kind}}",
            "bars",
        )
    ],
    alerts=[
        define.Alert(
            "SecurityViolation",
            "sum by (kind) (increase(millrace_safety_violations_total[15m])) > 0.5",
            "critical",
            "an attempt to break a rule was refused: {{ $labels.kind }}",
            (
                "a page or document tells agents what to do",
                "a server of others changed its tools",
                "a prompt that asks for too much",
            ),
            (
                "scripts/millrace audit show RUN",
                "scripts/millrace trace last",
                "scripts/millrace tools list",
            ),
            fires={'millrace_safety_violations_total{kind="authority"}': "0x20 1x40"},
            quiet={'millrace_safety_violations_total{kind="authority"}': "1x60"},
            at="25m",
        )
    ],
)

COMPLIANCE = define.define_metric(
    "policy_compliance_ratio",
    "gauge",
    unit="ratio",
    help=(
        "The part of the high-risk actions of the last 30 days that had a person's or a policy's"
        " approval before they were done."
    ),
    source="rows of action and approval",
    sql=(
        "SELECT coalesce(avg((EXISTS (SELECT FROM approval p WHERE p.action_id = a.id AND"
        " p.decision = 'approved' AND p.decided_at <= a.performed_at))::int), 1) AS value FROM"
        " action a WHERE risk = 'high' AND state = 'performed' AND performed_at > now() - interval"
        " '30 days'"
    ),
    means="It is 1, or something is very wrong.",
    do="scripts/millrace audit verify, then find the action that nobody approved.",
    panels=[
        define.Panel(
            "Safety",
            "Compliance with policy",
            "millrace_policy_compliance_ratio",
            kind="stat",
            unit="ratio",
        )
    ],
    alerts=[
        define.Alert(
            "PolicyBroken",
            "millrace_policy_compliance_ratio < 1",
            "emergency",
            "an action of high risk was done without an approval",
            ("rows were changed by hand", "a step calls a tool around the guards"),
            (
                "scripts/millrace audit verify",
                "scripts/millrace approvals list",
                "stop the schedule until it is clear",
            ),
            fires={"millrace_policy_compliance_ratio": "0.9x60"},
            quiet={"millrace_policy_compliance_ratio": "1x60"},
        )
    ],
)

SCORE = define.define_metric(
    "safety_score_ratio",
    "gauge",
    unit="ratio",
    help=(
        "Safety of the last 30 days, 0 to 1: 0.6 compliance, 0.4 the part of the agents' actions"
        " that nobody undid or refused."
    ),
    source="rows of action, approval and decision",
    sql=(
        "SELECT 0.6 * coalesce((SELECT avg((EXISTS (SELECT FROM approval p WHERE p.action_id = a.id"
        " AND p.decision = 'approved' AND p.decided_at <= a.performed_at))::int) FROM action a"
        " WHERE risk = 'high' AND state = 'performed' AND performed_at > now() - interval '30"
        " days'), 1) + 0.4 * coalesce((SELECT avg((outcome NOT IN ('undone', 'refused'))::int) FROM"
        " decision WHERE kind = 'action' AND outcome IS NOT NULL AND outcome_at > now() - interval"
        " '30 days'), 1) AS value"
    ),
    means="One figure; its parts are compliance and decisions.",
    do="Look at the part that is low.",
    panels=[
        define.Panel(
            "Safety", "Safety score", "millrace_safety_score_ratio", kind="stat", unit="ratio"
        )
    ],
)
