"""`memory timeline|conversation|related|stats`: what memory tells without being searched by
meaning.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from f.millrace.memory.links import neighbours
from f.millrace.memory.messages import conversation
from f.millrace.memory.stats import stats
from f.millrace.memory.timeline import history, timeline
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal, shown
from scripts.database.ready import ready

if TYPE_CHECKING:
    from f.millrace.memory.links import Neighbour
    from f.millrace.memory.timeline import History, ItemPeriod


def add(actions: Any, common: argparse.ArgumentParser) -> None:
    """Declare the actions that read."""
    events = actions.add_parser(
        "timeline", parents=[common], help="what began to be true when, or the history of one item"
    )
    events.add_argument("about", metavar="WORDS|ID", nargs="?", default="")
    events.add_argument("--type", action="append", help="only items of this type; may be repeated")
    events.set_defaults(function=show_timeline)
    said = actions.add_parser(
        "conversation",
        parents=[common],
        help="what was said in a session, or about something in any",
    )
    said.add_argument("session", metavar="SESSION", nargs="?", default="")
    said.add_argument("--about", metavar="WORDS", default="")
    said.set_defaults(function=show_conversation)
    related = actions.add_parser(
        "related", parents=[common], help="what an item is linked to, in either direction"
    )
    related.add_argument("id", metavar="ID")
    related.add_argument(
        "--relation", action="append", help="only this relation, e.g. contradicts; may be repeated"
    )
    related.add_argument("--depth", type=int, default=1, help="how many links away at most (1)")
    related.set_defaults(function=show_related)
    for action in (events, said):
        action.add_argument("--since", metavar="TIME", help="from then on")
        action.add_argument("--until", metavar="TIME", help="before then")
    for action in (events, said, related):
        action.add_argument("--limit", type=_positive, default=50)
    counts = actions.add_parser("stats", parents=[common], help="counts by type")
    counts.set_defaults(function=show_stats)


def show_timeline(options: argparse.Namespace) -> int:
    """Print what began when; of one item all that was ever held of it."""
    ready()
    if options.about.startswith("mem_"):
        return _show_history(history(options.about, options.as_of, options.known_at), options)
    rows = timeline(
        options.about,
        since=options.since,
        until=options.until,
        types=options.type,
        namespace=options.namespace,
        limit=options.limit,
        as_of=options.as_of,
        known_at=options.known_at,
    )
    if options.json:
        print(dump({"about": options.about, "timeline": rows}))
        return 0
    console = Terminal(wide=options.wide)
    for row in rows:
        until = f" until {_time(row['until'])}" if row["until"] else ""
        console.print_row(f"{_time(row['at'])}{until}  {row['id']}  {row['type']}: {_line(row)}")
    if not rows:
        print("Nothing began in that time.")
    return 0


def show_conversation(options: argparse.Namespace) -> int:
    """Print what was said, oldest first."""
    ready()
    rows = conversation(
        options.session,
        options.about,
        since=options.since,
        until=options.until,
        namespace=options.namespace,
        limit=options.limit,
        as_of=options.as_of,
        known_at=options.known_at,
    )
    if options.json:
        print(dump({"session": options.session, "about": options.about, "messages": rows}))
        return 0
    console = Terminal(wide=options.wide)
    for row in rows:
        who = f"{shown(row['session'])}  {shown(row['role'])}"
        console.print_row(f"{_time(row['said_at'])}  {who}: {shown(row['text'])}")
    if not rows:
        print("Nothing was said.")
    return 0


def show_related(options: argparse.Namespace) -> int:
    """Print the neighbours of an item, nearest first."""
    ready()
    rows = neighbours(
        options.id, options.relation, options.depth, options.limit, options.as_of, options.known_at
    )
    if options.json:
        print(dump({"id": options.id, "related": rows}))
        return 0
    console = Terminal(wide=options.wide)
    for row in rows:
        arrow = "->" if row["direction"] == "out" else "<-"
        console.print_row(
            f"{'  ' * (row['steps'] - 1)}{arrow} {row['relation']}  {row['id']}  {row['type']}:"
            f" {_line(row)}"
        )
    if not rows:
        print("Nothing is linked to it.")
    return 0


def show_stats(options: argparse.Namespace) -> int:
    """Print counts by type, and of what belongs to them."""
    ready()
    found = stats(options.namespace, options.as_of, options.known_at)
    if options.json:
        print(dump(found))
        return 0
    table = Table("type", "items", "held", "withdrawn", keep=("type",))
    for row in found["types"]:
        table.add_row(row["type"], str(row["items"]), str(row["held"]), str(row["withdrawn"]))
    Terminal(wide=options.wide).print(table)
    print(", ".join(f"{count} {name}" for name, count in found["counts"].items()))
    return 0


def _show_history(item: History, options: argparse.Namespace) -> int:
    if options.json:
        print(dump(item))
        return 0
    console = Terminal(wide=options.wide)
    console.print_row(f"{item['id']}  {item['type']}: {_line(item)}")
    for belief in item["beliefs"]:
        spans = (
            ", ".join(
                f"{span['from'][:16]} to {(span['to'] or 'now')[:16]}" for span in belief["valid"]
            )
            or "never"
        )
        by = f" by {belief['by_item']}" if belief["by_item"] else ""
        console.print_row(
            f"  {_time(belief['recorded_from'])}  {shown(belief['because'])}{by}: true {spans}"
        )
    for origin in item["origins"]:
        gone = (
            f", withdrawn {_time(origin['withdrawn_at'])} {origin['because']}"
            if origin["withdrawn_at"]
            else ""
        )
        console.print_row(
            f"  {_time(origin['recorded_at'])}  said by {shown(origin['source'] or 'nobody named')}"
            f" ({origin['trust']}){gone}"
        )
    return 0


def _line(row: ItemPeriod | History | Neighbour) -> str:
    return shown(" ".join(str(row["text"]).split()))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)
