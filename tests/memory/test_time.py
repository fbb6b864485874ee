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


@pytest.mark.parametrize(
    ("first", "then", "text"),
    [
        (1, 1, "the gate is shut"),
        (1, 2, "the gate is open"),
        (1, None, "the gate is open"),
        (None, None, "the gate is open"),
        (None, 1, "the gate is open"),
    ],
)
def test_what_is_said_again_holds_again_unless_the_same_run_repeats_its_step(first, then, text):
    def say(run):
        run_id = run and f"{run}1111111-1111-1111-1111-111111111111"
        return remember("fact", "the gate is open", run_id=run_id)

    supersede(say(first), "the gate is shut")
    say(then)

    assert [memory.text for memory in recall("gate is open", 1)] == [text]


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


def test_neighbours_come_nearest_first_and_then_by_the_weight_of_their_path():
    start, weak, strong, far = (
        remember("note", f"the {name} of all") for name in ("start", "weak", "strong", "far")
    )
    link(start, weak, "about", 0.2)
    link(start, strong, "about", 0.9)
    link(strong, far, "part_of", 0.5)

    assert [row["id"] for row in neighbours(start, depth=2)] == [strong, weak, far]
    assert [row["id"] for row in neighbours(start)] == [strong, weak]
    assert [row["id"] for row in neighbours(start, depth=2, limit=1)] == [strong]
    assert [row["id"] for row in neighbours(start, ["about"], depth=2)] == [strong, weak]
    assert [(row["id"], row["relation"]) for row in neighbours(far, ["part_of"], depth=2)] == [
        (strong, "part_of")
    ]
    (last,) = [row for row in neighbours(start, depth=2) if row["id"] == far]
    assert (last["steps"], last["by_id"], last["path"]) == (2, strong, [start, strong, far])


@pytest.mark.parametrize("depth", [0, 7])
def test_neighbours_are_asked_for_between_one_step_and_six(depth):
    item = remember("note", "the first")

    assert neighbours(item, depth=1) == neighbours(item, depth=6) == []
    with pytest.raises(BadInput, match=f"depth is {depth}; allowed is 1 to 6"):
        neighbours(item, depth=depth)


def test_a_link_is_known_from_the_moment_it_was_made(clock):
    clock("2026-01-01")
    first, second = remember("note", "the first"), remember("note", "the second")
    clock("2026-01-02")
    link(first, second, "next")
    clock("2026-01-03")

    assert [row["id"] for row in neighbours(first, known_at="2026-01-02")] == [second]
    assert neighbours(first, known_at="2026-01-01T23:59:59") == []


def test_an_item_is_linked_to_another_that_is_there():
    item = remember("note", "the first")

    with pytest.raises(BadInput, match="cannot be linked to itself"):
        link(item, item, "next")
    with pytest.raises(NotFound, match="no memory has the id 'mem_none'"):
        link(item, "mem_none", "next")
    assert links(item) == []


def test_of_too_many_the_newest_are_shown_and_from_a_beginning_on_the_first(clock):
    clock("2026-06-01")
    for day in (1, 2, 3):
        remember("event", f"day {day}", valid_from=f"2026-05-0{day}")

    def days(**bounds):
        return [row["text"] for row in timeline(**bounds)]

    assert days(limit=2) == ["day 2", "day 3"]
    assert days(limit=2, since="2026-05-01") == ["day 1", "day 2"]
    assert days(since="2026-05-02", until="2026-05-03") == ["day 2"]
    assert days(as_of="2026-05-02") == ["day 1", "day 2"]
    assert days(types=["event"]) == ["day 1", "day 2", "day 3"] and days(types=["note"]) == []


def test_a_timeline_is_about_all_of_the_words_or_about_the_letters(clock):
    clock("2026-06-01")
    remember("event", "Kestrel was launched from the harbour")
    remember("event", "Heron stayed in the harbour")

    def texts(about):
        return [row["text"].split()[0] for row in timeline(about)]

    assert texts("kestrel launch harbour") == ["Kestrel"]
    assert sorted(texts("harbour")) == ["Heron", "Kestrel"]
    assert texts("ESTR") == ["Kestrel"] and texts("stayed at") == ["Heron"]
    assert texts("moon") == [] and texts("?!") == []


def test_the_history_of_an_item_ends_where_it_is_asked_to(clock):
    clock("2026-01-01")
    item = remember("fact", "the gate is open", source="one", valid_to="2026-01-10")
    clock("2026-02-01")
    remember("fact", "the gate is open", source="two")
    clock("2026-03-01")
    new = supersede(item, "the gate is shut", since="2026-03-01")
    clock("2026-04-01")

    whole, early = history(item), history(item, known_at="2026-01-15")
    past = history(item, as_of="2026-01-15")

    assert [belief["because"] for belief in whole["beliefs"]] == [
        "remembered",
        "again",
        "superseded",
    ]
    assert [len(belief["valid"]) for belief in whole["beliefs"]] == [1, 2, 2]
    assert [len(belief["valid"]) for belief in past["beliefs"]] == [1, 1, 1]
    assert [origin["source"] for origin in whole["origins"]] == ["one", "two"]
    assert [belief["because"] for belief in early["beliefs"]] == ["remembered"]
    assert [origin["source"] for origin in early["origins"]] == ["one"]
    assert (whole["superseded_by"], history(new)["supersedes"]) == (new, [item])
    with pytest.raises(NotFound, match="no memory has the id 'mem_none'"):
        history("mem_none")


def test_what_is_known_at_the_moment_of_recording_is_part_of_the_history(clock):
    clock("2026-01-01")
    item = remember("fact", "the gate is open")
    clock("2026-02-01")

    assert len(history(item, known_at="2026-01-01")["beliefs"]) == 1
    assert history(item, known_at="2025-12-31")["beliefs"] == []


@pytest.mark.parametrize("source", ["", "  "])
def test_a_source_to_withdraw_is_named(source):
    with pytest.raises(BadInput, match="name the source to withdraw"):
        retract(source)


def test_a_source_that_was_never_withdrawn_cannot_be_believed_again():
    remember("fact", "the well is deep", source="one")
    retract("one", namespace="main")

    with pytest.raises(NotFound, match="the source 'two' was never withdrawn"):
        unretract("two")
    with pytest.raises(NotFound, match="never withdrawn"):
        unretract("one", namespace="sample")
    unretract("one")
    with pytest.raises(NotFound, match="never withdrawn"):
        unretract("one")


def test_a_source_is_believed_again_at_once_when_it_was_not_barred():
    remember("fact", "the well is deep", source="one")

    assert retract("one", bar=False).origins == 1
    item = remember("fact", "the well is deep", source="one")
    assert [memory.id for memory in recall("well")] == [item]


def test_what_fell_with_its_last_support_falls_and_what_has_another_stays():
    one, two = remember("evidence", "one saw it"), remember("evidence", "two saw it")
    both, single = remember("claim", "it is so"), remember("claim", "it was so")
    for claim, support in ((both, one), (both, two), (single, one)):
        link(claim, support, "supported_by")

    done = withdraw([one], "it did not")

    assert (done.withdrawn, done.derived) == ([one], [single])
    assert withdraw([two]).derived == [both]


def test_a_change_cannot_begin_after_the_end_of_what_it_changes(clock):
    clock("2026-01-01")
    item = remember("fact", "the gate is open", valid_to="2026-01-10")

    with pytest.raises(BadInput, match=r"held until 2026-01-10.*give an earlier `since`"):
        supersede(item, "the gate is shut", since="2026-01-10")
    new = supersede(item, "the gate is shut", since="2026-01-09")

    assert get(new).valid_to == datetime(2026, 1, 10, tzinfo=UTC)
    assert get(item).valid_to == datetime(2026, 1, 9, tzinfo=UTC)


def test_what_is_superseded_keeps_its_title_trust_and_metadata_unless_others_are_given():
    item = remember(
        "fact", "the gate is open", title="Gate", trust="own", metadata={"a": 1, "b": 2}
    )

    new = get(supersede(item, "the gate is shut", metadata={"b": 3}))
    other = get(supersede(new.id, "the gate is gone", title="", trust="untrusted"))

    assert (new.title, new.trust, new.metadata) == ("Gate", "own", {"a": 1, "b": 3})
    assert (other.title, other.trust, other.metadata) == ("", "untrusted", {"a": 1, "b": 3})


def test_what_cannot_supersede_is_refused_in_words():
    item = remember("fact", "the gate is open")
    gone = remember("fact", "the well is deep", source="one")
    retract("one")

    with pytest.raises(BadInput, match="says the same already"):
        supersede(item, "the  gate is open")
    with pytest.raises(BadInput, match="was withdrawn; remember the right text as a new item"):
        supersede(gone, "the well is dry")
    with pytest.raises(BadInput, match="the source 'one' was withdrawn; what it says cannot"):
        supersede(item, "the gate is shut", source="one")
    new = supersede(item, "the gate is shut")
    with pytest.raises(BadInput, match=f"{item} was superseded by {new} already"):
        supersede(item, "the gate is gone")
