# requirements:

"""The small result of a run, for its flow's last step: ids, counts and short titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db, errors
from f.millrace.digest import findings, run_notices, run_plan
from f.millrace.trust import spend

if TYPE_CHECKING:
    from datetime import datetime

    from f.millrace.core import rows

    class ListedWindow(TypedDict):
        """From when to when a digest tells."""

        since: str | None
        until: str | None

    class ListedDigest(TypedDict):
        """A digest of a run."""

        digest_id: str
        window: ListedWindow
        recipients: list[str]

    class ReadingSummary(TypedDict):
        """How reading a source went."""

        name: str
        status: str
        items: int
        fresh: int
        error: str

    class ListedSource(TypedDict):
        """A source of a run; `error` is None where there was none."""

        name: str
        status: str
        items: int
        error: str | None

    class ListedTopic(TypedDict):
        """A topic in short."""

        topic_id: str
        title: str
        confidence: int
        findings: int
        conflicts: int
        no_sources: bool

    class ListedDelivery(TypedDict):
        """A mail of a run."""

        recipient: str
        status: str
        message_id: str
        path: str | None
        error: str | None
        number: int


def small_result(run_id: str) -> dict[str, Any]:
    """Return ids, counts and short titles: what may stand in Windmill's results."""
    opened = find_plan(run_id)
    if opened is None:
        return empty()
    source = opened.same_as or run_id
    topics = findings.load(source).shown_topics
    return {
        "run_id": run_id,
        "edition": opened.edition,
        "decision": opened.decision,
        "reason": opened.reason,
        "same_as": opened.same_as or None,
        "digests": digests(source),
        "sources": sources(source),
        "topics": [_topic_summary(topic) for topic in topics],
        "deliveries": [
            {name: row[name] for name in ("recipient", "status")}
            for row in deliveries_of(opened, source)
        ],
        "tool_gaps": len(gaps(source)),
        "notices": run_notices.notices(source, topics),
        "cost_usd": spend.run_cost_usd(source),
    }


def find_plan(run_id: str) -> run_plan.RunPlan | None:
    """Return the run's plan; None when it was not opened."""
    try:
        return run_plan.load(run_id)
    except errors.NotFound:
        return None


def empty() -> dict[str, Any]:
    """Return the result of a run that was not opened."""
    lists: dict[str, Any] = {
        name: []
        for name in ("digests", "sources", "topics", "deliveries", "tool_gaps", "tool_changes")
    }
    return {"edition": "", **lists, "evidence": {}}


def digests(run_id: str) -> list[ListedDigest]:
    """Return the run's digests: digest_id, window (since, until), recipients."""
    found = db.fetch_all(
        "SELECT id, window_since, window_until, recipients FROM digest WHERE run_id = %s ORDER BY"
        " window_since NULLS FIRST",
        [run_id],
    )
    return [
        {
            "digest_id": str(row["id"]),
            "window": {"since": iso(row["window_since"]), "until": iso(row["window_until"])},
            "recipients": row["recipients"],
        }
        for row in found
    ]


def readings(run_id: str, names: list[str]) -> list[ReadingSummary]:
    """Return how each source went: name, status, items, fresh, error; one whose step died without a
    word counts as failed.
    """
    found: list[ReadingSummary] = db.fetch_all(
        "SELECT source AS name, status, items, fresh, error FROM source_reading WHERE run_id = %s",
        [run_id],
    )
    by_name = {row["name"]: row for row in found}
    return [by_name.get(name) or _dead_reading(name) for name in names]


def _dead_reading(name: str) -> ReadingSummary:
    return {
        "name": name,
        "status": "failed",
        "items": 0,
        "fresh": 0,
        "error": "its step ended without a result",
    }


def sources(run_id: str) -> list[ListedSource]:
    """Return the run's sources, once it read them: name, status, items, error."""
    opened = find_plan(run_id)
    names = opened.sources if opened and not opened.skip and _has_read(run_id) else []
    return [
        {
            "name": reading["name"],
            "status": reading["status"],
            "items": reading["items"],
            "error": reading["error"] or None,
        }
        for reading in readings(run_id, names)
    ]


def _has_read(run_id: str) -> bool:
    """Return whether a run came as far as reading its sources."""
    found = db.fetch_one(
        "SELECT 1 FROM source_reading WHERE run_id = %(run)s UNION ALL SELECT 1 FROM span WHERE"
        " run_id = %(run)s AND name = 'research.read_source' LIMIT 1",
        {"run": run_id},
    )
    return found is not None


def _topic_summary(topic: findings.Topic) -> ListedTopic:
    row, result = topic
    return {
        "topic_id": row["id"],
        "title": row["title"],
        "confidence": result["confidence"] if result else 0,
        "findings": len(result["findings"]) if result else 0,
        "conflicts": len(result["conflicts"]) if result else 0,
        "no_sources": bool(result and result["no_sources"]),
    }


def deliveries(run_id: str) -> list[ListedDelivery]:
    """Return the run's mails: recipient, status, message_id, path, error, number."""
    return deliveries_of(run_plan.load(run_id), run_id)


def deliveries_of(opened: run_plan.RunPlan, run_id: str) -> list[ListedDelivery]:
    """Return the mails of a run, as the run of this plan tells them."""
    found: list[ListedDelivery] = db.fetch_all(
        "SELECT recipient, status, message_id, path, error, number FROM delivery WHERE run_id = %s"
        " AND namespace = %s ORDER BY recipient",
        [run_id, opened.namespace if not opened.same_as else opened.lasting],
    )
    return [{**row, "path": row["path"] or None} for row in found]


def gaps(run_id: str) -> list[rows.Json]:
    """Return the reports of tools that the run missed."""
    return [
        row["report"]
        for row in db.fetch_all(
            "SELECT report FROM tool_gap WHERE %s::uuid = ANY(run_ids) ORDER BY id", [run_id]
        )
    ]


def iso(moment: datetime | None) -> str | None:
    """Return a time as JSON has it."""
    return moment.isoformat() if moment else None
