"""What the owner wrote about a topic, and what others are shown of a shared namespace."""

from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core import config, db
from f.millrace.digest import related_notes, run_plan, shared_items
from f.millrace.memory.store import remember
from f.millrace.trust import shares

pytestmark = pytest.mark.usefixtures("database")
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
STORY = "Norrvik battery plant in Halmvik to make 12 gigawatt-hours a year"


@pytest.fixture
def at_noon(monkeypatch):
    monkeypatch.setenv("MILLRACE_NOW", NOON.isoformat())
    config.reload()


@pytest.mark.parametrize(("since", "dated"), [(None, NOON), ("2026-10-01", None)])
def test_what_the_owner_knows_of_a_topic_has_the_day_from_which_it_holds(at_noon, since, dated):
    remember("note", "The Norrvik plant in Halmvik asked for our cooling water.", valid_from=since)

    (found,) = related_notes.OwnerTexts("main").find(STORY, "Norrvik builds in Halmvik.")

    assert "cooling water" in found.line
    assert found.at == (dated or datetime(2026, 10, 1, tzinfo=UTC))


def test_of_a_shared_namespace_what_is_told_already_makes_no_place_empty(at_noon):
    for number in range(shared_items.MOST + 2):
        read = NOON - timedelta(minutes=number)
        db.execute(
            "INSERT INTO document (id, namespace, path, title, body, state, read_at) VALUES"
            " (gen_random_uuid(), 'house', %s, %s, 'text', 'read', %s)",
            [f"/house/{number}.txt", f"Paper {number}", read],
        )
    told = {
        str(row["id"])
        for row in db.fetch_all("SELECT id FROM document WHERE title IN ('Paper 0', 'Paper 1')")
    }
    window = run_plan.Window(
        recipients=["bo@home.example"],
        since=NOON - timedelta(days=1),
        shared={shares.key_of("namespace", "house"): "ada@home.example"},
    )

    found = shared_items.load(window, NOON, told)

    assert [one.title for one in found] == [f"Paper {n}" for n in range(2, shared_items.MOST + 2)]
    assert {one.shared_by for one in found} == {"ada@home.example"}
