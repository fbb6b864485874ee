# no_postinstall
# requirements: millrace_agents

"""Research topics.

The Researcher agent in its loop, several topics at once; what it found is stored with the run.

scripts/millrace step research/investigate run_id=RUN topic_ids=TOPIC,TOPIC
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, TypedDict

# Loading makes nothing that can be freed; going through it all again and again took a tenth of the
# loading time.
gc.disable()

from f.millrace.agents import researcher  # noqa: E402
from f.millrace.core import config, contracts, db, errors, redaction  # noqa: E402
from f.millrace.digest import run_plan  # noqa: E402
from f.millrace.memory import results  # noqa: E402
from f.millrace.models import call  # noqa: E402
from f.millrace.research import said_before  # noqa: E402
from f.millrace.telemetry import events, spans  # noqa: E402
from f.millrace.trust import audit, decisions  # noqa: E402

if TYPE_CHECKING:
    from f.millrace.core import rows

    class ToldTopic(TypedDict):
        """A researched topic, as its step tells it."""

        topic_id: str
        title: str
        confidence: int
        findings: int
        conflicts: int
        no_sources: bool
        stopped_because: str
        cost_usd: float

    class FailedTopic(TypedDict):
        """A topic whose research failed, and why."""

        topic_id: str
        title: str
        error: str


gc.freeze()
gc.enable()

# Research mostly waits for models and pages. More at once would ask more of them than their limits
# allow.
TOPICS_AT_ONCE = 4
RETRY_WAIT_SECONDS = 3.0


def main(run_id: str, topic_ids: list[str]) -> dict:
    """Research topics of a run.

    Args:
        run_id: The run that chose the topics.
        topic_ids: The topics, as select returns them; what is stored already is not researched
            again.
    """
    topics = [_topic(run_id, topic_id) for topic_id in topic_ids]
    answers = call.wait(_research_all(run_id, topics))
    return {
        "topics": answers,
        "count": len(answers),
        "failed": sum("error" in answer for answer in answers),
    }


def _topic(run_id: str, topic_id: str) -> rows.Topic:
    topic: rows.Topic | None = db.fetch_one(
        "SELECT * FROM topic WHERE id = %s AND run_id = %s", [topic_id, run_id]
    )
    if topic is None:
        raise errors.NotFound(f"run {run_id} has no topic {topic_id!r}")
    return topic


async def _research_all(run_id: str, topics: list[rows.Topic]) -> list[ToldTopic | FailedTopic]:
    free = asyncio.Semaphore(TOPICS_AT_ONCE)

    async def one(topic: rows.Topic) -> ToldTopic | FailedTopic:
        async with free:
            return await _research(run_id, topic)

    return await asyncio.gather(*(one(topic) for topic in topics))


async def _research(run_id: str, topic: rows.Topic) -> ToldTopic | FailedTopic:
    """Research one topic, once more when it fails; one that fails again is told as failed, and the
    others go on.
    """
    for last in (False, True):
        try:
            return await _research_step(run_id, topic, last)
        except Exception as error:
            last = last or getattr(error, "lasting", False)
            if last and isinstance(error, errors.DatabaseUnavailable):
                # not this topic's fault: nothing can be stored, so the whole step has to be
                # repeated
                raise
            if last:
                return {
                    "topic_id": topic["id"],
                    "title": topic["title"],
                    "error": _format_error(error),
                }
        await asyncio.sleep(RETRY_WAIT_SECONDS)
    raise AssertionError("the loop returns or raises")


async def _research_step(run_id: str, topic: rows.Topic, last: bool) -> ToldTopic:
    topic_id, started = topic["id"], time.monotonic()
    with spans.step("research.investigate", run_id, part=topic_id, topic_id=topic_id) as span:
        try:
            stored = _find_result(run_id, topic_id)
            if stored is None:
                events.emit(
                    "topic",
                    f"Researching {topic['title']}",
                    topic_id=topic_id,
                    status="researching",
                )
                _keep(run_id, await _investigate(run_id, topic))
                stored = _find_result(run_id, topic_id)
        except Exception as error:
            if last or getattr(error, "lasting", False):
                words = _format_error(error)
                events.emit(
                    "topic",
                    f"{topic['title']}: {words}",
                    topic_id=topic_id,
                    title=topic["title"],
                    status="failed",
                    error=words,
                )
            else:
                wait = f"it is tried again in {RETRY_WAIT_SECONDS:.0f} seconds"
                events.emit(
                    "error", f"{topic['title']}: {_format_error(error)}; {wait}", topic=topic_id
                )
            raise
        assert stored is not None
        answer = _to_dict(stored)
        # A title may be private; the topic is found by its id.
        span.set({f"millrace.{name}": value for name, value in answer.items() if name != "title"})
        events.emit(
            "topic",
            _format_result(answer),
            status="researched",
            seconds=round(time.monotonic() - started, 1),
            **answer,
        )
        return answer


async def _investigate(run_id: str, topic: rows.Topic) -> contracts.TopicResult:
    opened = run_plan.load(run_id)
    try:
        found = await researcher.research(
            run_id,
            {
                "id": topic["id"],
                "title": topic["title"],
                "item_ids": topic["item_ids"],
                "already_told": said_before.findings(opened, topic["private"]),
                "told_pages": said_before.pages(opened, topic["id"]),
                # What is private is searched for nowhere, and stands in no other topic.
                "search": not topic["private"],
                "public": not topic["private"],
            },
        )
        told = topic["update_of"]
        background = said_before.find_background(told, topic["private"]) if told else ""
        return found.model_copy(update={"background": background})
    except errors.BudgetExceeded as error:
        # What is left of the digest is worth sending: it lists what money left undone.
        events.emit("budget", str(error), topic_id=topic["id"])
        return contracts.TopicResult(
            topic_id=topic["id"],
            title=topic["title"],
            stopped_because=f"the budget: {error}",
        )


def _keep(run_id: str, found: contracts.TopicResult) -> None:
    score, review = found.confidence.score, _review(found)
    values = redaction.redact(found.model_dump(mode="json"))
    with db.transaction():
        kept = results.keep(
            run_id,
            found.topic_id,
            title=values["title"],
            summary=values["summary"],
            why_it_matters=values["why_it_matters"],
            background=values["background"],
            findings=values["findings"],
            conflicts=values["conflicts"],
            confidence=score,
            parts={name: part for name, part in values["confidence"].items() if name != "score"},
            no_sources=found.no_sources,
            stopped_because=values["stopped_because"],
            rounds=found.rounds,
            cost_usd=found.cost_usd,
            review=review,
            written_by=found.written_by,
        )
        if kept:
            cited = sorted({one for finding in found.findings for one in finding.citations})
            audit.append(
                "researcher",
                f"judgement.{review}",
                found.topic_id,
                run_id,
                confidence=score,
                findings=len(found.findings),
                evidence=cited,
                stopped_because=values["stopped_because"],
                cost_usd=found.cost_usd,
            )


def _review(found: contracts.TopicResult) -> str:
    """Return who looks at it: a person when there is time, the log, or nobody."""
    score = found.confidence.score
    if decisions.is_escalation(score, found.escalated):
        return "open"
    return "logged" if score < config.settings().confidence_silent else "none"


def _find_result(run_id: str, topic_id: str) -> rows.ResearchResult | None:
    return db.fetch_one(
        "SELECT * FROM research_result WHERE run_id = %s AND topic_id = %s", [run_id, topic_id]
    )


def _to_dict(row: rows.ResearchResult) -> ToldTopic:
    return {
        "topic_id": row["topic_id"],
        "title": row["title"],
        "confidence": row["confidence"],
        "findings": len(row["findings"]),
        "conflicts": len(row["conflicts"]),
        "no_sources": row["no_sources"],
        "stopped_because": row["stopped_because"],
        "cost_usd": float(row["cost_usd"]),
    }


def _format_error(error: Exception) -> str:
    return redaction.redact(f"{type(error).__name__}: {error}"[:500])


def _format_result(answer: ToldTopic) -> str:
    if answer["no_sources"]:
        return f"{answer['title']}: no sources found"
    return f"{answer['title']}: {answer['findings']} findings"
