"""Files dropped into a conversation: read into memory by the flow of `ingest`, and cited."""

import pytest

from f.millrace.core import config, db, run_context
from f.millrace.memory import forget, recall
from f.millrace.trust import audit
from tests.console.conftest import OWN

QUAY = b"# Quay\n\nThe repair of the quay costs 2.4 million euros and ends in May.\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, folk):
    """Where dropped files are kept."""
    monkeypatch.setenv("MILLRACE_DROPPED_DIR", str(tmp_path / "dropped"))
    config.reload()
    return tmp_path / "dropped"


def drop(browser, *files, **fields):
    """Drop files, each a name and what is in it."""
    sent = [("files", (name, data)) for name, data in files]
    return browser.client.post("/talk/files", data=fields, files=sent, headers=OWN)


def kept(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_read_shown_as_a_turn_and_cited(browser, inline, folder):
    cy = browser("cy")

    answer = drop(cy, ("quay.md", QUAY))

    assert answer.status_code == 303 and kept(folder) == ["quay.md"]
    session = answer.headers["location"].partition("/talk/")[2].partition("?")[0]
    page = cy.get(f"/talk/{session}").text
    assert "quay.md" in page and str(folder) not in page and "1 passage" in page
    assert db.fetch_one("SELECT state, problem FROM document") == {"state": "read", "problem": ""}
    cy.post("/talk", session=session, flow="chat", message="What does the repair of the quay cost?")
    told = cy.get(f"/talk/{session}").text
    assert "2.4 million euros" in told and 'aria-label="Source 1: Quay"' in told
    assert "run.started" in [row["kind"] for row in audit.rows()]


def test_a_file_that_is_dropped_twice_is_one_document(browser, inline, folder):
    cy = browser("cy")

    drop(cy, ("quay.md", QUAY))
    drop(cy, ("quay.md", QUAY), ("other.txt", b"The lock is closed in June."))

    assert kept(folder) == ["other.txt", "quay.md"]
    assert db.fetch_one("SELECT count(*) AS n FROM document") == {"n": 2}


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ([], 400, "files cannot be taken"),
        ([("tool.exe", b"MZ")], 400, "tool.exe is of no kind that is read; these are bmp, csv"),
        ([("quay.md", QUAY), ("tool", b"x")], 400, "tool is of no kind"),
        ([(".md", b"x")], 400, "of no kind"),
        ([("empty.txt", b"")], 400, "empty.txt is empty"),
        ([("a" * 300 + ".txt", b"x")], 400, "304 bytes, at most 200"),
        ([(f"{n}.txt", b"x") for n in range(21)], 400, "at most 20 at a time"),
        ([("big.txt", b"x" * 400_000)], 413, "more than 100,000 bytes together"),
    ],
    ids=["none", "kind", "one-of-two", "hidden", "empty", "name", "many", "large"],
)
def test_what_is_not_taken_is_told_and_nothing_is_kept(
    browser, begun, folder, configure, files, status, words
):
    configure(user="ana", document_max_bytes=100_000)

    answer = drop(browser("cy"), *files, session="cells")

    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert begun == [] and not folder.exists()


@pytest.mark.parametrize("name", ["../../up.md", "..\\up.md", "/etc/up.md"])
def test_a_name_leads_nowhere_else(browser, begun, folder, name):
    drop(browser("cy"), (name, QUAY))

    ((flow, args, *_),) = begun
    assert flow == "ingest_documents" and kept(folder) == ["up.md"]
    assert all(path.startswith(f"{folder}/") and ".." not in path for path in args["paths"])


def test_a_conversation_that_is_being_answered_takes_no_files(browser, begun, folder):
    cy = browser("cy")
    cy.post("/talk", session="cells", flow="chat", message="How much?")

    answer = drop(cy, ("quay.md", QUAY), session="cells")

    assert answer.status_code == 403 and "still being answered" in answer.text
    assert not folder.exists()


def test_a_reader_and_a_foreign_page_cannot(browser, begun, folder):
    assert drop(browser("di"), ("quay.md", QUAY)).status_code == 403
    foreign = browser("cy").client.post(
        "/talk/files", files=[("files", ("a.md", QUAY))], headers={"sec-fetch-site": "cross-site"}
    )

    assert foreign.status_code == 403 and begun == [] and not folder.exists()


def test_the_page_offers_it_by_a_field_with_a_label(browser):
    page = browser("cy").get("/talk").text

    assert 'for="files"' in page and 'type="file" id="files"' in page and ".pdf" in page
    assert 'type="file"' not in browser("di").get("/talk").text


def test_what_another_than_an_owner_drops_is_never_the_owners_own_text(
    browser, inline, configure, folder
):
    configure(documents_trust="own", user="ana", dropped_dir=str(folder))

    drop(browser("cy"), ("quay.md", QUAY))
    drop(browser("ana"), ("lock.md", b"# Lock\n\nThe lock is closed in June for its repair.\n"))

    found = db.fetch_all(
        "SELECT d.title, d.trust, d.user_id, m.trust AS said, m.user_id AS whose FROM document d"
        " JOIN document_passage p ON p.document_id = d.id JOIN memory_item m ON m.id = p.item_id"
        " ORDER BY d.title"
    )
    assert [tuple(row.values()) for row in found] == [
        ("Lock", "own", "", "own", ""),
        ("Quay", "untrusted", "cy", "untrusted", "cy"),
    ]


def test_what_a_member_drops_is_found_by_them_and_by_owners(browser, inline):
    cy, bo, ana = browser("cy"), browser("bo"), browser("ana")
    drop(cy, ("quay.md", QUAY))
    row = db.fetch_one("SELECT document_id, item_id FROM document_passage")
    places = (f"/memory/documents/{row['document_id']}", f"/memory/items/{row['item_id']}")

    for one, status in ((cy, 200), (ana, 200), (bo, 404)):
        assert [one.get(path).status_code for path in places] == [status, status]
        for path in ("/memory", "/memory/documents", "/memory?q=repair+of+the+quay", "/talk"):
            assert (
                "uay"
                in one.get(path)
                .text.replace("of+the+quay", "")
                .replace('value="repair of the quay"', "")
            ) == (status == 200), path
        assert ("Quay" in one.get("/find?q=quay").text) == (status == 200)
    for person, found in (("cy", 1), ("ana", 1), ("bo", 0), ("di", 0)):
        with run_context.change(user_id=person):
            assert len(recall.recall("What does the repair of the quay cost?")) == found
    assert bo.post(f"{places[1]}/forget", sure="yes").status_code == 404
    assert cy.post(f"{places[1]}/forget", sure="yes").status_code == 303
    assert db.fetch_one("SELECT count(*) AS n FROM memory_item") == {"n": 0}


def test_the_same_file_of_two_people_is_two_documents(browser, inline, folder):
    drop(browser("cy"), ("quay.md", QUAY))
    drop(browser("bo"), ("quay.md", QUAY))

    assert kept(folder) == ["quay.md", "quay.md"]
    found = db.fetch_all("SELECT user_id, state FROM document ORDER BY user_id")
    assert [(row["user_id"], row["state"]) for row in found] == [("bo", "read"), ("cy", "read")]


def test_everybodys_memory_is_changed_by_owners_only(browser, inline):
    drop(browser("ana"), ("quay.md", QUAY))
    item = db.fetch_one("SELECT item_id FROM document_passage")["item_id"]

    refused = browser("cy").post(f"/memory/items/{item}/forget", sure="yes")

    assert refused.status_code == 403 and "everybody" in refused.text
    assert browser("ana").post(f"/memory/items/{item}/forget", sure="yes").status_code == 303


def test_forgetting_deletes_the_kept_file_too(browser, inline, folder):
    drop(browser("cy"), ("quay.md", QUAY), ("lock.txt", b"The lock is closed in June."))

    planned = forget.forget("quay", dry_run=True)
    done = forget.forget("quay")

    assert planned.found["files"] == 1 and done.files == 1 and done.proved
    assert done.elsewhere == [] and kept(folder) == ["lock.txt"]


def test_a_file_that_cannot_be_read_is_named_and_no_path_of_the_server(browser, inline, folder):
    cy = browser("cy")

    answer = drop(cy, ("broken.pdf", b"%PDF-1.7 nothing"))

    page = cy.get(answer.headers["location"].partition("#")[0]).text
    run_id = db.fetch_one("SELECT id FROM run WHERE flow = 'ingest_documents'")["id"]
    for shown in (page, cy.get(f"/runs/{run_id}").text, cy.get("/memory/documents").text):
        assert "broken.pdf" in shown and str(folder) not in shown
