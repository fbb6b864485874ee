"""The page Waiting: what needs a person, oldest first, and the answer, which continues the run."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from f.millrace.core import db, errors
from f.millrace.trust import (
    actions,
    approvals,
    audit,
    deliveries,
    questions,
    standing_approvals,
)
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
# `always` also gives a standing approval, where one covers what is asked.
DECISIONS = {"approve": "approved", "deny": "denied", "always": "approved"}
MOST_AT_ONCE = 50
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
    waiting = page_header.list_questions(asked.person, asked.console.namespace)
    kind, page = asked.given("kind")[:200], asked.page()
    found = [row for row in waiting if kind in ("", question_view.kind_of(row))]
    unknown = approvals.list_unknown() if asked.person.has_role("approver") else []
    # Of one kind all are shown that one answer would be about.
    size = MOST_AT_ONCE if kind else A_PAGE
    part = found[(page - 1) * size : page * size]
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
        kind=kind,
        kinds=_count_kinds(asked, waiting),
        together=_pack(asked, found[:MOST_AT_ONCE]) if kind else "",
        at_once=min(len(found), MOST_AT_ONCE),
        questions=[question_view.show(row) for row in part],
        unknown=[question_view.show(row) for row in unknown],
        total=len(found),
        page=page,
        has_more=len(found) > page * size,
        lately=[question_view.show(row) | {"given": row} for row in lately],
    )


def _count_kinds(asked: PageRequest, waiting: list[rows.Action]) -> list[tuple[str, int]]:
    """Return the kinds of which several wait that the person may decide about, with how many."""
    counted = Counter(
        question_view.kind_of(row) for row in waiting if question_view.may_decide(row, asked.person)
    )
    return [(kind, count) for kind, count in counted.most_common() if count > 1]


def _pack(asked: PageRequest, shown: list[rows.Action]) -> str:
    """Return what one answer to all that is shown would be about: ids with their digests; empty
    where the person may not decide about all of it.
    """
    if len(shown) < 2 or not all(question_view.may_decide(row, asked.person) for row in shown):
        return ""
    return " ".join(f"{row['id']}:{row['digest']}" for row in shown)


def decide_together(asked: PageRequest) -> Response:
    """Record one answer to several questions of one kind, each for the arguments that were shown;
    what others answered meanwhile, or what has changed, is told.
    """
    wanted = DECISIONS.get(asked.form.get("decision", ""))
    given = [one.partition(":") for one in asked.form.get("questions", "").split()]
    if wanted is None or not 1 <= len(given) <= MOST_AT_ONCE:
        raise errors.BadInput(f"an answer is approve or deny, about 1 to {MOST_AT_ONCE} questions")
    found = [(question_view.find(name, asked.person), digest) for name, _, digest in given]
    if len({question_view.kind_of(row) for row, _ in found}) > 1:
        raise errors.BadInput("these are of several kinds; answer one kind at a time")
    for row, _ in found:
        question_view.refuse_other(row, asked.person)
    told = [_decide_one(asked, row, digest, wanted) for row, digest in found]
    done = told.count("")
    words = f"{done} of {len(told)} {'approved' if wanted == 'approved' else 'refused'}"
    others = list(dict.fromkeys(one for one in told if one))
    return asked.show("decided.html", 409 if others else 200, words=words, others=others)


def _decide_one(asked: PageRequest, row: rows.Action, digest: str, wanted: Any) -> str:
    """Record an answer and go on; return why it does not count, empty when it does."""
    name = f"{row['tool']} of {row['created_at']:%H:%M}"
    try:
        given, is_own = _record(asked, row, digest, wanted)
    except errors.BadInput as error:
        return f"{name}: {error}"
    if not is_own:
        return f"{name}: {given['decision']} by {given['decided_by']} before you"
    go_on(asked, row, given)
    return ""


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
    always = asked.form.get("decision") == "always"
    flow = question_view.standing_flow(row) if always else ""
    if always and not (flow and asked.person.has_role("approver")):
        raise errors.NotAllowed(
            "a standing approval is given by an approver, for mails of a flow to its recipients"
        )
    given, is_own = _record(asked, row, asked.form.get("digest", ""), wanted)
    if not is_own:
        shown = question_view.show(actions.get_by_id(str(row["id"])))
        return asked.show("question.html", 409, question=shown)
    if always:
        for recipient in questions.addressees(row):
            standing_approvals.grant(recipient, flow, row["namespace"], asked.person.id)
    go_on(asked, row, given)
    return asked.back("/waiting")


def _record(
    asked: PageRequest, row: rows.Action, digest: str, wanted: Any
) -> tuple[rows.Approval, bool]:
    """Return the answer that stands, and whether it is this person's, given now."""
    before = approvals.find_answer(str(row["id"]))
    given = approvals.decide(str(row["id"]), digest, wanted, asked.person.id, talk.WAY)
    is_own = before is None and (given["decision"], given["decided_by"]) == (
        wanted,
        asked.person.id,
    )
    if not is_own:
        audit.append(asked.person.id, "approval.too_late", row["key"], action_id=str(row["id"]))
    return given, is_own


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
