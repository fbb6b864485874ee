# requirements:

"""Web search: SearXNG, Brave or Tavily, whichever is set; without one, what this machine knows, and
arXiv.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode

from pydantic import Field

from f.millrace.core import config, contracts, db, errors, run_context
from f.millrace.tools import arxiv_tools, http, items, note_tools

MAX_LIMIT = 30
BRAVE = "https://api.search.brave.com/res/v1"
TAVILY = "https://api.tavily.com/search"
EXCERPT = 500


class SearchHit(contracts.Contract):
    """One result of a search."""

    title: str
    url: str = Field(description="http(s), or note:PATH for a note (read it with notes.read).")
    excerpt: str = ""
    published_at: datetime | None = None
    source: str = Field(default="", description="Where it was found: web, or the name of a source.")
    own: bool = Field(default=False, description="Whether it is the user's own note.")
    private: bool = Field(
        default=False, description="Whether only owners may see it: notes, private feeds."
    )


class SearchResults(contracts.Contract):
    """Results, the best first."""

    query: str
    engine: str = Field(
        description="searxng, brave, tavily, or local when no search engine answered."
    )
    hits: list[SearchHit]
    problems: list[str] = Field(
        default_factory=list, description="What could not be searched, and why."
    )


def search(query: str, limit: int = 10, news: bool = False) -> SearchResults:
    """Search the web and return pages with title, address and excerpt; `news` prefers recent ones.

    When the search engine fails, the collected items, the notes and arXiv are searched and
    `problems` says so.
    """
    query = items.one_line(query)[:400]
    if not query:
        raise errors.BadInput("the search query is empty")
    limit = max(1, min(limit, MAX_LIMIT))
    name, engine = _engine()
    if engine is None:
        return _search_locally(query, limit, [])
    try:
        hits = [
            hit for hit in engine(query, limit, news) if hit.url.startswith(("http://", "https://"))
        ]
    except errors.SourceFailed as error:
        return _search_locally(query, limit, [f"web search failed: {error}"])
    return SearchResults(query=query, engine=name, hits=_drop_repeats(hits)[:limit])


Engine = Callable[[str, int, bool], list[SearchHit]]


def _engine() -> tuple[str, Engine | None]:
    if config.settings().search_url:
        return "searxng", _searxng
    if config.settings().brave_api_key.get_secret_value():
        return "brave", _brave
    if config.settings().tavily_api_key.get_secret_value():
        return "tavily", _tavily
    return "local", None


def _searxng(query: str, _limit: int, news: bool) -> list[SearchHit]:
    asked = {"q": query, "format": "json", "categories": "news" if news else "general"}
    answer = http.get_json(f"{config.settings().search_url.rstrip('/')}/search?{urlencode(asked)}")
    return [_hit(row, "content", "publishedDate") for row in _rows(answer, "results")]


def _brave(query: str, limit: int, news: bool) -> list[SearchHit]:
    kind = "news" if news else "web"
    answer = http.get_json(
        f"{BRAVE}/{kind}/search?{urlencode({'q': query, 'count': min(limit, 20)})}",
        headers={"x-subscription-token": config.settings().brave_api_key.get_secret_value()},
    )
    rows = _rows(answer, "results") if news else _rows(_object(answer).get("web") or {}, "results")
    return [_hit(row, "description", "page_age") for row in rows]


def _tavily(query: str, limit: int, news: bool) -> list[SearchHit]:
    answer = http.get_json(
        TAVILY,
        headers={"authorization": f"Bearer {config.settings().tavily_api_key.get_secret_value()}"},
        body={
            "query": query,
            "max_results": min(limit, 20),
            "topic": "news" if news else "general",
        },
    )
    return [_hit(row, "content", "published_date") for row in _rows(answer, "results")]


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise errors.SourceFailed(
            "the search engine answered something that is not a list of results"
        )
    return cast("dict[str, Any]", answer)


def _rows(answer: Any, name: str) -> list[dict[str, Any]]:
    rows: list[Any] = _object(answer).get(name) or []
    objects = [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict)]
    return [row for row in objects if row.get("url")]


def _hit(row: dict[str, Any], text: str, date: str) -> SearchHit:
    published, _ = items.normalise_date(row.get(date))
    return SearchHit(
        title=items.strip_markup(str(row.get("title") or row["url"]))[:300],
        url=str(row["url"]),
        excerpt=items.strip_markup(str(row.get(text) or ""))[:EXCERPT],
        published_at=published,
        source="web",
    )


def _drop_repeats(hits: list[SearchHit]) -> list[SearchHit]:
    return list({hit.url: hit for hit in reversed(hits)}.values())[::-1]


def _search_locally(query: str, limit: int, problems: list[str]) -> SearchResults:
    """Search what was collected, the notes and arXiv; one of them failing leaves the others."""
    found: list[list[SearchHit]] = []
    for search_one in (_search_collected, _notes, _arxiv):
        try:
            found.append(search_one(query, limit))
        except errors.MillraceError as error:
            problems.append(str(error))
    longest = max((len(hits) for hits in found), default=0)
    mixed = [hits[place] for place in range(longest) for hits in found if place < len(hits)]
    return SearchResults(
        query=query, engine="local", hits=_drop_repeats(mixed)[:limit], problems=problems
    )


# Tools run in worker threads, each with a connection of its own; a step has two at most.
_one_at_a_time = threading.Lock()


def _search_collected(query: str, limit: int) -> list[SearchHit]:
    """Search the collected items by full text, any word counts, more words count more."""
    with _one_at_a_time:
        try:
            rows = db.fetch_all(
                "WITH asked AS (SELECT replace(plainto_tsquery('english', %(query)s)::text, '&',"
                " '|')::tsquery AS words) SELECT source, title, url, left(body, %(size)s) AS"
                " excerpt, published_at, trust, share_keys FROM source_item, asked WHERE"
                " namespace = %(namespace)s AND lexemes @@ words ORDER BY"
                " ts_rank_cd(lexemes, words, 1) DESC, published_at DESC NULLS LAST, url"
                " LIMIT %(limit)s",
                {
                    "query": query,
                    "namespace": run_context.current().namespace,
                    "size": EXCERPT,
                    "limit": limit,
                },
            )
        finally:
            if threading.current_thread() is not threading.main_thread():
                db.close()
    return [
        SearchHit(
            title=row["title"],
            url=row["url"],
            excerpt=items.one_line(row["excerpt"]),
            published_at=row["published_at"],
            source=row["source"],
            own=row["trust"] == "own",
            private=bool(row["share_keys"]),
        )
        for row in rows
        if row["url"]
    ]


def _notes(query: str, limit: int) -> list[SearchHit]:
    return [
        SearchHit(
            title=note.title,
            url=f"note:{note.path}",
            excerpt=note.excerpt,
            published_at=note.changed_at and note.changed_at.astimezone(UTC),
            source="notes",
            own=note.trust == "own",
            private=True,
        )
        for note in note_tools.search_notes(query, limit).notes
    ]


def _arxiv(query: str, limit: int) -> list[SearchHit]:
    return [
        SearchHit(
            title=paper.title,
            url=paper.url,
            excerpt=paper.abstract[:EXCERPT],
            published_at=paper.published_at,
            source="arxiv",
        )
        for paper in arxiv_tools.search(query, min(limit, 5)).papers
    ]
