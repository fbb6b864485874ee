# requirements:

"""RSS, Atom, RDF and JSON feeds: the source."""

import re
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import fastfeedparser  # pyright: ignore[reportMissingTypeStubs]  # it has none

from f.millrace.core import config, errors, ids
from f.millrace.tools import fetch_state, http, items, sources

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/rdf+xml, application/xml;q=0.9,"
    " */*;q=0.5"
)
DECLARED = re.compile(rb"\s*<\?xml[^>]*encoding=[\"']([\w-]+)", re.IGNORECASE)
ROOT = re.compile(rb"<(\w+:)?(rss|feed|rdf)[\s>]", re.IGNORECASE)


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return at most `limit` entries of the configured feeds, taken from them in turn."""
    by_feed = read_each(config.settings().feeds, limit, state)
    return interleave(list(by_feed.values()), limit)


def read_each(
    feeds: Sequence[str], limit: int, state: fetch_state.FetchState
) -> dict[str, list[items.SourceItem]]:
    """Return at most `limit` entries of each feed; SourceFailed when none can be read."""
    found: dict[str, list[items.SourceItem]] = {}
    for url in feeds:
        try:
            page = state.fetch(url, variant=f"limit={limit}", accept=ACCEPT)
            found[url] = [] if page is None else parse(page)[:limit]
        except errors.SourceFailed as error:
            state.forget(url, variant=f"limit={limit}")
            state.problems.append(str(error))
    if feeds and not found:
        raise errors.SourceFailed("; ".join(state.problems))
    return found


def parse(page: http.Page) -> list[items.SourceItem]:
    """Return the entries of a feed, one for each identity; SourceFailed when it is not a feed."""
    # A feed has no need to declare entities of its own; one that does is a bomb or reads other
    # files.
    root = ROOT.search(page.content)
    if b"<!ENTITY" in page.content[: root.start() if root else len(page.content)]:
        raise errors.SourceFailed(
            f"{http.strip_secrets(page.url)} declares XML entities; it was not read"
        )
    try:
        feed = cast("dict[str, Any]", fastfeedparser.parse(_readable(page.content)))
    except Exception as error:  # the parser raises what its three back ends raise
        raise errors.SourceFailed(
            f"{http.strip_secrets(page.url)} is not a feed that can be read:"
            f" {_format_error(page, error)}"
        ) from error
    about: dict[str, Any] = feed.get("feed") or {}
    name = items.one_line(str(about.get("title") or "")) or urlsplit(page.url).netloc
    found: dict[str, items.SourceItem] = {}
    entries: list[dict[str, Any]] = feed.get("entries", [])
    for entry in entries:
        item = _source_item(entry, name, page.url)
        if item is not None:
            found.setdefault(item.key, item)
    return list(found.values())


def _source_item(entry: dict[str, Any], feed: str, base: str) -> items.SourceItem | None:
    reference = str(entry.get("link") or entry.get("id") or "")
    link = _web(urljoin(base, reference)) if reference else ""
    body = _longest(entry)
    title = items.strip_markup(str(entry.get("title") or ""))
    if not (link or title or body):
        return None
    identity = str(entry.get("id") or link or ids.digest_of([title, body])[:32])
    return items.make_item(
        "feeds",
        f"{urlsplit(base).hostname} {identity}",
        title,
        entry.get("published") or entry.get("updated"),
        url=link,
        text=body,
        author=entry.get("author"),
        extra={"feed": feed, "feed_url": http.strip_secrets(base)},
    )


def _readable(content: bytes) -> bytes:
    """Return the feed in UTF-8 when it says UTF-8 and is not: the parser would drop all that
    follows the wrong byte.
    """
    declared = DECLARED.match(content)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or (
        declared and declared[1].lower() not in (b"utf-8", b"utf8")
    ):
        return content
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("windows-1252", errors="replace").encode()
    return content


def _longest(entry: dict[str, Any]) -> str:
    parts: list[dict[str, Any]] = entry.get("content") or []
    bodies = [str(part.get("value") or "") for part in parts]
    return max(
        (items.strip_markup(text) for text in (str(entry.get("description") or ""), *bodies)),
        key=len,
    )


def _web(url: str) -> str:
    return url if urlsplit(url).scheme in ("http", "https") else ""


def _format_error(page: http.Page, error: Exception) -> str:
    start = page.content[:500].lstrip().lower()
    if not start:
        return "it is empty"
    if start.startswith((b"<!doctype html", b"<html")):
        return "it is an HTML page"
    return items.one_line(str(error))[:200]


def interleave(lists: list[list[items.SourceItem]], limit: int) -> list[items.SourceItem]:
    """Take the first of each list, then the second of each, so that a busy feed does not crowd out
    the others.
    """
    longest = max((len(found) for found in lists), default=0)
    taken = [found[place] for place in range(longest) for found in lists if place < len(found)]
    return taken[:limit]


SOURCE = sources.Source("feeds", "RSS, Atom, RDF and JSON feeds", read, chosen=True)
