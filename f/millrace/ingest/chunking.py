# requirements:

"""Passages: pieces of a document's text that are searched and cited, each with page and offsets.

A passage keeps to one page and begins again at a heading; what is too long is cut where a line, a
sentence or a word ends. Always: the passage is `text[start:end]`, passages do not overlap, and
together they hold every word.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from f.millrace.ingest import parsed_document

# About 220 tokens: what small embedding models see at once.
SIZE = 1000
# A section that is shorter than this goes on with the next one.
LEAST = 250
SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]")


class Chunk(NamedTuple):
    """A passage: `text[start:end]`, under its headings."""

    start: int
    end: int
    page: int = 0
    heading: str = ""


def chunk(text: str, blocks: Sequence[parsed_document.Block], size: int = SIZE) -> list[Chunk]:
    """Return the passages of a text whose pieces are `blocks`, in order."""
    found: list[Chunk] = []
    open_chunk: Chunk | None = None
    alone = False  # so far the open passage is a heading only
    for block, named in _under_headings(text, blocks):
        heading = block.kind == "heading"
        for start, end in _pieces(text, block, size):
            if open_chunk is not None and _fits(open_chunk, block, heading, alone, end, size):
                open_chunk = Chunk(
                    open_chunk.start, end, open_chunk.page, named if alone else open_chunk.heading
                )
                alone = alone and heading
            else:
                if open_chunk is not None:
                    found.append(open_chunk)
                open_chunk, alone = Chunk(start, end, block.page, named), heading
    return [*found, open_chunk] if open_chunk is not None else found


def _under_headings(
    text: str, blocks: Sequence[parsed_document.Block]
) -> Iterator[tuple[parsed_document.Block, str]]:
    """Return each piece with the headings above it, its own included."""
    trail: list[tuple[int, str]] = []
    for block in blocks:
        if block.kind == "heading":
            trail = [entry for entry in trail if entry[0] < block.level]
            name = parsed_document.heading_text(text[block.start : block.end])
            trail.append((block.level, name))
        yield block, " › ".join(parsed_document.one_line(name)[:80] for _, name in trail)


def _fits(
    open_chunk: Chunk, block: parsed_document.Block, heading: bool, alone: bool, end: int, size: int
) -> bool:
    if block.page != open_chunk.page or end - open_chunk.start > size:
        return False
    return alone or not heading or open_chunk.end - open_chunk.start < LEAST


def _pieces(text: str, block: parsed_document.Block, size: int) -> Iterator[tuple[int, int]]:
    start = block.start
    while start < block.end:
        end = block.end if block.end - start <= size else _cut_position(text, start, start + size)
        piece = text[start:end]
        if piece.strip():
            yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        start = end


def _cut_position(text: str, start: int, limit: int) -> int:
    """Return the best place to cut in the second half of the window."""
    least = start + (limit - start) // 2
    line = text.rfind("\n", least, limit)
    if line >= 0:
        return line + 1
    ends = [match.end() for match in SENTENCE_END.finditer(text, least, limit)]
    if ends:
        return ends[-1]
    space = max(text.rfind(" ", least, limit), text.rfind("\t", least, limit))
    if space >= 0:
        return space + 1
    while limit > least and unicodedata.combining(text[limit]):
        limit -= 1
    return limit
