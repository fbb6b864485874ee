# requirements:

"""Public tag timelines of a Mastodon server."""

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
    card: dict[str, Any] = post.get("card") or {}
    text = items.strip_markup(str(post.get("content") or ""))
    place = str(post.get("url") or post.get("uri") or "")
    account: dict[str, Any] = post.get("account") or {}
    return items.make_item(
        "mastodon",
        str(post.get("uri") or post["id"]),
        str(card.get("title") or text.partition("\n")[0][:120]),
        post.get("created_at"),
        # A post about an article is news of that article: other sources link it too.
        url=str(card.get("url") or place),
        text=text,
        author=account.get("acct"),
        score=float((post.get("favourites_count") or 0) + 2 * (post.get("reblogs_count") or 0)),
        comments_url=place,
        extra={"tag": tag, "language": str(post.get("language") or "")},
    )


SOURCE = sources.Source(
    "mastodon", "Public posts with a tag on a Mastodon server", read, complete=True
)
