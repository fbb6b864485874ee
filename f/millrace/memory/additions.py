# requirements:

"""What was added to a namespace of memory by people and programs, and not by research or a chat."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db
from f.millrace.memory import bitemporal, documents, positions

if TYPE_CHECKING:

    class AddedItem(TypedDict):
        """An item that somebody added."""

        id: str
        type: str
        title: str
        text: str
        created_at: datetime


# What research writes down itself.
RESEARCHED = ("topic", "finding", "conflict", "evidence")


def list_added(namespace: str, since: datetime, until: datetime, limit: int) -> list[AddedItem]:
    """Return what was added after `since` and not after `until` and still holds, the newest first:
    id, type, title, text, created_at. Passages of documents are not in it, nor what is not
    everybody's.
    """
    held, values = bitemporal.valid_at_sql(bitemporal.time_point(None, None))
    return db.fetch_all(
        "SELECT m.id, m.type, m.title, m.raw_text ->> 'text' AS text, m.created_at FROM memory_item"
        " m WHERE m.namespace = %(namespace)s AND m.user_id = '' AND NOT m.type = ANY(%(without)s)"
        f" AND {held} AND m.created_at > %(since)s AND m.created_at <= %(until)s ORDER BY"
        " m.created_at DESC, m.id LIMIT %(limit)s",
        {
            **values,
            "namespace": namespace,
            "without": [*RESEARCHED, *positions.SPOKEN, documents.PASSAGE],
            "since": since,
            "until": until,
            "limit": limit,
        },
    )


def list_types(namespace: str) -> list[str]:
    """Return the types of what people and programs added to a namespace, passages among them."""
    rows = db.fetch_all(
        "SELECT DISTINCT type FROM memory_item WHERE namespace = %s AND NOT type = ANY(%s) ORDER BY"
        " type",
        [namespace, [*RESEARCHED, *positions.SPOKEN]],
    )
    return [row["type"] for row in rows]
