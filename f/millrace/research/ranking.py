# requirements:

"""Which stories come first, by score, recency, agreeing sources and interests, and why."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from f.millrace.digest import run_plan
from f.millrace.research import candidates
from f.millrace.stories import duplicates, stories

WEIGHTS = {"popularity": 0.3, "recency": 0.25, "agreement": 0.25, "interest": 0.2}
HALF_LIFE_HOURS = 36.0
# The reader knows how it began and wants to know how it goes on.
UPDATE_BONUS = 0.2
# What readers replied weighs as much as how popular a story is.
REPLIED = 0.3
SAID = 0.2
# A place that was chosen already weighs less, so that one loud source or site does not fill the
# digest.
REPEATED_PLACE = 0.06
# Feeds and arXiv give no points: their items count as middling. A note of the reader's own is
# background, not news.
NO_POINTS = 0.35
OWN_NOTE = 0.0
# Points at which half of the weight for popularity is reached: those of one source say nothing
# about another's. A source that is not here is measured by its own best.
NOTABLE = {"hackernews": 100.0, "mastodon": 60.0}


@dataclass
class Ranked:
    """A candidate, its weight and the reasons, in words."""

    candidate: candidates.Candidate
    score: float
    reasons: list[str] = field(default_factory=list)

    @property
    def story(self) -> stories.Story:
        """The story itself."""
        return self.candidate.story

    @property
    def update_of(self) -> str | None:
        """The earlier topic that it goes on with."""
        return self.candidate.continues.topic_id if self.candidate.continues else None


def rank(
    found: list[candidates.Candidate], opened: run_plan.RunPlan, now: datetime, limit: int
) -> list[Ranked]:
    """Return the best `limit` candidates, best first."""
    scale = _scale([item for one in found for item in one.story.items])
    weighed = [_weigh(candidate, opened.interests, now, opened.day, scale) for candidate in found]
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
    candidate: candidates.Candidate,
    interests: list[str],
    now: datetime,
    day: date,
    scale: dict[str, float],
) -> Ranked:
    story, known = candidate.story, candidate.continues
    update = candidates.format_update(known.last_day, day) if known else ""
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
    total = (
        sum(WEIGHTS[name] * value for name, value in parts.items())
        + (UPDATE_BONUS if update else 0)
        + REPLIED * candidate.wanted
    )
    reasons = [
        reason
        for reason in (update, agreed, popular, recent, interesting, _said(candidate.wanted))
        if reason
    ]
    return Ranked(candidate, round(total, 4), reasons)


def _said(wanted: float) -> str:
    if abs(wanted) < SAID:
        return ""
    return f"readers asked for {'more' if wanted > 0 else 'less'} of it"


def _scale(items: list[duplicates.Item]) -> dict[str, float]:
    """Return for each source at how many points half of the weight is reached."""
    best: dict[str, float] = {}
    for item in items:
        best[item.source] = max(best.get(item.source, 0.0), item.score)
    return {source: NOTABLE.get(source, points / 2) for source, points in best.items()}


def _popularity(story: stories.Story, scale: dict[str, float]) -> tuple[float, str]:
    """Return how popular the most popular item is among those of its source: 0 to 1."""
    on_web = any(item.url.startswith(("http://", "https://")) for item in story.items)
    best, reason = (NO_POINTS if on_web else OWN_NOTE), ""
    with_points = [item for item in story.items if scale[item.source] > 0]
    if with_points and len(with_points) == len(story.items):
        best = 0.0
    for item in with_points:
        value = item.score / (item.score + scale[item.source])
        if value > best:
            best, reason = value, f"{item.score:,.0f} points on {item.source}"
    return best, reason


def _recency(story: stories.Story, now: datetime) -> tuple[float, str]:
    dates = [item.date for item in story.items if item.date]
    if not dates:
        return 0.5, ""
    hours = max(0.0, (now - max(dates)).total_seconds() / 3600)
    count, unit = (round(hours), "hour") if hours < 48 else (round(hours / 24), "day")
    said = f"{count} {unit}{'' if count == 1 else 's'} old"
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
