"""A run as its page and the conversation show it: from its rows, whoever ran it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from f.millrace.assist import close
from f.millrace.core import db, errors
from f.millrace.evidence import confidence_words
from f.millrace.trust import spend
from scripts.console import sign_ins

if TYPE_CHECKING:
    from f.millrace.core import rows

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OPEN = ("running", "waiting")
# Events that are no line of their own: words that the answer holds anyway.
UNSHOWN = ("token", "sentence")
MOST_LINES = 200
LINES = """
SELECT id, event, message, step, at FROM run_event
WHERE run_id = %s AND event <> ALL(%s) AND message <> '' ORDER BY id LIMIT %s
"""
NEW_EVENTS = """
SELECT e.id, e.event, e.message, e.step, e.at, r.started_at AS began
FROM run_event e JOIN run r ON r.id = e.run_id
WHERE e.run_id = %s AND e.id > %s AND e.message <> '' ORDER BY e.id LIMIT %s
"""
USED = f"""
SELECT agent, model, count(*) AS calls, sum({spend.COST})::float AS usd,
    coalesce(sum((tokens ->> 'input')::bigint), 0)::bigint AS input,
    coalesce(sum((tokens ->> 'output')::bigint), 0)::bigint AS output
FROM usage WHERE run_id = %s AND state <> 'released' GROUP BY 1, 2 ORDER BY 4 DESC, 1
"""
TOOLS = """
SELECT substr(name, 14) AS name, count(*) AS calls,
    count(*) FILTER (WHERE status IN ('error', 'killed')
        OR attributes ->> 'tool.success' = 'false') AS failed,
    count(*) FILTER (WHERE status = 'pending') AS running,
    sum(extract(epoch FROM coalesce(finished_at, seen_at) - started_at))::float AS seconds
FROM span WHERE run_id = %s AND name LIKE 'execute_tool %%' GROUP BY 1 ORDER BY min(started_at)
"""


class Source(NamedTuple):
    """What a number in an answer stands for."""

    number: int
    id: str
    title: str
    url: str
    source: str
    published_at: datetime | None


class Answer(NamedTuple):
    """One topic of a run: its sentences with the numbers of their sources."""

    topic_id: str
    title: str
    sentences: list[tuple[str, list[int]]]
    disputes: list[dict[str, Any]]
    sources: list[Source]
    confidence: str
    written_by: list[str]


def say_asked(args: dict[str, Any], default: str = "") -> str:
    """Return what a run was asked, in the words of who asked; of files, their names."""
    given = (args.get(name) for name in ("user_message", "task", "subject"))
    found = next((str(one) for one in given if one), "")
    paths = args.get("paths") or []
    return found or ", ".join(PurePath(str(path)).name for path in paths) or default


def find(run_id: str, person: sign_ins.Person) -> rows.Run:
    """Return a run that this person may see: their own, and for owners all; NotFound for any
    other.
    """
    row: rows.Run | None = (
        db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id]) if ID.fullmatch(run_id) else None
    )
    if row is None or not (row["user_id"] == person.id or person.has_role("owner")):
        raise errors.NotFound("there is no such run; the page Runs lists those that you may see")
    return row


def load_answers(run: rows.Run) -> list[Answer]:
    """Return what a run found out, topic by topic: as research stored it, or as a conversation was
    answered.
    """
    run_id = str(run["id"])
    kept = ((run["pipeline"] or {}).get("answer") or {}).get(close.DETAILS)
    if kept:
        return [_answer(run_id, kept, kept["confidence"].get("score"), kept["confidence"])]
    results: list[rows.ResearchResult] = db.fetch_all(
        "SELECT r.* FROM research_result r LEFT JOIN topic t ON t.run_id = r.run_id AND t.id ="
        " r.topic_id WHERE r.run_id = %s ORDER BY t.rank NULLS LAST, r.created_at",
        [run_id],
    )
    return [_answer(run_id, row, row["confidence"], row["parts"]) for row in results]


def _answer(run_id: str, row: Any, confidence: int | None, parts: dict[str, Any]) -> Answer:
    numbers: dict[str, int] = {}

    def mark(ids: list[str]) -> list[int]:
        return [numbers.setdefault(one, len(numbers) + 1) for one in ids]

    sentences = [
        (_with_subject(found), mark(found.get("citations") or [])) for found in row["findings"]
    ]
    disputes = [_dispute(conflict, mark) for conflict in row["conflicts"]]
    sources = _load_sources(run_id, numbers)
    publishers = {source.source or source.url for source in sources}
    found = len(publishers) if sentences else 0
    return Answer(
        row["topic_id"],
        row["title"],
        sentences,
        disputes,
        sources,
        # Of an agent's answer nobody has judged how far it can be relied on.
        ""
        if confidence is None
        else confidence_words.describe(confidence, parts, found, disputed=bool(disputes)),
        list(row["written_by"] or []),
    )


def _dispute(conflict: dict[str, Any], mark: Callable[[list[str]], list[int]]) -> dict[str, Any]:
    """Return both sides of a conflict, the trusted one first."""
    sides = [
        {
            "claim": side["claim"],
            "dates": side.get("dates") or [],
            "sources": side.get("sources") or [],
            "marks": mark(side.get("evidence") or []),
            "trusted": place == conflict.get("trusted"),
        }
        for place, side in enumerate(conflict["sides"])
    ]
    sides.sort(key=lambda side: not side["trusted"])
    return {"question": conflict["question"], "why": conflict.get("why") or "", "sides": sides}


def _with_subject(found: dict[str, Any]) -> str:
    about, text = found.get("about") or "", str(found["text"])
    return f"{about}: {text}" if about and about not in text else text


def _load_sources(run_id: str, numbers: dict[str, int]) -> list[Source]:
    found: list[rows.Evidence] = db.fetch_all(
        "SELECT * FROM evidence WHERE run_id = %s AND id = ANY(%s)", [run_id, list(numbers)]
    )
    known = {row["id"]: row for row in found}
    return [
        Source(
            number,
            one,
            known[one]["title"],
            known[one]["url"],
            known[one]["source"],
            known[one]["published_at"],
        )
        for one, number in numbers.items()
        if one in known
    ]


def load_draft(run_id: str) -> list[str]:
    """Return the sentences of an answer that is being written."""
    found = db.fetch_all(
        "SELECT message FROM run_event WHERE run_id = %s AND event = 'sentence' AND message <> ''"
        " ORDER BY id LIMIT %s",
        [run_id, MOST_LINES],
    )
    return [row["message"] for row in found]


def load_lines(run_id: str) -> list[dict[str, Any]]:
    """Return what a run said that it does, as lines, the oldest first."""
    return db.fetch_all(LINES, [run_id, list(UNSHOWN), MOST_LINES])


def load_new_events(run_id: str, after: int) -> list[dict[str, Any]]:
    """Return what came after an event, the words of the answer among it, with the run's start."""
    return db.fetch_all(NEW_EVENTS, [run_id, after, MOST_LINES])


def load_facts(row: rows.Run) -> dict[str, Any]:
    """Return what a run has used: time, money, tokens, agents, tools."""
    run_id = str(row["id"])
    used = db.fetch_all(USED, [run_id])
    tools = db.fetch_all(TOOLS, [run_id])
    read = db.fetch_one("SELECT count(*) AS n FROM evidence WHERE run_id = %s", [run_id])
    limit = (row["pipeline"] or {}).get("budget") or {}
    times = db.fetch_one(
        "SELECT extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at"
        " - run_waited(run))::float AS seconds FROM run WHERE id = %s",
        [run_id],
    )
    usd = sum(one["usd"] for one in used)
    return {
        "seconds": times["seconds"] if times else 0.0,
        "usd": usd,
        "limit_usd": float(limit["run_usd"]) if limit.get("run_usd") else None,
        "tokens": sum(one["input"] + one["output"] for one in used),
        "agents": used,
        "tools": tools,
        "passages": read["n"] if read else 0,
        "attempts": len(db.fetch_all("SELECT 1 FROM attempt WHERE run_id = %s", [run_id])),
    }
