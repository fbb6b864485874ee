# requirements:

"""Approvals: the answer to one action, of a person or by a standing approval.

An answer is bound to the digest of the arguments that were shown,
counts once, and the first one stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from f.millrace.core import db, errors, run_context
from f.millrace.telemetry import runs, spans
from f.millrace.trust import actions, audit, authority, decisions, standing_approvals

if TYPE_CHECKING:
    from f.millrace.core import rows

PART_OF = "part of "
# What a standing approval for mail covers; a mail with anything else in it (a copy to someone)
# asks.
COVERED = frozenset(
    {"to", "subject", "text", "html_sha256", "plain_sha256", "message_id", *actions.INCIDENTAL}
)


def decide(
    action_id: str, shown_digest: str, decision: actions.Decision, by: str, how: str = ""
) -> rows.Approval:
    """Record an answer and return the one that stands: the first, also when this is a later one.

    An answer for other arguments than the stored ones is refused (BadInput), one after the expiry
    counts as expired.
    """
    authority.refuse_agents("answer an approval")
    told = {"millrace.action_id": str(action_id)}
    with (
        spans.span("approval", told, scope="millrace.trust") as handle,
        db.transaction() as connection,
    ):
        action: rows.Action | None = connection.execute(
            "SELECT * FROM action WHERE id::text = %s FOR UPDATE", [str(action_id)]
        ).fetchone()
        if action is None:
            raise errors.BadInput(
                f"no action has the id {action_id!r}; scripts/millrace approvals list shows them"
            )
        standing: rows.Approval | None = connection.execute(
            "SELECT * FROM approval WHERE action_id = %s", [action["id"]]
        ).fetchone()
        if standing is not None:
            return standing
        if action["state"] != "proposed":
            raise errors.BadInput(
                f"action {action['key']} is {action['state']}; there is nothing to answer"
            )
        if decision == "approved":
            _refuse_other(action, shown_digest)
            if actions.is_expired(action):
                decision, how = (
                    "expired",
                    f"answered after {actions.expires_at(action):%Y-%m-%d %H:%M} UTC",
                )
        row = actions.answer(action, decision, by, how)
        handle.set(
            {
                "tool.name": action["tool"],
                "agent.risk_level": action["risk"],
                "millrace.decision": decision,
            }
        )
        run_id = str(action["run_id"]) if action["run_id"] else None
        runs.end_waiting_step(run_id, decision, how)
        detail = {"action_id": str(action["id"]), "digest": action["digest"], "how": how}
        audit.append(by, f"approval.{decision}", action["key"], run_id, **detail)
        # One answer is one decision, however many actions are parts of what was approved.
        if not how.startswith(PART_OF):
            decisions.record_answer(action, decision, by)
    return row


def find_answer(action_id: str) -> rows.Approval | None:
    """Return the answer that stands, if any."""
    return db.fetch_one("SELECT * FROM approval WHERE action_id::text = %s", [str(action_id)])


def list_pending(namespace: str | None = None) -> list[rows.Action]:
    """Return the actions that wait for a person, oldest first;
    also those that no flow has asked about.
    """
    found: list[rows.Action] = db.fetch_all(
        "SELECT * FROM action WHERE state = 'proposed' AND risk <> 'low' AND (%s::text IS NULL OR"
        " namespace = %s) ORDER BY created_at",
        [namespace, namespace],
    )
    return [row for row in found if not actions.is_expired(row)]


def list_unknown() -> list[rows.Action]:
    """Return the actions of which nobody can tell whether they happened, oldest first."""
    return db.fetch_all("SELECT * FROM action WHERE state = 'unknown' ORDER BY created_at")


def expire() -> int:
    """Close the actions whose time to answer is over, and return how many."""
    found: list[rows.Action] = db.fetch_all("SELECT * FROM action WHERE state = 'proposed'")
    late = [row for row in found if actions.is_expired(row, run_context.now())]
    return sum(_close(row, "nobody answered in time") for row in late)


def withdraw(run_id: str, reason: str) -> int:
    """Close the open questions of a run that has ended, and return how many: nobody has to answer
    them any more.
    """
    found: list[rows.Action] = db.fetch_all(
        "SELECT * FROM action WHERE run_id = %s AND state = 'proposed'", [run_id]
    )
    return sum(_close(row, reason) for row in found)


def _close(row: rows.Action, reason: str) -> bool:
    """Close an open question; False when it was answered, or replaced, in the meantime."""
    try:
        decide(str(row["id"]), row["digest"], "expired", "millrace", reason)
    except errors.BadInput:
        return False
    return True


def approve_by_standing(action: rows.Action, flow: str) -> bool:
    """Approve an action whose every recipient (`to`) has a standing approval;
    return whether it is approved.
    """
    if action["state"] != "proposed":
        return action["state"] in ("approved", "performing", "performed", "failed", "unknown")
    held = standing_approvals.list_standing(flow, action["namespace"], action["tool"])
    to = action["arguments"].get("to", [])
    wanted = [to] if isinstance(to, str) else list(to)
    if (
        not wanted
        or actions.find_earlier_run(action["run_id"], action["tool"])
        or any(recipient not in held for recipient in wanted)
        or not COVERED.issuperset(action["arguments"])
    ):
        return False
    first = held[wanted[0]]
    how = (
        f"standing approval {first['id']} by {first['granted_by']} of"
        f" {first['granted_at']:%Y-%m-%d}"
    )
    return (
        decide(str(action["id"]), action["digest"], "approved", audit.POLICY, how)["decision"]
        == "approved"
    )


def approve_own(action: rows.Action) -> bool:
    """Approve a mail to the reader of an installation that nobody has set up: it stays in the
    outbox; return whether it is approved.
    """
    if action["state"] != "proposed":
        return action["state"] in ("approved", "performing", "performed", "failed", "unknown")
    if not COVERED.issuperset(action["arguments"]):
        return False
    if actions.find_earlier_run(action["run_id"], action["tool"]):
        return False
    how = "it stays in the outbox of this installation"
    answer = decide(str(action["id"]), action["digest"], "approved", audit.POLICY, how)
    return answer["decision"] == "approved"


def approve_as_part(action: rows.Action, whole: rows.Action) -> bool:
    """Approve an action that a person approved as part of a larger one (`mails`, `calls`); return
    whether it is approved.
    """
    given = find_answer(str(whole["id"]))
    if given is None or given["decision"] != "approved":
        return False
    # The parts are read from the arguments: those, not a digest beside them, are what was shown.
    if actions.digest(whole["tool"], whole["arguments"]) != given["digest"]:
        return False
    if action["digest"] not in parts_of(whole):
        return False
    if action["state"] != "proposed":
        return action["state"] in ("approved", "performing", "performed", "failed", "unknown")
    how = PART_OF + whole["key"]
    return (
        decide(str(action["id"]), action["digest"], "approved", given["decided_by"], how)[
            "decision"
        ]
        == "approved"
    )


def parts_of(whole: rows.Action) -> set[str]:
    """Return the digests of the actions that one question is about."""
    given = whole["arguments"]
    mails = {actions.digest(whole["tool"], mail) for mail in given.get("mails", [])}
    return mails | {
        actions.digest(call["tool"], call["arguments"]) for call in given.get("calls", [])
    }


def _refuse_other(action: rows.Action, shown_digest: str) -> None:
    stored = actions.digest(action["tool"], action["arguments"])
    if shown_digest != action["digest"] or stored != action["digest"]:
        raise errors.BadInput(
            f"the answer is for other arguments than those of {action['key']}; look at it again and"
            " answer that"
        )
