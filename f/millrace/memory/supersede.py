# requirements:

"""Supersede: a newer item takes the place of an older one, which stays."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from f.millrace.core import contracts, db, errors
from f.millrace.memory import bitemporal, items, links, store

if TYPE_CHECKING:
    from f.millrace.core import rows

Span = tuple[datetime, datetime | None]


def supersede(
    item_id: str,
    text: str,
    *,
    since: bitemporal.When = None,
    title: str | None = None,
    source: str = "",
    trust: contracts.Trust | None = None,
    metadata: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    run_id: str | None = None,
) -> str:
    """Store what is right instead and return its id.

    With `since` the world changed then: the old item was true until that time. Without it the old
    item was wrong, and the new one holds whenever the old one was thought to. Of two writers the
    first wins; the other is told by whom.
    """
    start = bitemporal.parse_time(since, "since")
    with db.transaction() as connection:
        old = items.lock(connection, item_id)
        if old["superseded_by"]:
            return _successor(old, text, trust or old["trust"])
        spans = _spans_since(old, start)
        if more is None:
            more = {key: value for key, value in old["raw_text"].items() if key != "text"}
        drafts = [
            store.Draft(
                old["type"],
                text,
                old["title"] if title is None else title,
                trust or old["trust"],
                store.Origin(source),
                {**old["metadata"], **(metadata or {})},
                more,
                low,
                high,
                near=False,
            )
            for low, high in spans
        ]
        _refuse_withdrawn(connection, old, source)
        place = {"namespace": old["namespace"], "whose": old["user_id"]}
        new = store.remember_all(drafts, run_id=run_id, repeat=True, **place)[0]
        if new == item_id:
            raise errors.BadInput(f"{item_id} says the same already; nothing to supersede")
        links.link(new, item_id, "supersedes")
        items.change(
            connection,
            item_id,
            "valid - %(taken)s::tstzmultirange",
            {"taken": _multirange(spans)},
            "superseded",
            new,
        )
    return new


def _successor(old: rows.MemoryItem, text: str, trust: contracts.Trust) -> str:
    """Return what superseded the old item already, if it says the same; BadInput if it does not."""
    new = old["superseded_by"] or ""
    if store.get(new).text != store.clean(store.mask_unless_own(text, trust)):
        raise errors.BadInput(
            f"{old['id']} was superseded by {new} already; supersede that one instead"
        )
    return new


def _spans_since(old: rows.MemoryItem, start: datetime | None) -> list[Span]:
    """Return when the old item is held true from `start` on; BadInput when it is not."""
    if not old["valid"]:
        raise errors.BadInput(f"{old['id']} was withdrawn; remember the right text as a new item")
    spans = [(max(start, span.lower) if start else span.lower, span.upper) for span in old["valid"]]
    spans = [(low, high) for low, high in spans if high is None or low < high]
    if not spans:
        until = old["valid_to"].isoformat() if old["valid_to"] else "its end"
        raise errors.BadInput(
            f"{old['id']} held until {until}, before {start}; give an earlier `since`"
        )
    return spans


def _refuse_withdrawn(connection: db.Connection, old: rows.MemoryItem, source: str) -> None:
    barred = connection.execute(
        "SELECT 1 FROM memory_retraction r WHERE r.namespace = %s"
        " AND memory_is_from(%s, '', r.source)",
        [old["namespace"], source],
    ).fetchone()
    if barred:
        raise errors.BadInput(
            f"the source {source!r} was withdrawn; what it says cannot supersede {old['id']}"
        )


def _multirange(spans: list[Span]) -> str:
    ranges = (f"[{low.isoformat()},{high.isoformat() if high else ''})" for low, high in spans)
    return "{" + ",".join(ranges) + "}"
