# requirements:

"""What a figure usually is: by the day of the week, plainly; what stands out, and where spending
and space are going.

A day's figure is compared with the same weekday of the last eight weeks, or with all days while
there are few: the median says what is usual, the median distance from it how much that varies.
"""

import statistics
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from f.millrace.core import db, run_context
from f.millrace.telemetry.metrics import define

WEEKS = 8
FEWEST_WEEKS = 4
FEWEST_DAYS = 14
# A distance is that many times the usual one, and the figure differs by at least this part.
DISTANCE = 5.0
PART = 0.5
# From the median distance to a standard deviation, for a normal distribution.
SCALE = 1.4826
SLOPE_DAYS = 42

DAILY = """
SELECT (hour AT TIME ZONE 'UTC')::date AS day,
       sum(coalesce(buckets[array_upper(buckets, 1)], value))::float AS value FROM metric_hour
WHERE metric = %s AND hour >= %s GROUP BY 1 ORDER BY 1
"""
DAILY_GAUGE = DAILY.replace("sum(", "max(", 1)


class Anomaly(NamedTuple):
    """A day on which a figure was not what it usually is."""

    metric: str
    day: date
    value: float
    usual: float

    def __str__(self) -> str:
        weekday = self.day.strftime("%A")
        return (
            f"{self.metric} was {_format_number(self.value)} on {weekday}, {self.day}; usual is"
            f" {_format_number(self.usual)}"
        )


class Forecast(NamedTuple):
    """Where a figure is going: what it is today, how much it changes a day, and what it comes to in
    30 days.
    """

    today: float
    a_day: float
    in_30_days: float


def daily(metric: define.Metric, until: date, days: int = WEEKS * 7) -> dict[date, float]:
    """Return the figure of each day before `until`, zero where nothing was counted, from the first
    day that it was.
    """
    since = (
        datetime.combine(until - timedelta(days=days), datetime.min.time()).isoformat() + "+00:00"
    )
    rows = db.fetch_all(DAILY_GAUGE if metric.type == "gauge" else DAILY, [metric.name, since])
    found = {row["day"]: row["value"] for row in rows if row["day"] < until}
    if not found or metric.type == "gauge":
        return found
    first = min(found)
    return {
        day: found.get(day, 0.0)
        for day in (first + timedelta(days=n) for n in range((until - first).days))
    }


def detect(values: dict[date, float], day: date) -> float | None:
    """Return what is usual for that day when its figure stands out; None when it does not, or too
    little is known.
    """
    past = {other: value for other, value in values.items() if other < day}
    same = [value for other, value in past.items() if other.weekday() == day.weekday()]
    known = (
        same
        if len(same) >= FEWEST_WEEKS
        else list(past.values())
        if len(past) >= FEWEST_DAYS
        else []
    )
    if not known or day not in values:
        return None
    usual = statistics.median(known)
    spread = SCALE * statistics.median(abs(value - usual) for value in known)
    far = abs(values[day] - usual)
    # Where nothing ever varies, a part of the figure itself is the measure.
    stands_out = (
        far > DISTANCE * max(spread, 0.1 * abs(usual)) and far > PART * abs(usual) and far >= 1e-9
    )
    return usual if stands_out else None


def anomalies(metrics: Iterable[define.Metric]) -> list[Anomaly]:
    """Return what stood out yesterday (UTC), the last whole day."""
    today = run_context.now().date()
    yesterday = today - timedelta(days=1)
    found = []
    for metric in metrics:
        values = daily(metric, today)
        usual = detect(values, yesterday)
        if usual is not None:
            found.append(Anomaly(metric.name, yesterday, values[yesterday], usual))
    return found


def forecast(values: dict[date, float], growing: bool = False) -> Forecast | None:
    """Return where daily figures go by their usual slope; None for fewer than a week of days.

    `growing`: each value is a level (bytes), else an amount a day (spending),
    and 30 days of it are summed.
    """
    days = sorted(values)[-SLOPE_DAYS:]
    if len(days) < 7:
        return None
    # The median of the slopes between all pairs: a single odd day bends nothing (Theil-Sen).
    slopes = [
        (values[b] - values[a]) / (b - a).days for i, a in enumerate(days) for b in days[i + 1 :]
    ]
    slope = statistics.median(slopes)
    middle = statistics.median(values[day] - slope * (day - days[-1]).days for day in days)
    if growing:
        return Forecast(values[days[-1]], slope, max(0.0, middle + 30 * slope))
    return Forecast(middle, slope, sum(max(0.0, middle + slope * n) for n in range(1, 31)))


def _format_number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2f}"
