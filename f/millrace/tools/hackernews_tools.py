# requirements:

"""Tools to list and read the stories of Hacker News."""

from datetime import datetime
from typing import Any, cast

from pydantic import Field

from f.millrace.core import contracts, errors
from f.millrace.tools import hackernews, http, items

MAX_COMMENTS = 20


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


def top(limit: int = 10) -> Stories:
    """List the stories that are at the top of Hacker News now, without comments."""
    ids = http.get_json(f"{hackernews.base_url()}/topstories.json")
    found, failures = hackernews.read_all(
        [n for n in ids if isinstance(n, int)][: max(1, min(limit, 50))], ()
    )
    if failures and not found:
        raise errors.SourceFailed(failures[0])
    return Stories(stories=[_story(raw) for raw in found if hackernews.is_story(raw)])


def read_story(id: int, comments: int = 5) -> Story:
    """Read one story of Hacker News with its first comments."""
    raw = http.get_json(f"{hackernews.base_url()}/item/{int(id)}.json")
    found = hackernews.as_object(raw)
    if not found.get("title"):
        raise errors.SourceFailed(f"Hacker News has no story {id}")
    story, below = _story(found), cast("list[Any]", found.get("kids", []))
    kids = [kid for kid in below if isinstance(kid, int)][: max(0, min(comments, MAX_COMMENTS))]
    replies, _ = hackernews.read_all(kids, ())
    story.comments = [
        items.strip_markup(str(reply["text"])) for reply in replies if reply.get("text")
    ]
    return story


def _story(raw: dict[str, Any]) -> Story:
    item = hackernews.source_item(raw)
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
