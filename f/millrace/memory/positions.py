# requirements:

"""Places: where an item stands in its document or conversation, by which it is found through what
stands beside it.

Metadata says it: `document` or `session`, and `ordinal`. What it leaves out is told from the rest:
an item without ordinal comes after those that are there, and what was said in no session belongs to
the conversation of its day.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, run_context

if TYPE_CHECKING:
    from f.millrace.memory import items

# Types of items that are something said; their title is who says it.
SPOKEN = ("turn", "message", "utterance", "conversation")
# Other names that a session goes by.
SESSION_TOO = (
    "session_id",
    "conversation",
    "conversation_id",
    "thread",
    "thread_id",
    "dialogue",
    "chat_id",
)
SPEAKER = re.compile(r"\s*([^\W\d_][\w.'’-]*(?: [\w.'’-]+)?): ")


def speaker(type: str, title: str, text: str, metadata: Any) -> str:
    """Return the title of an item; of something said without a title who says it, by its metadata
    or before a colon.
    """
    if title or not _is_spoken(type, metadata):
        return title
    found = SPEAKER.match(text[:120])
    return str(metadata.get("speaker") or (found[1] if found else ""))


def assign(connection: db.Connection, namespace: str, given: list[items.GivenItem]) -> None:
    """Give a place to what is of a document or conversation and does not say which: the next, in
    the order of the rows.

    What is there already keeps its place.
    """
    without = [row for row in given if row["metadata"].get("ordinal") is None and _thread(row)]
    if not without:
        return
    ids, threads = [row["id"] for row in without], sorted({_thread(row) for row in without})
    # Who else writes into one of them waits; in order, so that no two wait for each other.
    for thread in threads:
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [f"{namespace} {thread}"]
        )
    there = {
        row["id"]
        for row in connection.execute(
            "SELECT id FROM memory_item WHERE id = ANY(%s)", [ids]
        ).fetchall()
    }
    last = connection.execute(
        "SELECT thread, max(ordinal) AS ordinal FROM memory_item WHERE namespace = %s AND thread ="
        " ANY(%s) GROUP BY 1",
        [namespace, threads],
    ).fetchall()
    taken = {row["thread"]: row["ordinal"] for row in last if row["ordinal"] is not None}
    for row in without:
        if row["id"] in there:
            continue
        there.add(row["id"])
        thread = _thread(row)
        taken[thread] = taken.get(thread, -1) + 1
        named = {} if _thread_key(row["metadata"]) else {"session": thread}
        row["metadata"] = {**row["metadata"], **named, "ordinal": taken[thread]}


def _thread(row: items.GivenItem) -> str:
    """Return the document or session of a row; of what was said in none its day,
    of anything else nothing.
    """
    metadata = row["metadata"]
    named = _thread_key(metadata) or next(
        (metadata[name] for name in SESSION_TOO if metadata.get(name) is not None), None
    )
    if named is not None:
        return str(named)
    return (
        (row["valid_from"] or run_context.now()).date().isoformat()
        if _is_spoken(row["type"], metadata)
        else ""
    )


def _is_spoken(type: str, metadata: Any) -> bool:
    return type in SPOKEN or bool(metadata.get("speaker"))


def _thread_key(metadata: dict[str, Any]) -> Any:
    """Return the document or session as the table has it (column thread)."""
    return metadata["document"] if metadata.get("document") is not None else metadata.get("session")
