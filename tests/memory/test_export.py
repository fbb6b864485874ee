import json

import pytest

from f.millrace.core import db, run_context
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.memory import documents, history
from f.millrace.memory.export import export, import_
from f.millrace.memory.links import link
from f.millrace.memory.recall import recall
from f.millrace.memory.retract import retract
from f.millrace.memory.store import remember
from f.millrace.memory.supersede import supersede
from tests.ingest.conftest import CRANE, Ingestion

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def lived(clock):
    """A namespace with a past."""
    clock("2026-01-01")
    old = remember("fact", "the ferry leaves at noon", source="timetable", metadata={"line": 4})
    clock("2026-02-01")
    new = supersede(old, "the ferry leaves at one", since="2026-02-01", source="a rumour")
    link(new, remember("note", "boats are slow"), "about")
    history.remember_turn("desk", "When does it leave?", "At one.")
    clock("2026-03-01")
    retract("a rumour", "it was none")
    clock("2026-04-01")


def _plain(records) -> list:
    return [json.loads(json.dumps(record, default=str)) for record in records]


def _without_header(records) -> list:
    return sorted(json.dumps(record, sort_keys=True) for record in records[1:])


def test_an_export_that_is_imported_elsewhere_answers_the_same_and_exports_the_same(lived):
    records = _plain(export())
    asked = [{"as_of": "2026-01-15"}, {"known_at": "2026-02-15"}, {"known_at": "2026-01-15"}, {}]
    before = [[memory.text for memory in recall("ferry", **when)] for when in asked]
    db.execute("DELETE FROM memory_item")
    db.execute("DELETE FROM memory_retraction")
    db.execute("DELETE FROM chat_session")

    counts = import_(records)

    assert counts["item"] == 3 and counts["belief"] == 6 and counts["message"] == 2
    assert [[memory.text for memory in recall("ferry", **when)] for when in asked] == before
    assert before[:3] == [
        ["the ferry leaves at noon"],
        ["the ferry leaves at one"],
        ["the ferry leaves at noon"],
    ]
    assert _without_header(_plain(export())) == _without_header(records)
    assert history.turns("desk") == [("When does it leave?", "At one.")]


def test_importing_twice_is_once_and_another_namespace_gets_its_own(lived):
    records = _plain(export())

    assert set(import_(records).values()) == {0}
    assert import_(records, "copy")["item"] == 3 and import_(records, "copy")["item"] == 0

    texts = [memory.text for memory in recall("ferry", namespace="copy", known_at="2026-02-15")]
    assert texts == ["the ferry leaves at one"]


def test_an_export_of_a_moment_has_what_was_held_then(lived):
    records = _plain(export(known_at="2026-02-15"))

    assert sorted(record["raw_text"]["text"] for record in records if record["kind"] == "item") == [
        "boats are slow",
        "the ferry leaves at one",
    ]
    assert {record["kind"] for record in records} == {"header", "item", "origin", "link"}


@pytest.fixture
def papers(tmp_path):
    """A folder with one document that was read."""
    (tmp_path / "papers").mkdir()
    ingestion = Ingestion(tmp_path / "papers")
    ingestion.write("crane.md", f"# Crane\n\n{CRANE}\n")
    ingestion.run()
    return ingestion


def _opens_at_its_words(namespace):
    [hit] = recall("harbour crane", namespace=namespace)
    opened = documents.open_citation(
        documents.citation(
            hit.metadata["document"], 0, hit.metadata["offset"], hit.metadata["length"]
        )
    )
    return opened["text"] == hit.text and CRANE in opened["text"]


def test_documents_are_exported_so_that_citations_open_where_they_are_imported(papers):
    records = _plain(export())
    db.execute("DELETE FROM memory_item")
    db.execute("DELETE FROM document")

    counts = import_(records)

    assert (counts["document"], counts["passage"]) == (1, 1) and _opens_at_its_words("main")
    assert import_(records, "copy")["passage"] == 1 and _opens_at_its_words("copy")
    assert _without_header(_plain(export())) == _without_header(records)
    assert set(import_(records).values()) == set(import_(records, "copy").values()) == {0}
    assert papers.run()["unchanged"] == 1


def test_a_document_that_was_read_here_stays_the_one_of_its_file(papers):
    records = _plain(export())
    changed = [
        (
            {**record, "id": "doc_0123", "sha256": "other", "body": "# Old\n\nIt was red."}
            if record["kind"] == "document"
            else record
        )
        for record in records
        if record["kind"] != "passage"
    ]

    assert import_(changed)["document"] == 1

    assert [row["state"] for row in documents.list_shown("main")] == ["read"]
    assert documents.open_citation("doc_0123#offset=7&length=11")[
        "text"
    ] == "It was red." and _opens_at_its_words("main")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda records: [], "empty"),
        (lambda records: records[1:], "header"),
        (lambda records: [{**records[0], "version": 9}, *records[1:]], "version 1"),
        (lambda records: [*records, {"kind": "gossip"}], "kind 'gossip'"),
        (lambda records: [*records, ["no", "record"]], "kind None"),
        (
            lambda records: [*records, {"kind": "link", "from_id": "mem_none"}],
            "not as it was exported",
        ),
        (lambda records: [*records, {**records[1], "raw_text": {"text": " "}}], "text is empty"),
    ],
)
def test_a_spoiled_file_is_refused_whole(lived, spoil, words):
    records = spoil(_plain(export()))

    with pytest.raises(BadInput, match=words):
        import_(records, "copy")

    assert db.fetch_one("SELECT count(*) AS n FROM memory_item WHERE namespace = 'copy'") == {
        "n": 0
    }


def test_a_namespace_that_was_mistyped_is_not_exported_as_an_empty_one(lived):
    with pytest.raises(NotFound, match="no namespace 'mian'; there are main, sample"):
        next(export("mian"))


def test_a_header_says_what_was_exported_and_of_which_moment(lived):
    whole, then = next(export()), next(export(as_of="2026-01-15", known_at="2026-02-15"))

    assert (whole["namespace"], whole["as_of"], whole["known_at"]) == ("main", None, None)
    assert (then["as_of"], then["known_at"]) == ("2026-01-15", "2026-02-15")


@pytest.mark.parametrize("target", [None, "copy"])
def test_what_superseded_an_item_does_so_where_it_is_imported(clock, target):
    clock("2026-01-01")
    old = remember("fact", "the ferry leaves at noon")
    supersede(old, "the ferry leaves at one")
    clock("2026-01-02")
    records = _plain(export())
    if target is None:
        db.execute("DELETE FROM memory_item")

    import_(records, target)

    rows = db.fetch_all(
        "SELECT m.raw_text ->> 'text' AS text, n.raw_text ->> 'text' AS by FROM memory_item m"
        " LEFT JOIN memory_item n ON n.id = m.superseded_by AND n.namespace = m.namespace"
        " WHERE m.namespace = %s ORDER BY 1",
        [target or "main"],
    )
    assert [(row["text"], row["by"]) for row in rows] == [
        ("the ferry leaves at noon", "the ferry leaves at one"),
        ("the ferry leaves at one", None),
    ]
    reasons = db.fetch_all(
        "SELECT because, by_item IN (SELECT id FROM memory_item WHERE namespace = %s) AS known"
        " FROM memory_belief WHERE by_item IS NOT NULL AND item_id IN"
        " (SELECT id FROM memory_item WHERE namespace = %s)",
        [target or "main"] * 2,
    )
    assert reasons == [{"because": "superseded", "known": True}]


def test_a_conversation_that_is_imported_elsewhere_stands_beside_the_first(lived):
    history.remember_turn("desk", "And back?", "At two.")
    records = _plain(export())

    import_(records, "copy")

    told = [("When does it leave?", "At one."), ("And back?", "At two.")]
    assert history.turns("desk") == told
    with run_context.change(namespace="copy"):
        assert history.turns("desk") == told
        history.remember_turn("desk", "Really?", "Yes.")
        assert len(history.turns("desk")) == 3
    assert history.turns("desk") == told
    firsts = db.fetch_all("SELECT entry_id FROM chat_message WHERE parent_id IS NULL")
    assert len(firsts) == 2
