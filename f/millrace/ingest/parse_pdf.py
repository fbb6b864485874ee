# requirements:

"""PDF: lines with their places become paragraphs, headings and rows of tables; pages that are
pictures go through OCR.
"""

import bisect
import ctypes
import io
import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from f.millrace.ingest import ocr, parsed_document

# A page with less text than this is looked at as a picture.
LEAST_TEXT = 20
# Times the usual size of letters: larger lines are headings.
LARGER = 1.18
# Times the height of a line: a wider space parts two cells, a wider gap two paragraphs or two
# headings.
CELL_GAP, PARAGRAPH_GAP, HEADING_GAP = 1.4, 0.75, 0.25
# Cells of so many lines, of so many letters each, are columns of text.
COLUMN_LINES, COLUMN_WIDTH = 5, 25
OCR_SCALE = 200 / 72
# The dots of a table of contents; what they stand behind is no heading.
LEADERS = re.compile(r"(?<!\s)(?:\s*+\.){4,}+\s*+")
# Part of the pages that must carry a line at their edge for it to be a running head.
RUNNING = 0.6


class Word(NamedTuple):
    """A word and where it stands."""

    text: str
    left: float
    right: float


@dataclass
class Line:
    """A line of a page: its words with their left and right, the height of its letters, top and
    bottom in points from the foot.
    """

    words: list[Word]
    size: float
    top: float
    bottom: float
    page: int

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """From where to where there is a space so wide that it parts two cells."""
        pairs = itertools.pairwise(self.words)
        return [
            (one.right, two.left)
            for one, two in pairs
            if two.left - one.right > CELL_GAP * max(self.size, 1)
        ]


def parse_pdf(data: bytes, most_pages: int, languages: str) -> parsed_document.Parsed:
    """Read a PDF."""
    pdf = _opened(data)
    parsed = parsed_document.Parsed(unit="page", pages=len(pdf))
    if len(pdf) > most_pages:
        raise parsed_document.Unreadable(
            f"has {len(pdf):,} pages, at most {most_pages:,} are read (setting document_max_pages)"
        )
    _properties(pdf, parsed)
    if pdf.get_formtype():
        pdf.init_forms()
    pages, pictures = [], {}
    for index in range(len(pdf)):
        lines = _page(pdf, index, parsed)
        if sum(len(line.text) for line in lines) < LEAST_TEXT:
            pictures[index + 1] = _read_by_ocr(pdf, index, languages, parsed)
        pages.append(lines)
    usual = _usual_size(pages)
    _without_running_heads(pages, usual)
    for number, lines in enumerate(pages, 1):
        if pictures.get(number):
            for paragraph in pictures[number].split("\n\n"):
                parsed.add(paragraph, page=number)
        else:
            _blocks(lines, usual, parsed)
    if not parsed.title:
        parsed.title = _largest(parsed)
    return parsed


def _opened(data: bytes) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        words = str(error).lower()
        if "password" in words or "security" in words:
            raise parsed_document.Unreadable("is encrypted; save it without a password") from error
        raise parsed_document.Unreadable(
            f"is corrupt: {parsed_document.one_line(str(error))}"
        ) from error


def _properties(pdf: Any, parsed: parsed_document.Parsed) -> None:
    found = pdf.get_metadata_dict(skip_empty=True)
    title = parsed_document.one_line(found.get("Title", ""))
    # What a word processor fills in by itself is no title.
    parsed.title = (
        ""
        if title.lower().endswith((".doc", ".docx", ".tex", ".dvi", ".indd")) or title == "untitled"
        else title
    )
    author = parsed_document.one_line(found.get("Author", ""))
    parsed.author = "" if author.strip("()").lower() in ("anonymous", "unknown") else author
    parsed.dated_at = parsed_document.moment(found.get("ModDate")) or parsed_document.moment(
        found.get("CreationDate")
    )


def _page(pdf: Any, index: int, parsed: parsed_document.Parsed) -> list[Line]:
    import pypdfium2

    try:
        page = pdf[index]
        if pdf.formenv:
            # What was filled in becomes text of the page, once it is loaded again.
            page.flatten()
            page.close()
            page = pdf[index]
        textpage = page.get_textpage()
        lines = list(_lines(textpage, index + 1))
        textpage.close()
        page.close()
        return lines
    except pypdfium2.PdfiumError as error:
        parsed.notes.append(
            f"page {index + 1} cannot be read: {parsed_document.one_line(str(error))}"
        )
        return []


def _lines(textpage: Any, number: int) -> Iterator[Line]:
    """Yield the lines of a page in reading order."""
    import pypdfium2.raw as raw

    handle, count = textpage.raw, textpage.count_chars()
    box = raw.FS_RECTF()
    pointer = ctypes.byref(box)
    letters: list[tuple[str, float, float, float, float]] = []
    for index in range(count):
        letter = chr(raw.FPDFText_GetUnicode(handle, index))
        if letter in "\r\n":
            if letters:
                yield from _line(letters, number)
            letters = []
        elif letter not in "\x00\ufeff" and raw.FPDFText_GetLooseCharBox(handle, index, pointer):
            # A hyphen at a line's end comes as U+0002 or U+FFFE.
            letters.append(
                (
                    "\u00ad" if letter in "\x02\ufffe" else letter,
                    box.left,
                    box.right,
                    box.top,
                    box.bottom,
                )
            )
    if letters:
        yield from _line(letters, number)


def _line(letters: list[tuple[str, float, float, float, float]], number: int) -> Iterator[Line]:
    seen = [letter for letter in letters if letter[0].strip()]
    if not seen:
        return
    size = statistics.median(letter[3] - letter[4] for letter in seen)
    words: list[Word] = []
    space = True
    for letter, left, right, _, _ in letters:
        if not letter.strip():
            space = True
        elif space or left - words[-1].right > CELL_GAP * max(size, 1):
            words.append(Word(letter, left, right))
            space = False
        else:
            words[-1] = Word(words[-1].text + letter, words[-1].left, right)
    top, bottom = max(letter[3] for letter in seen), min(letter[4] for letter in seen)
    yield Line(words, size, top, bottom, number)


def _read_by_ocr(pdf: Any, index: int, languages: str, parsed: parsed_document.Parsed) -> str:
    page = pdf[index]
    if not any(True for _ in page.get_objects(max_depth=3)):
        return ""  # an empty page
    if not ocr.is_installed():
        parsed.unread_pages += 1
        return ""
    picture = io.BytesIO()
    page.render(scale=OCR_SCALE, grayscale=True).to_pil().save(picture, "PNG")
    return ocr.read(picture.getvalue(), languages)


def _without_running_heads(pages: list[list[Line]], usual: float) -> None:
    """Remove the lines that stand highest or lowest on most pages, whatever number is in them;
    larger ones are headings.
    """
    if len(pages) < 3:
        return
    edges = [
        {max(lines, key=lambda line: line.top).text, min(lines, key=lambda line: line.bottom).text}
        for lines in pages
        if lines
    ]
    count = Counter(bare for texts in edges for bare in {_letters_only(text) for text in texts})
    running = {text for text, times in count.items() if times >= max(3, RUNNING * len(pages))}
    for lines in filter(None, pages):
        for edge in (
            max(lines, key=lambda line: line.top),
            min(lines, key=lambda line: line.bottom),
        ):
            if (
                len(lines) > 1
                and edge in lines
                and _letters_only(edge.text) in running
                and edge.size < LARGER * usual
            ):
                lines.remove(edge)


def _letters_only(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha())


def _usual_size(pages: list[list[Line]]) -> float:
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0


def _blocks(lines: list[Line], usual: float, parsed: parsed_document.Parsed) -> None:
    group: list[Line] = []
    for line in lines:
        if group and not _goes_on(group[-1], line, usual):
            _close(group, usual, parsed)
            group = []
        group.append(line)
    if group:
        _close(group, usual, parsed)


def _goes_on(before: Line, line: Line, usual: float) -> bool:
    """Tell whether two lines belong to one paragraph, heading or table."""
    if bool(before.gaps) != bool(line.gaps):
        return False
    if abs(before.size - line.size) > 0.12 * max(before.size, line.size):
        return False
    gap = before.bottom - line.top
    if line.gaps:
        return gap < 3 * line.size
    most = HEADING_GAP if line.size >= LARGER * usual else PARAGRAPH_GAP
    return -line.size < gap < most * line.size or not usual


def _close(group: list[Line], usual: float, parsed: parsed_document.Parsed) -> None:
    page = group[0].page
    if group[0].gaps and len(group) > 1:
        rows = _rows(group)
        if _are_columns_of_text(rows):
            for column in zip(*rows, strict=True):
                parsed.add(_join_lines(column), page=page)
            return
        parsed.add_rows(rows, page)
        parsed.details["tables"] = parsed.details.get("tables", 0) + 1
        return
    text = _join_lines(line.text for line in group)
    text, leaders = LEADERS.subn(" … ", text)
    if not leaders and usual and group[0].size >= LARGER * usual and len(text) <= 200:
        parsed.add(text, "heading", page, _heading_level(group[0].size / usual))
    else:
        parsed.add(text, page=page)


def _join_lines(lines: Iterable[str]) -> str:
    """Return the text of lines, words that were parted at their ends in one."""
    text = ""
    for line in lines:
        text = text[:-1] + line if text.endswith("\u00ad") else f"{text} {line}".strip()
    return text.replace("\u00ad", "")


def _are_columns_of_text(rows: list[list[str]]) -> bool:
    """Tell whether what looks like a table is a page in columns, written across them."""
    if len(rows) < COLUMN_LINES or len(set(map(len, rows))) > 1:
        return False
    return all(
        statistics.median(map(len, column)) >= COLUMN_WIDTH for column in zip(*rows, strict=True)
    )


def _rows(group: list[Line]) -> list[list[str]]:
    """Return the cells of a table: it is cut where no line has a word and at least one a wide
    space.
    """
    gaps = [gap for line in group for gap in line.gaps]
    words = sorted((word.left, word.right) for line in group for word in line.words)
    cuts, reach = [], words[0][1]
    for left, right in words:
        if left > reach and any(gap[0] <= reach and left <= gap[1] for gap in gaps):
            cuts.append(left)
        reach = max(reach, right)
    if len(cuts) < max(len(line.gaps) for line in group):
        cuts = []  # the columns are not one below the other
    return [_cells(line, cuts or [right for _, right in line.gaps]) for line in group]


def _cells(line: Line, cuts: list[float]) -> list[str]:
    cells = [""] * (len(cuts) + 1)
    for word in line.words:
        place = bisect.bisect_right(cuts, word.left)
        cells[place] += f" {word.text}" if cells[place] else word.text
    return cells


def _heading_level(times: float) -> int:
    return 1 if times >= 1.7 else 2 if times >= 1.35 else 3


def _largest(parsed: parsed_document.Parsed) -> str:
    first = [block for block in parsed.blocks if block.kind == "heading" and block.page == 1]
    best: parsed_document.Block | None = min(
        first, key=lambda block: (block.level, block.start), default=None
    )
    return parsed.text[best.start : best.end] if best else ""
