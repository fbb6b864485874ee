# requirements:

"""Hybrid search as one statement: BM25 over counted lexemes and nearest vectors,
in the context of neighbouring passages.

Every part of the score lies between 0 and 1: words and nearby are shares of the best BM25 that the
question could get (of the item, of it and its neighbours), meaning, next and thread are cosines (of
the item, of the one after it, of the nearest in its part of the document or session), dated falls
with the days between an item and the time asked for. An item that stands alone is its own thread
and all that is nearby. Echo is how much of the words that are typical of the first few an item
holds too, so that what speaks of the same in other words than the question's comes closer.

A small scope is scored in full. Of one that is not, some candidates are, with their neighbours:
those that are best by their own words, as their sparse vectors have them, and their own meaning. In
a large one not every item is weighed so, but the nearest by vector and, as in the threshold
algorithm (Fagin, Lotem and Naor, 2003), what words could bring among the best: of each word the
items are read in which it weighs most; the heaviest of them, with the nearest, set a bar, and
others are weighed that would pass it were they as near as the last of the nearest. So words are
read deeper where the vector says little.

Numbers are float8: exp and ln of numeric, which extract and decimals are, take a hundred times as
long. Each row is looked up in a lateral subquery with OFFSET 0, which the planner does not pull up:
estimates over CTEs are guesses, and a join in their place reads the whole table sooner or later.
"""

from __future__ import annotations

import re
import weakref
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from f.millrace.core import db
from f.millrace.memory import vectors

if TYPE_CHECKING:
    from f.millrace.memory import store

    class ScoredItem(store.StoredItem):
        """An item with its score and the parts of it, each 0 to 1; where the first of those who say
        it stands; and the model and the size of the scope.
        """

        document: str | None
        page: int | None
        start_offset: int | None
        end_offset: int | None
        rank: float
        words: float
        nearby: float
        thread_max: float
        meaning: float
        next_turn: float
        named: float
        length: float
        question_penalty: float
        dated: float
        feedback: float
        alone: bool
        recency: float
        authority: float
        relevance: float
        model: int
        small: bool
        matched: list[str]


# An item may have so much of what the words that were not read to their ends could add to it.
UNREAD = 0.5
# Of a longer question the rarest words count.
TERMS = 48
# Echo is RM3's feedback (Abdul-Jaleel et al., 2004): so many of the first, so many of the words
# that are frequent there, and of these so many that are rare elsewhere.
FIRST, FREQUENT, TYPICAL = 5, 60, 20
HALF_LIFE_DAYS = 180
# What happened is spoken of within some days.
DATED_DAYS = 7
# What the words of an item count for the one that stands so many places after it: more after than
# before, as answers follow questions.
SHARES = "(VALUES (-2, 0.4::float8), (-1, 0.7), (0, 1), (1, 1), (2, 0.7)) AS away (by, share)"
# So many places before and after are one part of a document or session, however long it is.
PART = 12
# A text of more letters says more, up to some sentences.
LENGTH = "ln(1 + least(length(m.raw_text ->> 'text'), 300)::float8 / 6) / ln(51::float8)"
WORD = re.compile(r"[^\W_]+")
SETTINGS = (
    "SET jit = off; SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 60000"
)


class Weights(NamedTuple):
    """What each part adds to the relevance; together they are 1.

    A softmax over the turns of a conversation, fitted to the 495 questions of LoCoMo's
    conversations 1 to 3 (L2 0.1 to 0.3, rounded); fitted on two of them and asked of the third it
    has 0.865 to 0.875 of the evidence among the first ten. SHARES, DATED_DAYS and K1 were chosen in
    the same way; `feedback` (RM3) and the balance of an item that stands alone on the abstracts of
    CISI and CACM (nDCG at 10 from 0.442 and 0.520 to 0.450 and 0.549).
    """

    words: float = 0.085
    nearby: float = 0.305
    thread_max: float = 0.12
    meaning: float = 0.115
    next_turn: float = 0.065
    named: float = 0.02
    dated: float = 0.08
    length: float = 0.08
    feedback: float = 0.13
    # Taken off: a question answers nothing.
    question_penalty: float = 0.02
    # Relevance is what counts; how recent and of whose authority an item is decides between nearly
    # equal ones.
    recency: float = 0.03
    authority: float = 0.03


WEIGHTS = Weights()


AUTHORITY = {"own": 1.0, "trusted": 0.7, "untrusted": 0.3}


class Filter(NamedTuple):
    """A condition on `memory_item m` with its parameters; `narrow` when it may keep a small share
    of a namespace.
    """

    condition: str
    values: db.Values
    narrow: bool


class Depth(NamedTuple):
    """How many items are read and scored; more when more results are asked for."""

    # Scopes of at most so many are scored in full, and of at most so many each item is weighed.
    full: int = 1_000
    weighed: int = 3_000
    nearest: int = 300
    # Of a word of average rarity, more of a rarer one.
    postings: int = 3_000
    heaviest: int = 100
    # At most, for each word of the question.
    further: int = 250
    # Candidates that are scored in full, and of these those that are compared with the first few.
    finalists: int = 60
    compared: int = 30

    def for_results(self, limit: int) -> Depth:
        """Return how deep to read when so many results are asked for."""
        return Depth(*(max(part, 2 * limit) for part in self))


DEPTH = Depth()
EVERYTHING = Depth(full=2_000_000_000, weighed=2_000_000_000)


class SearchRequest(NamedTuple):
    """A question, ready for the database."""

    question: str
    namespace: str
    limit: int
    vector: list[float] | None
    model: vectors.Model
    only: Filter
    since: datetime | None = None
    until: datetime | None = None
    now: datetime | None = None
    depth: Depth = DEPTH


SQL = """
WITH asked AS MATERIALIZED (
    SELECT w.lexeme, memory_term(%(namespace)s, w.lexeme) AS term
    FROM unnest(memory_words(%(question)s)) w
), extent AS MATERIALIZED (
    SELECT greatest(coalesce(sum(items), 0), 1)::float8 AS items,
           greatest(coalesce(sum(words) / nullif(sum(items), 0), 1), 1)::float8 AS average
    FROM memory_extent WHERE namespace = %(namespace)s
), terms AS MATERIALIZED (
    SELECT *, idf / avg(idf) OVER () AS rarity FROM (
        SELECT asked.lexeme, asked.term, {idf} AS idf
        FROM asked CROSS JOIN extent
        CROSS JOIN LATERAL (
            SELECT sum(items)::float8 AS items FROM memory_frequency WHERE term = asked.term
        ) f
        WHERE f.items > 0 ORDER BY 3 DESC, 1 LIMIT %(terms)s
    ) rarest
), sought AS MATERIALIZED (
    SELECT coalesce(array_agg(term), '{{}}') AS terms, array_agg(idf) AS idfs,
           coalesce(nullif(sum(idf), 0), 1) AS best,
           memory_weights(array_agg(term), array_agg(idf)) AS weights FROM terms
), scope AS MATERIALIZED (
    SELECT m.no, m.thread, m.ordinal, {likely} AS score FROM memory_item m
    WHERE ({narrow} OR (SELECT items FROM extent) <= %(weighed)s)
      AND ({any} OR (SELECT terms FROM sought) <> '{{}}')
      AND m.namespace = %(namespace)s AND {condition}
    LIMIT %(weighed)s + 1
), size AS MATERIALIZED (
    SELECT ({narrow} OR extent.items <= %(weighed)s) AND scope.items <= %(weighed)s AS small,
           ({narrow} OR extent.items <= %(weighed)s) AND scope.items <= %(full)s AS "full"
    FROM extent CROSS JOIN (SELECT count(*) AS items FROM scope) scope
), nearest AS MATERIALIZED (
    SELECT m.no, m.thread, m.ordinal, {meaning} AS meaning, {likely} AS score FROM memory_item m
    WHERE NOT (SELECT small FROM size) AND {embedded} AND m.namespace = %(namespace)s
      AND {condition}
    ORDER BY m.{expression} <=> %(vector)s::vector::{half} LIMIT %(nearest)s
), read AS MATERIALIZED (
    SELECT p.item, terms.term, terms.idf * {saturated} AS weight FROM terms CROSS JOIN LATERAL (
        SELECT item, tf, length FROM memory_posting WHERE term = terms.term
        ORDER BY impact DESC LIMIT 1 + %(postings)s * terms.rarity
    ) p WHERE NOT (SELECT small FROM size)
), partial AS MATERIALIZED (
    SELECT item AS no, sum(weight) AS weight FROM read GROUP BY 1
), heaviest AS MATERIALIZED (
    SELECT m.* FROM (SELECT no FROM partial ORDER BY weight DESC, no LIMIT %(heaviest)s) best
    CROSS JOIN LATERAL ({candidate}) m
    WHERE best.no NOT IN (SELECT no FROM nearest)
), bar AS MATERIALIZED (
    SELECT (
               (
                   SELECT score FROM (
                       SELECT score FROM nearest UNION ALL SELECT score FROM heaviest
                   ) s
                   ORDER BY 1 DESC OFFSET %(compared)s - 1 LIMIT 1
               ) - {by_meaning} * coalesce((SELECT min(meaning) FROM nearest), 0) - {by_length}
           ) / {by_words} * (SELECT best FROM sought)
           - {unread} * (
               SELECT coalesce(sum(least), 0) FROM (
                   SELECT min(weight) AS least FROM read JOIN terms USING (term) GROUP BY term
                   HAVING count(*) > %(postings)s * min(rarity)
               ) ends
           ) AS weight
), further AS MATERIALIZED (
    SELECT m.* FROM (
        SELECT no FROM partial WHERE weight >= coalesce((SELECT weight FROM bar), 0)
        AND no NOT IN (SELECT no FROM nearest) AND no NOT IN (SELECT no FROM heaviest)
        ORDER BY weight DESC, no LIMIT %(further)s * (SELECT cardinality(terms) FROM sought)
    ) best CROSS JOIN LATERAL ({candidate}) m
), likely AS MATERIALIZED (
    SELECT * FROM (
        SELECT no, thread, ordinal, score FROM nearest
        UNION ALL SELECT * FROM heaviest
        UNION ALL SELECT * FROM further
        UNION ALL SELECT * FROM scope WHERE (SELECT small AND NOT "full" FROM size)
    ) candidates ORDER BY score DESC, no LIMIT %(finalists)s
), pool AS MATERIALIZED (
    SELECT no FROM scope WHERE (SELECT "full" FROM size)
    UNION
    SELECT no FROM likely
    UNION
    SELECT n.no FROM likely CROSS JOIN LATERAL (
        SELECT n.no FROM memory_item n
        WHERE n.namespace = %(namespace)s AND n.thread = likely.thread
        AND n.ordinal BETWEEN likely.ordinal - 2 AND likely.ordinal + 2 OFFSET 0
    ) n
    -- Asked outside of the lookup, which would else be made by the index of threads while its
    -- statistics are old.
    WHERE likely.thread IS NOT NULL
), item AS MATERIALIZED (
    SELECT m.no, m.thread, m.ordinal, m.trust, m.valid_from,
           {condition} AS wanted, {meaning} AS meaning,
           coalesce(p.words, 0) AS words, p.terms, p.scores,
           {length} AS length,
           right(rtrim(m.raw_text ->> 'text'), 1) IN ('?', '？', '؟') AS is_question,
           m.title <> '' AND strpos(%(padded)s, ' ' || lower(m.title) || ' ') > 0 AS named
    FROM pool CROSS JOIN LATERAL (SELECT * FROM memory_item m WHERE m.no = pool.no OFFSET 0) m
    CROSS JOIN LATERAL (
        SELECT sum(score) AS words, array_agg(term) AS terms, array_agg(score) AS scores FROM (
            SELECT p.term, {score} AS score FROM memory_posting p
            WHERE p.item = pool.no AND p.term = ANY ({terms})
        ) p OFFSET 0
    ) p
), said AS MATERIALIZED (
    SELECT i.thread, i.ordinal, p.term, p.score FROM item i
    CROSS JOIN unnest(i.terms, i.scores) AS p (term, score) WHERE i.thread IS NOT NULL
), around AS (
    SELECT thread, ordinal, sum(score) AS words FROM (
        SELECT said.thread, said.ordinal + away.by AS ordinal, said.term,
               max(said.score * away.share) AS score
        FROM said CROSS JOIN {shares} GROUP BY 1, 2, 3
    ) best GROUP BY 1, 2
), scored AS (
    SELECT i.no, i.words / best.sum AS words, i.terms,
           coalesce(around.words, i.words) / best.sum AS nearby, i.thread IS NULL AS alone,
           coalesce(
               CASE WHEN i.thread IS NOT NULL THEN max(i.meaning) OVER part END, i.meaning, 0
           ) AS thread_max,
           coalesce(i.meaning, 0) AS meaning, i.meaning IS NOT NULL AS has_meaning,
           coalesce(
               CASE WHEN i.thread IS NOT NULL THEN lead(i.meaning) OVER turns END, i.meaning, 0
           ) AS next_turn,
           i.named::integer AS named, i.length, i.is_question::integer AS question_penalty,
           CASE WHEN %(since)s::timestamptz IS NULL OR i.valid_from IS NULL THEN 0
                ELSE exp(-least(greatest(
                    extract(epoch FROM %(since)s::timestamptz - i.valid_from)::float8,
                    extract(epoch FROM i.valid_from - %(until)s::timestamptz)::float8,
                    0
                ) / 86400 / {dated_days}, 50)) END AS dated,
           exp(-least(0.693147 * greatest(floor(extract(
               epoch FROM coalesce(%(now)s::timestamptz, statement_timestamp()) - i.valid_from
           )::float8 / 86400), 0) / {half_life}, 50)) AS recency,
           CASE i.trust
               WHEN 'own' THEN {own} WHEN 'trusted' THEN {trusted} ELSE {untrusted}
           END AS authority,
           i.wanted
    FROM item i
    CROSS JOIN (SELECT best AS sum FROM sought) best
    LEFT JOIN around ON around.thread = i.thread AND around.ordinal = i.ordinal
    WINDOW turns AS (PARTITION BY i.thread ORDER BY i.ordinal),
           part AS (turns RANGE BETWEEN {part} PRECEDING AND {part} FOLLOWING)
), ranked AS MATERIALIZED (
    SELECT *, greatest({fit}, 0) AS fit FROM scored
    WHERE wanted AND (words > 0 OR nearby > 0 OR has_meaning OR dated = 1)
    ORDER BY fit DESC, no LIMIT %(compared)s
), frequent AS MATERIALIZED (
    SELECT p.term, sum(first.weight * p.tf / p.length) AS share FROM (
        SELECT no, exp(20 * (fit - max(fit) OVER ())) AS weight FROM ranked
        ORDER BY fit DESC, no LIMIT {first}
    ) first CROSS JOIN LATERAL (
        SELECT term, tf, length FROM memory_posting WHERE item = first.no OFFSET 0
    ) p
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {frequent}
), typical AS MATERIALIZED (
    SELECT array_agg(term) AS terms, array_agg(weight / sum) AS weights FROM (
        SELECT *, sum(weight) OVER () FROM (
            SELECT frequent.term, frequent.share * {idf} AS weight FROM frequent CROSS JOIN extent
            CROSS JOIN LATERAL (
                SELECT sum(items)::float8 AS items FROM memory_frequency WHERE term = frequent.term
            ) f
            ORDER BY 2 DESC, 1 LIMIT {typical}
        ) rarest
    ) shared
), top AS (
    SELECT *, relevance * ({plain} + {w_recency} * recency + {w_authority} * authority) AS score
    FROM (
        SELECT ranked.*, e.feedback, ranked.fit + {w_feedback} * e.feedback AS relevance FROM ranked
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(
                (SELECT weights FROM typical)[array_position({typical_terms}, p.term)]
                * {saturated}
            ), 0) AS feedback
            FROM memory_posting p
            WHERE p.item = ranked.no AND p.term = ANY ({typical_terms}) OFFSET 0
        ) e
    ) compared ORDER BY score DESC, no LIMIT %(limit)s
)
SELECT m.id, m.namespace, m.type, m.title, m.source, m.raw_text, m.metadata, m.trust,
       m.created_at, m.valid_from, m.valid_to,
       o.document, o.page, o.start_offset, o.end_offset, top.score AS rank,
       top.words, top.nearby, top.thread_max, top.meaning, top.next_turn, top.named, top.length,
       top.question_penalty, top.dated, top.feedback, top.alone, top.recency, top.authority,
       top.relevance,
       (SELECT no FROM memory_model WHERE active) AS model, (SELECT small FROM size) AS small,
       (
           SELECT coalesce(array_agg(t.lexeme ORDER BY t.idf DESC), '{{}}') FROM terms t
           WHERE t.term = ANY (top.terms)
       ) AS matched
FROM top CROSS JOIN LATERAL (SELECT * FROM memory_item m WHERE m.no = top.no OFFSET 0) m
LEFT JOIN LATERAL (
    SELECT document, page, start_offset, end_offset FROM memory_origin
    WHERE item_id = m.id AND withdrawn_at IS NULL ORDER BY recorded_at, id LIMIT 1
) o ON true
ORDER BY top.score DESC, top.no
"""
K1, B = 1.2, 0.4


def statement(asked: SearchRequest, weights: Weights = WEIGHTS) -> tuple[str, db.Values]:
    """Return the statement and its parameters."""
    text = SQL.format(**_parts(asked, weights), **_weights(weights))
    values = {
        **asked.only.values,
        "question": asked.question,
        "padded": f" {' '.join(re.findall(WORD, asked.question.lower()))} ",
        "namespace": asked.namespace,
        "limit": asked.limit,
        "vector": vectors.to_sql(asked.vector) if asked.vector else None,
        "since": asked.since,
        "until": asked.until,
        "now": asked.now,
        "terms": TERMS,
        **asked.depth.for_results(asked.limit)._asdict(),
    }
    return text, values


def _parts(asked: SearchRequest, weights: Weights) -> dict[str, str]:
    """Return the statement's parts: what is wanted, and how words and meaning are scored."""
    embedded = f"m.embedding_model = {asked.model.no}" if asked.vector else "false"
    norm = f"{_float(K1)} * ({_float(1 - B)} + {_float(B)} * {{}} / (SELECT average FROM extent))"
    saturated = f"p.tf / (p.tf + {norm.format('p.length')})"
    terms = "(SELECT terms FROM sought)::bigint[]"
    condition = f"({asked.only.condition})"
    meaning = f"CASE WHEN {embedded} THEN greatest(1 - (m.embedding <=> %(vector)s::vector), 0) END"
    by_words, by_meaning = (
        _float(weights.words + weights.nearby),
        _float(weights.meaning + weights.next_turn + weights.thread_max),
    )
    by_length = _float(weights.length)
    likely = (
        f"{by_words} * -(m.impacts <#> (SELECT weights FROM sought)) / (SELECT best FROM sought) "
        # The impacts were made with a fixed mean length; this is right for words that occur once.
        f"* (1.7::float8 + 0.005::float8 * m.words) / (1::float8 + {norm.format('m.words')}) "
        f"+ {by_meaning} * coalesce({meaning}, 0) + {by_length} * {LENGTH}"
    )
    return {
        "condition": condition,
        "narrow": "true" if asked.only.narrow else "false",
        "embedded": embedded,
        "any": "true" if asked.vector or asked.since else "false",
        "meaning": meaning,
        "likely": likely,
        "candidate": (
            f"SELECT m.no, m.thread, m.ordinal, {likely} AS score FROM memory_item m "
            f"WHERE m.no = best.no AND m.namespace = %(namespace)s AND {condition} OFFSET 0"
        ),
        "expression": asked.model.expression,
        "half": f"halfvec({asked.model.dimensions})",
        "saturated": saturated,
        "score": f"(SELECT idfs FROM sought)[array_position({terms}, p.term)] * {saturated}",
        "terms": terms,
        "by_length": by_length,
        "by_words": by_words,
        "by_meaning": by_meaning,
    }


def _weights(weights: Weights) -> dict[str, Any]:
    """Return the statement's numbers, and the terms that are the same for every question."""
    plus = ("words", "nearby", "thread_max", "meaning", "next_turn", "named", "dated", "length")
    return {
        "unread": _float(UNREAD),
        "idf": "ln(1 + (greatest(extent.items - f.items, 0) + 0.5) / (f.items + 0.5))",
        "first": FIRST,
        "frequent": FREQUENT,
        "typical": TYPICAL,
        "typical_terms": "(SELECT terms FROM typical)::bigint[]",
        "w_feedback": _float(weights.feedback),
        "length": LENGTH,
        "half_life": HALF_LIFE_DAYS,
        "dated_days": DATED_DAYS,
        "shares": SHARES,
        "part": PART,
        "fit": " + ".join(f"{_float(getattr(weights, name))} * {name}" for name in plus)
        + f" - {_float(weights.question_penalty)} * question_penalty",
        "plain": _float(1 - weights.recency - weights.authority),
        "w_recency": _float(weights.recency),
        "w_authority": _float(weights.authority),
        **{name: _float(value) for name, value in AUTHORITY.items()},
    }


def _float(number: float) -> str:
    return f"{round(number, 6)}::float8"


def search(asked: SearchRequest, weights: Weights = WEIGHTS) -> list[ScoredItem]:
    """Return the best items with the parts of their scores, best first: as many as asked when there
    are so many.
    """
    text, values = statement(asked, weights)
    with db.connect() as connection:
        tune(connection)
        # The shape of the plan is in the statement, so it is planned once a connection; in one
        # round trip.
        with connection.pipeline(), connection.transaction():
            # The index gives vectors in batches, of 40 when nothing is set; two make as many as are
            # wanted.
            batch = str(min(max(values["nearest"] // 2, 40), 1000))
            connection.execute(
                "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
                " set_config('hnsw.ef_search', %s, true), "
                # A plan for any namespace, when most are large, would read the whole table for a
                # small one.
                "set_config('enable_seqscan', 'off', true)",
                [batch],
            )
            found = connection.execute(text, values, prepare=True)  # type: ignore[arg-type]
        items: list[ScoredItem] = found.fetchall()
    if len(items) < asked.limit and asked.depth != EVERYTHING and not (items and items[0]["small"]):
        return search(asked._replace(depth=EVERYTHING), weights)
    return items


def tune(connection: db.Connection) -> None:
    """Set what vector scans need, once a connection."""
    if connection not in _tuned:
        # The extension knows its settings only when it is loaded.
        connection.execute("SELECT '[1]'::vector")
        connection.execute(SETTINGS)  # type: ignore[arg-type]
        _tuned.add(connection)


_tuned: weakref.WeakSet[db.Connection] = weakref.WeakSet()
PARTS = Weights._fields
