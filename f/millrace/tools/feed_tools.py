# requirements:

"""Tools to read any feed, and to search those that are set."""

import contextvars
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from pydantic import Field

from f.millrace.core import config, contracts, errors
from f.millrace.tools import feeds, http, items

CONCURRENCY = 8


class Entry(contracts.Contract):
    """An entry of a feed."""

    title: str
    url: str
    feed: str = Field(description="Title of the feed.")
    published_at: datetime | None = None
    author: str = ""
    text: str = ""


class Entries(contracts.Contract):
    """Entries in the feeds' own order."""

    entries: list[Entry]
    problems: list[str] = Field(default_factory=list, description="Feeds that could not be read.")


def list_latest(limit: int = 20) -> Entries:
    """List the newest entries of the configured feeds."""
    return _entries(config.settings().feeds, limit)


def read_feed(url: str, limit: int = 20) -> Entries:
    """Read a feed (RSS, Atom, RDF or JSON) by its address."""
    found = _entries([url], limit)
    if found.problems:
        raise errors.SourceFailed(found.problems[0])
    return found


def search(query: str, limit: int = 10) -> Entries:
    """Search the configured feeds for the words of the query; most words found come first."""
    words = {word.lower() for word in query.split() if len(word) > 2}
    found = _entries(config.settings().feeds, 500)
    hits = [
        (sum(word in f"{entry.title} {entry.text}".lower() for word in words), entry)
        for entry in found.entries
    ]
    ranked = sorted((hit for hit in hits if hit[0]), key=lambda hit: -hit[0])
    return Entries(entries=[entry for _, entry in ranked[: max(1, limit)]], problems=found.problems)


def _entries(urls: list[str], limit: int) -> Entries:
    def read_one(url: str) -> list[items.SourceItem] | str:
        try:
            return feeds.parse(http.fetch(url, accept=feeds.ACCEPT))
        except errors.SourceFailed as error:
            return str(error)

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(contextvars.copy_context().run, read_one, url) for url in urls]
        answers = [future.result() for future in futures]
    found = feeds.interleave(
        [answer for answer in answers if isinstance(answer, list)], max(1, limit)
    )
    return Entries(
        entries=[
            Entry(
                title=item.title,
                url=item.url,
                feed=str(item.extra["feed"]),
                published_at=item.published_at,
                author=item.author,
                text=item.text[:2000],
            )
            for item in found
        ],
        problems=[answer for answer in answers if isinstance(answer, str)],
    )
