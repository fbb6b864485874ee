"""`feedback`: what a person thought of a run, or of one of its decisions."""

import argparse
import getpass
from typing import Any, get_args

from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.trust import decisions
from scripts.commands.run import find
from scripts.database.ready import ready

SHORT = {"good": "approved", "bad": "refused"}
VERDICTS = [one for one in get_args(decisions.Outcome) if one != "silent_success"]


def add(commands: Any) -> None:
    """Declare `feedback`."""
    parser = commands.add_parser(
        "feedback", help="say what you thought of a run: good, bad, or a sentence"
    )
    parser.add_argument("run", metavar="RUN")
    parser.add_argument(
        "words",
        nargs="+",
        metavar="VERDICT|TEXT",
        help=f"good, bad, {', '.join(VERDICTS)}; then words if you like",
    )
    parser.add_argument(
        "--topic", metavar="N", help="only this topic: its number in the digest, or its id"
    )
    parser.add_argument(
        "--action", metavar="KEY", help="only this action: its id, the beginning of it, or its key"
    )
    parser.set_defaults(function=give)


def give(options: argparse.Namespace) -> int:
    """Store the verdict and the words."""
    ready()
    row = find(options.run)
    run_id, by = str(row["id"]), getpass.getuser()
    first, rest = options.words[0].lower(), options.words[1:]
    outcome: Any = SHORT.get(first, first)
    if outcome not in VERDICTS:
        if options.topic or options.action:
            raise BadInput(
                f"{options.words[0]!r} is no verdict; allowed: good, bad, {', '.join(VERDICTS)}"
            )
        decisions.comment(run_id, " ".join(options.words), by)
        print(f"noted for run {run_id[:8]}: comment")
        return 0
    subjects = _subjects(run_id, options.topic, options.action)
    count = decisions.give(run_id, outcome, by, " ".join(rest), subjects)
    print(
        f"noted for run {run_id[:8]}: {first} ({count} decision{'' if count == 1 else 's'}"
        f" {outcome})"
    )
    return 0


def _subjects(run_id: str, topic: str | None, action: str | None) -> list[str] | None:
    """Return the decisions that were named; None means every judgement of the run."""
    if topic is None and action is None:
        return None
    made = decisions.list_of_run(run_id)
    found: list[str] = []
    if topic is not None:
        judged = [row["subject"] for row in made if row["kind"] == "judgement"]
        found.append(_topic_id(run_id, topic, judged))
    if action is not None:
        keys = [one["subject"] for one in made if one["kind"] == "action"]
        found.append(_action_key(run_id, action, keys))
    return found


def _topic_id(run_id: str, topic: str, judged: list[str]) -> str:
    """Return the id of a researched topic, given by its number in the digest or its id."""
    rows = db.fetch_all("SELECT id FROM topic WHERE run_id = %s ORDER BY rank", [run_id])
    numbered = [row["id"] for row in rows] or judged
    is_number = topic.isdecimal() and 1 <= int(topic) <= len(numbered)
    name = numbered[int(topic) - 1] if is_number else topic
    if name not in judged:
        raise BadInput(
            f"the run has no researched topic {topic!r}; it has {len(judged)}:"
            f" {', '.join(judged) or 'none'}"
        )
    return name


def _action_key(run_id: str, action: str, keys: list[str]) -> str:
    """Return the key of a decided action, given by it or by the beginning of its id."""
    row = db.fetch_one(
        "SELECT key FROM action WHERE run_id = %s AND (key = %s OR starts_with(id::text, %s))",
        [run_id, action, action.lower()],
    )
    if row is None or row["key"] not in keys:
        raise BadInput(
            f"the run has no decided action {action!r}; it has {', '.join(keys) or 'none'}"
        )
    return row["key"]
