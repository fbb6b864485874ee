# requirements:

"""arXiv through its query API: the source."""

import re
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from f.millrace.core import config, errors
from f.millrace.tools import fetch_state, http, items, sources

ATOM = "{http://www.w3.org/2005/Atom}"
OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
ACCEPT = "application/atom+xml"
# https://info.arxiv.org/help/api/tou.html: at most one request every three seconds.
PACE_SECONDS = 3.0

TEX = (
    (re.compile(r"\\(?:emph|text(?:it|bf|sc|tt|rm)?|mathrm|url)\{([^{}]{0,200})\}"), r"\1"),
    (re.compile(r"``([^`']{1,200})''"), r"“\1”"),
    # A price has a sign on one side only.
    (re.compile(r"(?<![\\\w$])\$([\w.,+-][\w.,+ -]{0,40})\$(?![\w$])"), r"\1"),
    (re.compile(r"\\([%&#_$])"), r"\1"),
)

_turn = threading.Lock()
_last = 0.0


class Entry(NamedTuple):
    """A paper as the API answers it; `id` is the arXiv id with version, e.g. 2401.01234v2."""

    id: str
    title: str
    url: str
    authors: str
    published_at: datetime | None
    updated_at: datetime | None
    categories: list[str]
    abstract: str


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return the newest papers of the set categories that hold one of the set terms."""
    query = _query(config.settings().arxiv_categories, config.settings().arxiv_terms)
    url = _url(
        search_query=query, sortBy="submittedDate", sortOrder="descending", max_results=limit
    )
    for again in (True, False):
        _wait_turn()
        page = state.fetch(url, accept=ACCEPT)
        try:
            return [] if page is None else [_source_item(paper) for paper in parse(page)][:limit]
        except errors.SourceFailed:
            state.forget(url)
            if not again:
                raise
    raise AssertionError("the loop returns or raises")


def fetch_entries(**parameters: str | int) -> list[Entry]:
    """Return the papers that the API answers to a query, not faster than it may be asked."""
    _wait_turn()
    return parse(http.fetch(_url(**parameters), accept=ACCEPT))


def parse(page: http.Page) -> list[Entry]:
    """Return the papers of an answer of the query API; SourceFailed tells arXiv's own error."""
    # Expat stops entity bombs by itself; a feed has no need to declare entities, so nothing gets
    # that far.
    if b"<!DOCTYPE" in page.content[:4096] or b"<!ENTITY" in page.content:
        raise errors.SourceFailed(
            "arXiv answered a document that declares entities; it was not read"
        )
    try:
        root = ElementTree.fromstring(page.content)
    except ElementTree.ParseError as error:
        raise errors.SourceFailed(
            f"arXiv answered something that is not an Atom feed ({error})"
        ) from error
    if root.tag != f"{ATOM}feed":
        raise errors.SourceFailed("arXiv answered something that is not an Atom feed")
    entries = root.findall(f"{ATOM}entry")
    for entry in entries:
        if "/api/errors" in _of(entry, "id"):
            raise errors.SourceFailed(f"arXiv says: {_of(entry, 'summary')[:200]}")
    if not entries:
        _require_none(root)
    papers = {
        paper.id: paper
        for paper in (_paper(entry) for entry in entries)
        if paper.id and paper.title
    }
    return list(papers.values())


def _require_none(root: ElementTree.Element) -> None:
    """Raise SourceFailed when an answer without papers says that there are some."""
    total = (root.findtext(f"{OPENSEARCH}totalResults") or "").strip()
    begins = (root.findtext(f"{OPENSEARCH}startIndex") or "0").strip()
    if total.isdecimal() and begins.isdecimal() and int(total) > int(begins):
        raise errors.SourceFailed(f"arXiv answered none of {int(total):,} results")


def _paper(entry: ElementTree.Element) -> Entry:
    address = _of(entry, "id")
    links = [link for link in entry.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
    names = [items.one_line(name.text or "") for name in entry.findall(f"{ATOM}author/{ATOM}name")]
    return Entry(
        id=address.partition("/abs/")[2] or address,
        title=_as_plain(_of(entry, "title")),
        url=(links[0].get("href") if links else "") or address,
        authors=", ".join(names[:20]) + (" and others" if len(names) > 20 else ""),
        published_at=_date(_of(entry, "published")),
        updated_at=_date(_of(entry, "updated")),
        categories=[
            str(tag.get("term")) for tag in entry.findall(f"{ATOM}category") if tag.get("term")
        ],
        abstract=_as_plain(_of(entry, "summary")),
    )


def _of(entry: ElementTree.Element, name: str) -> str:
    return items.one_line(entry.findtext(f"{ATOM}{name}") or "")


def _as_plain(text: str) -> str:
    """Return a text of TeX without its markup, as far as plain letters can say the same: emphasis,
    quotes, escaped marks, and figures between dollar signs. A formula stays as it is.
    """
    for pattern, plain in TEX:
        text = pattern.sub(plain, text)
    return text


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _source_item(paper: Entry) -> items.SourceItem:
    return items.make_item(
        "arxiv",
        re.sub(r"v\d+$", "", paper.id),
        paper.title,
        paper.published_at,
        url=paper.url,
        text=paper.abstract,
        author=paper.authors,
        extra={"categories": paper.categories, "version": paper.id.rpartition("v")[2]},
    )


def _query(categories: Iterable[str], terms: Iterable[str]) -> str:
    fields = " OR ".join(f"cat:{name}" for name in categories)
    words = " OR ".join(f'all:"{term}"' if " " in term else f"all:{term}" for term in terms)
    parts = [f"({part})" if fields and words else part for part in (fields, words) if part]
    return " AND ".join(parts) or "cat:cs.AI"


def _url(**parameters: str | int) -> str:
    return f"{config.settings().arxiv_url}?{urlencode(parameters)}"


def _wait_turn() -> None:
    global _last
    if (urlsplit(config.settings().arxiv_url).hostname or "").startswith("127."):
        return
    with _turn:
        time.sleep(max(0.0, _last + PACE_SECONDS - time.monotonic()))
        _last = time.monotonic()


SOURCE = sources.Source("arxiv", "New papers on arXiv", read, complete=True)
