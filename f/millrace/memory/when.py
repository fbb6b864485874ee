"""When: the span of time that a question names, relative to a given now and zone.

Days, weeks and months begin at local midnight, so a day is 23 to 25 hours long where clocks change. A date without a year
is the latest that has come; "last week" is the whole week before this one, "the last 7 days" end with now.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from f.millrace.core.errors import BadInput

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "ten": 10,
    "few": 3,
    "couple of": 2,
}
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_MONTH = "(?P<month>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS) + r")\.?"
_COUNT = r"(?P<count>\d{1,3}|" + "|".join(NUMBERS) + ")"
_UNIT = "(?P<unit>day|week|month|year)"
_ORDINAL = "(?:st|nd|rd|th)?"


class Span(NamedTuple):
    """A half-open span of time, and the question without the words that named it."""

    since: datetime
    until: datetime
    rest: str
    named: str


def span(question: str, now: datetime, zone: str = "UTC") -> Span | None:
    """Return the span that the question names, or None; BadInput for a date that no calendar has."""
    local = _zone(zone)
    today = now.astimezone(local).date()
    between = _between(question, today, local)
    if between is not None:
        return between
    for found, (first, after) in _dates(question, now, today, local):
        before = question[: found.start()].rstrip()
        opened = re.search(r"\b(since|after|from|before|until|till|by)\W*(?:the)?$", before, re.I)
        word = opened[1].lower() if opened else ""
        if word in ("since", "from"):
            after = LAST
        elif word == "after":
            first, after = after, LAST
        elif word in ("before", "until", "till", "by"):
            first, after = FIRST, first if word == "before" else after
        start = opened.start() if opened else found.start()
        lead = re.search(r"\b(?:on|in|during|at|over|within|for|of)(?:\s+the)?\s*$", question[:start], re.I)
        start = lead.start() if lead else start
        return Span(first, after, _joined(question[:start], question[found.end() :]), question[start : found.end()].strip())
    return None


def day(of: date, local: ZoneInfo) -> datetime:
    """Return the first moment of a local day, in UTC."""
    try:
        return datetime(of.year, of.month, of.day, tzinfo=local).astimezone(UTC)
    except OverflowError:
        return FIRST if of.year < 2 else LAST


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(f"zone {name!r} is unknown; write one like Europe/London or UTC") from error


def _between(question: str, today: date, local: ZoneInfo) -> Span | None:
    found = re.search(r"\b(?:between|from)\s+(.{3,40}?)\s+(?:and|to|until|till)\s+(.{3,40}?)(?=[?.,;!]|$)", question, re.I)
    if found is None:
        return None
    last = _whole(found[2], today, local)
    if last is None:
        return None
    # A beginning without a year is the latest before the end: "from 20 December to 5 January 2024".
    yearless = re.search(rf"\b{_MONTH}\b", found[1], re.I) and not re.search(r"\d{4}", found[1])
    ends_on = max(last[0], FIRST + timedelta(days=1)).astimezone(local).date()
    begins = _whole(found[1], ends_on if yearless else today, local)
    if begins is None:
        return None
    first, after = begins[0], last[1]
    if first >= after:
        raise BadInput(f"{found[0]!r} ends before it begins; name the earlier date first")
    return Span(first, after, _joined(question[: found.start()], question[found.end() :]), found[0])


def _whole(part: str, today: date, local: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the span of a text that is nothing but a date."""
    dates = _dates(part, day(today, local), today, local)
    return next((span for match, span in dates if not _joined(part[: match.start()], part[match.end() :])), None)


def _dates(question: str, now: datetime, today: date, local: ZoneInfo) -> Iterator[tuple[Any, tuple[datetime, datetime]]]:
    """Yield each named date with its span, the most exact form first."""
    text = question
    for found in re.finditer(r"\b(?P<year>\d{4})-(?P<number>\d{2})-(?P<day>\d{2})\b", text):
        yield found, _day(int(found["year"]), int(found["number"]), int(found["day"]), found[0], local)
    for pattern in (
        rf"\b(?P<day>\d{{1,2}}){_ORDINAL}\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>\d{{4}}))?\b",
        rf"\b{_MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}}){_ORDINAL}(?:,?\s+(?P<year>\d{{4}}))?\b(?!\s*\d)",
    ):
        for found in re.finditer(pattern, text, re.I):
            number = _month(found["month"])
            yield (
                found,
                _day(
                    int(found["year"] or 0) or _latest(number, int(found["day"]), today),
                    number,
                    int(found["day"]),
                    found[0],
                    local,
                ),
            )
    for found in re.finditer(rf"\b{_MONTH},?\s+(?:of\s+)?(?P<year>\d{{4}})\b", text, re.I):
        yield found, _months(int(found["year"]), _month(found["month"]), 1, local)
    for found in re.finditer(
        rf"\b(?:in|during|of|since|before|after|until|last|this|early|late|from|to|and)\s+(?P<whole>{_MONTH})\b", text, re.I
    ):
        number = _month(found["month"])
        yield _Part(found, "whole"), _months(today.year - (number > today.month), number, 1, local)
    for found in re.finditer(
        r"\b(today|yesterday|(?:the )?day before yesterday|tomorrow|tonight|this morning|last night)\b", text, re.I
    ):
        offset = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(
            found[1].lower(), -2 if "before" in found[1].lower() else 0
        )
        start = today + timedelta(days=offset)
        yield found, (day(start, local), day(start + timedelta(days=1), local))
    for found in re.finditer(rf"\b{_COUNT}\s+{_UNIT}s?\s+ago\b", text, re.I):
        yield found, _ago(_count(found["count"]), found["unit"].lower(), today, local)
    for found in re.finditer(rf"\b(?:last|past|previous)\s+{_COUNT}\s+{_UNIT}s?\b", text, re.I):
        start, _ = _ago(_count(found["count"]), found["unit"].lower(), today, local, whole=False)
        yield found, (start, max(now, start) + timedelta(microseconds=1))
    for found in re.finditer(r"\b(?P<which>last|this|next|previous|current)\s+(?P<unit>week|month|year|weekend)\b", text, re.I):
        yield found, _unit(found["which"].lower(), found["unit"].lower(), today, local)
    for found in re.finditer(rf"\b(?P<which>last\s+|this\s+|on\s+)(?P<name>{'|'.join(DAYS)})\b", text, re.I):
        back = (today.weekday() - DAYS.index(found["name"].lower())) % 7
        back = back or (7 if found["which"].lower().startswith("last") else 0)
        start = today - timedelta(days=back)
        yield found, (day(start, local), day(start + timedelta(days=1), local))
    for found in re.finditer(r"\b(?:in|during|of|since|before|after|until|from|to|and)\s+(?P<whole>(?:19|20)\d\d)\b", text, re.I):
        yield _Part(found, "whole"), _months(int(found["whole"]), 1, 12, local)
    for found in re.finditer(r"^\s*((?:19|20)\d\d)\s*$", text):
        yield found, _months(int(found[1]), 1, 12, local)


class _Part:
    """A group of a match, where the words around it only tell that it is a date."""

    def __init__(self, found: re.Match[str], name: str) -> None:
        self._span = found.span(name)

    def start(self) -> int:
        return self._span[0]

    def end(self) -> int:
        return self._span[1]


def _day(year: int, number: int, of_month: int, named: str, local: ZoneInfo) -> tuple[datetime, datetime]:
    try:
        start = date(year, number, of_month)
    except ValueError as error:
        raise BadInput(f"there is no {named.strip()!r} ({error}); name a day that the calendar has") from error
    return day(start, local), LAST if start == date.max else day(start + timedelta(days=1), local)


def _latest(number: int, of_month: int, today: date) -> int:
    """Return the year of the latest such day that has come; of this year when there is none at all."""
    for year in range(today.year, max(today.year - 9, 0), -1):
        try:
            if date(year, number, of_month) <= today:
                return year
        except ValueError:
            continue
    return today.year


def _months(year: int, number: int, count: int, local: ZoneInfo) -> tuple[datetime, datetime]:
    if not 1 <= year <= 9998:
        raise BadInput(f"the year {year} is outside the calendar; name one from 1 to 9998")
    after = number - 1 + count
    return day(date(year, number, 1), local), day(date(year + after // 12, after % 12 + 1, 1), local)


def _ago(count: int, unit: str, today: date, local: ZoneInfo, whole: bool = True) -> tuple[datetime, datetime]:
    if unit in ("day", "week"):
        start = today - timedelta(days=count * (7 if unit == "week" else 1))
        if unit == "week" and whole:
            start -= timedelta(days=start.weekday())
        return day(start, local), day(start + timedelta(days=7 if unit == "week" else 1), local)
    months = today.year * 12 + today.month - 1 - count * (12 if unit == "year" else 1)
    if unit == "year" and whole:
        return _months(months // 12, 1, 12, local)
    start, after = _months(months // 12, months % 12 + 1, 1, local)
    return (start if whole else start + timedelta(days=min(today.day, 28) - 1)), after


def _unit(which: str, unit: str, today: date, local: ZoneInfo) -> tuple[datetime, datetime]:
    step = {"last": -1, "previous": -1, "next": 1}.get(which, 0)
    if unit in ("week", "weekend"):
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * step)
        first = monday + timedelta(days=5) if unit == "weekend" else monday
        return day(first, local), day(monday + timedelta(days=7), local)
    if unit == "year":
        return _months(today.year + step, 1, 12, local)
    months = today.year * 12 + today.month - 1 + step
    return _months(months // 12, months % 12 + 1, 1, local)


def _month(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3]))


def _count(word: str) -> int:
    return int(word) if word.isdigit() else NUMBERS[word.lower()]


def _joined(before: str, after: str) -> str:
    return " ".join((before + " " + after).split()).strip(" ,;:?!.")
