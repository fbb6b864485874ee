"""`approvals`: what waits for a person, and the answer, which continues the run."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING, Any

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.tools import approved_calls as calls
from f.millrace.trust import actions as trusted
from f.millrace.trust import approvals, deliveries, questions
from scripts.commands import report
from scripts.commands.display import Display
from scripts.commands.output import dump
from scripts.commands.terminal import WIDE, Table, Terminal, line
from scripts.database.ready import ready
from scripts.samples.sources import sample_sources

if TYPE_CHECKING:
    from f.millrace.core import rows

    class ListedAction(rows.Action):
        """An action that waits, and the question that it is a part of."""

        part_of: str | None


# Findings that are published and marked, and tasks that got stuck: someone may look at them when
# there is time.
REVIEWS = """
SELECT r.run_id, r.topic_id, t.rank, r.title, r.confidence, r.stopped_because, r.created_at AS at
FROM research_result r
LEFT JOIN topic t ON t.run_id = r.run_id AND t.id = r.topic_id WHERE r.review = 'open' UNION ALL
SELECT d.run_id, d.subject, NULL, d.title, NULL, run.pipeline #>> '{answer,stopped_because}',
       d.made_at FROM decision d
JOIN run ON run.id = d.run_id
WHERE d.agent = 'helper' AND d.kind = 'judgement' AND d.escalated AND d.outcome IS NULL
ORDER BY at, rank
"""


def add(commands: Any) -> None:
    """Declare `approvals list|show|approve|deny|resolve`."""
    parser = commands.add_parser(
        "approvals", help="what waits for a person: list, show, approve, deny, resolve"
    )
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="list|show|approve|deny|resolve"
    )
    listing = actions.add_parser("list")
    listing.add_argument("--wide", action="store_true", help=WIDE)
    listing.set_defaults(function=list_all)
    for name, function in (("show", show), ("approve", answer), ("deny", answer)):
        action = actions.add_parser(name)
        action.add_argument("id", metavar="ACTION", help="its id or the beginning of it")
        action.set_defaults(function=function)
    resolving = actions.add_parser(
        "resolve", help="record the outcome of an action whose result is unknown"
    )
    resolving.add_argument("id", metavar="ACTION", help="its id or the beginning of it")
    resolving.add_argument(
        "--outcome",
        choices=["done", "not-done"],
        required=True,
        help="not-done allows a retry when its run is resumed",
    )
    resolving.set_defaults(function=resolve)
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true")


def list_all(options: argparse.Namespace) -> int:
    """Print the actions that wait, oldest first, then the findings to look at, which hold up
    nothing.
    """
    ready()
    approvals.expire()
    waiting, reviews = approvals.list_pending(), db.fetch_all(REVIEWS)
    listed: list[ListedAction] = [{**row, "part_of": _question_of(row, waiting)} for row in waiting]
    unknown = approvals.list_unknown()
    if options.json:
        print(dump({"approvals": [*listed, *unknown], "reviews": reviews}))
        return 0
    # One question, one line: its parts are answered with it.
    shown: list[rows.Action] = [*(row for row in listed if not row["part_of"]), *unknown]
    console = Terminal(wide=options.wide)
    if shown:
        console.print(_waiting_table(shown))
    else:
        print("Nothing waits for a person.")
    if reviews:
        print(
            "\nUnreviewed, and holding up nothing (scripts/millrace show RUN, feedback RUN"
            " good|bad):"
        )
        console.print(_review_table(reviews))
    return 0


def _waiting_table(waiting: list[rows.Action]) -> Table:
    table = Table("action", "tool", "for", "state", "expires", keep=("action",))
    for row in waiting:
        proposed = row["state"] == "proposed"
        expires = f"{trusted.expires_at(row):%Y-%m-%d %H:%M} UTC" if proposed else ""
        table.add_row(
            str(row["id"])[:8], questions.tools(row), _describe(row), row["state"], expires
        )
    return table


def _review_table(reviews: list[dict[str, Any]]) -> Table:
    table = Table("run", "confidence", "topic", "ended by", keep=("run",))
    for row in reviews:
        topic = f"{row['rank']}. {row['title']}" if row["rank"] else row["title"]
        score = "" if row["confidence"] is None else str(row["confidence"])
        table.add_row(str(row["run_id"])[:8], score, topic, row["stopped_because"])
    return table


def _describe(row: rows.Action) -> str:
    """Return whom an action is about, or else why it asks."""
    return questions.people(questions.addressees(row)) or str(row["reason"] or row["key"])


def _question_of(row: rows.Action, waiting: list[rows.Action]) -> str | None:
    """Return the id of the waiting question that this action is a part of."""
    same_run = (one for one in waiting if one["run_id"] == row["run_id"] and one["id"] != row["id"])
    return next(
        (str(one["id"]) for one in same_run if row["digest"] in approvals.parts_of(one)), None
    )


def show(options: argparse.Namespace) -> int:
    """Print what will happen when the action is approved."""
    ready()
    row = find(options.id)
    if options.json:
        print(dump(row))
        return 0
    print(questions.question(row, whole=True).plain)
    if row["state"] != "proposed":
        given = approvals.find_answer(str(row["id"]))
        print(
            f"It is {row['state']}"
            + (f"; {given['decision']} by {given['decided_by']}." if given else ".")
        )
    return 0


def answer(options: argparse.Namespace) -> int:
    """Record the answer; then make the call that was approved, or continue the run that asked; 1
    when it came too late.
    """
    ready()
    row = find(options.id)
    wanted: trusted.Decision = "approved" if options.action == "approve" else "denied"
    before = approvals.find_answer(str(row["id"]))
    given = approvals.decide(str(row["id"]), row["digest"], wanted, getpass.getuser(), "terminal")
    if not options.json:
        print(
            _format_standing(given, row)
            if before or given["decision"] != wanted
            else f"{wanted} by {given['decided_by']}"
        )
    code = _go_on(row, given, options.json)
    return code if given["decision"] == wanted else 1


def _format_standing(given: rows.Approval, row: rows.Action) -> str:
    """Say which answer counts when it is not the one just given."""
    if given["decision"] == "expired":
        return (
            f"Nobody answered before {trusted.expires_at(row):%Y-%m-%d %H:%M} UTC; it expired and"
            " is not done."
        )
    state = trusted.get_by_id(str(row["id"]))["state"]
    now = "" if state == given["decision"] else f" and is {state}"
    return (
        f"It was {given['decision']} by {given['decided_by']} on"
        f" {given['decided_at']:%Y-%m-%d %H:%M} UTC{now}; the first answer stands."
    )


def _go_on(row: rows.Action, given: rows.Approval, as_json: bool) -> int:
    """Do what the standing answer allows: make the call, or continue the run that waits for it."""
    approved = given["decision"] == "approved"
    if calls.is_call(row):
        return _make_call(row, as_json) if approved else 0
    run: rows.Run | None = (
        db.fetch_one("SELECT * FROM run WHERE id = %s", [row["run_id"]]) if row["run_id"] else None
    )
    # A run that waits for another answer must not take this one for it; only a flow's own question
    # has an end to answer by.
    if run is None or run["status"] != "waiting" or row["expires_at"] is None:
        return 0
    if run["orchestrator"] == "windmill":
        if not as_json:
            print(
                "The flow waits on Windmill; its job recover_runs hands the answer over, every ten"
                " minutes."
            )
        return 0
    from scripts.runner.run import resume

    reply: dict[str, Any] = {
        "approved": approved,
        "body": {"action_digest": row["digest"]},
        "by": given["decided_by"],
    }
    if given["decision"] == "expired":
        reply = {"timed_out": True}
    with (
        sample_sources(bool(run["args"].get("sample"))),
        Display(run["openflow"] or {}, quiet=as_json) as display,
    ):
        outcome = resume(str(run["id"]), answer=reply, on_event=display.show)
    return report.outcome(outcome, as_json=as_json)


def _make_call(row: rows.Action, as_json: bool) -> int:
    from f.millrace.approvals import perform

    (done,) = perform.main(action_id=str(row["id"]))["actions"]
    outcome = trusted.get_by_id(done["action_id"])["outcome"] or {}
    print(
        dump({**done, "outcome": outcome})
        if as_json
        else f"{line(done['tool'])}: {done['state']}\n{dump(outcome)}"
    )
    return 0 if done["state"] == "performed" else 1


def resolve(options: argparse.Namespace) -> int:
    """Record what a person found out about an action whose outcome is unknown."""
    ready()
    row = find(options.id)
    done = trusted.reconcile_by_person(str(row["id"]), options.outcome == "done", getpass.getuser())
    deliveries.record_outcome(done["id"], done["state"] == "performed")
    print(f"{line(done['key'])}: {done['state']}")
    return 0


def find(beginning: str) -> rows.Action:
    """Return the action whose id begins so."""
    found: list[rows.Action] = db.fetch_all(
        "SELECT * FROM action WHERE id::text LIKE %s LIMIT 2",
        [beginning.replace("%", "").lower() + "%"],
    )
    if not found:
        raise NotFound(f"no action {beginning!r}; scripts/millrace approvals list shows them")
    if len(found) > 1:
        raise BadInput(f"{beginning!r} is the beginning of several actions; give more of the id")
    return found[0]
