"""Worksheets with a cell far from the others are read like those without, in little memory."""

import io
import struct
import zipfile

import pytest

from f.millrace.ingest import far_cells
from f.millrace.ingest.parse import Limits, read
from f.millrace.ingest.parsed_document import Unreadable

OPEN = "urn:oasis:names:tc:opendocument:xmlns:"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NEAR = {(0, 0): "Berth", (0, 3): "Fee", (1, 0): "North", (1, 3): "5"}
LAST_CELL = {(1_048_575, 16_383): "end of the list"}


def packed(parts: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def open_workbook(rows: str) -> bytes:
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f"<m:manifest xmlns:m='{OPEN}manifest:1.0'/>",
            "content.xml": f"<office:document-content xmlns:office='{OPEN}office:1.0'"
            f" xmlns:table='{OPEN}table:1.0' xmlns:text='{OPEN}text:1.0'><office:body>"
            f"<office:spreadsheet><table:table table:name='Fees'>{rows}</table:table>"
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def row(*cells: tuple[str, int], times: int = 1) -> str:
    inside = "".join(
        f"<table:table-cell table:number-columns-repeated='{count}'"
        + (
            f" office:value-type='string'><text:p>{text}</text:p></table:table-cell>"
            if text
            else "/>"
        )
        for text, count in cells
    )
    return f"<table:table-row table:number-rows-repeated='{times}'>{inside}</table:table-row>"


def record(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(content)]) + content


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def binary_workbook(cells: dict[tuple[int, int], str]) -> bytes:
    last_row, last_column = (max(place[axis] for place in cells) for axis in (0, 1))
    sheet = record(129) + record(148, struct.pack("<4I", 0, last_row, 0, last_column)) + record(145)
    seen = -1
    for (number, column), text in sorted(cells.items()):
        if number != seen:
            sheet += record(0, struct.pack("<I", number) + bytes(13))
            seen = number
        sheet += record(6, struct.pack("<II", column, 0) + wide(text))
    book = [
        record(131),
        record(143),
        record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Fees")),
        record(144),
        record(157, bytes(26)),
        record(132),
    ]
    return packed(
        {
            "[Content_Types].xml": f"<Types xmlns='{PACKAGE}/content-types'/>",
            "xl/workbook.bin": b"".join(book),
            "xl/_rels/workbook.bin.rels": f"<Relationships xmlns='{PACKAGE}/relationships'>"
            f"<Relationship Id='rId1' Type='{OFFICE}/worksheet' Target='worksheets/sheet1.bin'/>"
            "</Relationships>",
            "xl/worksheets/sheet1.bin": sheet + record(146) + record(130),
        }
    )


def old_record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def old_workbook(sheets: int, small: bool) -> bytes:
    """Return an old workbook whose sheets each have a cell in the last row and column; a `small`
    one is kept in the file's small sectors.
    """
    book = old_record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 1997, 0, 6))
    head = [
        old_record(0x85, struct.pack("<IH", 0, 0) + bytes([2, 0]) + b"S%d" % n)
        for n in range(sheets)
    ]
    begin = len(book) + sum(map(len, head)) + 4
    body = b""
    for place in range(sheets):
        start = begin + len(body)
        head[place] = head[place][:4] + struct.pack("<I", start) + head[place][8:]
        body += old_record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 1997, 0, 6))
        body += old_record(0x200, struct.pack("<IIHHH", 0, 65_536, 0, 256, 0))
        for at_row, column, text in ((0, 0, b"Berth"), (65_535, 255, b"end of the list")):
            body += old_record(0x204, struct.pack("<HHHHB", at_row, column, 0, len(text), 0) + text)
        # a run of two numbers, 7 and 8, as whole numbers shifted by two with the mark of one
        run = (
            struct.pack("<HH", 0, 100)
            + b"".join(struct.pack("<HI", 0, value << 2 | 2) for value in (7, 8))
            + struct.pack("<H", 101)
        )
        body += old_record(0xBD, run) + old_record(0xA, b"")
    content = book + b"".join(head) + old_record(0xA, b"") + body
    return compound(content if small else content.ljust(4_608, b"\0"), small)


def compound(content: bytes, small: bool) -> bytes:
    size = 64 if small else 512
    stream = content.ljust(-(-len(content) // 512) * 512, b"\0")
    count, home = len(stream) // 512, 3
    free, end = 0xFFFFFFFF, 0xFFFFFFFE
    table = [0xFFFFFFFD, end, end, *range(home + 1, home + count), end]
    small_table = [*range(1, -(-len(content) // size)), end] if small else []

    def entry(name: str, kind: int, child: int, start: int, length: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        return (
            text.ljust(64, b"\0")
            + struct.pack("<HBBIII", len(text), kind, 1, free, free, child)
            + bytes(36)
            + struct.pack("<III", start, length, 0)
        )

    directory = entry("Root Entry", 5, 1, home if small else end, len(stream) if small else 0)
    directory += entry("Workbook", 2, free, 0 if small else home, len(content))
    header = (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    )
    header += bytes(6) + struct.pack(
        "<IIIIIIIII", 0, 1, 1, 0, 4096, 2 if small else end, 1 if small else 0, end, 0
    )
    header += struct.pack("<109I", 0, *[free] * 108)

    def sector(numbers: list[int]) -> bytes:
        return b"".join(struct.pack("<I", one) for one in [*numbers, *[free] * 128][:128])

    return header + sector(table) + directory.ljust(512, b"\0") + sector(small_table) + stream


def text_of(name: str, data: bytes) -> str:
    return read(name, data, Limits()).parsed.text


def test_an_open_workbook_with_a_far_cell_is_read():
    near = row(("Berth", 1), ("", 2), ("Fee", 1)) + row(("North", 1), ("", 2), ("5", 1))
    far = row(("", 1), times=1_048_573) + row(("", 16_383), ("end of the list", 1))

    text = text_of("a.ods", open_workbook(near + far))

    assert "Berth: North; Fee: 5" in text and "end of the list" in text


def test_an_open_workbook_filled_to_its_last_cell_is_read():
    text = text_of("a.ods", open_workbook(row(("same", 16_384), times=1_048_576)))

    assert text.count("same") <= 16_384


def test_an_open_workbook_keeps_its_repeated_rows():
    data = open_workbook(row(("Berth", 1), ("Fee", 1)) + row(("North", 1), ("5", 1), times=3))

    assert text_of("a.ods", data).count("Berth: North; Fee: 5") == 3


@pytest.mark.parametrize("far", [{}, LAST_CELL, {(9, 16_383): "end of the list"}])
def test_a_binary_workbook_with_a_far_cell_is_read(far):
    text = text_of("a.xlsb", binary_workbook({**NEAR, **far}))

    assert "Berth: North; Fee: 5" in text
    assert ("end of the list" in text) == bool(far)


@pytest.mark.parametrize("small", [True, False])
def test_an_old_workbook_with_far_cells_in_many_sheets_is_read(small):
    data = old_workbook(sheets=12 if small else 20, small=small)

    closed = far_cells.close_up_old(data)
    text = text_of("a.xls", data)

    assert len(closed) == len(data) and closed != data
    assert text.count("end of the list") == (12 if small else 20)
    assert "Berth" in text and "7" in text and "8" in text


def test_a_sheet_that_only_says_it_is_large_is_read():
    dimension = struct.pack("<IIHHH", 0, 65_536, 0, 256, 0)
    data = old_workbook(1, small=True).replace(
        struct.pack("<HHHH", 65_535, 255, 0, 15), struct.pack("<HHHH", 1, 1, 0, 15)
    )

    assert dimension in data and dimension not in far_cells.close_up_old(data)


def test_a_sheet_with_cells_on_its_diagonal_is_refused_in_words():
    cells = {(place, place): "x" for place in range(0, 16_384, 2)}

    with pytest.raises(Unreadable, match="too far apart"):
        read("a.xlsb", binary_workbook(cells), Limits())


@pytest.mark.parametrize("cut", [20, 600, 1_500, 2_600, 5_000])
def test_an_old_workbook_cut_short_is_handed_on_as_long_as_it_is(cut):
    data = old_workbook(1, small=False)[:-cut]

    assert len(far_cells.close_up_old(data)) == len(data)
