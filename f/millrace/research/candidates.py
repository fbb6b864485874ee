# requirements:

"""What could be a topic: the new items that are news, grouped into stories, those already told left
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from f.millrace.core import db
from f.millrace.research import duplicates, newsworthiness, pages, run_plan, time_windows

if TYPE_CHECKING:
    from f.millrace.core import rows

LOOK_BACK = timedelta(days=14)
ITEMS_AT_MOST = 3000
TEXT_AT_MOST = 6000


@dataclass
class Candidate:
    """A story that could be a topic.

    Attributes:
        update: The earlier topic that it goes on with and how to say so; none: it is new.
        private: It is made of the owner's own notes or documents.
        unreadable: Why nothing of it can be read; empty when something can.
    """

    story: duplicates.Story
    update: tuple[str, str] | None = None
    private: bool = False
    unreadable: str = ""


def load_items(opened: run_plan.RunPlan, until: datetime) -> list[rows.SourceItem]:
    """Return the items that are new to some reader, the newest first."""
    since = time_windows.earliest(opened.windows, until, opened.edition)
    return db.fetch_all(
        "SELECT * FROM source_item WHERE namespace = %s AND source = ANY(%s) AND first_seen_at <="
        " %s AND (%s::timestamptz IS NULL OR first_seen_at > %s) ORDER BY first_seen_at DESC, id"
        " LIMIT %s",
        [opened.namespace, opened.sources, until, since, since, ITEMS_AT_MOST],
    )


def find(
    items: Sequence[rows.SourceItem], opened: run_plan.RunPlan, kept: Mapping[str, rows.Page]
) -> list[Candidate]:
    """Return the stories of the items that are news to a reader.

    `kept` is what was read of the items so far, by canonical address; their text counts where it
    is there. What is private is grouped by itself.
    """
    news = [
        row
        for row in items
        if not newsworthiness.find_fault(row["title"], row["body"], _is_post(row))
    ]
    found: list[Candidate] = []
    for private in (False, True):
        own = [row for row in news if (row["trust"] == "own") == private]
        compared = [_to_item(row, kept) for row in own]
        earlier = (
            _yesterday(compared, opened)
            if opened.edition == "sample"
            else _earlier_topics(opened, private)
        )
        for candidate in _new(compared, earlier):
            candidate.private = private
            candidate.unreadable = _find_reason(candidate.story, kept)
            found.append(candidate)
    return found


def _is_post(row: rows.SourceItem) -> bool:
    # An item whose address is its own discussion is a message, not a link to an article.
    return not row["url"] or row["url"] == row["comments_url"]


def _to_item(row: rows.SourceItem, kept: Mapping[str, rows.Page]) -> duplicates.Item:
    page = kept.get(pages.key_of(row))
    text = page["body"] if page and page["readable"] else row["body"]
    return duplicates.item_of({**row, "body": text[:TEXT_AT_MOST]})


def _find_reason(story: duplicates.Story, kept: Mapping[str, rows.Page]) -> str:
    """Return why nothing of a story can be read; empty when an item of it can, or was not tried."""
    read = [page for item in story.items if (page := kept.get(item.canonical_url or item.id))]
    if not read or any(page["readable"] for page in read):
        return "" if read else "not read"
    return read[0]["reason"]


def _new(
    items: list[duplicates.Item], earlier: dict[duplicates.Item, tuple[str, str]]
) -> list[Candidate]:
    """Return the stories that are new, each with the earlier topic that it continues."""
    found: list[Candidate] = []
    old = {item.id for item in earlier}
    for story in duplicates.stories([item for item in items if item.id not in old]):
        shown = duplicates.shown_before(story, list(earlier)) if earlier else None
        if shown is None:
            found.append(Candidate(story))
        elif shown[0] == "update":
            found.append(Candidate(story, earlier[shown[1]]))
    return found


def _yesterday(
    items: list[duplicates.Item], opened: run_plan.RunPlan
) -> dict[duplicates.Item, tuple[str, str]]:
    """Return what the sample's edition of yesterday had: it was never made, so its own dates stand
    for it.
    """
    end = opened.scheduled_for - timedelta(hours=24)
    begin = end - timedelta(hours=12)
    old = [item for item in items if item.published_at and begin <= item.published_at <= end]
    newer = [item for item in items if item.published_at and item.published_at > end]
    known = duplicates.Vectors(items)
    continued = [
        item
        for item in old
        if any(
            duplicates.cosine(known.of(item), known.of(other)) >= duplicates.UPDATE
            for other in newer
            if other.source == item.source
        )
    ]
    return {item: (item.id, "an update to a story you saw yesterday") for item in continued}


def _earlier_topics(
    opened: run_plan.RunPlan, private: bool
) -> dict[duplicates.Item, tuple[str, str]]:
    """Return the items of topics that were delivered on earlier days: each with its topic and how
    to say so.
    """
    found: list[Any] = db.fetch_all(
        "SELECT i.*, t.id AS topic_id, r.local_day"
        " FROM topic t JOIN run r ON r.id = t.run_id JOIN source_item i ON i.id = ANY(t.item_ids)"
        " WHERE t.namespace = %s AND r.flow = %s AND r.local_day < %s AND r.local_day >= %s AND"
        " t.private = %s AND EXISTS (SELECT 1 FROM delivery d WHERE d.run_id = r.id AND d.status IN"
        " ('sent', 'outbox')) ORDER BY r.local_day, t.rank",
        [opened.lasting, opened.flow, opened.day, opened.day - LOOK_BACK, private],
    )
    kept = pages.load(opened.lasting, [pages.key_of(row) for row in found])
    # Names of days without a locale: the digest is in English wherever it is made.
    return {
        _to_item(row, kept): (row["topic_id"], _format_update(row["local_day"], opened))
        for row in found
    }


def _format_update(day: Any, opened: run_plan.RunPlan) -> str:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    ago = (opened.day - day).days
    when = (
        "yesterday"
        if ago == 1
        else f"on {days[day.weekday()]}"
        if ago < 7
        else f"on {day.isoformat()}"
    )
    return f"an update to a story you saw {when}"
