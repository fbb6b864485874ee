# no_postinstall
# requirements: millrace_core

"""Remember the findings.

Topics, findings, conflicts and evidence become memories with links, so that tomorrow knows them.

scripts/millrace step research/remember run_id=RUN
"""

from typing import Any

from f.millrace.core import contracts, db, ids
from f.millrace.memory import links, store
from f.millrace.research import run_plan
from f.millrace.telemetry import spans


def main(run_id: str) -> dict:
    """Remember what was found.

    Args:
        run_id: The run whose topics were researched.
    """
    with spans.step("research.remember", run_id) as span:
        opened = run_plan.load(run_id)
        if opened.namespace.startswith("dry-"):
            return {"items": 0, "links": 0, "skipped": "a dry run leaves no memories"}
        rows = db.fetch_all(
            "SELECT t.id, t.title, t.update_of, t.reasons, r.summary, r.findings, r.conflicts,"
            " r.confidence FROM topic t JOIN research_result r ON r.run_id = t.run_id AND"
            " r.topic_id = t.id WHERE t.run_id = %s ORDER BY t.rank",
            [run_id],
        )
        counted = [_remember_topic(run_id, opened, row) for row in rows]
        answer = {
            "items": sum(items for items, _ in counted),
            "links": sum(links for _, links in counted),
        }
        span.set(answer)
        return answer


def _remember_topic(run_id: str, opened: run_plan.RunPlan, row: dict[str, Any]) -> tuple[int, int]:
    evidence = _evidence(run_id, row)
    known = {one["id"]: _remember_evidence(run_id, one) for one in evidence}
    # A summary stands on what the evidence says, and is as little to be trusted as the least of it.
    trust = _least(evidence)
    topic = store.remember(
        "topic",
        row["summary"] or row["title"],
        title=row["title"],
        source=opened.flow,
        trust=trust,
        metadata={
            "topic_id": row["id"],
            "day": opened.day.isoformat(),
            "confidence": row["confidence"],
        },
        run_id=run_id,
    )
    linked = 0
    for finding in row["findings"]:
        item = store.remember(
            "finding",
            finding["text"],
            title=row["title"],
            source=opened.flow,
            trust=trust,
            run_id=run_id,
            metadata={
                "topic_id": row["id"],
                "confidence": row["confidence"],
                "day": opened.day.isoformat(),
            },
        )
        linked += links.link(item, topic, "about")
        linked += sum(
            links.link(item, known[one], "supported_by")
            for one in finding["citations"]
            if one in known
        )
        # The summary stands on its findings: it falls with them when a source is withdrawn.
        linked += links.link(topic, item, "derived_from")
    for conflict in row["conflicts"]:
        linked += _remember_conflict(run_id, opened, conflict, topic, known, trust)
    linked += _link_to_earlier(topic, row["update_of"])
    return 1 + len(known) + len(row["findings"]) + len(row["conflicts"]), linked


def _remember_evidence(run_id: str, row: dict[str, Any]) -> str:
    return store.remember(
        "evidence",
        row["body"],
        title=row["title"],
        source=row["url"] or row["source"],
        trust=row["trust"],
        metadata={
            "evidence_id": row["id"],
            "tool": row["tool"],
            "published_at": _iso(row["published_at"]),
        },
        run_id=run_id,
        valid_from=row["published_at"],
    )


def _remember_conflict(
    run_id: str,
    opened: run_plan.RunPlan,
    conflict: dict[str, Any],
    topic: str,
    known: dict[str, str],
    trust: contracts.Trust,
) -> int:
    item = store.remember(
        "conflict",
        conflict["question"],
        title=conflict["question"],
        source=opened.flow,
        trust=trust,
        more={
            "sides": conflict["sides"],
            "trusted": conflict.get("trusted"),
            "why": conflict.get("why", ""),
        },
        metadata={"key": ids.digest_of(conflict)[:16]},
        run_id=run_id,
    )
    cited = [one for side in conflict["sides"] for one in side["evidence"] if one in known]
    return links.link(item, topic, "about") + sum(
        links.link(item, known[one], "derived_from") for one in dict.fromkeys(cited)
    )


def _link_to_earlier(topic: str, update_of: str | None) -> int:
    if not update_of:
        return 0
    earlier = db.fetch_one(
        "SELECT id FROM memory_item WHERE type = 'topic' AND metadata ->> 'topic_id' = %s ORDER BY"
        " created_at LIMIT 1",
        [update_of],
    )
    return (
        int(links.link(topic, earlier["id"], "update_of"))
        if earlier and earlier["id"] != topic
        else 0
    )


def _evidence(run_id: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the evidence that is cited; what was read and not used is not kept in memory."""
    cited = {one for finding in row["findings"] for one in finding["citations"]}
    cited |= {
        one
        for conflict in row["conflicts"]
        for side in conflict["sides"]
        for one in side["evidence"]
    }
    return db.fetch_all(
        "SELECT * FROM evidence WHERE run_id = %s AND id = ANY(%s) AND body <> '' ORDER BY id",
        [run_id, sorted(cited)],
    )


def _least(evidence: list[dict[str, Any]]) -> contracts.Trust:
    held = {one["trust"] for one in evidence}
    return (
        "untrusted"
        if "untrusted" in held or not held
        else "trusted"
        if "trusted" in held
        else "own"
    )


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
