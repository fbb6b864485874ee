# requirements:

"""Series: what two titles of one site share because both are of one column, show or programme.

A label in brackets before a title and the name of the site beside it stand on every page of the
series, whatever the page tells: `[The Lantern Play] Tickets for May | Halm Theatre`. Names that
stand there say nothing of an event. A label before a colon is left alone: reports on one event
begin so, too.
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from f.millrace.stories import duplicates

LABEL = re.compile(r"\s*+[\[【［〔]([^\[\]【】［］〔〕]++)[\]】］〕]\s*+")
SEPARATOR = re.compile(r"\s(?:[|–—·»-]|::)\s")


def find_shared_labels(one: duplicates.Item, other: duplicates.Item) -> list[str]:
    """Return the labels that both titles have, where both items are pages of one site and each
    title says something of its own besides.
    """
    if not one.url or not other.url or _host(one.url) != _host(other.url):
        return []
    mine, theirs = _split(one.title), _split(other.title)
    shared = [label for label in mine if label.casefold() in {part.casefold() for part in theirs}]
    return shared if len(shared) < min(len(mine), len(theirs)) else []


@lru_cache(maxsize=8192)
def _split(title: str) -> tuple[str, ...]:
    """Return the label in brackets, if there is one, and what separators part."""
    label = LABEL.match(title)
    rest = title[label.end() :] if label else title
    parts = [label[1]] if label else []
    return tuple(part.strip() for part in (*parts, *SEPARATOR.split(rest)) if part.strip())


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
