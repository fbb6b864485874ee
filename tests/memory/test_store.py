import pytest

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.core.run_context import change
from f.millrace.memory import history as history_of
from f.millrace.memory.links import link, links
from f.millrace.memory.recall import recall
from f.millrace.memory.retract import retract, withdraw
from f.millrace.memory.store import (
    LONGEST_TEXT,
    Draft,
    Origin,
    get,
    namespaces,
    remember,
    remember_all,
    resolve_namespace,
)
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


@pytest.mark.parametrize("name", ["a", "a" * 80, "main", "A.b-c_1"])
def test_a_namespace_has_a_plain_name(name):
    item = remember("note", "here", namespace=name)

    assert get(item).namespace == name and name in namespaces()


@pytest.mark.parametrize("name", ["", "a" * 81, "-a", ".a", "a b", "a/b", "a\n"])
def test_a_namespace_of_another_form_is_refused(name):
    with pytest.raises(BadInput, match="a namespace has letters, digits"):
        remember("note", "here", namespace=name)


def test_a_namespace_can_be_asked_once_something_was_written_to_it():
    remember("note", "here", namespace="mine")
    with change(namespace="spoken"):
        history_of.remember_turn("desk", "Hello?", "Hello.")

    assert namespaces() == ["main", "mine", "sample", "spoken"]
    assert resolve_namespace("spoken", known=True) == "spoken"
    assert resolve_namespace("new") == "new"
    with pytest.raises(NotFound, match="no namespace 'new'; there are main, mine, sample, spoken"):
        resolve_namespace("new", known=True)
    with change(namespace="run"):
        assert resolve_namespace(None, known=True) == "run"


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (Draft("note", " \n\x00"), "nothing to remember: the text of the note '' is empty"),
        (Draft(" ", "text"), "an item needs a type"),
        (
            Draft("note", "text", valid_from="2026-01-01", valid_to="2026-01-01"),
            "must be before valid_to",
        ),
        (Draft("note", "x" * (LONGEST_TEXT + 1)), "a text has at most 5000000 characters"),
    ],
)
def test_what_cannot_be_remembered_is_refused_in_words_and_nothing_is_stored(draft, said):
    with pytest.raises(BadInput, match=said):
        remember_all([Draft("note", "a good one"), draft])

    assert db.fetch_one("SELECT count(*) AS n FROM memory_item") == {"n": 0}


def test_what_is_derived_from_nothing_that_is_there_is_refused():
    with pytest.raises(NotFound, match="no memory has the id 'mem_none', from which the note 'T'"):
        remember("note", "a text", title="T", derived_from=["mem_none"])


def test_what_is_derived_from_something_withdrawn_does_not_hold():
    base, other = remember("note", "the ground of it"), remember("note", "another ground of all")
    withdraw([base])

    fallen = remember("finding", "a thing that follows", derived_from=[other, base])
    stands = remember("finding", "what else there is to say", derived_from=[other])

    assert get(fallen).valid_from is None and get(stands).valid_from is not None
    assert [row["to_id"] for row in links(fallen)] == [other, base]


def test_an_item_belongs_to_the_run_and_step_that_remembered_it():
    run, other = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))
    with change(run_id=run, step="research.remember"):
        own = remember("note", "of its own run")
        named = remember("note", "of a run that is given", run_id=other)

    rows = {
        row["item_id"]: (str(row["run_id"]), row["step"])
        for row in db.fetch_all("SELECT item_id, run_id, step FROM memory_origin")
    }
    assert rows == {own: (run, "research.remember"), named: (other, "research.remember")}


def test_an_item_that_was_not_held_then_is_not_there():
    item = remember("note", "the launch", valid_from="2026-01-01", valid_to="2026-02-01")

    assert get(item).id == item and get(item, as_of="2026-01-01").id == item
    with pytest.raises(NotFound, match=f"no memory has the id '{item}' at 2026-02-01"):
        get(item, as_of="2026-02-01")


def test_white_space_and_the_form_of_letters_make_no_other_item_and_the_title_does():
    def kept(text, title="", type="note"):
        return remember_all([Draft(type, text, title, near=False)])[0]

    item = kept("a caf\u00e9  by\nthe quay")

    assert kept(" a cafe\u0301 by the quay ") == item
    assert kept("a caf\u00e9 by the quay", title="Quay") != item
    assert kept("a caf\u00e9 by the quay", type="fact") != item


def test_the_best_of_those_who_say_it_is_what_an_item_is_worth():
    for trust in ("untrusted", "trusted", "own", "untrusted"):
        item = remember("note", "the well is deep", source=trust, trust=trust)
    assert get(item).trust == "own"

    retract("own")
    assert get(item).trust == "trusted"
    retract("trusted")
    assert get(item).trust == "untrusted"
