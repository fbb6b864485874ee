"""Places: items of a conversation stand beside each other, however they were stored."""

import threading

import pytest

from f.millrace.core import db
from f.millrace.memory import vectors
from f.millrace.memory.recall import recall, search
from f.millrace.memory.store import Draft, Origin, get, remember, remember_all

pytestmark = pytest.mark.usefixtures("database")

TALK = [
    ("Ana", "Which bird did you see at the harbour?"),
    ("Ben", "It was small and brown, with a long tail."),
    ("Ana", "Lovely."),
    ("Ben", "The ledger is on the desk."),
]


def places(ids):
    rows = db.fetch_all("SELECT id, thread, ordinal FROM memory_item WHERE id = ANY(%s)", [ids])
    found = {row["id"]: (row["thread"], row["ordinal"]) for row in rows}
    return [found[item] for item in ids]


def test_turns_without_ordinal_stand_in_the_order_they_were_given():
    first = remember_all(
        [Draft("turn", text, name, metadata={"session": 3}) for name, text in TALK[:2]]
    )
    more = [remember("turn", text, title=name, metadata={"session": 3}) for name, text in TALK[2:]]

    assert places(first + more) == [("3", 0), ("3", 1), ("3", 2), ("3", 3)]


def test_what_was_said_in_no_session_belongs_to_its_day():
    ids = [
        remember("turn", f"{name}: {text}", source=f"line {n}", valid_from="2026-05-08T13:56+00:00")
        for n, (name, text) in enumerate(TALK)
    ]
    later = remember("turn", "Ana: Good morning", valid_from="2026-05-09")

    assert places(ids) == [("2026-05-08", number) for number in range(4)]
    assert places([later]) == [("2026-05-09", 0)]


@pytest.mark.parametrize("name", ["session_id", "conversation_id", "conversation", "thread_id"])
def test_a_session_goes_by_other_names(name):
    ids = remember_all([Draft("note", text, who, metadata={name: "talk 7"}) for who, text in TALK])

    assert places(ids) == [("talk 7", number) for number in range(4)]


def test_a_place_that_is_given_is_kept_and_so_is_that_of_what_is_there():
    given = remember(
        "passage", "The quay was repaired", metadata={"document": "report", "ordinal": 7}
    )
    after = remember("passage", "The crane was not", metadata={"document": "report"})
    again = remember("passage", "The quay was repaired", metadata={"document": "report"})

    assert again == given and places([given, after]) == [("report", 7), ("report", 8)]


def test_two_writers_into_one_session_share_no_place():
    def write(name):
        for number in range(10):
            remember_all(
                [Draft("turn", f"{name} says {number}", metadata={"session": "both"}, near=False)]
            )
        db.close()

    threads = [threading.Thread(target=write, args=[name]) for name in ("Ana", "Ben", "Cleo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    places = [
        row["ordinal"]
        for row in db.fetch_all(
            "SELECT ordinal FROM memory_item WHERE thread = 'both' ORDER BY ordinal"
        )
    ]
    assert places == list(range(30))


def test_a_note_has_no_neighbours():
    note = remember("note", "Ana: call back about the quay", valid_from="2026-05-08")

    assert places([note]) == [(None, None)] and get(note).title == "" and get(note).metadata == {}


@pytest.mark.parametrize(
    ("type", "text", "metadata", "title"),
    [
        ("turn", "Ana Lee: The quay is closed", {}, "Ana Lee"),
        ("turn", "The quay is closed: see the notice", {}, ""),
        ("note", "The quay is closed", {"speaker": "Ana"}, "Ana"),
        ("turn", "The quay is closed: see the notice", {"speaker": "Ana"}, "Ana"),
        ("turn", "see https://example.org: it is closed", {}, ""),
        ("turn", "12: 30 is too late", {}, ""),
    ],
)
def test_who_says_it_is_the_title(type, text, metadata, title):
    item = get(remember(type, text, metadata=metadata))

    assert (item.title, item.text) == (title, text)


def test_an_answer_is_found_through_the_question_before_it():
    ids = remember_all([Draft("turn", f"{name}: {text}", near=False) for name, text in TALK])
    remember_all(
        [Draft("note", f"A long brown table, number {number}", near=False) for number in range(5)]
    )

    assert ids[1] in [memory.id for memory in recall("which bird did Ben see at the harbour", 2)]


def test_what_stands_far_away_in_a_long_session_adds_nothing():
    texts = ["The kestrel nests in the harbour crane"] + [
        f"Item {n} of the ledger" for n in range(20)
    ]
    remember_all(
        [Draft("turn", text, "Ana", metadata={"session": 1}, near=False) for text in texts]
    )
    vectors.embed_missing()

    near, far = (
        next(
            result
            for result in search("kestrel", 21).results
            if result.memory.metadata["ordinal"] == place
        )
        for place in (12, 13)
    )

    assert near.parts["thread_max"] > far.parts["thread_max"]


def test_sessions_of_one_name_do_not_mix_in_a_vector(monkeypatch):
    for talk in ("north", "south"):
        remember_all(
            [
                Draft(
                    "turn",
                    f"{word} of the {talk}",
                    origin=Origin(talk),
                    metadata={"session": 1, "ordinal": n},
                )
                for n, word in enumerate(("first", "second"))
            ]
        )
    embedded: list[str] = []
    monkeypatch.setattr(
        vectors.embedding,
        "embed",
        lambda texts, *rest: embedded.extend(texts) or [[1.0] * 384 for _ in texts],
    )

    vectors.embed_missing()

    assert sorted(text for text in embedded if "second" in text) == [
        f"first of the {talk}\nsecond of the {talk}" for talk in ("north", "south")
    ]


def test_a_name_in_the_text_is_embedded_once(monkeypatch):
    remember_all([Draft("turn", f"{name}: {text}", near=False) for name, text in TALK[:2]])
    embedded: list[str] = []
    monkeypatch.setattr(
        vectors.embedding,
        "embed",
        lambda texts, *rest: embedded.extend(texts) or [[1.0] * 384 for _ in texts],
    )

    vectors.embed_missing()

    before, after = (f"{name}: {text}" for name, text in TALK[:2])
    assert sorted(embedded) == sorted([before, f"{before}\n{after}"])
