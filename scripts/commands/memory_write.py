"""`memory add|supersede`: what changes memory. Nothing is overwritten."""

import argparse
import json
import sys
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.memory.store import Draft, Origin, get, remember_all
from f.millrace.memory.supersede import supersede
from scripts.commands.output import dump
from scripts.database.ready import ready

TRUSTS = ("own", "trusted", "untrusted")


def add(actions: Any, common: argparse.ArgumentParser) -> None:
    """Declare the actions that write."""
    adding = actions.add_parser(
        "add", parents=[common], help="remember a text; - reads it from standard input"
    )
    adding.add_argument("text", metavar="TEXT")
    adding.add_argument(
        "--type", default="note", help="note (default), fact, or a word of your own"
    )
    adding.add_argument("--until", metavar="TIME", help="no longer true from then on")
    adding.add_argument(
        "--derived-from",
        metavar="ID",
        action="append",
        default=[],
        help="an item that this one stands on",
    )
    adding.set_defaults(function=add_one)
    replacing = actions.add_parser(
        "supersede", parents=[common], help="replace an item with a corrected text"
    )
    replacing.add_argument("id", metavar="ID")
    replacing.add_argument("text", metavar="TEXT")
    replacing.set_defaults(function=supersede_one)
    for action in (adding, replacing):
        action.add_argument(
            "--since",
            metavar="TIME",
            help="true from then on; supersede without it: the old text was wrong",
        )
        action.add_argument("--title", default=None)
        action.add_argument(
            "--source", default="", help="who says so: a name, an address or a file"
        )
        action.add_argument(
            "--trust",
            choices=TRUSTS,
            default=None,
            help="own (default for add), trusted or untrusted",
        )
        action.add_argument(
            "--metadata",
            metavar="JSON",
            type=_object,
            default={},
            help=(
                'e.g. \'{"project": "Kestrel"}\'; its document or session and its ordinal say what'
                " it stands beside"
            ),
        )


def add_one(options: argparse.Namespace) -> int:
    """Remember one text and print its id."""
    _not_known_before(options)
    ready()
    text = sys.stdin.read() if options.text == "-" else options.text
    draft = Draft(
        options.type,
        text,
        options.title or "",
        options.trust or "own",
        Origin(options.source or "command line"),
        options.metadata,
        valid_from=options.since or options.as_of,
        valid_to=options.until,
        derived_from=options.derived_from,
    )
    return _print(remember_all([draft], namespace=options.namespace)[0], options.json)


def supersede_one(options: argparse.Namespace) -> int:
    """Store what is right instead and print its id."""
    _not_known_before(options)
    ready()
    new = supersede(
        options.id,
        options.text,
        since=options.since or options.as_of,
        title=options.title,
        source=options.source or "command line",
        trust=options.trust,
        metadata=options.metadata,
    )
    return _print(new, options.json)


def _print(item_id: str, as_json: bool) -> int:
    item = get(item_id)
    print(dump(item._asdict()) if as_json else item_id)
    if item.valid_from is None:
        print("stored as retracted: its source (or a parent) is withdrawn", file=sys.stderr)
    return 0


def _not_known_before(options: argparse.Namespace) -> None:
    if options.known_at:
        raise BadInput(
            "what was known then cannot be changed; --since and --until say when a text is true"
        )


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return value
