# requirements:

"""Altered copies: two passages of nearly the same wording that differ in a figure, a date or a
name.

One of them was changed, or is older than a correction. No model is asked: the words are laid side
by side.
"""

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

from f.millrace.evidence import claims

# Runs of this many words are compared; passages that share this part of the shorter one's runs are
# copies.
RUN = 4
SAME_WORDING = 0.35
LEAST_RUNS = 8
LONGEST_CHANGE = 6
# Sentences that share so many words in a row each, and this part of the shorter one, are one
# sentence with a change.
LEAST_SAME, SAME_SENTENCE = 7, 0.6
# Two writings of one word (a typing error, a plural) are no change of what is said.
SAME_WORD = 0.75
TOKEN = re.compile(r"[^\W_]+(?:[.,'’:]\d+|['’]\w+)*")


@dataclass(frozen=True)
class Change:
    """What two copies say differently at one place, and where that is in each."""

    one: str
    other: str
    at_one: tuple[int, int]
    at_other: tuple[int, int]


def shared_wording(one: str, other: str) -> float:
    """Return the part of the shorter text's runs of words that both share: 0 to 1."""
    first, second = _runs(one), _runs(other)
    shared = len(first & second)
    return shared / min(len(first), len(second)) if shared >= LEAST_RUNS else 0.0


def find_changes(one: str, other: str, words_too: bool = False) -> list[Change]:
    """Return what two copies say differently in figures, dates and names; with `words_too` in other
    words of weight as well.
    """
    if shared_wording(one, other) < SAME_WORDING:
        return []
    return _changes(one, other, words_too)


def find_change_of_sentence(one: str, other: str) -> Change | None:
    """Return what two sentences of nearly the same words say differently; None when that is nothing
    or more than one thing.
    """
    first, second = ([word.lower() for word, _, _ in _tokens(text)] for text in (one, other))
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks() if block.size > 1)
    if same < LEAST_SAME or same < SAME_SENTENCE * min(len(first), len(second)):
        return None
    found = _changes(one, other, words_too=False)
    return found[0] if len(found) == 1 else None


def _changes(one: str, other: str, words_too: bool) -> list[Change]:
    first, second = _tokens(one), _tokens(other)
    matcher = difflib.SequenceMatcher(
        None, [w.lower() for w, _, _ in first], [w.lower() for w, _, _ in second], autojunk=False
    )
    found = []
    for kind, begin, end, begin_other, end_other in matcher.get_opcodes():
        if (
            kind != "replace"
            or end - begin > LONGEST_CHANGE
            or end_other - begin_other > LONGEST_CHANGE
        ):
            continue
        at_one, at_other = (
            (first[begin][1], first[end - 1][2]),
            (
                second[begin_other][1],
                second[end_other - 1][2],
            ),
        )
        change = Change(one[slice(*at_one)], other[slice(*at_other)], at_one, at_other)
        if _is_substantial(change, words_too):
            found.append(change)
    return found


def _is_substantial(change: Change, words_too: bool) -> bool:
    """Tell whether the two places say different things of the same kind."""
    one, other = change.one, change.other
    if difflib.SequenceMatcher(
        None, one.lower(), other.lower()
    ).ratio() >= SAME_WORD and not re.search(r"\d", one + other):
        return False
    if re.search(r"\d", one) and re.search(r"\d", other):
        return re.findall(r"\d+", one.replace(",", "")) != re.findall(
            r"\d+", other.replace(",", "")
        )
    if one[:1].isupper() and other[:1].isupper():
        return (
            bool(claims.content_words(one))
            and bool(claims.content_words(other))
            and not claims.content_words(one) & claims.content_words(other)
        )
    return (
        words_too
        and bool(claims.content_words(one))
        and bool(claims.content_words(other))
        and not claims.content_words(one) & claims.content_words(other)
    )


@lru_cache(maxsize=512)
def _tokens(text: str) -> list[tuple[str, int, int]]:
    return [(match[0], match.start(), match.end()) for match in TOKEN.finditer(text)]


@lru_cache(maxsize=512)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = [word.lower() for word, _, _ in _tokens(text)]
    return frozenset(tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1))
