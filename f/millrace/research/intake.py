# requirements:

"""Storing what a source offered: each item once, with the moment at which it was first seen."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db, ids, redaction
from f.millrace.research import time_windows

if TYPE_CHECKING:
    from f.millrace.tools import items

    class StoredReading(TypedDict):
        """How reading a source went, as read_source tells it."""

        source: str
        status: str
        items: int
        new: int
        error: str


WORDS = ("url", "title", "text", "author", "comments_url", "extra")
INSERT = """
INSERT INTO source_item (id, namespace, source, source_key, url, canonical_url, title, body,
                         author, published_at, score, comments_url, trust, content_hash, extra,
                         share_keys, first_seen_at, last_seen_at, run_id)
VALUES (%(id)s, %(namespace)s, %(source)s, %(key)s, %(url)s, %(canonical_url)s, %(title)s,
        %(text)s, %(author)s, %(published_at)s, %(score)s, %(comments_url)s, %(trust)s,
        %(content_hash)s, %(extra)s, %(share_keys)s,
        least(%(at)s, (
            SELECT first_seen_at FROM source_item
            WHERE namespace = %(lasting)s AND source = %(source)s AND source_key = %(key)s
        )), %(at)s, %(run_id)s)
ON CONFLICT (namespace, source, source_key) DO UPDATE SET
    last_seen_at = excluded.last_seen_at, score = excluded.score, title = excluded.title,
    body = excluded.body, url = excluded.url, canonical_url = excluded.canonical_url,
    content_hash = excluded.content_hash, comments_url = excluded.comments_url,
    extra = excluded.extra, share_keys = excluded.share_keys
RETURNING run_id
"""


def store(offered: list[items.SourceItem], namespace: str, lasting: str, run_id: str) -> int:
    """Store the items and return how many were not there before this run.

    In a dry run's namespace an item keeps the moment at which `lasting` saw it first.
    """
    once = {(item.source, item.key): _without_secrets(item) for item in reversed(offered)}
    with db.transaction() as connection:
        at = time_windows.next_moment(connection, namespace)
        stored = [
            connection.execute(INSERT, _values(item, namespace, lasting, run_id, at)).fetchone()
            for item in once.values()
        ]
    # A repeat of the step finds its own rows: they are still this run's.
    return sum(row is not None and str(row["run_id"]) == run_id for row in stored)


def note(
    run_id: str, source: str, status: str, items: int, fresh: int, error: str, seconds: float
) -> None:
    """Record how reading a source went; a repeat of the step replaces it."""
    db.execute(
        "INSERT INTO source_reading (run_id, source, status, items, fresh, error, seconds) VALUES"
        " (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, source) DO UPDATE SET status ="
        " excluded.status, items = greatest(source_reading.items, excluded.items), fresh ="
        " greatest(source_reading.fresh, excluded.fresh), error = excluded.error, seconds ="
        " excluded.seconds",
        [run_id, source, status, items, fresh, error, seconds],
    )


def find_reading(run_id: str, source: str) -> StoredReading | None:
    """Return how reading the source went, as read_source tells it; None when it was not read."""
    return db.fetch_one(
        "SELECT source, status, items, fresh AS new, error FROM source_reading WHERE run_id = %s"
        " AND source = %s",
        [run_id, source],
    )


def _without_secrets(item: items.SourceItem) -> items.SourceItem:
    """Return the item without secrets: a page can hold a key that was published by mistake. The
    user's own notes stay as they are; what leaves of them is masked on its way out.
    """
    if item.trust == "own":
        return item
    kept = redaction.redact({name: getattr(item, name) for name in WORDS})
    return dataclasses.replace(item, **kept)


def _values(
    item: items.SourceItem, namespace: str, lasting: str, run_id: str, at: Any
) -> db.Values:
    clean = {
        name: value.replace("\x00", "") if isinstance(value, str) else value
        for name, value in vars(item).items()
    }
    return {
        **clean,
        "id": ids.stable_id("it", namespace, item.source, item.key),
        "namespace": namespace,
        "lasting": lasting,
        "canonical_url": ids.canonical_url(item.url) if item.url else "",
        "content_hash": ids.digest_of(
            [" ".join(item.title.lower().split()), " ".join(item.text.lower().split())]
        ),
        "share_keys": _share_keys(item),
        "extra": db.jsonb(json.loads(json.dumps(item.extra, default=str))),
        "at": at,
        "run_id": run_id,
    }


def _share_keys(item: items.SourceItem) -> list[str]:
    # The owner's own words are private, whatever source offers them.
    own = [f"source:{item.source}"] if item.trust == "own" else []
    return list(item.share_keys) or own


def insert_copies(copies: list[dict[str, Any]]) -> None:
    """Store what another run has read of its sources; this run continues that one."""
    db.execute(
        "INSERT INTO source_reading SELECT * FROM"
        " jsonb_populate_recordset(NULL::source_reading, %s)",
        [db.jsonb(copies)],
    )
