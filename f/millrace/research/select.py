# no_postinstall
# requirements: millrace_core

"""Choose topics.

Groups what was read into stories, drops copies and what was shown before, ranks the rest.

scripts/millrace step research/select run_id=RUN
"""

from datetime import timedelta
from typing import Any

from f.millrace.core import db, errors, ids, run_context
from f.millrace.research import duplicates, ranking, run_plan, stories, story_terms, time_windows
from f.millrace.telemetry import events, runs, spans

LOOK_BACK = timedelta(days=14)
ITEMS_AT_MOST = 3000


def main(run_id: str, max_topics: int = 5, jobs: int = 2) -> dict:
    """Choose the topics.

    Args:
        run_id: The run whose sources were read.
        max_topics: Choose at most this many (1 to 20).
        jobs: Deal the topics into at most this many batches, which are researched side by side (1
            to 20).
    """
    with spans.step("research.select", run_id, max_topics=max_topics) as span:
        if not 1 <= max_topics <= 20:
            raise errors.BadInput(f"max_topics is {max_topics}; it must be from 1 to 20")
        if not 1 <= jobs <= 20:
            raise errors.BadInput(f"jobs is {jobs}; it must be from 1 to 20")
        opened = run_plan.load(run_id)
        if opened.until is None:
            _choose(run_id, opened, max_topics)
        chosen = db.fetch_all(
            "SELECT id, title, reasons FROM topic WHERE run_id = %s ORDER BY rank", [run_id]
        )
        span.set(topics=len(chosen))
        for row in chosen:
            events.emit(
                "topic", row["title"], topic_id=row["id"], status="chosen", reasons=row["reasons"]
            )
        topics = [{"topic_id": row["id"], "title": row["title"]} for row in chosen]
        return {
            "topics": topics,
            "batches": _batches([row["id"] for row in chosen], jobs),
            "count": len(chosen),
        }


def _batches(topic_ids: list[str], jobs: int) -> list[list[str]]:
    # A process loads its libraries once, whatever it researches; dealt in turn, the best topics
    # come first in each batch.
    return [topic_ids[job::jobs] for job in range(min(jobs, len(topic_ids)))]


def _choose(run_id: str, opened: run_plan.RunPlan, limit: int) -> None:
    # One transaction: a repeat finds either nothing or the topics and the end of the window.
    with db.transaction() as connection:
        opened.until = time_windows.end_of_window(connection, opened.namespace)
        for window in opened.windows:
            window.until = opened.until
        items = _items(opened)
        earlier = (
            _yesterday(items, opened) if opened.edition == "sample" else _earlier_topics(opened)
        )
        fresh, updates = _select_new(items, earlier)
        for number, entry in enumerate(
            ranking.rank(fresh, opened.interests, run_context.now(), updates, limit), 1
        ):
            _keep_topic(run_id, opened.namespace, number, entry)
        runs.keep(run_id, run_plan.stored(opened))
    events.emit(
        "progress",
        f"{len(items)} new items, {len(fresh)} stories",
        items=len(items),
        stories=len(fresh),
    )


def _select_new(
    items: list[duplicates.Item], earlier: dict[duplicates.Item, tuple[str, str]]
) -> tuple[list[stories.Story], dict[str, tuple[str, str]]]:
    """Return the stories that are new, and which of them continue an earlier topic (by the lead
    item's id).
    """
    old = set(earlier)
    known = _as_known(earlier)
    reasons = {topic_id: (topic_id, reason) for topic_id, reason in earlier.values()}
    fresh: list[stories.Story] = []
    updates: dict[str, tuple[str, str]] = {}
    today = stories.group([item for item in items if item not in old])
    for story, told in stories.follow(today, known):
        if told is not None and not stories.new_items(story, told):
            continue
        fresh.append(story)
        if told is not None:
            updates[story.lead.id] = reasons[told.id]
    return fresh, updates


def _as_known(earlier: dict[duplicates.Item, tuple[str, str]]) -> list[stories.Known]:
    topics: dict[str, list[duplicates.Item]] = {}
    for item, (topic_id, _) in earlier.items():
        topics.setdefault(topic_id, []).append(item)
    day = run_context.now().date()
    return [stories.Known(key, told[0].title, [], day, day, told) for key, told in topics.items()]


def _yesterday(
    items: list[duplicates.Item], opened: run_plan.RunPlan
) -> dict[duplicates.Item, tuple[str, str]]:
    """Return what the sample's edition of yesterday held: it was never made, so its own dates stand
    for it.
    """
    end = opened.scheduled_for - timedelta(hours=24)
    begin = end - timedelta(hours=12)
    old = [item for item in items if item.published_at and begin <= item.published_at <= end]
    newer = [item for item in items if item.published_at and item.published_at > end]
    terms = story_terms.Collection(items)
    continued = [
        item
        for item in old
        if any(
            stories.weigh(item, other, terms) >= stories.ENOUGH
            for other in newer
            if other.source == item.source
        )
    ]
    return {item: (item.id, "an update to a story you saw yesterday") for item in continued}


def _items(opened: run_plan.RunPlan) -> list[duplicates.Item]:
    assert opened.until is not None
    since = time_windows.earliest(opened.windows, opened.until, opened.edition)
    rows = db.fetch_all(
        "SELECT id, source, title, left(body, 6000) AS body, url, canonical_url, content_hash,"
        " published_at, first_seen_at, score FROM source_item WHERE namespace = %s AND source ="
        " ANY(%s) AND first_seen_at <= %s AND (%s::timestamptz IS NULL OR first_seen_at > %s) ORDER"
        " BY first_seen_at DESC, id LIMIT %s",
        [opened.namespace, opened.sources, opened.until, since, since, ITEMS_AT_MOST],
    )
    return [duplicates.item_of(row) for row in rows]


def _earlier_topics(opened: run_plan.RunPlan) -> dict[duplicates.Item, tuple[str, str]]:
    """Return the items of topics that were delivered on earlier days: each with its topic and how
    to say so.
    """
    rows = db.fetch_all(
        "SELECT i.id, i.source, i.title, left(i.body, 6000) AS body, i.url, i.canonical_url,"
        " i.content_hash, i.published_at, i.first_seen_at, i.score, t.id AS topic_id, r.local_day"
        " FROM topic t JOIN run r ON r.id = t.run_id JOIN source_item i ON i.id = ANY(t.item_ids)"
        " WHERE t.namespace = %s AND r.flow = %s AND r.local_day < %s AND r.local_day >= %s AND"
        " EXISTS (SELECT 1 FROM delivery d WHERE d.run_id = r.id AND d.status IN ('sent',"
        " 'outbox')) ORDER BY r.local_day, t.rank",
        [opened.lasting, opened.flow, opened.day, opened.day - LOOK_BACK],
    )
    # Names of days without a locale: the digest is in English wherever it is made.
    return {
        duplicates.item_of(row): (row["topic_id"], _format_update(row["local_day"], opened))
        for row in rows
    }


def _format_update(day: Any, opened: run_plan.RunPlan) -> str:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    ago = (opened.day - day).days
    when = (
        "yesterday"
        if ago == 1
        else f"on {days[day.weekday()]}"
        if ago < 7
        else f"on {day.isoformat()}"
    )
    return f"an update to a story you saw {when}"


def _keep_topic(run_id: str, namespace: str, number: int, entry: ranking.Ranked) -> None:
    story = entry.story
    db.execute(
        "INSERT INTO topic (id, run_id, namespace, rank, title, score, reasons, item_ids,"
        " update_of) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
        [
            ids.stable_id("tp", run_id, story.lead.id),
            run_id,
            namespace,
            number,
            story.lead.title,
            entry.score,
            db.jsonb(entry.reasons),
            [item.id for item in story.items],
            entry.update_of,
        ],
    )
