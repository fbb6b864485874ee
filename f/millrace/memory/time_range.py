# requirements:

"""When: the span of time that a question asks about, relative to a given now and zone.

A date may be opened ("since May"), made narrower ("the evening of 3 May", "early June", "the first
week of July") or be one of two ("between Monday and Friday").
"""

import re
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from f.millrace.core import errors
from f.millrace.memory import date_parser

# Hours of the day; the night ends on the next one.
PARTS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (20, 29)}
PART = r"(?:early\s+|late\s+)?(?P<part>morning|afternoon|evening|night)"
THIRDS = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2}
LONGEST = 60
TWO = re.compile(
    r"\b(?:between|from|in|during)\s++(?=(?P<one>.{2,40}?)(?P<to>\s{1,9}(?:and|to|until|till|through)\s++))",
    re.I,
)
RELATIVE = re.compile(
    rf"^(?!.*\d{{4}}).*\b(?:{date_parser.MONTH}|{'|'.join(date_parser.DAYS)}|[qh][1-4])\b", re.I
)
# "at 3 pm", "around 15:00": the day is the answer.
CLOCK = re.compile(r"^\s*(?:at|around|about)\s+\d{1,2}(?::\d\d)?\s*(?:am|pm|h|o'clock)?\b", re.I)


class TimeRange(NamedTuple):
    """A half-open span of time, and the question without the words that named it.

    `around` are the whole days of a span that is a part of a day:
    what is known by its day only is found there.
    """

    since: datetime
    until: datetime
    rest: str
    named: str
    around: date_parser.Times | None = None


def parse_time_range(question: str, now: datetime, zone: str = "UTC") -> TimeRange | None:
    """Return the span that a question names, or None; BadInput for a date no calendar has."""
    seen = date_parser.Now(now, _zone(zone))
    question = re.sub(r"\b(?:a\s+)?fortnight\b", "two weeks", question, flags=re.I)
    between = _between(question, seen)
    if between is not None:
        return between
    found = next(date_parser.dates(question, seen), None)
    return None if found is None else _in_context(question, found, seen)


def _in_context(question: str, found: date_parser.Date, now: date_parser.Now) -> TimeRange:
    """Return what a date means beside the words before and after it."""
    since, until, start, end = found.since, found.until, found.start, found.end
    around = None
    before, after = question[:start], question[end:]
    part = (
        _part_of_day(question[start:end], before, after)
        if until - since < timedelta(hours=26)
        else None
    )
    narrower = _narrower(before, since, until, now)
    if part is not None:
        around = (since, until)
        name, start, end = part
        opens, closes = PARTS[name]
        of = since.astimezone(now.local).date()
        following = of + timedelta(days=closes // 24)
        since, until = (
            date_parser.day(of, now.local, opens),
            date_parser.day(following, now.local, closes % 24),
        )
    elif narrower is not None:
        since, until, start = narrower
    else:
        end += clock.end() if (clock := CLOCK.match(after)) else 0
    opened = re.search(
        r"\b(since|after|from|before|until|till|by)\W*(?:the)?$", question[:start].rstrip(), re.I
    )
    word = opened[1].lower() if opened else ""
    if word in ("since", "from"):
        until = date_parser.LAST
    elif word == "after":
        since, until = until, date_parser.LAST
    elif word in ("before", "until", "till", "by"):
        since, until = date_parser.FIRST, since if word == "before" else until
    start = opened.start() if opened else start
    lead = re.search(
        r"\b(?:on|in|during|at|over|within|for|of)(?:\s+the)?\s*$", question[:start], re.I
    )
    named = question[start:end].strip()
    start = lead.start() if lead else start
    return TimeRange(
        since, until, join_rest(question[:start], question[end:]), named, None if opened else around
    )


def _part_of_day(words: str, before: str, after: str) -> tuple[str, int, int] | None:
    """Return which part of the day is meant, and where the words for it and the day are."""
    start, end = len(before), len(before) + len(words)
    inside = re.search(rf"\b(?:this|last)\s+{PART}$|\bto(?P<tonight>night)$", words, re.I)
    if inside:
        return (inside["part"] or inside["tonight"]).lower(), start, end
    ahead = re.search(
        rf"(?:\b(?:in|on|during)\s+)?(?:\bthe\s+)?\b{PART}\s+of(?:\s+the)?\s*$", before, re.I
    )
    if ahead:
        return ahead["part"].lower(), ahead.start(), end
    behind = re.match(rf"\s*(?:,\s*)?(?:(?:in|during)\s+the\s+|at\s+)?{PART}\b", after, re.I)
    return (behind["part"].lower(), start, end + behind.end()) if behind else None


def _narrower(
    before: str, since: datetime, until: datetime, now: date_parser.Now
) -> tuple[datetime, datetime, int] | None:
    """Return the part of a span that words before it ask for, and where they begin."""
    first, length = since.astimezone(now.local).date(), until - since
    week = re.search(r"\b(?:the\s+)?week\s+of(?:\s+the)?\s*$", before, re.I)
    if week and length < timedelta(hours=26):
        return (
            *date_parser.days(first - timedelta(days=first.weekday()), 7, now.local),
            week.start(),
        )
    nth = re.search(
        rf"\b(?:the\s+)?({'|'.join(date_parser.ORDINALS)})\s+week\s+(?:of|in)\s*$", before, re.I
    )
    if nth and timedelta(days=27) < length < timedelta(days=32):
        place = date_parser.ORDINALS[nth[1].lower()]
        start = (
            first + timedelta(days=7 * (place - 1))
            if place
            else until.astimezone(now.local).date() - timedelta(days=7)
        )
        return *date_parser.days(start, 7, now.local), nth.start()
    third = re.search(
        r"(?:\b(early|mid|late)[\s-]+(?:in\s+)?|\b(?:the\s+)?(beginning|start|middle|end)\s+of\s+(?:the\s+)?)$",
        before,
        re.I,
    )
    if third and timedelta(days=27) < length < timedelta(days=367):
        place, whole = THIRDS[(third[1] or third[2]).lower()], round(length / timedelta(days=1))
        opens, closes = (whole * place) // 3, (whole * (place + 1)) // 3
        return (
            *date_parser.days(first + timedelta(days=opens), closes - opens, now.local),
            third.start(),
        )
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise errors.BadInput(
            f"zone {name!r} is unknown; write one like Europe/London or UTC"
        ) from error


def _between(question: str, now: date_parser.Now) -> TimeRange | None:
    for found in TWO.finditer(question):
        pair = _pair(found["one"], question[found.end("to") :], now)
        if pair is None:
            continue
        since, until, length = pair
        end = found.end("to") + length
        named = question[found.start() : end]
        if since >= until:
            raise errors.BadInput(f"{named!r} ends before it begins; name the earlier date first")
        return TimeRange(since, until, join_rest(question[: found.start()], question[end:]), named)
    return None


def _pair(one: str, rest: str, now: date_parser.Now) -> tuple[datetime, datetime, int] | None:
    """Return from where to where two dates reach, and how much of the rest the second one takes."""
    last = _leading(rest, now)
    if last is None:
        return None
    # A beginning without a year is the latest before the end: "from 20 December to 5 January 2024".
    seen = (
        date_parser.Now(max(last.since, date_parser.FIRST + timedelta(days=1)), now.local)
        if RELATIVE.search(one)
        else now
    )
    first = _leading(one, seen)
    return (
        (first.since, last.until, last.end)
        if first is not None and first.end >= len(one.rstrip(" ,"))
        else None
    )


def _leading(text: str, now: date_parser.Now) -> date_parser.Date | None:
    """Return the date that a text begins with."""
    text = text[:LONGEST]
    bare = re.sub(r"^the\s+", "", text, flags=re.I)
    shift = len(text) - len(bare)
    for lead in ("", "in ", "on "):
        for found in date_parser.dates(lead + bare, now):
            if found.start <= len(lead):
                return found._replace(start=0, end=found.end - len(lead) + shift)
    return None


def join_rest(before: str, after: str) -> str:
    """Return what is left of a question, on one line."""
    return " ".join((before + " " + after).split()).strip(" ,;:?!.")
