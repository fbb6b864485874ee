# requirements:

"""Worksheets whose cells lie far apart, closed up: their empty rows and columns are left out, which
say nothing.

A spreadsheet's reader makes a place for every cell between the first and the last: one cell in the
corner of a sheet is 17 thousand million places.
"""

import bisect
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from f.millrace.ingest import compound_file, parsed_document

MOST_PLACES = 4_000_000
# As far as an old spreadsheet goes; a sheet that is filled this much is read as it is.
MOST_CLOSED_UP = 20_000_000
LAST_COLUMN = 16_384

PLACE = re.compile(rb"(<(?:\w+:)?c\b[^<>]*?\br=[\"'])([A-Z]{1,3})([0-9]{1,7})([\"'])")
ROW = re.compile(rb"(<(?:\w+:)?row\b[^<>]*?\br=[\"'])([0-9]{1,7})([\"'])")
DIMENSION = re.compile(rb"<(?:\w+:)?dimension\b[^<>]*+>(?<=/>)")

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
VALUE_TYPE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
ROWS, COLUMNS = f"{TABLE}number-rows-repeated", f"{TABLE}number-columns-repeated"

# Records of a binary workbook ([MS-XLSB] 2.3) and of an old one ([MS-XLS] 2.3) that name a place.
XLSB_ROW, XLSB_DIMENSION = 0, 148
XLSB_CELLS = frozenset({*range(1, 12), 62})
XLS_BOF, XLS_ENCRYPTED = 0x0809, 0x002F
XLS_ROW, XLS_DIMENSION = 0x0208, 0x0200
XLS_RUNS = frozenset({0x00BD, 0x00BE})
XLS_CELLS = XLS_RUNS | {
    0x0006,
    0x0206,
    0x0406,
    0x00D6,
    0x00FD,
    0x0201,
    0x0203,
    0x0204,
    0x0205,
    0x027E,
}


class Record(NamedTuple):
    """A record of a binary sheet: its type, and where its content is."""

    kind: int
    start: int
    length: int


def close_up_xml(sheet: bytes) -> bytes:
    """Return a worksheet of an Office workbook (.xlsx) closed up."""
    places = [(int(found[3]), _number(found[2])) for found in PLACE.finditer(sheet)]
    closer = _closer(places)
    if closer is None:
        return sheet
    row_of, column_of = closer
    sheet = DIMENSION.sub(b"", sheet)
    sheet = PLACE.sub(
        lambda found: (
            found[1]
            + _letters(column_of[_number(found[2])] + 1)
            + b"%d" % (row_of[int(found[3])] + 1)
            + found[4]
        ),
        sheet,
    )
    last = len(row_of)
    return ROW.sub(
        lambda found: found[1] + b"%d" % (row_of.get(int(found[2]), last - 1) + 1) + found[3], sheet
    )


def close_up_binary(sheet: bytes) -> bytes:
    """Return a worksheet of a binary Office workbook (.xlsb) closed up."""
    records = list(_xlsb_records(sheet))
    places, row = [], 0
    for record in records:
        if record.kind == XLSB_ROW:
            row = _whole(sheet, record.start, 4)
        elif record.kind in XLSB_CELLS:
            places.append((row, _whole(sheet, record.start, 4)))
    closer = _closer(places)
    if closer is None:
        return sheet
    row_of, column_of = closer
    out = bytearray(sheet)
    last = len(row_of) - 1
    for record in records:
        if record.kind == XLSB_ROW:
            number = row_of.get(_whole(sheet, record.start, 4), last)
            struct.pack_into("<I", out, record.start, number)
        elif record.kind in XLSB_CELLS:
            struct.pack_into("<I", out, record.start, column_of[_whole(sheet, record.start, 4)])
        elif record.kind == XLSB_DIMENSION and record.length >= 16:
            struct.pack_into("<4I", out, record.start, 0, last, 0, len(column_of) - 1)
    return bytes(out)


def close_up_old(workbook: bytes) -> bytes:
    """Return an old workbook (.xls) whose sheets are closed up; what is none comes back as it is.

    The file's own order of sectors stays: only the numbers of rows and columns are written over.
    """
    stream = compound_file.find_stream(workbook, ("Workbook", "Book"))
    if stream is None:
        return workbook
    content = compound_file.read(workbook, stream)
    out = bytearray(content)
    for records in _xls_sheets(content):
        _close_up_records(content, out, records)
    return compound_file.write(workbook, stream, bytes(out)) if out != content else workbook


def close_up_open(content: bytes) -> bytes:
    """Return the content of an OpenDocument spreadsheet (.ods) closed up."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    try:
        root = etree.fromstring(
            content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        )
    except etree.XMLSyntaxError:
        return content  # whoever reads it says what is wrong
    changed = [_close_up_table(table) for table in root.iter(f"{TABLE}table")]
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) if any(changed) else content


def _closer(places: Iterable[tuple[int, int]]) -> tuple[dict[int, int], dict[int, int]] | None:
    """Return the new number of each row and column that is used, from 0; None when they lie close
    enough.
    """
    found = list(places)
    rows, columns = sorted({row for row, _ in found}), sorted({column for _, column in found})
    if not found or (rows[-1] - rows[0] + 1) * (columns[-1] + 1) <= MOST_PLACES:
        return None
    _refuse_sparse(len(rows), len(columns), len(found))
    return (
        {row: place for place, row in enumerate(rows)},
        {column: place for place, column in enumerate(columns)},
    )


def _refuse_sparse(rows: int, columns: int, filled: int) -> None:
    if rows * columns > max(MOST_CLOSED_UP, 4 * filled):
        raise parsed_document.Unreadable(
            f"has a sheet of {filled:,} filled cells in {rows:,} rows and {columns:,} columns, too"
            " far apart to be read; save the part that is needed as a sheet of its own"
        )


def _close_up_records(content: bytes, out: bytearray, records: list[Record]) -> None:
    places = [place for record in records for place in _xls_places(content, record)]
    closer = _closer(places)
    if closer is None:
        _bound(content, out, records, places)
        return
    row_of, column_of = closer
    last_row, columns = len(row_of) - 1, len(column_of)
    for record in records:
        at = record.start
        if record.kind == XLS_ROW:
            struct.pack_into("<H", out, at, row_of.get(_whole(content, at, 2), last_row))
        elif record.kind == XLS_DIMENSION and record.length >= 12:
            struct.pack_into("<IIHH", out, at, 0, last_row + 1, 0, columns)
        elif record.kind in XLS_CELLS:
            row, first = _whole(content, at, 2), _whole(content, at + 2, 2)
            struct.pack_into("<HH", out, at, row_of[row], column_of[first])
            if record.kind in XLS_RUNS:
                end = at + record.length - 2
                struct.pack_into("<H", out, end, column_of[_whole(content, end, 2)])


def _bound(
    content: bytes, out: bytearray, records: list[Record], places: list[tuple[int, int]]
) -> None:
    """Have a sheet's own word of its size say no more than its cells do: a reader makes room by
    it.
    """
    rows = max((row for row, _ in places), default=0) + 1
    columns = max((column for _, column in places), default=0) + 1
    for record in records:
        if record.kind == XLS_DIMENSION and record.length >= 12:
            at = record.start
            said = _whole(content, at + 4, 4) * _whole(content, at + 10, 2)
            if said > max(rows * columns, MOST_PLACES):
                struct.pack_into("<IIHH", out, at, 0, rows, 0, columns)


def _xls_places(content: bytes, record: Record) -> Iterator[tuple[int, int]]:
    if record.kind not in XLS_CELLS or record.length < 6:
        return
    row, last = _whole(content, record.start, 2), _whole(content, record.start + 2, 2)
    first = last
    if record.kind in XLS_RUNS:
        said = _whole(content, record.start + record.length - 2, 2)
        last = min(said, first + (record.length - 6) // 2)
    for column in range(first, last + 1):
        yield row, column


def _xls_sheets(content: bytes) -> list[list[Record]]:
    """Return the records of each part of an old workbook; none of one with a password."""
    parts: list[list[Record]] = []
    at = 0
    while at + 4 <= len(content):
        kind, length = struct.unpack_from("<HH", content, at)
        if kind == XLS_ENCRYPTED:
            return []
        if kind == XLS_BOF or not parts:
            parts.append([])
        if at + 4 + length <= len(content):
            parts[-1].append(Record(kind, at + 4, length))
        at += 4 + length
    return parts


def _xlsb_records(sheet: bytes) -> Iterator[Record]:
    at = 0
    while at < len(sheet):
        kind, at = _variable(sheet, at, 2)
        length, at = _variable(sheet, at, 4)
        if at + length > len(sheet):
            return
        if length >= 4:
            yield Record(kind, at, length)
        at += length


def _variable(sheet: bytes, at: int, most: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, lowest first, and where the next begins."""
    number = 0
    for place in range(most):
        if at >= len(sheet):
            break
        byte = sheet[at]
        at += 1
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return number, at


def _close_up_table(table: Any) -> bool:
    rows = [_Row(row) for row in table.iter(f"{TABLE}table-row")]
    filled = [row for row in rows if row.filled]
    if _places(rows, filled) <= MOST_PLACES:
        return False
    used = sorted({column for row in filled for span in row.filled for column in range(*span)})
    cells = sum(last - first for row in filled for first, last in row.filled)
    _refuse_sparse(len(filled), len(used), cells)
    # A row that is repeated that often says the same each time.
    repeated = sum(row.times for row in filled) * len(used) > MOST_PLACES
    for row in rows:
        row.close_up(used, 1 if repeated else row.times)
    return True


def _places(rows: list["_Row"], filled: list["_Row"]) -> int:
    """Return how many places there are up to the last row and column that say something."""
    if not filled:
        return 0
    height = sum(row.times for row in rows[: rows.index(filled[-1]) + 1])
    return height * max(last for row in filled for _, last in row.filled)


class _Row:
    """A row of an OpenDocument table; `filled` has the spans of its columns, from 0, that say
    something.
    """

    def __init__(self, element: Any) -> None:
        self.element, self.times = element, _repeats(element, ROWS)
        self.cells: list[tuple[Any, int, int, bool]] = []
        place = 0
        for cell in element:
            if cell.tag in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                end = min(place + _repeats(cell, COLUMNS), LAST_COLUMN)
                says = len(cell) > 0 or cell.get(VALUE_TYPE) is not None
                self.cells.append((cell, place, end, says))
                place = end
        self.filled = [(first, last) for _, first, last, says in self.cells if says]

    def close_up(self, used: list[int], times: int) -> None:
        """Leave out the row when it is empty, else its cells in columns that no row uses."""
        if not self.filled:
            self.element.getparent().remove(self.element)
            return
        self.element.set(ROWS, str(times))
        for cell, first, last, _ in self.cells:
            count = bisect.bisect_left(used, last) - bisect.bisect_left(used, first)
            if count:
                cell.set(COLUMNS, str(count))
            else:
                self.element.remove(cell)


def _repeats(element: Any, name: str) -> int:
    text = element.get(name) or "1"
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1


def _whole(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "little")


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _letters(number: int) -> bytes:
    letters = b""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = bytes([65 + letter]) + letters
    return letters
