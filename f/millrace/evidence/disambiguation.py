# requirements:

"""Several things of one name: which of them a passage is about, by what stands with the name (a
place, a year, a rank).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from f.millrace.core import sentences
from f.millrace.evidence import claims, copies, identifiers, prompt

QUOTED = re.compile(r"[\"“]([^\"”]{2,80})[\"”]")
# Names of the question: capitalised words in a row, also with small words between them.
NAME = re.compile(
    r"[A-Z0-9][\w'’.-]*(?:\s+(?:(?:of|the|de|da|van|von|for|a|an|and|in)\s+){0,2}[A-Z0-9][\w'’.-]*)*"
)
# In brackets behind a name stand also dates of a life and other names; those do not tell two things
# apart.
NOT_A_KIND = re.compile(
    r"(?i)^(?:born|died|formerly|also|pronounced|edit|and|or|c\.|est)\b|^\W*\d{1,2}\s+\w+\s+\d{4}|\d{4}\s*[–—-]|^\W*[A-Z]\w+"
    r" \d{1,2}, \d{4}"
)
RANK = r"\d+(?:st|nd|rd|th)\s+\w+(?:\s+(?:of\s+)?[A-Z]\w+)?"
PLACE = r"[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+){0,2}"


def proper_names(question: str) -> list[str]:
    """Return the names that a question is about, quoted ones first, the longest first."""
    found = QUOTED.findall(question)
    rest = QUOTED.sub(" ", question)
    first = rest.split(" ", 1)[0]
    for match in NAME.finditer(rest):
        name = match[0].rstrip("?.,'’")
        if name != first and name.lower() not in claims.STOPWORDS and claims.content_words(name):
            found.append(name.removesuffix("'s").removesuffix("’s"))
    return sorted(dict.fromkeys(found), key=lambda name: -len(name))


def sense_of(question_names: Sequence[str], passage: prompt.Passage) -> str:
    """Return what tells the passage's thing apart from others of its name: `Iowa` of `Dallas
    Courthouse (Iowa)`; else empty.
    """
    for text in (passage.title, passage.text):
        for name in question_names:
            pattern = (
                rf"(?i:\b{re.escape(name)})\s*(?:"
                rf"\(\s*(?P<kind>[^()]{{2,40}}?)\s*\)|,\s+(?P<rank>{RANK})|,\s+(?P<place>{PLACE}))"
            )
            for match in re.finditer(pattern, text):
                found = (match["kind"] or match["rank"] or match["place"]).strip(" ,;:.")
                # A title that is repeated: `Tyro, Kansas Tyro is a city`.
                found = re.sub(rf"(?i)\s+{re.escape(name)}$", "", found)
                if not NOT_A_KIND.search(found):
                    return found
    opening = OPENING_LABEL.match(passage.title or passage.text)
    if opening and not NOT_A_KIND.search(opening[1].strip()):
        return opening[1].strip(" ,;:.")
    made = OF_YEAR.search(passage.text[:OPENING]) or IN_PLACE.search(passage.text[:OPENING])
    return made[1] if made else ""


def are_distinct(one: str, other: str) -> bool:
    """Tell whether two such additions belong to different things; when one is empty nobody can
    tell.
    """
    first, second = _content_words(one), _content_words(other)
    if not first or not second or first <= second or second <= first:
        return False
    mine, theirs = ({word for word in words if word[0].isdigit()} for words in (first, second))
    if first == mine or second == theirs:  # a bare year says nothing beside a place
        return bool(mine and theirs and not mine & theirs)
    return True


def _content_words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\w+", text)} - claims.STOPWORDS


# Passages that share less of what they name are about different things; with fewer names than
# these nobody can tell.
SAME_NAMES, APART_NAMES, FEWEST_NAMES = 0.35, 0.2, 4
# Two that begin with other names and share this much are about one thing all the same.
MOST_SHARED = 0.6
# What a page says of a thing it says first.
OPENING = 240
BORN = re.compile(r"\((?:[^()]{0,200}?\bborn\b)?[^()]{0,200}?\b(1\d\d\d|20\d\d)\b[^()]*\)")
# The title of a page that tells its subject apart: `Ardle (Northern line)`.
OPENING_LABEL = re.compile(
    r"[A-Z][\w'’.-]{0,60}(?:\s{1,9}[\w'’.-]{1,60}){0,5}?\s{1,9}\(\s{0,9}([^()]{3,40}?)\s{0,9}\)\s++[A-Z]"
)
OF_YEAR = re.compile(r"\b(?:is|was) an? (1[5-9]\d\d|20\d\d)\b")
IN_PLACE = re.compile(
    r"\b(?:is|was) an? (?:[\w-]+ ){0,4}?(?:city|town|village|township|community|municipality|suburb"
    rf"|hamlet|parish|district|church|school|station|bridge|house|river|lake) in ({PLACE})"
)
DEFINED = re.compile(
    rf"^(?:The\s+)?(?P<name>{NAME.pattern})(?:\s*\([^)]*\)|,[^,.]{{1,60}},)*"
    r"\s+(?:is|was|are|were|refers)\s"
)


@dataclass(frozen=True)
class Description:
    """What a passage says of which thing it is about.

    Attributes:
        sense: What stands with the name in brackets or behind a comma: `Iowa`, `2007 film`.
        full_name: The words that its opening adds to the name of the question.
        by_surname: The question gives one word of a name: two with other words before it are two.
        subject: The words of the name that its first sentence says what it is.
        life: The year that its opening gives as that of a birth.
        identifiers: Numbers and months of its heading, each with its form.
        names: The other names and years in it.
    """

    sense: str
    full_name: frozenset[str]
    by_surname: bool
    subject: frozenset[str]
    life: str
    identifiers: frozenset[tuple[str, str]]
    names: frozenset[str]
    text: str


def describe(names: Sequence[str], question: str, passage: prompt.Passage) -> Description:
    """Return what tells the thing of a passage apart from others of its name."""
    return Description(
        sense_of(names, passage),
        _full_name(names, passage),
        bool(names) and len(names[0].split()) == 1,
        _subject(passage.text),
        born[1] if (born := BORN.search(passage.text[:OPENING])) else "",
        identifiers.find(identifiers.heading(passage)),
        _named(passage.text) - {word.lower() for word in claims.WORD.findall(question)},
        passage.text,
    )


def are_apart(one: Description, other: Description) -> bool:
    """Tell whether two passages are about different things, by what each says of its own."""
    if copies.shared_wording(one.text, other.text) >= copies.SAME_WORDING:
        return identifiers.are_different(one.identifiers, other.identifiers)
    if are_distinct(one.sense, other.sense):
        return True
    if identifiers.are_different(one.identifiers, other.identifiers):
        return True
    shared = _shared(one, other)
    if one.full_name - other.full_name and other.full_name - one.full_name:
        return one.by_surname or shared < SAME_NAMES
    if one.subject - other.subject and other.subject - one.subject:
        return shared < MOST_SHARED
    if one.life and other.life and one.life != other.life:
        return shared < SAME_NAMES
    fewest = min(len(one.names), len(other.names))
    return fewest >= FEWEST_NAMES and shared < APART_NAMES


def group(question: str, passages: Sequence[prompt.Passage]) -> list[list[prompt.Passage]]:
    """Return the passages by the thing that they are about, the thing of most passages first."""
    names = proper_names(question)
    described = [(describe(names, question, passage), passage) for passage in passages]
    groups: list[list[tuple[Description, prompt.Passage]]] = []
    for own, passage in sorted(described, key=lambda entry: not entry[0].sense):
        near = [_nearness_to(own, [other for other, _ in members]) for members in groups]
        closest = max(near, default=0.0)
        if closest > 0 and (len(own.names) < FEWEST_NAMES or closest >= APART_NAMES):
            groups[near.index(closest)].append((own, passage))
        else:
            groups.append([(own, passage)])
    groups.sort(key=lambda members: -len({passage.source for _, passage in members}))
    return [[passage for _, passage in members] for members in groups]


def _nearness_to(own: Description, members: Sequence[Description]) -> float:
    """Return how near the nearest member is; 0 when one of them is about something else."""
    if any(are_apart(own, other) for other in members):
        return 0.0
    return max(_nearness(own, other) for other in members)


def name_others(one: str, other: str) -> bool:
    """Tell whether two sentences name things, and for the most part not the same ones."""
    first, second = _capitals(one), _capitals(other)
    return bool(first and second) and len(first & second) < 0.5 * min(len(first), len(second))


@lru_cache(maxsize=4096)
def _capitals(sentence: str) -> frozenset[str]:
    return frozenset(
        word.lower().removesuffix("'s")
        for word in claims.WORD.findall(sentence)
        if word[0].isupper() and word.lower() not in claims.STOPWORDS
    )


def are_of_one_thing(question: str, one: prompt.Passage, other: prompt.Passage) -> bool:
    """Tell whether two passages name so much in common that they speak of one thing; when one names
    hardly anything, nothing speaks against it.
    """
    names = proper_names(question)
    first, second = describe(names, question, one), describe(names, question, other)
    if are_apart(first, second):
        return False
    few = min(len(first.names), len(second.names)) < FEWEST_NAMES
    return few or _nearness(first, second) >= SAME_NAMES


def _nearness(one: Description, other: Description) -> float:
    """Return how far two passages speak of one thing: 0 to 1; never 0 when nobody can tell."""
    if copies.shared_wording(one.text, other.text) >= copies.SAME_WORDING:
        return 1.0
    same = bool(one.sense and _content_words(one.sense) & _content_words(other.sense))
    alike = bool(one.full_name & other.full_name)
    few = min(len(one.names), len(other.names)) < FEWEST_NAMES
    return max(0.9 * same, 0.6 * alike, _shared(one, other), 0.05 * few)


def _shared(one: Description, other: Description) -> float:
    fewest = min(len(one.names), len(other.names))
    return len(one.names & other.names) / fewest if fewest else 0.0


def _full_name(names: Sequence[str], passage: prompt.Passage) -> frozenset[str]:
    """Return the words that the first full writing of the name adds to it: `Henry` of `Henry
    Cavendish, 2nd Duke` for the Duke.
    """
    asked = {word.lower() for name in names for word in re.findall(r"\w+", name)}
    if not asked:
        return frozenset()
    opening = f"{passage.title}. {passage.text[:OPENING]}"
    for match in NAME.finditer(opening):
        words = {
            word.lower() for word in re.findall(r"\w+", match[0]) if len(word) > 2
        } - claims.STOPWORDS
        if words & asked:
            return frozenset(words - asked)
    return frozenset()


@lru_cache(maxsize=4096)
def _subject(text: str) -> frozenset[str]:
    """Return the words of the name that a text begins with, when it says what that is: `Ardle Chess
    Club (ACC) was founded`.
    """
    match = DEFINED.match(text)
    words = {word.lower() for word in re.findall(r"\w+", match["name"])} if match else set()
    return frozenset(words - claims.STOPWORDS)


@lru_cache(maxsize=4096)
def _named(text: str) -> frozenset[str]:
    """Return the capitalised words of a text that do not begin a sentence, and its years."""
    found = set()
    for sentence in sentences.split(text):
        for match in list(claims.WORD.finditer(sentence))[1:]:
            word = match[0]
            if word[0].isupper() and len(word) > 2 and word.lower() not in claims.STOPWORDS:
                found.add(word.lower().removesuffix("'s"))
    return frozenset(found | set(re.findall(r"\b(?:1[5-9]|20)\d\d\b", text)))
