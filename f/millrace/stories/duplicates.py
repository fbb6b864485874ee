# requirements:

"""The same text twice: exact and near duplicates among items.

Words are compared, not meanings: canonical addresses, hashes and shared shingles (Jaccard).
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import invisible

if TYPE_CHECKING:

    class ComparedItem(TypedDict):
        """The columns of an item that are compared: a row of `source_item` has them."""

        id: str
        source: str
        title: str
        body: str
        url: str
        canonical_url: str
        content_hash: str
        published_at: datetime | None
        first_seen_at: datetime
        score: float


# Jaccard of shingles: syndicated copies are above it with another headline and a cut tail
SAME_TEXT = 0.55
SAME_TITLE = 0.75  # Jaccard of a title's words
LONG_ENOUGH = 25  # words; shorter texts are compared by title only
LETTERS_AT_MOST = 6000
LOOK_UPS = 24
POSTED_AT_MOST = 60
# Chinese and Japanese, Thai, Lao, Myanmar, Khmer and Tibetan; vowels and tones are marks there.
# And Korean: it has spaces, but a word ends otherwise in each place of a sentence.
UNSPACED_LETTERS = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"
    "\uff66-\uff9f\U00020000-\U0003ffff\u0e00-\u0eff\u0f40-\u0fbc\u1000-\u109f\u1780-\u17dd"
)
UNSPACED = re.compile(f"[{UNSPACED_LETTERS}]+")
WORD = re.compile(rf"[{UNSPACED_LETTERS}]|(?:(?![{UNSPACED_LETTERS}])\w)+")
STOP = frozenset(
    "a about after all also an and are as at be been but by can could for from had has have he her"
    " his how i if in into is it its just may more most new no not now of on one or our out over"
    " said say says she show shows so some than that the their them then there these they this to"
    " up us use using via was we were what when which who why will with would you your".split()
)


@dataclass(frozen=True)
class Item:
    """What is compared of a stored item."""

    id: str
    source: str
    title: str
    text: str = ""
    canonical_url: str = ""
    content_hash: str = ""
    published_at: datetime | None = None
    first_seen_at: datetime | None = None
    score: float = 0
    url: str = ""

    @property
    def date(self) -> datetime | None:
        """When it was published, or else first seen."""
        return self.published_at or self.first_seen_at


def item_of(row: ComparedItem) -> Item:
    """Return the comparable part of a stored item."""
    return Item(
        id=row["id"],
        source=row["source"],
        title=row["title"],
        text=row["body"],
        canonical_url=row["canonical_url"],
        content_hash=row["content_hash"],
        published_at=row["published_at"],
        first_seen_at=row["first_seen_at"],
        score=row["score"],
        url=row["url"],
    )


def find_copies(items: list[Item]) -> dict[str, str]:
    """Return the copies: item id to the id of the item that it repeats, which is the one that says
    most.
    """
    listed = sorted(items, key=weight, reverse=True)
    shingled = {item.id: shingles(item.text) for item in listed}
    titled = {item.id: frozenset(words(item.title)) for item in listed}
    postings: dict[Any, list[int]] = defaultdict(list)
    copies: dict[str, str] = {}
    for number, item in enumerate(listed):
        shingle, title = shingled[item.id], titled[item.id]
        same = next(
            (
                listed[other]
                for other in _find_near(item, shingle, title, postings)
                if is_same_text(item, listed[other], shingled, titled)
            ),
            None,
        )
        if same is not None:
            # A copy of a copy: a bare link to the copy's address repeats the original.
            copies[item.id] = copies.get(same.id, same.id)
        titles = [(word, bool(shingle)) for word in title]
        for mark in (*_exact_marks(item), *titles, *shingle):
            postings[mark].append(number)
    return copies


def repeats(item: Item, earlier: list[Item]) -> bool:
    """Tell whether the item repeats an earlier one: a copy, or its address with the same text."""
    listed = [item, *earlier]
    shingled = {each.id: shingles(each.text) for each in listed}
    titled = {each.id: frozenset(words(each.title)) for each in listed}
    return any(is_same_text(item, old, shingled, titled) for old in earlier)


def _find_near(
    item: Item, shingle: frozenset[int], title: frozenset[str], postings: dict[Any, list[int]]
) -> list[int]:
    """Return the numbers of earlier items that may be the same, in their order."""
    found = {other for mark in _exact_marks(item) for other in postings.get(mark, ())}
    # A copy shares more than half of its shingles: a few of them lead to it.
    asked = sorted(shingle)[:: max(1, len(shingle) // LOOK_UPS)]
    shared = Counter(other for mark in asked for other in postings.get(mark, ())[:POSTED_AT_MOST])
    found |= {other for other, times in shared.items() if times * 4 >= len(asked)}
    # Titles count where one of the two has no long text. Of titles that share three words of four,
    # at least one is among any fourth and one more.
    for is_long in (False,) if shingle else (False, True):
        posted = {word: postings.get((word, is_long), []) for word in title}
        rarest = sorted(title, key=lambda word: (len(posted[word]), word))
        for word in rarest[: len(title) - math.ceil(SAME_TITLE * len(title)) + 1]:
            found.update(posted[word])
    return sorted(found)


def words(text: str) -> list[str]:
    """Return the words that carry meaning, lower case, without plural s; of scripts that put no
    space between words, and of Korean, each two letters that stand together.
    """
    lower = _plain(text)
    found = re.findall(r"[^\W_]+(?:[.'][^\W_]+)*", UNSPACED.sub(" ", lower))
    spaced = [
        _stem(word) for word in found if word not in STOP and (len(word) > 1 or word.isdigit())
    ]
    return spaced + [
        run[place : place + 2] for run in UNSPACED.findall(lower) for place in range(len(run) - 1)
    ]


def shingles(text: str) -> frozenset[int]:
    """Return a number for each run of three words, where a script puts no space between words of
    three letters; nothing for short texts.
    """
    found = WORD.findall(_plain(text[:LETTERS_AT_MOST]))[:600]
    if len(found) < LONG_ENOUGH:
        return frozenset()
    numbers = [_number_of(word) for word in found]
    runs = zip(numbers, numbers[1:], numbers[2:], strict=False)
    return frozenset((one * 31 + two) * 31 + three for one, two, three in runs)


def _plain(text: str) -> str:
    """Return the text in small letters, each as one sign, without what nobody sees."""
    return unicodedata.normalize("NFC", invisible.strip_all(text)).lower()


@lru_cache(maxsize=65_536)
def _number_of(word: str) -> int:
    # Not hash(), which differs from process to process.
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=7).digest())


def jaccard(left: frozenset[Any], right: frozenset[Any]) -> float:
    """Return the shared part of two sets."""
    return len(left & right) / len(left | right) if left and right else 0.0


def containment(left: frozenset[Any], right: frozenset[Any]) -> float:
    """Return how much of the smaller set is in the other; a copy cut short is all inside."""
    return len(left & right) / min(len(left), len(right)) if left and right else 0.0


def is_same_text(
    item: Item, other: Item, shingled: dict[str, frozenset[int]], titled: dict[str, frozenset[str]]
) -> bool:
    """Tell whether one of two items repeats the other, by address, hash, text or title."""
    if item.content_hash and item.content_hash == other.content_hash:
        return True
    mine, theirs = shingled[item.id], shingled[other.id]
    if mine and theirs:
        # Two long texts are compared as texts: one address can have changed its content, two can
        # have one content.
        return jaccard(mine, theirs) >= SAME_TEXT or containment(mine, theirs) >= 0.8
    if item.canonical_url and item.canonical_url == other.canonical_url:
        return True
    left, right = titled[item.id], titled[other.id]
    return min(len(left), len(right)) >= 4 and jaccard(left, right) >= SAME_TITLE


def _exact_marks(item: Item) -> list[Any]:
    return [("url", item.canonical_url)] * bool(item.canonical_url) + [
        ("hash", item.content_hash)
    ] * bool(item.content_hash)


def weight(item: Item) -> tuple[int, float, str]:
    """Return how much an item tells, for sorting."""
    # The longest text first, so that the copy is the one that was cut; ids make the order the same
    # each time.
    return (min(len(item.text), 2000), item.score, item.id)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
