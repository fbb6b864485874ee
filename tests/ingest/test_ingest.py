"""Documents over time: new, unchanged, changed, moved, copied, deleted, interrupted."""

import os
import signal
import subprocess
import sys
import time

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import NotFound
from f.millrace.ingest import close, compare, crawl
from f.millrace.ingest import embed as embed_step
from f.millrace.memory import documents as kept
from f.millrace.memory.recall import recall
from f.millrace.telemetry.events import watch
from scripts.paths import ROOT
from scripts.samples import documents
from tests.ingest.conftest import CRANE, FERRY, QUAY

CRASHES = 25 if os.environ.get("PROVE") else 3
SECTION = (
    "## Part {}\n\nPart {} of the handbook says that berth {} takes ships of {} metres.\n\n"
    + "It is kept clean. " * 18
    + "\n\n"
)


def handbook(parts):
    return "# Handbook\n\n" + "".join(SECTION.format(*[part] * 4) for part in parts)


def test_a_document_is_found_when_the_step_ends_and_its_citation_opens_at_the_passage(ingestion):
    pages = [documents.page_of("Harbour", [CRANE]), documents.page_of("Costs", [QUAY])]
    ingestion.write("deep/er/report.pdf", documents.pdf(pages, "Report"))

    done = ingestion.run()

    assert (done["read"], done["new_passages"]) == (1, 2)
    hit = recall("what does the repair of the quay cost?")[0]
    row = kept.get(hit.metadata["document"])
    start = hit.metadata["offset"]
    assert row["body"][start : start + hit.metadata["length"]] == hit.text and QUAY in hit.text
    assert kept.place(row, hit.metadata["page"], start) == "page 2" and hit.trust == "untrusted"


def test_a_document_keeps_its_secrets_and_what_is_told_of_it_does_not(ingestion, capfd):
    secret = "Zq81" + "harbour"
    said = f"The crane's console takes the password={secret} since Monday, says the harbour."
    told = []
    ingestion.write("crane.md", f"# Crane\n\n{said}")
    ingestion.write("empty.md", "")

    with watch(told.append):
        ingestion.run()

    spans = db.fetch_all("SELECT s::text AS row FROM span s")
    assert recall("which password takes the crane?")[0].text.endswith(said)
    assert said in ingestion.document("crane.md")["body"]
    assert spans and secret not in str(spans) + str(told) + "".join(capfd.readouterr())


def test_a_passage_is_titled_by_its_document_and_the_headings_above_it(ingestion):
    ingestion.write("a.md", handbook([3]))

    ingestion.run()

    assert recall("which ships does berth 3 take?")[0].title == "Handbook › Part 3"


def test_an_unchanged_folder_is_not_opened_again(ingestion, monkeypatch):
    ingestion.write("a.md", CRANE)
    ingestion.run()
    monkeypatch.setattr(compare, "_sha256", lambda path: pytest.fail(f"{path} was opened"))

    done = ingestion.run()

    assert (done["unchanged"], done["waiting"], done["read"]) == (1, 0, 0)


def test_a_touched_file_is_not_read_again(ingestion):
    path = ingestion.write("a.md", CRANE)
    ingestion.run()
    os.utime(path, (1, 1))

    assert ingestion.run()["unchanged"] == 1 and ingestion.document("a.md")["changed_ns"] == 10**9


def test_of_a_changed_document_only_changed_passages_are_new(ingestion):
    ingestion.write("a.md", handbook(range(8)))
    first = ingestion.run()
    before = {row["item_id"] for row in ingestion.passages("a.md")}
    ingestion.write("a.md", handbook([0, 1, 2, 3, 99, 5, 6, 7]))

    second = ingestion.run()

    after = {row["item_id"] for row in ingestion.passages("a.md")}
    assert first["new_passages"] == 8 and second["new_passages"] == len(after - before) == 1
    assert "berth 99" in recall("which ships does berth 99 take?")[0].text
    assert not any(
        "berth 4 " in hit.text for hit in recall("which ships does berth 4 take?", limit=20)
    )


def test_a_moved_file_is_a_move(ingestion):
    path = ingestion.write("a.md", CRANE)
    ingestion.run()
    identity = ingestion.document("a.md")["id"]
    (ingestion.folder / "sub").mkdir()
    path.rename(ingestion.folder / "sub" / "b.md")

    done = ingestion.run()

    assert (done["moved"], done["withdrawn"], done["waiting"]) == (1, 0, 0)
    assert ingestion.document("sub/b.md")["id"] == identity
    assert recall("harbour crane")[0].source.endswith("sub/b.md")


@pytest.mark.parametrize("name", ["a.md", "sub/a.md", "sub"])
def test_a_document_is_found_in_its_namespace_only_and_when_it_was_read(ingestion, name):
    path = ingestion.write("sub/a.md", CRANE)
    ingestion.write("sub/broken.pdf", b"%PDF-1.7 broken")
    ingestion.run()

    assert [row["path"] for row in kept.find(name, "main")] == [str(path)]
    for other, namespace in ((name, "other"), ("broken.pdf", "main")):
        with pytest.raises(NotFound, match="memory has no document"):
            kept.find(other, namespace)


def test_a_deleted_document_is_withdrawn_and_comes_back_with_its_file(ingestion):
    path = ingestion.write("a.md", CRANE)
    ingestion.run()
    path.unlink()

    assert ingestion.run()["withdrawn"] == 1
    assert recall("harbour crane") == [] and ingestion.document("a.md")["state"] == "withdrawn"

    ingestion.write("a.md", CRANE)
    assert ingestion.run()["read"] == 1
    assert len(recall("harbour crane")) == 1


def test_a_passage_of_two_documents_stays_until_both_are_gone(ingestion):
    first = ingestion.write("a.md", f"# Same\n\n{CRANE}")
    second = ingestion.write("b.md", f"# Same\n\n{CRANE}")
    ingestion.run()

    first.unlink()
    ingestion.run()
    assert len(recall("harbour crane")) == 1

    second.unlink()
    ingestion.run()
    assert recall("harbour crane") == []


def test_a_folder_that_is_gone_is_withdrawn_and_one_that_cannot_be_reached_is_kept(ingestion):
    ingestion.write("box/inner/a.md", CRANE)
    box = ingestion.folder / "box"
    ingestion.run(box / "inner")
    os.rename(box, ingestion.folder / "elsewhere")

    assert ingestion.run(box / "inner")["withdrawn"] == 0
    assert len(recall("harbour crane")) == 1

    box.mkdir()
    assert ingestion.run(box / "inner")["withdrawn"] == 1


def test_only_the_given_folder_is_compared(ingestion):
    ingestion.write("one/a.md", CRANE)
    path = ingestion.write("two/b.md", FERRY)
    ingestion.run()
    path.unlink()

    assert ingestion.run(ingestion.folder / "one")["withdrawn"] == 0


def test_namespaces_are_kept_apart(ingestion):
    ingestion.write("a.md", CRANE)
    ingestion.run(namespace="sample")

    assert recall("harbour crane") == [] and len(recall("harbour crane", namespace="sample")) == 1
    assert ingestion.run()["read"] == 1


def test_links_hidden_files_and_other_files_are_left_alone(ingestion, tmp_path):
    outside = tmp_path / "secret.md"
    outside.write_text("The secret of the harbour.")
    (ingestion.folder / "link.md").symlink_to(outside)
    (ingestion.folder / "around").symlink_to(tmp_path)
    ingestion.write(".hidden/a.md", CRANE)
    ingestion.write("~$open.docx", CRANE)
    ingestion.write("film.mp4", CRANE)
    os.mkfifo(ingestion.folder / "pipe.md")

    found = crawl.crawl([str(ingestion.folder)], 10)

    assert found.files == {} and dict(found.skipped) == {".mp4": 1}


def test_the_trust_of_documents_is_a_setting(ingestion, monkeypatch):
    monkeypatch.setenv("MILLRACE_DOCUMENTS_TRUST", "own")
    config.reload()
    ingestion.write("a.md", CRANE)
    ingestion.run()

    assert recall("harbour crane")[0].trust == "own"


def test_progress_is_told_with_an_estimate(ingestion):
    for number in range(5):
        ingestion.write(f"{number}.md", f"{CRANE} Number {number}.")
    events = []

    with watch(events.append):
        ingestion.run()

    told = [event["metadata"] for event in events if "seconds_left" in event["metadata"]]
    assert told[-1] == {"done": 5, "total": 5, "seconds_left": 0.0}


RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from f.millrace.ingest import read, scan
scanned = scan.main(paths=[sys.argv[2]])
print("reading", flush=True)
read.main(run_id=scanned["run_id"])
"""


def documents_read():
    row = db.fetch_one("SELECT count(*) AS n FROM document WHERE state = 'read'")
    return row["n"] if row else 0


@pytest.mark.long
def test_a_killed_run_goes_on_where_it_was_and_does_nothing_twice(ingestion):
    names = [f"{number:02}.md" for number in range(30)]
    for number, name in enumerate(names):
        ingestion.write(name, handbook(range(number * 10, number * 10 + 6)))
    pids = []

    for kill in range(1, CRASHES + 1):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(ROOT), str(ingestion.folder)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        with process:
            assert process.stdout and process.stdout.readline() == "reading\n"
            while documents_read() < kill * 30 // (CRASHES + 1):
                assert process.poll() is None, "the run ended before it was killed"
                time.sleep(0.01)
            # Stopped first, so that it reads no further while its readers are looked up.
            process.send_signal(signal.SIGSTOP)
            pids += subprocess.run(
                ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
            ).stdout.split()
            process.send_signal(signal.SIGKILL)
    assert 0 < documents_read() < 30 and pids
    ingestion.run()

    rows = db.fetch_all("SELECT d.path, d.state, d.body FROM document d ORDER BY d.path")
    assert [(os.path.basename(row["path"]), row["state"]) for row in rows] == [
        (name, "read") for name in names
    ]
    for name in names:
        body = ingestion.document(name)["body"]
        assert "".join(
            "".join(body[p["start_at"] : p["end_at"]].split()) for p in ingestion.passages(name)
        ) == "".join(body.split())
    loose = db.fetch_one(
        "SELECT count(*) AS n FROM memory_item m WHERE NOT EXISTS (SELECT 1 FROM document_passage p"
        " WHERE p.item_id = m.id)"
    )
    assert loose == {"n": 0}
    until = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < until, "a reader outlived its run"
        time.sleep(0.05)


def test_with_nothing_to_read_or_embed_the_run_ends_with_the_scan(ingestion):
    ingestion.write("a.md", CRANE)
    assert not ingestion.run()["scan"]["finished"]
    assert not ingestion.run()["scan"]["finished"], "its passage has no vector yet"
    embed_step.main()

    scanned = ingestion.run()["scan"]

    row = db.fetch_one("SELECT status, result FROM run WHERE id = %s", [scanned["run_id"]])
    assert scanned["finished"] and row and row["status"] == "done"
    assert (row["result"]["unchanged"], row["result"]["read"], row["result"]["problems"]) == (
        1,
        0,
        [],
    )


def test_embedding_can_be_left_to_later_and_words_find_what_was_read(ingestion):
    ingestion.write("crane.txt", "The harbour crane at Kestrel lifts forty tonnes, says the port.")
    done = ingestion.run()

    left = embed_step.main(run_id=done["run_id"], embed=False)

    assert (left["embedded"], left["left"]) == (0, 1)
    assert "forty tonnes" in recall("harbour crane", limit=5)[0].text
    assert embed_step.main(run_id=done["run_id"])["left"] == 0


def test_each_kind_of_file_that_was_left_out_is_told_with_its_count():
    assert close.format_skipped({".mp3": 1, ".bin": 2}) == "2 .bin, 1 .mp3"
