"""Small documents of every kind, made on the spot: for tests and measurements."""

import csv
import io
import json
import zlib
from collections.abc import Sequence
from email.message import EmailMessage

# A line of a PDF's page: left and top in points from the upper left, size of the letters, text.
PdfLine = tuple[float, float, float, str]
HEIGHT = 842


def pdf(
    pages: Sequence[Sequence[PdfLine]], title: str = "", author: str = "", encrypted: bool = False
) -> bytes:
    """Return a PDF whose pages hold these lines in Helvetica; without lines a page is a picture of
    nothing.
    """
    objects: dict[int, bytes] = {
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    }
    kids = []
    for index, lines in enumerate(pages):
        page, content = 10 + 2 * index, 11 + 2 * index
        text = "".join(
            f"BT /F1 {size} Tf {x} {HEIGHT - top} Td ({_escaped(line)}) Tj ET\n"
            for x, top, size, line in lines
        )
        drawn = zlib.compress((text or "0 0 100 100 re f").encode("cp1252", "replace"))
        objects[content] = b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (
            len(drawn),
            drawn,
        )
        kids.append(f"{page} 0 R")
        objects[page] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 {HEIGHT}]/Resources<</Font<</F1 3 0"
            f" R>>>>/Contents {content} 0 R>>"
        ).encode()
    objects[1] = b"<</Type/Catalog/Pages 2 0 R>>"
    objects[2] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    objects[4] = (
        f"<</Title({_escaped(title)})/Author({_escaped(author)})/CreationDate(D:20260312090000+00'00')>>".encode()
    )
    trailer = "/Root 1 0 R/Info 4 0 R"
    if encrypted:
        key = "00" * 32
        objects[5] = f"<</Filter/Standard/V 1/R 2/O<{key}>/U<{key}>/P -4>>".encode()
        trailer += "/Encrypt 5 0 R/ID[<00><00>]"
    return _assembled(objects, trailer)


def _assembled(objects: dict[int, bytes], trailer: str) -> bytes:
    out, places = io.BytesIO(), {}
    out.write(b"%PDF-1.4\n")
    for number in sorted(objects):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, objects[number]))
    start = out.tell()
    out.write(b"xref\n0 1\n0000000000 65535 f \n")
    for number in sorted(places):
        out.write(b"%d 1\n%010d 00000 n \n" % (number, places[number]))
    out.write(f"trailer<</Size {max(objects) + 1}{trailer}>>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def page_of(heading: str, paragraphs: Sequence[str], width: int = 90) -> list[PdfLine]:
    """Return the lines of a page: a large heading, then paragraphs broken into lines."""
    import textwrap

    lines: list[PdfLine] = [(60, 80, 20, heading)] if heading else []
    top = 120.0
    for paragraph in paragraphs:
        for line in textwrap.wrap(paragraph, width):
            lines.append((60, top, 10, line))
            top += 12.5
        top += 12
    return lines


def docx(
    title: str,
    sections: Sequence[tuple[str, Sequence[str]]],
    table: Sequence[Sequence[str]] = (),
    author: str = "",
) -> bytes:
    """Return a Word document: sections with headings, and a table at the end."""
    import docx as word

    document = word.Document()
    document.core_properties.title, document.core_properties.author = title, author
    for heading, paragraphs in sections:
        document.add_heading(heading, 1)
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
    if table:
        grid = document.add_table(len(table), len(table[0]))
        for row, cells in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    return _saved(document)


def pptx(slides: Sequence[tuple[str, str]], title: str = "", notes: str = "") -> bytes:
    """Return a presentation: a title and a text a slide; the last slide has the speaker's notes."""
    import pptx as powerpoint

    deck = powerpoint.Presentation()
    deck.core_properties.title = title
    for heading, text in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = heading  # type: ignore[union-attr]
        slide.placeholders[1].text_frame.text = text  # type: ignore[attr-defined]
        if notes and heading == slides[-1][0]:
            slide.notes_slide.notes_text_frame.text = notes  # type: ignore[union-attr]
    return _saved(deck)


def xlsx(sheets: dict[str, Sequence[Sequence[object]]], title: str = "", author: str = "") -> bytes:
    """Return a workbook."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"title": title, "author": author})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return out.getvalue()


def mail(
    subject: str,
    text: str,
    sender: str = "ada@home.example",
    attachments: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """Return a mail."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "bob@home.example", subject
    message["Date"] = "Thu, 12 Mar 2026 09:00:00 +0000"
    message.set_content(text)
    for name, content in attachments:
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )
    return message.as_bytes()


def csv_file(rows: Sequence[Sequence[object]], delimiter: str = ",") -> bytes:
    """Return a table of separated values."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def json_file(value: object) -> bytes:
    """Return JSON."""
    return json.dumps(value).encode()


def html(title: str, body: str, head: str = "") -> bytes:
    """Return a web page."""
    return (
        "<!doctype html><html"
        f' lang="en"><head><title>{title}</title>{head}</head><body>{body}</body></html>'.encode()
    )


def _saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()
