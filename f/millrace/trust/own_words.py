# requirements:

"""The user's own words of this request: whether a value stands in them, also as a date or a number.

A value is the user's when its words stand side by side in his request. A date is his when he named
its day (`May 18th`, `Friday`, `tomorrow`), a time when he named it (`10am`), a number when he wrote
it out.
"""

import re
from datetime import date, time, timedelta
from typing import Any

from f.millrace.core import run_context
from f.millrace.trust import deobfuscation

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier",
            "february feb februar février",
            "march mar märz mars",
            "april apr avril",
            "may mai",
            "june jun juni juin",
            "july jul juli juillet",
            "august aug août",
            "september sep sept septembre",
            "october oct oktober octobre",
            "november nov novembre",
            "december dec dezember décembre",
        ),
        1,
    )
    for name in names.split()
}
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon montag lundi",
            "tuesday tue dienstag mardi",
            "wednesday wed mittwoch mercredi",
            "thursday thu donnerstag jeudi",
            "friday fri freitag vendredi",
            "saturday sat samstag samedi",
            "sunday sun sonntag dimanche",
        )
    )
    for name in names.split()
}
RELATIVE = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "heute": 0, "morgen": 1}
NUMBERS = {
    name: str(number)
    for number, name in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
# Words of a request that name nothing alone.
SAYS_NOTHING = frozenset(
    "the and for with from that this what who mail mails email message messages file files event"
    " events meeting meetings appointment note notes task new all any unread today tomorrow please"
    " name user list page link article post".split()
)
SHORTEST_NAME = 3
ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
DAY_FIRST = re.compile(
    r"\b(\d{1,2})(?:st|nd|rd|th|\.)?(?: of)? ([a-zäéû]{3,9})\b\.?,?(?: (\d{4}))?"
)
MONTH_FIRST = re.compile(r"\b([a-zäéû]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?\b,?(?: (\d{4}))?")
NUMERIC = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b")
CLOCK = re.compile(r"\b(\d{1,2})(?:[:.h](\d{2}))?\s?(am|pm|a\.m\.|p\.m\.|uhr)?(?![\w:]|\.\d)")
MOMENT = re.compile(
    r"(?:(\d{4}-\d{2}-\d{2})(?:[T ]|$))?(?:(\d{2}:\d{2})(?::\d{2})?(?:Z|[+]00:00)?)?"
)
LONGEST = 20_000


class OwnWords:
    """What the user wrote; empty for a task that he did not write."""

    def __init__(self, request: str = "") -> None:
        """Take the user's part of the request."""
        request = request[:LONGEST]
        self.words = deobfuscation.words(request)
        self._text = f" {' '.join(self.words)} "
        plain = deobfuscation.skeleton(request)
        self._days = set(_days(plain))
        self._times = set(_times(plain))
        self._numbers = {NUMBERS[word] for word in self.words if word in NUMBERS}

    def contains(self, value: Any) -> bool:
        """Return whether a value stands in the user's words; nothing and `no` always do."""
        if value is None or value is False:
            return True
        if value is True:
            return False
        text = str(value)
        wanted = " ".join(deobfuscation.words(text))
        if wanted and f" {wanted} " in self._text:
            return True
        return text.strip() in self._numbers or self._has_moment(text.strip())

    def names(self, value: Any) -> bool:
        """Return whether a title or name stands in the user's words, and says something."""
        text = str(value) if isinstance(value, str) else ""
        telling = (word for word in deobfuscation.words(text) if word not in SAYS_NOTHING)
        return any(len(word) >= SHORTEST_NAME for word in telling) and self.contains(text)

    def names_moment(self, value: str) -> bool:
        """Return whether a value is a day or a time that the user named."""
        return self._has_moment(value.strip())

    def _has_moment(self, text: str) -> bool:
        found = MOMENT.fullmatch(text)
        if not found or not (found[1] or found[2]):
            return False
        day_said = found[1] is None or self._has_day(found[1])
        return day_said and (found[2] in (None, "00:00") or found[2] in self._times)

    def _has_day(self, iso: str) -> bool:
        try:
            day = date.fromisoformat(iso)
        except ValueError:
            return False
        today = run_context.now().date()
        near = {
            today + timedelta(days=days) for word in self.words for days in _days_from(word, today)
        }
        return day in near or bool(
            {(day.year, day.month, day.day), (None, day.month, day.day)} & self._days
        )


def _days_from(word: str, today: date) -> list[int]:
    if word in RELATIVE:
        return [RELATIVE[word]]
    if word in WEEKDAYS:
        ahead = (WEEKDAYS[word] - today.weekday()) % 7
        return [ahead, ahead + 7]
    return []


def _days(text: str) -> list[tuple[int | None, int, int]]:
    """Return the days that a text names, without a year where it names none."""
    found: list[tuple[int | None, int, int]] = [
        (int(year), int(month), int(day)) for year, month, day in ISO_DATE.findall(text)
    ]
    found += [(int(year), int(month), int(day)) for day, month, year in NUMERIC.findall(text)]
    found += [(int(year), int(day), int(month)) for day, month, year in NUMERIC.findall(text)]
    named = [(month, day, year) for day, month, year in DAY_FIRST.findall(text)]
    named += MONTH_FIRST.findall(text)
    found += [
        (int(year) if year else None, MONTHS[month], int(day))
        for month, day, year in named
        if month in MONTHS
    ]
    return found


def _times(text: str) -> list[str]:
    """Return the times of day that a text names, as 14:30."""
    found: list[str] = ["12:00"] if "noon" in text or "midday" in text else []
    for hour, minute, half in CLOCK.findall(text):
        hours, minutes = int(hour), int(minute or 0)
        if half[:1] in ("a", "p"):
            hours = hours % 12 + 12 * (half[:1] == "p")
        if (minute or half) and hours < 24 and minutes < 60:
            found.append(time(hours, minutes).strftime("%H:%M"))
    return found
