# requirements:

"""Presentations and spreadsheets, and the properties that all Office documents have."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from f.millrace.ingest import damaged_archive, office_package, parsed_document

CORE = {
    "title": "{http://purl.org/dc/elements/1.1/}title",
    "author": "{http://purl.org/dc/elements/1.1/}creator",
    "language": "{http://purl.org/dc/elements/1.1/}language",
    "modified": "{http://purl.org/dc/terms/}modified",
    "created": "{http://purl.org/dc/terms/}created",
}
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
MOST_ROWS = 200_000
NO_RESULT = re.compile(rb"</f>\s*+(?:(?:<v\s*+/>|<v></v>)\s*+)?</c>")


def open_document(open_file: Any, data: bytes) -> Any:
    """Return a document that a library has opened; Unreadable when it cannot."""
    try:
        return open_file(io.BytesIO(office_package.mend(data)))
    except Exception as error:  # zipfile, lxml and the libraries raise many kinds on broken files
        raise parsed_document.Damaged(
            f"is corrupt: {parsed_document.one_line(str(error))[:200] or type(error).__name__}"
        ) from error


def parse_pptx(data: bytes) -> parsed_document.Parsed:
    """Read a presentation, slide by slide, with tables and the speaker's notes."""
    import pptx

    deck = open_document(pptx.Presentation, data)
    parsed = parsed_document.Parsed(unit="slide")
    properties(data, parsed)
    lost = ""
    # `deck.slides` is not to be had when one of them is missing.
    slides = deck._element.sldIdLst
    for number, listed in enumerate(() if slides is None else slides, 1):
        parsed.pages = number
        try:
            _add_slide(deck.part.related_slide(listed.rId), number, parsed)
        except Exception as error:  # a slide that is broken costs itself only
            lost = lost or f"is corrupt: slide {number}: {type(error).__name__}"
            parsed.notes.append(f"slide {number} cannot be read to its end")
    if lost:
        raise parsed_document.Damaged(lost, parsed)
    return parsed


def _add_slide(slide: Any, number: int, parsed: parsed_document.Parsed) -> None:
    title = slide.shapes.title
    if title is not None and title.has_text_frame:
        parsed.add(title.text_frame.text, "heading", number, 1)
    _add_shapes(slide, number, parsed)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        parsed.add(slide.notes_slide.notes_text_frame.text, page=number)


def _add_shapes(slide: Any, number: int, parsed: parsed_document.Parsed) -> None:
    title = slide.shapes.title
    for shape in _shapes(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        try:
            _add_shape(shape, number, parsed)
        except Exception:  # a part that the library does not know costs itself only
            parsed.notes.append(f"a part of slide {number} cannot be read and is left out")


def _add_shape(shape: Any, number: int, parsed: parsed_document.Parsed) -> None:
    if getattr(shape, "has_table", False):
        parsed.add_rows([[cell.text for cell in row.cells] for row in shape.table.rows], number)
        parsed.details["tables"] = parsed.details.get("tables", 0) + 1
    elif getattr(shape, "has_chart", False):
        try:
            _chart(shape.chart, number, parsed)
        except (ValueError, NotImplementedError):  # a kind of chart that the library does not know
            _drawn(shape.chart, number, parsed)
    elif shape.has_text_frame:
        parsed.add(shape.text_frame.text, page=number)


def _chart(chart: Any, number: int, parsed: parsed_document.Parsed) -> None:
    """Add the title and the figures that a chart draws."""
    if chart.has_title and chart.chart_title.has_text_frame:
        parsed.add(chart.chart_title.text_frame.text, page=number)
    tables: list[list[list[str]]] = []
    for plot in chart.plots:
        series = list(plot.series)
        places = zip(plot.categories, *(one.values for one in series), strict=False)
        rows = [[_cell(value) for value in row] for row in places]
        tables.append([["", *(one.name for one in series)], *rows])
    if not any(len(rows) > 1 for rows in tables):
        raise ValueError("no kind of chart that the library knows")
    for rows in tables:
        parsed.add_rows(rows, number)


def _drawn(chart: Any, number: int, parsed: parsed_document.Parsed) -> None:
    """Add the figures of a chart as its file holds them."""
    before = len(parsed.blocks)
    for series in chart._chartSpace.iter(f"{CHART}ser"):
        name = " ".join(one.text or "" for one in series.iterfind(f"./{CHART}tx//{CHART}v"))
        names, values = _points(series.find(f"{CHART}cat")), _points(series.find(f"{CHART}val"))
        rows = [[names.get(place, ""), value] for place, value in values.items()]
        parsed.add_rows([["", name], *rows], number)
    if len(parsed.blocks) == before:
        parsed.notes.append(f"a chart on slide {number} cannot be read and is left out")


def _points(part: Any) -> dict[str, str]:
    """Return the values of a series, or the names of its places, by their number."""
    points = [] if part is None else part.iter(f"{CHART}pt")
    return {point.get("idx"): point.findtext(f"{CHART}v") or "" for point in points}


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in sorted(shapes, key=_place):
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _place(shape: Any) -> tuple[int, int]:
    try:
        return (shape.top or 0) // 100_000, shape.left or 0
    except Exception:  # it has the place of a layout that is lost
        return 0, 0


def parse_sheets(data: bytes) -> parsed_document.Parsed:
    """Read a workbook, sheet by sheet; each row says what its columns are."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(office_package.mend(data)))
    except parsed_document.Unreadable:
        raise
    except Exception as error:  # the reader has many kinds of faults of its own
        words = parsed_document.one_line(str(error))[:200] or type(error).__name__
        if "password" in words.lower():
            raise parsed_document.Unreadable("is encrypted; save it without a password") from error
        raise parsed_document.Damaged(f"is corrupt: {words}") from error
    parsed = parsed_document.Parsed(unit="sheet", pages=len(book.sheet_names))
    properties(data, parsed)
    if without := _without_results(data):
        parsed.notes.append(
            f"{without} of its formulas have no stored result; open it in a spreadsheet program and"
            " save it"
        )
    lost = ""
    for number, name in enumerate(book.sheet_names, 1):
        try:
            rows = _filled_rows(book.get_sheet_by_name(name))
        except Exception as error:  # a sheet that is broken costs itself only
            lost = lost or f"is corrupt: sheet {name!r}: {parsed_document.one_line(str(error))}"
            parsed.notes.append(f"sheet {name!r} cannot be read and is left out")
            continue
        _add_sheet(name, rows, number, parsed)
    if lost:
        raise parsed_document.Damaged(lost[:300], parsed)
    return parsed


def _add_sheet(
    name: str, rows: list[list[Any]], number: int, parsed: parsed_document.Parsed
) -> None:
    if len(rows) > MOST_ROWS:
        parsed.notes.append(
            f"sheet {name!r} has {len(rows):,} rows; the first {MOST_ROWS:,} were read"
        )
    cells = [[_cell(value) for value in row] for row in rows[:MOST_ROWS]]
    if any(any(row) for row in cells):
        parsed.add(name, "heading", number, 1)
        parsed.add_rows(cells, number)
        parsed.details["tables"] = parsed.details.get("tables", 0) + 1


def _filled_rows(sheet: Any) -> list[list[Any]]:
    return [row for row in sheet.iter_rows() if any(value not in ("", None) for value in row)]


def _without_results(data: bytes) -> int:
    """Return how many formulas were written by a program that does not calculate."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [
                name
                for name in archive.namelist()
                if name.startswith("xl/worksheets/") and name.endswith(".xml")
            ]
            return sum(len(NO_RESULT.findall(archive.read(name))) for name in names)
    except damaged_archive.FAULTS:
        return 0  # an old spreadsheet


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) or value not in (None, "") else ""


def properties(data: bytes, parsed: parsed_document.Parsed) -> None:
    """Take title, author, language and date from what an Office program notes with a document."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            core = archive.read("docProps/core.xml")
        root = etree.fromstring(core, etree.XMLParser(resolve_entities=False, no_network=True))
    except (*damaged_archive.FAULTS, etree.XMLSyntaxError):
        return  # old spreadsheets and some writers have none
    found = {name: parsed_document.one_line(root.findtext(tag) or "") for name, tag in CORE.items()}
    parsed.title, parsed.author, parsed.language = (
        found["title"],
        found["author"],
        found["language"],
    )
    parsed.dated_at = parsed_document.moment(found["modified"]) or parsed_document.moment(
        found["created"]
    )
