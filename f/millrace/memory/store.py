"""Memory: items with a type and where they come from, and the links between them.

The same text of one type is one item of a namespace, so that remembering twice is once.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from f.millrace.core import db
from f.millrace.core.context import current
from f.millrace.core.contracts import Trust
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.core.ids import digest_of, stable_id
from f.millrace.core.redaction import redact

WORDS_AT_MOST = 40


@dataclass(frozen=True)
class Memory:
    """One remembered item, as `recall` finds it."""

    id: str
    type: str
    title: str
    text: str
    source: str
    trust: Trust
    created_at: datetime
    rank: float = 0
    metadata: dict[str, Any] = field(default_factory=dict)


def remember(
    type: str,
    text: str,
    *,
    title: str = "",
    source: str = "",
    trust: Trust = "untrusted",
    namespace: str | None = None,
    metadata: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    run_id: str | None = None,
    valid_from: datetime | None = None,
) -> str:
    """Store an item and return its id; the same type and text again returns the same id and renews its metadata.

    `more` is what the type adds to the text, e.g. the sides of a conflict.
    """
    namespace = namespace or current().namespace
    if not text.strip():
        raise BadInput(f"nothing to remember: the text of the {type} {title!r} is empty")
    raw = redact({"text": text, **(more or {})})
    content_hash = digest_of([title, raw])
    item_id = stable_id("mem", namespace, type, content_hash)
    db.execute(
        "INSERT INTO memory_item (id, namespace, type, title, source, raw_text, metadata, trust, content_hash, run_id, valid_from) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET "
        "metadata = memory_item.metadata || excluded.metadata, updated_at = clock_timestamp(), valid_to = NULL",
        [
            item_id,
            namespace,
            type,
            title,
            source,
            db.jsonb(raw),
            db.jsonb(redact(metadata or {})),
            trust,
            content_hash,
            run_id or current().run_id or None,
            valid_from,
        ],
    )
    return item_id


def recall(text: str, limit: int = 5, namespace: str | None = None, types: list[str] | None = None) -> list[Memory]:
    """Return the items that share words with `text`, best first and newest first on ties; retracted ones are left out."""
    words = list(dict.fromkeys(re.findall(r"\w{2,}", text.lower())))[:WORDS_AT_MOST]
    if not words or limit < 1:
        return []
    rows = db.all(
        "WITH question AS (SELECT to_tsquery('english', %s) AS words) "
        "SELECT m.*, ts_rank_cd(m.lexemes, question.words, 1) AS rank FROM memory_item m, question "
        "WHERE m.namespace = %s AND m.lexemes @@ question.words AND m.valid_to IS NULL "
        "AND (%s::text[] IS NULL OR m.type = ANY(%s)) ORDER BY rank DESC, m.created_at DESC, m.id LIMIT %s",
        [" | ".join(f"'{word}'" for word in words), namespace or current().namespace, types, types, limit],
    )
    return [_memory(row) for row in rows]


def get(item_id: str) -> Memory:
    """Return one item; NotFound when there is none."""
    row = db.one("SELECT *, 0 AS rank FROM memory_item WHERE id = %s", [item_id])
    if row is None:
        raise NotFound(f"no memory has the id {item_id!r}")
    return _memory(row)


def link(from_id: str, to_id: str, relation: str, weight: float = 1.0) -> bool:
    """Link two items; False when they were linked so before."""
    return bool(
        db.execute(
            "INSERT INTO memory_link (from_id, to_id, relation, weight) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (from_id, to_id, relation) DO NOTHING",
            [from_id, to_id, relation, weight],
        )
    )


def links(item_id: str) -> list[dict[str, Any]]:
    """Return the links that leave an item: relation, to_id, weight, title."""
    return db.all(
        "SELECT l.relation, l.to_id, l.weight, m.title FROM memory_link l JOIN memory_item m ON m.id = l.to_id "
        "WHERE l.from_id = %s ORDER BY l.id",
        [item_id],
    )


def retract(item_id: str, reason: str) -> None:
    """Mark an item as no longer held true; it stays stored and is not recalled."""
    touched = db.execute(
        "UPDATE memory_item SET valid_to = clock_timestamp(), updated_at = clock_timestamp(), "
        "metadata = metadata || %s WHERE id = %s",
        [db.jsonb({"retracted": reason}), item_id],
    )
    if not touched:
        raise NotFound(f"no memory has the id {item_id!r}")


def _memory(row: dict[str, Any]) -> Memory:
    return Memory(
        id=row["id"],
        type=row["type"],
        title=row["title"],
        text=str(row["raw_text"].get("text", "")),
        source=row["source"],
        trust=row["trust"],
        created_at=row["created_at"],
        rank=float(row["rank"]),
        metadata={**row["metadata"], **{key: value for key, value in row["raw_text"].items() if key != "text"}},
    )
