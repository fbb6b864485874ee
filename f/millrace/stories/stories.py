# requirements:

"""Stories: items that tell one event, grouped within a day and followed over days.

Two items tell one event when enough speaks for it. A rare name that both have counts 1; the words
around the names count by their cosine; what tells the two apart (other numbers of one series, names
in both titles that the other does not know, days between) counts against it. One name in common is
thus never enough: a company and a person have many stories.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from f.millrace.stories import duplicates, series, story_terms, story_words

Item = duplicates.Item

# Sources whose items are works, not news.
ARCHIVES = frozenset({"arxiv"})
ENOUGH = 1.65
# A term that is in one item of 150 counts in full, one that is in one of 27 not at all.
COMMON, RARE = 3.3, 5.0
EVENT = 2.0  # a registered flaw, a storm's name, a link: each is enough alone
FIGURE, FIGURES_AT_MOST = 0.35, 0.7
# However many well-known places two items name, much happens there.
PLACES_AT_MOST = 1.0
# Where nothing marks a name, a rare word counts half.
UNSURE, MAYBE_AT_MOST, UNCASED_AT_MOST = 0.5, 0.7, 1.5
RUNS = (0.2, 0.4, 0.7)  # two characters, three, four and more
CONTEXT, CONTEXT_AT_MOST = 3.0, 1.2
OTHER_NUMBER, OTHER_NAMES = 2.0, 0.5
A_DAY = 0.03
ENTITIES_AT_MOST = 16
NAMED, SAME_KIND = 0.6, 0.7
LINKED_BY_ALL = 12
# Items of two stories have to agree on average, so that a list of news joins none.
AVERAGE = 0.4
WORD, YEAR = re.compile(r"\w+"), re.compile(r"(?:19|20)\d\d")
POSTED_AT_MOST, MARKS_AT_MOST = 150, 24
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
class Known:
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
        if score < ENOUGH:
            break
        tried = (mine[0], len(mine), theirs[0], len(theirs))
        if mine is theirs or tried in refused:
            continue
        total = sum(scores.get((min(a, b), max(a, b)), 0.0) for a in mine for b in theirs)
        if total < AVERAGE * ENOUGH * len(mine) * len(theirs):
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
        marks = _marks(item, terms)
        promise: dict[int, float] = defaultdict(float)
        for mark, strength in marks.items():
            for other in postings[mark][-POSTED_AT_MOST:]:
                promise[other] += strength
            postings[mark].append(number)
        for other, strength in promise.items():
            if strength >= NAMED:
                score = weigh(originals[other], item, terms)
                if score > 0:
                    scores[other, number] = score
    return scores


def _marks(item: Item, terms: story_terms.Collection) -> dict[str, float]:
    """Return the rarest terms that an item is about and its links, by which others are found, each
    with what it can count.
    """
    mine = terms.of(item)
    marks = {
        term: EVENT if term[0] == "e" else strength
        for term, salience in mine.salience.items()
        if salience == 1 and term[0] in "nimcpe" and (strength := _strength(terms.rarity(term)))
    }
    rarest = sorted(marks, key=lambda term: (-terms.rarity(term), term))[:MARKS_AT_MOST]
    return {term: marks[term] for term in rarest} | dict.fromkeys(mine.links, EVENT)


def weigh(one: Item, other: Item, terms: story_terms.Collection) -> float:
    """Return how much speaks for one event; ENOUGH and more for the same."""
    if _are_issues(one.title, other.title) or _are_works(one, other):
        return 0.0
    days = _days_between(one, other)
    return weigh_terms(terms.of(one), terms.of(other), days, terms, _find_labels(one, other, terms))


def _find_labels(one: Item, other: Item, terms: story_terms.Collection) -> frozenset[str]:
    """Return the terms of the labels that two pages of one series share."""
    labels = series.find_shared_labels(one, other)
    return frozenset(term for label in labels for term in terms.keys_of(label))


def _are_works(one: Item, other: Item) -> bool:
    """Tell whether two items are two works of an archive: papers on one subject tell no story, and
    a later one is no update of an earlier one.
    """
    return one.source == other.source and one.source in ARCHIVES and one.id != other.id


def _are_issues(one: str, other: str) -> bool:
    """Tell whether two titles are of two issues of one thing, such as the minutes of two months:
    they differ in the day, month or year that they name.
    """
    (mine, days), (theirs, other_days) = _split_calendar(one), _split_calendar(other)
    return mine == theirs and bool(days and other_days) and days != other_days


def _split_calendar(title: str) -> tuple[list[str], list[str]]:
    """Return the words of a title that name no day, month or year, and those that do."""
    words = WORD.findall(title.lower())
    named = [word in story_words.CALENDAR or YEAR.fullmatch(word) is not None for word in words]
    return (
        [word for word, is_named in zip(words, named, strict=True) if not is_named],
        [word for word, is_named in zip(words, named, strict=True) if is_named],
    )


def weigh_terms(
    a: story_terms.Terms,
    b: story_terms.Terms,
    days: float,
    terms: story_terms.Collection,
    labels: frozenset[str] = frozenset(),
) -> float:
    """Return how much speaks for one event; `labels` are terms of their series, which say
    nothing.
    """
    common = (a.salience.keys() & b.salience.keys()) - labels
    named, used = _weigh_names(a, b, common, terms)
    links = {link for link in a.links & b.links if terms.linked[link] < LINKED_BY_ALL}
    salient = [min(a.salience[term], b.salience[term]) for term in common if term[0] == "e"]
    event = EVENT * max([float(bool(links)), *salient])
    figures = sum(FIGURE for term in common if term[0] == "f" and story_terms.is_telling(term[2:]))
    context = CONTEXT * story_terms.cosine(a.weights, b.weights, used | labels)
    others = not links and _name_others(a, b, terms)
    if others and not event and not any(term[0] in "ni" for term in used):
        return 0.0
    same_kind = bool(a.kinds & b.kinds) and named >= NAMED and not others
    return (
        named
        + SAME_KIND * same_kind
        + event
        + min(FIGURES_AT_MOST, figures)
        + min(CONTEXT_AT_MOST, context)
        - OTHER_NUMBER * (not links and _differ_in_number(a, b))
        - OTHER_NAMES * others
        - A_DAY * max(0.0, days - 1)
    )


# complexipy: ignore (the terms of one sum, each with its own condition)
def _weigh_names(
    a: story_terms.Terms, b: story_terms.Terms, common: set[str], terms: story_terms.Collection
) -> tuple[float, set[str]]:
    """Return what the names in common count, and the terms that have been counted so."""
    strengths = {
        term: strength * min(a.salience[term], b.salience[term])
        for term in common
        if term[0] in "nimcp" and (strength := _strength(terms.rarity(term)))
    }
    things = _join([run for run in (*a.names, *b.names) if not strengths.keys().isdisjoint(run)])
    sure: dict[str, float] = {}
    for term, strength in strengths.items():
        if term[0] in "ni":
            thing = things.get(term, term)
            sure[thing] = max(strength, sure.get(thing, 0.0))
    used = set(sure) | {term for term in things if things[term] in sure}
    used |= {term for term in common if term[0] == "e"}
    for term in list(used):
        used |= a.neighbours.get(term, set()) & b.neighbours.get(term, set())
    maybe = sum(
        UNSURE * strength
        for term, strength in strengths.items()
        if term[0] == "m" and term not in used
    )
    caseless = sum(UNSURE * strength for term, strength in strengths.items() if term[0] == "c")
    runs = _weigh_runs({term: value for term, value in strengths.items() if term[0] == "p"})
    telling = {things.get(term, term) for term in strengths if term[2:] not in story_words.PLACES}
    places = sum(strength for thing, strength in sure.items() if thing not in telling)
    named = sum(strength for thing, strength in sure.items() if thing in telling)
    return named + min(PLACES_AT_MOST, places) + min(MAYBE_AT_MOST, maybe) + min(
        UNCASED_AT_MOST, caseless + runs
    ), used


def _join(names: list[tuple[str, ...]]) -> dict[str, str]:
    """Return for each name what stands for all that it is written together with."""
    thing: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for run in names:
        joined = sorted({thing.get(name, name) for name in run})
        first = joined[0]
        kept = members.setdefault(first, [first])
        thing[first] = first
        for other in joined[1:]:
            for name in members.pop(other, [other]):
                thing[name] = first
                kept.append(name)
    return thing


def _weigh_runs(pairs: dict[str, float]) -> float:
    """Return what characters in a row count: pairs that overlap are one run."""
    by_first: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        by_first[pair[2]].append(pair)
    joined = _join([(pair, follower) for pair in pairs for follower in by_first[pair[-1]]])
    runs: dict[str, list[float]] = defaultdict(list)
    for pair, strength in pairs.items():
        runs[joined.get(pair, pair)].append(strength)
    return sum(max(run) * RUNS[min(len(run), len(RUNS)) - 1] for run in runs.values())


def _differ_in_number(a: story_terms.Terms, b: story_terms.Terms) -> bool:
    """Tell whether two items are about two of one series: two flaws, two versions, two storms."""
    if any(
        not a.versions[series] & b.versions[series]
        for series in a.versions.keys() & b.versions.keys()
    ):
        return True
    mine, theirs = ({term for term in each.salience if term[0] == "e"} for each in (a, b))
    return bool(mine and theirs and not mine & theirs)


def _name_others(a: story_terms.Terms, b: story_terms.Terms, terms: story_terms.Collection) -> bool:
    """Tell whether each title has a name that the other item does not know.

    Where a capital may mean nothing, there have to be more of them than both titles share.
    """
    mine, theirs = (
        {term for term in one.title - other.salience.keys() if _is_rare(term, terms)}
        for one, other in ((a, b), (b, a))
    )
    if any(term[0] in "ni" for term in mine) and any(term[0] in "ni" for term in theirs):
        return True
    shared = {term for term in a.title & b.title if _is_rare(term, terms)}
    return len(shared) <= min(len(mine), len(theirs)) > 0


def _is_rare(term: str, terms: story_terms.Collection) -> bool:
    return term[0] in "nim" and _strength(terms.rarity(term)) >= 0.5


def _days_between(one: Item, other: Item) -> float:
    if one.date is None or other.date is None:
        return 0.0
    return abs((one.date - other.date).total_seconds()) / 86_400


def _add_copies(cluster: list[Item], copies: dict[str, str], items: list[Item]) -> Story:
    inside = {item.id for item in cluster}
    repeated = sorted(
        (item for item in items if copies.get(item.id) in inside),
        key=duplicates.weight,
        reverse=True,
    )
    return Story([*cluster, *repeated], {item.id: copies[item.id] for item in repeated})


def _strength(rarity: float) -> float:
    return min(1.0, max(0.0, (rarity - COMMON) / (RARE - COMMON)))


class Follower:
    """Finds the story of earlier days that a story of today continues."""

    # complexipy: ignore (builds the tables that all lookups share, in one pass over the items)
    def __init__(
        self, known: Sequence[Known], today: Sequence[Story], background: Iterable[str] = ()
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
                for mark in _marks(item, self._terms):
                    self._postings[mark].add(story.id)
        self._same_text = self._find_same_text(today)
        about = {key: _names_of(items, self._terms) for key, (_, items) in self._known.items()}
        told_by = Counter(term for names in about.values() for term in names)
        self._profiles = {
            key: _profile(items, self._terms, {term for term in about[key] if told_by[term] == 1})
            for key, (_, items) in self._known.items()
        }

    def match(self, story: Story) -> Known | None:
        """Return the known story that tells the same event, if there is one."""
        told = _originals(story)
        repeated = [self._same_text[item.id] for item in told if item.id in self._same_text]
        if repeated:
            return self._known[repeated[0]][0]
        near = sorted(
            {
                number
                for item in told
                for mark in _marks(item, self._terms)
                for number in self._postings.get(mark, ())
            }
        )
        scored = [(self._score(told, number), number) for number in near]
        best = max(scored, default=(0.0, ""))
        return self._known[best[1]][0] if best[0] >= ENOUGH else None

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
        if all(_are_works(item, old) for item in told for old in items):
            return 0.0
        by_item = [max(weigh(item, old, self._terms) for item in told) for old in items]
        best = sorted(by_item, reverse=True)[: (len(by_item) + 1) // 2]
        paired = best[0] if sum(best) / len(best) >= AVERAGE * ENOUGH else 0.0
        return max(paired, self._score_as_whole(told, number))

    def _score_as_whole(self, told: list[Item], number: str) -> float:
        """Return how much speaks for one event when the known story is taken as one text."""
        profile = self._profiles[number]
        items = self._known[number][1]
        scores = [
            weigh_terms(
                terms,
                profile.terms,
                min(_days_between(item, old) for old in items),
                self._terms,
                frozenset.intersection(*(_find_labels(item, old, self._terms) for old in items)),
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
        if term[0] in "ni" and salience == 1 and _strength(terms.rarity(term)) >= 0.5
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


def match(story: Story, known: Sequence[Known]) -> Known | None:
    """Return the known story that tells the same event; for many stories make one Follower."""
    return Follower(known, [story]).match(story)


def follow(
    today: Sequence[Story], known: Sequence[Known], background: Iterable[str] = ()
) -> list[tuple[Story, Known | None]]:
    """Return each story of today with the known one that it continues.

    Stories that continue the same one are one story, so that it is told once.
    """
    follower = Follower(known, today, background)
    found: list[tuple[Story, Known | None]] = []
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


def new_items(story: Story, known: Known) -> list[Item]:
    """Return the items that say something that the known story's items did not.

    A copy of one of them says nothing new, nor does one address with the same text.
    """
    earlier = {item.id for item in known.items}
    fresh = [item for item in _originals(story) if item.id not in earlier]
    return [item for item in fresh if not duplicates.repeats(item, known.items)]


def put_news_first(story: Story, fresh: Sequence[Item], known: Known) -> None:
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


def _items_of(known: Known) -> list[Item]:
    # Items are pruned before their story is.
    last = datetime.combine(known.last_day, time(), UTC)
    names = ", ".join(known.entities)
    return known.items or [Item(known.id, "", known.title, names, published_at=last)]
