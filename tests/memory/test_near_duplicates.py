"""One item of what is nearly the same, and never of what is not."""

import random
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.memory import near_duplicates
from f.millrace.memory.links import links
from f.millrace.memory.retention import prune
from f.millrace.memory.store import Draft, Origin, get, remember, remember_all
from f.millrace.memory.timeline import history, timeline

LONG = (
    "The harbour master of Lindholm said on Monday that the new cranes will unload ships without a"
    " crew"
)
sentences = st.lists(
    st.text(string.ascii_lowercase, min_size=2, max_size=9), min_size=14, max_size=40
).map(" ".join)


@pytest.mark.usefixtures("database")
def test_nearly_the_same_text_is_one_item_and_the_other_wording_is_kept_as_evidence():
    first = remember("finding", LONG + ".", source="one")
    again = remember(
        "finding", LONG.replace("said on Monday", "said, on monday,") + "!", source="two"
    )

    evidence = history(first)["origins"]
    assert again == first and [row["source"] for row in evidence] == ["one", "two"]
    assert (
        evidence[1]["wording"].startswith("The harbour master of Lindholm said, on")
        and 0.85 <= evidence[1]["similarity"] <= 1
    )


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        ("The port has 12 cranes", "The port has 15 cranes", True),
        ("The bridge is safe", "The bridge is not safe", True),
        ("The ferry does run in winter", "The ferry doesn't run in winter", False),
        (f"They will come because {LONG}", f"They won’t come because {LONG}", False),
        (f"{LONG} in 2026", f"{LONG} in 2027", False),
        (f"Room 5 is closed because {LONG}", f"Room 6 is closed because {LONG}", False),
    ],
)
def test_what_differs_in_a_number_or_a_negation_stays_two(one, other, contradict):
    first, second = remember("fact", one), remember("fact", other)

    assert first != second and len(timeline()) == 2
    assert [row["relation"] for row in links(second)] == ["contradicts"] * contradict


@pytest.mark.usefixtures("database")
def test_another_value_of_the_same_attribute_contradicts_while_both_hold(clock):
    clock("2026-06-01")
    about = {"subject": "Kestrel", "attribute": "status"}
    remember(
        "fact",
        "Kestrel sleeps",
        metadata={**about, "value": "paused"},
        valid_from="2026-01-01",
        valid_to="2026-02-01",
    )
    runs = remember(
        "fact", "Kestrel goes well", metadata={**about, "value": "running"}, valid_from="2026-02-01"
    )
    stops = remember(
        "fact",
        "Kestrel was given up",
        metadata={**about, "value": "stopped"},
        valid_from="2026-05-01",
    )

    assert [(row["to_id"], row["relation"]) for row in links(stops)] == [
        (runs, "contradicts")
    ] and links(runs) == []


@given(sentences, st.data())
def test_small_changes_of_form_share_a_mark_and_are_the_same(text, data):
    other = data.draw(
        st.sampled_from([text.upper(), text + " .", text.replace(" ", "  "), f"«{text}»"])
    )

    assert near_duplicates.similarity(text, other) == 1 and set(
        near_duplicates.minhash_bands(text)
    ) & set(near_duplicates.minhash_bands(other))
    assert not near_duplicates.differ_in_substance(text, other)


@given(st.text(max_size=120))
def test_marks_are_made_of_the_least_value_of_each_permutation(text):
    hashes = [
        zlib.crc32(run.encode()) % near_duplicates.PRIME for run in near_duplicates.runs(text)
    ]
    drawn = random.Random(20260101)
    numbers = [
        (drawn.randrange(1, near_duplicates.PRIME), drawn.randrange(near_duplicates.PRIME))
        for _ in range(48)
    ]
    least = [min((a * x + b) % near_duplicates.PRIME for x in hashes) for a, b in numbers if hashes]
    bands = enumerate(least[start : start + 4] for start in range(0, len(least), 4))

    assert near_duplicates.minhash_bands(text) == [
        zlib.crc32(repr(band).encode()) - (1 << 31) for band in bands
    ]


@given(sentences, sentences)
def test_similarity_is_symmetric_and_in_bounds(one, other):
    assert (
        near_duplicates.similarity(one, other) == near_duplicates.similarity(other, one)
        and 0 <= near_duplicates.similarity(one, other) <= 1
    )
    assert near_duplicates.similarity(one, one) == 1 and near_duplicates.contradict(
        one, other
    ) == near_duplicates.contradict(other, one)


@pytest.mark.usefixtures("database")
def test_passages_are_only_one_when_they_are_equal_and_keep_each_place():
    places = [Origin("a.pdf", "a.pdf", 1, 0, 90), Origin("b.pdf", "b.pdf", 7, 10, 100)]
    same = [Draft("passage", LONG, origin=place, near=False) for place in places]
    other = Draft("passage", LONG + " again", origin=places[0], near=False)

    ids = remember_all([*same, other])

    assert ids[0] == ids[1] != ids[2]
    rows = db.fetch_all(
        "SELECT document, page, start_offset, end_offset FROM memory_origin WHERE item_id = %s"
        " ORDER BY page",
        [ids[0]],
    )
    assert [tuple(row.values()) for row in rows] == [("a.pdf", 1, 0, 90), ("b.pdf", 7, 10, 100)]


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "text",
    [
        "nul\x00 byte",
        "half \ud800 pair",
        "שלום עולם",
        "田中さんは港にいます",
        "a\u202eb",
        "word " * 200_000,
        "'; DROP TABLE run; --",
    ],
    ids=["nul", "surrogate", "hebrew", "cjk", "bidi", "1 MB", "sql"],
)
def test_any_text_is_remembered_once_and_comes_back_whole(text):
    item = remember("note", text)

    assert remember("note", text) == item
    assert get(item).text == text.replace("\x00", "").replace("\ud800", "?")


@pytest.mark.usefixtures("database")
def test_a_text_beyond_all_bounds_is_refused_with_the_way_out():
    with pytest.raises(BadInput, match="ingest it as a document"):
        remember("note", "x" * 5_000_001)
    with pytest.raises(BadInput, match="needs a type"):
        remember(" ", "x")


@pytest.mark.usefixtures("database")
def test_what_is_kept_for_some_days_goes_after_them_unless_it_was_said_again(clock, monkeypatch):
    monkeypatch.setenv("MILLRACE_MEMORY_DAYS", '{"evidence": 30, "conversation": 10}')
    clock("2026-01-01")
    old, again, other = (
        remember(kind, text)
        for kind, text in [("evidence", "Old"), ("evidence", "Again"), ("fact", "Other")]
    )
    db.execute("INSERT INTO chat_session (id, updated_at) VALUES ('desk', '2026-01-01')")
    clock("2026-01-20")
    remember("evidence", "Again")
    clock("2026-02-05")

    assert prune() == {"conversation": 1, "evidence": 1} and prune() == {
        "conversation": 0,
        "evidence": 0,
    }
    assert {row["id"] for row in db.fetch_all("SELECT id FROM memory_item")} == {
        again,
        other,
    } and old


@pytest.mark.parametrize("days", ['{"evidence": 0}', '{"evidence": "soon"}', "30"])
def test_days_that_are_none_are_refused(monkeypatch, days):
    monkeypatch.setenv("MILLRACE_MEMORY_DAYS", days)
    config.reload()

    with pytest.raises(Exception, match=r"(?i)memory_days"):
        config.settings()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("kind", "items"), [("note", 1), ("fact", 2)])
def test_texts_that_come_together_are_one_item_when_they_are_of_one_type(kind, items):
    text = "The ferry leaves the harbour of Lindholm every morning at nine from the northern quay"

    ids = remember_all([Draft("note", text), Draft(kind, text + " too")])

    assert len(set(ids)) == items


@pytest.mark.usefixtures("database")
def test_the_nearest_of_several_items_is_the_one_that_is_said_again():
    base = "The ferry leaves the harbour of Lindholm every morning from the northern quay of it"
    far = remember_all([Draft("note", base + " in good weather", near=False)])[0]
    near = remember_all([Draft("note", base + " also", near=False)])[0]
    db.execute("UPDATE memory_item SET marks = %s", [near_duplicates.minhash_bands(base)])

    assert remember("note", base) == near != far


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Port, again!", ["the", "port", "again"]),
        ("1,000.5 of 3-2 and 40%", ["1,000.5", "of", "3-2", "and", "40%"]),
        ("It doesn’t, won't", ["it", "doesn’t", "won't"]),
        ("a_b2", ["a", "b", "2"]),
        ("", []),
    ],
)
def test_words_are_folded_and_numbers_are_whole(text, words):
    assert near_duplicates.words(text) == words


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("ab", {" ab "}),
        ("a", {" a "}),
        ("abc", {" abc", "abc "}),
        ("a b!", {" a b", "a b "}),
        ("", set()),
        ("!", set()),
    ],
)
def test_a_text_has_each_run_of_four_letters_of_its_words(text, runs):
    assert near_duplicates.runs(text) == runs


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [("abc", "ab", 0), ("abc", "abc d", 0.5), ("abc", "abc!", 1), ("", "abc", 0), ("", "", 0)],
)
def test_texts_are_alike_by_the_share_of_their_runs(one, other, share):
    assert near_duplicates.similarity(one, other) == pytest.approx(share)


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        ("It costs 12 coins", "It costs 15 coins", True),
        ("It costs 12", "It costs 15", True),
        ("12 coins is it", "15 coins is it", False),
        ("On the 12 of May", "On the 15 of May", False),
        ("It opens on 12 May", "It opens on 15 May", False),
        ("It opens at 12 May", "It opens at 15 May", False),
        ("It opens at 12 noon", "It opens at 15 noon", True),
        ("Step 2 is next", "Step 3 is next", False),
        ("It costs 12 or 13", "It costs 15 or 16", False),
        ("It costs 12 coins", "It costs 15 coins now", False),
        ("It is open", "It is shut", False),
        ("It is open", "It is not open", True),
        ("It is not open", "It is never open", False),
        ("It is open", "It isn't open", False),
        ("It is open", "It is open", False),
        ("Nobody has 12", "Has 12", True),
    ],
)
def test_texts_contradict_by_one_amount_or_one_negation(one, other, contradict):
    assert near_duplicates.contradict(one, other) is contradict
    assert near_duplicates.contradict(other, one) is contradict


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("12 cranes, 3 ports", "3 ports, 12 cranes", False),
        ("12 cranes", "13 cranes", True),
        ("12 cranes", "12 12 cranes", True),
        ("cranes", "no cranes", True),
        ("no cranes", "never cranes", False),
        ("cranes don't", "cranes don’t", False),
        ("cranes don't", "cranes do", True),
    ],
)
def test_a_number_or_a_negation_is_substance(one, other, differ):
    assert near_duplicates.differ_in_substance(one, other) is differ


def test_too_long_and_too_short_texts_have_no_marks_and_others_twelve():
    assert near_duplicates.minhash_bands("") == []
    assert len(near_duplicates.minhash_bands("a")) == 12
    assert len(near_duplicates.minhash_bands("a" * 20_000)) == 12
    assert near_duplicates.minhash_bands("a" * 20_001) == []


def test_the_first_two_thousand_letters_make_the_marks():
    text = " ".join(f"word{number}" for number in range(400))
    other = " ".join(f"{number}zebra" for number in range(60))

    def marks(letters, rest=""):
        return near_duplicates.minhash_bands(text[:letters] + rest)

    assert marks(2000) == marks(2000, other)
    assert marks(1500) != marks(1500, other)
