"""`recipients`: who gets a digest without being asked for each time."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.core.run_context import now
from f.millrace.trust import feedback, recipients, shares
from scripts.commands.output import dump
from scripts.commands.terminal import WIDE, Table, Terminal, line
from scripts.compiler import spec
from scripts.compiler.reader import closest
from scripts.database.ready import ready
from scripts.paths import ROOT


def add(commands: Any) -> None:
    """Declare `recipients add|list|revoke|share|show|unshare`."""
    parser = commands.add_parser(
        "recipients",
        help="who gets the digest: add, list, show, share what is private, revoke a standing"
        " approval",
    )
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="add|list|revoke|share|show|unshare"
    )
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
    _add_sharing(actions)
    show = actions.add_parser("show", help="what one recipient follows, said and got")
    show.add_argument("address")
    show.add_argument("--json", action="store_true")
    show.set_defaults(function=show_one)
    listing = actions.add_parser("list")
    listing.add_argument("--json", action="store_true")
    listing.add_argument("--wide", action="store_true", help=WIDE)
    listing.set_defaults(function=list_all)


def _add_sharing(actions: Any) -> None:
    for name, function in (("share", share_one), ("unshare", unshare_one)):
        action = actions.add_parser(
            name,
            help="show a reader what is private" if name == "share" else "end a share",
            description="Digests of the recipient show what is new in a namespace of memory (its"
            " memories and documents) or in a private source: notes, documents, or a feed of the"
            " setting private_feeds by its address. It is marked as shared, searched for nowhere,"
            " and holds from the next digest on; what the recipient may ask of memory stays as it"
            " is.",
        )
        action.add_argument("address")
        what = action.add_mutually_exclusive_group(required=True)
        what.add_argument("--namespace", metavar="NAME", help="memories and documents under a name")
        what.add_argument("--source", metavar="NAME", help="notes, documents, or a feed's address")
        action.add_argument("--flow", default=recipients.FLOW)
        if name == "share":
            action.add_argument(
                "--by",
                default="",
                metavar="NAME",
                help="who shares it, as the recipient reads it; the owner's address otherwise",
            )
        action.set_defaults(function=function)


def _named(options: argparse.Namespace) -> tuple[shares.Kind, str]:
    return ("source", options.source) if options.source else ("namespace", options.namespace)


def share_one(options: argparse.Namespace) -> int:
    """Share a namespace or a source with a recipient."""
    ready()
    kind, name = _named(options)
    row = shares.add(options.address, kind, name, _flow_name(options.flow), by=options.by)
    print(
        f"{options.address} is shown {shares.in_words(row['key'])} from the next digest on, as"
        f" shared by {row['shared_by']}; scripts/millrace recipients unshare {options.address}"
        f" --{kind} {name} ends it"
    )
    return 0


def unshare_one(options: argparse.Namespace) -> int:
    """End a share."""
    ready()
    kind, name = _named(options)
    shares.end(options.address, kind, name, _flow_name(options.flow), by=getpass.getuser())
    key = shares.key_of(kind, name)
    print(f"{options.address} is not shown {shares.in_words(key)} any more")
    return 0


def add_one(options: argparse.Namespace) -> int:
    """Add a recipient with a standing approval."""
    ready()
    interests = [word.strip() for word in options.interests.split(",") if word.strip()]
    until = _day(options.until) if options.until else None
    flow = _flow_name(options.flow)
    recipients.add(
        options.address,
        flow,
        interests,
        by=getpass.getuser(),
        until=until,
        owner=options.owner,
    )
    how_long = f"until {options.until}" if until else "from now on"
    print(
        f"{options.address} gets {flow} {how_long}; revoke with scripts/millrace recipients revoke"
        f" {options.address}"
    )
    if not options.owner:
        print(
            "what is private (notes, documents, memories) is left out; --owner shows it, recipients"
            " share a part of it"
        )
    return 0


def _flow_name(given: str) -> str:
    """Return the name under which a flow mails: also of its path on Windmill
    (`f/millrace/research/daily_research`); BadInput when no flow has it.
    """
    name = given.strip().rstrip("/").rpartition("/")[2].removesuffix("__flow")
    known = [path.stem for path in spec.files(ROOT)]
    if name not in known:
        raise BadInput(
            f"--flow {given!r}: there is no such flow{closest(name, known)}; there are"
            f" {', '.join(known)}"
        )
    return name


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
    flow = _flow_name(options.flow)
    recipients.revoke(options.address, flow, by=getpass.getuser())
    print(f"{options.address} gets no {flow} any more without a person's word")
    return 0


def list_all(options: argparse.Namespace) -> int:
    """Print the recipients and whether each has a standing approval."""
    ready()
    found = recipients.list_recipients()
    shared = [_shared_with(row["address"], row["flow"]) for row in found]
    if options.json:
        listed = [{**row, "shared": held} for row, held in zip(found, shared, strict=True)]
        print(dump({"recipients": listed}))
        return 0
    table = Table("address", "flow", "standing approval", "interests", "private", keep=("address",))
    for row, held in zip(found, shared, strict=True):
        learned = feedback.of_recipient(row["address"], row["flow"], "main")
        follows = [*row["interests"], *_signed(learned)]
        table.add_row(
            row["address"], row["flow"], _standing(row), ", ".join(follows), _sees(row, held)
        )
    for row in recipients.list_unsubscribed():
        table.add_row(row["address"], row["flow"], _left(row), "", "")
    Terminal(wide=options.wide).print(table)
    return 0


# complexipy: ignore (one line for each fact that is shown)
def show_one(options: argparse.Namespace) -> int:
    """Print what a recipient follows, what they said of digests, and which they got."""
    ready()
    found = recipients.describe(options.address)
    learned = feedback.of_recipient(options.address, found["flow"], "main")
    replies = feedback.list_replies(address=options.address)
    shared = _shared_with(options.address, found["flow"])
    if options.json:
        print(dump({**found, "learned": learned, "replies": replies, "shared": shared}))
        return 0
    more = sorted((name for name, value in learned.items() if value > 0 and ":" not in name))
    less = sorted((name for name, value in learned.items() if value < 0 and ":" not in name))
    lines = {
        "gets": found["flow"] if found["unsubscribed_at"] is None else _left(found),
        "approval": _standing(found),
        "owner": "yes" if found["owner"] else "no",
        "follows": ", ".join(found["interests"]) or "nothing named",
        "more": ", ".join(more) or "nothing said",
        "less": ", ".join(less) or "nothing said",
    }
    print(options.address)
    for name, value in lines.items():
        print(f"  {name:<9} {line(value)}")
    for key, by in shared.items():
        print(f"  shared    {line(shares.in_words(key))}, by {line(by)}")
    for row in replies[:10]:
        comment = f": {row['comment']}" if row["comment"] else ""
        print(f"  said      {row['at']:%Y-%m-%d} {row['verb']} {line(row['title'])}{line(comment)}")
    for row in found["digests"]:
        print(f"  digest    {row['local_day']} {row['status']} {line(row['subject'])}")
    return 0


def _signed(learned: dict[str, float]) -> list[str]:
    """Return what somebody wants more and less of: the three strongest of each."""
    words = sorted(
        (name for name in learned if ":" not in name), key=lambda name: (-abs(learned[name]), name)
    )
    more = [f"+{name}" for name in words if learned[name] > 0][:3]
    return more + [f"-{name}" for name in words if learned[name] < 0][:3]


def _shared_with(address: str, flow: str) -> dict[str, str]:
    return shares.of_recipients([address], flow)[address]


def _sees(row: recipients.ApprovedRecipient, shared: dict[str, str]) -> str:
    """Return what somebody sees of what is private."""
    if row["owner"]:
        return "all (owner)"
    return ", ".join(shares.in_words(key) for key in shared)


def _standing(row: recipients.ApprovedRecipient | recipients.Description) -> str:
    standing = f"since {row['standing']:%Y-%m-%d}" if row["standing"] else "none: a person is asked"
    return standing + (f" until {row['until']:%Y-%m-%d}" if row["until"] else "")


def _left(row: recipients.Unsubscribed | recipients.Description) -> str:
    return f"unsubscribed on {row['unsubscribed_at']:%Y-%m-%d}; recipients add brings them back"
