# requirements:

"""Tools to read, write and search the notes."""

import re
from datetime import datetime

from pydantic import Field

from f.millrace.core import contracts
from f.millrace.tools import notes


class Note(contracts.Contract):
    """A note."""

    path: str = Field(description="Path below the notes folder.")
    title: str
    text: str
    changed_at: datetime | None = None


class NoteHit(contracts.Contract):
    """A note that holds words of the query."""

    path: str
    title: str
    excerpt: str
    changed_at: datetime | None = None


class NoteHits(contracts.Contract):
    """Notes that match, the best first."""

    notes: list[NoteHit]


class WriteResult(contracts.Contract):
    """What was written."""

    path: str
    bytes: int
    status: str = Field(description="created, replaced, or dry_run when nothing was written.")


def read_note(path: str) -> Note:
    """Read one note by its path below the notes folder."""
    return Note(**notes.load(path)._asdict())


def write_note(path: str, text: str) -> WriteResult:
    """Write a note: a new one, or in place of the one that has this path."""
    content = text.encode("utf-8", errors="replace")
    return WriteResult(path=path, bytes=len(content), status=notes.store(path, content))


def search_notes(query: str, limit: int = 10) -> NoteHits:
    """Search the notes for words of the query; those that hold most of them come first."""
    words = list(dict.fromkeys(word.lower() for word in re.findall(r"\w{3,}", query)))
    hits: list[tuple[int, int, notes.StoredNote]] = []
    for note in notes.all_notes([]):
        body = f"{note.title}\n{note.text}".lower()
        held = [word for word in words if word in body]
        if held:
            hits.append((len(held), sum(body.count(word) for word in held), note))
    hits.sort(key=lambda hit: (-hit[0], -hit[1], hit[2].path))
    found = [
        NoteHit(
            path=note.path,
            title=note.title,
            excerpt=_excerpt(note.text, words),
            changed_at=note.changed_at,
        )
        for _, _, note in hits[: max(1, limit)]
    ]
    return NoteHits(notes=found)


def _excerpt(text: str, words: list[str], size: int = 400) -> str:
    lower = text.lower()
    first = min((place for word in words if (place := lower.find(word)) >= 0), default=0)
    start = max(0, lower.rfind("\n", 0, first) + 1 if first < 200 else first - 100)
    return text[start : start + size].strip()
