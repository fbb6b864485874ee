# requirements:

"""Which stories come first, by score, recency, agreeing sources and interests, and why."""

import bisect
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from f.millrace.research import duplicates, stories

WEIGHTS = {"popularity": 0.3, "recency": 0.25, "agreement": 0.25, "interest": 0.2}
HALF_LIFE_HOURS = 36.0
UPDATE_BONUS = 0.1
# A place that was chosen already weighs less, so that one loud source or site does not fill the
# digest.
REPEATED_PLACE = 0.06
# Feeds and arXiv give no points: their items count as middling. A note of the reader's own is
# background, not news.
NO_POINTS = 0.35
OWN_NOTE = 0.0


@dataclass
class Ranked:
    """A story, its weight and the reasons, in words."""

    story: stories.Story
    score: float
    reasons: list[str] = field(default_factory=list)
    update_of: str | None = None


def rank(
    stories: list[stories.Story],
    interests: list[str],
    now: datetime,
    updates: dict[str, tuple[str, str]],
    limit: int,
) -> list[Ranked]:
    """Return the best `limit` stories, best first.

    `updates` maps the lead item's id to the earlier topic's id and the reason in words.
    """
    scale = _scale([item for story in stories for item in story.items])
    weighed = [
        _weigh(story, interests, now, scale, updates.get(story.lead.id)) for story in stories
    ]
    chosen: list[Ranked] = []
    used: Counter[str] = Counter()
    while weighed and len(chosen) < limit:
        best = max(
            weighed,
            key=lambda entry: (
                entry.score - REPEATED_PLACE * used[_place(entry)],
                entry.story.lead.id,
            ),
        )
        weighed.remove(best)
        chosen.append(best)
        used[_place(best)] += 1
    return chosen


def _place(entry: Ranked) -> str:
    lead = entry.story.lead
    host = lead.canonical_url.partition("://")[2].partition("/")[0]
    return f"{lead.source} {host}"


def _weigh(
    story: stories.Story,
    interests: list[str],
    now: datetime,
    scale: dict[str, list[float]],
    update: tuple[str, str] | None,
) -> Ranked:
    popularity, popular = _popularity(story, scale)
    recency, recent = _recency(story, now)
    agreement, agreed = _agreement(story)
    interest, interesting = _interest(story, interests)
    parts = {
        "popularity": popularity,
        "recency": recency,
        "agreement": agreement,
        "interest": interest,
    }
    total = sum(WEIGHTS[name] * value for name, value in parts.items()) + (
        UPDATE_BONUS if update else 0
    )
    reasons = [
        reason
        for reason in ([update[1]] if update else []) + [agreed, popular, recent, interesting]
        if reason
    ]
    return Ranked(story, round(total, 4), reasons, update[0] if update else None)


def _scale(items: list[duplicates.Item]) -> dict[str, list[float]]:
    by_source: dict[str, list[float]] = {}
    for item in items:
        by_source.setdefault(item.source, []).append(item.score)
    return {source: sorted(scores) for source, scores in by_source.items()}


def _popularity(story: stories.Story, scale: dict[str, list[float]]) -> tuple[float, str]:
    """Rank within the item's own source: points of one source cannot be compared with those of
    another.
    """
    best, reason = (NO_POINTS if any(item.url for item in story.items) else OWN_NOTE), ""
    for item in story.items:
        scores = scale[item.source]
        if not scores or scores[-1] <= 0 or item.score <= 0:
            continue
        share = bisect.bisect_left(scores, item.score) / max(1, len(scores) - 1)
        value = 0.5 * min(1.0, share) + 0.5 * math.log1p(item.score) / math.log1p(scores[-1])
        if value > best:
            best, reason = value, f"{item.score:,.0f} points on {item.source}"
    return best, reason


def _recency(story: stories.Story, now: datetime) -> tuple[float, str]:
    dates = [item.date for item in story.items if item.date]
    if not dates:
        return 0.5, ""
    hours = max(0.0, (now - max(dates)).total_seconds() / 3600)
    said = f"{hours:.0f} hours old" if hours < 48 else f"{hours / 24:.0f} days old"
    return 0.5 ** (hours / HALF_LIFE_HOURS), said if hours >= 1 else "less than an hour old"


def _agreement(story: stories.Story) -> tuple[float, str]:
    sources = story.sources
    if len(sources) < 2:
        others = len(story.items) - 1
        return min(0.4, 0.1 * others), f"{others + 1} items tell it" if others else ""
    return (
        min(1.0, 0.5 + 0.25 * (len(sources) - 2)),
        f"{len(sources)} sources tell it: {', '.join(sources)}",
    )


def _interest(story: stories.Story, interests: list[str]) -> tuple[float, str]:
    held = {
        word
        for item in story.items[:5]
        for word in duplicates.words(f"{item.title} {item.text[:1500]}")
    }
    matched = [
        interest
        for interest in interests
        if duplicates.words(interest) and set(duplicates.words(interest)) <= held
    ]
    return min(1.0, 0.7 + 0.15 * (len(matched) - 1)) if matched else 0.0, (
        f"you follow {', '.join(matched)}" if matched else ""
    )
