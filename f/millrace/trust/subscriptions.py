# requirements:

"""What each person is told of, and where: runs, approvals, alerts, digests; on the page People, by
mail, by their webhooks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from f.millrace.core import db, errors
from f.millrace.trust import audit, authority, people

if TYPE_CHECKING:
    from f.millrace.core import rows

# Each with what it is about; the table allows no others.
TOPICS = {
    "runs": "your runs have ended",
    "approvals": "something waits for a decision that you may see",
    "alerts": "an alert is raised",
    "digests": "a digest that you may see is composed",
}
WAYS = ("page", "mail", "webhook")
PAGE = 50
# Seconds before the next try, as Standard Webhooks proposes: at once, then until three days after.
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# A mail server that says "later" means minutes, and a mail takes longer to send than a message.
MAIL_WAITS = (600, *WAITS[2:])
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
UPDATE notification SET tries = tries + 1,
    due_at = clock_timestamp()
        + make_interval(secs => (%(waits)s::int[])[least(tries + 1, %(most)s)])
WHERE id IN (
    SELECT id FROM notification WHERE state = 'waiting' AND way = 'mail'
        AND due_at <= clock_timestamp() ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED)
RETURNING *
"""


def set_chosen(person_id: str, chosen: Collection[tuple[str, str]], *, by: str) -> None:
    """Have a person told of these topics by these ways, and of no others.

    Raises:
        BadInput: There is no such topic or way, or mail is wanted by somebody whose id is no
            address.
    """
    authority.refuse_agents("change what people are told")
    person = people.get(person_id)
    for topic, way in chosen:
        if topic not in TOPICS or way not in WAYS:
            raise errors.BadInput(
                f"{topic[:40]}:{way[:40]} cannot be chosen; a topic is one of {', '.join(TOPICS)},"
                f" a way one of {', '.join(WAYS)}"
            )
    if any(way == "mail" for _, way in chosen) and not has_address(person["id"]):
        raise errors.BadInput(
            f"{person['id']} is no mail address, so no mail can go there; choose page or webhook"
        )
    with db.transaction() as connection:
        connection.execute("DELETE FROM subscription WHERE person_id = %s", [person["id"]])
        for topic, way in sorted(set(chosen)):
            connection.execute(
                "INSERT INTO subscription (person_id, topic, way) VALUES (%s, %s, %s)",
                [person["id"], topic, way],
            )
    audit.append(
        by, "subscription.changed", person["id"], chosen=[":".join(one) for one in sorted(chosen)]
    )


def has_address(person_id: str) -> bool:
    """Tell whether mail can go to a person: their id is its address."""
    name, at, host = person_id.partition("@")
    return bool(name and at and host)


def list_chosen(person_id: str) -> set[tuple[str, str]]:
    """Return what a person has chosen, as (topic, way)."""
    found = db.fetch_all("SELECT topic, way FROM subscription WHERE person_id = %s", [person_id])
    return {(row["topic"], row["way"]) for row in found}


def list_told(person_id: str, way: str = "", limit: int = PAGE) -> list[rows.Notification]:
    """Return what a person was told, or is to be told, the newest first."""
    found: list[rows.Notification] = db.fetch_all(
        "SELECT * FROM notification WHERE person_id = %s AND (%s = '' OR way = %s) ORDER BY"
        " happened_at DESC, id LIMIT %s",
        [person_id, way, way, limit],
    )
    return found


def claim_message() -> rows.Notification | None:
    """Return a message to a webhook that is due, which nobody else tries until its next time; None
    when none is.
    """
    row: rows.Notification | None = db.fetch_one(CLAIM, {"waits": list(WAITS), "most": len(WAITS)})
    return row


def claim_mails() -> list[rows.Notification]:
    """Return what is due by mail, which nobody else tries until its next time."""
    return db.fetch_all(CLAIM_MAILS, {"waits": list(MAIL_WAITS), "most": len(MAIL_WAITS)})


def is_last_try(row: rows.Notification) -> bool:
    """Tell whether a message that is not taken now is given up."""
    return row["tries"] > len(MAIL_WAITS if row["way"] == "mail" else WAITS)


def close(row: rows.Notification, state: str, error: str) -> str:
    """Record what became of a try, and return the state: sent, waiting for the next, failed."""
    db.execute(
        "UPDATE notification SET state = %s, error = %s, sent_at = CASE WHEN %s = 'sent' THEN"
        " clock_timestamp() END WHERE id = %s AND state = 'waiting'",
        [state, error, state, row["id"]],
    )
    return state


def drop_messages(webhook: rows.Webhook, why: str) -> None:
    """Give up what a webhook was to be told."""
    db.execute(
        "UPDATE notification SET state = 'failed', error = %s WHERE webhook_id = %s AND state ="
        " 'waiting'",
        [why, webhook["id"]],
    )
