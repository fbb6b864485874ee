# requirements:

"""Public tag timelines of a Mastodon server."""

import math
from typing import Any, cast
from urllib.parse import quote

from f.millrace.core import config, errors
from f.millrace.tools import fetch_state, http, items, sources

# https://docs.joinmastodon.org/methods/timelines/#tag
SERVER_LIMIT = 40


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return the newest public posts of the configured tags, each once."""
    tags = [tag.lstrip("#") for tag in config.settings().mastodon_tags]
    timelines = f"{config.settings().mastodon_url.rstrip('/')}/api/v1/timelines"
    found: dict[str, items.SourceItem] = {}
    for tag in tags:
        url = f"{timelines}/tag/{quote(tag, safe='')}?limit={_bound_limit(limit)}"
        try:
            page = state.fetch(url, accept="application/json")
            posts: Any = [] if page is None else http.parse_json(page)
            if not isinstance(posts, list):
                raise errors.SourceFailed(f"the timeline of #{tag} is not a list of posts")
        except errors.SourceFailed as error:
            state.forget(url)
            state.problems.append(str(error))
            continue
        for post in cast("list[Any]", posts):
            if isinstance(post, dict) and cast("dict[str, Any]", post).get("id"):
                item = _source_item(cast("dict[str, Any]", post), tag)
                found.setdefault(item.key, item)
    if tags and len(state.problems) == len(tags):
        raise errors.SourceFailed("; ".join(state.problems))
    return list(found.values())[:limit]


def _bound_limit(limit: int) -> int:
    return max(1, min(limit, SERVER_LIMIT))


def _source_item(post: dict[str, Any], tag: str) -> items.SourceItem:
    card = _object(post.get("card"))
    warning = items.one_line(items.strip_markup(str(post.get("spoiler_text") or "")))
    text = items.strip_markup(str(post.get("content") or ""))
    if warning:
        text = f"Content warning: {warning}\n\n{text}"
    place = str(post.get("url") or post.get("uri") or "")
    account = _object(post.get("account"))
    return items.make_item(
        "mastodon",
        str(post.get("uri") or post["id"]),
        # What stands behind a warning is not said before it.
        warning or str(card.get("title") or text.partition("\n")[0][:120]),
        post.get("created_at"),
        # A post about an article is news of that article: other sources link it too.
        url=str(card.get("url") or place),
        text=text,
        author=account.get("acct"),
        score=_count(post, "favourites_count") + 2 * _count(post, "reblogs_count"),
        comments_url=place,
        extra={"tag": tag, "language": str(post.get("language") or "")},
    )


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _count(post: dict[str, Any], name: str) -> float:
    """Return a count as a number, also where a server of other make writes it as text."""
    try:
        count = float(post.get(name) or 0)
    except (TypeError, ValueError):
        return 0.0
    return max(count, 0.0) if math.isfinite(count) else 0.0


SOURCE = sources.Source(
    "mastodon", "Public posts with a tag on a Mastodon server", read, complete=True
)
