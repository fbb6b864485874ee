"""The database is stopped and started for real in the middle of writing, asking and reading
documents.
"""

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

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
def server(monkeypatch):
    """A Postgres of the test's own that keeps what it acknowledged."""
    # Not below pytest's folder, which is closed to the account that Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="millrace-test-"))
    home.chmod(0o755)
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
    shutil.rmtree(home, ignore_errors=True)


def restart(server: Embedded, mode: str) -> None:
    """Stop the server, as when the power goes (immediate) or as an administrator does (fast), and
    start it again.
    """
    pid_file = server.data / "postmaster.pid"
    os.kill(
        int(pid_file.read_text().split()[0]),
        signal.SIGQUIT if mode == "immediate" else signal.SIGINT,
    )
    while pid_file.exists():
        time.sleep(0.01)
    patiently(server.start)


def patiently(work: Callable, *arguments):
    """Do it again until the database is there, as a step that Windmill repeats."""
    while True:
        try:
            return work(*arguments)
        except DatabaseUnavailable:
            time.sleep(0.05)


def _until_more(acknowledged: dict, more: int, threads: list) -> None:
    wanted = len(acknowledged) + more
    while len(acknowledged) < wanted and all(thread.is_alive() for thread in threads):
        time.sleep(0.01)


@pytest.mark.long
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
    try:
        for mode in ("immediate", "fast"):
            _until_more(acknowledged, 10, threads)
            restart(server, mode)
        _until_more(acknowledged, 5, threads)
    finally:
        over.set()
        for thread in threads:
            thread.join(60)

    rows = patiently(db.fetch_all, "SELECT id FROM memory_item WHERE id <> %s", [known])
    assert sorted(row["id"] for row in rows) == sorted(acknowledged.values())
    kept, truth = counted()
    assert kept == truth
    assert faults and all("Postgres" in fault for fault in faults)


@pytest.mark.long
def test_documents_that_were_being_read_are_all_read_in_the_next_run(server, tmp_path):
    (tmp_path / "papers").mkdir()
    ingestion = Ingestion(tmp_path / "papers")
    for number in range(DOCUMENTS):
        ingestion.write(f"{number}.md", f"# Report {number}\n\nReport {number}: {CRANE}\n\n{QUAY}")

    def crash() -> None:
        with db.open_connection() as connection:
            while connection.execute(
                "SELECT count(*) < 3 AS few FROM document WHERE state = 'read'"
            ).fetchone()["few"]:  # type: ignore[index]
                time.sleep(0.005)
        restart(server, "immediate")

    crasher = threading.Thread(target=crash)
    crasher.start()
    try:
        with pytest.raises(DatabaseUnavailable):
            ingestion.run()
    finally:
        crasher.join(60)
    before = patiently(db.fetch_one, "SELECT count(*) AS n FROM document WHERE state = 'read'")
    done = patiently(ingestion.run)

    assert before and 3 <= before["n"] < DOCUMENTS and done["read"] == DOCUMENTS - before["n"]
    assert db.fetch_one(
        "SELECT count(*) AS n, count(DISTINCT path) AS paths FROM document WHERE state = 'read'"
    ) == {
        "n": DOCUMENTS,
        "paths": DOCUMENTS,
    }
    assert db.fetch_one("SELECT count(*) AS n FROM document_passage") == {"n": DOCUMENTS}
    kept, truth = counted()
    assert kept == truth
