# requirements:

"""Series: what two titles of one site share because both are of one column, show or programme.

A label in brackets before a title and the name of the site beside it stand on every page of the
series, whatever the page tells: `[The Lantern Play] Tickets for May | Halm Theatre`. Names that
stand there say nothing of an event. A label before a colon is one where it says that it is
(`Weekly thread: knives`, `Book review: Tides`); reports on one event begin with a colon, too.
"""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from f.millrace.stories import duplicates

LABEL = re.compile(r"\s*+[\[【［〔]([^\[\]【】［］〔〕]++)[\]】］〕]\s*+")
BEFORE_COLON = re.compile(r"\s*+([^:：]{3,60}+)[:：]\s")
OF_A_SERIES = re.compile(
    r"(?i)\b(?:threads?|megathread|discussion|column|editorial|opinion|comment|commentary|letters?"
    r"|interviews?|q&a|ama|podcast|episode|newsletter|quiz|puzzle|recipes?|reviews?|obituar(?:y|ies)"
    r"|profile|portrait|explainer|analysis|video|watch|listen|photos?|pictures|gallery|tips?"
    r"|tutorial|guide|how[ -]to|case study|press release|release notes|changelog|classifieds"
    r"|(?:ask|show|tell|launch) hn|kommentar|rezension|kolumne|leitartikel|tribune|chronique"
    r"|opinión"
    r"|reseña|recensione|(?:of|for) the (?:day|week|month|year)|(?:des tages|der woche)|du jour"
    r"|de la semaine)$"
    r"|^\W*(?:daily|weekly|monthly|quarterly|annual)\b"
)
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
    """Return the label in brackets or before a colon, if there is one, and what separators part."""
    label = LABEL.match(title) or _find_label_before_colon(title)
    rest = title[label.end() :] if label else title
    parts = [label[1]] if label else []
    return tuple(part.strip() for part in (*parts, *SEPARATOR.split(rest)) if part.strip())


def _find_label_before_colon(title: str) -> re.Match[str] | None:
    found = BEFORE_COLON.match(title)
    return found if found and OF_A_SERIES.search(found[1].strip()) else None


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
