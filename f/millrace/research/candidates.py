# requirements:

"""What could be a topic: the new items that are news, grouped into stories, those already told left
out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from f.millrace.core import db
from f.millrace.digest import run_plan
from f.millrace.evidence import timeliness
from f.millrace.research import pages, time_windows
from f.millrace.stories import (
    duplicates,
    event_match,
    newsworthiness,
    stories,
    story_store,
    story_terms,
)

if TYPE_CHECKING:
    from f.millrace.core import rows

LOOK_BACK = timedelta(days=14)
ITEMS_AT_MOST = 3000
TEXT_AT_MOST = 6000
SITE_MARK, SITE_WORDS, LONGEST_TITLE = re.compile(r" (?:[|–—·»:-]|::) "), 4, 140
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass
class Candidate:
    """A story that could be a topic.

    Attributes:
        continues: The story of earlier days that it goes on with; none: it is new.
        title: What the topic is called: the fuller of the headlines of item and page.
        wanted: What readers said of its like: up to 1 for more of it, down to -1 for less.
        share_keys: By which keys it can be shared, made of what is private; empty: it is public.
        unreadable: Why nothing of it can be read; empty when something can.
    """

    story: stories.Story
    continues: stories.KnownStory | None = None
    title: str = ""
    wanted: float = 0.0
    share_keys: tuple[str, ...] = ()
    unreadable: str = ""

    @property
    def private(self) -> bool:
        """Whether it is made of what is the owner's."""
        return bool(self.share_keys)


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
    is there. What is private is grouped by itself, apart for each source that can be shared.
    """
    news = [
        row
        for row in items
        if not newsworthiness.find_fault(row["title"], row["body"], _is_post(row))
    ]
    found: list[Candidate] = []
    replies = _load_replies(opened)
    for keys in dict.fromkeys([(), *(tuple(row["share_keys"]) for row in news)]):
        compared = [_to_item(row, kept) for row in news if tuple(row["share_keys"]) == keys]
        # Notes are no running story: each is told once, and again when it was changed.
        grouped = map(Candidate, stories.group(compared)) if keys else _group(compared, opened)
        for candidate in grouped:
            candidate.share_keys = keys
            candidate.title = _choose_title(candidate.story.lead, kept)
            candidate.unreadable = _find_reason(candidate.story, kept)
            candidate.wanted = _weigh_replies(candidate, replies)
            found.append(candidate)
    return found


def _load_replies(opened: run_plan.RunPlan) -> dict[str, float]:
    """Return what readers want more or less of, as `feedback.weights` says it."""
    if not db.fetch_one("SELECT 1 FROM reply WHERE namespace = %s LIMIT 1", [opened.lasting]):
        return {}
    from f.millrace.trust import feedback  # only where somebody ever replied

    return feedback.weights(opened.lasting, opened.flow)


def _weigh_replies(candidate: Candidate, replies: Mapping[str, float]) -> float:
    """Return what was said of the story itself, of what it is about most, and of its words."""
    if not replies:
        return 0.0
    known = candidate.continues
    of_story = replies.get(f"story:{known.id}", 0.0) if known else 0.0
    names = [replies.get(name.lower(), 0.0) for name in candidate.story.entities()]
    words = [replies.get(word.lower(), 0.0) for word in candidate.title.split()]
    said = of_story + max(names, key=abs, default=0.0) + sum(sorted(words, key=abs)[-3:])
    return max(-1.0, min(1.0, said))


def _is_post(row: rows.SourceItem) -> bool:
    # An item whose address is its own discussion is a message, not a link to an article.
    return not row["url"] or row["url"] == row["comments_url"]


def _to_item(row: rows.SourceItem, kept: Mapping[str, rows.Page]) -> duplicates.Item:
    page = kept.get(pages.key_of(row))
    text = page["body"] if page and page["readable"] else row["body"]
    # An old page that is posted again tells no story of today.
    day = timeliness.date_of(row["published_at"], page["published_at"] if page else None)
    with_page: rows.SourceItem = {**row, "body": text[:TEXT_AT_MOST], "published_at": day}
    return duplicates.item_of(with_page)


def _find_reason(story: stories.Story, kept: Mapping[str, rows.Page]) -> str:
    """Return why nothing of a story can be read; empty when an item of it can, or was not tried."""
    read = [page for item in story.items if (page := kept.get(item.canonical_url or item.id))]
    if not read or any(page["readable"] for page in read):
        return "" if read else "not read"
    return read[0]["reason"]


def _choose_title(lead: duplicates.Item, kept: Mapping[str, rows.Page]) -> str:
    """Return the page's own headline where it says all that the item's title does and more than the
    name of its site; else the title.
    """
    page = kept.get(lead.canonical_url or lead.id)
    headline = page["title"].strip() if page and page["readable"] else ""
    parts = SITE_MARK.split(headline)
    while len(parts) > 1 and len(parts[-1].split()) <= SITE_WORDS:
        parts.pop()
    said, own = set(duplicates.words(lead.title)), set(duplicates.words(" ".join(parts)))
    return headline if said < own and len(headline) <= LONGEST_TITLE else lead.title


def _group(items: list[duplicates.Item], opened: run_plan.RunPlan) -> list[Candidate]:
    """Return the stories that say something new, each with the one that it continues."""
    titles = _background(opened)
    known = (
        _yesterday(items, opened)
        if opened.edition == "sample"
        else story_store.load_told(opened.flow, opened.lasting, opened.day, LOOK_BACK)
    )
    told = {item.id for story in known for item in story.items}
    today = stories.group([item for item in items if item.id not in told], titles)
    found: list[Candidate] = []
    for story, continues in stories.follow(today, known, titles):
        fresh = story.items if continues is None else stories.new_items(story, continues)
        if not fresh:
            continue
        if continues is not None:
            # The topic is called after its first item, and told from it first.
            stories.put_news_first(story, fresh, continues)
        found.append(Candidate(story, continues))
    return found


def _background(opened: run_plan.RunPlan) -> list[str]:
    """Return titles of past weeks: what is common in them tells no story."""
    found = db.fetch_all(
        "SELECT title FROM source_item WHERE namespace = %s AND share_keys = '{}' ORDER BY"
        " first_seen_at DESC, id LIMIT %s",
        [opened.namespace, ITEMS_AT_MOST],
    )
    return [row["title"] for row in found]


def _yesterday(items: list[duplicates.Item], opened: run_plan.RunPlan) -> list[stories.KnownStory]:
    """Return what the sample's edition of yesterday told: it was never made, so its own dates stand
    for it.
    """
    end = opened.scheduled_for - timedelta(hours=24)
    begin = end - timedelta(hours=12)
    old = [item for item in items if item.published_at and begin <= item.published_at <= end]
    newer = [item for item in items if item.published_at and item.published_at > end]
    terms = story_terms.Collection(items)
    day = opened.day - timedelta(days=1)
    return [
        stories.KnownStory(item.id, item.title, [], day, day, [item], topic_id=item.id)
        for item in old
        if any(
            event_match.weigh(item, other, terms) >= event_match.ENOUGH
            for other in newer
            if other.source == item.source
        )
    ]


def format_update(last_day: date, day: date) -> str:
    """Return in words on which day the reader saw the story last, without a locale: the digest is
    in English wherever it is made.
    """
    ago = (day - last_day).days
    when = (
        "yesterday"
        if ago == 1
        else f"on {WEEKDAYS[last_day.weekday()]}"
        if ago < 7
        else f"on {last_day.isoformat()}"
    )
    return f"an update to a story you saw {when}"
