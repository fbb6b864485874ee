"""Word documents: all that a reader sees of them is kept, wherever Word puts it."""

import io

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from f.millrace.ingest.parse import Limits, read

RUN = "<w:r><w:t>{}</w:t></w:r>"
W = nsdecls("w")


def text_of(document):
    out = io.BytesIO()
    document.save(out)
    return read("a.docx", out.getvalue(), Limits()).parsed.text


def with_xml(*parts):
    document = docx.Document()
    for part in parts:
        document.element.body.insert(len(document.element.body) - 1, parse_xml(part))
    return text_of(document)


@pytest.mark.parametrize(
    "part",
    [
        (
            "<w:sdt"
            f" {W}><w:sdtContent><w:p>{RUN.format('The quay is new')}</w:p></w:sdtContent></w:sdt>"
        ),
        (
            f"<w:p {W}><w:ins w:id='1'"
            f" w:author='a'>{RUN.format('The quay ')}</w:ins>{RUN.format('is new')}</w:p>"
        ),
        (
            f"<w:p {W}><w:r><w:pict><w:txbxContent><w:p>{RUN.format('The quay is new')}</w:p>"
            "</w:txbxContent></w:pict></w:r></w:p>"
        ),
        (
            f"<w:p {W}>{RUN.format('The quay ')}"
            f"<w:hyperlink>{RUN.format('is new')}</w:hyperlink></w:p>"
        ),
    ],
    ids=["a content control", "a marked insertion", "a text box", "a link"],
)
def test_what_stands_in_a_frame_of_word_is_text(part):
    assert with_xml(part) == "The quay is new"


def test_what_was_deleted_and_the_second_form_of_a_text_box_are_not_read():
    gone = (
        "<w:del w:id='1'"
        f" w:author='a'><w:r><w:delText>old</w:delText>{RUN.format('gone')}</w:r></w:del>"
    )
    again = (
        "<mc:Fallback"
        f" xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'>{RUN.format('twice')}</mc:Fallback>"
    )

    assert with_xml(f"<w:p {W}>{RUN.format('stays')}{gone}{again}</w:p>") == "stays"


def test_tables_keep_merged_and_inner_cells_under_their_columns():
    document = docx.Document()
    table = document.add_table(3, 3)
    for row, texts in enumerate([["Port", "Depth", "Berth"], ["Lyness", "8", "1"], ["", "9", ""]]):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    inner = table.cell(2, 2).add_table(1, 1)
    inner.cell(0, 0).text = "two, inside"

    assert (
        text_of(document)
        == "Port: Lyness; Depth: 8; Berth: 1\nPort: Lyness; Depth: 9; Berth: two, inside"
    )


def test_heads_feet_and_entries_of_lists_are_read_once():
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Port authority"
    document.add_section().footer.paragraphs[0].text = "Ref 7/2026"
    document.sections[1].footer.is_linked_to_previous = False
    document.add_paragraph("Paint the crane", style="List Bullet")

    text = text_of(document)

    assert "- Paint the crane" in text
    assert text.count("Port authority") == text.count("Ref 7/2026") == 1 and text.endswith(
        ("authority", "2026")
    )
