# requirements:

"""Stats: how much memory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db
from f.millrace.memory import bitemporal, store

if TYPE_CHECKING:
    from datetime import datetime

    class TypeCount(TypedDict):
        """How many items of a type there are, and when they were recorded."""

        type: str
        items: int
        held: int
        withdrawn: int
        first: datetime
        last: datetime

    class NamespaceStats(TypedDict):
        """Counts of a namespace."""

        namespace: str
        types: list[TypeCount]
        counts: dict[str, int]


# What is counted beside the items, and when each of it was recorded.
COUNTS = {
    "links": (
        "memory_link l JOIN memory_item m ON m.id = l.from_id WHERE m.namespace",
        "l.created_at",
    ),
    "beliefs": (
        "memory_belief b JOIN memory_item m ON m.id = b.item_id WHERE m.namespace",
        "lower(b.recorded)",
    ),
    "origins": ("memory_origin WHERE namespace", "recorded_at"),
    "withdrawn sources": ("memory_retraction WHERE namespace", "at"),
    "sessions": ("chat_session WHERE namespace", "created_at"),
    "messages": (
        "chat_message m JOIN chat_session s ON s.id = m.session_id WHERE s.namespace",
        "m.created_at",
    ),
}


def count_types(
    namespace: str, when: bitemporal.TimePoint, readers: list[str] | None = None
) -> list[TypeCount]:
    """Return how many items of each type a namespace holds; with `readers`, only of what is one of
    theirs (`ownership.readers`).
    """
    condition, values = bitemporal.valid_at_sql(when)
    return db.fetch_all(
        f"SELECT m.type, count(*) AS items, count(*) FILTER (WHERE {condition}) AS held, count(*)"
        " FILTER (WHERE isempty(m.valid)) AS withdrawn, min(m.created_at) AS first,"
        " max(m.created_at) AS last FROM memory_item m WHERE m.namespace = %(namespace)s AND"
        " (%(known_at)s::timestamptz IS NULL OR m.created_at <= %(known_at)s) AND"
        " (%(readers)s::text[] IS NULL OR m.user_id = ANY(%(readers)s)) GROUP BY m.type ORDER BY"
        " m.type",
        {**values, "namespace": namespace, "readers": readers},
    )


def stats(
    namespace: str | None = None, as_of: bitemporal.When = None, known_at: bitemporal.When = None
) -> NamespaceStats:
    """Return counts of a namespace: by type, and of what belongs to items; `held` is what was true
    then as known then.

    `known_at` leaves out what was recorded later.
    """
    namespace = store.resolve_namespace(namespace, known=True)
    when = bitemporal.time_point(as_of, known_at)
    types = count_types(namespace, when)
    counts = {
        name: db.fetch_all(
            f"SELECT count(*) AS n FROM {rows} = %(namespace)s "
            f"AND (%(known_at)s::timestamptz IS NULL OR {recorded} <= %(known_at)s)",
            {"namespace": namespace, "known_at": when.known_at},
        )[0]["n"]
        for name, (rows, recorded) in COUNTS.items()
    }
    return {"namespace": namespace, "types": types, "counts": counts}
