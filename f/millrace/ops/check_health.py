# no_postinstall
# requirements: millrace_core

"""Check health and raise alerts.

Looks at every component, counts its metrics, and raises or ends alerts.

scripts/millrace step ops/check_health
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from f.millrace.core import db
from f.millrace.ops import alertmanager, health
from f.millrace.telemetry import alerts, baseline, catalogue, logs, rollup, samples
from f.millrace.trust import limits

if TYPE_CHECKING:
    from f.millrace.core import rows

UNHEALTHY = "Unhealthy"
ANOMALY = "Anomaly"


def main() -> dict:
    """Look, count, raise. It makes no run of its own:
    288 a day would fill the list and the trace store.
    """
    parts = health.check_components()
    rollup.roll(catalogue.CATALOGUE.values())
    _keep_gauges()
    odd = baseline.anomalies(catalogue.CATALOGUE.values())
    _record(parts)
    _log(parts, odd)
    fresh, over = _faults(parts)
    more, ended = _anomalies(odd)
    old = limits.resolve_old()
    alertmanager.notify_operator([*fresh, *more], [*over, *ended, *old])
    return {
        "state": health.worst(parts),
        "parts": {part.name: part.state for part in parts},
        "reasons": {part.name: part.reason for part in parts if part.state != "healthy"},
        "anomalies": [str(one) for one in odd],
        "raised": len(fresh) + len(more),
        "resolved": len(over) + len(ended),
    }


def _keep_gauges() -> None:
    plain = [
        metric
        for metric in catalogue.CATALOGUE.values()
        if metric.type == "gauge" and not metric.labels
    ]
    for metric, found in samples.collect(plain):
        for figure in found:
            rollup.keep_gauge(metric, figure.value)


def _record(parts: list[health.Component]) -> None:
    for part in parts:
        db.execute(
            "INSERT INTO health_check (part, state, reason) VALUES (%s, %s, %s)",
            [part.name, part.state, part.reason],
        )


def _log(parts: list[health.Component], odd: list[baseline.Anomaly]) -> None:
    for part in parts:
        if part.state != "healthy":
            level = "error" if part.state == "critical" else "warning"
            logs.structured_log(
                level,
                f"{part.name} is {part.state}: {part.reason}",
                {"next": part.step},
                ["health", part.name],
            )
    for one in odd:
        logs.structured_log(
            "warning", str(one), {"usual": one.usual, "value": one.value}, ["baseline", one.metric]
        )


def _faults(parts: list[health.Component]) -> tuple[list[rows.Alert], list[rows.Alert]]:
    """Raise what does not work, and end what works again:
    the same alerts that Prometheus would raise.
    """
    fresh, over = [], []
    for part in parts:
        labels = {"part": part.name}
        if part.state == "critical":
            said = f"{part.name} does not work: {part.reason}; {part.step}"
            row = alerts.raise_alert(UNHEALTHY, "critical", "health", said, labels)
            fresh += [row] if row["fresh"] else []
        else:
            row = alerts.resolve(UNHEALTHY, labels)
            over += [row] if row else []
    return fresh, over


def _anomalies(odd: list[baseline.Anomaly]) -> tuple[list[rows.Alert], list[rows.Alert]]:
    rows = [
        alerts.raise_alert(ANOMALY, "info", "baseline", str(one), {"metric": one.metric})
        for one in odd
    ]
    standing = {one.metric for one in odd}
    gone = [
        row["labels"]["metric"]
        for row in alerts.list_alerts()
        if row["name"] == ANOMALY and row["labels"]["metric"] not in standing
    ]
    ended = [row for metric in gone if (row := alerts.resolve(ANOMALY, {"metric": metric}))]
    return [row for row in rows if row["fresh"]], ended
