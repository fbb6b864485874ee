# requirements:

"""The result of a run: small for the flow's last step (ids, counts, titles), whole for people and
programs that ask.
"""

from pathlib import Path
from typing import Any

from f.millrace.core import db, errors, money
from f.millrace.research import contents, run_plan
from f.millrace.trust import spend

# Written beside a mail in the outbox.
SUFFIXES = (".html", ".txt", ".eml")


def whole_result(run_id: str) -> dict[str, Any]:
    """Return everything the run found and delivered, from its rows.

    A run that found its digest already made gives the result of the run that made it.
    """
    opened = _find_plan(run_id)
    if opened is None:
        return _empty()
    source = opened.same_as or run_id
    evidence = _evidence(source)
    return {
        "edition": opened.edition,
        "decision": opened.decision,
        "reason": opened.reason,
        "digests": [{**digest, "files": _files(opened, digest)} for digest in _digests(source)],
        "sources": _sources(source),
        "topics": [_topic(row, evidence) for row in _topics(source)],
        "evidence": evidence,
        "deliveries": _deliveries(opened, source),
        "tool_gaps": _gaps(source),
        "tool_changes": _tool_changes(source),
    }


def small_result(run_id: str) -> dict[str, Any]:
    """Return ids, counts and short titles: what may stand in Windmill's results."""
    opened = _find_plan(run_id)
    if opened is None:
        return _empty()
    source = opened.same_as or run_id
    return {
        "run_id": run_id,
        "edition": opened.edition,
        "decision": opened.decision,
        "reason": opened.reason,
        "same_as": opened.same_as or None,
        "digests": _digests(source),
        "sources": _sources(source),
        "topics": [_topic_summary(row) for row in _topics(source)],
        "deliveries": [
            {name: row[name] for name in ("recipient", "status")}
            for row in _deliveries(opened, source)
        ],
        "tool_gaps": len(_gaps(source)),
        "cost_usd": spend.run_cost_usd(source),
    }


def _find_plan(run_id: str) -> run_plan.RunPlan | None:
    try:
        return run_plan.load(run_id)
    except errors.NotFound:
        return None


def _empty() -> dict[str, Any]:
    lists: dict[str, Any] = {
        name: []
        for name in ("digests", "sources", "topics", "deliveries", "tool_gaps", "tool_changes")
    }
    return {"edition": "", **lists, "evidence": {}}


def _digests(run_id: str) -> list[dict[str, Any]]:
    rows = db.fetch_all(
        "SELECT id, window_since, window_until, recipients FROM digest WHERE run_id = %s ORDER BY"
        " window_since NULLS FIRST",
        [run_id],
    )
    return [
        {
            "digest_id": str(row["id"]),
            "window": {"since": _iso(row["window_since"]), "until": _iso(row["window_until"])},
            "recipients": row["recipients"],
        }
        for row in rows
    ]


def _files(opened: run_plan.RunPlan, digest: dict[str, Any]) -> list[str]:
    rows = db.fetch_all(
        "SELECT path FROM delivery WHERE digest_id = %s AND namespace = %s AND path <> '' ORDER BY"
        " recipient",
        [digest["digest_id"], opened.namespace],
    )
    paths = [Path(row["path"]).with_suffix(suffix) for row in rows for suffix in SUFFIXES]
    return [str(path) for path in paths if path.is_file()]


def _sources(run_id: str) -> list[dict[str, Any]]:
    opened = _find_plan(run_id)
    names = opened.sources if opened and not opened.skip else []
    return [
        {
            "name": reading.name,
            "status": reading.status,
            "items": reading.items,
            "error": reading.error or None,
        }
        for reading in contents.readings(run_id, names)
    ]


def _topics(run_id: str) -> list[dict[str, Any]]:
    return db.fetch_all(
        "SELECT t.id AS topic_id, t.title, t.reasons, t.update_of, r.summary, r.findings,"
        " r.conflicts, r.confidence, r.parts, r.no_sources, r.stopped_because, r.rounds,"
        " r.cost_usd, r.review, (r.run_id IS NOT NULL) AS researched FROM topic t LEFT JOIN"
        " research_result r ON r.run_id = t.run_id AND r.topic_id = t.id WHERE t.run_id = %s ORDER"
        " BY t.rank",
        [run_id],
    )


def _topic(row: dict[str, Any], evidence: dict[str, Any]) -> dict[str, Any]:
    findings = [
        {**finding, "citations": [one for one in finding["citations"] if one in evidence]}
        for finding in row["findings"] or []
    ]
    return {
        "topic_id": row["topic_id"],
        "title": row["title"],
        "summary": row["summary"] or "",
        "confidence": row["confidence"] or 0,
        "confidence_parts": row["parts"] or {},
        "findings": [finding for finding in findings if finding["citations"]],
        "conflicts": row["conflicts"] or [],
        "no_sources": bool(row["no_sources"]),
        "stopped_because": (
            row["stopped_because"] or ("" if row["researched"] else "the research step failed")
        ),
        "review": row["review"] or "none",
        "reasons": row["reasons"],
        "update_of": row["update_of"],
        "rounds": row["rounds"] or 0,
        "cost_usd": money.number(row["cost_usd"] or 0),
    }


def _topic_summary(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "topic_id": row["topic_id"],
        "title": row["title"],
        "confidence": row["confidence"] or 0,
        "findings": len(row["findings"] or []),
        "conflicts": len(row["conflicts"] or []),
        "no_sources": bool(row["no_sources"]),
    }


def _evidence(run_id: str) -> dict[str, Any]:
    rows = db.fetch_all(
        "SELECT id, url, title, published_at, source, trust, topic_id FROM evidence WHERE run_id ="
        " %s ORDER BY created_at, id",
        [run_id],
    )
    return {
        row["id"]: {
            **{name: row[name] for name in row if name != "id"},
            "published_at": _iso(row["published_at"]),
        }
        for row in rows
    }


def _deliveries(opened: run_plan.RunPlan, run_id: str) -> list[dict[str, Any]]:
    rows = db.fetch_all(
        "SELECT recipient, status, message_id, path, error, number FROM delivery WHERE run_id = %s"
        " AND namespace = %s ORDER BY recipient",
        [run_id, opened.namespace if not opened.same_as else opened.lasting],
    )
    return [{**row, "path": row["path"] or None} for row in rows]


def _gaps(run_id: str) -> list[dict[str, Any]]:
    return [
        row["report"]
        for row in db.fetch_all(
            "SELECT report FROM tool_gap WHERE %s::uuid = ANY(run_ids) ORDER BY id", [run_id]
        )
    ]


def _tool_changes(run_id: str) -> list[str]:
    """Return what changed of the tools since the run before, as their listing told it."""
    rows = db.fetch_all(
        "SELECT message FROM run_event WHERE run_id = %s AND event = 'tool' AND metadata ?"
        " 'changed' ORDER BY id",
        [run_id],
    )
    return [row["message"] for row in rows]


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
