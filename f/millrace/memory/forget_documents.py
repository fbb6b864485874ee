# requirements:

"""Forgetting inside documents: the words go, and every other citation still opens at its passage.

What a forgotten passage said, and each mention that is left, is written over letter by letter:
offsets, pages and lines stay as they were.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db
from f.millrace.memory import erase, subject_pattern

if TYPE_CHECKING:

    class DeletedItem(TypedDict):
        """Where a deleted item stood in its thread."""

        namespace: str
        thread: str | None
        ordinal: int | None

    class PassagePlace(TypedDict):
        """Where a passage stands in its document."""

        document_id: str
        item_id: str
        start_at: int
        end_at: int


FILLER = "█"
LETTER = re.compile(r"\S")


def passages(connection: db.Connection) -> list[PassagePlace]:
    """Return where each passage stands; to be asked before memories are deleted,
    which takes their passages along.
    """
    return connection.execute(
        "SELECT document_id, item_id, start_at, end_at FROM document_passage"
    ).fetchall()


def write_over(
    connection: db.Connection, before: list[PassagePlace], subject: subject_pattern.SubjectPattern
) -> int:
    """Write over the passages that are gone since `before`, and over what else mentions the
    subject; how many documents.
    """
    left = {
        row["item_id"]
        for row in connection.execute("SELECT DISTINCT item_id FROM document_passage").fetchall()
    }
    gone: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in before:
        if row["item_id"] not in left:
            gone[row["document_id"]].append((row["start_at"], row["end_at"]))
    body = next(
        column for column in erase.columns() if (column.table, column.name) == ("document", "body")
    )
    found = connection.execute(
        f"SELECT id, body FROM document WHERE id = ANY(%(gone)s) OR {erase.mentions(body)}"  # type: ignore[arg-type]
        " ORDER BY id FOR UPDATE",
        {"gone": list(gone), **erase.values(subject)},
    ).fetchall()
    for row in found:
        text = _blank_subject(row["body"], gone[row["id"]], subject)
        connection.execute("UPDATE document SET body = %s WHERE id = %s", [text, row["id"]])
    return len(found)


def drop_stale_vectors(connection: db.Connection, deleted: list[DeletedItem]) -> int:
    """Take the vectors that were made with a deleted text before them, and those only; they are
    made again. How many.
    """
    after = [
        (row["namespace"], row["thread"], row["ordinal"] + 1)
        for row in deleted
        if row["thread"] and row["ordinal"] is not None
    ]
    if not after:
        return 0
    spaces, threads, ordinals = (list(column) for column in zip(*after, strict=True))
    rows = connection.execute(
        "UPDATE memory_item m SET embedding = NULL, embedding_model = NULL FROM unnest(%s::text[],"
        " %s::text[], %s::int[]) AS after (namespace, thread, ordinal) WHERE m.namespace ="
        " after.namespace AND m.thread = after.thread AND m.ordinal = after.ordinal RETURNING m.no",
        [spaces, threads, ordinals],
    ).fetchall()
    connection.execute(
        "DELETE FROM memory_vector WHERE item = ANY(%s)", [[row["no"] for row in rows]]
    )
    return len(rows)


def _blank_subject(
    body: str, gone: list[tuple[int, int]], subject: subject_pattern.SubjectPattern
) -> str:
    letters = list(body)
    for start, end in [*gone, *(found.span() for found in subject.python.finditer(body))]:
        letters[start:end] = LETTER.sub(FILLER, body[start:end])
    return "".join(letters)
