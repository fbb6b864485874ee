# requirements:

"""Timeline: what began when, and the history of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db, errors
from f.millrace.memory import bitemporal, ownership, store

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from f.millrace.core import contracts

    class ItemPeriod(TypedDict):
        """An item, and a time in which it is true."""

        at: datetime
        until: datetime | None
        id: str
        type: str
        title: str
        text: str
        source: str
        trust: contracts.Trust
        recorded_at: datetime
        superseded_by: str | None

    class Item(TypedDict):
        """The item that a history is of."""

        id: str
        type: str
        title: str
        text: str
        superseded_by: str | None

    # In words of ISO 8601; without an end it lasts.
    Interval = TypedDict("Interval", {"from": str, "to": str | None})

    class Belief(TypedDict):
        """When an item was held to be true, as it was known for some time."""

        recorded_from: datetime
        recorded_to: datetime | None
        because: str
        by_item: str | None
        valid: list[Interval]

    class ItemOrigin(TypedDict):
        """Who said an item, where and when."""

        source: str
        trust: contracts.Trust
        run_id: UUID | None
        step: str
        document: str
        page: int | None
        start_offset: int | None
        end_offset: int | None
        wording: str | None
        similarity: float
        recorded_at: datetime
        seen_at: datetime
        withdrawn_at: datetime | None
        because: str

    class History(Item):
        """All that was ever held of one item."""

        supersedes: list[str]
        beliefs: list[Belief]
        origins: list[ItemOrigin]


BEGAN = """
SELECT lower(span) AS at, upper(span) AS until, m.id, m.type, m.title,
       m.raw_text ->> 'text' AS text, m.source, m.trust,
       m.created_at AS recorded_at, m.superseded_by
FROM memory_item m {belief}, unnest({valid}) AS span
WHERE m.namespace = %(namespace)s AND (%(types)s::text[] IS NULL OR m.type = ANY(%(types)s))
  AND (%(since)s::timestamptz IS NULL OR lower(span) >= %(since)s)
  AND lower(span) < coalesce(%(until)s::timestamptz, 'infinity')
  AND lower(span) <= coalesce(%(as_of)s::timestamptz, 'infinity')
  AND (%(readers)s::text[] IS NULL OR m.user_id = ANY(%(readers)s))
  AND (%(about)s = '' OR (memory_words(%(about)s) <> '' AND NOT EXISTS (
           SELECT 1 FROM unnest(memory_words(%(about)s)) w WHERE NOT EXISTS (
               SELECT 1 FROM memory_posting p
               WHERE p.item = m.no AND p.term = memory_term(m.namespace, w.lexeme))))
       OR strpos(lower(m.title || ' ' || (m.raw_text ->> 'text')), lower(%(about)s)) > 0)
ORDER BY at {order}, m.id LIMIT %(limit)s
"""


def timeline(
    about: str = "",
    *,
    since: bitemporal.When = None,
    until: bitemporal.When = None,
    types: list[str] | None = None,
    namespace: str | None = None,
    limit: int = 50,
    as_of: bitemporal.When = None,
    known_at: bitemporal.When = None,
) -> list[ItemPeriod]:
    """Return what began to be true, oldest first, each interval of an item once; the newest when
    there are too many.

    `since` (from then on) and `until` (before then) bound the beginning. `as_of` leaves out what
    had not begun by then, `known_at` tells it as it was known then.
    """
    when = bitemporal.time_point(as_of, known_at)
    belief = "JOIN memory_belief b ON b.item_id = m.id AND b.recorded @> %(known_at)s::timestamptz"
    sql = BEGAN.format(
        belief=belief if when.known_at else "",
        valid="b.valid" if when.known_at else "m.valid",
        # From a given beginning on, the first ones are meant.
        order="ASC" if since else "DESC",
    )
    values = {
        "namespace": store.resolve_namespace(namespace, known=True),
        "types": types,
        "since": bitemporal.parse_time(since, "since"),
        "until": bitemporal.parse_time(until, "until"),
        "as_of": bitemporal.parse_time(as_of, "as_of"),
        "known_at": when.known_at,
        "about": " ".join(about.replace("\x00", "").split()),
        "limit": limit,
        "readers": ownership.readers(),
    }
    found: list[ItemPeriod] = db.fetch_all(sql, values)
    return sorted(found, key=lambda row: (row["at"], row["id"]))


def history(
    item_id: str, as_of: bitemporal.When = None, known_at: bitemporal.When = None
) -> History:
    """Return all that was ever held of one item: its beliefs, who said it, what it superseded and
    what superseded it.

    `as_of` leaves out when it was to be true later, `known_at` what was recorded later.
    """
    readers = ownership.readers()
    item: Item | None = db.fetch_one(
        "SELECT id, type, title, raw_text ->> 'text' AS text, superseded_by FROM memory_item WHERE"
        " id = %s AND (%s::text[] IS NULL OR user_id = ANY(%s))",
        [item_id, readers, readers],
    )
    if item is None:
        raise errors.NotFound(f"no memory has the id {item_id!r}")
    values = {
        "id": item_id,
        "as_of": bitemporal.parse_time(as_of, "as_of"),
        "until": bitemporal.time_point(known_at=known_at).known_at or bitemporal.test_clock(),
    }
    beliefs: list[Belief] = db.fetch_all(
        "SELECT lower(recorded) AS recorded_from, upper(recorded) AS recorded_to, because, by_item,"
        " coalesce((SELECT jsonb_agg(jsonb_build_object('from', lower(span), 'to', upper(span))"
        " ORDER BY span) FROM unnest(valid) AS span WHERE lower(span) <="
        " coalesce(%(as_of)s::timestamptz, 'infinity')), '[]') AS valid FROM memory_belief WHERE"
        " item_id = %(id)s AND NOT isempty(recorded) AND lower(recorded) <="
        " coalesce(%(until)s::timestamptz, statement_timestamp()) ORDER BY id",
        values,
    )
    origins: list[ItemOrigin] = db.fetch_all(
        "SELECT source, trust, run_id, step, document, page, start_offset, end_offset, wording,"
        " similarity, recorded_at, seen_at, withdrawn_at, because FROM memory_origin WHERE item_id"
        " = %(id)s AND recorded_at <= coalesce(%(until)s::timestamptz, statement_timestamp()) ORDER"
        " BY recorded_at, id",
        values,
    )
    supersedes = db.fetch_all(
        "SELECT to_id FROM memory_link WHERE from_id = %s AND relation = 'supersedes' ORDER BY id",
        [item_id],
    )
    return {
        **item,
        "supersedes": [row["to_id"] for row in supersedes],
        "beliefs": beliefs,
        "origins": origins,
    }
