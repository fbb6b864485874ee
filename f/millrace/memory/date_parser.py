# requirements:

"""Dates: which words of a text name a time, and the span that each names.

Days, weeks and months begin at local midnight, so a day is 23 to 25 hours long where clocks change.
What has no year is the latest that has come; "last week" is the whole week before this one, "the
last 7 days" end with now.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from f.millrace.core import errors

MONTHS = tuple(
    "january february march april may june july august september october november december".split()
)
DAYS = tuple("monday tuesday wednesday thursday friday saturday sunday".split())
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
WORDS = "a one two three four five six seven eight nine ten eleven twelve".split()
NUMBERS = {
    **{word: max(number, 1) for number, word in enumerate(WORDS)},
    "an": 1,
    "few": 3,
    "several": 3,
    "couple of": 2,
}
ORDINALS = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "last": 0,
}
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
Times = tuple[datetime, datetime]

MONTH = (
    "(?P<month>"
    + "|".join(
        f"{name[:3]}(?:{'t(?:ember)?' if name[:3] == 'sep' else name[3:]})?" for name in MONTHS
    )
    + r")\.?"
)
COUNT = r"(?P<count>\d{1,3}|" + "|".join(NUMBERS) + ")"
UNIT = "(?P<unit>minute|hour|day|week|month|year)"
TH = "(?:st|nd|rd|th)?"
YEAR = r"(?:,?\s+(?:of\s+|in\s+)?(?P<year>\d{4}))?\b"
TO = r"\s*(?:-|–|\b(?:to|until|till|through|and)\b)\s*(?:the\s+)?"
IN = r"(?:in|during|of|since|before|after|until|till|by|from|to|and)"


SURELY = re.compile(
    r"(?:in|during|of|last|next|since|before|after|until|till|by|early|mid|late)\b", re.I
)
ENDS = re.compile(r"\s*(?:[?.,;!]|$)")


class Now(NamedTuple):
    """The moment and the place from which dates are seen."""

    at: datetime
    local: ZoneInfo

    @property
    def today(self) -> date:
        return self.at.astimezone(self.local).date()


class Date(NamedTuple):
    """Words of a text, `text[start:end]`, and the half-open span that they name."""

    start: int
    end: int
    since: datetime
    until: datetime


def dates(text: str, now: Now) -> Iterator[Date]:
    """Yield each date that a text names, the most exact form first;
    BadInput for one that no calendar has.
    """
    for pattern, read in FORMS:
        for found in re.finditer(pattern, text, re.I):
            times = read(found, now)
            if times is not None:
                start = found.start("date") if "date" in found.groupdict() else found.start()
                yield Date(start, found.end(), *times)


def day(of: date, local: ZoneInfo, hour: int = 0) -> datetime:
    """Return the first moment of a local day, or of an hour of it, in UTC."""
    try:
        return datetime(of.year, of.month, of.day, hour, tzinfo=local).astimezone(UTC)
    except OverflowError:
        return FIRST if of.year < 2 else LAST


def days(first: date, count: int, local: ZoneInfo) -> Times:
    """Return the span of so many days."""
    try:
        return day(first, local), day(first + timedelta(days=count), local)
    except OverflowError:
        return day(first, local), LAST


def months(year: int, number: int, count: int, local: ZoneInfo) -> Times:
    """Return the span of so many months; BadInput for a year outside the calendar."""
    if not 1 <= year <= 9998:
        raise errors.BadInput(f"the year {year} is outside the calendar; name one from 1 to 9998")
    after = number - 1 + count
    return day(date(year, number, 1), local), day(
        date(year + after // 12, after % 12 + 1, 1), local
    )


def _checked_date(year: int, number: int, of_month: int, named: str) -> date:
    try:
        return date(year, number, of_month)
    except ValueError as error:
        raise errors.BadInput(
            f"there is no {named.strip()!r} ({error}); name a day that the calendar has"
        ) from error


def _latest_year(number: int, of_month: int, today: date) -> int:
    """Return the year of the latest such day that has come; this year when there is none."""
    for year in range(today.year, max(today.year - 9, 0), -1):
        try:
            if date(year, number, of_month) <= today:
                return year
        except ValueError:
            continue
    return today.year


def _month(name: str) -> int:
    return next(
        number for number, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3])
    )


def _count(word: str) -> int:
    return int(word) if word.isdigit() else NUMBERS[word.lower()]


def _iso_day(found: re.Match[str], now: Now) -> Times:
    return days(
        _checked_date(int(found["year"]), int(found["number"]), int(found["day"]), found["date"]),
        1,
        now.local,
    )


def _numbers(found: re.Match[str], now: Now) -> Times | None:
    """Read 13.5.2026 and 13/5/2026; of 3/5/2026 nobody knows which is the month."""
    one, two, year = int(found["one"]), int(found["two"]), int(found["year"])
    if found["dot"] == "/" and one != two and one <= 12 and two <= 12:
        return None
    of_month, number = (one, two) if two <= 12 else (two, one)
    return (
        days(_checked_date(year, number, of_month, found[0]), 1, now.local)
        if number <= 12
        else None
    )


def _days_of_month(found: re.Match[str], now: Now) -> Times:
    first, last, number = int(found["day"]), int(found["last"]), _month(found["month"])
    year = int(found["year"] or 0) or _latest_year(number, first, now.today)
    since, until = (
        _checked_date(year, number, first, found[0]),
        _checked_date(year, number, last, found[0]),
    )
    if until < since:
        raise errors.BadInput(
            f"{found[0].strip()!r} ends before it begins; name the earlier date first"
        )
    return days(since, (until - since).days + 1, now.local)


def _day_of_month(found: re.Match[str], now: Now) -> Times:
    of_month, number = int(found["day"]), _month(found["month"])
    year = int(found["year"] or 0) or _latest_year(number, of_month, now.today)
    return days(_checked_date(year, number, of_month, found[0]), 1, now.local)


def _month_of_year(found: re.Match[str], now: Now) -> Times:
    number = int(found["number"]) if "number" in found.groupdict() else _month(found["month"])
    return months(int(found["year"]), number, 1, now.local)


def _month_alone(found: re.Match[str], now: Now) -> Times | None:
    number, today, which = _month(found["month"]), now.today, (found["which"] or "").lower()
    # "this may be", "ready to march on": these two are a month only where nothing else can stand.
    if number in (3, 5) and not (
        SURELY.match(found[0]) or (which == "this" and ENDS.match(found.string[found.end() :]))
    ):
        return None
    if which == "next":
        return months(today.year + (number <= today.month), number, 1, now.local)
    to_come = number > today.month or (which == "last" and number == today.month)
    return months(today.year - to_come, number, 1, now.local)


def _part_of_year(found: re.Match[str], now: Now) -> Times:
    count = 3 if "q" in found["kind"].lower() else 6
    place = int(found["place"]) if found["place"].isdigit() else ORDINALS[found["place"].lower()]
    number, today = (place - 1) * count + 1, now.today
    given = found.groupdict()
    return months(
        int(given.get("year") or given.get("before") or 0) or today.year - (number > today.month),
        number,
        count,
        now.local,
    )


def _season(found: re.Match[str], now: Now) -> Times:
    number, today, which = (
        SEASONS[found["season"].lower()],
        now.today,
        (found["which"] or "").lower(),
    )
    year = int(found["year"] or 0)
    if not year:
        year = today.year - (number > today.month) + (which == "next")
        if which == "last" and months(year, number, 3, now.local)[1] > now.at:
            year -= 1
    return months(year, number, 3, now.local)


def _near_day(found: re.Match[str], now: Now) -> Times:
    name = found[0].lower()
    offset = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(
        name, -2 if "before" in name else 0
    )
    return days(now.today + timedelta(days=offset), 1, now.local)


def _ago(found: re.Match[str], now: Now) -> Times:
    count, unit, today = _count(found["count"]), found["unit"].lower(), now.today
    if unit in ("minute", "hour"):
        step = timedelta(**{unit + "s": 1})
        return now.at - count * step - step / 2, now.at - count * step + step / 2
    if unit in ("day", "week"):
        start = today - timedelta(days=count * (7 if unit == "week" else 1))
        start -= timedelta(days=start.weekday() if unit == "week" else 0)
        return days(start, 7 if unit == "week" else 1, now.local)
    if unit == "year":
        return months(today.year - count, 1, 12, now.local)
    number = today.year * 12 + today.month - 1 - count
    return months(number // 12, number % 12 + 1, 1, now.local)


def _up_to_now(found: re.Match[str], now: Now) -> Times:
    given = found.groupdict()
    count, unit, today = _count(given.get("count") or "1"), found["unit"].lower(), now.today
    if unit in ("minute", "hour"):
        start = now.at - timedelta(**{unit + "s": count})
    elif unit in ("day", "week"):
        start = day(today - timedelta(days=count * (7 if unit == "week" else 1)), now.local)
    else:
        number = today.year * 12 + today.month - 1 - count * (12 if unit == "year" else 1)
        start = months(number // 12, number % 12 + 1, 1, now.local)[0] + timedelta(
            days=min(today.day, 28) - 1
        )
    return start, max(now.at, start) + timedelta(microseconds=1)


def _unit(found: re.Match[str], now: Now) -> Times:
    unit, today = found["unit"].lower(), now.today
    step = {"last": -1, "previous": -1, "next": 1, "coming": 1}.get(found["which"].lower(), 0)
    if unit in ("week", "weekend"):
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * step)
        return (
            days(monday, 7, now.local)
            if unit == "week"
            else days(monday + timedelta(days=5), 2, now.local)
        )
    if unit == "year":
        return months(today.year + step, 1, 12, now.local)
    count = 3 if unit == "quarter" else 1
    number = (today.year * 12 + today.month - 1) // count * count + step * count
    return months(number // 12, number % 12 + 1, count, now.local)


def _weekday(found: re.Match[str], now: Now) -> Times:
    which, today = (found["which"] or "").lower(), now.today
    back = (today.weekday() - DAYS.index(found["name"].lower())) % 7
    if which in ("next", "coming"):
        back -= 7
    return days(today - timedelta(days=back or (7 if which == "last" else 0)), 1, now.local)


def _years(count: int) -> Callable[[re.Match[str], Now], Times]:
    return lambda found, now: months(int(found["year"]), 1, 12 * count, now.local)


def _decade(found: re.Match[str], now: Now) -> Times:
    return months(int(found["tens"]) * 10, 1, 120, now.local)


WEEKDAY = rf"(?:\b(?:{'|'.join(DAYS)}),?\s+(?:the\s+)?)?"
TIME = r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
FORMS: tuple[tuple[str, Callable[[re.Match[str], Now], Times | None]], ...] = (
    (
        rf"(?<!\d)(?P<date>\b(?P<year>\d{{4}})-(?P<number>\d{{2}})-(?P<day>\d{{2}}){TIME})(?!\d)",
        _iso_day,
    ),
    (
        r"(?<![\d./])(?P<one>\d{1,2})(?P<dot>[./])(?P<two>\d{1,2})(?P=dot)(?P<year>(?:19|20)\d\d)(?![\d/])",
        _numbers,
    ),
    (
        rf"(?:\b(?:between|from)\s+)?(?:the\s+)?\b(?P<day>\d{{1,2}}){TH}{TO}(?P<last>\d{{1,2}}){TH}\s+(?:of\s+)?{MONTH}{YEAR}",
        _days_of_month,
    ),
    (
        rf"(?:\b(?:between|from)\s+)?\b{MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}}){TH}{TO}(?P<last>\d{{1,2}}){TH}(?!\d){YEAR}",
        _days_of_month,
    ),
    (rf"{WEEKDAY}\b(?P<day>\d{{1,2}}){TH}\s+(?:of\s+)?{MONTH}{YEAR}", _day_of_month),
    (rf"{WEEKDAY}\b{MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}}){TH}{YEAR}(?!\s*\d)", _day_of_month),
    (rf"\b{MONTH},?\s+(?:of\s+)?(?P<year>\d{{4}})\b", _month_of_year),
    (rf"\b(?P<kind>Q)(?P<place>[1-4]){YEAR}", _part_of_year),
    (rf"\b(?P<kind>H)(?P<place>[12]){YEAR}", _part_of_year),
    (
        rf"\b(?:the\s+)?(?P<place>first|second|third|fourth|1st|2nd|3rd|4th)\s+(?P<kind>quarter){YEAR}",
        _part_of_year,
    ),
    (
        r"\b(?:the\s+)?(?P<place>first|second|1st|2nd)\s+(?P<kind>half),?\s+(?:of\s+|in\s+)?(?P<year>\d{4})\b",
        _part_of_year,
    ),
    (r"\b(?P<before>(?:19|20)\d\d)[\s/-]*(?P<kind>Q)(?P<place>[1-4])\b", _part_of_year),
    (
        rf"\b{IN}\s+(?P<date>(?P<year>(?:19|20)\d\d)-(?P<number>0[1-9]|1[0-2]))\b(?!-)",
        _month_of_year,
    ),
    (rf"\b(?:{IN}|early|mid|late)[\s-]+(?P<which>)(?P<date>{MONTH})\b", _month_alone),
    (rf"\b(?P<date>(?P<which>last|this|next)\s+{MONTH})\b", _month_alone),
    (
        rf"\b(?P<which>)(?P<season>{'|'.join(SEASONS)})\s+(?:of\s+)?(?P<year>(?:19|20)\d\d)\b",
        _season,
    ),
    (
        rf"\b(?:the\s+)?(?P<which>last|this|next)\s+(?P<season>{'|'.join(SEASONS)})(?P<year>)\b",
        _season,
    ),
    (
        rf"\b(?:in|during|since)\s+(?:the\s+)?(?P<which>)(?P<date>(?P<season>{'|'.join(SEASONS)}))(?P<year>)\b",
        _season,
    ),
    (
        r"\b(?:today|yesterday|(?:the )?day before yesterday|tomorrow|tonight"
        r"|this (?:morning|afternoon|evening)|last night)\b",
        _near_day,
    ),
    (rf"(?<!half )\b{COUNT}\s+{UNIT}s?\s+ago\b", _ago),
    (rf"\b(?:last|past|previous)\s+{COUNT}\s+{UNIT}s?\b", _up_to_now),
    (rf"\b(?:past\s+{UNIT})\b", _up_to_now),
    (r"\blast\s+(?P<unit>minute|hour)\b", _up_to_now),
    (
        r"\b(?P<which>last|this|next|previous|current|coming)\s+(?P<unit>week|month|quarter|year|weekend)\b",
        _unit,
    ),
    (rf"\b(?P<which>last|this|next|coming)\s+(?P<name>{'|'.join(DAYS)})\b", _weekday),
    (rf"\bon\s+(?P<which>)(?P<name>{'|'.join(DAYS)})\b", _weekday),
    (rf"\b{IN}\s+(?P<which>)(?P<date>(?P<name>{'|'.join(DAYS)}))\b", _weekday),
    (r"\b(?:the\s+)?(?P<tens>(?:19|20)\d)0s\b", _decade),
    (rf"\b(?:{IN}|early|mid|late)[\s-]+(?P<date>(?P<year>(?:19|20)\d\d))\b(?![-/.]\d)", _years(1)),
    (r"^\s*(?P<year>(?:19|20)\d\d)\s*$", _years(1)),
)
