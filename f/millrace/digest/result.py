# requirements:

"""The result of a run: small for the flow's last step (ids, counts, titles), whole for people and
programs that ask.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, errors, money
from f.millrace.digest import archive, content_loader, findings, run_notices, run_plan
from f.millrace.evidence import confidence_words
from f.millrace.trust import spend

if TYPE_CHECKING:
    from f.millrace.core import rows

# What is said of a topic whose research failed.
NOTHING_FOUND: dict[str, Any] = {
    "summary": "",
    "confidence": 0,
    "confidence_parts": {},
    "confidence_words": "",
    "findings": [],
    "conflicts": [],
    "no_sources": False,
    "stopped_because": "the research step failed",
    "review": "none",
}


def whole_result(run_id: str) -> dict[str, Any]:
    """Return everything the run found and delivered, from its rows.

    A run that found its digest already made gives the result of the run that made it.
    """
    opened = _find_plan(run_id)
    if opened is None:
        return _empty()
    source = opened.same_as or run_id
    found = findings.load(source)
    return {
        "edition": opened.edition,
        "decision": opened.decision,
        "reason": opened.reason,
        "digests": [{**digest, "files": _files(opened, digest)} for digest in _digests(source)],
        "sources": _sources(source),
        "topics": [_topic(topic, found.evidence) for topic in found.told],
        "evidence": {name: _piece(piece) for name, piece in found.evidence.items()},
        "deliveries": _deliveries(opened, source),
        "tool_gaps": _gaps(source),
        "tool_changes": _tool_changes(source),
        "notices": run_notices.notices(source, found.topics),
        "written_by": run_notices.writers(found.topics),
    }


def small_result(run_id: str) -> dict[str, Any]:
    """Return ids, counts and short titles: what may stand in Windmill's results."""
    opened = _find_plan(run_id)
    if opened is None:
        return _empty()
    source = opened.same_as or run_id
    topics = findings.load(source).told
    return {
        "run_id": run_id,
        "edition": opened.edition,
        "decision": opened.decision,
        "reason": opened.reason,
        "same_as": opened.same_as or None,
        "digests": _digests(source),
        "sources": _sources(source),
        "topics": [_topic_summary(topic) for topic in topics],
        "deliveries": [
            {name: row[name] for name in ("recipient", "status")}
            for row in _deliveries(opened, source)
        ],
        "tool_gaps": len(_gaps(source)),
        "notices": run_notices.notices(source, topics),
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
    found = db.fetch_all(
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
        for row in found
    ]


def _files(opened: run_plan.RunPlan, digest: dict[str, Any]) -> list[str]:
    """Return the digest's page and text, and the mails that wait in the outbox."""
    found = db.fetch_all(
        "SELECT v.path, g.* FROM delivery v JOIN digest g ON g.id = v.digest_id WHERE v.digest_id ="
        " %s AND v.namespace = %s AND v.path <> '' ORDER BY v.recipient",
        [digest["digest_id"], opened.namespace],
    )
    page = [archive.file_of(row) for row in found[:1]]
    paths = [each.with_suffix(suffix) for each in page for suffix in (".html", ".txt")]
    paths += [Path(row["path"]) for row in found]
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
        for reading in content_loader.readings(run_id, names)
    ]


def _topic(topic: findings.Topic, evidence: dict[str, rows.Evidence]) -> dict[str, Any]:
    row, result = topic
    told = {"topic_id": row["id"], "title": row["title"]}
    about = {"reasons": row["reasons"], "update_of": row["update_of"]}
    if result is None:
        return {**told, **NOTHING_FOUND, **about, "rounds": 0, "cost_usd": money.number(0)}
    cited = [
        {**finding, "citations": [one for one in finding["citations"] if one in evidence]}
        for finding in result["findings"]
    ]
    return {
        **told,
        "summary": result["summary"],
        "confidence": result["confidence"],
        "confidence_parts": result["parts"],
        "confidence_words": confidence_words.describe(
            result["confidence"],
            result["parts"],
            _publishers(cited, evidence),
            bool(result["conflicts"]),
        ),
        "findings": [finding for finding in cited if finding["citations"]],
        "conflicts": result["conflicts"],
        "no_sources": result["no_sources"],
        "stopped_because": result["stopped_because"],
        "review": result["review"],
        **about,
        "rounds": result["rounds"],
        "cost_usd": money.number(result["cost_usd"]),
    }


def _publishers(found: list[dict[str, Any]], evidence: dict[str, rows.Evidence]) -> int:
    cited = {one for finding in found for one in finding["citations"]}
    return len({evidence[one]["source"] or evidence[one]["url"] for one in cited})


def _topic_summary(topic: findings.Topic) -> dict[str, Any]:
    row, result = topic
    return {
        "topic_id": row["id"],
        "title": row["title"],
        "confidence": result["confidence"] if result else 0,
        "findings": len(result["findings"]) if result else 0,
        "conflicts": len(result["conflicts"]) if result else 0,
        "no_sources": bool(result and result["no_sources"]),
    }


def _piece(piece: rows.Evidence) -> dict[str, Any]:
    return {
        "url": piece["url"],
        "title": piece["title"],
        "published_at": _iso(piece["published_at"]),
        "source": piece["source"],
        "trust": piece["trust"],
        "topic_id": piece["topic_id"],
    }


def deliveries(run_id: str) -> list[dict[str, Any]]:
    """Return the run's mails: recipient, status, message_id, path, error, number."""
    return _deliveries(run_plan.load(run_id), run_id)


def _deliveries(opened: run_plan.RunPlan, run_id: str) -> list[dict[str, Any]]:
    found = db.fetch_all(
        "SELECT recipient, status, message_id, path, error, number FROM delivery WHERE run_id = %s"
        " AND namespace = %s ORDER BY recipient",
        [run_id, opened.namespace if not opened.same_as else opened.lasting],
    )
    return [{**row, "path": row["path"] or None} for row in found]


def _gaps(run_id: str) -> list[dict[str, Any]]:
    return [
        row["report"]
        for row in db.fetch_all(
            "SELECT report FROM tool_gap WHERE %s::uuid = ANY(run_ids) ORDER BY id", [run_id]
        )
    ]


def _tool_changes(run_id: str) -> list[str]:
    """Return what changed of the tools since the run before, as their listing told it."""
    found = db.fetch_all(
        "SELECT message FROM run_event WHERE run_id = %s AND event = 'tool' AND metadata ?"
        " 'changed' ORDER BY id",
        [run_id],
    )
    return [row["message"] for row in found]


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
