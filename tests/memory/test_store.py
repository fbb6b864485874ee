import pytest

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.memory.links import link, links
from f.millrace.memory.recall import recall
from f.millrace.memory.retract import withdraw
from f.millrace.memory.store import Draft, Origin, get, remember, remember_all
from f.millrace.memory.timeline import history

pytestmark = pytest.mark.usefixtures("database")


def test_the_same_text_is_one_item():
    first = remember("finding", "Sodium cells use hard carbon anodes.", metadata={"day": 1})
    again = remember("finding", "Sodium cells use hard carbon anodes.", metadata={"run": 2})

    assert first == again and get(first).metadata == {"day": 1, "run": 2}


def test_recall_finds_shared_words_best_first():
    remember("finding", "Sodium cells use hard carbon anodes.")
    best = remember("finding", "Hard carbon anodes of sodium cells cost less.")
    remember("finding", "A library opened its flood records.")

    found = recall("what do hard carbon anodes cost?")

    assert found[0].id == best and len(found) == 2


def test_recall_stays_in_its_namespace_and_type():
    remember("finding", "Sodium cells", namespace="sample")
    remember("topic", "Sodium cells")

    assert recall("sodium", types=["finding"]) == []
    assert [memory.type for memory in recall("sodium")] == ["topic"]


@pytest.mark.parametrize("text", ["", "   ", "!!!", "' | & ! ( ) : *", "a'b", "\\", "x" * 5000])
def test_any_question_is_allowed(text):
    remember("finding", "Sodium cells")

    assert recall(text) == []


def test_links_are_made_once():
    one, other = remember("finding", "One"), remember("evidence", "Other")

    assert link(one, other, "supported_by") and not link(one, other, "supported_by")
    assert [row["to_id"] for row in links(one)] == [other]


def test_what_was_retracted_is_kept_and_not_recalled():
    item = remember("finding", "The moon is made of cheese")

    withdraw([item], "it is not")

    assert recall("moon cheese") == [] and get(item).text == "The moon is made of cheese"
    with pytest.raises(NotFound, match="mem_none"):
        withdraw(["mem_none"])


def test_secrets_and_empty_texts_do_not_get_in():
    item = remember("finding", "the key is sk-abcdefghijklmnopqrstuvwx")

    assert (
        "sk-abcdef"
        not in db.fetch_one("SELECT raw_text::text AS raw FROM memory_item WHERE id = %s", [item])[
            "raw"
        ]
    )
    with pytest.raises(BadInput, match="empty"):
        remember("finding", "  ")


def test_what_is_said_again_several_times_at_once_keeps_each_origin_and_time():
    first, second = remember("note", "the ferry sails at eight", source="a"), remember("fact", "x")
    drafts = [
        Draft("note", "the ferry sails at eight", origin=Origin("b"), metadata={"seen": 1}),
        Draft("fact", "x", origin=Origin("b")),
        Draft(
            "note",
            "the ferry sails at eight",
            origin=Origin("c"),
            metadata={"seen": 2},
            valid_from="2020-01-01",
            valid_to="2020-02-01",
        ),
    ]

    made = remember_all(drafts)

    assert made == [first, second, first] and get(first).metadata["seen"] == 2
    assert {row["source"] for row in history(first)["origins"]} == {"a", "b", "c"}
    assert get(first, as_of="2020-01-15").id == first
    with pytest.raises(NotFound):
        get(first, as_of="2020-03-01")
