# requirements:

"""How much speaks for two items telling one event.

A rare name that both have counts 1; the words around the names count by their cosine; what tells
the two apart (other numbers of one series, names in both titles that the other does not know, days
between) counts against it. One name in common is thus never enough: a company and a person have
many stories.
"""

import re
from collections import defaultdict

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
NAMED, SAME_KIND = 0.6, 0.7
LINKED_BY_ALL = 12
WORD, YEAR = re.compile(r"\w+"), re.compile(r"(?:19|20)\d\d")
MARKS_AT_MOST = 24
# Two texts of so many words about one event share some beside its names; where they do not, the
# names, such as of a region and its town, count that much.
LONG, LEAST_CONTEXT, NAMES_ALONE = 25, 0.03, 1.0


def find_marks(item: Item, terms: story_terms.Collection) -> dict[str, float]:
    """Return the rarest terms that an item is about and its links, by which others are found, each
    with what it can count.
    """
    mine = terms.of(item)
    marks = {
        term: EVENT if term[0] == "e" else strength
        for term, salience in mine.salience.items()
        if salience == 1 and term[0] in "nimcpe" and (strength := weigh_rarity(terms.rarity(term)))
    }
    rarest = sorted(marks, key=lambda term: (-terms.rarity(term), term))[:MARKS_AT_MOST]
    return {term: marks[term] for term in rarest} | dict.fromkeys(mine.links, EVENT)


def weigh(one: Item, other: Item, terms: story_terms.Collection) -> float:
    """Return how much speaks for one event; ENOUGH and more for the same."""
    if _are_issues(one.title, other.title) or are_works(one, other):
        return 0.0
    days = days_between(one, other)
    return weigh_terms(terms.of(one), terms.of(other), days, terms, find_labels(one, other, terms))


def find_labels(one: Item, other: Item, terms: story_terms.Collection) -> frozenset[str]:
    """Return the terms of the labels that two pages of one series share."""
    labels = series.find_shared_labels(one, other)
    return frozenset(term for label in labels for term in terms.keys_of(label))


def are_works(one: Item, other: Item) -> bool:
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
    alike = story_terms.cosine(a.weights, b.weights, used | labels)
    context = CONTEXT * alike
    if not event and alike < LEAST_CONTEXT and min(len(a.weights), len(b.weights)) >= LONG:
        named = min(named, NAMES_ALONE)
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
        if term[0] in "nimcp" and (strength := weigh_rarity(terms.rarity(term)))
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
    return term[0] in "nim" and weigh_rarity(terms.rarity(term)) >= 0.5


def days_between(one: Item, other: Item) -> float:
    """Return how many days lie between two items; 0 where one has no date."""
    if one.date is None or other.date is None:
        return 0.0
    return abs((one.date - other.date).total_seconds()) / 86_400


def weigh_rarity(rarity: float) -> float:
    """Return how much a term of this rarity counts: 0 to 1."""
    return min(1.0, max(0.0, (rarity - COMMON) / (RARE - COMMON)))
