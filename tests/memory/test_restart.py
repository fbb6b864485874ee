"""The database is stopped and started for real in the middle of writing, asking and reading documents."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import DatabaseUnavailable
from f.millrace.memory.recall import recall
from f.millrace.memory.store import remember
from scripts.database.embedded import Embedded
from tests.ingest.conftest import CRANE, QUAY, Ingestion
from tests.memory.test_recall import counted

DOCUMENTS = 25


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    """A Postgres of the test's own that keeps what it acknowledged."""
    home = tmp_path_factory.mktemp("postgres")
    for folder in (home, *home.parents[:3]):
        folder.chmod(0o755)
    embedded = Embedded(home, durable=True)
    url = embedded.start().rsplit("/", 1)[0] + "/restarted"
    with psycopg.connect(embedded.start(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restarted")
    db.migrate(url)
    monkeypatch.setenv("MILLRACE_DATABASE_URL", url)
    config.reload()
    yield embedded
    db.close()
    embedded.stop()


def restart(server: Embedded, mode: str) -> None:
    """Stop the server, as when the power goes (immediate) or as an administrator does (fast), and start it again."""
    server._pg_ctl("stop", "-m", mode, "-w")
    server.start()


def patiently(work: Callable, *arguments):
    """Do it again until the database is there, as a step that Windmill repeats."""
    while True:
        try:
            return work(*arguments)
        except DatabaseUnavailable:
            time.sleep(0.05)


def test_what_was_acknowledged_is_there_once_and_questions_are_answered_or_refused_in_words(server):
    known = remember("note", "The kestrel ledger is kept in Oslo")
    over, acknowledged, faults = threading.Event(), {}, []

    def write() -> None:
        while not over.is_set():
            text = f"entry {len(acknowledged)} of the harbour book"
            acknowledged[text] = patiently(remember, "note", text)
        db.close()

    def ask() -> None:
        while not over.is_set():
            try:
                assert [memory.id for memory in recall("kestrel ledger Oslo", 1)] == [known]
            except DatabaseUnavailable as error:
                faults.append(str(error))
                time.sleep(0.02)
        db.close()

    threads = [threading.Thread(target=work) for work in (write, ask)]
    for thread in threads:
        thread.start()
    for mode in ("immediate", "fast"):
        wanted = len(acknowledged) + 10
        while len(acknowledged) < wanted:
            time.sleep(0.01)
        restart(server, mode)
    wanted = len(acknowledged) + 5
    while len(acknowledged) < wanted:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join(60)

    rows = patiently(db.all, "SELECT id FROM memory_item WHERE id <> %s", [known])
    assert sorted(row["id"] for row in rows) == sorted(acknowledged.values())
    kept, truth = counted()
    assert kept == truth
    assert faults and all("Postgres" in fault for fault in faults)


def test_documents_that_were_being_read_are_all_read_in_the_next_run(server, tmp_path):
    (tmp_path / "papers").mkdir()
    ingestion = Ingestion(tmp_path / "papers")
    for number in range(DOCUMENTS):
        ingestion.write(f"{number}.md", f"# Report {number}\n\nReport {number}: {CRANE}\n\n{QUAY}")

    def crash() -> None:
        with db.open_connection() as connection:
            while connection.execute("SELECT count(*) < 3 AS few FROM document WHERE state = 'read'").fetchone()["few"]:  # type: ignore[index]
                time.sleep(0.005)
        restart(server, "immediate")

    crasher = threading.Thread(target=crash)
    crasher.start()
    with pytest.raises(DatabaseUnavailable):
        ingestion.run()
    crasher.join(60)
    before = patiently(db.one, "SELECT count(*) AS n FROM document WHERE state = 'read'")
    done = patiently(ingestion.run)

    assert before and 3 <= before["n"] < DOCUMENTS and done["read"] == DOCUMENTS - before["n"]
    assert db.one("SELECT count(*) AS n, count(DISTINCT path) AS paths FROM document WHERE state = 'read'") == {
        "n": DOCUMENTS, "paths": DOCUMENTS,
    }  # fmt: skip
    assert db.one("SELECT count(*) AS n FROM document_passage") == {"n": DOCUMENTS}
    kept, truth = counted()
    assert kept == truth
