"""What documents are listed and kept, and what of another namespace, path or time is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.memory import documents
from f.millrace.memory.recall import recall

pytestmark = pytest.mark.usefixtures("database")

BODY = "The tide comes at noon.\nThe ferry waits for it.\nNobody is late."
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


def passages(page: int = 0, heading: str = "") -> list[documents.Passage]:
    return [
        documents.Passage(0, 23, page, heading),
        documents.Passage(24, len(BODY), page + 1 if page else 0, heading),
    ]


def keep(path: str, namespace: str = "main", **more: Any) -> str:
    """Read a document and return its id."""
    document_id = more.get("document_id") or documents.expect(namespace, path)
    told = {"kind": "text", "title": "Tides", **more.get("about", {})}
    documents.keep(
        document_id,
        more.get("body", BODY),
        more.get("passages") or passages(),
        documents.Particulars(**told),
        sha256=more.get("sha256", "ab"),
        size=more.get("size", 5),
        changed_ns=more.get("changed_ns", 7),
        reader="1",
        trust="trusted",
    )
    return document_id


def column(document_id: str, name: str) -> Any:
    row = db.fetch_one(f"SELECT {name} AS value FROM document WHERE id = %s", [document_id])
    assert row is not None
    return row["value"]


def origins(document_id: str) -> list[dict[str, Any]]:
    return db.fetch_all(
        "SELECT page, start_offset, end_offset, withdrawn_at IS NULL AS stands, because, source"
        " FROM memory_origin WHERE document = %s ORDER BY start_offset",
        [document_id],
    )


def test_a_passage_of_a_text_has_no_page_and_one_of_a_book_has():
    text, book = keep("a.txt"), keep("b.pdf", passages=passages(page=3))

    assert [row["page"] for row in origins(text)] == [None, None]
    assert [row["page"] for row in origins(book)] == [3, 4]
    assert [(row["start_offset"], row["end_offset"]) for row in origins(text)] == [
        (0, 23),
        (24, len(BODY)),
    ]


def test_a_passage_is_held_since_its_documents_date_unless_that_is_to_come(clock):
    clock("2026-11-18T12:00:00+00:00")
    dates = {"old.txt": NOON - timedelta(days=9), "now.txt": NOON, "late.txt": NOON.replace(day=19)}
    for number, (path, date) in enumerate(dates.items()):
        text = f"Boat {number} is at the quay."
        keep(
            path,
            body=text,
            passages=[documents.Passage(0, len(text), 0, "")],
            about={"dated_at": date},
        )

    found = {
        memory.source: memory.valid_from
        for memory in recall("boat quay", namespace="main", limit=9)
    }

    assert found["old.txt"] == dates["old.txt"] and found["now.txt"] == NOON
    assert found["late.txt"] == NOON


@pytest.mark.parametrize(
    ("title", "heading", "shown"),
    [
        ("Tides", "", "Tides"),
        ("Tides", "Noon", "Tides › Noon"),
        ("Tides", "Noon › Ferry", "Tides › Noon › Ferry"),
        ("Tides", "Tides › Ferry", "Tides › Ferry"),
        ("Tides", "Ferry › Tides", "Tides › Ferry › Tides"),
        ("T" * 90, "T" * 80 + " › Ferry", "T" * 80 + " › Ferry"),
    ],
    ids=["none", "one", "two", "the title", "the title below", "a long title"],
)
def test_the_headings_above_a_passage_are_its_title(title, heading, shown):
    keep("a.txt", passages=passages(heading=heading), about={"title": title})

    assert {row["title"] for row in db.fetch_all("SELECT title FROM memory_item")} == {shown}


def test_what_is_known_of_a_document_is_kept_with_it():
    about = {
        "author": "Ada",
        "dated_at": NOON,
        "language": "en",
        "unit": "page",
        "pages": 2,
        "notes": ["no figures"],
        "headings": [{"title": "Noon"}],
        "details": {"sheets": 1},
    }
    identity = keep("a.txt", about=about, sha256="cd", size=9, changed_ns=11)

    row = documents.get(identity)

    assert {name: row[name] for name in about} == about
    assert (row["state"], row["sha256"], row["bytes"], row["changed_ns"]) == ("read", "cd", 9, 11)
    assert (row["kind"], row["title"], row["body"], row["trust"]) == (
        "text",
        "Tides",
        BODY,
        "trusted",
    )
    assert row["withdrawn_at"] is None and row["problem"] == ""


def test_only_a_document_that_waits_is_kept():
    identity = keep("a.txt")

    assert (
        documents.keep(
            identity,
            "Other.",
            [],
            documents.Particulars("text", "x"),
            sha256="ef",
            size=1,
            changed_ns=1,
            reader="1",
            trust="own",
        )
        is None
    )
    assert documents.get(identity)["body"] == BODY


def test_of_a_changed_document_what_it_says_no_more_is_withdrawn():
    first, other = keep("a.txt"), keep("b.txt", body="The crane is red.", passages=[
        documents.Passage(0, 17, 0, "")
    ])  # fmt: skip
    documents.expect("main", "a.txt")
    text = "The tide comes at noon.\nThe ferry is gone."
    keep("a.txt", body=text, passages=[documents.Passage(0, 23, 0, ""),
                                       documents.Passage(24, len(text), 0, "")])  # fmt: skip

    told = {row["start_offset"]: row["stands"] for row in origins(first) if row["stands"]}
    assert told == {0: True, 24: True}
    assert [row["because"] for row in origins(first) if not row["stands"]] == [
        "the document no longer holds it"
    ]
    assert all(row["stands"] for row in origins(other))
    texts = {memory.text for memory in recall("ferry tide crane", namespace="main", limit=9)}
    assert texts == {"The tide comes at noon.", "The ferry is gone.", "The crane is red."}


def test_what_two_documents_say_stays_while_one_of_them_says_it():
    first, second = keep("a.txt"), keep("b.txt")

    documents.withdraw(first)

    assert {row["stands"] for row in origins(first)} == {False}
    assert {row["because"] for row in origins(first)} == {"its document was deleted"}
    assert {row["stands"] for row in origins(second)} == {True}
    assert recall("ferry tide", namespace="main")
    documents.withdraw(second)
    assert recall("ferry tide", namespace="main") == []


def test_a_document_is_withdrawn_once():
    first, second = keep("a.txt"), keep("b.txt")
    documents.withdraw(first)
    before = column(first, "withdrawn_at")

    documents.withdraw(first)

    assert column(first, "withdrawn_at") == before and column(second, "state") == "read"
    assert [row["path"] for row in documents.list_shown("main")] == ["b.txt"]


def test_a_document_that_cannot_be_read_any_more_loses_its_passages_and_says_why():
    first, second = keep("a.txt"), keep("b.txt")

    documents.fail(first, "it is locked", size=3, changed_ns=9, reader="2", sha256="no")

    row = documents.get(first)
    assert (row["state"], row["problem"], row["bytes"], row["changed_ns"], row["sha256"]) == (
        "failed",
        "it is locked",
        3,
        9,
        "no",
    )
    assert {row["because"] for row in origins(first)} == {"the document can no longer be read"}
    shown = {row["path"]: row["passages"] for row in documents.list_shown("main")}
    assert shown == {"a.txt": 0, "b.txt": 2}
    assert column(second, "state") == "read"


def test_a_file_that_is_seen_again_waits_under_its_own_id():
    first, elsewhere = keep("a.txt"), keep("a.txt", namespace="house")

    assert documents.expect("main", "a.txt") == first
    assert (column(first, "state"), column(elsewhere, "state")) == ("waiting", "read")
    documents.withdraw(first)
    again = documents.expect("main", "a.txt")
    assert again != first and column(first, "state") == "withdrawn"
    assert documents.expect("main", "moved.txt", elsewhere) == elsewhere
    assert (column(elsewhere, "path"), column(elsewhere, "state")) == ("moved.txt", "waiting")
    assert documents.list_waiting("main") == [{"id": again, "path": "a.txt"}]
    assert documents.list_waiting("house") == [{"id": elsewhere, "path": "moved.txt"}]


def test_those_that_wait_are_listed_by_their_paths():
    for path in ("b.txt", "a.txt", "c.txt"):
        documents.expect("main", path)
    keep("d.txt")

    assert [row["path"] for row in documents.list_waiting("main")] == ["a.txt", "b.txt", "c.txt"]


def test_a_file_that_moved_takes_its_passages_along_and_no_others():
    first, second = keep("a.txt", body="One tide."[:9], passages=[
        documents.Passage(0, 9, 0, "")
    ]), keep("b.txt")  # fmt: skip
    documents.touch(second, 99)
    documents.move(first, "new/a.txt", 42)

    assert (column(first, "path"), column(first, "changed_ns")) == ("new/a.txt", 42)
    assert (column(second, "path"), column(second, "changed_ns")) == ("b.txt", 99)
    assert {row["source"] for row in origins(first)} == {"new/a.txt"}
    assert {row["source"] for row in origins(second)} == {"b.txt"}
    sources = db.fetch_all("SELECT DISTINCT source FROM memory_item ORDER BY 1")
    assert [row["source"] for row in sources] == ["b.txt", "new/a.txt"]


def test_all_documents_of_a_namespace_are_listed_the_last_withdrawn_ones_last():
    gone, here, later = keep("a.txt"), keep("b.txt"), keep("c.txt")
    keep("d.txt", namespace="house")
    documents.withdraw(gone)
    documents.withdraw(later)

    listed = documents.list_all("main")

    assert [(row["id"], row["state"]) for row in listed] == [
        (here, "read"),
        (later, "withdrawn"),
        (gone, "withdrawn"),
    ]


def test_the_newest_documents_are_those_that_were_read_in_the_time_asked_for():
    paths = ("a.txt", "b.txt", "c.txt")
    for days, path in enumerate(paths):
        identity = keep(path)
        db.execute(
            "UPDATE document SET read_at = %s WHERE id = %s",
            [NOON + timedelta(days=days), identity],
        )
    keep("d.txt", namespace="house")
    documents.expect("main", "waits.txt")
    documents.withdraw(keep("gone.txt"))

    def newest(limit: int = 9, *times: datetime | None) -> list[str]:
        return [row["path"] for row in documents.list_newest("main", limit, *times)]

    assert newest() == ["c.txt", "b.txt", "a.txt"]
    assert newest(2) == ["c.txt", "b.txt"]
    assert newest(9, NOON) == ["c.txt", "b.txt"]
    assert newest(9, None, NOON + timedelta(days=1)) == ["b.txt", "a.txt"]
    assert newest(9, NOON, NOON + timedelta(days=1)) == ["b.txt"]


def test_documents_are_shown_by_their_paths_with_how_many_passages_they_have():
    first = keep("b.txt")
    keep("a.txt")
    keep("c.txt", namespace="house")
    documents.withdraw(keep("d.txt"))

    shown = documents.list_shown("main")

    assert [(row["path"], row["passages"]) for row in shown] == [("a.txt", 2), ("b.txt", 2)]
    assert shown[1]["id"] == first
    assert [row["path"] for row in documents.list_shown("main", 1)] == ["a.txt"]


def test_a_title_comes_with_the_date_of_the_document_or_of_its_file():
    dated = keep("a.txt", about={"dated_at": NOON})
    plain = keep("b.txt", changed_ns=int(NOON.timestamp()) * 10**9)

    found = documents.titles_of([dated, plain, "doc_0"])

    assert set(found) == {dated, plain}
    assert {(one.title, one.at) for one in found.values()} == {("Tides", NOON)}


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("document:doc_0a#page=3&offset=12&length=4", ("doc_0a", 3, 12, 4)),
        ("doc_0a#length=4", ("doc_0a", 0, 0, 4)),
        ("doc_0a#offset=999999999", ("doc_0a", 0, 999_999_999, 0)),
        ("doc_0a#of=3", ("doc_0a", 0, 0, 0)),
        ("doc_0a#", ("doc_0a", 0, 0, 0)),
    ],
)
def test_a_citation_has_parts_that_may_be_left_out(address, parts):
    assert documents.parse_citation(address) == parts


def test_a_page_is_that_of_the_passage_before_an_offset_in_its_own_document():
    book = keep("b.pdf", passages=passages(page=3))
    keep("c.pdf", passages=passages(page=8))

    assert [documents.page_at(book, offset) for offset in (0, 23, 24, 99)] == [3, 3, 4, 4]
    assert documents.page_at("doc_0", 0) == 0
    late = keep("d.pdf", passages=[documents.Passage(5, 23, 2, "")])
    assert documents.page_at(late, 4) == 0
