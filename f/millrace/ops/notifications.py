# requirements:

"""What people are told where they chose it: signed messages to their webhooks, and mails.

A row is tried by whoever finds it due: the console when it is written, the runner at the end of a
run, and ops/recover_runs every ten minutes. A message may come twice; its id is then the same.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from f.millrace.core import config, db, errors, ids, redaction, run_context
from f.millrace.trust import questions, webhooks

if TYPE_CHECKING:
    from f.millrace.core import rows

# Seconds before the next try, as Standard Webhooks proposes: at once, then until three days after.
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
SECONDS = 10.0
MOST_BYTES = 65_536
# How long one call goes on before it leaves the rest to the next.
TURN_SECONDS = 60.0
# Whose address answers so wants no more: 410 Gone.
GONE = "HTTP 410"
LONGEST = 500
HOST = "millrace.local"
CLAIM = """
UPDATE notification n SET tries = tries + 1,
    due_at = clock_timestamp()
        + make_interval(secs => (%(waits)s::int[])[least(tries + 1, %(most)s)])
WHERE id = (
    SELECT id FROM notification WHERE state = 'waiting' AND way = 'webhook'
        AND due_at <= clock_timestamp() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
CLAIM_MAILS = """
UPDATE notification SET tries = tries + 1, due_at = clock_timestamp() + interval '10 minutes'
WHERE id IN (
    SELECT id FROM notification WHERE state = 'waiting' AND way = 'mail'
        AND due_at <= clock_timestamp() ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED)
RETURNING *
"""


class Delivered(NamedTuple):
    """How many messages were taken, are tried again later, and are given up."""

    sent: int = 0
    later: int = 0
    failed: int = 0

    def plus(self, state: str) -> Delivered:
        """Return the counts with one more of a state."""
        name = {"sent": "sent", "waiting": "later"}.get(state, "failed")
        return self._replace(**{name: getattr(self, name) + 1})


def deliver_due(seconds: float = TURN_SECONDS) -> Delivered:
    """Try what is due now, begin nothing after so many seconds, and return what became of it."""
    counts, until = Delivered(), time.monotonic() + seconds
    for state in _send_mails():
        counts = counts.plus(state)
    while time.monotonic() < until:
        row: rows.Notification | None = db.fetch_one(
            CLAIM, {"waits": list(WAITS), "most": len(WAITS)}
        )
        if row is None:
            break
        counts = counts.plus(_try_webhook(row))
    return counts


def _try_webhook(row: rows.Notification) -> str:
    """Send one message and return the state of its row."""
    hook: rows.Webhook | None = db.fetch_one(
        "SELECT * FROM webhook WHERE id = %s AND removed_at IS NULL", [row["webhook_id"]]
    )
    if hook is None or hook["switched_off_at"] is not None:
        return _close(row, "failed", "the webhook is switched off")
    message = describe(row)
    if message is None:
        return _close(row, "failed", "what it was about is not there any more")
    fault = send(hook, str(row["id"]), message)
    if not fault:
        return _close(row, "sent", "")
    if GONE in fault:
        webhooks.switch_off(hook, "its address answered 410 Gone")
        return _close(row, "failed", fault)
    if row["tries"] > len(WAITS):
        webhooks.switch_off(hook, f"after {row['tries']} tries: {fault}"[:LONGEST])
        return _close(row, "failed", fault)
    return _close(row, "waiting", fault)


def send(hook: rows.Webhook, message_id: str, message: dict[str, Any]) -> str:
    """Post a message, signed, and return what went wrong; empty when it was taken."""
    from f.millrace.tools import http

    body = json.dumps(message, ensure_ascii=False).encode()
    name, seconds = f"msg_{message_id}", int(datetime.now(UTC).timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(seconds),
        "webhook-signature": webhooks.sign(hook["secret"], name, seconds, body),
    }
    try:
        http.fetch(
            hook["url"],
            body=body,
            headers=headers,
            seconds=SECONDS,
            max_bytes=MOST_BYTES,
            allow_only=config.settings().webhook_allow,
        )
    except errors.FetchRefused as error:
        return str(error).replace("fetch_allow if it may be read", "webhook_allow")[:LONGEST]
    except errors.SourceFailed as error:
        return redaction.redact(str(error))[:LONGEST]
    return ""


def try_out(person_id: str, name: str) -> str:
    """Send a message that says nothing happened, and return what went wrong; empty when it was
    taken.
    """
    hook = webhooks.get(person_id, name)
    message = _message("webhook.test", run_context.now(), {"name": hook["name"]})
    return send(hook, str(uuid4()), message)


def _close(row: rows.Notification, state: str, error: str) -> str:
    db.execute(
        "UPDATE notification SET state = %s, error = %s, sent_at = CASE WHEN %s = 'sent' THEN"
        " clock_timestamp() END WHERE id = %s AND state = 'waiting'",
        [state, error, state, row["id"]],
    )
    return state


def describe(row: rows.Notification) -> dict[str, Any] | None:
    """Return what is told of a notification: its type, when it happened, and what its row says now;
    None when that is gone.
    """
    found = READERS[row["type"]](row["subject"])
    return _message(row["type"], row["happened_at"], found) if found else None


def _message(kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "timestamp": at.astimezone(UTC).isoformat(), "data": data}


def _run(subject: str) -> dict[str, Any] | None:
    row: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id::text = %s", [subject])
    if row is None:
        return None
    return {
        "id": subject,
        "flow": row["flow"],
        "status": row["status"],
        "started_at": _iso(row["started_at"]),
        "finished_at": _iso(row["finished_at"]),
        "error": (row["error"] or "")[:LONGEST],
        "path": f"/runs/{subject}",
        "words": f"{row['flow']} is {row['status'].replace('_', ' ')}",
    }


def _approval(subject: str) -> dict[str, Any] | None:
    row: rows.Action | None = db.fetch_one("SELECT * FROM action WHERE id::text = %s", [subject])
    if row is None:
        return None
    told = questions.describe(row)
    return {
        "id": subject,
        "run_id": str(row["run_id"] or ""),
        "tool": row["tool"],
        "risk": row["risk"],
        "state": row["state"],
        "expires_at": _iso(row["expires_at"]),
        "path": f"/waiting/{subject}",
        "words": redaction.redact(told.heading)[:LONGEST],
    }


def _alert(subject: str) -> dict[str, Any] | None:
    row: rows.Alert | None = db.fetch_one("SELECT * FROM alert WHERE id::text = %s", [subject])
    if row is None:
        return None
    return {
        "id": subject,
        "name": row["name"],
        "severity": row["severity"],
        "state": row["state"],
        "path": "/system",
        "words": f"{row['name']} ({row['severity']}): {row['summary']}"[:LONGEST],
    }


def _digest(subject: str) -> dict[str, Any] | None:
    row: rows.Digest | None = db.fetch_one("SELECT * FROM digest WHERE id::text = %s", [subject])
    if row is None:
        return None
    return {
        "id": subject,
        "day": row["local_day"].isoformat(),
        "number": row["number"],
        "path": f"/digests/{subject}",
        "words": redaction.redact(row["subject"])[:LONGEST],
    }


READERS = {
    "run.ended": _run,
    "approval.waits": _approval,
    "alert.raised": _alert,
    "digest.composed": _digest,
}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _send_mails() -> list[str]:
    """Mail each person what is due for them, in one mail, and return the states of the rows."""
    found: list[rows.Notification] = db.fetch_all(CLAIM_MAILS)
    by_person: dict[str, list[rows.Notification]] = {}
    for row in sorted(found, key=lambda row: row["happened_at"]):
        by_person.setdefault(row["person_id"], []).append(row)
    return [state for person, told in by_person.items() for state in _mail(person, told)]


def _mail(person: str, told: list[rows.Notification]) -> list[str]:
    from f.millrace.tools import mail
    from f.millrace.trust import actions, risk, subscriptions

    if not any(way == "mail" for _, way in subscriptions.list_chosen(person)):
        return [_close(row, "failed", "mail is not chosen any more") for row in told]
    messages = [message for row in told if (message := describe(row))]
    if not messages:
        return [_close(row, "failed", "what it was about is not there any more") for row in told]
    words = [" ".join(str(message["data"]["words"]).split()) for message in messages]
    subject = words[0] if len(words) == 1 else f"{len(words)} things happened, first: {words[0]}"
    lines = [
        f"* {said}\n  {one['data']['path']}" for said, one in zip(words, messages, strict=True)
    ]
    text = "\n".join([*lines, "", "On the console, page People, you choose what is sent here."])
    key = f"tell:{ids.digest_of(sorted(str(row['id']) for row in told))[:32]}"
    name = f"{key.replace(':', '-')}@{HOST}"
    arguments = {"to": person, "subject": subject[:200], "text": text, "message_id": name}
    try:
        row = actions.propose(risk.TO_PERSON, arguments, key, reason="a person chose to be told")
        done = actions.perform(
            key,
            row["arguments"],
            lambda: mail.send(person, subject[:200], text, "", name).to_json(),
        )
    except errors.MillraceError as error:
        last = told[0]["tries"] > len(WAITS)
        return [_close(one, "failed" if last else "waiting", str(error)[:LONGEST]) for one in told]
    is_sent = done["state"] == "performed"
    fault = "" if is_sent else f"the mail is {done['state']}"
    return [_close(one, "sent" if is_sent else "failed", fault) for one in told]
