"""Counting rows by the hour, so that figures outlast the rows and a scrape need not read them all again.

The hours that are not closed yet are counted anew each time, in whole, and a figure never falls: so counting twice,
after a crash or by two processes, changes nothing. A label value beyond its bounds is counted as `other`, and said.
"""

from collections.abc import Iterable
from typing import Any

from f.millrace.core import db
from f.millrace.telemetry.metrics.define import OTHER, Label, Metric

# Any fixed number will do; who counts holds it.
LOCK = 7_241_180_041
# A row says when it was written, and is seen when its transaction ends: at most that much later.
LATE = "10 minutes"
REFUSED = "labels_refused_total"
NOW = f"SELECT clock_timestamp() AS until, date_trunc('hour', clock_timestamp() - interval '{LATE}', 'UTC') AS open"
KEEP = """
ON CONFLICT (metric, hour, labels) DO UPDATE SET
    value = greatest(metric_hour.value, excluded.value),
    buckets = CASE WHEN excluded.buckets[array_upper(excluded.buckets, 1)] < metric_hour.buckets[array_upper(metric_hour.buckets, 1)]
              THEN metric_hour.buckets ELSE excluded.buckets END,
    exemplar = greatest(metric_hour.exemplar, excluded.exemplar)
"""
KEEP_STATE = """
INSERT INTO metric_roll (metric, shape, rolled_until, folded_until) VALUES (%s, %s, %s, %s)
ON CONFLICT (metric) DO UPDATE SET shape = excluded.shape, rolled_until = excluded.rolled_until, folded_until = excluded.folded_until
"""
FOLD = """
WITH closed AS (
    SELECT labels, sum(value) AS value, metric_buckets(buckets) AS buckets FROM metric_hour
    WHERE metric = %(metric)s AND hour >= %(folded)s AND hour < %(open)s GROUP BY labels
)
INSERT INTO metric_total AS t (metric, labels, value, buckets) SELECT %(metric)s, labels, value, buckets FROM closed
ON CONFLICT (metric, labels) DO UPDATE SET value = t.value + excluded.value, buckets = metric_buckets_plus(t.buckets, excluded.buckets)
"""


def roll(metrics: Iterable[Metric]) -> int:
    """Count what is new for each counter and histogram; returns how many were counted, 0 while another process does it."""
    counted = [metric for metric in metrics if metric.type != "gauge"]
    with db.transaction() as connection:
        found = connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS mine", [LOCK]).fetchone()
        if not found or not found["mine"]:
            return 0
        connection.execute("DELETE FROM metric_roll WHERE metric <> ALL(%s)", [[metric.name for metric in counted]])
        known = {row["metric"]: row for row in db.all("SELECT * FROM metric_roll")}
        since = {metric.name: _since(metric, known.get(metric.name)) for metric in counted}
        now = db.one(NOW)
        assert now is not None
        # What was refused is noted while the others are counted, so it comes last.
        for metric in sorted(counted, key=lambda metric: metric.name == REFUSED):
            _roll(metric, since[metric.name], now)
    return len(counted)


def _since(metric: Metric, state: dict[str, Any] | None) -> Any:
    """Return from when on hours are open; a metric that is new, or has another shape, begins with the first row."""
    if state is not None and state["shape"] == metric.shape:
        return state["folded_until"]
    for table in ("metric_hour", "metric_total"):
        db.execute(f"DELETE FROM {table} WHERE metric = %s", [metric.name])
    return "-infinity"


def _roll(metric: Metric, since: Any, now: dict[str, Any]) -> None:
    _count(metric, since, now["until"])
    db.execute(FOLD, {"metric": metric.name, "folded": since, "open": now["open"]})
    db.execute(KEEP_STATE, [metric.name, metric.shape, now["until"], now["open"]])


def _count(metric: Metric, since: Any, until: Any) -> None:
    open_labels = [label for label in metric.labels if label.at_most]
    known = {label.name: _known(label) for label in open_labels}
    times = {"since": since, "until": until, "metric": metric.name}
    sql, values = _counting(metric, known)
    db.execute(sql, {**times, **values})
    if not metric.labels or not _has_other(metric, since):
        return
    # New values, as long as there is room; then once more with them.
    learned = sum(_learn(metric, label, known[label.name], times) for label in open_labels)
    if learned:
        db.execute(
            "DELETE FROM metric_hour WHERE metric = %(metric)s AND hour >= %(since)s AND labels @? %(other)s::jsonpath",
            {**times, "other": f'$.* ? (@ == "{OTHER}")'},
        )
        sql, values = _counting(metric, {label.name: _known(label) for label in open_labels})
        db.execute(sql, {**times, **values})
    if metric.name != REFUSED:
        _note_refused(metric, since)


def _counting(metric: Metric, known: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    """Return the statement that counts the metric's samples of a time into its hours."""
    values: dict[str, Any] = {}
    folded = []
    for label in metric.labels:
        values[f"known_{label.name}"] = list(label.values) or known[label.name]
        folded.append(
            f"'{label.name}', CASE WHEN {label.name}::text = ANY(%(known_{label.name})s::text[]) THEN {label.name}::text ELSE '{OTHER}' END"
        )
    buckets = "NULL::bigint[]"
    rank = "extract(epoch FROM at)"
    if metric.type == "histogram":
        inner = ", ".join(f"count(*) FILTER (WHERE value <= {bound})" for bound in metric.bounds)
        buckets, rank = f"ARRAY[{inner}, count(*)]", "value"
    exemplar = (
        f"max(to_char({rank}, 'FM000000000000.000000') || '|' || value || '|' || extract(epoch FROM at) || '|' || trace) "
        "FILTER (WHERE trace <> '')"
    )
    sql = (
        "INSERT INTO metric_hour (metric, hour, labels, value, buckets, exemplar) "
        f"SELECT %(metric)s, date_trunc('hour', at, 'UTC'), jsonb_build_object({', '.join(folded)}), "
        f"coalesce(sum(value), 0)::double precision, {buckets}, {exemplar} "
        f"FROM ({metric.sql}) AS sample WHERE at >= %(since)s AND at < %(until)s GROUP BY 2, 3 {KEEP}"
    )
    return sql, values


def _known(label: Label) -> list[str]:
    return [row["value"] for row in db.all("SELECT value FROM metric_label WHERE name = %s", [label.name])]


def _has_other(metric: Metric, since: Any) -> bool:
    row = db.one(
        "SELECT EXISTS (SELECT FROM metric_hour WHERE metric = %s AND hour >= %s AND labels @? %s::jsonpath) AS found",
        [metric.name, since, f'$.* ? (@ == "{OTHER}")'],
    )
    return bool(row and row["found"])


def _learn(metric: Metric, label: Label, known: list[str], times: dict[str, Any]) -> int:
    """Take in new values of a label while there is room for them; how many."""
    room = label.at_most - len(known)
    if room <= 0:
        return 0
    return db.execute(
        f"INSERT INTO metric_label (name, value) SELECT DISTINCT %(label)s, left({label.name}::text, 200) FROM ({metric.sql}) AS sample "
        f"WHERE at >= %(since)s AND at < %(until)s AND {label.name}::text <> '' AND length({label.name}::text) <= 200 "
        f"AND {label.name}::text <> ALL(%(known)s::text[]) LIMIT %(room)s ON CONFLICT DO NOTHING",
        {**times, "label": label.name, "known": known, "room": room},
    )


def _note_refused(metric: Metric, since: Any) -> None:
    """Count the samples whose label was refused, by metric and label."""
    for label in metric.labels:
        db.execute(
            "INSERT INTO metric_hour (metric, hour, labels, value) "
            "SELECT %(refused)s, hour, jsonb_build_object('metric', %(metric)s::text, 'label', %(label)s::text), "
            "sum(coalesce(buckets[array_upper(buckets, 1)], value)) FROM metric_hour "
            f"WHERE metric = %(metric)s AND hour >= %(since)s AND labels ->> %(label)s = '{OTHER}' GROUP BY hour {KEEP}",
            {"refused": REFUSED, "metric": metric.name, "label": label.name, "since": since},
        )
