import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from f.millrace.core import db
from f.millrace.stories import duplicates, stories, story_store

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


def tell(
    story: stories.Story, day: date, known: stories.KnownStory | None = None, sent: bool = True
):
    """Keep a story as a topic of a run of that day, whose digest somebody got."""
    story_id = story_store.keep("main", story, known, day)
    run_id = str(uuid.uuid4())
    db.execute(
        "INSERT INTO run (id, flow, local_day) VALUES (%s, 'daily_research', %s)", [run_id, day]
    )
    db.execute(
        "INSERT INTO topic (id, run_id, namespace, rank, title, item_ids, story_id) VALUES (%s, %s,"
        " 'main', 1, %s, %s, %s)",
        [f"tp_{run_id}", run_id, story.lead.title, [item.id for item in story.items], story_id],
    )
    digest = db.fetch_one(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, window_until, recipients,"
        " subject, html, plain) VALUES (%s, 'daily_research', 'main', 'daily', %s, now(), '{}', '',"
        " '', '') RETURNING id",
        [run_id, day],
    )
    assert digest is not None
    db.execute(
        "INSERT INTO delivery (flow, namespace, edition, recipient, local_day, number, run_id,"
        " digest_id, message_id, status, window_until) VALUES ('daily_research', 'main', 'daily',"
        " 'ada@home.example', %s, 1, %s, %s, %s, %s, now())",
        [day, run_id, digest["id"], run_id, "sent" if sent else "failed"],
    )
    return story_id, f"tp_{run_id}"


def load(before: date) -> list[stories.KnownStory]:
    return story_store.load_told("daily_research", "main", before, timedelta(days=14))


def test_a_story_keeps_its_first_day_and_its_latest_topic(database):
    story_id, _ = tell(stories.Story([put("a", "Quake in Oskol")]), MONDAY)
    (known,) = load(TUESDAY)

    again, topic_id = tell(stories.Story([put("b", "Oskol counts the damage")]), TUESDAY, known)

    assert again == story_id
    (told,) = load(THURSDAY)
    assert (told.title, told.first_day, told.last_day) == ("Quake in Oskol", MONDAY, TUESDAY)
    assert [item.id for item in told.items] == ["a", "b"] and told.topic_id == topic_id


def test_a_repeat_finds_its_own_rows(database):
    story = stories.Story([put("a", "Quake in Oskol"), put("b", "Oskol shaken")])
    first = story_store.keep("main", story, None, MONDAY)

    assert story_store.keep("main", stories.Story(story.items[::-1]), None, MONDAY) == first


def test_what_nobody_got_was_not_told(database):
    tell(stories.Story([put("a", "Quake in Oskol")]), MONDAY, sent=False)

    assert load(TUESDAY) == []


def test_what_is_told_on_the_day_itself_is_not_earlier(database):
    tell(stories.Story([put("a", "Quake in Oskol")]), TUESDAY)

    assert load(TUESDAY) == [] and len(load(THURSDAY)) == 1


def test_the_text_of_a_readable_page_is_known_and_of_no_other(database):
    story = stories.Story(
        [put("a", "Quake in Oskol", "Short."), put("b", "Oskol shaken", "Brief.")]
    )
    put_page("a", "The whole page.")
    put_page("b", "Enable JavaScript.", readable=False)
    tell(story, MONDAY)

    assert [item.text for item in load(TUESDAY)[0].items] == ["The whole page.", "Brief."]


def test_a_story_outlives_its_items(database):
    tell(stories.Story([put("a", "Quake in Oskol", "Houses fell in Oskol and Tirgan.")]), MONDAY)
    db.execute("DELETE FROM source_item")

    (known,) = load(TUESDAY)

    assert known.items == [] and {"Oskol", "Tirgan"} <= set(known.entities)
