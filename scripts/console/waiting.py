"""The page Waiting: what needs a person, oldest first, and the answer, which continues the run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from f.millrace.core import db, errors
from f.millrace.trust import actions, approvals, audit, deliveries
from scripts.console import page_header, question_view, talk

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

    class Decided(rows.Action):
        """An action with the answer that it was given."""

        decision: str
        decided_by: str
        decided_at: datetime


A_PAGE = 20
DECISIONS = {"approve": "approved", "deny": "denied"}
LATELY = """
SELECT a.*, p.decision, p.decided_by, p.decided_at, p.how FROM approval p
JOIN action a ON a.id = p.action_id LEFT JOIN run r ON r.id = a.run_id
WHERE a.namespace = %s AND p.decided_by NOT IN ('policy', 'millrace') AND p.how NOT LIKE %s
  AND (%s OR r.user_id = %s)
ORDER BY p.decided_at DESC LIMIT 5
"""


def show_all(asked: PageRequest) -> Response:
    """Show what waits; where nothing does, the last decisions."""
    approvals.expire()
    found, page = page_header.list_questions(asked.person, asked.console.namespace), asked.page()
    unknown = approvals.list_unknown() if asked.person.has_role("approver") else []
    part = found[(page - 1) * A_PAGE : page * A_PAGE]
    lately: list[Decided] = db.fetch_all(
        LATELY,
        [
            asked.console.namespace,
            f"{approvals.PART_OF}%",
            asked.person.has_role("approver"),
            asked.person.id,
        ],
    )
    return asked.show(
        "waiting.html",
        questions=[question_view.show(row) for row in part],
        unknown=[question_view.show(row) for row in unknown],
        total=len(found),
        page=page,
        has_more=len(found) > page * A_PAGE,
        lately=[question_view.show(row) | {"given": row} for row in lately],
        told=asked.given("told"),
    )


def show_one(asked: PageRequest) -> Response:
    """Show one question: where a mail or another program leads to."""
    row = question_view.find(asked.path("action"), asked.person)
    return asked.show("question.html", question=question_view.show(row))


def decide(asked: PageRequest) -> Response:
    """Record the answer and go on; who comes second is told whose answer stands."""
    row = question_view.find(asked.path("action"), asked.person)
    question_view.refuse_other(row, asked.person)
    wanted: Any = DECISIONS.get(asked.form.get("decision", ""))
    if wanted is None:
        raise errors.BadInput("an answer is approve or deny")
    before = approvals.find_answer(str(row["id"]))
    given = approvals.decide(
        str(row["id"]), asked.form.get("digest", ""), wanted, asked.person.id, talk.WAY
    )
    if before is not None or given["decision"] != wanted or given["decided_by"] != asked.person.id:
        audit.append(asked.person.id, "approval.too_late", row["key"], action_id=str(row["id"]))
        shown = question_view.show(actions.get_by_id(str(row["id"])))
        return asked.show("question.html", 409, question=shown)
    go_on(asked, row, given)
    return asked.back("/waiting")


def go_on(asked: PageRequest, row: rows.Action, given: rows.Approval) -> None:
    """Have a child do what the answer allows: make the call, or continue the run that waits."""
    # With the tools come the libraries of agents, which nothing else here needs.
    from f.millrace.tools import approved_calls

    approved = given["decision"] == "approved"
    if approved_calls.is_call(row):
        if approved:
            asked.console.children.perform(str(row["id"]), str(row["run_id"] or ""))
        return
    run: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id = %s", [row["run_id"]])
    # As on the command line: only a flow's own question has an end to answer by, and Windmill's
    # runs are gone on with there.
    is_own_question = run is not None and run["status"] == "waiting" and row["expires_at"]
    if run is not None and is_own_question and run["orchestrator"] == "local":
        asked.console.children.resume(str(run["id"]), run["session"])


def resolve(asked: PageRequest) -> Response:
    """Record what a person found out about an action whose outcome is unknown."""
    row = question_view.find(asked.path("action"), asked.person)
    outcome = asked.form.get("outcome", "")
    if outcome not in ("done", "not-done"):
        raise errors.BadInput("say whether it was done")
    done = actions.reconcile_by_person(str(row["id"]), outcome == "done", asked.person.id)
    deliveries.record_outcome(done["id"], done["state"] == "performed")
    return asked.back("/waiting")
