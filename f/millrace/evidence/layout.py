# requirements:

"""Layout: a passage of a document as lines that say by themselves what they are about.

What a reader sees by its place (a cell under its column, entries of a list under their heading) is
said in words, so that a line can be quoted alone. No word is added.
"""

import re
from collections.abc import Sequence

# A heading inside a passage; with a full stop it does not run into the sentence below it. A label
# with its value is none.
HEADING_LINE = re.compile(r"(?m)^#*[ \t]*(?![^\n:]{1,45}:\s)([^\n]{1,80}[^\n.!?:;,])\n\n")
# Below the head of a table in Markdown.
RULE = re.compile(r"\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?)?")
ITEM = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+(?P<text>\S.*)")
# Above a list: a heading, or a line that ends with a colon.
LABEL = re.compile(r"(?:#+\s*)?(?P<label>[^\W\d_][^.:;!?|\n]{0,44}):?")
# An entry that is longer, or ends as sentences do, stands alone.
LONGEST_ITEM, FEWEST_ITEMS = 60, 2


def as_lines(text: str) -> str:
    """Return a text whose tables and short lists are lines of the form `label: value`."""
    lines = text.split("\n")
    told: list[str] = []
    place = 0
    while place < len(lines):
        rows = _rows_at(lines, place)
        items = [] if rows else _items_at(lines, place)
        told += [_row(rows[0], row) for row in rows[1:]] if rows else []
        if items:
            told.append(f"{_label_of(lines[place])}: {', '.join(items)}")
        elif not rows:
            told.append(lines[place])
        place += len(rows) + 1 if rows else _until_last_item(lines, place, len(items))
    return HEADING_LINE.sub(r"\1.\n\n", "\n".join(told))


def _rows_at(lines: Sequence[str], place: int) -> list[list[str]]:
    """Return the head and the rows of a Markdown table that begins here; nothing when none does."""
    if "|" not in lines[place] or not RULE.fullmatch("".join(lines[place + 1 : place + 2]).strip()):
        return []
    rows = [_cells(lines[place])]
    for line in lines[place + 2 :]:
        if "|" not in line:
            break
        rows.append(_cells(line))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _row(names: Sequence[str], row: Sequence[str]) -> str:
    named = [*names, *[""] * (len(row) - len(names))]
    cells = [(name, cell) for name, cell in zip(named, row, strict=False) if cell]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in cells)


def _label_of(line: str) -> str:
    found = LABEL.fullmatch(line.strip())
    return found["label"].strip() if found else ""


def _items_at(lines: Sequence[str], place: int) -> list[str]:
    """Return the short entries of the list below the label that stands here."""
    if ITEM.fullmatch(lines[place]) or not _label_of(lines[place]):
        return []
    items: list[str] = []
    for line in lines[place + 1 :]:
        item = ITEM.fullmatch(line)
        if item is None and line.strip():
            break
        if item is not None:
            items.append(item["text"].strip())
    fits = all(len(item) <= LONGEST_ITEM and item[-1] not in ".!?;:" for item in items)
    return items if len(items) >= FEWEST_ITEMS and fits else []


def _until_last_item(lines: Sequence[str], place: int, items: int) -> int:
    """Return how many lines the label and so many entries below it take."""
    taken = 1
    while items:
        items -= ITEM.fullmatch(lines[place + taken]) is not None
        taken += 1
    return taken
