# requirements:

"""The rows of an item: itself, what was held of it and when,
and who said it; who changes one does it here.

One open belief an item; each change closes it and opens the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from f.millrace.core import db, errors
from f.millrace.memory import bitemporal

if TYPE_CHECKING:
    from uuid import UUID

    from f.millrace.core import contracts, rows

    class GivenItem(TypedDict):
        """What is to be remembered, as the statements below take it; `origin` and `contradicts` are
        found out on the way.
        """

        id: str
        namespace: str
        type: str
        title: str
        source: str
        document: str
        page: int | None
        start: int | None
        end: int | None
        raw_text: dict[str, Any]
        metadata: dict[str, Any]
        trust: contracts.Trust
        content_hash: str
        user_id: str
        run_id: str | None
        step: str
        valid_from: datetime | None
        valid_to: datetime | None
        marks: list[int]
        near: bool
        wording: str | None
        similarity: float
        derived_from: list[str]
        fallen: bool
        now: datetime | None
        origin: str
        contradicts: list[tuple[str, float]]

    class KnownOrigin(TypedDict):
        """Which run said an item, and since when that no longer counts."""

        id: str
        run_id: UUID | None
        withdrawn_at: datetime | None


ChangeReason = Literal["remembered", "again", "superseded", "retracted", "restored"]


# What is given, with the moment of it, and whether a withdrawal bars it.
GIVEN = """
given AS MATERIALIZED (
    SELECT d.*, coalesce(d.now, clock_timestamp()) AS at,
           d.fallen OR r.source IS NOT NULL AS barred,
           coalesce(
               r.because, CASE WHEN d.fallen THEN 'derived from what was withdrawn' ELSE '' END
           ) AS because
    FROM jsonb_to_recordset(%s) AS d(
        id text, origin text, namespace text, type text, title text, source text, document text,
        page integer, "start" integer, "end" integer, raw_text jsonb, metadata jsonb, trust text,
        content_hash text, user_id text, run_id uuid, step text,
        valid_from timestamptz, valid_to timestamptz, marks integer[],
        wording text, similarity float8, fallen boolean, now timestamptz
    )
    LEFT JOIN LATERAL (SELECT * FROM memory_retraction r WHERE r.namespace = d.namespace
                       AND memory_is_from(d.source, d.document, r.source) LIMIT 1) r ON true
)
"""

INSERT = f"""
WITH {GIVEN}, made AS (
    INSERT INTO memory_item (id, namespace, type, title, source, raw_text, metadata, trust,
                             content_hash, user_id, run_id, valid, marks, created_at, updated_at)
    SELECT id, namespace, type, title, source, raw_text, metadata, trust, content_hash, user_id,
           run_id,
           CASE WHEN barred THEN '{{}}'
                ELSE tstzmultirange(tstzrange(coalesce(valid_from, at), valid_to)) END,
           marks, at, at
    FROM given ORDER BY id
    ON CONFLICT (namespace, type, content_hash) DO NOTHING RETURNING id, valid, created_at
), believed AS (
    INSERT INTO memory_belief (item_id, valid, recorded, because)
    SELECT id, valid, tstzrange(created_at, NULL),
           CASE WHEN isempty(valid) THEN 'retracted' ELSE 'remembered' END FROM made
), said AS (
    INSERT INTO memory_origin (id, item_id, namespace, source, trust, run_id, step, document, page,
                               start_offset, end_offset, recorded_at, seen_at, withdrawn_at,
                               because)
    SELECT origin, id, namespace, source, trust, run_id, step, document, page, "start", "end",
           at, at, CASE WHEN barred THEN at END, because
    FROM given WHERE id IN (SELECT id FROM made)
)
SELECT id FROM made
"""

SAY_AGAIN = f"""
WITH {GIVEN}, said AS (
    INSERT INTO memory_origin AS o (
        id, item_id, namespace, source, trust, run_id, step, document, page, start_offset,
        end_offset, wording, similarity, recorded_at, seen_at, withdrawn_at, because)
    SELECT origin, id, namespace, source, trust, run_id, step, document, page, "start", "end",
           wording, similarity, at, at, CASE WHEN barred THEN at END, because
    FROM given
    ON CONFLICT (id) DO UPDATE SET
        seen_at = excluded.seen_at, run_id = excluded.run_id, step = excluded.step,
        withdrawn_at = CASE WHEN o.withdrawn_at IS NOT NULL THEN excluded.withdrawn_at END,
        because = CASE WHEN o.withdrawn_at IS NOT NULL THEN excluded.because ELSE '' END
    RETURNING o.item_id, o.withdrawn_at IS NULL AS stands
), noted AS (
    -- Public is what each who said it calls so.
    UPDATE memory_item m SET updated_at = given.at, metadata = m.metadata || given.metadata ||
        CASE WHEN given.metadata ? 'public' OR m.metadata ? 'public' THEN jsonb_build_object(
            'public', m.metadata @> '{{"public": true}}' AND given.metadata @> '{{"public": true}}')
        ELSE '{{}}' END
    FROM given WHERE m.id = given.id
)
SELECT item_id FROM said WHERE stands
"""


def insert(connection: db.Connection, given: list[GivenItem]) -> set[str]:
    """Store what is new, with its first belief and origin; return the ids."""
    if not given:
        return set()
    return {row["id"] for row in connection.execute(INSERT, [_to_json(given)]).fetchall()}


def say_again(connection: db.Connection, given: list[GivenItem]) -> set[str]:
    """Give items that are there, each of them once, one more origin, and its metadata; return the
    ids of those whose origin stands.
    """
    said = connection.execute(SAY_AGAIN, [_to_json(given)]).fetchall()
    return {row["item_id"] for row in said}


def _to_json(given: list[GivenItem]) -> Any:
    return db.jsonb(
        [
            {
                key: value.isoformat() if isinstance(value, datetime) else value
                for key, value in row.items()
            }
            for row in given
        ]
    )


def renew_trust(connection: db.Connection, item_ids: Sequence[str]) -> None:
    """An item is worth the best of those who say it and were not withdrawn."""
    connection.execute(
        "UPDATE memory_item m SET trust = o.trust FROM (SELECT item_id, CASE min(CASE trust WHEN"
        " 'own' THEN 0 WHEN 'trusted' THEN 1 ELSE 2 END) WHEN 0 THEN 'own' WHEN 1 THEN 'trusted'"
        " ELSE 'untrusted' END AS trust FROM memory_origin WHERE item_id = ANY(%s) AND withdrawn_at"
        " IS NULL GROUP BY item_id) o WHERE m.id = o.item_id AND m.trust <> o.trust",
        [list(item_ids)],
    )


def withdraw_source(
    connection: db.Connection, item_ids: Sequence[str], source: str, because: str
) -> int:
    """Withdraw what a source said of these items; how many origins."""
    return connection.execute(
        "UPDATE memory_origin SET withdrawn_at = coalesce(%(now)s::timestamptz,"
        " clock_timestamp()), because = %(because)s WHERE item_id = ANY(%(items)s) AND"
        " withdrawn_at IS NULL AND memory_is_from(source, document, %(source)s)",
        {
            "items": list(item_ids),
            "source": source,
            "because": because,
            "now": bitemporal.test_clock(),
        },
    ).rowcount


def withdraw_origins(connection: db.Connection, item_ids: Sequence[str], because: str) -> None:
    """Withdraw these items, whoever said them."""
    connection.execute(
        "UPDATE memory_origin SET withdrawn_at = coalesce(%s::timestamptz, clock_timestamp()),"
        " because = %s WHERE item_id = ANY(%s) AND withdrawn_at IS NULL",
        [bitemporal.test_clock(), because, list(item_ids)],
    )


def withdraw_passages(
    document_id: str, items: Sequence[str], starts: Sequence[int], because: str
) -> None:
    """Withdraw what a document said but for these items at these places."""
    db.execute(
        "UPDATE memory_origin SET withdrawn_at = clock_timestamp(), because = %s WHERE document ="
        " %s AND withdrawn_at IS NULL AND (item_id, start_offset) NOT IN (SELECT * FROM"
        " unnest(%s::text[], %s::int[]))",
        [because, document_id, list(items), list(starts)],
    )


def move_document(document_id: str, path: str) -> None:
    """Have the passages of a document come from another path."""
    db.execute(
        "UPDATE memory_item SET source = %s WHERE id IN (SELECT item_id FROM document_passage WHERE"
        " document_id = %s)",
        [path, document_id],
    )
    db.execute("UPDATE memory_origin SET source = %s WHERE document = %s", [path, document_id])


def set_vector(connection: db.Connection, number: int, model: int, vector: str) -> None:
    """Give an item its vector, unless it has one or another model has become the active one."""
    connection.execute(
        "UPDATE memory_item SET embedding = %(vector)s::vector, embedding_model = %(model)s WHERE"
        " no = %(no)s AND embedding IS NULL AND EXISTS (SELECT 1 FROM memory_model WHERE no ="
        " %(model)s AND active)",
        {"no": number, "model": model, "vector": vector},
    )


def take_vectors(connection: db.Connection, model: int) -> None:
    """Give every item its vector of a model, or none where there is none of that."""
    connection.execute(
        "UPDATE memory_item m SET embedding = v.embedding, embedding_model = v.model FROM"
        " (SELECT i.no, v.embedding, v.model FROM memory_item i LEFT JOIN memory_vector v ON"
        " v.item = i.no AND v.model = %s) v WHERE v.no = m.no",
        [model],
    )


def lock(connection: db.Connection, item_id: str) -> rows.MemoryItem:
    """Return the item's row, kept from other writers until the transaction ends."""
    return lock_all(connection, [item_id])[0]


def lock_all(connection: db.Connection, item_ids: Sequence[str]) -> list[rows.MemoryItem]:
    """Return the rows of items in the order of their ids, kept from other writers until the
    transaction ends; NotFound names one that is not there.
    """
    found: list[rows.MemoryItem] = connection.execute(
        "SELECT * FROM memory_item WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [list(item_ids)]
    ).fetchall()
    missing = sorted(set(item_ids) - {row["id"] for row in found})
    if missing:
        raise errors.NotFound(f"no memory has the id {missing[0]!r}")
    return found


def origins(connection: db.Connection, origin_ids: Sequence[str]) -> dict[str, KnownOrigin]:
    """Return those of the origins that are there: their run_id and withdrawn_at by id."""
    found: list[KnownOrigin] = connection.execute(
        "SELECT id, run_id, withdrawn_at FROM memory_origin WHERE id = ANY(%s)", [list(origin_ids)]
    ).fetchall()
    return {row["id"]: row for row in found}


CHANGE = """
WITH new AS ({new}), closed AS (
    UPDATE memory_belief b
    SET recorded = tstzrange(lower(b.recorded), greatest(new.now, lower(b.recorded)))
    FROM new WHERE b.item_id = new.id AND upper_inf(b.recorded) AND new.before <> new.after
    RETURNING b.item_id, greatest(new.now, lower(b.recorded)) AS at
), moved AS (
    UPDATE memory_item m SET valid = new.after, updated_at = new.now, superseded_by = CASE
        WHEN %(because)s = 'superseded' THEN %(by_item)s
        WHEN %(because)s IN ('again', 'restored') THEN NULL
        ELSE m.superseded_by
    END
    FROM new WHERE m.id = new.id AND new.before <> new.after
)
SELECT new.id, new.after::text, closed.at FROM new JOIN closed ON closed.item_id = new.id
"""

CHANGED = """
    SELECT id, valid AS before, {valid} AS after,
           coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
    FROM memory_item WHERE id = %(item_id)s
"""

EXTENDED = """
    SELECT m.id, m.valid AS before, t.at AS now,
           m.valid + CASE
               WHEN d.valid_from IS NULL AND (m.valid @> t.at OR d.valid_to <= t.at) THEN '{}'
               ELSE tstzmultirange(tstzrange(coalesce(d.valid_from, t.at), d.valid_to))
           END AS after
    FROM jsonb_to_recordset(%(rows)s) AS d(id text, valid_from timestamptz, valid_to timestamptz)
    JOIN memory_item m ON m.id = d.id,
    LATERAL (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at) t
"""


def extend(connection: db.Connection, given: list[GivenItem]) -> None:
    """Add to what is held of locked items, each of them once, the interval from `valid_from` to
    `valid_to`; without a beginning it is now, unless the item is held true now.
    """
    if given:
        _change(connection, EXTENDED, {"rows": _to_json(given)}, "again", None)


def change(
    connection: db.Connection,
    item_id: str,
    valid: str,
    values: db.Values,
    reason: ChangeReason,
    by_item: str | None = None,
) -> bool:
    """Hold something else of a locked item from now on: `valid` is SQL over the column `valid`.
    False: it is the same.
    """
    new = CHANGED.format(valid=valid)
    return _change(connection, new, {**values, "item_id": item_id}, reason, by_item) > 0


def _change(
    connection: db.Connection,
    new: str,
    values: db.Values,
    reason: ChangeReason,
    by_item: str | None,
) -> int:
    """Close the open beliefs of those items of which `new` says something else, and open the next;
    return how many.
    """
    parameters = {
        **values,
        "because": reason,
        "by_item": by_item,
        "now": bitemporal.test_clock(),
    }
    changed = connection.execute(CHANGE.format(new=new), parameters).fetchall()  # type: ignore[arg-type]
    if changed:
        # A second statement: of an item one belief is open at most, also in between.
        connection.execute(
            "INSERT INTO memory_belief (item_id, valid, recorded, because, by_item)"
            " SELECT id, valid, tstzrange(at, NULL), %s, %s FROM"
            " unnest(%s::text[], %s::tstzmultirange[], %s::timestamptz[]) AS held(id, valid, at)",
            [
                reason,
                by_item,
                [row["id"] for row in changed],
                [row["after"] for row in changed],
                [row["at"] for row in changed],
            ],
        )
    return len(changed)
