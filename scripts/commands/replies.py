"""`replies`: what recipients say of digests, by mail or by link."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.research import read_reply
from f.millrace.trust import feedback, reply_tokens
from scripts.commands.output import dump
from scripts.commands.terminal import WIDE, Table, Terminal, line
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `replies read|list|renew-key`."""
    parser = commands.add_parser(
        "replies", help="what recipients say of digests: more, less, not true, unsubscribe"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="read|list|renew-key")
    read = actions.add_parser("read", help="do what the mails of recipients say")
    read.add_argument(
        "files",
        nargs="*",
        metavar="FILE.eml",
        type=os.path.abspath,
        help="mails as they came; none: one from standard input, as a mail server pipes it",
    )
    read.set_defaults(function=read_mails)
    listed = actions.add_parser("list", help="list what was said, the newest first")
    listed.add_argument("--json", action="store_true")
    listed.add_argument("--wide", action="store_true", help=WIDE)
    listed.set_defaults(function=list_all)
    renew = actions.add_parser(
        "renew-key", help="sign with a new key: tokens of the mails so far are refused"
    )
    renew.set_defaults(function=renew_key)


def read_mails(options: argparse.Namespace) -> int:
    """Do what each mail says, and print it; 1 when one of them did nothing."""
    ready()
    files = [Path(name) for name in options.files]
    try:
        mails = [path.read_bytes() for path in files] or [sys.stdin.buffer.read()]
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be read: {error.strerror}") from error
    answers = [read_reply.main(mail.decode("utf-8", errors="surrogateescape")) for mail in mails]
    for answer in answers:
        print(line(answer["said"]), file=sys.stdout if answer["done"] else sys.stderr)
    return 0 if all(answer["done"] for answer in answers) else 1


def list_all(options: argparse.Namespace) -> int:
    """Print what was said: when, who, what of which topic."""
    ready()
    rows = feedback.list_replies()
    if options.json:
        print(dump({"replies": rows}))
        return 0
    if not rows:
        print("Nobody has replied yet.")
        return 0
    table = Table("at", "recipient", "says", "of", "comment", keep=("at", "says"))
    for row in rows:
        table.add_row(
            f"{row['at']:%Y-%m-%d %H:%M}",
            row["recipient"],
            row["verb"],
            row["title"],
            row["comment"],
        )
    Terminal(wide=options.wide).print(table)
    return 0


def renew_key(options: argparse.Namespace) -> int:  # noqa: ARG001
    """Make a new key."""
    ready()
    print(f"key {reply_tokens.renew_key()} signs from now on; tokens of earlier mails are refused")
    return 0
