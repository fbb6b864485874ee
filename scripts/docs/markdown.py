"""Markdown from what the code knows: tables, and blocks inside pages that people write."""

import re
from collections.abc import Iterable, Mapping

from f.millrace.core.errors import NotFound

BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; what would end a cell is escaped."""
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)


def cell(text: str) -> str:
    """Return a text in one line in which no `|` ends the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Return a text as code, or nothing for nothing."""
    return f"`{text}`" if text else ""


def page(title: str, source: str, *parts: str) -> str:
    """Return a page that is generated as a whole and says from what."""
    note = f"Generated from {source} by `scripts/millrace docs write`."
    return "\n".join([f"# {title}\n", f"{note}\n", *parts])


def fill(text: str, blocks: Mapping[str, str]) -> str:
    """Return a page with its generated blocks filled in; NotFound names a block that it lacks."""
    if missing := blocks.keys() - {name for _, name, _ in BLOCK.findall(text)}:
        raise NotFound(
            f"the page has no block {', '.join(sorted(missing))}; write"
            " `<!-- generated: NAME -->` and `<!-- end -->` where it belongs"
        )
    return BLOCK.sub(
        lambda found: found[1] + blocks[found[2]] + found[3] if found[2] in blocks else found[0],
        text,
    )
