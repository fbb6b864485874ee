"""Where agents of others are told what becomes of their tasks: the addresses that a task was given
are told its state whenever it changes, as A2A 1.0 says in 4.3.

What is told is the state alone. Private addresses are told nothing unless the setting webhook_allow
names them, as with webhooks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from f.millrace.core import config, db, errors, redaction, run_context
from f.millrace.tools import http
from f.millrace.trust import audit, webhooks

if TYPE_CHECKING:
    from f.millrace.core import rows

MOST = 10
LONGEST = 2_000
LONGEST_ID = 100
SECONDS = 10.0
MOST_BYTES = 65_536
# Seconds before the next try; then it is given up.
WAITS = (5, 60, 300, 1800, 7200)
KEPT_DAYS = 30
OVER = ("done", "partly_failed", "failed", "killed", "stopped", "cancelled", "timed_out")
CLAIM = """
UPDATE push_config p SET tries = p.tries + 1,
    due_at = clock_timestamp()
        + make_interval(secs => (%(waits)s::int[])[least(p.tries + 1, %(most)s)])
WHERE (p.run_id, p.id) = (
    SELECT c.run_id, c.id FROM push_config c JOIN run r ON r.id = c.run_id
    JOIN person o ON o.id = c.person_id AND o.removed_at IS NULL AND c.created_at >= o.created_at
    WHERE c.ended_at IS NULL AND c.told <> r.status AND c.due_at <= clock_timestamp()
    ORDER BY c.due_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
RETURNING p.*
"""


class PushRequest(NamedTuple):
    """What an agent of others wants to be told, and how it knows that it is us."""

    name: str
    url: str
    token: str
    scheme: str
    credentials: str


def read(given: Any) -> PushRequest:
    """Return a configuration as it was given; BadInput when it is none."""
    if not isinstance(given, dict):
        raise errors.BadInput("a push configuration has to be an object")
    sign = given.get("authentication") or {}
    if not isinstance(sign, dict):
        raise errors.BadInput("authentication has to be an object with scheme and credentials")
    return PushRequest(
        _read_text(given, "id", LONGEST_ID) or uuid4().hex,
        webhooks.parse_url(_read_text(given, "url")),
        _read_text(given, "token"),
        _read_text(sign, "scheme", LONGEST_ID),
        _read_text(sign, "credentials"),
    )


def add(run_id: str, person_id: str, push: PushRequest) -> dict[str, Any]:
    """Have an address told about a task, and return what is kept; one of the same id is replaced.
    BadInput when the task has ten.
    """
    if len([row for row in _load(run_id) if row["id"] != push.name]) >= MOST:
        raise errors.BadInput(f"the task has {MOST} push configurations, which is the most")
    db.execute(
        "INSERT INTO push_config (run_id, person_id, id, url, token, scheme, credentials) VALUES"
        " (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id, id) DO UPDATE SET url = excluded.url,"
        " token = excluded.token, scheme = excluded.scheme, credentials = excluded.credentials",
        [run_id, person_id, push.name, push.url, push.token, push.scheme, push.credentials],
    )
    audit.append(person_id, "push.added", push.name, run_id, host=webhooks.host_of(push.url))
    return get(run_id, push.name)


def get(run_id: str, name: str) -> dict[str, Any]:
    """Return one configuration, without its credentials; NotFound when the task has none such."""
    for row in _load(run_id):
        if row["id"] == name:
            return _describe(row)
    raise errors.NotFound(f"the task has no push configuration {name[:80]!r}")


def list_all(run_id: str) -> list[dict[str, Any]]:
    """Return the configurations of a task."""
    return [_describe(row) for row in _load(run_id)]


def drop(run_id: str, name: str, person_id: str) -> None:
    """Have an address told nothing any more; NotFound when the task has none such."""
    get(run_id, name)
    db.execute("DELETE FROM push_config WHERE run_id = %s AND id = %s", [run_id, name])
    audit.append(person_id, "push.removed", name, run_id)


def deliver_due(describe: Callable[[rows.Run], dict[str, Any]]) -> int:
    """Tell what is due, and return how many messages were tried; `describe` says how a task
    stands.
    """
    db.execute(
        "DELETE FROM push_config WHERE created_at < clock_timestamp() - make_interval(days => %s)",
        [KEPT_DAYS],
    )
    tried = 0
    while True:
        row: rows.PushConfig | None = db.fetch_one(
            CLAIM, {"waits": list(WAITS), "most": len(WAITS)}
        )
        if row is None:
            return tried
        run: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id = %s", [row["run_id"]])
        if run is not None:
            _close(row, run["status"], _send(row, describe(run)))
            tried += 1


def _send(row: rows.PushConfig, message: dict[str, Any]) -> str:
    """Post a message and return what went wrong; empty when it was taken."""
    headers = {"content-type": "application/a2a+json"}
    if row["token"]:
        headers["x-a2a-notification-token"] = row["token"]
    if row["scheme"]:
        headers["authorization"] = f"{row['scheme']} {row['credentials']}".strip()
    try:
        http.fetch(
            row["url"],
            body=json.dumps(message, ensure_ascii=False).encode(),
            headers=headers,
            seconds=SECONDS,
            max_bytes=MOST_BYTES,
            allow_only=config.settings().webhook_allow,
        )
    except errors.SourceFailed as error:
        return redaction.redact(str(error)).replace("fetch_allow", "webhook_allow")[:LONGEST]
    return ""


def _close(row: rows.PushConfig, status: str, fault: str) -> None:
    """Record what became of a try: told, to be tried again, or given up."""
    given_up = bool(fault) and row["tries"] > len(WAITS)
    is_over = given_up or (not fault and status in OVER)
    db.execute(
        "UPDATE push_config SET told = %s, tries = %s, error = %s, due_at = CASE WHEN %s THEN"
        " clock_timestamp() ELSE due_at END, ended_at = %s, credentials = CASE WHEN %s THEN ''"
        " ELSE credentials END WHERE run_id = %s AND id = %s",
        [
            row["told"] if fault else status,
            row["tries"] if fault else 0,
            fault,
            not fault,
            run_context.now() if is_over else None,
            is_over,
            row["run_id"],
            row["id"],
        ],
    )
    if given_up:
        audit.append("millrace", "push.given_up", row["id"], str(row["run_id"]), fault=fault[:200])


def _load(run_id: str) -> list[rows.PushConfig]:
    return db.fetch_all("SELECT * FROM push_config WHERE run_id = %s ORDER BY id", [run_id])


def _describe(row: rows.PushConfig) -> dict[str, Any]:
    found: dict[str, Any] = {"id": row["id"], "taskId": str(row["run_id"]), "url": row["url"]}
    found |= {"token": row["token"]} if row["token"] else {}
    return found | ({"authentication": {"scheme": row["scheme"]}} if row["scheme"] else {})


def _read_text(given: dict[str, Any], name: str, longest: int = LONGEST) -> str:
    """Return a text that may be a header of HTTP; BadInput when it is none."""
    found = given.get(name) or ""
    if not isinstance(found, str) or len(found) > longest or not found.isascii():
        raise errors.BadInput(f"{name} is a text of at most {longest} letters of ASCII")
    if not found.isprintable():
        raise errors.BadInput(f"{name} holds what cannot be printed")
    return found
