from datetime import UTC, datetime

import pytest

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.memory.links import link, links, neighbours
from f.millrace.memory.recall import recall
from f.millrace.memory.retract import retract, unretract, withdraw
from f.millrace.memory.store import get, remember
from f.millrace.memory.supersede import supersede
from f.millrace.memory.timeline import history, timeline

pytestmark = pytest.mark.usefixtures("database")


def held(as_of=None, known_at=None) -> list[str]:
    return sorted(row["text"] for row in timeline() if _holds(row["id"], as_of, known_at))


def _holds(item: str, as_of, known_at) -> bool:
    try:
        return bool(get(item, as_of, known_at))
    except NotFound:
        return False


def test_a_change_ends_the_old_item_and_a_correction_replaces_it_from_the_start(clock):
    clock("2026-01-01")
    budget = remember("fact", "the budget is small", valid_from="2026-01-01")
    clock("2026-03-01")
    changed = supersede(budget, "the budget is large", since="2026-02-01")
    clock("2026-04-01")
    corrected = supersede(changed, "the budget is huge")
    clock("2026-05-01")

    assert (get(budget).valid_from, get(budget).valid_to) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert (
        get(corrected).valid_from == datetime(2026, 2, 1, tzinfo=UTC)
        and get(changed).valid_from is None
    )
    assert [memory.text for memory in recall("what is the budget?")] == ["the budget is huge"]
    assert [memory.text for memory in recall("budget", as_of="2026-01-15")] == [
        "the budget is small"
    ]
    assert [memory.text for memory in recall("budget", known_at="2026-03-15")] == [
        "the budget is large"
    ]
    assert [
        memory.text for memory in recall("budget", as_of="2026-02-15", known_at="2026-02-15")
    ] == ["the budget is small"]


def test_a_fact_that_occurs_again_opens_a_new_interval(clock):
    clock("2026-01-01")
    item = remember("fact", "the gate is open", valid_to="2026-01-10")
    clock("2026-02-01")

    assert remember("fact", "the gate is open") == item

    assert [
        (str(row["at"])[:10], row["until"] and str(row["until"])[:10]) for row in timeline("gate")
    ] == [
        ("2026-01-01", "2026-01-10"),
        ("2026-02-01", None),
    ]
    assert len(history(item)["beliefs"]) == 2 and recall("gate", as_of="2026-01-20") == []


def test_a_repeated_step_says_nothing_new(clock):
    run = "11111111-1111-1111-1111-111111111111"
    clock("2026-01-01")
    item = remember("fact", "the gate is open", run_id=run, valid_from="2026-01-01")
    supersede(item, "the gate is shut", since="2026-01-05")
    clock("2026-01-10")

    remember("fact", "the gate is open", run_id=run, valid_from="2026-01-01")

    assert [memory.text for memory in recall("gate")] == ["the gate is shut"]


def test_superseding_twice_with_the_same_text_is_once():
    item = remember("fact", "the gate is open")

    assert supersede(item, "the gate is shut") == supersede(item, "the gate is shut")
    with pytest.raises(BadInput, match="superseded by mem_"):
        supersede(item, "the gate is gone")


def test_a_poisoned_source_takes_what_was_derived_from_it_and_gives_back_what_it_displaced(clock):
    clock("2026-01-01")
    good = remember("fact", "the well is clean", source="https://good.example/")
    bad = supersede(good, "the well is dry", source="https://bad.example/page")
    derived = remember("finding", "drill another well", derived_from=[bad], source="research")
    deeper = remember("note", "buy a drill", derived_from=[derived], source="research")
    both = remember("finding", "wells are watched")
    link(both, good, "supported_by")
    link(both, bad, "supported_by")
    clock("2026-02-01")

    done = retract("https://bad.example/", "invented")

    clock("2026-02-02")
    assert (
        done.withdrawn == [bad]
        and sorted(done.derived) == sorted([derived, deeper])
        and done.restored == [good]
    )
    assert held("2026-02-02") == ["the well is clean", "wells are watched"]
    assert "the well is dry" in [memory.text for memory in recall("well", known_at="2026-01-15")]
    assert (
        remember("fact", "the well is poisoned", source="https://bad.example/other")
        and recall("poisoned") == []
    )
    unretract("https://bad.example/")
    remember("fact", "the well is poisoned", source="https://bad.example/other")
    assert recall("poisoned")


def test_a_source_that_changed_its_mind_and_back_is_withdrawn_as_a_whole(clock):
    clock("2026-01-01")
    before = remember("fact", "the well is deep", source="https://good.example/")
    clean = supersede(before, "the well is clean", source="https://bad.example/")
    clock("2026-01-02")
    dry = supersede(clean, "the well is dry", source="https://bad.example/")
    clock("2026-01-03")
    assert supersede(dry, "the well is clean", source="https://bad.example/") == clean
    clock("2026-02-01")

    done = retract("https://bad.example/", "invented")

    assert (sorted(done.withdrawn), done.restored) == (sorted([clean, dry]), [before])
    assert held("2026-01-01") == held("2026-02-01") == ["the well is deep"]


def test_what_two_sources_say_stands_until_the_last_is_withdrawn():
    item = remember("fact", "the well is deep", source="one", trust="own")
    remember("fact", "the well is deep", source="two", trust="untrusted")

    assert retract("one").kept == [item] and get(item).trust == "untrusted"
    assert retract("two").withdrawn == [item] and recall("well") == []


def test_neighbours_are_walked_in_both_directions_once_and_as_of_a_time(clock):
    clock("2026-01-01")
    names = ["first", "second", "third"]
    first, second, third = (remember("note", f"the {name} of three") for name in names)
    link(first, second, "next")
    link(second, third, "next")
    link(third, first, "next")
    clock("2026-01-02")
    withdraw([third], "wrong")
    clock("2026-01-03")

    assert [(row["id"], row["steps"], row["direction"]) for row in neighbours(first, depth=3)] == [
        (second, 1, "out")
    ]
    assert {row["id"] for row in neighbours(first, known_at="2026-01-01")} == {second, third}
    assert neighbours(first, ["contradicts"]) == [] and [row["to_id"] for row in links(first)] == [
        second
    ]
    with pytest.raises(NotFound):
        neighbours("mem_none")
    with pytest.raises(BadInput, match="1 to 6"):
        neighbours(first, depth=7)


def test_a_timeline_has_what_began_in_its_bounds(clock):
    clock("2026-06-01")
    for month, name in enumerate(["kick-off", "review", "launch"], 3):
        remember("event", f"Kestrel {name}", valid_from=f"2026-0{month}-10")
    remember("event", "Heron launch", valid_from="2026-05-10")

    assert [row["text"] for row in timeline("kestrel", since="2026-04-01", until="2026-05-10")] == [
        "Kestrel review"
    ]
    assert len(timeline("launch")) == 2 and len(timeline("launch", limit=1)) == 1
    assert [row["text"] for row in timeline(as_of="2026-04-10")] == [
        "Kestrel kick-off",
        "Kestrel review",
    ]
    assert timeline(known_at="2026-05-31") == []


@pytest.mark.parametrize("wrong", ["2026-02-30", "yesterday", "2026-13-01", "12:00", "0000-01-01"])
def test_dates_that_do_not_exist_are_refused_by_name(wrong):
    for ask in (
        lambda: recall("harbour", as_of=wrong),
        lambda: timeline(known_at=wrong),
        lambda: remember("note", "x", valid_from=wrong),
    ):
        with pytest.raises(BadInput, match=r"(as_of|known_at|valid_from) is "):
            ask()


def test_the_future_is_what_is_planned_and_nobody_knows_what_will_be_known():
    remember("event", "the launch", valid_from="2099-01-01")

    assert recall("launch") == [] and [
        memory.text for memory in recall("launch", as_of="2099-06-01")
    ] == ["the launch"]
    with pytest.raises(BadInput, match="yet to come"):
        recall("launch", known_at="2099-01-01")
    with pytest.raises(BadInput, match="must be before"):
        remember("event", "backwards", valid_from="2026-02-01", valid_to="2026-01-01")


def test_an_unknown_namespace_is_named_with_those_there_are():
    remember("note", "here", namespace="mine")

    for ask in (lambda: timeline(namespace="mien"), lambda: retract("x", namespace="mien")):
        with pytest.raises(NotFound, match="no namespace 'mien'; there are main, mine, sample"):
            ask()
    with pytest.raises(BadInput, match="letters, digits"):
        remember("note", "x", namespace="no/such name")


def test_tables_from_before_the_two_times_are_taken_over(postgres_server):
    from f.millrace.core.schema import MIGRATIONS

    url = postgres_server.rsplit("/", 1)[0] + "/" + "before_times"
    with db.open_connection(postgres_server) as connection:
        connection.execute("DROP DATABASE IF EXISTS before_times")
        connection.execute("CREATE DATABASE before_times")
    with db.open_connection(url) as connection:
        connection.execute(MIGRATIONS[0].sql)  # type: ignore[arg-type]
        connection.execute(
            "INSERT INTO memory_item (id, type, raw_text, content_hash, valid_to, metadata) VALUES"
            " ('a', 'note', '{\"text\": \"kept\"}', '1', NULL, '{}'), ('b', 'note', '{\"text\":"
            ' "gone"}\', \'2\', now(), \'{"retracted": "x"}\')'
        )
        for migration in MIGRATIONS[1:]:
            connection.execute(migration.sql)  # type: ignore[arg-type]
        rows = connection.execute(
            "SELECT id, isempty(valid) AS gone FROM memory_item ORDER BY id"
        ).fetchall()
        beliefs = connection.execute("SELECT count(*) AS n FROM memory_belief").fetchone()

    assert [(row["id"], row["gone"]) for row in rows] == [
        ("a", False),
        ("b", True),
    ] and beliefs == {"n": 2}


def test_what_is_said_again_on_the_ground_of_something_withdrawn_does_not_hold_again(clock):
    clock("2026-01-01")
    base = remember("fact", "the well is dry", source="survey")
    finding = remember("finding", "drill another well", source="research")
    clock("2026-02-01")
    supersede(finding, "mend the pump", source="plumber")
    withdraw([base], "wrong")
    clock("2026-03-01")

    remember("finding", "drill another well", source="research", derived_from=[base])

    assert recall("drill") == []
    remember("finding", "drill another well", source="research")
    assert [memory.text for memory in recall("drill")] == ["drill another well"]


def test_what_is_near_along_links_weighs_as_much_as_all_links_of_the_path_together():
    start, strong, weak, end = (remember("note", f"the {name} note") for name in "abcd")
    link(start, strong, "about", 0.8)
    link(start, weak, "about", 0.5)
    link(strong, end, "about", 0.5)
    link(weak, end, "about", 0.9)

    found = neighbours(start, depth=2)

    assert [(row["id"], row["steps"], round(row["weight"], 9)) for row in found] == [
        (strong, 1, 0.8),
        (weak, 1, 0.5),
        (end, 2, 0.45),
    ]
    assert found[-1]["path"] == [start, weak, end] and found[-1]["by_id"] == weak
