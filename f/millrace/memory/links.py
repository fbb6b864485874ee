# requirements:

"""Links: how items are related, and what is near an item along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from f.millrace.core import db, errors
from f.millrace.memory import bitemporal, ownership

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from f.millrace.core import contracts

    class OutgoingLink(TypedDict):
        """A link, and the title of what it leads to."""

        relation: str
        to_id: str
        weight: float
        title: str

    class Neighbour(TypedDict):
        """An item near another one, and the way to it."""

        steps: int
        relation: str
        direction: Literal["in", "out"]
        by_id: str
        weight: float
        path: list[str]
        id: str
        type: str
        title: str
        source: str
        trust: contracts.Trust
        text: str
        valid_from: datetime | None
        valid_to: datetime | None
        recorded_at: datetime


DEEPEST = 6


INSERT = """
INSERT INTO memory_link (from_id, to_id, relation, weight, created_at)
SELECT from_id, to_id, relation, weight, coalesce(%s::timestamptz, clock_timestamp())
FROM jsonb_to_recordset(%s) AS wanted(from_id text, to_id text, relation text, weight float8)
ON CONFLICT (from_id, to_id, relation) DO NOTHING
"""


class Link(NamedTuple):
    """What joins an item to another."""

    from_id: str
    to_id: str
    relation: str
    weight: float = 1.0


def link(from_id: str, to_id: str, relation: str, weight: float = 1.0) -> bool:
    """Link two items; False when they were linked so before."""
    return link_all([Link(from_id, to_id, relation, weight)]) == 1


def link_all(wanted: Sequence[Link]) -> int:
    """Link items in one statement; return how many of the links are new."""
    if not wanted:
        return 0
    for one in wanted:
        if one.from_id == one.to_id:
            raise errors.BadInput(f"{one.from_id} cannot be linked to itself")
    sought = list(dict.fromkeys(end for one in wanted for end in (one.from_id, one.to_id)))
    rows = db.fetch_all("SELECT id FROM memory_item WHERE id = ANY(%s)", [sought])
    there = {row["id"] for row in rows}
    for item_id in sought:
        if item_id not in there:
            raise errors.NotFound(f"no memory has the id {item_id!r}")
    return db.execute(
        INSERT, [bitemporal.test_clock(), db.jsonb([one._asdict() for one in wanted])]
    )


def link_contradiction(item_id: str, other_id: str, weight: float) -> None:
    """Link two items that contradict each other, once, if both are held true at one time."""
    db.execute(
        "INSERT INTO memory_link (from_id, to_id, relation, weight, created_at)"
        " SELECT one.id, other.id, 'contradicts', %s, coalesce(%s::timestamptz, clock_timestamp())"
        " FROM memory_item one, memory_item other"
        " WHERE one.id = %s AND other.id = %s AND one.valid && other.valid"
        " AND NOT EXISTS (SELECT 1 FROM memory_link l WHERE l.relation = 'contradicts'"
        " AND l.from_id = other.id AND l.to_id = one.id)"
        " ON CONFLICT (from_id, to_id, relation) DO NOTHING",
        [weight, bitemporal.test_clock(), item_id, other_id],
    )


def links(item_id: str) -> list[OutgoingLink]:
    """Return the links that leave an item: relation, to_id, weight, title."""
    return db.fetch_all(
        "SELECT l.relation, l.to_id, l.weight, m.title FROM memory_link l JOIN memory_item m ON"
        " m.id = l.to_id WHERE l.from_id = %s ORDER BY l.id",
        [item_id],
    )


NEIGHBOURS = """
WITH RECURSIVE near AS (
    SELECT %(id)s::text AS id, 0 AS steps, NULL::text AS relation, NULL::text AS direction,
           NULL::text AS by_id,
           1::double precision AS weight, ARRAY[%(id)s::text] AS path
  UNION ALL
    SELECT m.id, near.steps + 1, l.relation, CASE WHEN l.from_id = near.id THEN 'out' ELSE 'in' END,
           near.id,
           near.weight * l.weight, near.path || m.id
    FROM near
    JOIN memory_link l ON near.id IN (l.from_id, l.to_id)
    JOIN memory_item m ON m.id = CASE WHEN l.from_id = near.id THEN l.to_id ELSE l.from_id END
    WHERE near.steps < %(depth)s AND m.id <> ALL(near.path)
      AND (%(relations)s::text[] IS NULL OR l.relation = ANY(%(relations)s))
      AND (%(known_at)s::timestamptz IS NULL OR l.created_at <= %(known_at)s) AND {held}
      AND (%(readers)s::text[] IS NULL OR m.user_id = ANY(%(readers)s))
), nearest AS (
    SELECT DISTINCT ON (id) * FROM near WHERE steps > 0 ORDER BY id, steps, weight DESC
)
SELECT n.steps, n.relation, n.direction, n.by_id, n.weight, n.path, m.id, m.type, m.title, m.source,
       m.trust,
       m.raw_text ->> 'text' AS text, m.valid_from, m.valid_to, m.created_at AS recorded_at
FROM nearest n JOIN memory_item m ON m.id = n.id
ORDER BY n.steps, n.weight DESC, m.id LIMIT %(limit)s
"""


def neighbours(
    item_id: str,
    relations: list[str] | None = None,
    depth: int = 1,
    limit: int = 50,
    as_of: bitemporal.When = None,
    known_at: bitemporal.When = None,
) -> list[Neighbour]:
    """Return what is related to an item, nearest first,
    along links in either direction; cycles are walked once.
    """
    if not 1 <= depth <= DEEPEST:
        raise errors.BadInput(f"depth is {depth}; allowed is 1 to {DEEPEST}")
    readers = ownership.readers()
    if (
        db.fetch_one(
            "SELECT 1 FROM memory_item WHERE id = %s AND (%s::text[] IS NULL OR user_id = ANY(%s))",
            [item_id, readers, readers],
        )
        is None
    ):
        raise errors.NotFound(f"no memory has the id {item_id!r}")
    condition, values = bitemporal.valid_at_sql(bitemporal.time_point(as_of, known_at))
    return db.fetch_all(
        NEIGHBOURS.format(held=condition),
        {
            **values,
            "id": item_id,
            "depth": depth,
            "relations": relations,
            "limit": limit,
            "readers": readers,
        },
    )
