# requirements:

"""RSS, Atom, RDF and JSON feeds: the source."""

import html
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import fastfeedparser  # pyright: ignore[reportMissingTypeStubs]  # it has none

from f.millrace.core import config, errors, ids
from f.millrace.tools import feed_xml, fetch_state, http, items, sources

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/rdf+xml, application/xml;q=0.9,"
    " */*;q=0.5"
)
ROOT = re.compile(r"<(\w+:)?(rss|feed|rdf)[\s>]", re.IGNORECASE)
# What programs write for an id that they do not have.
NO_IDS = frozenset({"n/a", "na", "none", "null", "nil", "undefined", "unknown", "0", "-", "false"})


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
            if page is not None and _was_repaired(page):
                state.problems.append(
                    f"{http.strip_secrets(url)} is no well-formed XML; it was repaired and read,"
                    " and may lack something: its publisher should know"
                )
        except errors.SourceFailed as error:
            state.forget(url, variant=f"limit={limit}")
            state.problems.append(str(error))
    if feeds and not found:
        raise errors.SourceFailed("; ".join(state.problems))
    return found


def _was_repaired(page: http.Page) -> bool:
    document = feed_xml.decode(page)
    return not document.lstrip().startswith("{") and feed_xml.is_broken(document)


def parse(page: http.Page) -> list[items.SourceItem]:
    """Return the entries of a feed, one for each identity; SourceFailed when it is not a feed."""
    document = feed_xml.decode(page)
    # A feed has no need to declare entities of its own; one that does is a bomb or reads other
    # files.
    root = ROOT.search(document)
    if "<!ENTITY" in document[: root.start() if root else len(document)]:
        raise errors.SourceFailed(
            f"{http.strip_secrets(page.url)} declares XML entities; it was not read"
        )
    if not document.lstrip().startswith("{"):
        document = feed_xml.repair(document)
    try:
        feed = cast("dict[str, Any]", fastfeedparser.parse(document.encode()))
    except Exception as error:  # the parser raises what its three back ends raise
        raise errors.SourceFailed(
            f"{http.strip_secrets(page.url)} is not a feed that can be read:"
            f" {_format_error(page, error)}"
        ) from error
    about: dict[str, Any] = feed.get("feed") or {}
    name = items.one_line(str(about.get("title") or "")) or urlsplit(page.url).netloc
    given: list[dict[str, Any]] = feed.get("entries", [])
    told = feed_xml.entries(document, page.url)
    if len(told) != len(given):  # JSON, or a document that only the parser can read
        told = [feed_xml.Entry(page.url)] * len(given)
    read = [_read_entry(entry, more) for entry, more in zip(given, told, strict=True)]
    found: dict[str, items.SourceItem] = {}
    for entry, identity in _identify([one for one in read if one], str(about.get("link") or "")):
        item = _source_item(entry, identity, name, page.url)
        found.setdefault(item.key, item)
    return list(found.values())


class _Entry(NamedTuple):
    """An entry as it is read; `id` is as the feed gives it."""

    id: str
    link: str
    title: str
    body: str
    published: Any
    author: Any


def _read_entry(entry: dict[str, Any], more: feed_xml.Entry) -> _Entry | None:
    given = str(entry.get("id") or "")
    link = str(entry.get("link") or "")
    # The parser gives an entry without a link its id for one, and the other way round.
    if link and (more.has_link or link != given or _web(given)):
        link = _web(feed_xml.urljoin_or(more.base, link))
    else:
        # An id is an address only when it is a whole one: an opaque one leads nowhere.
        link = _web(given) if more.is_permalink else ""
    body = _longest(entry)
    title = (
        items.one_line(html.unescape(more.title))
        if more.title is not None
        else items.strip_title(str(entry.get("title") or ""))
    )
    if not (link or title or body):
        return None
    published = entry.get("published") or entry.get("updated")
    return _Entry(given, link, title, body, published, entry.get("author"))


def _identify(entries: list[_Entry], site: str) -> list[tuple[_Entry, str]]:
    """Return each entry with what it is known by: its id or its link when no other entry has it,
    else also what it says.
    """
    by_id: dict[str, set[tuple[str, str]]] = {}
    by_link: dict[str, set[str]] = {}
    for entry in entries:
        by_id.setdefault(entry.id, set()).add((entry.link, entry.title))
        by_link.setdefault(entry.link, set()).add(entry.title or entry.body)
    found: list[tuple[_Entry, str]] = []
    for entry in entries:
        if entry.id and entry.id != site and _is_own(entry.id, by_id[entry.id]):
            found.append((entry, entry.id))
        elif entry.link and entry.link != site and len(by_link[entry.link]) == 1:
            found.append((entry, entry.link))
        else:
            says = [entry.link, entry.title] if entry.link else [entry.title, entry.body]
            found.append((entry, ids.digest_of(says)[:32]))
    return found


def _is_own(given: str, said: set[tuple[str, str]]) -> bool:
    """Tell whether an id stands for one entry, by the links and titles of all that have it; a title
    alone may change.
    """
    has_links = any(link for link, _ in said)
    return given.strip().lower() not in NO_IDS and len(said) <= (1 if has_links else 2)


def _source_item(entry: _Entry, identity: str, feed: str, base: str) -> items.SourceItem:
    return items.make_item(
        "feeds",
        f"{urlsplit(base).hostname} {identity}",
        entry.title,
        entry.published,
        url=entry.link,
        text=entry.body,
        author=entry.author,
        extra={"feed": feed, "feed_url": http.strip_secrets(base)},
    )


def _longest(entry: dict[str, Any]) -> str:
    parts: list[dict[str, Any]] = entry.get("content") or []
    bodies = [str(part.get("value") or "") for part in parts]
    return max(
        (items.strip_markup(text) for text in (str(entry.get("description") or ""), *bodies)),
        key=len,
    )


def _web(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


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
