"""Forgetting inside documents, under the application's role: the words go everywhere, other
citations still open.
"""

import psycopg
import pytest

from f.millrace.core import config, db
from f.millrace.memory import documents, vectors
from f.millrace.memory.forget import forget
from f.millrace.memory.recall import recall
from f.millrace.memory.store import Draft, remember, remember_all
from f.millrace.ops import forget as step
from f.millrace.trust import audit
from tests.ingest.conftest import CRANE, FERRY, QUAY, Ingestion

ADA = "Ada Example, who lives in Paris, signed the contract for the lighthouse on the ninth of May."
FILLING = " It is kept clean and dry." * 10


@pytest.fixture
def lesser_role(postgres_server, monkeypatch):
    """A database that an owner migrates for a role of fewer rights, which does all the work."""
    base = postgres_server.rsplit("/", 1)[0]
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE forgetting")
    monkeypatch.setenv("MILLRACE_OWNER_URL", base + "/forgetting")
    monkeypatch.setenv(
        "MILLRACE_DATABASE_URL", f"postgresql://forgetful:pass-word@{base.split('@')[1]}/forgetting"
    )
    config.reload()
    db.migrate()
    yield
    db.close()
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE forgetting WITH (FORCE)")
        connection.execute("DROP ROLE IF EXISTS forgetful")


@pytest.fixture
def handbook(lesser_role, tmp_path):
    """A document of four sections; the second is about Ada Example, who is named once more in the
    fourth.
    """
    folder = tmp_path / "papers"
    folder.mkdir()
    ingestion = Ingestion(folder)
    sections = (CRANE, ADA, QUAY, FERRY + " Ask Ada Example about it.")
    text = "# Handbook\n\n" + "\n\n".join(
        f"## Part {n}\n\n{said}{FILLING}" for n, said in enumerate(sections, 1)
    )
    ingestion.write("handbook.md", text)
    ingestion.run()
    vectors.embed_missing()
    return ingestion


def test_what_a_document_says_of_the_subject_goes_and_other_citations_open_at_their_passages(
    handbook,
):
    before = handbook.document("handbook.md")
    cited = {
        row["number"]: documents.citation(
            row["document_id"], row["page"], row["start_at"], row["end_at"] - row["start_at"]
        )
        for row in handbook.passages("handbook.md")
    }
    said = {number: documents.open_citation(address)["text"] for number, address in cited.items()}

    done = step.main("Ada Example")

    after = handbook.document("handbook.md")
    assert done["proved"] and done["found"] == {} and done["deleted"]["memory_item"] == 2
    assert len(after["body"]) == len(before["body"]) and after["body"].count("\n") == before[
        "body"
    ].count("\n")
    for secret in ("Ada", "Paris", "contract", "lighthouse", "ninth of May"):
        assert secret not in after["body"]
    gone = [number for number, text in said.items() if "Ada Example" in text]
    for number, address in cited.items():
        opened = documents.open_citation(address)["text"]
        assert (
            (set(opened.split()) and set("".join(opened.split())) == {"█"})
            if number in gone
            else opened == said[number]
        )
    assert done["elsewhere"] == [
        f"the file {handbook.folder / 'handbook.md'} mentions it; delete or change it, or the next"
        " change of it is read again"
    ]
    assert [
        memory.text
        for memory in recall("who signed the contract for the lighthouse in Paris?")
        if "Paris" in memory.text
    ] == []
    # The audit knows that it happened, and nothing of whom.
    [row] = [row for row in audit.rows() if row["kind"] == "memory.forgotten"]
    assert "Ada" not in str(row) and row["detail"]["proved"] is True
    # The file did not change, so it is not read again.
    assert handbook.run()["unchanged"] == 1 and forget("Ada Example", dry_run=True).found == {}


def test_no_vector_is_left_that_was_made_with_the_forgotten_text(lesser_role):
    turns = ["Where do you live?", "I am Ada Example and live in Paris.", "That is far.", "It is."]
    ids = remember_all(
        [
            Draft("turn", text, metadata={"session": "s", "ordinal": number}, near=False)
            for number, text in enumerate(turns)
        ]
    )
    other = remember("note", "Ben Sample lives in Rome")
    vectors.embed_missing()

    assert forget("Ada Example").proved

    rows = {
        row["id"]: row["made"]
        for row in db.fetch_all("SELECT id, embedding IS NOT NULL AS made FROM memory_item")
    }
    assert rows == {ids[0]: True, ids[2]: False, ids[3]: True, other: True}
    assert (
        db.fetch_all(
            "SELECT 1 FROM memory_posting p WHERE NOT EXISTS (SELECT 1 FROM memory_item m WHERE"
            " m.no = p.item)"
        )
        == []
    )
    words = (
        "SELECT f.term FROM memory_frequency f JOIN unnest(memory_words('Ada Paris')) w ON f.term ="
        " memory_term('main', w.lexeme)"
    )
    assert db.fetch_all(words) == []
    assert vectors.embed_missing() == 1
