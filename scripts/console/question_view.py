"""Questions to a person as cards: what would be done with which arguments, and who may answer.

The frame is ours: heading, digest and buttons are made of the action's row. What others wrote
stands inside it, escaped, in a box of its own, and can draw none of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.core import db, errors
from f.millrace.trust import actions, approvals, questions
from scripts.console import run_view, sign_ins

if TYPE_CHECKING:
    from f.millrace.core import rows


# What a standing approval is given for.
STANDING_TOOL = "mail.send"


def of_run(run_id: str) -> list[dict[str, Any]]:
    """Return the questions of a run: those that wait, and how those that were asked came out."""
    found: list[rows.Action] = db.fetch_all(
        "SELECT * FROM action WHERE run_id = %s AND (state = 'proposed' OR asked_at IS NOT NULL)"
        " AND risk <> 'low' ORDER BY created_at",
        [run_id],
    )
    parts = {digest for row in found for digest in approvals.parts_of(row)}
    return [show(row) for row in found if row["digest"] not in parts]


def show(row: rows.Action) -> dict[str, Any]:
    """Return one question as its card shows it."""
    told = questions.describe(row, whole=True)
    given = approvals.find_answer(str(row["id"])) if row["state"] != "proposed" else None
    return {
        "id": str(row["id"]),
        "run_id": str(row["run_id"] or ""),
        "heading": told.heading,
        "sentence": told.sentence,
        "facts": [fact for fact in told.facts if fact[0] not in ("Run", "Answer until")],
        "begins": told.begins,
        "text": told.text,
        "tool": questions.tools(row),
        "risk": row["risk"],
        "state": row["state"],
        "digest": row["digest"],
        "arguments": row["arguments"],
        "policy": questions.policy(row),
        "asked_at": row["asked_at"] or row["created_at"],
        "expires_at": actions.expires_at(row),
        "answer": given,
        "yes": "Send it" if row["tool"] in questions.MAILS else "Yes, do it",
        "always": questions.addressees(row) if standing_flow(row) else [],
        "no": "Don’t send" if row["tool"] in questions.MAILS else "No",
    }


def find(action_id: str, person: sign_ins.Person) -> rows.Action:
    """Return an action that this person may see: approvers see all, others those of their runs;
    NotFound for any other.
    """
    row: rows.Action | None = (
        db.fetch_one("SELECT * FROM action WHERE id = %s", [action_id])
        if run_view.ID.fullmatch(action_id)
        else None
    )
    if row is None or not (person.has_role("approver") or _is_own(row, person)):
        raise errors.NotFound("there is no such question; the page Waiting lists what waits")
    return row


def kind_of(row: rows.Action) -> str:
    """Return of which kind a question is: those of one kind can be answered together."""
    return f"{row['tool']} {row['risk']}"


def standing_flow(row: rows.Action) -> str:
    """Return the flow whose later mails to the same people a standing approval would let go out;
    empty where none holds, as for what an agent wants to send.
    """
    if row["tool"] != STANDING_TOOL or not row["arguments"].get("mails"):
        return ""
    run: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id = %s", [row["run_id"]])
    return run["flow"] if run is not None and run["orchestrator"] == "local" else ""


def may_decide(row: rows.Action, person: sign_ins.Person) -> bool:
    """Tell whether a person may decide about a question."""
    try:
        refuse_other(row, person)
    except errors.NotAllowed:
        return False
    return True


def refuse_other(row: rows.Action, person: sign_ins.Person) -> None:
    """Raise NotAllowed for who may not decide: an approver may; who asked for a run may answer it
    about what is of medium risk, in a browser and not by a program's token.
    """
    if person.has_role("approver") and person.sign_in:
        return
    if not person.sign_in:
        raise errors.NotAllowed("a program may not answer for a person; answer in the browser")
    if row["risk"] != "medium" or not person.has_role("member") or not _is_own(row, person):
        raise errors.NotAllowed(
            f"this is of {row['risk']} risk: an approver decides about it; you are {person.role}"
        )


def _is_own(row: rows.Action, person: sign_ins.Person) -> bool:
    found = db.fetch_one(
        "SELECT 1 FROM run WHERE id = %s AND user_id = %s", [row["run_id"], person.id]
    )
    return found is not None
