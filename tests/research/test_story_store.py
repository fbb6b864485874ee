from datetime import UTC, date, datetime
from typing import Any

from f.millrace.core import db
from f.millrace.research import duplicates, stories, story_store

MONDAY, TUESDAY, THURSDAY = date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 5)
SEEN = datetime(2026, 11, 2, 7, tzinfo=UTC)


def put(key: str, title: str, body: str = "") -> duplicates.Item:
    """Store an item as a source gave it, and return what is compared of it."""
    url = f"https://site.example/{key}"
    row: dict[str, Any] | None = db.fetch_one(
        "INSERT INTO source_item (id, namespace, source, source_key, url, canonical_url, title,"
        " body, first_seen_at, last_seen_at) VALUES (%s, 'main', 'feeds', %s, %s, %s, %s, %s, %s,"
        " %s) RETURNING *",
        [key, key, url, url, title, body, SEEN, SEEN],
    )
    assert row is not None
    return duplicates.item_of(row)


def put_page(key: str, body: str, readable: bool = True) -> None:
    url = f"https://site.example/{key}"
    db.execute(
        "INSERT INTO page (id, namespace, canonical_url, url, readable, body, read_at) VALUES (%s,"
        " 'main', %s, %s, %s, %s, %s)",
        [f"pg_{key}", url, url, readable, body, SEEN],
    )


def test_a_story_keeps_its_first_day_and_counts_its_days(database):
    first = stories.Story([put("a", "Quake in Oskol")])
    story_id, day = story_store.keep("main", first, None, MONDAY)
    known = story_store.load_known("main", MONDAY)

    later = stories.Story([put("b", "Oskol counts the damage")])
    again, number = story_store.keep("main", later, known[0], THURSDAY)

    assert (day, again, number) == (1, story_id, 4)
    told = story_store.load_known("main", THURSDAY)[0]
    assert (told.title, told.first_day, told.last_day) == ("Quake in Oskol", MONDAY, THURSDAY)
    assert [item.id for item in told.items] == ["a", "b"]


def test_a_repeat_finds_its_own_rows(database):
    story = stories.Story([put("a", "Quake in Oskol"), put("b", "Oskol shaken")])
    first = story_store.keep("main", story, None, MONDAY)

    again = story_store.keep("main", stories.Story(story.items[::-1]), None, MONDAY)

    assert again == first
    assert len(story_store.load_known("main", MONDAY)) == 1


def test_only_later_stories_of_the_namespace_are_known(database):
    story_store.keep("main", stories.Story([put("a", "Quake in Oskol")]), None, MONDAY)
    story_store.keep("dry-1", stories.Story([put("b", "Storm Ulla")]), None, TUESDAY)

    assert story_store.load_known("main", TUESDAY) == []
    assert [known.title for known in story_store.load_known("main", MONDAY)] == ["Quake in Oskol"]


def test_the_text_of_a_readable_page_is_known_and_of_no_other(database):
    story = stories.Story(
        [put("a", "Quake in Oskol", "Short."), put("b", "Oskol shaken", "Brief.")]
    )
    put_page("a", "The whole page.")
    put_page("b", "Enable JavaScript.", readable=False)
    story_store.keep("main", story, None, MONDAY)

    texts = [item.text for item in story_store.load_known("main", MONDAY)[0].items]

    assert texts == ["Short.\n\nThe whole page.", "Brief."]


def test_a_story_outlives_its_items(database):
    story = stories.Story([put("a", "Quake in Oskol", "Houses fell in Oskol and Tirgan.")])
    story_store.keep("main", story, None, MONDAY)
    db.execute("DELETE FROM source_item")

    known = story_store.load_known("main", MONDAY)

    assert known[0].items == [] and {"Oskol", "Tirgan"} <= set(known[0].entities)
