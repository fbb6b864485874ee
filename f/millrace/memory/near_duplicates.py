# requirements:

"""Nearly the same text: MinHash bands find candidates by an index, shared character 4-grams decide.

Texts that differ in a number or a negation are never one item, however near; two of them that hold
at the same time may contradict each other.
"""

from __future__ import annotations

import array
import functools
import random
import re
import sys
import unicodedata
import zlib
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db
from f.millrace.memory import links

if TYPE_CHECKING:
    from f.millrace.memory import items

    class Candidate(TypedDict):
        """A stored item that another one may be, or contradict."""

        place: int
        id: str
        type: str
        raw_text: dict[str, Any]
        metadata: dict[str, Any]

    Item = Candidate | items.GivenItem

SAME = 0.85  # shared part (Jaccard) of the runs of four letters
RUN = 4
BANDS, ROWS = 12, 4
# Marks are made of the beginning; longer texts are one item only when they are equal.
MARKED, LONGEST = 2_000, 20_000
PRIME = (1 << 31) - 1
NEGATIONS = frozenset(
    "not no never none nobody nothing neither nor without cannot kein keine nicht nie ne pas jamais"
    " sin nunca".split()
)
# A number after one of these is an amount that can be wrong; after a noun it names something (step
# 2, room 5).
AMOUNT_AFTER = frozenset(
    "is are was were be has have had holds cost costs weighs of about at by to only".split()
)
MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)


CANDIDATES = """
SELECT asked.place, m.*
FROM jsonb_to_recordset(%s) AS asked(
    place integer, type text, marks integer[], about jsonb, user_id text)
CROSS JOIN LATERAL (
    SELECT id, type, raw_text, metadata, valid, created_at FROM memory_item
    WHERE namespace = %s AND type = asked.type AND user_id = asked.user_id
      AND ((marks <> '{}' AND marks && asked.marks) OR metadata @> asked.about)
    ORDER BY created_at, id LIMIT 200
) m
ORDER BY asked.place, m.created_at, m.id
"""


def minhash_bands(text: str) -> list[int]:
    """Return the marks of a text: texts that are nearly the same share one. None for texts that are
    too long or too short.
    """
    if len(text) > LONGEST:
        return []
    hashes = [zlib.crc32(run.encode()) % PRIME for run in runs(text[:MARKED])]
    if not hashes:
        return []
    least = _least_of_permutations(hashes)
    bands = (least[start : start + ROWS] for start in range(0, BANDS * ROWS, ROWS))
    return [
        zlib.crc32(repr((number, band)).encode()) - (1 << 31) for number, band in enumerate(bands)
    ]


def similarity(one: str, other: str) -> float:
    """Return 0 to 1: how many runs of letters two texts share, without case and punctuation."""
    left, right = runs(one), runs(other)
    return len(left & right) / len(left | right) if left and right else 0.0


def differ_in_substance(one: str, other: str) -> bool:
    """Tell whether texts differ in a number or a negation, which turns round what they say."""
    return _substance(one) != _substance(other)


def contradict(one: str, other: str) -> bool:
    """Tell whether two texts say the same but for one amount, or but for a negation."""
    left, right = words(one), words(other)
    mine, theirs = [w for w in left if not _negates(w)], [w for w in right if not _negates(w)]
    if mine == theirs:
        return len(left) - len(mine) != len(right) - len(theirs)
    apart = [
        place for place, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]
    ]
    if len(left) != len(right) or len(apart) != 1:
        return False
    place = apart[0]
    after = left[place + 1] if place + 1 < len(left) else ""
    return (
        place > 0
        and _number(left[place])
        and _number(right[place])
        and left[place - 1] in AMOUNT_AFTER
        and after not in MONTHS
    )  # fmt: skip


def merge_into_existing(
    connection: db.Connection, namespace: str, given: list[items.GivenItem]
) -> None:
    """Give each row that is nearly an item the id of that item, with its own wording and the
    similarity as evidence.

    Writers of one type take turns from here on,
    so that two of them cannot make two items of one text.
    """
    found = [row for row in given if row["marks"]]
    _lock(connection, namespace, {row["type"] for row in found})
    seen: list[items.GivenItem] = []
    candidates = _candidates(connection, namespace, found)
    for place, row in enumerate(found):
        text = row["raw_text"]["text"]
        stored = candidates[place]
        near: list[Item] = [
            *stored,
            *(
                other
                for other in seen
                if other["type"] == row["type"] and set(other["marks"]) & set(row["marks"])
            ),
        ]
        row["contradicts"] = [
            (other["id"], similarity(text, other["raw_text"]["text"]))
            for other in near
            if _opposed(row, other)
        ]
        others = [] if any(other["id"] == row["id"] for other in near) else near
        score, best = max(
            ((_row_similarity(row, other), other["id"]) for other in others), default=(0.0, "")
        )
        if score >= SAME:
            row["id"], row["similarity"], row["wording"] = best, score, text
            row["contradicts"] = []
        seen.append(row)


def _lock(connection: db.Connection, namespace: str, types: set[str]) -> None:
    for kind in sorted(types):
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"memory {namespace} {kind}"]
        )


def link_contradictions(given: list[items.GivenItem]) -> None:
    """Link items that contradict each other while both are held true; both stay."""
    for row in given:
        for other, weight in row["contradicts"]:
            links.link_contradiction(row["id"], other, weight)


def runs(text: str) -> frozenset[str]:
    """Return each run of four letters of the words."""
    line = f" {' '.join(words(text))} "
    return (
        frozenset(line[start : start + RUN] for start in range(max(1, len(line) - RUN + 1)))
        if line.strip()
        else frozenset()
    )


def words(text: str) -> list[str]:
    """Return the words, case folded, numbers whole (1,000.5 and 3-2 are one word each)."""
    return re.findall(
        r"\d+(?:[.,:/-]\d+)*%?|[^\W\d_]+(?:['’][^\W\d_]+)*",
        unicodedata.normalize("NFKC", text).casefold(),
    )


def _candidates(
    connection: db.Connection, namespace: str, given: list[items.GivenItem]
) -> list[list[Candidate]]:
    """Return for each row the items that share a mark,
    or that say another value of the same attribute.
    """
    asked = []
    for place, row in enumerate(given):
        about = {name: row["metadata"].get(name) for name in ("subject", "attribute")}
        asked.append(
            {
                "place": place,
                "type": row["type"],
                "marks": row["marks"],
                "about": about if all(about.values()) else None,
                "user_id": row["user_id"],
            }
        )
    found: list[list[Candidate]] = [[] for _ in given]
    if asked:
        stored: list[Candidate] = connection.execute(
            CANDIDATES, [db.jsonb(asked), namespace]
        ).fetchall()
        for item in stored:
            found[item["place"]].append(item)
    return found


def _row_similarity(row: items.GivenItem, other: Item) -> float:
    mine, theirs = row["raw_text"], other["raw_text"]
    # What the type adds, such as the sides of a conflict, has to be equal.
    if {**mine, "text": ""} != {**theirs, "text": ""} or differ_in_substance(
        mine["text"], theirs["text"]
    ):
        return 0.0
    return similarity(mine["text"], theirs["text"])


def _opposed(row: items.GivenItem, other: Item) -> bool:
    if other["id"] == row["id"]:
        return False
    mine, theirs = row["metadata"], other["metadata"]
    if all(
        mine.get(name) and mine.get(name) == theirs.get(name) for name in ("subject", "attribute")
    ):
        return mine.get("value") != theirs.get("value")
    return contradict(row["raw_text"]["text"], other["raw_text"]["text"])


def _substance(text: str) -> tuple[list[str], int]:
    found = words(text)
    return sorted(word for word in found if _number(word)), sum(_negates(word) for word in found)


def _number(word: str) -> bool:
    return word[0].isdigit()


def _negates(word: str) -> bool:
    return word in NEGATIONS or word.endswith(("n't", "n’t"))


def _least_of_permutations(hashes: list[int]) -> list[int]:
    """Return for each permutation a * x + b modulo PRIME the least value that a hash takes.

    All hashes are computed at once, as one integer with 64 bits for each: a third of the time.
    """
    one = int.from_bytes((1).to_bytes(8, "little") * len(hashes), "little")
    low, high = one * PRIME, one * PRIME << 31
    values = int.from_bytes(array.array("Q", hashes).tobytes(), sys.byteorder)
    least = []
    for a, b in _permutations():
        drawn = values * a + one * b  # each below 2**62: none runs into its neighbour
        # 2**31 is 1 modulo PRIME, so its multiples are added as ones; PRIME itself becomes 0.
        drawn = (drawn & low) + ((drawn & high) >> 31)
        drawn = (drawn + ((drawn + one) >> 31 & one)) & low
        taken = drawn.to_bytes(8 * len(hashes), sys.byteorder)
        least.append(min(memoryview(taken).cast("Q")))
    return least


@functools.cache
def _permutations() -> list[tuple[int, int]]:
    drawn = random.Random(20260101)
    return [(drawn.randrange(1, PRIME), drawn.randrange(PRIME)) for _ in range(BANDS * ROWS)]
