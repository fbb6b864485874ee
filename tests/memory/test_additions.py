"""What people and programs added to memory, beside what research writes down."""

from datetime import UTC, datetime

import pytest

from f.millrace.memory import additions
from f.millrace.memory.store import remember
from f.millrace.memory.supersede import supersede

pytestmark = pytest.mark.usefixtures("database")


def test_the_types_of_a_namespace_are_those_that_somebody_added_to_it():
    remember("note", "the quay is closed", namespace="main")
    remember("finding", "the quay was closed", namespace="main")
    remember("recipe", "bread", namespace="kitchen")

    assert additions.list_types("main") == ["note"]
    assert additions.list_types("kitchen") == ["recipe"]
    assert additions.list_types("empty") == []


def test_what_was_added_after_a_time_and_until_another_is_listed_newest_first(clock):
    clock("2026-03-01")
    remember("note", "before")
    clock("2026-03-02")
    remember("note", "first")
    clock("2026-03-03")
    remember("finding", "researched")
    remember("note", "second", title="Second")
    clock("2026-03-04")
    remember("note", "after")

    found = additions.list_added(
        "main", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC), 10
    )

    assert [(row["title"], row["text"]) for row in found] == [("Second", "second"), ("", "first")]
    assert additions.list_added("other", found[1]["created_at"], found[0]["created_at"], 10) == []


def test_what_was_said_what_is_a_passage_and_what_holds_no_more_is_not_listed(clock):
    clock("2026-03-02")
    for kind in ("turn", "message", "passage", "topic", "evidence", "conflict"):
        remember(kind, f"a {kind}")
    old = remember("note", "the quay is open")
    clock("2026-03-03")
    new = supersede(old, "the quay is closed", since="2026-03-03")
    remember("plan", "the quay opens", valid_from="2026-04-01")
    span = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)

    assert [row["id"] for row in additions.list_added("main", *span, 10)] == [new]
    other = remember("recipe", "bread")
    both = {new, other}
    assert {row["id"] for row in additions.list_added("main", *span, 2)} == both
    assert [row["id"] for row in additions.list_added("main", *span, 1)] == [min(both)]
