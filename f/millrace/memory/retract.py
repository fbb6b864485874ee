# requirements:

"""Retract: what came from a poisoned source is withdrawn, with all that was derived from it. It
stays stored, not held true.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from f.millrace.core import db, errors
from f.millrace.memory import bitemporal, items, store


@dataclass
class Retraction:
    """What was withdrawn: item ids by why; what stood beside another source stays."""

    origins: int = 0
    withdrawn: list[str] = field(default_factory=list)
    derived: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)


def retract(
    source: str, reason: str = "", *, namespace: str | None = None, bar: bool = True
) -> Retraction:
    """Withdraw what a source said: a name, an address, a document, or all below an address or
    folder that ends in `/`.

    What other sources said too stays. With `bar` the source is not believed again until `believe`.
    """
    namespace = store.resolve_namespace(namespace, known=True)
    if not source.strip():
        raise errors.BadInput(
            "name the source to withdraw: a name, an address, a document, or a folder with / at"
            " its end"
        )
    done = Retraction()
    with db.transaction() as connection:
        if bar:
            connection.execute(
                "INSERT INTO memory_retraction (namespace, source, because, at) VALUES (%s, %s, %s,"
                " coalesce(%s::timestamptz, clock_timestamp())) ON CONFLICT DO NOTHING",
                [namespace, source, reason, bitemporal.test_clock()],
            )
        found = connection.execute(
            "SELECT DISTINCT item_id FROM memory_origin WHERE namespace = %(namespace)s AND"
            " withdrawn_at IS NULL AND memory_is_from(source, document, %(source)s) ORDER BY"
            " item_id",
            {"namespace": namespace, "source": source},
        ).fetchall()
        for row in found:
            items.lock(connection, row["item_id"])
        touched = [row["item_id"] for row in found]
        done.origins = items.withdraw_source(connection, touched, source, reason)
        items.renew_trust(connection, touched)
        standing = _list_standing(connection, touched)
        done.kept = [item for item in touched if item in standing]
        _withdraw(connection, [item for item in touched if item not in standing], reason, done)
    return done


def withdraw(item_ids: Sequence[str], reason: str = "") -> Retraction:
    """Withdraw single items, whoever said them, and what was derived from them."""
    done = Retraction()
    with db.transaction() as connection:
        for item in sorted(set(item_ids)):
            items.lock(connection, item)
        _withdraw(connection, sorted(set(item_ids)), reason, done)
    return done


def unretract(source: str, *, namespace: str | None = None) -> None:
    """Let a source that was withdrawn speak again; what it said before stays withdrawn until it
    says it again.
    """
    deleted = db.execute(
        "DELETE FROM memory_retraction WHERE namespace = %s AND source = %s",
        [store.resolve_namespace(namespace), source],
    )
    if not deleted:
        raise errors.NotFound(f"the source {source!r} was never withdrawn")


DERIVED = """
SELECT DISTINCT l.from_id AS id FROM memory_link l
WHERE l.to_id = ANY(%(gone)s) AND l.from_id <> ALL(%(gone)s) AND EXISTS (
    SELECT 1 FROM memory_origin o WHERE o.item_id = l.from_id AND o.withdrawn_at IS NULL)
  AND (l.relation = 'derived_from' OR l.relation = 'supported_by' AND NOT EXISTS (
    SELECT 1 FROM memory_link s
    JOIN memory_origin o ON o.item_id = s.to_id AND o.withdrawn_at IS NULL
    WHERE s.from_id = l.from_id AND s.relation = 'supported_by' AND s.to_id <> ALL(%(gone)s)))
ORDER BY id
"""


def derived(connection: db.Connection, gone: Sequence[str]) -> list[str]:
    """Return what falls with these items, level by level: what was derived from one, or has lost
    its last support.
    """
    fallen = list(gone)
    while True:
        level = [row["id"] for row in connection.execute(DERIVED, {"gone": fallen}).fetchall()]
        if not level:
            return fallen[len(gone) :]
        fallen += level


def _withdraw(connection: db.Connection, gone: list[str], reason: str, done: Retraction) -> None:
    if not gone:
        return
    done.withdrawn = gone
    done.derived = derived(connection, gone)
    everything = [*gone, *done.derived]
    items.withdraw_origins(connection, everything, reason)
    # Newest first, so that what an item gives back goes past those that fall with it.
    for item in sorted(
        everything, key=lambda item: items.lock(connection, item)["created_at"], reverse=True
    ):
        held = items.lock(connection, item)["valid"]
        if items.change(connection, item, "'{}'::tstzmultirange", {}, "retracted"):
            _give_back(connection, item, held, {item}, done)
    done.restored = [item for item in dict.fromkeys(done.restored) if item not in everything]


DISPLACED = """
WITH history AS (
    SELECT item_id, by_item, because, valid,
           lag(valid) OVER (PARTITION BY item_id ORDER BY id) AS before FROM memory_belief
    WHERE item_id IN (SELECT item_id FROM memory_belief
        WHERE by_item = %(item)s AND because = 'superseded')
)
SELECT item_id, range_agg(span) * %(held)s::tstzmultirange AS back
FROM history, unnest(before - valid) AS span WHERE by_item = %(item)s AND because = 'superseded'
GROUP BY item_id ORDER BY item_id
"""


def _give_back(
    connection: db.Connection, item: str, held: Any, seen: set[str], done: Retraction
) -> None:
    """Restore what a withdrawn item had superseded; pass it on if that was withdrawn itself."""
    for row in connection.execute(DISPLACED, {"item": item, "held": held}).fetchall():
        old = row["item_id"]
        if old in seen or not row["back"]:
            continue
        items.lock(connection, old)
        if _list_standing(connection, [old]):
            if items.change(
                connection,
                old,
                "valid + %(back)s::tstzmultirange",
                {"back": row["back"]},
                "restored",
                item,
            ):
                done.restored.append(old)
        else:
            _give_back(connection, old, row["back"], {*seen, old}, done)


def _list_standing(connection: db.Connection, item_ids: Sequence[str]) -> set[str]:
    rows = connection.execute(
        "SELECT DISTINCT item_id FROM memory_origin WHERE item_id = ANY(%s) AND withdrawn_at IS"
        " NULL",
        [list(item_ids)],
    ).fetchall()
    return {row["item_id"] for row in rows}
