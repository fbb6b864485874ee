"""Word documents, presentations and spreadsheets."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from f.millrace.ingest.parsed import Parsed, Unreadable, moment, one_line

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
CORE = {
    "title": "{http://purl.org/dc/elements/1.1/}title",
    "author": "{http://purl.org/dc/elements/1.1/}creator",
    "language": "{http://purl.org/dc/elements/1.1/}language",
    "modified": "{http://purl.org/dc/terms/}modified",
    "created": "{http://purl.org/dc/terms/}created",
}
MOST_ROWS = 200_000


def parse_docx(data: bytes) -> Parsed:
    """Read a Word document; its pages are known when Word has laid it out, or by its own page breaks."""
    import docx

    document = _opened(docx.Document, data)
    parsed = Parsed()
    _properties(data, parsed)
    body = document.element.body
    laid_out = body.find(f".//{WORD}lastRenderedPageBreak") is not None
    page, paged = 1, False
    for part in document.iter_inner_content():
        breaks = _breaks(part._element, laid_out)
        paged = paged or breaks > 0
        if hasattr(part, "rows"):
            parsed.add_rows([[cell.text for cell in _once(row.cells)] for row in part.rows], page)
            parsed.details["tables"] = parsed.details.get("tables", 0) + 1
            page += breaks
        else:
            # A break at the beginning of a paragraph counts for it, another one for what follows.
            first = breaks if breaks and _begins_with_break(part._element) else 0
            level = _level(part)
            listed = part._element.find(f"./{WORD}pPr/{WORD}numPr") is not None
            text = f"- {part.text}" if listed and not level and part.text.strip() else part.text
            parsed.add(text, "heading" if level else "list" if listed else "paragraph", page + first, level)
            page += breaks
    if paged:
        parsed.unit, parsed.pages = "page", page
    else:
        parsed.blocks = [type(block)(block.start, block.end, block.kind, 0, block.level) for block in parsed.blocks]
    return parsed


def _opened(open_file: Any, data: bytes) -> Any:
    try:
        return open_file(io.BytesIO(data))
    except Exception as error:  # zipfile, lxml and the libraries raise many kinds on broken files
        raise Unreadable(f"is corrupt: {one_line(str(error))[:200] or type(error).__name__}") from error


def _level(paragraph: Any) -> int:
    """Return the level of a heading, 0 for any other paragraph."""
    style = paragraph.style
    name = f"{getattr(style, 'style_id', '')} {getattr(style, 'name', '')}".lower()
    if name.startswith("title"):
        return 1
    if name.startswith("heading") and paragraph.text.strip():
        digits = "".join(letter for letter in name.split()[0] if letter.isdigit())
        return min(int(digits or 1), 6)
    outline = paragraph._element.find(f"./{WORD}pPr/{WORD}outlineLvl")
    level = int(outline.get(f"{WORD}val") or 9) if outline is not None else 9
    return level + 1 if level < 6 else 0


def _breaks(element: Any, laid_out: bool) -> int:
    if laid_out:
        return sum(1 for _ in element.iter(f"{WORD}lastRenderedPageBreak"))
    return sum(1 for found in element.iter(f"{WORD}br") if found.get(f"{WORD}type") == "page")


def _begins_with_break(element: Any) -> bool:
    for found in element.iter(f"{WORD}lastRenderedPageBreak", f"{WORD}br", f"{WORD}t"):
        return not found.tag.endswith("}t")
    return False


def _once(cells: Any) -> Iterator[Any]:
    """A merged cell is listed once for each column it spans."""
    before = None
    for cell in cells:
        if before is None or cell._element is not before._element:
            yield cell
        before = cell


def parse_pptx(data: bytes) -> Parsed:
    """Read a presentation, slide by slide, with tables and the speaker's notes."""
    import pptx

    deck = _opened(pptx.Presentation, data)
    parsed = Parsed(unit="slide")
    _properties(data, parsed)
    for number, slide in enumerate(deck.slides, 1):
        parsed.pages = number
        title = slide.shapes.title
        if title is not None and title.has_text_frame:
            parsed.add(title.text_frame.text, "heading", number, 1)
        for shape in _shapes(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                continue
            if getattr(shape, "has_table", False):
                parsed.add_rows([[cell.text for cell in row.cells] for row in shape.table.rows], number)
                parsed.details["tables"] = parsed.details.get("tables", 0) + 1
            elif shape.has_text_frame:
                parsed.add(shape.text_frame.text, page=number)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            parsed.add(slide.notes_slide.notes_text_frame.text, page=number)
    return parsed


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in sorted(shapes, key=lambda shape: ((shape.top or 0) // 100_000, shape.left or 0)):
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def parse_sheets(data: bytes) -> Parsed:
    """Read a workbook, sheet by sheet; each row says what its columns are."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [(name, book.get_sheet_by_name(name).to_python()) for name in book.sheet_names]
    except Exception as error:  # the reader has many kinds of faults of its own
        words = one_line(str(error))[:200] or type(error).__name__
        raise Unreadable(
            "is encrypted; save it without a password" if "password" in words.lower() else f"is corrupt: {words}"
        ) from error
    parsed = Parsed(unit="sheet", pages=len(sheets))
    _properties(data, parsed)
    for number, (name, rows) in enumerate(sheets, 1):
        if len(rows) > MOST_ROWS:
            parsed.notes.append(f"sheet {name!r} has {len(rows):,} rows; the first {MOST_ROWS:,} were read")
        cells = [[_cell(value) for value in row] for row in rows[:MOST_ROWS]]
        if any(any(row) for row in cells):
            parsed.add(name, "heading", number, 1)
            parsed.add_rows(cells, number)
            parsed.details["tables"] = parsed.details.get("tables", 0) + 1
    return parsed


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) or value not in (None, "") else ""


def _properties(data: bytes, parsed: Parsed) -> None:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            core = archive.read("docProps/core.xml")
        root = etree.fromstring(core, etree.XMLParser(resolve_entities=False, no_network=True))
    except (KeyError, zipfile.BadZipFile, etree.XMLSyntaxError, RuntimeError):
        return  # old spreadsheets and some writers have none
    found = {name: one_line(root.findtext(tag) or "") for name, tag in CORE.items()}
    parsed.title, parsed.author, parsed.language = found["title"], found["author"], found["language"]
    parsed.dated_at = moment(found["modified"]) or moment(found["created"])
