"""PDF: lines with their places become paragraphs, headings and rows of tables; pages that are pictures go through OCR."""

import ctypes
import io
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from f.millrace.ingest import ocr
from f.millrace.ingest.parsed import Block, Parsed, Unreadable, moment, one_line

# A page with less text than this is looked at as a picture.
LEAST_TEXT = 20
# Times the usual size of letters: larger lines are headings.
LARGER = 1.18
# Times the height of a line: a wider space parts two cells, a wider gap two paragraphs.
CELL_GAP, PARAGRAPH_GAP = 1.4, 0.75
OCR_SCALE = 200 / 72
# The dots of a table of contents; what they stand behind is no heading.
LEADERS = re.compile(r"(?:\s*\.){4,}\s*")
# Part of the pages that must carry a line at their edge for it to be a running head.
RUNNING = 0.6


@dataclass
class Line:
    """A line of a page: its cells, the height of its letters, its top and bottom in points from the page's foot."""

    cells: list[str]
    size: float
    top: float
    bottom: float
    page: int
    width: float = 0

    @property
    def text(self) -> str:
        return " ".join(self.cells)


def parse_pdf(data: bytes, most_pages: int, languages: str) -> Parsed:
    """Read a PDF."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        words = str(error).lower()
        if "password" in words or "security" in words:
            raise Unreadable("is encrypted; save it without a password") from error
        raise Unreadable(f"is corrupt: {one_line(str(error))}") from error
    parsed = Parsed(unit="page", pages=len(pdf))
    if len(pdf) > most_pages:
        raise Unreadable(f"has {len(pdf):,} pages, at most {most_pages:,} are read (setting document_max_pages)")
    _properties(pdf, parsed)
    pages, pictures = [], {}
    for index in range(len(pdf)):
        lines = _page(pdf, index, parsed)
        if sum(len(line.text) for line in lines) < LEAST_TEXT:
            pictures[index + 1] = _by_ocr(pdf, index, languages, parsed)
        pages.append(lines)
    _without_running_heads(pages)
    usual = _usual_size(pages)
    for number, lines in enumerate(pages, 1):
        if pictures.get(number):
            for paragraph in pictures[number].split("\n\n"):
                parsed.add(paragraph, page=number)
        else:
            _blocks(lines, usual, parsed)
    if not parsed.title:
        parsed.title = _largest(parsed)
    return parsed


def _properties(pdf: Any, parsed: Parsed) -> None:
    found = pdf.get_metadata_dict(skip_empty=True)
    title = one_line(found.get("Title", ""))
    # What a word processor fills in by itself is no title.
    parsed.title = "" if title.lower().endswith((".doc", ".docx", ".tex", ".dvi", ".indd")) or title == "untitled" else title
    parsed.author = one_line(found.get("Author", ""))
    parsed.dated_at = moment(found.get("ModDate")) or moment(found.get("CreationDate"))


def _page(pdf: Any, index: int, parsed: Parsed) -> list[Line]:
    import pypdfium2

    try:
        page = pdf[index]
        textpage = page.get_textpage()
        lines = list(_lines(textpage, index + 1))
        textpage.close()
        page.close()
        return lines
    except pypdfium2.PdfiumError as error:
        parsed.notes.append(f"page {index + 1} cannot be read: {one_line(str(error))}")
        return []


def _lines(textpage: Any, number: int) -> Iterator[Line]:
    """Yield the lines of a page in reading order, cut into cells where a wide space is."""
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
            letters.append(("\u00ad" if letter in "\x02\ufffe" else letter, box.left, box.right, box.top, box.bottom))
    if letters:
        yield from _line(letters, number)


def _line(letters: list[tuple[str, float, float, float, float]], number: int) -> Iterator[Line]:
    seen = [letter for letter in letters if letter[0].strip()]
    if not seen:
        return
    size = statistics.median(letter[3] - letter[4] for letter in seen)
    cells, right = [""], seen[0][1]
    space = False
    for letter, left, end, _, _ in letters:
        if not letter.strip():
            space = True
            continue
        if left - right > CELL_GAP * max(size, 1):
            cells.append("")
        elif space and cells[-1]:
            cells[-1] += " "
        cells[-1] += letter
        right, space = end, False
    top, bottom = max(letter[3] for letter in seen), min(letter[4] for letter in seen)
    yield Line([cell for cell in cells if cell], size, top, bottom, number, right - seen[0][1])


def _by_ocr(pdf: Any, index: int, languages: str, parsed: Parsed) -> str:
    page = pdf[index]
    if not any(True for _ in page.get_objects(max_depth=3)):
        return ""  # an empty page
    if not ocr.present():
        parsed.unread_pages += 1
        return ""
    picture = io.BytesIO()
    page.render(scale=OCR_SCALE, grayscale=True).to_pil().save(picture, "PNG")
    return ocr.read(picture.getvalue(), languages)


def _without_running_heads(pages: list[list[Line]]) -> None:
    """Remove the lines that stand at the top or foot of most pages, whatever number is in them."""
    if len(pages) < 3:
        return
    edges = [{_bare(line) for line in [*lines[:1], *lines[-1:]]} for lines in pages if lines]
    count = Counter(text for texts in edges for text in texts)
    running = {text for text, times in count.items() if times >= max(3, RUNNING * len(pages))}
    for lines in pages:
        if len(lines) > 1 and _bare(lines[0]) in running:
            lines.pop(0)
        if len(lines) > 1 and _bare(lines[-1]) in running:
            lines.pop()


def _bare(line: Line) -> str:
    return "".join(letter for letter in line.text.lower() if letter.isalpha())


def _usual_size(pages: list[list[Line]]) -> float:
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0


def _blocks(lines: list[Line], usual: float, parsed: Parsed) -> None:
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
    if (len(before.cells) > 1) != (len(line.cells) > 1):
        return False
    if abs(before.size - line.size) > 0.12 * max(before.size, line.size):
        return False
    gap = before.bottom - line.top
    if len(line.cells) > 1:
        return gap < 3 * line.size
    return -line.size < gap < PARAGRAPH_GAP * line.size or not usual


def _close(group: list[Line], usual: float, parsed: Parsed) -> None:
    page = group[0].page
    if len(group[0].cells) > 1 and len(group) > 1:
        parsed.add_rows([line.cells for line in group], page)
        parsed.details["tables"] = parsed.details.get("tables", 0) + 1
        return
    text = ""
    for line in group:
        if text.endswith("\u00ad"):
            text = text[:-1] + line.text
        else:
            text += (" " if text else "") + line.text
    text, leaders = LEADERS.subn(" … ", text.replace("\u00ad", ""))
    if not leaders and usual and group[0].size >= LARGER * usual and len(text) <= 200:
        parsed.add(text, "heading", page, _heading_level(group[0].size / usual))
    else:
        parsed.add(text, page=page)


def _heading_level(times: float) -> int:
    return 1 if times >= 1.7 else 2 if times >= 1.35 else 3


def _largest(parsed: Parsed) -> str:
    first = [block for block in parsed.blocks if block.kind == "heading" and block.page == 1]
    best: Block | None = min(first, key=lambda block: (block.level, block.start), default=None)
    return parsed.text[best.start : best.end] if best else ""
