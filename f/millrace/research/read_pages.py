# no_postinstall
# requirements: millrace_ingest

"""Read the pages.

What stands behind the best of the new items, so that a topic is chosen by what can be read of it.

scripts/millrace step research/read_pages run_id=RUN
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from f.millrace.core import config, errors, ids, redaction, run_context, sentences
from f.millrace.digest import run_plan
from f.millrace.evidence import timeliness
from f.millrace.research import candidates, pages, ranking
from f.millrace.telemetry import events, spans
from f.millrace.tools import readability, sources, web

if TYPE_CHECKING:
    from f.millrace.core import rows


CONCURRENCY = 8
PAGE_SECONDS = 12.0
STEP_SECONDS = 40.0
# Of so many stories for each topic the pages are tried, the best first, until there are enough.
TRIED = 6
SPARE = 2
ITEMS_OF_A_STORY = 4
# A feed that gives this much gives the whole article.
WHOLE_ARTICLE = 1500
MOST_TEXT = 40_000


def main(run_id: str, max_topics: int = 5) -> dict:
    """Read the pages.

    Args:
        run_id: The run whose sources were read.
        max_topics: Pages are read until so many stories, and a few more, can be told (1 to 20).
    """
    with spans.step("research.read_pages", run_id, max_topics=max_topics) as span:
        if not 1 <= max_topics <= 20:
            raise errors.BadInput(f"max_topics is {max_topics}; it must be from 1 to 20")
        opened = run_plan.load(run_id)
        answer = {"readable": 0, "unreadable": 0}
        if opened.until is None:
            answer = _read_best(opened, max_topics)
        span.set(answer)
        events.emit(
            "progress",
            f"{answer['readable']} pages read, {answer['unreadable']} could not be",
            **answer,
        )
        return answer


def _read_best(opened: run_plan.RunPlan, max_topics: int) -> dict:
    items = candidates.load_items(opened, run_context.now())
    by_id = {item["id"]: item for item in items}
    known = pages.load(opened.namespace, [pages.key_of(item) for item in items])
    found = candidates.find(items, opened, known)
    best = ranking.rank(found, opened, run_context.now(), TRIED * max_topics)
    tried = [[by_id[item.id] for item in one.story.items[:ITEMS_OF_A_STORY]] for one in best]
    until, allow = time.monotonic() + STEP_SECONDS, run_plan.allowed_addresses(opened)
    read: list[rows.Page] = []
    told = 0
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        while tried and told < max_topics + SPARE:
            batch, tried = tried[:CONCURRENCY], tried[CONCURRENCY:]
            for found in _read_all(pool, batch, allow, until):
                told += any(page["readable"] for page in found)
                read += found
    pages.keep(read)
    readable = sum(page["readable"] for page in read)
    return {"readable": readable, "unreadable": len(read) - readable}


def _read_all(
    pool: ThreadPoolExecutor,
    batch: Sequence[Sequence[rows.SourceItem]],
    allow: Sequence[str],
    until: float,
) -> list[list[rows.Page]]:
    """Return the pages of each story of the batch, read side by side."""
    futures = [
        [pool.submit(contextvars.copy_context().run, _read, item, allow, until) for item in story]
        for story in batch
    ]
    return [[future.result() for future in story] for story in futures]


def _read(item: rows.SourceItem, allow: Sequence[str], until: float) -> rows.Page:
    source = sources.SOURCES[item["source"]]
    own = readability.keep_prose(item["body"])
    if item["trust"] == "own" and not own and readability.states_something(item["body"]):
        own = item["body"]  # a note may be a single sentence
    page: rows.Page = {
        "id": ids.stable_id("pg", item["namespace"], pages.key_of(item)),
        "namespace": item["namespace"],
        "canonical_url": pages.key_of(item),
        "url": item["url"],
        "title": item["title"],
        "site": "",
        "body": own,
        "published_at": item["published_at"],
        "read_at": run_context.now(),
        "reason": "",
        "language": "",
        "readable": False,
    }
    # A post that links an article stands for it.
    inside = source.complete and item["comments_url"] in ("", item["url"])
    if not inside and len(own) < WHOLE_ARTICLE and item["url"].startswith("http"):
        page = _fetch(page, item, allow, until)
    if not page["body"]:
        page["reason"] = page["reason"] or "no text"
    else:
        page["reason"] = _find_other_language(page["body"], source)
    page["language"] = sentences.guess_language(page["body"])
    page["readable"] = not page["reason"]
    page["body"] = redaction.redact(page["body"][:MOST_TEXT].replace("\x00", ""))
    return page


def _fetch(page: rows.Page, item: rows.SourceItem, allow: Sequence[str], until: float) -> rows.Page:
    """Return the page with what the address behind its item gives: a text, or why there is none."""
    left = min(PAGE_SECONDS, until - time.monotonic())
    if left <= 0:
        return {**page, "reason": "no time was left"}
    try:
        found = web.read(item["url"], allow=allow, seconds=left)
    except errors.PageUnreadable as error:
        return {**page, "reason": error.reason}
    except errors.FetchRefused:
        return {**page, "reason": "the address must not be fetched"}
    except errors.SourceFailed as error:
        return {**page, "reason": "too slow" if "took longer" in str(error) else "unreachable"}
    return {
        **page,
        "url": found.url,
        "title": redaction.redact(found.title),
        "site": redaction.redact(found.site),
        "body": found.text,
        "published_at": timeliness.date_of(item["published_at"], found.published_at),
    }


def _find_other_language(text: str, source: sources.Source) -> str:
    """Return in which language a page is that nobody asked for; empty when it is one that was."""
    wanted = config.settings().languages
    language = sentences.guess_language(text)
    if source.chosen or not wanted or not language or language in wanted:
        return ""
    return f"language: {language}"
