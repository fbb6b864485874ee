# requirements:

"""Alerts as rows: active, acknowledged by a person, resolved;
the same fault is one row until it is over.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db, errors, ids, redaction

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from f.millrace.core import rows

    class RaisedAlert(rows.Alert):
        """An alert, and whether it was not open before."""

        fresh: bool

    class FailedRun(TypedDict):
        """A run that did not end well."""

        id: UUID
        flow: str
        status: str
        error: str | None
        started_at: datetime


SEVERITIES = ("info", "warning", "critical", "emergency")
# Labels that say how it was found, not what is wrong.
ABOUT = frozenset({"severity", "job", "instance", "alertname", "dashboard"})

GRAVER = (
    "array_position(%(severities)s::text[], excluded.severity)"
    " > array_position(%(severities)s::text[], alert.severity)"
)
RAISE = """
INSERT INTO alert (fingerprint, name, severity, source, summary, labels, agents)
VALUES (%(fingerprint)s, %(name)s, %(severity)s, %(source)s, %(summary)s, %(labels)s, %(agents)s)
ON CONFLICT (fingerprint) WHERE state <> 'resolved' DO UPDATE SET
    seen_at = clock_timestamp(), summary = excluded.summary, severity = excluded.severity,
    -- What has become graver is told again, also to who has seen it.
    told_at = CASE WHEN {graver} THEN NULL ELSE alert.told_at END,
    state = CASE WHEN {graver} THEN 'active' ELSE alert.state END,
    agents = ARRAY(SELECT DISTINCT unnest(alert.agents || excluded.agents) ORDER BY 1)
RETURNING *, xmax = 0 AS fresh
""".replace("{graver}", GRAVER)
AGENTS = """
SELECT coalesce(array_agg(DISTINCT attributes ->> 'agent.id'), '{}') AS agents FROM span
WHERE name LIKE 'invoke_agent %%' AND status IN ('error', 'killed')
  AND seen_at > now() - interval '1 hour'
"""
# Faults that lie in agents or that they suffer from: those that failed lately are named with it.
OF_AGENTS = frozenset(
    {
        "ErrorRate",
        "ToolFailures",
        "QualityDrop",
        "SelfRagEscalations",
        "SecurityViolation",
        "GuardrailDenials",
    }
)
OF_PARTS = frozenset({"model", "tools", "search"})


def fingerprint(name: str, labels: dict[str, str]) -> str:
    """Return what makes two reports the same fault: its name and what it is about."""
    return ids.digest_of(
        [name, sorted((key, value) for key, value in labels.items() if key not in ABOUT)]
    )


def raise_alert(
    name: str, severity: str, source: str, summary: str, labels: dict[str, str]
) -> RaisedAlert:
    """Record a fault and return its row; `fresh` says that it was not open before."""
    if severity not in SEVERITIES:
        raise errors.BadInput(
            f"there is no severity {severity!r}; there are {', '.join(SEVERITIES)}"
        )
    kept = {
        key: redaction.redact(str(value))[:200] for key, value in labels.items() if key not in ABOUT
    }
    concerned = name in OF_AGENTS or kept.get("part") in OF_PARTS
    agents = [kept["agent"]] if kept.get("agent") else _list_failing_agents() if concerned else []
    row: RaisedAlert | None = db.fetch_one(
        RAISE,
        {
            "fingerprint": fingerprint(name, labels),
            "name": name,
            "severity": severity,
            "severities": list(SEVERITIES),
            "source": source,
            "summary": redaction.redact(summary)[:500],
            "labels": db.jsonb(kept),
            "agents": agents,
        },
    )
    assert row is not None
    return row


def resolve(name: str, labels: dict[str, str]) -> rows.Alert | None:
    """Record that a fault is over, and return its row; None when it was not open."""
    return db.fetch_one(
        "UPDATE alert SET state = 'resolved', resolved_at = clock_timestamp() WHERE fingerprint ="
        " %s AND state <> 'resolved' RETURNING *",
        [fingerprint(name, labels)],
    )


def acknowledge(alert_id: int, by: str) -> rows.Alert:
    """Record that a person has seen it; NotFound when it is not open."""
    row: rows.Alert | None = db.fetch_one(
        "UPDATE alert SET state = 'acknowledged', acknowledged_at = clock_timestamp(),"
        " acknowledged_by = %s WHERE id = %s AND state = 'active' RETURNING *",
        [by, alert_id],
    )
    if row is None:
        there = find(alert_id)
        raise errors.BadInput(f"alert {alert_id} is {there['state']} already")
    return row


def close(alert_id: int) -> rows.Alert:
    """Resolve an open alert by hand."""
    row: rows.Alert | None = db.fetch_one(
        "UPDATE alert SET state = 'resolved', resolved_at = clock_timestamp() WHERE id = %s AND"
        " state <> 'resolved' RETURNING *",
        [alert_id],
    )
    if row is None:
        find(alert_id)
        raise errors.BadInput(f"alert {alert_id} is resolved already")
    return row


def find(alert_id: int) -> rows.Alert:
    """Return one alert; NotFound when there is none."""
    row: rows.Alert | None = db.fetch_one("SELECT * FROM alert WHERE id = %s", [alert_id])
    if row is None:
        raise errors.NotFound(
            f"there is no alert {alert_id}; scripts/millrace alerts list --all shows them"
        )
    return row


def list_alerts(everything: bool = False, limit: int = 100) -> list[rows.Alert]:
    """Return the open alerts, the gravest first; or all, the newest first."""
    if everything:
        return db.fetch_all(
            "SELECT * FROM alert ORDER BY started_at DESC, id DESC LIMIT %s", [limit]
        )
    return db.fetch_all(
        "SELECT * FROM alert WHERE state <> 'resolved' ORDER BY array_position(%s::text[],"
        " severity) DESC, started_at DESC LIMIT %s",
        [list(SEVERITIES), limit],
    )


def list_unnotified(severities: Collection[str]) -> list[rows.Alert]:
    """Return the alerts of these severities that nobody was told of, the gravest first."""
    return [
        row
        for row in list_alerts()
        if row["state"] == "active" and row["told_at"] is None and row["severity"] in severities
    ]


def mark_notified(alerts: list[rows.Alert]) -> None:
    """Record that the operator was told of them."""
    db.execute(
        "UPDATE alert SET told_at = clock_timestamp() WHERE id = ANY(%s)",
        [[row["id"] for row in alerts]],
    )


def _list_failing_agents() -> list[str]:
    row = db.fetch_one(AGENTS)
    return row["agents"] if row else []


def list_failed_runs() -> list[FailedRun]:
    """Return the last run of each flow of the last week that did not end well, newest first: id,
    flow, status, error.
    """
    return db.fetch_all(
        "SELECT * FROM (SELECT DISTINCT ON (flow) id, flow, status, error, started_at FROM run"
        " WHERE started_at > now() - interval '7 days' AND NOT dry_run ORDER BY flow, started_at"
        " DESC) AS last WHERE status IN ('failed', 'partly_failed', 'killed') OR"
        " (status <> 'done' AND error IS NOT NULL) ORDER BY started_at"
        " DESC LIMIT 5"
    )
