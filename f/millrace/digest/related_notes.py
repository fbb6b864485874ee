# requirements:

"""What an owner wrote down about a public topic: notes, documents, memories that speak of it.

It is for the owner's own edition, read when that is composed and kept nowhere else: no model and no
search is asked with it, and no finding cites it.
"""

from __future__ import annotations

import re

from f.millrace.core import db, errors
from f.millrace.digest import content_loader
from f.millrace.memory import additions, documents, recall
from f.millrace.stories import related
from f.millrace.tools import notes

# At so many a reader is shown the best of them, not all.
MOST = 3
MEMORIES = 20
BACKGROUND = 3000
LONGEST_LINE = 220
MARKUP = re.compile(r"(?m)^[^\S\n]*+(?:#{1,6}|[-*+]|\d++[.)])\s++|[*_`]{1,3}")


class OwnerTexts:
    """The owner's notes and memory, to be asked about topics one after the other."""

    def __init__(self, namespace: str) -> None:
        # A dry run reads the memory of the real one.
        self.namespace = "main" if namespace.startswith("dry-") else namespace
        self._notes = _read_notes()
        self._types = additions.list_types(self.namespace)
        self._background = [
            row["title"]
            for row in db.fetch_all(
                "SELECT title FROM source_item WHERE namespace = %s AND share_keys = '{}' ORDER BY"
                " first_seen_at DESC, id LIMIT %s",
                [self.namespace, BACKGROUND],
            )
        ]

    def find(self, title: str, text: str) -> list[content_loader.OwnText]:
        """Return what speaks of a topic with this title and text, the nearest first; mostly
        nothing.
        """
        own = [*self._notes, *self._recall(title)]
        passages = [related.Passage(one.title, one.line) for one in own]
        found: dict[str, content_loader.OwnText] = {}
        for match in related.find(title, text, passages, self._background):
            one = own[match.place]
            # Of one note the best passage; a note that was read as a document too is told once.
            found.setdefault(
                one.title.casefold(), one._replace(line=_one_line(match.sentence, one.title))
            )
        return list(found.values())[:MOST]

    def _recall(self, title: str) -> list[content_loader.OwnText]:
        if not self._types:
            return []
        results = recall.search(
            title, MEMORIES, namespace=self.namespace, types=self._types, plan="similar"
        ).results
        known = documents.titles_of(
            [result.citation["document"] for result in results if "document" in result.citation]
        )
        return [_of_memory(result, known) for result in results]


def _of_memory(result: recall.Result, known: dict[str, documents.Title]) -> content_loader.OwnText:
    memory = result.memory
    document = known.get(result.citation.get("document", ""))
    if document:
        return content_loader.OwnText("documents", document.title, document.at, memory.text)
    title = memory.title or _one_line(memory.text, "")
    return content_loader.OwnText(
        "memory", title, memory.valid_from or memory.recorded_at, memory.text
    )


def _read_notes() -> list[content_loader.OwnText]:
    """Return the passages of the notes; none where there is no folder or it cannot be read."""
    try:
        found = list(notes.all_notes([]))
    except errors.MillraceError:
        return []
    return [
        content_loader.OwnText("notes", note.title, note.changed_at, passage)
        for note in found
        for passage in _passages(note)
    ]


def _passages(note: notes.StoredNote) -> list[str]:
    parts = [MARKUP.sub("", part).strip() for part in re.split(r"\n\s*\n", note.text)]
    return [part for part in parts if part and part != note.title]


def _one_line(text: str, title: str) -> str:
    line = " ".join(MARKUP.sub("", text).split())
    line = line.removeprefix(title).lstrip(" .:–-") if title and line != title else line
    if len(line) <= LONGEST_LINE:
        return line
    return line[: LONGEST_LINE - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
