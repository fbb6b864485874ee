# requirements:

"""What a digest names under "also new": new items that no topic tells, each in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db
from f.millrace.digest import digest_content, digest_reader, site_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    class ListedItem(TypedDict):
        """An item of a source as a digest names it."""

        id: str
        title: str
        url: str
        source: str
        published_at: datetime | None
        score: float
        comments_url: str
        extra: dict[str, Any]
        share_keys: list[str]

    class NewItem(ListedItem):
        """A new item, and its place among those of its source."""

        body: str
        place: int


HEADLINES = 18
# These of each source come first, more of one whose readers vote; then the others, while there is
# room.
OF_A_SOURCE, OF_A_VOTED_SOURCE, MANY_POINTS = 3, 8, 50


def load(reader: digest_reader.Reader, shown: set[str]) -> list[digest_content.Headline]:
    """Return further new items, the best of each source: what was new is named at least."""
    opened, window = reader
    found: list[NewItem] = db.fetch_all(
        "SELECT * FROM (SELECT id, title, body, url, source, published_at, score, comments_url,"
        " extra, share_keys, row_number() OVER (PARTITION BY source ORDER BY score DESC,"
        " first_seen_at DESC, id) AS place FROM source_item WHERE namespace = %s AND source ="
        " ANY(%s) AND first_seen_at <= %s AND (%s::timestamptz IS NULL OR first_seen_at > %s) AND"
        " NOT id = ANY(%s) AND (url LIKE 'http%%' OR share_keys <> '{}') AND (%s OR share_keys ="
        " '{}' OR share_keys && %s)) AS item ORDER BY place > CASE WHEN score >= %s THEN %s ELSE"
        " %s END, place, source, id LIMIT %s",
        [
            opened.namespace,
            opened.sources,
            opened.until,
            window.since,
            window.since,
            list(shown),
            window.private,
            list(window.shared),
            MANY_POINTS,
            OF_A_VOTED_SOURCE,
            OF_A_SOURCE,
            2 * HEADLINES,
        ],
    )
    found = [row for row in found if not _is_no_news(row)][:HEADLINES]
    sites = site_names.Sites(opened.namespace, [row["url"] for row in found])
    return [
        _headline(row, sites, reader)
        for row in sorted(found, key=lambda row: (-row["score"], row["place"], row["id"]))
    ]


def _is_no_news(row: NewItem) -> bool:
    """Tell whether an item is somebody's message that is no news, such as a greeting."""
    if row["url"] != row["comments_url"]:
        return False
    from f.millrace.stories import newsworthiness  # only where there are messages

    return bool(newsworthiness.find_fault(row["title"], row["body"], post=True))


def _headline(
    row: NewItem, sites: site_names.Sites, reader: digest_reader.Reader
) -> digest_content.Headline:
    # Of a message the title is its text.
    unread = sites.unreadable(row["url"]) if row["url"] != row["comments_url"] else ""
    talk = find_discussion([row], row["url"], row["title"])
    return digest_content.Headline(
        row["title"] if talk else sites.drop_from(row["title"], row),
        row["url"],
        reader.site(sites.name(row["url"], row["source"]), row["extra"]),
        reader.date(row["published_at"]),
        row["source"],
        talk,
        f"could not be read: {unread}" if unread else "",
        reader.mark(row["share_keys"], row["source"]),
    )


def _words(title: str) -> list[str]:
    """Return a title as it is compared: sites write quotes and dashes in ways of their own."""
    return re.findall(r"\w+", title.casefold())


def find_discussion(
    items: Sequence[ListedItem], page: str, title: str
) -> digest_content.Discussion | None:
    """Return the most lively discussion of these items, where people vote and comment; none when
    that is the page itself. It is named where it has another title than this one.
    """
    found = [
        digest_content.Discussion(
            site_names.tidy(item["source"]),
            item["comments_url"] if site_names.is_web(item["comments_url"]) else "",
            int(item["score"]) if item["source"] != "mastodon" else 0,
            int((item["extra"] or {}).get("comments") or 0),
            "" if _words(item["title"]) == _words(title) else item["title"],
        )
        for item in items
        if (item["score"] > 0 or item["comments_url"]) and item["comments_url"] != page
    ]
    return max(found, key=lambda talk: (talk.comments, talk.points), default=None)
