import pytest

from f.millrace.core.contracts import Evidence
from f.millrace.evidence.citations import StreamVerifier, verify

ONE = "ev_0123456789abcdef"
TWO = "ev_fedcba9876543210"
EVIDENCE = {
    ONE: Evidence(id=ONE, text="The Orbit plant in Leeds opened on Monday and employs 400 people."),
    TWO: Evidence(id=TWO, text="Orbit raised 300 million pounds for its sodium cells."),
}


def test_a_sentence_without_citation_is_dropped():
    checked = verify("The Orbit plant in Leeds employs 400 people.", EVIDENCE)

    assert checked.findings == []
    assert checked.dropped[0][1] == "it cites no evidence"


def test_a_citation_that_does_not_exist_is_removed():
    checked = verify(
        f"The Orbit plant in Leeds employs 400 people. [{ONE}] [ev_00000000deadbeef]", EVIDENCE
    )

    assert [finding.citations for finding in checked.findings] == [[ONE]]


def test_a_sentence_that_cites_only_what_does_not_exist_is_dropped():
    assert (
        verify(
            "The Orbit plant in Leeds employs 400 people. [ev_00000000deadbeef]", EVIDENCE
        ).findings
        == []
    )


def test_an_invented_link_does_not_appear():
    checked = verify(
        "The Orbit plant in Leeds opened on [Monday](https://evil.example/x) https://evil.example."
        f" [{ONE}]",
        EVIDENCE,
    )

    assert checked.findings[0].text == "The Orbit plant in Leeds opened on Monday."


def test_a_sentence_with_the_wrong_id_gets_the_right_one():
    checked = verify(f"Orbit raised 300 million pounds for its sodium cells. [{ONE}]", EVIDENCE)

    assert checked.findings[0].citations == [TWO]


@pytest.mark.parametrize(
    "written",
    [
        '"The Orbit plant in Leeds opened on Monday.',
        "The Orbit plant in Leeds opened on Monday.”",
        "The Orbit plant in Leeds opened on Monday.[5]",
        "The Orbit plant in Leeds opened on Monday [note 2].",
    ],
)
def test_lone_quotes_and_marks_of_notes_go(written):
    checked = verify(f"{written} [{ONE}]", EVIDENCE)

    assert [one.text for one in checked.findings] == ["The Orbit plant in Leeds opened on Monday."]


def test_a_sentence_that_was_cut_is_dropped():
    checked = verify(
        f"The Orbit plant in Leeds employs 400 people (on Monday vs. [{ONE}]", EVIDENCE
    )

    assert checked.findings == []
    assert checked.dropped[0][1] == "it is cut: what it opens it does not close"


def test_an_invented_figure_is_dropped():
    assert verify(f"The Orbit plant in Leeds employs 900 people. [{ONE}]", EVIDENCE).findings == []


def test_several_sentences_in_one_line_keep_their_own_citations():
    text = (
        f"- The Orbit plant in Leeds opened on Monday [{ONE}]. Orbit raised 300 million pounds for"
        f" its cells [{TWO}, {ONE}]."
    )

    assert [finding.citations for finding in verify(text, EVIDENCE).findings] == [[ONE], [TWO]]


def test_the_gate_shows_checked_lines_as_they_come():
    shown = []
    gate = StreamVerifier(EVIDENCE, lambda finding: shown.append(finding.text))
    text = (
        f"The Orbit plant in Leeds opened on Monday. [{ONE}]\nOrbit is the best. [{TWO}]\nOrbit"
        f" raised 300 million pounds for its sodium cells. [{TWO}]"
    )

    for place in range(0, len(text), 7):
        gate.token(text[place : place + 7])
    gate.close()

    assert shown == [
        "The Orbit plant in Leeds opened on Monday.",
        "Orbit raised 300 million pounds for its sodium cells.",
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "**Orbit** opened the `orbit_plant` in _Leeds_ with __400__ people",
            "Orbit opened the orbit_plant in Leeds with 400 people",
        ),
        (
            "ORBIT_PLANT_URL is the orbit_plant of Leeds in C#",
            "ORBIT_PLANT_URL is the orbit_plant of Leeds in C#",
        ),
        (
            "`__init__` opens orbit_plant with 2 * 200 people",
            "__init__ opens orbit_plant with 2 * 200 people",
        ),
    ],
)
def test_emphasis_goes_and_names_stay(written, read):
    evidence = {ONE: Evidence(id=ONE, text=read)}

    assert [finding.text for finding in verify(f"{written}. [{ONE}]", evidence).findings] == [
        f"{read}."
    ]


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        pytest.param(
            "The Orbit plant in Bristol opened and employs 400 people.", "Bristol", id="place"
        ),
        pytest.param("Ewan Laird opened the plant in Leeds on Monday.", "Ewan", id="person"),
        pytest.param("The NATO plant in Leeds employs 400 people.", "NATO", id="organisation"),
    ],
)
def test_a_name_that_its_evidence_does_not_have_is_dropped(sentence, name):
    checked = verify(f"{sentence} [{ONE}]", EVIDENCE)

    assert checked.findings == []
    assert checked.dropped == [(sentence, f"the name {name} is not in the evidence that it cites")]


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        pytest.param(
            "Germany and France pay half of the new sodium plant of President Muller.",
            "Half of the new sodium plant of Max Müller is what the German and French states pay.",
            id="people-country-office-accent",
        ),
        pytest.param(
            "Half of the new sodium plant was paid by the IMF and the United States.",
            "The International Monetary Fund and the U.S. paid half of the new sodium plant.",
            id="abbreviations",
        ),
        pytest.param(
            "The plant in Leeds opened in March, The Courier reports.",
            "The plant in Leeds opened its doors.",
            id="source",
        ),
        pytest.param(
            "Workers at the plant said: “Nobody told us about the new plant.”",
            "Workers at the plant said that nobody had told them about the new plant.",
            id="start-of-a-quotation",
        ),
    ],
)
def test_a_name_in_another_form_is_no_invention(sentence, evidence):
    known = {ONE: Evidence(id=ONE, text=evidence, source="courier.example")}

    assert len(verify(f"{sentence} [{ONE}]", known).findings) == 1
