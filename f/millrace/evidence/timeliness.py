# requirements:

"""Whether a page tells one story of its time: when it was written, and that it is no roundup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

# Beside a story of the news, what is so much older is none of it.
STALE = timedelta(days=7)
# An item is as old as its page where that says that it is older by so much.
REPOSTED = timedelta(days=30)
# Many stories under one title; what is to be known about one thing is one.
THINGS = re.compile(r"(?i)\bthings (?:to|you (?:need|have|ought) to|you (?:should|must)) know\b")
ABOUT = re.compile(r"(?i)\babout\b")
ROUNDUP = re.compile(
    r"(?i)^\W*(?:(?:the|your|our|today['’]s|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"(?:['’]s)?) )?"
    r"(?:morning|midday|evening|nightly|news|daily|weekly) (?:briefing|brief|bulletin|recap"
    r"|wrap(?:-?up)?|summary|headlines)(?=\s*(?:$|[:|–—,-]|for\b))"
    r"|\bnews in brief\b|\b(?:the|this|last) (?:week|day|month|year) in (?:review|brief|pictures"
    r"|photos|charts|numbers)\b|\bwhat you (?:may have |might have )?missed\b"
    r"|^\W*nachrichten (?:kompakt|des tages)\b|\ble récap\b|\bl['’]essentiel de l['’]actualité\b"
)


def is_roundup(title: str) -> bool:
    """Tell whether a page tells many stories under one title: it is about none of them."""
    things = THINGS.search(title)
    return ROUNDUP.search(title) is not None or (
        things is not None and ABOUT.search(title, things.end()) is None
    )


def is_stale(page: datetime | None, story: Iterable[datetime | None]) -> bool:
    """Tell whether a page is much older than the latest of a story's own pages."""
    days = [day for day in story if day]
    return page is not None and bool(days) and page < max(days) - STALE


def date_of(item: datetime | None, page: datetime | None) -> datetime | None:
    """Return the day of an item; of an old page that was posted again, that of the page."""
    if item and page and page < item - REPOSTED:
        return page
    return item or page
