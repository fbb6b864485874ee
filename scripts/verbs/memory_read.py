"""`memory related`: what memory tells without being searched by meaning."""

import argparse
from typing import Any

from f.millrace.memory.links import neighbours
from scripts.database.ready import ready
from scripts.verbs.output import dump


def add(actions: Any, common: argparse.ArgumentParser) -> None:
    """Declare the actions that read."""
    related = actions.add_parser("related", parents=[common], help="what an item is linked to, in either direction")
    related.add_argument("id", metavar="ID")
    related.add_argument("--relation", action="append", help="only this relation, e.g. contradicts; may be repeated")
    related.add_argument("--depth", type=int, default=1, help="how many links away at most (1)")
    related.add_argument("--limit", type=int, default=50)
    related.set_defaults(function=show_related)


def show_related(options: argparse.Namespace) -> int:
    """Print the neighbours of an item, nearest first."""
    ready()
    rows = neighbours(options.id, options.relation, options.depth, options.limit, options.as_of, options.known_at)
    if options.json:
        print(dump({"id": options.id, "related": rows}))
        return 0
    for row in rows:
        arrow = "->" if row["direction"] == "out" else "<-"
        print(f"{'  ' * (row['steps'] - 1)}{arrow} {row['relation']}  {row['id']}  {row['type']}: {row['text'][:100]}")
    if not rows:
        print("Nothing is linked to it.")
    return 0
