# requirements:

"""The tables `story` and `story_item`: what was told on earlier days, and what is told today."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from f.millrace.core import db, ids
from f.millrace.stories import duplicates, stories

if TYPE_CHECKING:

    class ToldItem(duplicates.ComparedItem):
        """An item of a topic that was told, with its story. The item's own columns are null where
        it is gone.
        """

        story_id: str
        story_title: str
        entities: list[str]
        topic_id: str
        day: date


# One row an item of a topic that somebody got on an earlier day, with the page behind it.
TOLD = """
SELECT s.id AS story_id, s.title AS story_title, s.entities, t.id AS topic_id, r.local_day AS day,
    i.id, i.source, i.title, left(coalesce(p.body, i.body), 6000) AS body, i.url, i.canonical_url,
    i.content_hash, i.published_at, i.first_seen_at, i.score
FROM topic t
JOIN run r ON r.id = t.run_id
JOIN story s ON s.id = t.story_id
LEFT JOIN source_item i ON i.id = ANY(t.item_ids)
LEFT JOIN page p ON p.namespace = i.namespace AND p.readable
    AND p.canonical_url = coalesce(nullif(i.canonical_url, ''), i.id)
WHERE r.flow = %s AND t.namespace = %s AND r.local_day < %s AND r.local_day >= %s
    AND EXISTS (
        SELECT 1 FROM delivery d WHERE d.run_id = r.id AND d.status IN ('sent', 'outbox')
    )
ORDER BY r.local_day, t.rank, i.id"""

# Names stay in the order in which they came up, each once.
KEEP = """
INSERT INTO story (id, namespace, title, entities, first_day, last_day)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
    first_day = least(story.first_day, excluded.first_day),
    last_day = greatest(story.last_day, excluded.last_day),
    entities = (
        SELECT coalesce(array_agg(name ORDER BY place), '{}')
        FROM (
            SELECT name, min(place) AS place
            FROM unnest(story.entities || excluded.entities) WITH ORDINALITY AS each(name, place)
            GROUP BY name ORDER BY 2 LIMIT %s
        ) AS kept
    )"""


def load_told(
    flow: str, namespace: str, before: date, look_back: timedelta
) -> list[stories.KnownStory]:
    """Return the stories that somebody was told before a day, with the items of their topics."""
    known: dict[str, stories.KnownStory] = {}
    told: list[ToldItem] = db.fetch_all(TOLD, [flow, namespace, before, before - look_back])
    for row in told:
        story = known.setdefault(
            row["story_id"],
            stories.KnownStory(
                row["story_id"],
                row["story_title"],
                list(row["entities"]),
                row["day"],
                row["day"],
                [],
            ),
        )
        story.last_day, story.topic_id = row["day"], row["topic_id"]
        if row["id"] is not None and all(item.id != row["id"] for item in story.items):
            story.items.append(duplicates.item_of(row))
    return list(known.values())


def keep(namespace: str, story: stories.Story, known: stories.KnownStory | None, day: date) -> str:
    """Store that the story is told on `day`; return its id.

    A repeat finds its own rows: a story that is not known is the one that has its items already.
    """
    item_ids = [item.id for item in story.items]
    with db.transaction() as connection:
        story_id = known.id if known else _stored(namespace, item_ids)
        if story_id is None:
            story_id = ids.stable_id("st", namespace, day.isoformat(), story.lead.id)
        connection.execute(
            KEEP,
            [
                story_id,
                namespace,
                story.lead.title,
                story.entities(),
                day,
                day,
                stories.ENTITIES_AT_MOST,
            ],
        )
        connection.execute(
            "INSERT INTO story_item (story_id, item_id, day) SELECT %s, unnest(%s::text[]), %s ON"
            " CONFLICT DO NOTHING",
            [story_id, item_ids, day],
        )
    return story_id


def _stored(namespace: str, item_ids: list[str]) -> str | None:
    row = db.fetch_one(
        "SELECT s.id FROM story s JOIN story_item m ON m.story_id = s.id WHERE s.namespace = %s AND"
        " m.item_id = ANY(%s) ORDER BY s.last_day DESC, s.id LIMIT 1",
        [namespace, item_ids],
    )
    return row["id"] if row else None
