"""Recall: the items that answer a question best."""

import re

from f.millrace.core import db
from f.millrace.memory.moment import When, held, moment
from f.millrace.memory.store import Memory, memory_of, named

WORDS_AT_MOST = 40


def recall(
    text: str,
    limit: int = 5,
    namespace: str | None = None,
    types: list[str] | None = None,
    as_of: When = None,
    known_at: When = None,
) -> list[Memory]:
    """Return the items that share words with `text` and were held true then, best first and newest first on ties."""
    words = list(dict.fromkeys(re.findall(r"\w{2,}", text.lower())))[:WORDS_AT_MOST]
    if not words or limit < 1:
        return []
    condition, values = held(moment(as_of, known_at))
    rows = db.all(
        "WITH question AS (SELECT to_tsquery('english', %(question)s) AS words) "
        "SELECT m.*, ts_rank_cd(m.lexemes, question.words, 1) AS rank FROM memory_item m, question "
        f"WHERE m.namespace = %(namespace)s AND m.lexemes @@ question.words AND {condition} "
        "AND (%(types)s::text[] IS NULL OR m.type = ANY(%(types)s)) ORDER BY rank DESC, m.created_at DESC, m.id LIMIT %(limit)s",
        {
            **values,
            "question": " | ".join(f"'{word}'" for word in words),
            "namespace": named(namespace),
            "types": types,
            "limit": limit,
        },
    )
    return [memory_of(row) for row in rows]
