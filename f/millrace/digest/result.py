# requirements:

"""The whole result of a run, for people and programs that ask; `run_summary` is the small one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, money
from f.millrace.digest import archive, findings, run_notices, run_plan, run_summary
from f.millrace.evidence import confidence_words

if TYPE_CHECKING:
    from f.millrace.core import rows

    class DeliveredDigest(rows.Digest):
        """A digest, and the file of a mail that holds it."""

        path: str


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
    opened = run_summary.find_plan(run_id)
    if opened is None:
        return run_summary.empty()
    source = opened.same_as or run_id
    found = findings.load(source)
    return {
        "edition": opened.edition,
        "decision": opened.decision,
        "reason": opened.reason,
        "digests": [
            {**digest, "files": _files(opened, digest)} for digest in run_summary.digests(source)
        ],
        "sources": run_summary.sources(source),
        "topics": [_topic(topic, found.evidence) for topic in found.shown_topics],
        "evidence": {name: _piece(piece) for name, piece in found.evidence.items()},
        "deliveries": run_summary.deliveries_of(opened, source),
        "tool_gaps": run_summary.gaps(source),
        "tool_changes": _tool_changes(source),
        "notices": run_notices.notices(source, found.topics),
        "written_by": run_notices.writers(found.topics),
    }


def _files(opened: run_plan.RunPlan, digest: run_summary.ListedDigest) -> list[str]:
    """Return the digest's page and text, and the mails that wait in the outbox."""
    found: list[DeliveredDigest] = db.fetch_all(
        "SELECT v.path, g.* FROM delivery v JOIN digest g ON g.id = v.digest_id WHERE v.digest_id ="
        " %s AND v.namespace = %s AND v.path <> '' ORDER BY v.recipient",
        [digest["digest_id"], opened.namespace],
    )
    page = [archive.file_of(row) for row in found[:1]]
    paths = [each.with_suffix(suffix) for each in page for suffix in (".html", ".txt")]
    paths += [Path(row["path"]) for row in found]
    return [str(path) for path in paths if path.is_file()]


def _topic(topic: findings.Topic, evidence: dict[str, rows.Evidence]) -> dict[str, Any]:
    row, result = topic
    told = {"topic_id": row["id"], "title": row["title"]}
    about = {"reasons": row["reasons"], "update_of": row["update_of"]}
    if result is None:
        return {**told, **NOTHING_FOUND, **about, "rounds": 0, "cost_usd": money.number(0)}
    stored: list[findings.StoredFinding] = result["findings"]
    cited: list[findings.StoredFinding] = [
        {**finding, "citations": [one for one in finding["citations"] if one in evidence]}
        for finding in stored
    ]
    return {
        **told,
        "summary": result["summary"],
        "confidence": result["confidence"],
        "confidence_parts": result["parts"],
        "confidence_words": confidence_words.describe_news(
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


def _publishers(found: list[findings.StoredFinding], evidence: dict[str, rows.Evidence]) -> int:
    cited = {one for finding in found for one in finding["citations"]}
    return len({evidence[one]["source"] or evidence[one]["url"] for one in cited})


def _piece(piece: rows.Evidence) -> dict[str, Any]:
    return {
        "url": piece["url"],
        "title": piece["title"],
        "published_at": run_summary.iso(piece["published_at"]),
        "source": piece["source"],
        "trust": piece["trust"],
        "topic_id": piece["topic_id"],
    }


def _tool_changes(run_id: str) -> list[str]:
    """Return what changed of the tools since the run before, as their listing told it."""
    found = db.fetch_all(
        "SELECT message FROM run_event WHERE run_id = %s AND event = 'tool' AND metadata ?"
        " 'changed' ORDER BY id",
        [run_id],
    )
    return [row["message"] for row in found]
