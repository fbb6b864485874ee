"""The address of a passage."""

import pytest

from f.millrace.core.errors import BadInput, NotFound
from f.millrace.memory import bitemporal, documents
from f.millrace.memory.recall import search


def test_a_citation_says_where_its_passage_is_and_an_id_alone_the_beginning():
    address = documents.citation("doc_0a", 3, 120, 45)

    assert documents.parse_citation(address) == ("doc_0a", 3, 120, 45)
    assert documents.parse_citation(" doc_0a ") == ("doc_0a", 0, 0, 0)
    assert documents.parse_citation("document:doc_0a#page=2") == ("doc_0a", 2, 0, 0)
    with pytest.raises(BadInput, match="names no document"):
        documents.parse_citation("mem_0a")


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_time_is_no_time(nothing):
    assert bitemporal.parse_time(nothing, "valid_from") is None
    assert bitemporal.parse_time(" 2026-05-03 ", "valid_from").isoformat()[:10] == "2026-05-03"
    with pytest.raises(BadInput, match="valid_from is 'soon', which is no date"):
        bitemporal.parse_time("soon", "valid_from")


BODY = "First line.\nSecond line.\nThird line."


def kept(path, title="Tides", unit="", passages=None, namespace="main", **more):
    document_id = documents.expect(namespace, path)
    documents.keep(
        document_id,
        BODY,
        passages or [documents.Passage(0, 11, 0, ""), documents.Passage(12, len(BODY), 0, "")],
        documents.Particulars("text", title, unit=unit, **more),
        sha256="ab",
        size=len(BODY),
        changed_ns=1,
        reader="1",
        trust="trusted",
    )
    return document_id


def test_a_place_in_a_text_is_its_line_and_in_pages_its_page():
    text, book = {"unit": "", "body": BODY}, {"unit": "page", "body": BODY}

    assert [documents.place(text, 0, offset) for offset in (0, 11, 12, 25)] == [
        "line 1",
        "line 1",
        "line 2",
        "line 3",
    ]
    assert documents.place(book, 3, 25) == "page 3" and documents.place(book, 0, 12) == "line 2"


def test_a_citation_opens_at_its_words_and_an_id_at_all_of_them(database):
    identity = kept("a/tides.txt")

    opened = documents.open_citation(documents.citation(identity, 0, 12, 11))
    whole = documents.open_citation(identity)

    assert (opened["text"], opened["place"], opened["offset"], opened["length"]) == (
        "Second line",
        "line 2",
        12,
        11,
    )
    assert (whole["text"], whole["place"], whole["offset"], whole["length"]) == (
        BODY,
        "line 1",
        0,
        len(BODY),
    )
    assert (opened["path"], opened["title"], opened["kind"]) == ("a/tides.txt", "Tides", "text")
    with pytest.raises(NotFound, match="no document has the id 'doc_0'"):
        documents.open_citation("doc_0")


def test_a_citation_without_a_page_has_that_of_the_passage_around_it(database):
    passages = [documents.Passage(0, 11, 1, ""), documents.Passage(12, len(BODY), 2, "")]
    identity = kept("book.pdf", unit="page", passages=passages)

    def page(offset):
        return documents.open_citation(f"document:{identity}#offset={offset}")["place"]

    assert [page(0), page(11), page(12), page(30)] == ["page 1", "page 1", "page 2", "page 2"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a/tides.txt", ["a/tides.txt"]),
        (" tides.txt ", ["a/tides.txt", "b/tides.txt"]),
        ("/tides.txt", ["a/tides.txt", "b/tides.txt"]),
        ("HIGH WATER", ["b/tides.txt"]),
        ("a", ["a/tides.txt"]),
        ("b", ["b/tides.txt", "c/b/50%_off.txt"]),
        ("c/b", ["c/b/50%_off.txt"]),
        ("50%_off.txt", ["c/b/50%_off.txt"]),
    ],
)
def test_a_document_is_named_by_its_path_its_end_its_title_or_a_folder(database, name, found):
    kept("a/tides.txt", title="Low water")
    kept("b/tides.txt", title="High water")
    kept("c/b/50%_off.txt", title="Sale")
    kept("a/tides.txt", namespace="sample")

    assert [row["path"] for row in documents.find(name, "main")] == found


@pytest.mark.parametrize("name", ["ides.txt", "%", "_/tides.txt", "water", "tides"])
def test_a_name_stands_for_itself_only(database, name):
    kept("a/tides.txt", title="Low water")

    with pytest.raises(NotFound, match="memory has no document"):
        documents.find(name, "main")


def test_a_document_that_waits_or_was_withdrawn_is_not_found(database):
    identity = kept("a/tides.txt")
    documents.expect("main", "b/tides.txt")

    assert [row["id"] for row in documents.find("tides.txt", "main")] == [identity]
    assert [row["path"] for row in documents.list_waiting("main")] == ["b/tides.txt"]
    documents.withdraw(identity)
    with pytest.raises(NotFound):
        documents.find("a/tides.txt", "main")
    assert [row["path"] for row in documents.list_shown("main")] == ["b/tides.txt"]


def test_a_passage_is_titled_by_the_headings_above_it_and_by_no_title_twice(database):
    kept(
        "a/tides.txt",
        title="Tides",
        passages=[
            documents.Passage(0, 11, 0, "Tides › High › At noon"),
            documents.Passage(12, 24, 0, "Low"),
            documents.Passage(25, len(BODY), 0, ""),
        ],
    )

    titles = {result.memory.text: result.memory.title for result in search("line").results}
    assert titles == {
        "First line.": "Tides › High › At noon",
        "Second line.": "Tides › Low",
        "Third line.": "Tides",
    }


def test_reading_a_document_again_tells_how_many_passages_are_new(database):
    identity = kept("a/tides.txt")
    about = documents.Particulars("text", "Tides")
    file = {"sha256": "cd", "size": 1, "changed_ns": 2, "reader": "1", "trust": "trusted"}
    other = "First line.\nOther line."
    passages = [documents.Passage(0, 11, 0, ""), documents.Passage(12, len(other), 0, "")]

    assert documents.keep(identity, other, passages, about, **file) is None
    documents.expect("main", "a/tides.txt", identity)
    assert documents.keep(identity, other, passages, about, **file) == 1
    assert {result.memory.text for result in search("line").results} == {
        "First line.",
        "Other line.",
    }


def test_a_document_that_is_dated_in_the_future_is_found_now(database, clock):
    clock("2026-05-01")

    kept("a/tides.txt", dated_at=bitemporal.parse_time("2026-06-01", "dated_at"))
    kept(
        "b/ebb.txt",
        dated_at=bitemporal.parse_time("2026-04-01", "dated_at"),
        passages=[documents.Passage(0, 24, 0, "")],
    )

    since = {result.memory.text: result.memory.valid_from for result in search("line").results}
    assert len(since) == 3
    assert since["First line.\nSecond line."].isoformat()[:10] == "2026-04-01"
    assert since["First line."].isoformat()[:10] == "2026-05-01"


def test_a_citation_of_a_document_that_was_taken_back_still_opens(database):
    passages = [documents.Passage(0, 11, 1, ""), documents.Passage(12, len(BODY), 2, "")]
    identity = kept("book.pdf", unit="page", passages=passages)

    documents.fail(identity, "broken", size=1, changed_ns=2, reader="1")

    opened = documents.open_citation(f"document:{identity}#offset=12&length=11")
    assert (opened["text"], opened["page"], opened["place"]) == ("Second line", 0, "line 2")
    assert search("second line").results == []
