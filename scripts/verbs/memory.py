"""`memory`: what was known, when, and where it came from. One module a group of actions."""

import argparse
import importlib
from typing import Any

from scripts.verbs.explained import explained

# Each has add(actions, common): `common` holds the options that every action takes.
GROUPS = ("memory_write", "memory_search", "memory_read", "memory_admin")


def add(verbs: Any) -> None:
    """Declare `memory ACTION`."""
    parser = verbs.add_parser("memory", help="what was known and when: add, timeline, related, supersede, retract, …")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name in GROUPS:
        importlib.import_module("scripts.verbs." + name).add(actions, common())
    for action in actions.choices.values():
        # Search explains itself: plan, statement and the parts of each score.
        if action.get_default("explains") is None:
            action.set_defaults(function=explained(action.get_default("function")))


def common() -> argparse.ArgumentParser:
    """Return the options of every action."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--namespace", metavar="NAME", default="main", help="main (default), sample or one of your own")
    options.add_argument("--as-of", metavar="TIME", help="what was true then, e.g. 2026-05-03 or 2026-05-03T14:00+02:00")
    options.add_argument("--known-at", metavar="TIME", help="what was known then")
    options.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options.add_argument("--explain", action="store_true", help="show what the database was asked, and how long it took")
    return options
