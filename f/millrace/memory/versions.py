# requirements:

"""Beliefs: how what is held of an item changes. One open belief an item; each change closes it and
opens the next.
"""

from datetime import datetime
from typing import Any, Literal

from f.millrace.core import db, errors
from f.millrace.memory import bitemporal

ChangeReason = Literal["remembered", "again", "superseded", "retracted", "restored"]


def lock(connection: db.Connection, item_id: str) -> dict[str, Any]:
    """Return the item's row, kept from other writers until the transaction ends."""
    row = connection.execute(
        "SELECT * FROM memory_item WHERE id = %s FOR UPDATE", [item_id]
    ).fetchone()
    if row is None:
        raise errors.NotFound(f"no memory has the id {item_id!r}")
    return row


def extend(
    connection: db.Connection, item_id: str, since: datetime | None, until: datetime | None
) -> None:
    """Add an interval to what is held; without a beginning it is now, unless the item is held true
    now.
    """
    row = lock(connection, item_id)
    added = connection.execute(
        "WITH t AS (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at) SELECT CASE"
        " WHEN %(since)s::timestamptz IS NULL AND (%(valid)s::tstzmultirange @> t.at OR"
        " %(until)s::timestamptz <= t.at) THEN '{}'::tstzmultirange ELSE"
        " tstzmultirange(tstzrange(coalesce(%(since)s, t.at), %(until)s)) END AS span FROM t",
        {"now": bitemporal.test_clock(), "since": since, "until": until, "valid": row["valid"]},
    ).fetchone()
    assert added is not None
    change(
        connection, item_id, "valid + %(span)s::tstzmultirange", {"span": added["span"]}, "again"
    )


CHANGE = """
WITH new AS (
    SELECT id, valid AS before, {valid} AS after,
           coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
    FROM memory_item WHERE id = %(item_id)s
), closed AS (
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
SELECT new.id, new.before, new.after, closed.at FROM new JOIN closed ON closed.item_id = new.id
"""


def change(
    connection: db.Connection,
    item_id: str,
    valid: str,
    values: dict[str, Any],
    reason: ChangeReason,
    by_item: str | None = None,
) -> bool:
    """Hold something else of a locked item from now on: `valid` is SQL over the column `valid`.
    False: it is the same.
    """
    parameters = {
        **values,
        "item_id": item_id,
        "because": reason,
        "by_item": by_item,
        "now": bitemporal.test_clock(),
    }
    row = connection.execute(CHANGE.format(valid=valid), parameters).fetchone()  # type: ignore[arg-type]
    if row is None:
        return False
    connection.execute(
        "INSERT INTO memory_belief (item_id, valid, recorded, because, by_item) VALUES (%s, %s,"
        " tstzrange(%s, NULL), %s, %s)",
        [item_id, row["after"], row["at"], reason, by_item],
    )
    return True
