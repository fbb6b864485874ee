# no_postinstall
# requirements: millrace_core

"""Choose topics.

Groups what was read into stories, drops copies, what was shown before and what cannot be read, and
ranks the rest.

scripts/millrace step research/select run_id=RUN
"""

from typing import Any

from f.millrace.core import db, errors, ids, run_context
from f.millrace.digest import run_plan
from f.millrace.research import candidates, pages, postpone, ranking, time_windows
from f.millrace.stories import story_store, themes
from f.millrace.telemetry import events, runs, spans


def main(run_id: str, max_topics: int = 5, jobs: int = 2) -> dict:
    """Choose the topics.

    Args:
        run_id: The run whose sources were read.
        max_topics: Choose at most this many (1 to 20); where some readers are not shown what is
            private, so many of what all are shown, and what is private among the best besides.
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
            fault = postpone.all_failed(run_id, opened)
            if fault:
                # Nothing can be told of a day of which nothing was read.
                said = postpone.postpone(run_id, opened, fault)
                return {
                    "topics": [],
                    "batches": [],
                    "count": 0,
                    "stop": True,
                    "reason": said,
                    "wm_labels": ["waiting"],
                }
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
            "stop": False,
            "reason": "",
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
        items = candidates.load_items(opened, opened.until)
        kept = pages.load(opened.namespace, [pages.key_of(item) for item in items])
        found = [
            candidate
            for candidate in candidates.find(items, opened, kept)
            if not candidate.unreadable and opened.is_shown(candidate.share_keys)
        ]
        best = _rank(found, opened, limit)
        for number, entry in enumerate(best, 1):
            _keep_topic(run_id, opened, number, entry)
        runs.keep(run_id, run_plan.to_stored(opened))
    events.emit(
        "progress",
        f"{len(items)} new items, {len(found)} stories that can be told",
        items=len(items),
        stories=len(found),
    )


def _rank(
    found: list[candidates.Candidate], opened: run_plan.RunPlan, limit: int
) -> list[ranking.Ranked]:
    """Return the best stories; what only some readers are shown takes no place of what all are."""
    best = ranking.rank(found, opened, run_context.now(), limit)
    everybody = all(
        window.shows(entry.candidate.share_keys) for entry in best for window in opened.windows
    )
    if everybody:
        return best
    public = [candidate for candidate in found if not candidate.share_keys]
    chosen = ranking.rank(public, opened, run_context.now(), limit)
    chosen += [entry for entry in best if entry.candidate.share_keys]
    return sorted(chosen, key=lambda entry: entry.score, reverse=True)


def _keep_topic(run_id: str, opened: run_plan.RunPlan, number: int, entry: ranking.Ranked) -> None:
    story, known = entry.story, entry.candidate.continues
    story_id = None
    if not entry.candidate.private:
        story_id = story_store.keep(
            opened.namespace, story, None if opened.edition == "sample" else known, opened.day
        )
    db.execute(
        "INSERT INTO topic (id, run_id, namespace, rank, title, score, reasons, item_ids,"
        " update_of, story_id, story_day, private, share_keys, theme) VALUES (%s, %s, %s, %s, %s,"
        " %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
        [
            ids.stable_id("tp", run_id, story.lead.id),
            run_id,
            opened.namespace,
            number,
            entry.candidate.title,
            entry.score,
            db.jsonb(entry.reasons),
            [item.id for item in story.items],
            entry.update_of,
            story_id,
            (opened.day - known.first_day).days + 1 if known else 1,
            entry.candidate.private,
            list(entry.candidate.share_keys),
            _choose_theme(entry),
        ],
    )


def _choose_theme(entry: ranking.Ranked) -> str:
    """Return the theme that a reader finds the topic under: on later days of a story that of its
    last one.
    """
    if entry.candidate.private:
        return ""
    before = db.fetch_one("SELECT theme FROM topic WHERE id = %s", [entry.update_of])
    lead = entry.story.lead
    return (before or {}).get("theme") or themes.classify(lead.title, lead.text, lead.source)


def insert_copies(copies: list[dict[str, Any]]) -> None:
    """Store topics of another run, under ids of this one; this run continues that one."""
    db.execute(
        "INSERT INTO topic SELECT * FROM jsonb_populate_recordset(NULL::topic, %s)",
        [db.jsonb(copies)],
    )
