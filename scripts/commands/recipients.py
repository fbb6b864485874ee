"""`recipients`: who gets a digest without being asked for each time."""

import argparse
import getpass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from f.millrace.core.errors import BadInput
from f.millrace.core.run_context import now
from f.millrace.trust import recipients
from scripts.commands.output import dump
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `recipients add|list|revoke`."""
    parser = commands.add_parser(
        "recipients", help="who gets the digest: add, list, revoke a standing approval"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|revoke")
    for name, function in (("add", add_one), ("revoke", revoke_one)):
        action = actions.add_parser(name)
        action.add_argument("address")
        action.add_argument("--flow", default=recipients.FLOW)
        action.set_defaults(function=function)
        if name == "add":
            action.add_argument(
                "--interests",
                default="",
                help="words that lift a topic's rank, separated by commas",
            )
            action.add_argument(
                "--owner",
                action="store_true",
                help="may see what is private: notes, documents, memories",
            )
            action.add_argument(
                "--until",
                metavar="DAY",
                help="ask a person again from this day (UTC) on: 2027-01-31",
            )
    listing = actions.add_parser("list")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(function=list_all)


def add_one(options: argparse.Namespace) -> int:
    """Add a recipient with a standing approval."""
    ready()
    interests = [word.strip() for word in options.interests.split(",") if word.strip()]
    until = _day(options.until) if options.until else None
    recipients.add(
        options.address,
        options.flow,
        interests,
        by=getpass.getuser(),
        until=until,
        owner=options.owner,
    )
    how_long = f"until {options.until}" if until else "from now on"
    print(
        f"{options.address} gets {options.flow} {how_long}; revoke with scripts/millrace recipients"
        f" revoke {options.address}"
    )
    if not options.owner:
        print("what is private (notes, documents, memories) is left out; --owner shows it")
    return 0


def _day(text: str) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadInput(f"--until {text!r} is not a day like 2027-01-31") from error
    if day <= now():
        raise BadInput(f"--until {text} is over; give a day to come, or leave it out")
    return day


def revoke_one(options: argparse.Namespace) -> int:
    """Take the standing approval back."""
    ready()
    recipients.revoke(options.address, options.flow, by=getpass.getuser())
    print(f"{options.address} gets no {options.flow} any more without a person's word")
    return 0


def list_all(options: argparse.Namespace) -> int:
    """Print the recipients and whether each has a standing approval."""
    ready()
    rows = recipients.list_recipients()
    if options.json:
        print(dump({"recipients": rows}))
        return 0
    table = Table("address", "flow", "standing approval", "interests", box=None)
    for row in rows:
        standing = (
            f"since {row['standing']:%Y-%m-%d}" if row["standing"] else "none: a person is asked"
        )
        standing += f" until {row['until']:%Y-%m-%d}" if row["until"] else ""
        table.add_row(row["address"], row["flow"], standing, ", ".join(row["interests"]))
    Console(highlight=False).print(table)
    return 0
