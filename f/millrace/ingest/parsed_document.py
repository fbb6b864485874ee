# requirements:

"""What a parser gives: a document's text as it will be cited, and the kind of each piece."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

from f.millrace.core import invisible

Kind = Literal["heading", "paragraph", "list", "table", "code"]
LONGEST_TITLE = 200
MOST_HEADINGS = 300
LONGEST_NAME = 45
# A table of fewer rows tells too little to be told from a form.
LEAST_FORM = 3
YEAR, VALUE = re.compile(r"(?:19|20)\d\d"), re.compile(r"(?<!\d)(?!(?:19|20)\d\d(?!\d))\d{3,}")
BLANK_LINES = re.compile(r"\n[ \t]*\n+")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
# Of 3/4/2026 nobody knows the month.
FORMS = ("%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y")
SURROGATE = re.compile("[\ud800-\udfff]")


class Unreadable(Exception):
    """The document cannot be read; the message says why and what to do."""


class Damaged(Unreadable):
    """The document is broken; what could be read of it all the same is `partial`, if anything."""

    def __init__(self, words: str, partial: "Parsed | None" = None) -> None:
        super().__init__(words)
        self.partial = partial


class Block(NamedTuple):
    """A piece of the text: `text[start:end]`."""

    start: int
    end: int
    kind: Kind = "paragraph"
    page: int = 0  # 1 is the first; 0: the format has no pages
    level: int = 0  # of a heading, 1 the highest


@dataclass
class Parsed:
    """A document that was read.

    Attributes:
        unit: What `page` counts: page, slide or sheet; empty when the text has lines only.
        notes: What a person should know although the document could be read.
        unread_pages: Pages that are pictures, when no OCR is at hand.
    """

    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    author: str = ""
    dated_at: datetime | None = None
    language: str = ""
    unit: str = ""
    pages: int = 0
    notes: list[str] = field(default_factory=list)
    unread_pages: int = 0
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, text: str, kind: Kind = "paragraph", page: int = 0, level: int = 0) -> None:
        """Append a piece, two line ends after the one before."""
        text = clean(text).strip()
        if not text:
            return
        if self.text:
            self.text += "\n\n"
        start = len(self.text)
        self.text += text
        self.blocks.append(Block(start, len(self.text), kind, page, level))

    def add_rows(self, rows: Sequence[Sequence[str]], page: int = 0) -> None:
        """Append a table."""
        self.add(rows_as_text(rows), "table", page)

    def headings(self) -> list[dict[str, Any]]:
        """Return the headings in order: text, level, page, offset."""
        found = [block for block in self.blocks if block.kind == "heading"]
        return [
            {
                "text": heading_text(self.text[b.start : b.end]),
                "level": b.level,
                "page": b.page,
                "offset": b.start,
            }
            for b in found[:MOST_HEADINGS]
        ]


def heading_text(text: str) -> str:
    """Return a heading without the marks that Markdown puts before or below it."""
    return text.partition("\n")[0].strip("# \t")[:LONGEST_TITLE]


def clean(text: str) -> str:
    """Return the text with plain line ends and without characters that no reader sees and no
    database stores.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\v", "\n").replace("\f", "\n")
    return SURROGATE.sub("\ufffd", invisible.strip(CONTROL.sub("", text)))


def one_line(text: str) -> str:
    """Return the text on one line."""
    return " ".join(text.split())


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Return where each paragraph begins and ends; blank lines stand between them."""
    found, start = [], 0
    for gap in [*BLANK_LINES.finditer(text), None]:
        end = gap.start() if gap else len(text)
        inner = text[start:end]
        if inner.strip():
            found.append((start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())))
        start = gap.end() if gap else end
    return found


def rows_as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return a table one row a line, so that a line says what it is about wherever the text is cut.

    With a header each line reads `Column: value; Column: value`; otherwise the cells stand between
    bars.
    """
    filled = _without_empty(rows)
    # A title above the table is in one cell.
    first = next((number for number, row in enumerate(filled) if sum(map(bool, row)) > 1), 0)
    lines, table = ["".join(row) for row in filled[:first]], filled[first:]
    return "\n".join([*lines, *_rows_in_words(table)])


def _rows_in_words(table: Sequence[list[str]]) -> list[str]:
    """Return each row as a line, with the names of its columns where there are any."""
    if _names_values(table):
        return [_named(row[:1], row[1:]) for row in table]
    if len(table) < 2 or not _is_header(table[0]):
        return [" | ".join(row).rstrip(" |") for row in table]
    # A column of which no row says anything is still a word of the table.
    unused = [name for name, *values in zip(*table, strict=True) if not any(values)]
    return [*unused, *(_named(table[0], row) for row in table[1:])]


def _without_empty(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the rows, all of one length, without the rows and columns in which nothing stands."""
    plain = [[one_line(cell) for cell in row] for row in rows]
    wide = max(map(len, plain), default=0)
    full = [row + [""] * (wide - len(row)) for row in plain if any(row)]
    used = [column for column in range(wide) if any(row[column] for row in full)]
    return [[row[column] for column in used] for row in full]


def _named(names: list[str], row: list[str]) -> str:
    cells = [(name, cell) for name, cell in zip(names, row, strict=True) if cell]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in cells)


def _names_values(table: Sequence[list[str]]) -> bool:
    """Tell whether each row of a table is a name with its value, as on a form: two columns, and
    below each other in the second stand values of several kinds.
    """
    if len(table) < LEAST_FORM or any(len(row) != 2 or not all(row) for row in table):
        return False
    names, values = zip(*table, strict=True)
    numbers = [any(map(str.isdigit, value)) for value in values]
    fits = all(
        len(name) <= LONGEST_NAME and not any(map(str.isdigit, name)) and not name.endswith(":")
        for name in names
    )
    return fits and len(set(names)) == len(names) and 0 < sum(numbers[1:]) < len(numbers) - 1


def _is_header(row: Sequence[str]) -> bool:
    """Tell whether a row names columns: short words or years, each once, and no number that is a
    value.
    """
    names = [cell for cell in row if cell]
    named = all(
        YEAR.fullmatch(name) or (re.search(r"[^\W\d_]", name) and not VALUE.search(name))
        for name in names
    )
    short = all(len(name) <= LONGEST_NAME for name in names)
    return (
        2 * len(names) > len(row)
        and len(names) >= 2
        and named
        and short
        and len(set(names)) == len(names)
    )


def moment(value: Any) -> datetime | None:
    """Return a date in whatever form a document has it, in UTC; None when it is not one."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str):
        return None
    text = value.strip()
    pdf = re.fullmatch(
        r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?'?)?.*", text
    )
    try:
        if pdf:
            year, month, day, hour, minute, second = (
                int(part) if part else None for part in pdf.groups()[:6]
            )
            zone = f"{pdf[7]}{pdf[8]}:{pdf[9] or '00'}" if pdf[7] else "+00:00"
            plain = (
                f"{year:04}-{month or 1:02}-{day or 1:02}"
                f"T{hour or 0:02}:{minute or 0:02}:{second or 0:02}{zone}"
            )
            return datetime.fromisoformat(plain)
        found = _written(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _written(text: str) -> datetime:
    """Return a date as people, mails and office programs write it; ValueError when it is none."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(text)
    for form in FORMS:
        with contextlib.suppress(ValueError):
            return datetime.strptime(text.partition(";")[0], form)
    return parsedate_to_datetime(text)
