"""What stands above every page: what waits, what today has cost, who is there."""

from __future__ import annotations

from typing import Any

from f.millrace.core import db, money, run_context
from f.millrace.trust import approvals, limits, spend
from scripts.console import sign_ins

SPENT = f"""
SELECT coalesce(sum({spend.COST}), 0) AS usd FROM usage
WHERE reserved_at >= %s AND (%s OR user_id = %s)
"""


def load(person: sign_ins.Person, namespace: str) -> dict[str, Any]:
    """Return the counts: of the person's own, and for owners of all."""
    now = run_context.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    is_owner = person.has_role("owner")
    row = db.fetch_one(SPENT, [midnight, is_owner, person.id])
    return {
        "waiting": len(list_questions(person, namespace)),
        "spent": money.dollars(row["usd"] if row else 0),
        "limit": money.dollars(limits.daily_usd(person.id)),
    }


def list_questions(person: sign_ins.Person, namespace: str) -> list[Any]:
    """Return what waits for this person, oldest first; the parts of a question are answered with
    it. Who may decide sees all, others what their own runs ask.
    """
    waiting = approvals.list_pending(namespace)
    parts = {(row["run_id"], digest) for row in waiting for digest in approvals.parts_of(row)}
    questions = [row for row in waiting if (row["run_id"], row["digest"]) not in parts]
    if person.has_role("approver") or not questions:
        return questions
    own = db.fetch_all(
        "SELECT id FROM run WHERE user_id = %s AND id = ANY(%s)",
        [person.id, [row["run_id"] for row in questions if row["run_id"]]],
    )
    ids = {row["id"] for row in own}
    return [row for row in questions if row["run_id"] in ids]
