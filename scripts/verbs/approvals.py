"""`approvals`: what waits for a person, and the answer, which continues the run."""

import argparse
import getpass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.research.letters import settled_delivery
from f.millrace.tools import approved as calls
from f.millrace.trust import actions as trusted
from f.millrace.trust import approvals, questions
from scripts.database.ready import ready
from scripts.verbs import report
from scripts.verbs.display import Display
from scripts.verbs.output import dump
from scripts.verbs.run import sample_sources

# Findings that are published and marked, and that someone may look at when there is time.
REVIEWS = """
SELECT r.run_id, r.topic_id, t.rank, r.title, r.confidence, r.stopped_because FROM research_result r
LEFT JOIN topic t ON t.run_id = r.run_id AND t.id = r.topic_id WHERE r.review = 'open' ORDER BY r.created_at, t.rank
"""


def add(verbs: Any) -> None:
    """Declare `approvals list|show|approve|deny|settle`."""
    parser = verbs.add_parser("approvals", help="what waits for a person: list, show, approve, deny, settle")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|approve|deny|settle")
    listing = actions.add_parser("list")
    listing.set_defaults(function=list_all)
    for name, function in (("show", show), ("approve", answer), ("deny", answer)):
        action = actions.add_parser(name)
        action.add_argument("id", metavar="ACTION", help="its id or the beginning of it")
        action.set_defaults(function=function)
    settling = actions.add_parser("settle", help="say what became of an action of which nobody could tell")
    settling.add_argument("id", metavar="ACTION")
    settling.add_argument("happened", choices=["happened", "not"], help="not: it may be done again by resuming its run")
    settling.set_defaults(function=settle)
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true")


def list_all(options: argparse.Namespace) -> int:
    """Print the actions that wait, oldest first, then the findings to look at, which hold up nothing."""
    ready()
    approvals.expire()
    rows, reviews = approvals.pending() + approvals.unknown(), db.all(REVIEWS)
    if options.json:
        print(dump({"approvals": rows, "reviews": reviews}))
        return 0
    console = Console(highlight=False)
    if not rows:
        print("Nothing waits for a person.")
    else:
        table = Table("action", "tool", "for", "state", "expires", box=None)
        for row in rows:
            expires = f"{row['expires_at']:%Y-%m-%d %H:%M} UTC" if row["expires_at"] else ""
            table.add_row(str(row["id"])[:8], row["tool"], escape(_what(row)), row["state"], expires)
        console.print(table)
    if reviews:
        print("\nUnreviewed findings, published and holding up nothing (scripts/millrace show RUN, feedback RUN good|bad):")
        table = Table("run", "confidence", "topic", "ended by", box=None)
        for row in reviews:
            topic = f"{row['rank']}. {row['title']}" if row["rank"] else row["title"]
            table.add_row(str(row["run_id"])[:8], str(row["confidence"]), escape(topic), escape(row["stopped_because"]))
        console.print(table)
    return 0


def _what(row: dict[str, Any]) -> str:
    """Return whom an action is about, or else why it asks."""
    return questions.people(questions.addressees(row)) or str(row["reason"] or row["key"])


def show(options: argparse.Namespace) -> int:
    """Print what will happen when the action is approved."""
    ready()
    row = find(options.id)
    if options.json:
        print(dump(row))
        return 0
    print(questions.question(row, whole=True).plain)
    if row["state"] != "proposed":
        given = approvals.answer(str(row["id"]))
        print(f"It is {row['state']}" + (f"; {given['decision']} by {given['decided_by']}." if given else "."))
    return 0


def answer(options: argparse.Namespace) -> int:
    """Record the answer; then make the call that was approved, or continue the run that asked."""
    ready()
    row = find(options.id)
    approved = options.action == "approve"
    given = approvals.decide(str(row["id"]), row["digest"], "approved" if approved else "denied", getpass.getuser(), "terminal")
    if not options.json:
        print(f"{given['decision']} by {given['decided_by']}")
    if calls.is_call(row):
        return _made(row, options.json) if given["decision"] == "approved" else 0
    run = db.one("SELECT * FROM run WHERE id = %s", [row["run_id"]]) if row["run_id"] else None
    # A run that waits for another answer must not take this one for it; only a flow's own question has an end to answer by.
    if run is None or run["status"] != "waiting" or row["expires_at"] is None:
        return 0
    from scripts.runner.run import resume

    reply = {"approved": approved, "body": {"action_digest": row["digest"]}, "by": given["decided_by"]}
    with sample_sources(bool(run["args"].get("sample"))), Display(run["openflow"] or {}, quiet=options.json) as display:
        outcome = resume(str(run["id"]), answer=reply, on_event=display.show)
    return report.outcome(outcome, as_json=options.json)


def _made(row: dict[str, Any], as_json: bool) -> int:
    from f.millrace.approvals import perform

    (done,) = perform.main(action_id=str(row["id"]))["actions"]
    outcome = trusted.by_id(done["action_id"])["outcome"] or {}
    print(dump({**done, "outcome": outcome}) if as_json else f"{done['tool']}: {done['state']}\n{dump(outcome)}")
    return 0 if done["state"] == "performed" else 1


def settle(options: argparse.Namespace) -> int:
    """Record what a person found out about an action whose outcome nobody could tell."""
    ready()
    row = find(options.id)
    done = trusted.settle_by_person(str(row["id"]), options.happened == "happened", getpass.getuser())
    settled_delivery(done)
    print(f"{done['key']}: {done['state']}")
    return 0


def find(beginning: str) -> dict[str, Any]:
    """Return the action whose id begins so."""
    rows = db.all("SELECT * FROM action WHERE id::text LIKE %s LIMIT 2", [beginning.replace("%", "").lower() + "%"])
    if not rows:
        raise NotFound(f"no action {beginning!r}; scripts/millrace approvals list shows them")
    if len(rows) > 1:
        raise BadInput(f"{beginning!r} is the beginning of several actions; give more of the id")
    return rows[0]
