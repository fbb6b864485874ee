# requirements:

"""Hacker News through its official API: the source, and tools to list and read stories."""

import contextvars
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import Field

from f.millrace.core import config, contracts, errors
from f.millrace.tools import fetch_state, http, items, sources

CONCURRENCY = 8
OFFICIAL = "hacker-news.firebaseio.com"
TALK = "https://news.ycombinator.com/item?id={}"
MAX_COMMENTS = 20
# All items together; a slow API gives fewer items, not a step that is killed.
ITEMS_SECONDS = 45


class Story(contracts.Contract):
    """A story on Hacker News."""

    id: int
    title: str
    url: str = Field(description="The linked page; the discussion when there is none.")
    comments_url: str
    author: str = ""
    score: int = 0
    published_at: datetime | None = None
    text: str = ""
    comments: list[str] = Field(
        default_factory=list, description="The first comments, as plain text."
    )


class Stories(contracts.Contract):
    """Stories, the highest ranked first."""

    stories: list[Story]


def read(limit: int, state: fetch_state.FetchState) -> list[contracts.SourceItem]:
    """Return the top stories; one that cannot be read is named in `state.problems`."""
    # Without validators: the list may stay the same while points and titles of its stories change.
    ids = http.get_json(f"{_base()}/topstories.json", allow=state.allow)
    if not isinstance(ids, list):
        raise errors.SourceFailed("Hacker News answered something that is not a list of stories")
    wanted = list(dict.fromkeys(n for n in cast("list[Any]", ids) if isinstance(n, int)))[:limit]
    found, failures = _read_all(wanted, state.allow)
    if failures and not found:
        raise errors.SourceFailed(f"no story of Hacker News could be read: {failures[0]}")
    if failures:
        state.problems.append(
            f"{len(failures)} of {len(wanted)} stories could not be read: {failures[0]}"
        )
    return [_source_item(raw) for raw in found if _is_story(raw)]


def top(limit: int = 10) -> Stories:
    """List the stories that are at the top of Hacker News now, without comments."""
    ids = http.get_json(f"{_base()}/topstories.json")
    found, failures = _read_all(
        [n for n in ids if isinstance(n, int)][: max(1, min(limit, 50))], ()
    )
    if failures and not found:
        raise errors.SourceFailed(failures[0])
    return Stories(stories=[_story(raw) for raw in found if _is_story(raw)])


def read_story(id: int, comments: int = 5) -> Story:
    """Read one story of Hacker News with its first comments."""
    raw = http.get_json(f"{_base()}/item/{int(id)}.json")
    found = _object(raw)
    if not found.get("title"):
        raise errors.SourceFailed(f"Hacker News has no story {id}")
    story, below = _story(found), cast("list[Any]", found.get("kids", []))
    kids = [kid for kid in below if isinstance(kid, int)][: max(0, min(comments, MAX_COMMENTS))]
    replies, _ = _read_all(kids, ())
    story.comments = [
        items.strip_markup(str(reply["text"])) for reply in replies if reply.get("text")
    ]
    return story


def _object(raw: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def _base() -> str:
    return config.settings().hackernews_url.rstrip("/")


def _read_all(ids: list[int], allow: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the items in the order of `ids`, and the reasons for those that are missing."""
    base, until, allow = _base(), time.monotonic() + ITEMS_SECONDS, tuple(allow)

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
        return _object(raw)

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(contextvars.copy_context().run, read_one, number) for number in ids]
        answers = [future.result() for future in futures]
    return [one for one in answers if isinstance(one, dict)], [
        one for one in answers if isinstance(one, str)
    ]


def _is_story(raw: dict[str, Any]) -> bool:
    gone = raw.get("dead") or raw.get("deleted") or not raw.get("title")
    return not gone and raw.get("type", "story") == "story"


def _source_item(raw: dict[str, Any]) -> contracts.SourceItem:
    # Numbers of another server (the sample's, a mirror's) are not those of the site.
    number = raw.get("id")
    talk = (
        TALK.format(number)
        if urlsplit(_base()).hostname == OFFICIAL
        else str(raw.get("talk") or "")
    )
    return items.make_item(
        "hackernews",
        str(number),
        str(raw["title"]),
        raw.get("time"),
        url=str(raw.get("url") or talk),
        text=items.strip_markup(str(raw.get("text") or "")),
        author=raw.get("by"),
        score=float(raw.get("score") or 0),
        comments_url=talk,
        extra={"comments": int(raw.get("descendants") or 0)},
    )


def _story(raw: dict[str, Any]) -> Story:
    item = _source_item(raw)
    return Story(
        id=int(raw["id"]),
        title=item.title,
        url=item.url,
        comments_url=item.comments_url,
        author=item.author,
        score=int(item.score),
        published_at=item.published_at,
        text=item.text,
    )


SOURCE = sources.Source("hackernews", "Top stories of Hacker News", read)
