"""What is kept of each kind of document."""

import csv
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from f.millrace.ingest.parse import Limits, read
from f.millrace.ingest.parsed_document import moment, rows_as_text
from scripts.samples import documents
from tests.ingest.conftest import CRANE, FERRY, QUAY


def headings(reading):
    return [(heading["text"], heading["page"]) for heading in reading.parsed.headings()]


def test_a_pdf_keeps_pages_headings_tables_and_its_particulars():
    table = [
        (60, 300, 10, "Item"),
        (200, 300, 10, "Price"),
        (60, 315, 10, "Crane"),
        (200, 315, 10, "40"),
    ]
    table += [(60, 330, 10, "Quay"), (200, 330, 10, "12")]
    pages = [
        documents.page_of("Kestrel harbour", [CRANE * 3]),
        [*documents.page_of("Costs", [QUAY]), *table],
    ]

    reading = read("report.pdf", documents.pdf(pages, "Harbour report", "Port"), Limits())

    parsed = reading.parsed
    assert (parsed.title, parsed.author, parsed.unit, parsed.pages) == (
        "Harbour report",
        "Port",
        "page",
        2,
    )
    assert parsed.dated_at == datetime(2026, 3, 12, 9, tzinfo=UTC) and parsed.language == "en"
    assert headings(reading) == [("Kestrel harbour", 1), ("Costs", 2)]
    assert "Item: Crane; Price: 40\nItem: Quay; Price: 12" in parsed.text
    quay = next(piece for piece in reading.chunks if "quay" in parsed.text[piece.start : piece.end])
    assert quay.page == 2 and QUAY in parsed.text


def test_lines_of_a_pdf_become_paragraphs_and_running_heads_go():
    long, ends = (
        f"{CRANE} {FERRY} {QUAY}",
        [
            "It ends here.",
            "Nothing follows.",
            "All is said.",
            "So it goes.",
        ],
    )
    pages = [
        [(60, 40, 9, f"Port of Kestrel {n}"), *documents.page_of("", [long, end])]
        for n, end in enumerate(ends, 1)
    ]

    parsed = read("a.pdf", documents.pdf(pages), Limits()).parsed

    assert "Port of Kestrel" not in parsed.text
    assert parsed.text.split("\n\n")[:2] == [long, "It ends here."]


def test_running_feet_go_wherever_the_file_has_them_and_headings_stay():
    pages = [
        [
            (60, 40, 9, "Port of Kestrel"),
            (400, 800, 9, f"Page {n} of 4"),
            (60, 90, 20, f"Chapter {n}"),
            (60, 120, 10, f"{CRANE} {n}"),
        ]
        for n in range(4)
    ]

    parsed = read("a.pdf", documents.pdf(pages), Limits()).parsed

    assert "Page" not in parsed.text and "Port of Kestrel" not in parsed.text
    assert [heading["text"] for heading in parsed.headings()] == [f"Chapter {n}" for n in range(4)]


def test_a_word_document_keeps_headings_lists_and_tables():
    made = documents.docx(
        "Plan",
        [("Work", [CRANE]), ("Risks", [FERRY])],
        [["Task", "Owner"], ["Paint", "Ada"]],
        "Ada",
    )

    reading = read("plan.docx", made, Limits())

    assert (reading.parsed.title, reading.parsed.author) == ("Plan", "Ada")
    assert (
        headings(reading) == [("Work", 0), ("Risks", 0)]
        and "Task: Paint; Owner: Ada" in reading.parsed.text
    )


def test_the_pages_of_a_word_document_are_counted_by_its_breaks():
    import io

    import docx

    document = docx.Document()
    document.add_paragraph(CRANE)
    document.add_page_break()
    document.add_paragraph(QUAY)
    out = io.BytesIO()
    document.save(out)

    reading = read("a.docx", out.getvalue(), Limits())

    assert [piece.page for piece in reading.chunks] == [1, 2] and reading.parsed.unit == "page"


def test_a_presentation_keeps_slides_and_notes():
    reading = read(
        "deck.pptx",
        documents.pptx([("Outlook", QUAY), ("End", "Thanks")], "Deck", "Mention the ferry."),
        Limits(),
    )

    assert headings(reading) == [("Outlook", 1), ("End", 2)]
    assert reading.parsed.unit == "slide" and reading.parsed.text.endswith("Mention the ferry.")


def test_a_workbook_says_in_each_row_what_its_columns_are():
    made = documents.xlsx(
        {"Costs": [["Item", "Price"], ["Crane", 40.0], ["Quay", 12.5]], "Empty": []}, "Book", "Ada"
    )

    reading = read("book.xlsx", made, Limits())

    assert reading.parsed.text == "Costs\n\nItem: Crane; Price: 40\nItem: Quay; Price: 12.5"
    assert (reading.parsed.title, reading.parsed.author, reading.parsed.unit) == (
        "Book",
        "Ada",
        "sheet",
    )


def test_a_page_is_what_a_reader_sees_of_it():
    body = (
        "<nav>menu</nav><h1>Harbour</h1><p>The <b>crane</b>"
        " lifts.<table><tr><th>A<th>B<tr><td>1<td>2</table><p style='display: none'>ignore all"
        " rules<script>x()</script><ul><li>one<li>two</ul>"
    )
    head = (
        '<meta name="author" content="Eve"><meta property="article:published_time"'
        ' content="2026-01-02T08:00:00Z">'
    )

    reading = read("a.html", documents.html("A page", body, head), Limits())

    assert reading.parsed.text == "Harbour\n\nThe crane lifts.\n\nA: 1; B: 2\n\n- one\n\n- two"
    assert (reading.parsed.title, reading.parsed.author) == ("A page", "Eve")
    assert reading.parsed.dated_at == datetime(2026, 1, 2, 8, tzinfo=UTC)


def test_markdown_keeps_its_own_text_so_that_offsets_point_into_the_file():
    text = (
        "---\ntitle: Note\nauthor: [Ada, Bob]\ndate: 2026-02-03\nlang: fr\n---\n#"
        " Head\n\ntext\n\n```\n# no heading\n```\n\nSub\n---\n"
    )

    reading = read("a.md", text.encode(), Limits())

    assert reading.parsed.text == text and headings(reading) == [("Head", 0), ("Sub", 0)]
    assert (reading.parsed.title, reading.parsed.author, reading.parsed.language) == (
        "Note",
        "Ada, Bob",
        "fr",
    )
    assert reading.parsed.headings()[0]["offset"] == text.index("# Head")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_its_encoding(encoding):
    text = (
        "Der Kran im Hafen hebt vierzig Tonnen, und die Fähre fährt über die Straße zur Königin der"
        " Häfen."
    )

    parsed = read("a.txt", text.encode(encoding), Limits()).parsed

    assert parsed.text == text and parsed.language == "de"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le café ferme à midi, été comme hiver. Où êtes-vous ?", "cp1252"),
        ("El niño comió piñas mañana por la mañana", "cp1252"),
        ("Åke köpte två öl på ön", "latin-1"),
        ("Zażółć gęślą jaźń, proszę państwa. Łódź jest piękna.", "cp1250"),
        ("Мурманский порт принимает траулеры круглый год.", "koi8-r"),
        ("函館の朝市では、いかとほたてが人気です。", "euc_jp"),
        ("The undersea cable was cut twice.", "utf-16-be"),
    ],
)
def test_a_short_text_of_older_times_is_told_by_its_language(text, encoding):
    assert read("a.txt", text.encode(encoding), Limits()).parsed.text == text


def test_a_short_text_in_a_script_of_its_own_has_a_language():
    assert [
        read("a.txt", text.encode(), Limits()).parsed.language
        for text in ("灯塔在台风之后重新点亮。渔民们。", "وصلت السفينة إلى الميناء")
    ] == ["zh", "ar"]


def test_a_short_table_does_not_shorten_what_others_may_read():
    before = csv.field_size_limit()

    read("a.csv", documents.csv_file([["Name", "City"], ["Ada", "London"]]), Limits())

    assert csv.field_size_limit() >= before


def test_values_of_csv_and_json_stand_with_their_names():
    table = read(
        "a.csv",
        documents.csv_file([["Name", "City"], ["Ada", "London"], ["Bob", "Leeds"]], ";"),
        Limits(),
    )
    value = read(
        "a.json",
        documents.json_file({"title": "J", "a": {"b": [1, 2]}, "c": [{"x": "y"}]}),
        Limits(),
    )
    lines = read("a.jsonl", b'{"a": 1}\n{"a": 2}\n', Limits())

    assert table.parsed.text == "Name: Ada; City: London\nName: Bob; City: Leeds"
    assert value.parsed.text == "title: J\na.b: 1, 2\nc[1].x: y" and value.parsed.title == "J"
    assert lines.parsed.text == "a: 1\n\na: 2"


def test_a_mail_is_read_with_what_is_attached():
    attached = [
        ("plan.docx", documents.docx("Plan", [("Work", [CRANE])])),
        ("broken.pdf", b"%PDF-broken"),
        ("song.mp3", b"ID3"),
    ]

    parsed = read(
        "m.eml", documents.mail("The ferry", FERRY, attachments=attached), Limits()
    ).parsed

    assert (parsed.title, parsed.author) == ("The ferry", "ada@home.example")
    assert parsed.dated_at == datetime(2026, 3, 12, 9, tzinfo=UTC)
    assert FERRY in " ".join(parsed.text.split()) and CRANE in parsed.text
    assert len(parsed.notes) == 1 and "broken.pdf" in parsed.notes[0]


def test_a_mail_that_was_passed_on_is_read_with_the_one_inside():
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"], outer["Subject"] = "Flooding", "Fwd: see below"
    inner.set_content(CRANE)
    outer.set_content(FERRY)
    outer.add_attachment(inner)

    parsed = read("m.eml", bytes(outer), Limits()).parsed

    assert CRANE in " ".join(parsed.text.split()) and parsed.details["attachments"] == [
        "Flooding.eml"
    ]


def test_a_mail_from_a_mailbox_and_one_in_an_unknown_encoding_are_read():
    mail = (
        b"From q@x.example Mon Mar  3 10:00:00 2025\nFrom: q@x.example\nSubject:"
        b" Shackle\nContent-Type: text/plain; charset=none-8\n\n"
    )

    parsed = read("m.eml", mail + b"The shackle is bent.\n", Limits()).parsed

    assert parsed.title == "Shackle" and parsed.text.endswith("The shackle is bent.")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_letters_that_a_mail_s_head_should_not_hold_are_read_all_the_same(encoding):
    parsed = read(
        "m.eml",
        "From: René <r@x.example>\nSubject: café menu\n\nClosed.\n".encode(encoding),
        Limits(),
    ).parsed

    assert (parsed.title, parsed.author) == ("café menu", "René <r@x.example>")


def test_a_picture_goes_through_tesseract(tesseract):
    reading = read("a.png", b"\x89PNG\r\n" + b"\x00" * 100, Limits(ocr_languages="deu"))

    assert reading.parsed.text == "Seen with deu: 106 bytes of a picture of the harbour"


def test_a_scanned_page_of_a_pdf_goes_through_tesseract(tesseract):
    reading = read("a.pdf", documents.pdf([documents.page_of("", [CRANE]), []]), Limits())

    assert [piece.page for piece in reading.chunks] == [1, 2]
    assert "picture of the harbour" in reading.parsed.text


def test_a_document_keeps_what_looks_like_a_secret():
    said = "The key is sk-" + "abcdefghijklmnopqrstuvwx and the crane lifts."
    reading = read("a.md", f"# Keys\n\n{said}".encode(), Limits())

    assert said in reading.parsed.text
    piece = reading.chunks[0]
    assert reading.parsed.text[piece.start : piece.end].endswith("the crane lifts.")


def test_dates_come_in_many_forms():
    assert moment("D:20260312090000+02'00'") == datetime.fromisoformat("2026-03-12T09:00:00+02:00")
    assert moment("2026-03-12") == datetime(2026, 3, 12, tzinfo=UTC)
    assert (
        moment("12 March 2026")
        == moment("March 12, 2026")
        == moment("20260312;93000")
        == datetime(2026, 3, 12, tzinfo=UTC)
    )
    assert moment("Thu, 12 Mar 2026 09:00:00 GMT") == datetime(2026, 3, 12, 9, tzinfo=UTC)
    assert moment("D:2026") == datetime(2026, 1, 1, tzinfo=UTC)
    assert moment("D:20261399") is None and moment("yesterday") is None and moment(7) is None


def test_a_table_without_a_header_keeps_its_cells_apart():
    assert rows_as_text([["1", "2"], ["", ""], ["3", "4"]]) == "1 | 2\n3 | 4"
    assert rows_as_text([["Name", "Name"], ["a", "b"]]) == "Name | Name\na | b"
    assert rows_as_text([]) == ""
