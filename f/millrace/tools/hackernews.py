# requirements:

"""Hacker News through its official API: the source."""

import contextvars
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import urlsplit

from f.millrace.core import config, errors
from f.millrace.tools import fetch_state, http, items, sources

CONCURRENCY = 8
OFFICIAL = "hacker-news.firebaseio.com"
TALK = "https://news.ycombinator.com/item?id={}"
# All items together; a slow API gives fewer items, not a step that is killed.
ITEMS_SECONDS = 45


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return the top stories; one that cannot be read is named in `state.problems`."""
    # Without validators: the list may stay the same while points and titles of its stories change.
    ids = http.get_json(f"{base_url()}/topstories.json", allow=state.allow)
    if not isinstance(ids, list):
        raise errors.SourceFailed("Hacker News answered something that is not a list of stories")
    wanted = list(dict.fromkeys(n for n in cast("list[Any]", ids) if isinstance(n, int)))[:limit]
    found, failures = read_all(wanted, state.allow)
    if failures and not found:
        raise errors.SourceFailed(f"no story of Hacker News could be read: {failures[0]}")
    if failures:
        state.problems.append(
            f"{len(failures)} of {len(wanted)} stories could not be read: {failures[0]}"
        )
    return [source_item(raw) for raw in found if is_story(raw)]


def as_object(raw: Any) -> dict[str, Any]:
    """Return what was answered, or nothing when it is no object."""
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def base_url() -> str:
    """Return the address of the API."""
    return config.settings().hackernews_url.rstrip("/")


def read_all(ids: list[int], allow: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the items in the order of `ids`, and the reasons for those that are missing."""
    base, until, allow = base_url(), time.monotonic() + ITEMS_SECONDS, tuple(allow)

    def read_one(number: int) -> dict[str, Any] | str:
        left = until - time.monotonic()
        if left <= 0:
            return f"Hacker News took longer than {ITEMS_SECONDS} s"
        try:
            raw = http.get_json(
                f"{base}/item/{number}.json",
                allow=allow,
                seconds=min(left, config.settings().fetch_seconds),
            )
        except errors.SourceFailed as error:
            return str(error)
        return as_object(raw)

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(contextvars.copy_context().run, read_one, number) for number in ids]
        answers = [future.result() for future in futures]
    return [one for one in answers if isinstance(one, dict)], [
        one for one in answers if isinstance(one, str)
    ]


def is_story(raw: dict[str, Any]) -> bool:
    """Tell a story that is there from comments, jobs and what was removed."""
    gone = raw.get("dead") or raw.get("deleted") or not raw.get("title")
    return not gone and raw.get("type", "story") == "story"


def source_item(raw: dict[str, Any]) -> items.SourceItem:
    """Return a story of the API as an item."""
    # Numbers of another server (the sample's, a mirror's) are not those of the site.
    number = raw.get("id")
    talk = (
        TALK.format(number)
        if urlsplit(base_url()).hostname == OFFICIAL
        else str(raw.get("talk") or "")
    )
    return items.make_item(
        "hackernews",
        str(number),
        # The API gives titles as HTML: `AT&amp;T`.
        items.strip_title(str(raw["title"])),
        raw.get("time"),
        url=str(raw.get("url") or talk),
        text=items.strip_markup(str(raw.get("text") or "")),
        author=raw.get("by"),
        score=float(raw.get("score") or 0),
        comments_url=talk,
        extra={"comments": int(raw.get("descendants") or 0)},
    )


SOURCE = sources.Source("hackernews", "Top stories of Hacker News", read)
