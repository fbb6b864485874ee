"""Tables: no cell is lost or comes under another column, whatever the table is written in."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.ingest.parse import Limits, read
from f.millrace.ingest.parsed_document import rows_as_text
from scripts.samples import documents

cells = st.text(st.sampled_from("abc12 -"), max_size=6)


def text_of(name, data):
    return read(name, data, Limits()).parsed.text


@given(st.lists(st.lists(cells, max_size=5), max_size=6))
def test_every_cell_is_in_the_text(rows):
    text = rows_as_text(rows)

    assert all(" ".join(cell.split()) in text for row in rows for cell in row)


def test_a_title_above_and_an_empty_column_inside_leave_the_header_one():
    rows = [
        ["Fleet 2026", "", ""],
        ["Boat", "", "Skipper"],
        ["Daystar", "", "Ada"],
        ["Mary Ann", "", ""],
    ]

    assert rows_as_text(rows) == "Fleet 2026\nBoat: Daystar; Skipper: Ada\nBoat: Mary Ann"


def test_more_cells_than_columns_are_kept_without_a_name():
    assert (
        rows_as_text([["Boat", "Skipper"], ["Daystar", "Ada", "12 m"]])
        == "Boat: Daystar; Skipper: Ada; 12 m"
    )


def test_years_name_columns_and_values_do_not():
    assert (
        rows_as_text([["", "2024", "2025"], ["Costs", "85", "99"]]) == "Costs; 2024: 85; 2025: 99"
    )
    assert (
        rows_as_text([["Invoice", "No. 5512"], ["Customer", "Hoy Hotel"]])
        == "Invoice | No. 5512\nCustomer | Hoy Hotel"
    )


def test_names_and_values_side_by_side_are_a_form_and_no_table_with_a_header():
    form = [["Lessor", "Ada Quill"], ["Rent", "85 EUR"], ["Notice", "three months"]]

    assert rows_as_text(form) == "Lessor: Ada Quill\nRent: 85 EUR\nNotice: three months"
    prices = [["Item", "Price"], ["Crane", "40"], ["Quay", "12.5"]]
    assert rows_as_text(prices) == "Item: Crane; Price: 40\nItem: Quay; Price: 12.5"


def test_a_list_of_terms_of_a_page_keeps_each_with_its_value():
    page = documents.html(
        "Course", "<dl><dt>Start</dt><dd>6 June</dd><dt>Fee:</dt><dd>120 EUR</dd></dl>"
    )

    assert text_of("course.html", page) == "Start: 6 June\nFee: 120 EUR"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Invoice_RG-2026-107.txt", "Invoice RG-2026-107"),
        ("opening-hours.txt", "opening hours"),
        ("minutes-2026-03.txt", "minutes 2026-03"),
    ],
)
def test_the_name_of_a_file_keeps_the_hyphens_of_its_numbers(name, title):
    long = "It is told here. " * 20

    assert read(name, long.encode(), Limits()).parsed.title == title


def test_a_page_in_columns_is_no_table():
    left = [
        (40, 100 + 14 * row, 10, f"The left column says in line {row} that herring")
        for row in range(6)
    ]
    right = [
        (320, 100 + 14 * row, 10, f"and the right one in line {row} that kelp") for row in range(6)
    ]
    by_line = sorted(left + right, key=lambda line: (line[1], line[0]))

    text = text_of("a.pdf", documents.pdf([by_line]))

    assert text.startswith(
        "The left column says in line 0 that herring The left column says in line 1"
    )
    assert text.count("\n\n") == 1 and text.endswith("in line 5 that kelp")


def test_columns_of_a_pdf_are_told_by_all_lines_of_the_table():
    """The header's words stand close to each other, and one row leaves a column out."""
    places = (
        (60, ["Contractor", "Malin Marine", "Orcadian Survey", "Pentland"]),
        (137, ["Days", "14", "4", ""]),
    )
    places += ((163, ["Cost", "182,400", "12,900", "61,250"]),)
    lines = [
        (left, 100 + 15 * row, 10, text)
        for left, texts in places
        for row, text in enumerate(texts)
        if text
    ]
    lines.sort(key=lambda line: (line[1], line[0]))

    text = text_of(
        "a.pdf", documents.pdf([[*documents.page_of("", ["The costs are these."]), *lines]])
    )

    assert (
        "Contractor: Malin Marine; Days: 14; Cost: 182,400\nContractor: Orcadian Survey; Days: 4;"
        " Cost: 12,900" in text
    )
    assert "Contractor: Pentland; Cost: 61,250" in text


def test_cells_of_a_page_that_span_rows_and_columns_stay_in_their_columns():
    rows = (
        "<tr><th>Stop<th>Leaves<th>To<tr><td"
        " rowspan=2>Kirkwall<td>07:10<td>Hope<tr><td>08:10<br>daily<td>Hope"
    )
    rows += "<tr><td colspan=2>none<td><span style='display:none'>trap</span>Flotta"

    text = text_of("a.html", documents.html("", f"<table>{rows}</table>"))

    assert (
        text == "Stop: Kirkwall; Leaves: 07:10; To: Hope\nStop: Kirkwall; Leaves: 08:10 daily; To:"
        " Hope\nStop: none; To: Flotta"
    )


def test_a_page_s_list_of_names_and_values_is_read_as_one():
    assert (
        text_of("a.html", b"<table><tr><th>Born<td>1901<tr><th>Died<td>1988</table>")
        == "Born: 1901\nDied: 1988"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            'id,said\n1,"He said ""ahoy"" twice, then left"\n',
            'id: 1; said: He said "ahoy" twice, then left',
        ),
        (
            'Name;Betrag\n"Müller; Söhne";"1.234,50"\nOtt;2,00\n',
            "Name: Müller; Söhne; Betrag: 1.234,50\nName: Ott; Betrag: 2,00",
        ),
        ("port\tnote\nHope\tone, two, three\n", "port: Hope; note: one, two, three"),
        ("species\nfulmar\n", "species\nfulmar"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "utf-16-be"])
def test_values_are_told_from_what_is_between_them(data, text, encoding):
    assert text_of("a.csv", data.encode(encoding)) == text


def test_one_broken_line_does_not_cost_the_other_lines_of_json():
    parsed = read("a.jsonl", b'{"a": "crane"}\n{broken\n{"a": "quay"}\n', Limits()).parsed

    assert parsed.text == "a: crane\n\na: quay" and parsed.notes == [
        "its line 2 is not JSON and was left out"
    ]


def test_a_chart_is_read_as_the_table_that_it_draws():
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck, data, out = pptx.Presentation(), CategoryChartData(), io.BytesIO()
    data.categories = ["North", "South"]
    data.add_series("Wet", (19.5, 21))
    data.add_series("Dry", (3, 4))
    deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_chart(
        XL_CHART_TYPE.LINE, 0, 0, 100, 100, data
    )
    deck.save(out)

    assert text_of("a.pptx", out.getvalue()) == "North; Wet: 19.5; Dry: 3\nSouth; Wet: 21; Dry: 4"
