"""`risk`: which class an action has, and which rule decided."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.trust import questions, risk
from scripts.commands.output import dump
from scripts.commands.terminal import line

if TYPE_CHECKING:
    from datetime import datetime

    from f.millrace.core import rows

    class GivenAnswer(TypedDict):
        """The answer to an action, and who gave it how."""

        decision: str
        decided_by: str
        decided_at: datetime
        how: str

    class AnsweredAction(rows.Action):
        """An action, with its answer when there is one."""

        answer: GivenAnswer | None


def add(commands: Any) -> None:
    """Declare `risk explain`."""
    parser = commands.add_parser("risk", help="which class an action has, and which rule decided")
    actions = parser.add_subparsers(dest="action", required=True, metavar="explain")
    one = actions.add_parser("explain")
    one.add_argument(
        "subject",
        metavar="ACTION",
        help="a tool (mail.send), or the id of an action or the beginning of it",
    )
    one.add_argument(
        "--annotations",
        metavar="JSON",
        help='what a tool says of itself, e.g. {"readOnlyHint": true}',
    )
    one.add_argument("--json", action="store_true")
    one.set_defaults(function=explain)


def explain(options: argparse.Namespace) -> int:
    """Print the class, whether it asks, and the rule."""
    said = _annotations(options.annotations)
    row = None if "." in options.subject else _find_action(options.subject)
    tool, arguments = (row["tool"], row["arguments"]) if row else (options.subject, {})
    if row and said is None:
        said = questions.annotations(row["run_id"], tool)
    found = risk.assess(tool, said, arguments)
    if options.json:
        asks = risk.needs_approval(found)
        print(
            dump(
                {
                    "tool": tool,
                    "risk": found.risk,
                    "asks": asks,
                    "rule": found.rule,
                    "fixed": found.fixed,
                    "action": row,
                }
            )
        )
        return 0
    if row is None:
        print(risk.explain(tool, said, arguments))
        return 0
    print("\n".join(map(line, questions.policy(row).split("; "))))
    print(
        f"action {row['id']} is {row['state']}, stored as {row['risk']} risk: {line(row['reason'])}"
    )
    return 0


def _annotations(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"--annotations is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise BadInput("--annotations must be a JSON object")
    return said


def _find_action(beginning: str) -> AnsweredAction:
    from scripts.commands.approvals import find
    from scripts.database.ready import ready

    ready()
    row = find(beginning)
    spent: GivenAnswer | None = db.fetch_one(
        "SELECT decision, decided_by, decided_at, how FROM approval WHERE action_id = %s",
        [row["id"]],
    )
    return {**row, "answer": spent}
