"""The blocks that find things out: research, summarise, recall."""

import pytest

from f.millrace.blocks import recall, research, summarise
from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.memory import documents
from f.millrace.memory.store import Draft, remember_all
from f.millrace.telemetry.spans import step

REPORT = (
    "The quay of Kelby is repaired from March to June. The repair costs 2.4 million euros, half a"
    " million more than planned. Ships land at the old pier meanwhile. The contractor is Norrvik"
    " Marine. Residents had asked for a cycle path. The council decided against the cycle path"
    " because the quay is only nine metres wide."
)


@pytest.fixture
def report(database: str) -> str:
    """The id of a document that was read into memory."""
    with step("test.read"):
        document_id = documents.expect("main", "/shelf/reports/quay-report.md")
        documents.keep(
            document_id,
            REPORT,
            [documents.Passage(0, len(REPORT), 0, "")],
            documents.Particulars("markdown", "Report on the quay"),
            sha256="0" * 64,
            size=len(REPORT),
            changed_ns=1,
            reader="test",
            trust="untrusted",
        )
    return document_id


def test_a_question_is_answered_with_sources(world: str) -> None:
    found = research.main("How much will the battery plant in Norrvik make?")

    assert found["found"] and "gigawatt-hours" in found["answer"] and "[1]" in found["answer"]
    assert {source["number"] for source in found["sources"]} >= {1}
    assert all(source["url"].startswith(world) for source in found["sources"])
    assert 0 < found["confidence"] <= 100
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [found["run_id"]]) == {
        "status": "done"
    }


def test_without_sources_it_says_so(world: str) -> None:
    found = research.main("Zyxgrubel frombulations of Querz?")

    assert (found["found"], found["sources"]) == (False, [])
    assert found["answer"].startswith("No sources found. Tried ")


def test_memory_answers_first_unless_it_is_switched_off(world: str, report: str) -> None:
    known = research.main("What does the repair of the quay of Kelby cost?")
    anew = research.main("What does the repair of the quay of Kelby cost?", use_memory=False)

    assert known["sources"][0]["document"]["path"] == "/shelf/reports/quay-report.md"
    asked_memory = db.fetch_all(
        "SELECT DISTINCT run_id::text FROM run_event WHERE message LIKE 'Asking memory%'"
    )
    assert [row["run_id"] for row in asked_memory] == [known["run_id"]]
    assert anew["found"]


def test_an_untrusted_question_is_answered_as_untrusted(world: str) -> None:
    research.main("How much will the battery plant in Norrvik make?", written_by_others=True)

    assert db.fetch_one("SELECT count(*) AS n FROM usage WHERE agent = 'planner'") == {"n": 1}


@pytest.mark.parametrize(
    "name", ["quay-report.md", "report on the quay", "reports", "/shelf/reports/quay-report.md"]
)
def test_a_document_of_memory_is_summarised_by_any_of_its_names(report: str, name: str) -> None:
    made = summarise.main(documents=[name], sentences=2)

    assert (made["found"], made["read"], made["problems"]) == (True, 1, [])
    lines = made["summary"].splitlines()
    assert 1 <= len(lines) <= 2 and all(
        line.endswith("[1]") and line.removesuffix(" [1]") in REPORT for line in lines
    )
    assert made["sources"] == [
        {
            "number": 1,
            "title": "Report on the quay",
            "url": documents.citation(report, 0, 0, 0),
            "source": "quay-report.md",
        }
    ]


def test_a_summary_keeps_to_what_it_is_about(report: str) -> None:
    made = summarise.main(documents=[report], about="cycle path", sentences=3)

    assert "cycle path" in made["summary"] and "million" not in made["summary"]
    assert summarise.main(documents=[report], about="astronomy")["found"] is False


def test_a_page_and_a_text_are_summarised_together_and_what_fails_is_told(world: str) -> None:
    made = summarise.main(
        urls=[f"{world}/articles/nowhere", "http://10.0.0.1/private"],
        text=(
            "The tram of Kelby opens on 4 May and runs every ten minutes. A ride costs 2.40 euros."
        ),
        documents=["no such document"],
    )

    assert "4 May" in made["summary"]
    assert made["read"] == 1 and len(made["problems"]) == 3
    assert any("no document 'no such document'" in problem for problem in made["problems"])


def test_a_long_document_is_summarised_part_by_part(database: str) -> None:
    story = " ".join(
        f"Chapter {number} tells how the crew of ship {number} reached port {number} in a storm."
        for number in range(900)
    )

    made = summarise.main(
        text=f"{story} The last chapter says that all of it was a dream of the captain.",
        sentences=4,
    )

    assert 1 <= len(made["summary"].splitlines()) <= 4
    requests = db.fetch_one("SELECT count(*) AS n FROM usage WHERE agent = 'summariser'")
    assert requests is not None and requests["n"] > 4


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "there is nothing to summarise"),
        ({"text": "x", "sentences": 0}, "sentences is 0; allowed is 1 to 20"),
        ({"text": "x", "sentences": 21}, "sentences is 21"),
        ({"documents": ["nothing"]}, "nothing could be read: memory has no document 'nothing'"),
    ],
)
def test_a_summary_of_nothing_is_refused_in_words(database: str, inputs: dict, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        summarise.main(**inputs)


def test_memories_come_back_word_for_word(database: str) -> None:
    with step("test.remember"):
        remember_all([Draft("note", "Ada prefers the early train to Kelby.", title="Travel")])

    found = recall.main("Which train does Ada prefer?")

    assert found["found"] == 1
    assert found["text"] == "Travel: Ada prefers the early train to Kelby."
    assert found["memories"][0]["type"] == "note"
    assert (
        "> Ada prefers the early train to Kelby." in found["markdown"]
        and found["wm_renderer"] == "markdown"
    )
    none = recall.main("Which train does Ada prefer?", types=["finding"])
    assert (none["text"], none["memories"], none["found"]) == ("", [], 0)
    assert recall.main("Which train does Ada prefer?", namespace="elsewhere")["found"] == 0


def test_a_recall_of_too_much_is_refused_in_words(database: str) -> None:
    with pytest.raises(BadInput, match="limit is 0; allowed is 1 to 100"):
        recall.main("anything", limit=0)
