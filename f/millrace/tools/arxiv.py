# requirements:

"""arXiv through its query API: the source, and tools to search and read papers."""

import re
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from f.millrace.core import config, contracts, errors
from f.millrace.tools import fetch_state, http, items, sources

ATOM = "{http://www.w3.org/2005/Atom}"
ACCEPT = "application/atom+xml"
PAPER_ID = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?")
# https://info.arxiv.org/help/api/tou.html: at most one request every three seconds.
PACE_SECONDS = 3.0

_turn = threading.Lock()
_last = 0.0


class Paper(contracts.Contract):
    """A paper on arXiv."""

    id: str = Field(description="arXiv id with version, e.g. 2401.01234v2.")
    title: str
    url: str
    authors: str
    published_at: datetime | None = None
    updated_at: datetime | None = None
    categories: list[str] = Field(default_factory=list)
    abstract: str = ""


class Papers(contracts.Contract):
    """Papers, the best match first."""

    papers: list[Paper]


def read(limit: int, state: fetch_state.FetchState) -> list[contracts.SourceItem]:
    """Return the newest papers of the set categories that hold one of the set terms."""
    query = _query(config.settings().arxiv_categories, config.settings().arxiv_terms)
    url = _url(
        search_query=query, sortBy="submittedDate", sortOrder="descending", max_results=limit
    )
    _wait_turn()
    page = state.fetch(url, accept=ACCEPT)
    return [] if page is None else [_source_item(paper) for paper in parse(page)][:limit]


def search(query: str, limit: int = 10) -> Papers:
    """Search arXiv for papers whose title or abstract holds the words of the query."""
    words = re.findall(r"\w[\w.-]*", query)[:12]
    if not words:
        raise errors.BadInput("the arXiv query holds no word to search for")
    asked = " AND ".join(f"all:{word}" for word in words)
    _wait_turn()
    page = http.fetch(
        _url(search_query=asked, sortBy="relevance", max_results=max(1, min(limit, 50))),
        accept=ACCEPT,
    )
    return Papers(papers=parse(page)[:limit])


def read_paper(id: str) -> Paper:
    """Read title, authors, dates and abstract of one paper by its arXiv id."""
    found = PAPER_ID.search(id)
    if not found:
        raise errors.BadInput(f"{id[:60]!r} is not an arXiv id such as 2401.01234")
    _wait_turn()
    papers = parse(http.fetch(_url(id_list=found[0], max_results=1), accept=ACCEPT))
    if not papers:
        raise errors.SourceFailed(f"arXiv has no paper {found[0]}")
    return papers[0]


def parse(page: http.Page) -> list[Paper]:
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
    papers = {
        paper.id: paper
        for paper in (_paper(entry) for entry in entries)
        if paper.id and paper.title
    }
    return list(papers.values())


def _paper(entry: ElementTree.Element) -> Paper:
    address = _of(entry, "id")
    links = [link for link in entry.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
    names = [items.one_line(name.text or "") for name in entry.findall(f"{ATOM}author/{ATOM}name")]
    return Paper(
        id=address.partition("/abs/")[2] or address,
        title=_of(entry, "title"),
        url=(links[0].get("href") if links else "") or address,
        authors=", ".join(names[:20]) + (" and others" if len(names) > 20 else ""),
        published_at=_date(_of(entry, "published")),
        updated_at=_date(_of(entry, "updated")),
        categories=[
            str(tag.get("term")) for tag in entry.findall(f"{ATOM}category") if tag.get("term")
        ],
        abstract=_of(entry, "summary"),
    )


def _of(entry: ElementTree.Element, name: str) -> str:
    return items.one_line(entry.findtext(f"{ATOM}{name}") or "")


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _source_item(paper: Paper) -> contracts.SourceItem:
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
