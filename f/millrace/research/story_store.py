# requirements:

"""The tables `story` and `story_item`: what was told on earlier days, and what is told today."""

from datetime import date

from f.millrace.core import db, ids
from f.millrace.research import duplicates, stories

# One row an item, with the page behind it where that was read.
KNOWN = """
SELECT s.id AS story_id, s.title AS story_title, s.entities, s.first_day, s.last_day, i.id,
    i.source, i.title, left(concat_ws(E'\\n\\n', nullif(i.body, ''), p.body), 6000) AS body, i.url,
    i.canonical_url, i.content_hash, i.published_at, i.first_seen_at, i.score
FROM story s
LEFT JOIN story_item m ON m.story_id = s.id
LEFT JOIN source_item i ON i.id = m.item_id
LEFT JOIN page p ON p.namespace = i.namespace AND p.canonical_url = i.canonical_url AND p.readable
WHERE s.namespace = %s AND s.last_day >= %s
ORDER BY s.last_day DESC, s.id, m.day, i.first_seen_at, i.id"""

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
    )
RETURNING first_day"""


def load_known(namespace: str, since_day: date) -> list[stories.Known]:
    """Return the stories that were told on `since_day` or later, the latest first, with those of
    their items that are still stored.
    """
    known: dict[str, stories.Known] = {}
    for row in db.fetch_all(KNOWN, [namespace, since_day]):
        story = known.setdefault(
            row["story_id"],
            stories.Known(
                row["story_id"],
                row["story_title"],
                list(row["entities"]),
                row["first_day"],
                row["last_day"],
                [],
            ),
        )
        if row["id"] is not None:
            story.items.append(duplicates.item_of(row))
    return list(known.values())


def keep(
    namespace: str, story: stories.Story, known: stories.Known | None, day: date
) -> tuple[str, int]:
    """Store that the story is told on `day`; return its id and which of its days that is, from 1.

    A repeat finds its own rows: a story that is not known is the one that has its items already.
    """
    item_ids = [item.id for item in story.items]
    with db.transaction() as connection:
        story_id = known.id if known else _stored(namespace, item_ids)
        if story_id is None:
            story_id = ids.stable_id("st", namespace, day.isoformat(), story.lead.id)
        row = connection.execute(
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
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO story_item (story_id, item_id, day) SELECT %s, unnest(%s::text[]), %s ON"
            " CONFLICT DO NOTHING",
            [story_id, item_ids, day],
        )
    return story_id, (day - row["first_day"]).days + 1


def _stored(namespace: str, item_ids: list[str]) -> str | None:
    row = db.fetch_one(
        "SELECT s.id FROM story s JOIN story_item m ON m.story_id = s.id WHERE s.namespace = %s AND"
        " m.item_id = ANY(%s) ORDER BY s.last_day DESC, s.id LIMIT 1",
        [namespace, item_ids],
    )
    return row["id"] if row else None
