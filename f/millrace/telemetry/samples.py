# requirements:

"""The metrics of the catalogue as they stand: counters and histograms from their roll-ups, gauges
from the rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from f.millrace.core import config, db, run_context
from f.millrace.telemetry import logs
from f.millrace.telemetry.metrics import define

if TYPE_CHECKING:
    from f.millrace.core import rows

    class SeriesTotal(rows.MetricTotal):
        """A series since the beginning, with one case of it."""

        exemplar: str | None


TOTALS = """
SELECT metric, labels, sum(value) AS value, metric_buckets(buckets) AS buckets,
       max(seen) AS exemplar
FROM (
    SELECT metric, labels, value, buckets, NULL AS seen FROM metric_total
    UNION ALL
    SELECT metric, labels, value, buckets, exemplar FROM metric_hour h
    JOIN metric_roll r USING (metric) WHERE h.hour >= r.folded_until
) AS parts GROUP BY metric, labels ORDER BY metric, labels
"""
# The rows that a gauge counts can be many; one that takes longer than this is left out, and the
# scrape goes on.
GAUGE_SECONDS = 2
ZERO_SERIES = 500


class Exemplar(NamedTuple):
    """One case of a figure, with the trace that shows it."""

    trace_id: str
    value: float
    at: float


class Sample(NamedTuple):
    """One series: its labels and what they count; `buckets` are cumulative, the last is all."""

    labels: dict[str, str]
    value: float
    buckets: tuple[int, ...] = ()
    exemplar: Exemplar | None = None


def collect(metrics: Iterable[define.Metric]) -> Iterator[tuple[define.Metric, list[Sample]]]:
    """Yield each metric with its series, those included that stand at zero."""
    totals: dict[str, list[SeriesTotal]] = {}
    summed: list[SeriesTotal] = db.fetch_all(TOTALS)
    for row in summed:
        totals.setdefault(row["metric"], []).append(row)
    values = parameters()
    db.execute(f"SET statement_timeout = '{GAUGE_SECONDS}s'")
    try:
        for metric in metrics:
            if metric.type == "gauge":
                yield metric, _gauge(metric, values)
            else:
                found = [_sample(row) for row in totals.get(metric.name, [])]
                yield metric, [*found, *_zero_series(metric, found)]
    finally:
        db.execute("RESET statement_timeout")


def parameters() -> dict[str, Any]:
    """Return what a gauge's SQL may name: the clock and the settings that bound what is healthy."""
    return {
        "now": run_context.now(),
        "stalled_seconds": config.settings().stalled_seconds,
        "digest_due": config.settings().digest_due,
        "review": config.settings().confidence_review,
        "day": run_context.now().date().isoformat(),
    }


def _sample(row: SeriesTotal) -> Sample:
    exemplar = None
    if row["exemplar"]:
        _, value, at, trace_id = row["exemplar"].split("|", 3)
        exemplar = Exemplar(trace_id, float(value), float(at))
    return Sample(row["labels"], row["value"], tuple(row["buckets"] or ()), exemplar)


def _gauge(metric: define.Metric, values: dict[str, Any]) -> list[Sample]:
    try:
        rows = db.fetch_all(metric.sql, values)
    except Exception as error:
        logs.structured_log(
            "error", f"the gauge {metric.name} cannot be read", {"error": str(error)}, ["metrics"]
        )
        return []
    found: dict[tuple[str, ...], float] = {}
    seen: dict[str, set[str]] = {label.name: set(label.values) for label in metric.labels}
    for row in rows:
        if row["value"] is None:
            continue
        key = tuple(
            _bound_label(label.name, label.at_most, str(row[label.name]), seen)
            for label in metric.labels
        )
        found[key] = found.get(key, 0.0) + float(row["value"])
    return [Sample(dict(zip(seen, key, strict=True)), value) for key, value in found.items()]


def _bound_label(name: str, at_most: int, value: str, seen: dict[str, set[str]]) -> str:
    if value in seen[name]:
        return value
    if not value or len(seen[name]) >= at_most:
        return define.OTHER
    seen[name].add(value)
    return value


def _zero_series(metric: define.Metric, found: list[Sample]) -> list[Sample]:
    """Return the series that may come but have not: a rate needs to see them at 0 first."""
    there = {tuple(sorted(figure.labels.items())) for figure in found}
    wanted = [dict(zero) for zero in metric.zeros] or _series(metric, found)
    empty = (0,) * (len(metric.bounds) + 1) if metric.bounds else ()
    return [
        Sample(labels, 0.0, empty)
        for labels in wanted[:ZERO_SERIES]
        if tuple(sorted(labels.items())) not in there
    ]


def _series(metric: define.Metric, found: list[Sample]) -> list[dict[str, str]]:
    """Return every combination of labels: of open ones the values that came, of closed ones all."""
    opened = [label.name for label in metric.labels if label.at_most]
    heads = {tuple((name, figure.labels[name]) for name in opened) for figure in found}
    tails = [
        [(label.name, value) for value in label.values] for label in metric.labels if label.values
    ]
    pairs = itertools.product(sorted(heads) if opened else [()], itertools.product(*tails))
    return [dict([*head, *tail]) for head, tail in pairs]
