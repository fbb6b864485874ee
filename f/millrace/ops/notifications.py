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
from f.millrace.telemetry import alerts
from f.millrace.trust import questions, subscriptions, webhooks

if TYPE_CHECKING:
    from f.millrace.core import rows

SECONDS = 10.0
MOST_BYTES = 65_536
# How long one call goes on before it leaves the rest to the next.
TURN_SECONDS = 60.0
# Whose address answers so wants no more: 410 Gone.
GONE = "HTTP 410"
LONGEST = 500
HOST = "millrace.local"
ALERT = "NotificationGivenUp"
# Why something is not mailed that nobody misses.
NOT_WANTED = ("mail is not chosen any more", "what it was about is not there any more")


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
        row = subscriptions.claim_message()
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
        return subscriptions.close(row, "failed", "the webhook is switched off")
    message = describe(row)
    if message is None:
        return subscriptions.close(row, "failed", "what it was about is not there any more")
    fault = send(hook, str(row["id"]), message)
    if not fault:
        return subscriptions.close(row, "sent", "")
    if GONE in fault:
        webhooks.switch_off(hook, "its address answered 410 Gone")
        return subscriptions.close(row, "failed", fault)
    if subscriptions.is_last_try(row):
        webhooks.switch_off(hook, f"after {row['tries']} tries: {fault}"[:LONGEST])
        return subscriptions.close(row, "failed", fault)
    return subscriptions.close(row, "waiting", fault)


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
    by_person: dict[str, list[rows.Notification]] = {}
    for row in sorted(subscriptions.claim_mails(), key=lambda row: row["happened_at"]):
        by_person.setdefault(row["person_id"], []).append(row)
    states: list[str] = []
    for person, told in by_person.items():
        state, fault = _mail(person, told)
        states += [subscriptions.close(row, state, fault) for row in told]
        _raise_alert(person, len(told), state, fault)
    return states


def _raise_alert(person: str, count: int, state: str, fault: str) -> None:
    """Raise an alert about mails that are given up; it ends when one is taken."""
    labels = {"person": person}
    if state == "sent":
        alerts.resolve(ALERT, labels)
    elif state == "failed" and fault not in NOT_WANTED:
        said = f"{count} things that {person} wanted to be told by mail are given up: {fault}"
        alerts.raise_alert(ALERT, "warning", "run", said, labels)


def _mail(person: str, told: list[rows.Notification]) -> tuple[str, str]:
    """Send one mail and return the state of its notifications, and the fault."""
    if not any(way == "mail" for _, way in subscriptions.list_chosen(person)):
        return "failed", NOT_WANTED[0]
    messages = [message for row in told if (message := describe(row))]
    if not messages:
        return "failed", NOT_WANTED[1]
    subject, text = _compose(messages)
    try:
        done = _perform(person, subject, text, told)
    except errors.MillraceError as error:
        state = "failed" if subscriptions.is_last_try(told[0]) else "waiting"
        return state, str(error)[:LONGEST]
    if done["state"] == "performed":
        return "sent", ""
    outcome = done["outcome"] or {}
    fault = str(outcome.get("error") or f"the mail is {done['state']}")[:LONGEST]
    # What the server refuses for now, or nobody could reach, is tried again; a wrong address is
    # not, nor what may have been sent.
    again = outcome.get("temporary") and not subscriptions.is_last_try(told[0])
    return ("waiting" if again else "failed"), fault


def _compose(messages: list[dict[str, Any]]) -> tuple[str, str]:
    words = [" ".join(str(message["data"]["words"]).split()) for message in messages]
    many = f"{len(words)} things happened, first: {words[0]}"
    paths = [message["data"]["path"] for message in messages]
    base = config.settings().console_url.strip().rstrip("/")
    lines = [f"* {said}\n  {base}{path}" for said, path in zip(words, paths, strict=True)]
    text = "\n".join([*lines, "", "On the console, page People, you choose what is sent here."])
    return (words[0] if len(words) == 1 else many)[:200], text


def _perform(person: str, subject: str, text: str, told: list[rows.Notification]) -> rows.Action:
    from f.millrace.tools import mail
    from f.millrace.trust import actions, risk

    key = f"tell:{ids.digest_of(sorted(str(row['id']) for row in told))[:32]}"
    name = f"{key.replace(':', '-')}@{HOST}"
    arguments = {"to": person, "subject": subject, "text": text, "message_id": name}
    row = actions.propose(risk.TO_PERSON, arguments, key, reason="a person chose to be told")
    return actions.perform(
        key, row["arguments"], lambda: mail.send(person, subject, text, "", name).to_json()
    )
