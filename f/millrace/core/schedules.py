# requirements:

"""When a scheduled run runs: one pure function over the scheduled time,
the clock and the last success.

Cron lines are Windmill's: six fields, seconds first; five fields mean second 0.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from f.millrace.core import errors

FIELDS = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
MONTHS = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
WEEKDAYS = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}
# 29 February can be eight years away (1896-1904, 2096-2104).
HORIZON_DAYS = 366 * 9
MISSED_AT_MOST = 1000
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Decision:
    """What to do about one start of a pipeline."""

    verdict: Literal["run", "catch_up", "too_late", "already_done"]
    scheduled_for: datetime
    day: date
    missed: int
    reason: str

    @property
    def runs(self) -> bool:
        """Whether the pipeline should do its work."""
        return self.verdict in ("run", "catch_up")


@dataclass(frozen=True)
class Cron:
    """A parsed cron line."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_hour: bool
    any_day: bool
    any_weekday: bool

    def falls_on(self, day: date) -> bool:
        """Return whether it fires on that local day;
        a day of month and a weekday together mean either.
        """
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        matches = (
            (by_date or by_weekday)
            if not (self.any_day or self.any_weekday)
            else (by_date and by_weekday)
        )
        return matches and day.month in self.months

    def instants(self, day: date, zone: ZoneInfo) -> list[datetime]:
        """Return the moments of that local day in UTC, in order.

        A time that the clock skips comes an hour later; a time that it repeats counts once, unless
        every hour fires.
        """
        if not self.falls_on(day):
            return []
        folds = (0, 1) if self.any_hour else (0,)
        return sorted(
            {
                datetime.combine(day, time(hour, minute, second, fold=fold), zone).astimezone(UTC)
                for hour in self.hours
                for minute in self.minutes
                for second in self.seconds
                for fold in folds
            }
        )


@functools.cache
def parse_cron(text: str) -> Cron:
    """Return the parsed line, or raise BadInput that names the field."""
    parts = text.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise errors.BadInput(
            f"cron line {text!r} has {len(parts)} fields; it needs six:"
            f" {', '.join(name for name, _, _ in FIELDS)}"
        )
    seconds, minutes, hours, days, months, weekdays = (
        _field(part, *field, text) for part, field in zip(parts, FIELDS, strict=True)
    )
    return Cron(
        tuple(sorted(seconds)),
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(number % 7 for number in weekdays),
        any_hour=parts[2] == "*",
        any_day=parts[3] in ("*", "?"),
        any_weekday=parts[5] in ("*", "?"),
    )


def parse_duration(text: str | int | float) -> timedelta:
    """Return `12h`, `30m`, `1d` or a number of seconds as a duration."""
    if isinstance(text, int | float):
        return timedelta(seconds=text)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", text)
    if not found:
        raise errors.BadInput(f"duration {text!r} is not a number with s, m, h, d or w, e.g. 12h")
    return timedelta(seconds=float(found[1]) * UNITS[found[2] or "s"])


def last_due(cron: Cron, zone: ZoneInfo, until: datetime) -> datetime | None:
    """Return the latest moment at or before `until`."""
    return next(_backwards(cron, zone, until), None)


def next_due(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first moment after `after`."""
    # A local day earlier: a time that the clock skips comes an hour later, and may be of the day
    # before.
    start = after.astimezone(zone).date() - timedelta(days=1)
    days = (start + timedelta(days=count) for count in range(HORIZON_DAYS))
    return next(
        (moment for day in days for moment in cron.instants(day, zone) if moment > after), None
    )


def decide(
    scheduled_for: datetime | None,
    now: datetime,
    last_success: datetime | None,
    timezone: str,
    cron: str,
    misfire_grace: timedelta,
    catch_up: bool,
) -> Decision:
    """Return what to do about a start that was due at `scheduled_for` (None: started by hand).

    Missed starts coalesce into one, for the latest moment that was due. `last_success` is the
    scheduled time of the latest run that succeeded. The day is the local day of the scheduled time,
    whatever the clock says now.
    """
    zone = ZoneInfo(timezone)
    if scheduled_for is None:
        return Decision("run", now, now.astimezone(zone).date(), 0, "started by hand")
    due = scheduled_for.astimezone(UTC)
    line = parse_cron(cron) if cron else None
    latest = last_due(line, zone, now) if line else None
    if latest is not None and latest > due:
        due = latest
    day = due.astimezone(zone).date()
    if last_success is not None and last_success >= due:
        return Decision(
            "already_done",
            due,
            day,
            0,
            f"a run for {_format_time(last_success, zone)} has succeeded",
        )
    missed = _missed(line, zone, last_success, due) if line else 0
    late = now - due
    if late > misfire_grace and not catch_up:
        return Decision(
            "too_late",
            due,
            day,
            missed,
            f"due at {_format_time(due, zone)}, {_length(late)} ago; the grace is"
            f" {_length(misfire_grace)}",
        )
    if late > misfire_grace or missed:
        return Decision(
            "catch_up",
            due,
            day,
            missed,
            f"due at {_format_time(due, zone)}; {missed} earlier missed, done as one",
        )
    return Decision("run", due, day, 0, f"due at {_format_time(due, zone)}")


def _missed(cron: Cron, zone: ZoneInfo, last_success: datetime | None, due: datetime) -> int:
    if last_success is None:
        return 0
    count = 0
    for moment in _backwards(cron, zone, due - timedelta(microseconds=1)):
        if moment <= last_success or count == MISSED_AT_MOST:
            break
        count += 1
    return count


def _backwards(cron: Cron, zone: ZoneInfo, until: datetime) -> Iterator[datetime]:
    # One local day ahead: a skipped time of the next local day never comes earlier, but zones jump
    # by a day (Samoa).
    start = until.astimezone(zone).date() + timedelta(days=1)
    previous: datetime | None = None
    for back in range(HORIZON_DAYS):
        for moment in reversed(cron.instants(start - timedelta(days=back), zone)):
            if moment <= until and (previous is None or moment < previous):
                previous = moment
                yield moment


# complexipy: ignore (the grammar of one field of cron, with its mistakes)
def _field(text: str, name: str, low: int, high: int, line: str) -> frozenset[int]:
    names = MONTHS if name == "month" else WEEKDAYS if name == "day of week" else {}
    found: set[int] = set()
    for part in text.lower().split(","):
        matched = re.fullmatch(r"(\*|\?|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
        if not matched:
            raise errors.BadInput(
                f"cron line {line!r}: {name} {part!r} is not a number, a range, a list or a step"
            )
        every, first, last, step = matched.groups()
        if every in ("*", "?"):
            begin, end = low, 6 if name == "day of week" else high
        else:
            begin = _number(first, names, name, low, high, line)
            # `5/10` goes on to the end of the field.
            upto = last or (str(high) if step else first)
            end = _number(upto, names, name, low, high, line)
        if begin > end or (step and int(step) == 0):
            raise errors.BadInput(f"cron line {line!r}: {name} {part!r} is an empty range")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, names: dict[str, int], name: str, low: int, high: int, line: str) -> int:
    number = names.get(text, int(text) if text.isdecimal() else -1)
    if not low <= number <= high:
        raise errors.BadInput(f"cron line {line!r}: {name} {text!r} is not from {low} to {high}")
    return number


def _format_time(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _length(duration: timedelta) -> str:
    minutes = int(duration.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
