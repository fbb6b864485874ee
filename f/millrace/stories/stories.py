# requirements:

"""Stories: items that tell one event, grouped within a day and followed over days; event_match
says how much speaks for that.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from f.millrace.stories import duplicates, event_match, story_terms

Item = duplicates.Item

ENTITIES_AT_MOST = 16
# Items of two stories have to agree on average, so that a list of news joins none.
AVERAGE = 0.4
POSTED_AT_MOST = 150
OWN_SHARE, OWN_NAME = 0.6, 0.4


@dataclass
class Story:
    """Items about one event; the first tells most."""

    items: list[Item]
    copies: dict[str, str] = field(default_factory=dict)
    """Item id to the id of the item that it repeats."""

    @property
    def lead(self) -> Item:
        """The item that the story is named after."""
        return self.items[0]

    @property
    def sources(self) -> list[str]:
        """The sources that tell it, each once; copies of one text count as one."""
        return list(dict.fromkeys(item.source for item in self.items if item.id not in self.copies))

    def entities(self) -> list[str]:
        """Return names, identifiers and figures as they are written, those in most items first."""
        told = [item for item in self.items if item.id not in self.copies]
        terms = story_terms.Collection(told)
        counted = Counter(name for item in told for name in terms.entities(item))
        return [name for name, _ in counted.most_common(ENTITIES_AT_MOST)]


@dataclass
class KnownStory:
    """A story of earlier days; `topic_id` is the topic that told it last."""

    id: str
    title: str
    entities: list[str]
    first_day: date
    last_day: date
    items: list[Item]
    topic_id: str = ""


def group(items: list[Item], background: Iterable[str] = ()) -> list[Story]:
    """Return the items grouped by event, copies marked, those that tell most first.

    `background` are titles of past weeks: what is common in them tells nothing.
    """
    copies = duplicates.find_copies(items)
    originals = sorted(
        (item for item in items if item.id not in copies), key=duplicates.weight, reverse=True
    )
    # Copies count neither as items nor as background.
    told = {item.title for item in items}
    terms = story_terms.Collection(
        originals, background=(title for title in background if title not in told)
    )
    clusters = _cluster(originals, terms)
    return [_add_copies(cluster, copies, items) for cluster in clusters]


# complexipy: ignore (one pass that joins the closest pairs; its exits belong together)
def _cluster(originals: list[Item], terms: story_terms.Collection) -> list[list[Item]]:
    scores = _score_pairs(originals, terms)
    home = {number: [number] for number in range(len(originals))}
    refused: set[tuple[int, int, int, int]] = set()
    for (left, right), score in sorted(scores.items(), key=lambda entry: (-entry[1], entry[0])):
        mine, theirs = home[left], home[right]
        if score < event_match.ENOUGH:
            break
        tried = (mine[0], len(mine), theirs[0], len(theirs))
        if mine is theirs or tried in refused:
            continue
        total = sum(scores.get((min(a, b), max(a, b)), 0.0) for a in mine for b in theirs)
        if total < AVERAGE * event_match.ENOUGH * len(mine) * len(theirs):
            refused.add(tried)
            continue
        mine.extend(theirs)
        home.update(dict.fromkeys(theirs, mine))
    clusters = {id(cluster): sorted(cluster) for cluster in home.values()}
    return [[originals[number] for number in cluster] for cluster in sorted(clusters.values())]


def _score_pairs(
    originals: list[Item], terms: story_terms.Collection
) -> dict[tuple[int, int], float]:
    postings: dict[str, list[int]] = defaultdict(list)
    scores: dict[tuple[int, int], float] = {}
    for number, item in enumerate(originals):
        marks = event_match.find_marks(item, terms)
        promise: dict[int, float] = defaultdict(float)
        for mark, strength in marks.items():
            for other in postings[mark][-POSTED_AT_MOST:]:
                promise[other] += strength
            postings[mark].append(number)
        for other, strength in promise.items():
            if strength >= event_match.NAMED:
                score = event_match.weigh(originals[other], item, terms)
                if score > 0:
                    scores[other, number] = score
    return scores


def _add_copies(cluster: list[Item], copies: dict[str, str], items: list[Item]) -> Story:
    inside = {item.id for item in cluster}
    repeated = sorted(
        (item for item in items if copies.get(item.id) in inside),
        key=duplicates.weight,
        reverse=True,
    )
    return Story([*cluster, *repeated], {item.id: copies[item.id] for item in repeated})


class Follower:
    """Finds the story of earlier days that a story of today continues."""

    # complexipy: ignore (builds the tables that all lookups share, in one pass over the items)
    def __init__(
        self, known: Sequence[KnownStory], today: Sequence[Story], background: Iterable[str] = ()
    ) -> None:
        self._known = {story.id: (story, _items_of(story)) for story in known}
        self._terms = story_terms.Collection(
            (item for story in today for item in _originals(story)),
            [items for _, items in self._known.values()],
            background,
        )
        self._postings: dict[str, set[str]] = defaultdict(set)
        for story, items in self._known.values():
            for item in items:
                for mark in event_match.find_marks(item, self._terms):
                    self._postings[mark].add(story.id)
        self._same_text = self._find_same_text(today)
        about = {key: _names_of(items, self._terms) for key, (_, items) in self._known.items()}
        told_by = Counter(term for names in about.values() for term in names)
        self._profiles = {
            key: _profile(items, self._terms, {term for term in about[key] if told_by[term] == 1})
            for key, (_, items) in self._known.items()
        }

    def match(self, story: Story) -> KnownStory | None:
        """Return the known story that tells the same event, if there is one."""
        told = _originals(story)
        repeated = [self._same_text[item.id] for item in told if item.id in self._same_text]
        if repeated:
            return self._known[repeated[0]][0]
        near = sorted(
            {
                number
                for item in told
                for mark in event_match.find_marks(item, self._terms)
                for number in self._postings.get(mark, ())
            }
        )
        scored = [(self._score(told, number), number) for number in near]
        best = max(scored, default=(0.0, ""))
        return self._known[best[1]][0] if best[0] >= event_match.ENOUGH else None

    def _find_same_text(self, today: Sequence[Story]) -> dict[str, str]:
        """Return for items of today that repeat a known one its story, the latest first."""
        home = {item.id: key for key, (_, items) in self._known.items() for item in items}
        fresh = [item for story in today for item in _originals(story) if item.id not in home]
        copies = duplicates.find_copies(
            [*fresh, *(item for _, items in self._known.values() for item in items)]
        )
        told: dict[str, str] = {}
        for item_id, key in home.items():
            told.setdefault(copies.get(item_id, item_id), key)
        roots = ((item.id, copies.get(item.id, item.id)) for item in fresh)
        return {item_id: told[root] for item_id, root in roots if root in told} | {
            item.id: home[item.id]
            for story in today
            for item in _originals(story)
            if item.id in home
        }

    def _score(self, told: list[Item], number: str) -> float:
        items = self._known[number][1]
        if all(event_match.are_works(item, old) for item in told for old in items):
            return 0.0
        by_item = [max(event_match.weigh(item, old, self._terms) for item in told) for old in items]
        best = sorted(by_item, reverse=True)[: (len(by_item) + 1) // 2]
        paired = best[0] if sum(best) / len(best) >= AVERAGE * event_match.ENOUGH else 0.0
        return max(paired, self._score_as_whole(told, number))

    def _score_as_whole(self, told: list[Item], number: str) -> float:
        """Return how much speaks for one event when the known story is taken as one text."""
        profile = self._profiles[number]
        items = self._known[number][1]
        scores = [
            event_match.weigh_terms(
                terms,
                profile.terms,
                min(event_match.days_between(item, old) for old in items),
                self._terms,
                frozenset.intersection(
                    *(event_match.find_labels(item, old, self._terms) for old in items)
                ),
            )
            + OWN_NAME * profile.is_named_by(terms)
            for item in told
            for terms in [self._terms.of(item)]
        ]
        return sum(scores) / len(scores)


@dataclass
class _Profile:
    """A story of earlier days as one text."""

    terms: story_terms.Terms
    own_names: set[str]
    """Names that most of its items are about, and no other known story is."""

    def is_named_by(self, terms: story_terms.Terms) -> bool:
        """Tell whether an item's title or first words have a name of this story alone."""
        return any(terms.salience.get(name) == 1 for name in self.own_names)


def _names_of(items: list[Item], terms: story_terms.Collection) -> set[str]:
    """Return the names that most of two items and more are about."""
    about = Counter(
        term
        for item in items
        for term, salience in terms.of(item).salience.items()
        if term[0] in "ni" and salience == 1 and event_match.weigh_rarity(terms.rarity(term)) >= 0.5
    )
    return {term for term, times in about.items() if times >= max(2, OWN_SHARE * len(items))}


def _profile(items: list[Item], terms: story_terms.Collection, own: set[str]) -> _Profile:
    each = [terms.of(item) for item in items]
    weights: Counter[str] = Counter()
    salience: dict[str, float] = {}
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one in each:
        weights.update(one.weights)
        for term, value in one.salience.items():
            salience[term] = max(value, salience.get(term, 0.0))
        for name, beside in one.neighbours.items():
            neighbours[name] |= beside
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return _Profile(
        story_terms.Terms(
            {term: weight / length for term, weight in weights.items()},
            each[0].title,
            salience,
            [run for one in each for run in one.names],
            dict(neighbours),
            each[0].versions,
            frozenset(),
            frozenset(kind for one in each for kind in one.kinds),
        ),
        own,
    )


def match(story: Story, known: Sequence[KnownStory]) -> KnownStory | None:
    """Return the known story that tells the same event; for many stories make one Follower."""
    return Follower(known, [story]).match(story)


def follow(
    today: Sequence[Story], known: Sequence[KnownStory], background: Iterable[str] = ()
) -> list[tuple[Story, KnownStory | None]]:
    """Return each story of today with the known one that it continues.

    Stories that continue the same one are one story, so that it is told once.
    """
    follower = Follower(known, today, background)
    found: list[tuple[Story, KnownStory | None]] = []
    continuing: dict[str, Story] = {}
    for story in today:
        old = follower.match(story)
        if old is not None and old.id in continuing:
            same = continuing[old.id]
            same.items.extend(story.items)
            same.copies.update(story.copies)
            continue
        told = Story(list(story.items), dict(story.copies))
        found.append((told, old))
        if old is not None:
            continuing[old.id] = told
    return found


def new_items(story: Story, known: KnownStory) -> list[Item]:
    """Return the items that say something that the known story's items did not.

    A copy of one of them says nothing new, nor does one address with the same text.
    """
    earlier = {item.id for item in known.items}
    fresh = [item for item in _originals(story) if item.id not in earlier]
    return [item for item in fresh if not duplicates.repeats(item, known.items)]


def put_news_first(story: Story, fresh: Sequence[Item], known: KnownStory) -> None:
    """Sort the items of a story that goes on: the `fresh` ones first, of them those that say most
    that the known items did not, by the words of their titles and first paragraphs.
    """
    told = {word for item in known.items for word in _words_of(item)}
    news = {item.id: len(_words_of(item) - told) for item in fresh}
    # The sort is stable: what says as much stays in its order, copies stay behind.
    story.items.sort(key=lambda item: news.get(item.id, -1), reverse=True)
    copies = [item for item in story.items if item.id in story.copies]
    story.items = [*_originals(story), *copies]


def _words_of(item: Item) -> set[str]:
    text = item.text[: story_terms.LETTERS_AT_MOST]
    return {*duplicates.words(item.title), *duplicates.words(text)}


def _originals(story: Story) -> list[Item]:
    return [item for item in story.items if item.id not in story.copies]


def _items_of(known: KnownStory) -> list[Item]:
    # Items are pruned before their story is.
    last = datetime.combine(known.last_day, time(), UTC)
    names = ", ".join(known.entities)
    return known.items or [Item(known.id, "", known.title, names, published_at=last)]
