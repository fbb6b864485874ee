# requirements:

"""The plans that are plain SQL: by time, by field, along links, and among what was said."""

import re

from f.millrace.core import db, run_context
from f.millrace.memory import hybrid, router

# Items that stand for each end of a relation, and how many links a path between them may have.
ENDS = 3
LINKS_AT_MOST = 4

COLUMNS = (
    "m.id, m.namespace, m.type, m.title, m.source, m.raw_text, m.metadata, m.trust, m.created_at,"
    " m.valid_from, m.valid_to, o.document, o.page, o.start_offset, o.end_offset"
)
# Where the first of those who said it stands.
ORIGIN = (
    "LEFT JOIN LATERAL (SELECT document, page, start_offset, end_offset FROM memory_origin "
    "WHERE item_id = m.id AND withdrawn_at IS NULL ORDER BY recorded_at, id LIMIT 1) o ON true"
)

Statement = tuple[str, db.Values]


def types_like(namespace: str, question: str) -> list[str]:
    """Return the types of a memory that a word of the question may mean; none for a long text."""
    words = [word.lower() for word in re.findall(r"[A-Za-z][\w-]+", question)[:40]]
    if not words:
        return []
    wanted = sorted(
        {
            form
            for word in words
            for form in (word, word.removesuffix("s"), word.removesuffix("ies") + "y", word + "s")
        }
    )
    rows = db.fetch_all(
        "SELECT DISTINCT type FROM memory_extent WHERE namespace = %s AND lower(type) = ANY(%s)",
        [namespace, wanted],
    )
    return sorted(row["type"] for row in rows)


# A field is compared as what it is asked for: a word, a number or a date.
COMPARED = {
    "word": "lower(f.value) = lower(%(value{n})s)",
    "number": (
        r"CASE WHEN f.value ~ '^-?\d{{1,30}}(\.\d{{1,30}})?$' THEN f.value::numeric {sign}"
        r" %(value{n})s::numeric END"
    ),
    "date": r"f.value ~ '^\d{{4}}-\d\d' AND f.value {sign} %(value{n})s",
}


def structured(plan: router.Plan, namespace: str, only: hybrid.Filter, limit: int) -> Statement:
    """Return the newest items of a type whose fields,
    of the metadata or of what its type adds, are as asked.
    """
    tests, values = [], {}
    for n, (name, sign, value) in enumerate(plan.conditions):
        kind = "word" if sign == "=" else "date" if "-" in value[1:] else "number"
        compared = COMPARED[kind].format(sign=sign, n=n)
        tests.append(
            "AND EXISTS (SELECT 1 FROM jsonb_each_text(m.metadata || (m.raw_text - 'text')) f "
            f"WHERE (%(field{n})s = '' OR lower(f.key) = lower(%(field{n})s)) AND {compared}) "
        )
        values |= {f"field{n}": name, f"value{n}": value}
    return (
        (
            f"SELECT {COLUMNS}, 1.0 AS rank FROM memory_item m {ORIGIN} WHERE m.namespace ="
            f" %(namespace)s AND {only.condition} AND m.type = %(type)s {''.join(tests)}ORDER BY"
            " m.valid_from DESC NULLS LAST, m.no LIMIT %(limit)s"
        ),
        {**only.values, **values, "namespace": namespace, "type": plan.type, "limit": limit},
    )


def within_time(plan: router.Plan, namespace: str, only: hybrid.Filter, limit: int) -> Statement:
    """Return what began in the time asked for, oldest first."""
    return (
        (
            f"SELECT {COLUMNS}, 1.0 AS rank FROM memory_item m {ORIGIN} WHERE m.namespace ="
            f" %(namespace)s AND {only.condition} AND m.valid_from >= %(since)s AND m.valid_from <"
            " %(until)s ORDER BY m.valid_from, m.no LIMIT %(limit)s"
        ),
        {
            **only.values,
            "namespace": namespace,
            "since": plan.since,
            "until": plan.until,
            "limit": limit,
        },
    )


def paths(
    starts: list[str], goals: list[str], namespace: str, only: hybrid.Filter, limit: int
) -> Statement:
    """Return the items on the shortest, then strongest path between two sets, in order."""
    sql = f"""
WITH RECURSIVE walk AS (
    SELECT m.id, ARRAY[m.id] AS path, ARRAY[]::text[] AS said, 1::float8 AS weight
    FROM memory_item m WHERE m.id = ANY(%(starts)s)
  UNION ALL
    SELECT m.id, walk.path || m.id,
           walk.said || (CASE WHEN l.from_id = walk.id THEN '-> ' ELSE '<- ' END || l.relation),
           walk.weight * l.weight
    FROM walk
    JOIN memory_link l ON walk.id IN (l.from_id, l.to_id)
    JOIN memory_item m ON m.id = CASE WHEN l.from_id = walk.id THEN l.to_id ELSE l.from_id END
    WHERE cardinality(walk.path) <= {LINKS_AT_MOST} AND m.id <> ALL (walk.path)
      AND NOT walk.id = ANY (%(goals)s)
      AND m.namespace = %(namespace)s AND {only.condition}
      AND (%(known_at)s::timestamptz IS NULL OR l.created_at <= %(known_at)s)
), best AS (
    SELECT * FROM walk WHERE id = ANY (%(goals)s) AND cardinality(path) > 1
    ORDER BY cardinality(path), weight DESC, path LIMIT 1
)
SELECT {COLUMNS}, 1.0 AS rank, best.said[step.number::integer] AS next,
       array_to_string(best.said, ', ') AS why
FROM best CROSS JOIN LATERAL unnest(best.path) WITH ORDINALITY AS step (id, number)
JOIN memory_item m ON m.id = step.id {ORIGIN}
ORDER BY step.number LIMIT %(limit)s"""
    return sql, {
        **only.values,
        "starts": starts,
        "goals": goals,
        "namespace": namespace,
        "limit": limit,
    }


def messages(plan: router.Plan, namespace: str, only: hybrid.Filter, limit: int) -> Statement:
    """Return chat messages of the user by the share of the question's rare words that they hold."""
    sql = """
WITH asked AS MATERIALIZED (
    SELECT w.lexeme, (
        SELECT count(*) FROM chat_message c
        WHERE memory_words(left(c.content, 20000)) @@ quote_literal(w.lexeme)::tsquery
    ) AS messages
    FROM unnest(memory_words(%(question)s)) w
), terms AS MATERIALIZED (
    SELECT lexeme, ln(1 + (SELECT count(*) FROM chat_message) / messages::float8) AS idf
    FROM asked WHERE messages > 0
), held AS (
    SELECT c.id, sum(t.idf) / (SELECT sum(idf) FROM terms) AS share
    FROM terms t JOIN chat_message c
        ON memory_words(left(c.content, 20000)) @@ quote_literal(t.lexeme)::tsquery
    GROUP BY c.id
)
SELECT 'chat_' || c.id AS id, s.namespace, 'message' AS type,
       c.role AS title, 'chat:' || s.id AS source,
       jsonb_build_object('text', c.content) AS raw_text,
       jsonb_build_object('session', s.id, 'turn', c.turn) AS metadata,
       CASE c.role WHEN 'user' THEN 'own' ELSE 'untrusted' END AS trust, c.created_at,
       c.created_at AS valid_from,
       NULL::timestamptz AS valid_to, held.share * 0.9 AS rank
FROM held JOIN chat_message c ON c.id = held.id JOIN chat_session s ON s.id = c.session_id
WHERE s.namespace = %(namespace)s AND c.content <> '' AND s.user_id IN ('', %(user_id)s)
  AND c.created_at <= coalesce(%(known_at)s::timestamptz, %(as_of)s::timestamptz,
      statement_timestamp())
  AND (%(since)s::timestamptz IS NULL OR c.created_at >= %(since)s AND c.created_at < %(until)s)
ORDER BY held.share DESC, c.id DESC LIMIT %(limit)s"""
    values = {
        "question": plan.question,
        "namespace": namespace,
        "user_id": run_context.user_id(),
        "since": plan.since,
        "until": plan.until,
        "limit": limit,
    }
    return sql, {**{"as_of": None, "known_at": None}, **only.values, **values}
