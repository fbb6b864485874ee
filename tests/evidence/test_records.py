"""Entries of tables and forms: which of them answers a question, and which belong to others."""

import pytest

from f.millrace.evidence import disputes, identifiers, layout, listing, records
from f.millrace.evidence.prompt import Passage
from f.millrace.models import offline

BILL = Passage(
    "ev_1",
    "water-bill.pdf",
    "",
    "Customer number: W-771.\nConsumption: 84 cubic metres.\nAmount: 96.10 EUR.\n"
    "Due date: 15 May 2026.",
    "Water bill",
)
CREW = Passage(
    "ev_2",
    "crew.xlsx",
    "",
    "Name: Ada Quill; Role: Skipper; Phone: 555 0100\nName: Bo Lind; Role: Cook; Phone: 555 0101",
    "Crew of the Daystar",
)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Until when is the water bill to be paid?", ["Due date: 15 May 2026."]),
        ("How much water was consumed?", ["Consumption: 84 cubic metres."]),
        ("What is the phone number of Bo Lind?", ["Name: Bo Lind; Phone: 555 0101"]),
        ("Who is the skipper of the Daystar?", ["Role: Skipper; Name: Ada Quill"]),
        ("What is the phone number of Cy Marr?", []),
        ("What is the deposit of the water bill?", []),
    ],
)
def test_an_entry_answers_by_its_label_and_what_stands_around_it(question, told):
    assert [record.text for record in records.find(question, [BILL, CREW])] == told


def test_a_question_for_a_date_is_not_answered_by_an_amount():
    paid = Passage("ev_3", "a.pdf", "", "Payment: 96.10 EUR\nPaid on: 2 May 2026", "Water bill")

    (record,) = records.find("When was the water bill paid?", [paid])

    assert record.value == "2 May 2026"


def test_a_date_in_figures_is_the_one_in_words():
    tides = Passage(
        "ev_4",
        "tides.csv",
        "",
        "Date: 2026-05-01; High water: 06:12\nDate: 2026-05-02; High water: 06:58",
        "Tides",
    )

    (record,) = records.find("When is high water on 2 May 2026?", [tides])

    assert record.value == "06:58"


def test_a_row_of_somebody_else_is_no_finding():
    line = CREW.text.splitlines()[0]

    assert records.is_of_another("Who is Cy Marr?", line, CREW)
    assert not records.is_of_another("Who is Ada Quill?", line, CREW)


def test_nothing_is_said_of_a_name_that_no_passage_has():
    text = (
        "## Question\nHow much does the roof of Tarn Roofing cost?\n\n## Evidence\n"
        '<evidence id="ev_7f" source="tuner.eml" date="" trust="untrusted" title="Piano">\n'
        "The tuning costs 145 EUR.\n</evidence>\n"
    )

    assert offline.write(text) == "NO EVIDENCE"


def test_tables_and_short_lists_say_in_each_line_what_they_are_about():
    text = (
        "## Present\n\n- Ada Quill\n- Bo Lind\n\n| Boat | Berth |\n|---|---|\n| Daystar | A1 |\n\n"
        "To do:\n\n- Paint the hull before the end of May.\n- Ask for prices."
    )

    told = layout.as_lines(text)

    assert "Present: Ada Quill, Bo Lind\n" in told and "Boat: Daystar; Berth: A1\n" in told
    assert "- Ask for prices." in told


def invoices() -> list[Passage]:
    return [
        Passage(
            f"ev_{number}",
            f"{number}.pdf",
            "",
            f"Invoice number: {number}\nDate: {date}\nTotal: {total} EUR",
            "Invoice",
        )
        for number, date, total in (
            ("2026-031", "18 March 2026", "904.40"),
            ("2026-044", "2026-04-20", "1,671.95"),
        )
    ]


@pytest.mark.parametrize(
    ("question", "sources"),
    [
        ("What is the total of the April invoice?", ["2026-044.pdf"]),
        ("What is the total of the invoice of March 2026?", ["2026-031.pdf"]),
        ("What is the total of invoice 2026-044?", ["2026-044.pdf"]),
        ("What is the total of the August invoice?", []),
        ("What is the total of invoice 2026-04?", []),
    ],
)
def test_siblings_are_told_apart_by_number_and_by_month(question, sources):
    kept = identifiers.select(question, invoices(), strict=True)

    assert [passage.source for passage in kept] == sources


def test_entries_of_two_forms_do_not_dispute():
    first, second = invoices()

    assert disputes.find("When do the doors open?", [first, second]) == []


def test_a_line_is_not_told_under_its_own_label():
    passage = Passage(
        "ev_5", "a.md", "", "Present: Ada Quill", "Minutes of the board, 3 May 2026 › Present"
    )

    assert listing.label_of(passage, passage.text) == "Minutes of the board, 3 May 2026"


def test_a_short_sentence_is_a_finding_when_it_is_of_the_question():
    text = (
        "## Question\nIs the gate locked?\n\n## Evidence\n"
        '<evidence id="ev_6f" source="rules.md" date="" trust="untrusted" title="Rules">\n'
        "The gate is locked at dusk.\n</evidence>\n"
    )

    assert offline.write(text) == "The gate is locked at dusk. [ev_6f]"
