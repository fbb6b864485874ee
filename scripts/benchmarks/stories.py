"""How well items are grouped into stories, within a day and over ten days, beside two peers that
are tuned to the same items.

B-cubed (Bagga and Baldwin, 1998): each item's precision is the part of its group that tells its
story, its recall the part of its story that is in its group. Pairwise figures count pairs of items.
The rules were tried on `tuning`; `held_out` was written before and is only measured. The peers are
single-pass clustering of weighted words, as in Topic Detection and Tracking, and scikit-learn's
agglomerative clustering of TF-IDF; each has the limit that is best on `tuning`.
"""

import itertools
import json
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import yaml

from f.millrace.stories import duplicates, stories, story_terms
from scripts.benchmarks import peers, stories_peer
from scripts.paths import ROOT

FIRST_DAY = date(2026, 11, 1)
SAMPLES = ROOT / "resources/samples/stories"
PEER_PACKAGES = ("scikit-learn==1.7.2",)
LIMITS = [number / 100 for number in range(4, 100, 2)]
REPEATS = 5
MANY = 3000
Groups = Mapping[str, Hashable]


@dataclass
class Labelled:
    """Items of ten days with the story that each tells."""

    items: list[duplicates.Item]
    day: dict[str, int]
    story: dict[str, str]


def measure() -> dict[str, Any]:
    """Return the figures of both sets, ours and the peers', and the time for many items."""
    sets = {name: load(name) for name in ("tuning", "held_out")}
    single = _best_limit(
        lambda limit: stories_peer.single_pass(*_peer_form(sets["tuning"]), limit), sets
    )
    figures: dict[str, Any] = {"sets": {}}
    agglomerative = {} if peers.left_out() else _agglomerative(sets)
    for name, labelled in sets.items():
        ours = {"millrace": _figures(follow_days(labelled), labelled)}
        ours["millrace"]["in_a_day"] = _figures(group_days(labelled), labelled, in_a_day=True)
        ours[f"single-pass TF-IDF, limit {single}"] = _figures(
            stories_peer.single_pass(*_peer_form(labelled), single), labelled
        )
        if agglomerative:
            limit, groups = agglomerative["limit"], agglomerative[name]
            ours[f"scikit-learn agglomerative TF-IDF, limit {limit}"] = _figures(groups, labelled)
        figures["sets"][name] = {"items": len(labelled.items), **ours}
    return {**figures, "cpu_seconds": _time()}


def load(name: str) -> Labelled:
    """Return a set of the samples; an item without a story is one of its own."""
    rows = yaml.safe_load((SAMPLES / f"{name}.yaml").read_text())
    first = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    items = [
        duplicates.Item(
            row["id"],
            row["source"],
            row["title"],
            row.get("text", ""),
            row.get("url", ""),
            url=row.get("url", ""),
            published_at=first + timedelta(days=row["day"] - 1),
        )
        for row in rows
    ]
    return Labelled(
        items,
        {row["id"]: row["day"] for row in rows},
        {row["id"]: row.get("story", row["id"]) for row in rows},
    )


def follow_days(labelled: Labelled) -> dict[str, str]:
    """Return each item's group when day after day is grouped and matched with what is known."""
    known: list[stories.KnownStory] = []
    found: dict[str, str] = {}
    for number in sorted(set(labelled.day.values())):
        day = FIRST_DAY + timedelta(days=number - 1)
        today = stories.group([item for item in labelled.items if labelled.day[item.id] == number])
        for story, told in stories.follow(today, known):
            if told is None:
                told = stories.KnownStory(story.lead.id, story.lead.title, [], day, day, [])
                known.append(told)
            told.items.extend(story.items)
            told.last_day = day
            found.update(dict.fromkeys((item.id for item in story.items), told.id))
    return found


def group_days(labelled: Labelled) -> dict[str, tuple[int, str]]:
    """Return each item's group when each day stands alone."""
    found: dict[str, tuple[int, str]] = {}
    for number in sorted(set(labelled.day.values())):
        for story in stories.group([i for i in labelled.items if labelled.day[i.id] == number]):
            for item in story.items:
                found[item.id] = (number, story.lead.id)
    return found


def b_cubed(found: Groups, true: Groups) -> dict[str, float]:
    """Return precision, recall and F1 of groups of items against the true ones."""
    mine, theirs = _members(found), _members(true)
    shared = {key: len(mine[found[key]] & theirs[true[key]]) for key in true}
    precision = statistics.fmean(shared[key] / len(mine[found[key]]) for key in true)
    recall = statistics.fmean(shared[key] / len(theirs[true[key]]) for key in true)
    return _rounded(precision, recall)


def pairwise(found: Groups, true: Groups) -> dict[str, float]:
    """Return precision, recall and F1 of pairs of items that are in one group."""
    pairs = list(itertools.combinations(sorted(true), 2))
    mine = {pair for pair in pairs if found[pair[0]] == found[pair[1]]}
    theirs = {pair for pair in pairs if true[pair[0]] == true[pair[1]]}
    both = len(mine & theirs)
    return _rounded(both / len(mine) if mine else 1.0, both / len(theirs) if theirs else 1.0)


def _members(groups: Groups) -> dict[Hashable, set[str]]:
    members: dict[Hashable, set[str]] = defaultdict(set)
    for key, group in groups.items():
        members[group].add(key)
    return members


def _rounded(precision: float, recall: float) -> dict[str, float]:
    both = precision + recall
    return {
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / both if both else 0.0, 3),
    }


def _figures(found: Groups, labelled: Labelled, in_a_day: bool = False) -> dict[str, Any]:
    true: Groups = labelled.story
    if in_a_day:
        true = {key: (labelled.day[key], story) for key, story in labelled.story.items()}
    return {"b_cubed": b_cubed(found, true), "pairwise": pairwise(found, true)}


def _peer_form(labelled: Labelled) -> tuple[list[str], list[str]]:
    ordered = sorted(labelled.items, key=lambda item: (labelled.day[item.id], item.id))
    return [item.id for item in ordered], [
        f"{item.title} {item.title} {item.text}" for item in ordered
    ]


def _best_limit(run: Callable[[float], Groups], sets: dict[str, Labelled]) -> float:
    true = sets["tuning"].story
    return max(LIMITS, key=lambda limit: b_cubed(run(limit), true)["f1"])


def _agglomerative(sets: dict[str, Labelled]) -> dict[str, Any]:
    """Return the best limit on the tuning set, and the groups of each set at it."""
    python = peers.python("stories", PEER_PACKAGES)
    forms = {name: _peer_form(labelled) for name, labelled in sets.items()}
    told = json.dumps(
        {"texts": {name: texts for name, (_, texts) in forms.items()}, "limits": LIMITS}
    )
    script = ROOT / "scripts/benchmarks/stories_peer.py"
    answer = subprocess.run(
        [str(python), str(script)], input=told, capture_output=True, text=True, check=True
    )
    labels = json.loads(answer.stdout)

    def groups(name: str, limit: float) -> Groups:
        return dict(zip(forms[name][0], labels[name][str(limit)], strict=True))

    limit = _best_limit(lambda limit: groups("tuning", limit), sets)
    return {"limit": limit, **{name: groups(name, limit) for name in sets}}


def _time() -> dict[str, Any]:
    """Return the CPU seconds to group many items of a few paragraphs, and the tuning set."""
    many = stories_peer.invent(MANY)
    items = [duplicates.Item(key, "feeds", title, text) for key, title, text in many]
    day = load("tuning").items
    return {f"{len(items)} items": _repeat(items), f"{len(day)} items": _repeat(day)}


def _repeat(items: list[duplicates.Item]) -> dict[str, Any]:
    took: list[float] = []
    for _ in range(REPEATS):
        story_terms.read.cache_clear()
        start = time.process_time()  # not the clock: the machine may do other work
        stories.group(items)
        took.append(round(time.process_time() - start, 3))
    return {"median": statistics.median(took), "raw": took}
