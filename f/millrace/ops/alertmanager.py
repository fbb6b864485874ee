# requirements:

"""Alertmanager webhook: store alerts and mail the operator: a row,
and a mail to the operator for what matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from f.millrace.core import errors, visible_text
from f.millrace.ops import notices
from f.millrace.telemetry import alerts, catalogue, logs

if TYPE_CHECKING:
    from f.millrace.core import rows

MAILED = frozenset({"warning", "critical", "emergency"})
STEPS = {alert.name: alert for metric in catalogue.CATALOGUE.values() for alert in metric.alerts}


# Alertmanager is told to send no more at a time (its configuration is generated with this number).
MOST_ALERTS = 100
MOST_LABELS = 40
LONGEST_NAME = 200
LONGEST_TEXT = 2000
STATUSES = ("firing", "resolved")


class ReceivedAlert(NamedTuple):
    """One alert of a notice, checked."""

    over: bool
    name: str
    severity: str
    summary: str
    labels: dict[str, str]


def receive(notice: dict[str, Any]) -> dict[str, Any]:
    """Record a notice of Alertmanager: its alerts become rows or end; returns how many were new and
    how many ended.

    BadInput says what is no notice; then nothing of it is recorded.
    """
    fresh, over = [], []
    for told in read_notice(notice):
        if told.over:
            row = alerts.resolve(told.name, told.labels)
            over += [row] if row else []
            continue
        row = alerts.raise_alert(told.name, told.severity, "prometheus", told.summary, told.labels)
        fresh += [row] if row["fresh"] else []
    notify_operator(fresh, over)
    return {"raised": len(fresh), "resolved": len(over)}


def read_notice(notice: Any) -> list[ReceivedAlert]:
    """Return the alerts of a notice; BadInput names the first that is none."""
    listed = cast("dict[str, Any]", notice).get("alerts") if isinstance(notice, dict) else None
    if not isinstance(listed, list):
        raise errors.BadInput("not a notice of Alertmanager: it has no list of alerts")
    found = cast("list[Any]", listed)
    if len(found) > MOST_ALERTS:
        raise errors.BadInput(
            f"the notice has {len(found)} alerts, at most {MOST_ALERTS} are taken at a time; set"
            f" max_alerts: {MOST_ALERTS} in Alertmanager's webhook"
        )
    return [_read_alert(number, alert) for number, alert in enumerate(found, 1)]


def _read_alert(number: int, alert: Any) -> ReceivedAlert:
    if not isinstance(alert, dict):
        raise errors.BadInput(f"alert {number} is no object")
    given = cast("dict[str, Any]", alert)
    labels = _texts_of(given, "labels", number)
    said = _texts_of(given, "annotations", number).get("summary") or ""
    name = labels.get("alertname", "")
    if not name.strip() or len(name) > LONGEST_NAME:
        raise errors.BadInput(
            f"alert {number} needs a label alertname of 1 to {LONGEST_NAME} characters"
        )
    status = given.get("status", "firing")
    if status not in STATUSES:
        raise errors.BadInput(
            f"alert {number} has the status {str(status)[:40]!r}; there are {', '.join(STATUSES)}"
        )
    severity = labels.get("severity", "warning")
    if severity not in alerts.SEVERITIES:
        raise errors.BadInput(
            f"alert {number}: there is no severity {severity[:40]!r}; there are"
            f" {', '.join(alerts.SEVERITIES)}"
        )
    shown = {visible_text.line(key): visible_text.line(value) for key, value in labels.items()}
    summary = visible_text.line(said or name)
    return ReceivedAlert(status == "resolved", visible_text.line(name), severity, summary, shown)


def _texts_of(alert: dict[str, Any], name: str, number: int) -> dict[str, str]:
    """Return the labels or annotations of an alert."""
    given = alert.get(name) or {}
    if not isinstance(given, dict):
        raise errors.BadInput(f"{name} of alert {number} is no object")
    texts = cast("dict[str, Any]", given)
    if len(texts) > MOST_LABELS:
        raise errors.BadInput(
            f"alert {number} has {len(texts)} {name}, at most {MOST_LABELS} are taken"
        )
    for key, value in texts.items():
        if not isinstance(value, str) or len(key) + len(value) > LONGEST_TEXT:
            raise errors.BadInput(
                f"alert {number}: {name} {key[:40]!r} is no text of at most {LONGEST_TEXT}"
                " characters"
            )
    return {key: str(value) for key, value in texts.items()}


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
