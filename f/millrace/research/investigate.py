# no_postinstall
# requirements: millrace_agents

"""Research one topic.

The Researcher agent in its loop; what it found is stored with the run.

scripts/millrace step research/investigate run_id=RUN topic_id=TOPIC
"""

from typing import Any

from f.millrace.agents import from_memory, researcher
from f.millrace.core import config, contracts, db, errors, redaction
from f.millrace.telemetry import events, spans
from f.millrace.trust import audit, decisions


def main(run_id: str, topic_id: str) -> dict:
    """Research one topic.

    Args:
        run_id: The run that chose the topic.
        topic_id: The topic, as select returns it.
    """
    with spans.step("research.investigate", run_id, topic_id=topic_id) as span:
        topic = db.one("SELECT * FROM topic WHERE id = %s AND run_id = %s", [topic_id, run_id])
        if topic is None:
            raise errors.NotFound(f"run {run_id} has no topic {topic_id!r}")
        stored = _stored(run_id, topic_id)
        if stored is None:
            events.emit("topic", f"Researching {topic['title']}", topic_id=topic_id, status="researching")
            _keep(run_id, _research(run_id, topic))
            stored = _stored(run_id, topic_id)
        assert stored is not None
        answer = _short(stored)
        # A title may be private; the topic is found by its id.
        span.set({f"millrace.{name}": value for name, value in answer.items() if name != "title"})
        events.emit("topic", _said(answer), status="researched", **answer)
        return answer


def _research(run_id: str, topic: dict[str, Any]) -> contracts.TopicResult:
    try:
        return researcher.research_topic(run_id, {**topic, "documents": from_memory.passages(topic["title"])})
    except errors.BudgetExceeded as error:
        # What is left of the digest is worth sending: the topic says that money ended it.
        events.emit("budget", str(error), topic_id=topic["id"], for_digest=True)
        return contracts.TopicResult(topic_id=topic["id"], title=topic["title"], stopped_because="budget")


def _keep(run_id: str, found: contracts.TopicResult) -> None:
    score, review = found.confidence.score, _review(found)
    values = redaction.redact(found.model_dump(mode="json"))
    with db.transaction():
        kept = db.execute(
            "INSERT INTO research_result (run_id, topic_id, title, summary, findings, conflicts, confidence, parts, no_sources, "
            "stopped_because, rounds, cost_usd, review) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (run_id, topic_id) DO NOTHING",
            [
                run_id,
                found.topic_id,
                values["title"],
                values["summary"],
                db.jsonb(values["findings"]),
                db.jsonb(values["conflicts"]),
                score,
                db.jsonb({name: part for name, part in values["confidence"].items() if name != "score"}),
                found.no_sources,
                values["stopped_because"],
                found.rounds,
                found.cost_usd,
                review,
            ],
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
    if decisions.escalates(score, found.escalated):
        return "open"
    return "logged" if score < config.settings().confidence_silent else "none"


def _stored(run_id: str, topic_id: str) -> dict[str, Any] | None:
    return db.one("SELECT * FROM research_result WHERE run_id = %s AND topic_id = %s", [run_id, topic_id])


def _short(row: dict[str, Any]) -> dict[str, Any]:
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


def _said(answer: dict[str, Any]) -> str:
    if answer["no_sources"]:
        return f"{answer['title']}: no sources found"
    return f"{answer['title']}: {answer['findings']} findings, confidence {answer['confidence']}"
