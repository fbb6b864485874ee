# requirements:

"""Alertmanager webhook: store alerts and mail the operator: a row,
and a mail to the operator for what matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.core import errors
from f.millrace.ops import notices
from f.millrace.telemetry import alerts, catalogue, logs

if TYPE_CHECKING:
    from f.millrace.core import rows

MAILED = frozenset({"warning", "critical", "emergency"})
STEPS = {alert.name: alert for metric in catalogue.CATALOGUE.values() for alert in metric.alerts}


def receive(notice: dict[str, Any]) -> dict[str, Any]:
    """Record a notice of Alertmanager: its alerts become rows or end; returns how many were new and
    how many ended.
    """
    if not isinstance(notice, dict) or not isinstance(notice.get("alerts"), list):
        raise errors.BadInput("not a notice of Alertmanager: it has no alerts")
    fresh, over = [], []
    for alert in notice["alerts"]:
        labels = {str(key): str(value) for key, value in (alert.get("labels") or {}).items()}
        name = labels.get("alertname", "")
        if alert.get("status") == "resolved":
            row = alerts.resolve(name, labels)
            over += [row] if row else []
            continue
        severity = labels.get("severity", "warning")
        said = str((alert.get("annotations") or {}).get("summary") or name)
        row = alerts.raise_alert(name, severity, "prometheus", said, labels)
        fresh += [row] if row["fresh"] else []
    notify_operator(fresh, over)
    return {"raised": len(fresh), "resolved": len(over)}


def notify_operator(fresh: list[rows.Alert], over: list[rows.Alert]) -> bool:
    """Mail the operator one note about what has begun and what is over;
    nothing for what only informs.

    What could not be mailed when it began is in the next note,
    as long as it stands and nobody has seen it.
    """
    for row in fresh:
        logs.structured_log(
            "warning",
            f"{row['name']}: {row['summary']}",
            {"alert": row["id"], "severity": row["severity"]},
            ["alert"],
        )
    over = [row for row in over if row["severity"] in MAILED]
    begun = alerts.list_unnotified(MAILED)
    if not begun and not over:
        return False
    head = begun[0] if begun else over[0]
    more = len(begun) + len(over) - 1
    state = head["severity"] if begun else "resolved"
    subject = f"Millrace: {head['name']} ({state}): {head['summary']}" + (
        f", and {more} more" if more else ""
    )
    text = "\n\n".join(
        [
            *map(_format_alert, begun),
            *(f"Resolved: {row['name']}: {row['summary']}" for row in over),
        ]
    )
    occasion = "alert:" + ",".join(
        [*(f"{row['id']}+" for row in begun), *(f"{row['id']}-" for row in over)]
    )
    sent = notices.tell_operator(occasion, "", subject, text + "\n", "an alert")
    if sent:
        alerts.mark_notified(begun)
    return sent


def _format_alert(row: rows.Alert) -> str:
    alert = STEPS.get(row["name"])
    lines = [f"{row['severity']}: {row['name']}", row["summary"]]
    if row["agents"]:
        lines.append("Agents: " + ", ".join(row["agents"]))
    if alert:
        lines += [
            "",
            "Likely causes:",
            *(f"  {cause}" for cause in alert.causes),
            "First steps:",
            *(f"  {one}" for one in alert.steps),
        ]
    return "\n".join([*lines, "", f"  scripts/millrace alerts ack {row['id']}"])
