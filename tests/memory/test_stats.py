"""How much memory holds, now and at another time."""

import pytest

from f.millrace.core.errors import NotFound
from f.millrace.memory import history, stats
from f.millrace.memory.links import link
from f.millrace.memory.retract import retract
from f.millrace.memory.store import remember
from f.millrace.memory.supersede import supersede

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def lived(clock):
    """A namespace with a past."""
    clock("2026-01-01")
    old = remember("fact", "the ferry leaves at noon", source="timetable")
    remember("note", "boats are slow")
    clock("2026-02-01")
    new = supersede(old, "the ferry leaves at one", since="2026-02-01", source="a rumour")
    link(new, remember("note", "boats are wet"), "about")
    history.remember_turn("desk", "When does it leave?", "At one.")
    clock("2026-03-01")
    retract("a rumour", "it was none")
    clock("2026-04-01")


def counted(**when):
    found = stats.stats(**when)
    types = {row["type"]: (row["items"], row["held"], row["withdrawn"]) for row in found["types"]}
    return types, found["counts"]


def test_items_are_counted_by_type_with_what_is_held_and_what_was_withdrawn(lived):
    types, counts = counted()

    assert types == {"fact": (2, 1, 1), "note": (2, 2, 0)}
    assert counts == {
        "links": 2,
        "beliefs": 7,
        "origins": 4,
        "withdrawn sources": 1,
        "sessions": 1,
        "messages": 2,
    }


def test_what_was_recorded_later_is_left_out(lived):
    types, counts = counted(known_at="2026-01-15")

    assert types == {"fact": (1, 1, 0), "note": (1, 1, 0)}
    assert (counts["links"], counts["beliefs"], counts["origins"]) == (0, 2, 2)
    assert counts["withdrawn sources"] == counts["sessions"] == counts["messages"] == 0
    types, _ = counted(known_at="2026-02-01")
    assert types["fact"][:2] == (2, 1)


def test_what_is_held_depends_on_the_time_that_is_asked_about(lived):
    types, _ = counted(as_of="2026-01-15")

    assert types["fact"][1] == 1 and types["note"][1] == 1


def test_other_namespaces_are_counted_for_themselves(lived):
    remember("fact", "elsewhere", namespace="other")

    assert counted(namespace="other")[0] == {"fact": (1, 1, 0)}
    with pytest.raises(NotFound):
        stats.stats("nowhere")


def test_the_first_and_the_last_item_of_a_type_are_dated(lived):
    found = stats.stats()
    (note,) = [row for row in found["types"] if row["type"] == "note"]

    assert found["namespace"] == "main"
    assert (note["first"].month, note["last"].month) == (1, 2)
