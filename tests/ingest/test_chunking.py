"""Passages: each is the text at its offsets, none overlap, no word is lost."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from f.millrace.ingest.chunking import chunk
from f.millrace.ingest.parse import Limits, read
from f.millrace.ingest.parsed_document import Parsed, Unreadable
from scripts.samples import documents

EXAMPLES = 2000 if os.environ.get("PROVE") else 150
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
texts = st.lists(words, min_size=1, max_size=60).map(" ".join)
blocks = st.tuples(
    texts,
    st.sampled_from(["heading", "paragraph", "table", "code"]),
    st.integers(0, 3),
    st.integers(1, 3),
)


@settings(max_examples=EXAMPLES)
@given(st.lists(blocks, max_size=12), st.sampled_from([20, 80, 400, 1000]))
def test_passages_are_the_text_at_their_offsets_and_lose_no_word(pieces, size):
    parsed = Parsed()
    for text, kind, page, level in pieces:
        parsed.add(text, kind, page, level)

    found = chunk(parsed.text, parsed.blocks, size)

    covered = "".join(parsed.text[piece.start : piece.end] for piece in found)
    assert "".join(covered.split()) == "".join(parsed.text.split())
    for before, piece in zip([None, *found], found, strict=False):
        assert before is None or before.end <= piece.start
        assert 0 < piece.end - piece.start <= size
        assert {
            block.page
            for block in parsed.blocks
            if block.start < piece.end and piece.start < block.end
        } == {piece.page}


@settings(max_examples=EXAMPLES)
@given(
    st.binary(max_size=400) | st.text(max_size=400).map(str.encode),
    st.sampled_from(["a.txt", "a.md", "a.html", "a.csv", "a.json", "a.eml"]),
)
def test_any_bytes_are_read_or_refused_in_words(data, name):
    reading = read_or_reason(name, data)

    if isinstance(reading, str):
        assert reading
        return
    text = reading.parsed.text
    covered = "".join(text[piece.start : piece.end] for piece in reading.chunks)
    assert "".join(covered.split()) in "".join(text.split())
    assert "\x00" not in text and text.encode("utf-8")


def read_or_reason(name, data):
    try:
        return read(name, data, Limits())
    except Unreadable as reason:
        return str(reason)


def test_a_passage_begins_at_a_heading_and_knows_those_above_it():
    body = (
        "# Harbour\n\n"
        + "The harbour is old. " * 20
        + "\n\n## Crane\n\n"
        + "The crane lifts forty tonnes. " * 20
    )

    found = read("a.md", body.encode(), Limits()).chunks

    assert [piece.heading for piece in found] == ["Harbour", "Harbour › Crane"]


def test_a_long_paragraph_is_cut_between_sentences():
    body = "The harbour crane lifts forty tonnes of stone. " * 60

    reading = read("a.txt", body.encode(), Limits())

    assert len(reading.chunks) > 2
    assert all(
        reading.parsed.text[piece.start : piece.end].endswith(".") for piece in reading.chunks
    )


def test_short_sections_share_a_passage_and_pages_do_not():
    deck = documents.pptx([("One", "First."), ("Two", "Second.")])

    slides = read("a.pptx", deck, Limits()).chunks
    notes = read("a.md", b"# One\n\nFirst.\n\n# Two\n\nSecond.", Limits()).chunks

    assert [piece.page for piece in slides] == [1, 2] and len(notes) == 1


def test_a_text_of_one_megabyte_without_a_space_is_cut_all_the_same():
    reading = read("a.txt", ("港" * 350_000).encode(), Limits())

    assert sum(piece.end - piece.start for piece in reading.chunks) == 350_000


def test_a_passage_is_under_its_own_headings_and_not_under_those_of_its_siblings():
    parsed = Parsed()
    for level, name in [(1, "Cells"), (2, "Cost"), (3, "Iron"), (2, "Cold"), (1, "Plants")]:
        parsed.add(name, "heading", 0, level)
        parsed.add(f"What is said of {name}. " * 20, "paragraph")

    found = chunk(parsed.text, parsed.blocks)

    assert [piece.heading for piece in found] == [
        "Cells",
        "Cells › Cost",
        "Cells › Cost › Iron",
        "Cells › Cold",
        "Plants",
    ]
