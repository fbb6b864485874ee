"""`memory`: what was known, when, and where it came from. One module a group of actions."""

import argparse
import importlib
from typing import Any

from f.millrace.core.errors import BadInput
from scripts.commands.explained import Function, explain
from scripts.commands.terminal import WIDE

# Each has add(actions, common): `common` holds the options that every action takes.
GROUPS = ("memory_write", "memory_search", "memory_read", "memory_admin")
# What these do counts from now on; no other time can be meant.
NOW = ("retract", "forget", "import", "reembed")


def add(commands: Any) -> None:
    """Declare `memory ACTION`."""
    parser = commands.add_parser(
        "memory", help="what was known and when: add, timeline, related, supersede, retract, …"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name in GROUPS:
        importlib.import_module("scripts.commands." + name).add(actions, common())
    for name, action in actions.choices.items():
        if name in NOW:
            action.set_defaults(function=_now(name, action.get_default("function")))
        # Search explains itself: plan, statement and the parts of each score.
        if action.get_default("explains") is None:
            action.set_defaults(function=explain(action.get_default("function")))


def _now(name: str, function: Function) -> Function:
    """Return the action's function, which refuses to be done at another time."""

    def run(options: argparse.Namespace) -> int:
        if options.as_of or options.known_at:
            raise BadInput(
                f"memory {name} is done now; --as-of and --known-at are for what is asked or"
                " exported"
            )
        return function(options)

    return run


def common() -> argparse.ArgumentParser:
    """Return the options of every action."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--namespace",
        metavar="NAME",
        default="main",
        help="main (default), sample or one of your own",
    )
    options.add_argument(
        "--as-of",
        metavar="TIME",
        help="what was true then, e.g. 2026-05-03 or 2026-05-03T14:00+02:00",
    )
    options.add_argument("--known-at", metavar="TIME", help="what was known then")
    options.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options.add_argument("--wide", action="store_true", help=WIDE)
    options.add_argument(
        "--explain",
        action="store_true",
        help="show what the database was asked, and how long it took",
    )
    return options
