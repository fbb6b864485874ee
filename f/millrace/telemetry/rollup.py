# requirements:

"""Counting rows by the hour, so that metrics outlast the rows
and a scrape need not read them all again.

The hours that are not closed yet are counted again each time, in whole, and a counter never falls:
so counting twice, after a crash or by two processes, changes nothing. A label value beyond its
bounds is counted as `other`, and said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from f.millrace.core import db
from f.millrace.telemetry.metrics import define

if TYPE_CHECKING:
    from f.millrace.core import rows

# Any fixed number will do; who counts holds it.
LOCK = 7_241_180_041
# A row says when it was written, and is seen when its transaction ends: at most that much later.
LATE = "10 minutes"
LONGEST_VALUE = 200
HAS_OTHER = f'$.* ? (@ == "{define.OTHER}")'
REFUSED = "labels_refused_total"
NOW = (
    f"SELECT clock_timestamp() AS until, date_trunc('hour', clock_timestamp() - interval '{LATE}',"
    " 'UTC') AS open"
)
KEEP = """
ON CONFLICT (metric, hour, labels) DO UPDATE SET
    value = greatest(metric_hour.value, excluded.value),
    buckets = CASE
        WHEN excluded.buckets[array_upper(excluded.buckets, 1)]
            < metric_hour.buckets[array_upper(metric_hour.buckets, 1)]
        THEN metric_hour.buckets ELSE excluded.buckets
    END,
    exemplar = greatest(metric_hour.exemplar, excluded.exemplar)
"""
KEEP_GAUGE = """
INSERT INTO metric_hour (metric, hour, labels, value)
VALUES (%s, date_trunc('hour', clock_timestamp(), 'UTC'), '{}', %s)
ON CONFLICT (metric, hour, labels) DO UPDATE SET value = excluded.value
"""
KEEP_STATE = """
INSERT INTO metric_roll (metric, shape, rolled_until, folded_until)
SELECT metric, shape, %s, %s FROM unnest(%s::text[], %s::text[]) AS counted (metric, shape)
ON CONFLICT (metric) DO UPDATE SET
    shape = excluded.shape, rolled_until = excluded.rolled_until,
    folded_until = excluded.folded_until
"""
FOLD = """
WITH closed AS (
    SELECT labels, sum(value) AS value, metric_buckets(buckets) AS buckets FROM metric_hour
    WHERE metric = %(metric)s AND hour >= %(folded)s AND hour < %(open)s GROUP BY labels
)
INSERT INTO metric_total AS t (metric, labels, value, buckets)
SELECT %(metric)s, labels, value, buckets FROM closed
ON CONFLICT (metric, labels) DO UPDATE SET
    value = t.value + excluded.value,
    buckets = metric_buckets_plus(t.buckets, excluded.buckets)
"""


def roll(metrics: Iterable[define.Metric]) -> int:
    """Count what is new for each counter and histogram; returns how many were counted, 0 while
    another process does it.
    """
    counted = [metric for metric in metrics if metric.type != "gauge"]
    with db.transaction() as connection:
        found = connection.execute(
            "SELECT pg_try_advisory_xact_lock(%s) AS mine", [LOCK]
        ).fetchone()
        if not found or not found["mine"]:
            return 0
        connection.execute(
            "DELETE FROM metric_roll WHERE metric <> ALL(%s)", [[metric.name for metric in counted]]
        )
        rolled: list[rows.MetricRoll] = db.fetch_all("SELECT * FROM metric_roll")
        states = {row["metric"]: row for row in rolled}
        since = {metric.name: _since(metric, states.get(metric.name)) for metric in counted}
        known: dict[str, list[str]] = {}
        for row in db.fetch_all("SELECT name, value FROM metric_label"):
            known.setdefault(row["name"], []).append(row["value"])
        now = db.fetch_one(NOW)
        assert now is not None
        # What was refused is noted while the others are counted, so it comes last.
        for metric in sorted(counted, key=lambda metric: metric.name == REFUSED):
            _count(metric, since[metric.name], now["until"], known)
            if since[metric.name] != now["open"]:
                db.execute(
                    FOLD, {"metric": metric.name, "folded": since[metric.name], "open": now["open"]}
                )
        names, shapes = [metric.name for metric in counted], [metric.shape for metric in counted]
        db.execute(KEEP_STATE, [now["until"], now["open"], names, shapes])
    return len(counted)


def keep_gauge(metric: define.Metric, value: float) -> None:
    """Remember a gauge without labels by the hour, so that it has a past."""
    db.execute(KEEP_GAUGE, [metric.name, value])


def _since(metric: define.Metric, state: rows.MetricRoll | None) -> Any:
    """Return from when on hours are open; a metric that is new, or has another shape, begins with
    the first row.
    """
    if state is not None and state["shape"] == metric.shape:
        return state["folded_until"]
    db.execute("DELETE FROM metric_hour WHERE metric = %s", [metric.name])
    db.execute("DELETE FROM metric_total WHERE metric = %s", [metric.name])
    return "-infinity"


def _count(metric: define.Metric, since: Any, until: Any, known: dict[str, list[str]]) -> None:
    times = {"since": since, "until": until, "metric": metric.name, "other": HAS_OTHER}
    sql, values = _counting(metric, known)
    refused = db.fetch_one(sql, {**times, **values})
    if not refused or not refused["other"]:
        return
    # New values, as long as there is room; then once more with them.
    if sum(_learn(metric, label, known, times) for label in metric.labels if label.at_most):
        db.execute(
            "DELETE FROM metric_hour WHERE metric = %(metric)s AND hour >= %(since)s AND labels @?"
            " %(other)s::jsonpath",
            times,
        )
        sql, values = _counting(metric, known)
        db.execute(sql, {**times, **values})
    if metric.name != REFUSED:
        _note_refused(metric, since)


def _counting(metric: define.Metric, known: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    """Return the statement that counts the metric's samples of a time into its hours."""
    values: dict[str, Any] = {}
    folded = []
    for label in metric.labels:
        values[f"known_{label.name}"] = (
            list(label.values) or known.get(label.name, [])[: label.at_most]
        )
        folded.append(
            f"'{label.name}', CASE WHEN {label.name}::text = ANY(%(known_{label.name})s::text[])"
            f" THEN {label.name}::text ELSE '{define.OTHER}' END"
        )
    # OFFSET 0 has a value computed once for all buckets, not once for each.
    buckets = "NULL::bigint[]"
    rank = "extract(epoch FROM at)"
    if metric.type == "histogram":
        inner = ", ".join(f"count(*) FILTER (WHERE value <= {bound})" for bound in metric.bounds)
        buckets, rank = f"ARRAY[{inner}, count(*)]", "value"
    exemplar = (
        f"max(to_char({rank}, 'FM000000000000.000000') || '|' || value || '|' || extract(epoch FROM"
        " at) || '|' || trace) FILTER (WHERE trace <> '')"
    )
    sql = (
        "WITH counted AS (INSERT INTO metric_hour (metric, hour, labels, value, buckets, exemplar)"
        " SELECT %(metric)s, date_trunc('hour', at, 'UTC'),"
        f" jsonb_build_object({', '.join(folded)}), coalesce(sum(value), 0)::double precision,"
        f" {buckets}, {exemplar} FROM (SELECT * FROM ({metric.sql}) AS found WHERE at >="
        " %(since)s AND at < %(until)s OFFSET 0) AS sample GROUP BY 2, 3"
        f" {KEEP} RETURNING labels) SELECT bool_or(labels @?"
        " %(other)s::jsonpath) AS other FROM counted"
    )
    return sql, values


def _learn(
    metric: define.Metric, label: define.Label, known: dict[str, list[str]], times: dict[str, Any]
) -> int:
    """Take in new values of a label while there is room for them; how many."""
    there = known.setdefault(label.name, [])
    room = label.at_most - len(there)
    if room <= 0:
        return 0
    added = db.fetch_all(
        f"INSERT INTO metric_label (name, value) SELECT DISTINCT %(label)s, {label.name}::text FROM"
        f" ({metric.sql}) AS sample WHERE at >= %(since)s AND at < %(until)s AND {label.name}::text"
        f" <> '' AND length({label.name}::text) <= {LONGEST_VALUE} AND {label.name}::text <>"
        " ALL(%(known)s::text[]) LIMIT %(room)s ON CONFLICT DO NOTHING RETURNING value",
        {**times, "label": label.name, "known": there, "room": room},
    )
    there += [row["value"] for row in added]
    return len(added)


def _note_refused(metric: define.Metric, since: Any) -> None:
    """Count the samples whose label was refused, by metric and label."""
    for label in metric.labels:
        db.execute(
            "INSERT INTO metric_hour (metric, hour, labels, value) SELECT %(refused)s, hour,"
            " jsonb_build_object('metric', %(metric)s::text, 'label', %(label)s::text),"
            " sum(coalesce(buckets[array_upper(buckets, 1)], value)) FROM metric_hour WHERE metric"
            f" = %(metric)s AND hour >= %(since)s AND labels ->> %(label)s = '{define.OTHER}' GROUP"
            f" BY hour {KEEP}",
            {"refused": REFUSED, "metric": metric.name, "label": label.name, "since": since},
        )
