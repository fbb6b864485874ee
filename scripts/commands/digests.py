"""`digests`: the archive of digests: list, open one, the Atom feed, the pages that one cites."""

from __future__ import annotations

import argparse
import os
import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from f.millrace.core import config, private_files, visible_text
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.digest import archive
from scripts.commands.output import dump, relative
from scripts.commands.terminal import WIDE, Table, Terminal, has_screen, line
from scripts.database.ready import ready

if TYPE_CHECKING:
    from f.millrace.core import rows


def add(commands: Any) -> None:
    """Declare `digests`, `digests open|feed|page`."""
    parser = commands.add_parser(
        "digests", help="the digests so far: list them, open one, their feed, the pages they cite"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wide", action="store_true", help=WIDE)
    parser.add_argument("--sample", action="store_true", help="those of the sample edition")
    parser.set_defaults(function=list_all)
    actions = parser.add_subparsers(dest="action", metavar="open|feed|page")
    opened = actions.add_parser("open", help="open a day's digest in the browser")
    opened.add_argument("day", metavar="DAY", help="2026-11-29, or last")
    opened.add_argument("--number", type=int, help="which edition of the day; the last otherwise")
    opened.set_defaults(function=open_digest)
    feed = actions.add_parser(
        "feed",
        help="write an Atom feed: of what all readers may see, or of one reader's editions",
        description="Write an Atom feed. Without --for and --private it is the shared feed, which"
        " is kept in the outbox as well: it has the editions that all readers may see. Those of"
        " owners, and those in which something was shared with a reader, are not in it; where only"
        " owners ever got a digest it has theirs, for there is nobody else. A reader's own feed"
        " (--for) has that reader's editions, whatever they show.",
    )
    whose = feed.add_mutually_exclusive_group()
    whose.add_argument(
        "--for",
        dest="reader",
        metavar="ADDRESS",
        help="the editions of this reader, as they got them; for a file of their own",
    )
    feed.add_argument(
        "file", nargs="?", type=os.path.abspath, help="where; in the outbox otherwise; - prints it"
    )
    whose.add_argument(
        "--private",
        action="store_true",
        help="the editions of the owner, as --for with the owner's address",
    )
    feed.set_defaults(function=write_feed)
    page = actions.add_parser("page", help="print a page that a digest cites, as it was read")
    page.add_argument("day", metavar="DAY", help="2026-11-29, or last")
    page.add_argument("page", metavar="N", nargs="?", type=int, help="which; none: list them")
    page.set_defaults(function=show_page)


def list_all(options: argparse.Namespace) -> int:
    """Print each digest: day, edition, topics, recipients, subject."""
    ready()
    rows = archive.list_digests(_namespace(options))
    if options.json:
        print(dump({"digests": rows}))
        return 0
    if not rows:
        print("There is no digest yet; scripts/millrace run daily_research makes one.")
        return 0
    table = Table("day", "topics", "recipients", "subject", keep=("day",))
    for row in rows:
        edition = f" ({row['number']})" if row["number"] > 1 else ""
        private = " private" if row["private"] else " shared" if row["shared"] else ""
        table.add_row(
            f"{row['local_day']}{edition}{private}",
            str(row["topics"]),
            ", ".join(row["recipients"]),
            row["subject"],
        )
    Terminal(wide=options.wide).print(table)
    return 0


def open_digest(options: argparse.Namespace) -> int:
    """Write the digest's page where it is missing, print its path, and open it in a browser."""
    ready()
    path = archive.write(_find(options)["id"])
    print(relative(path))
    if not os.environ.get("SSH_CONNECTION") and has_screen():
        webbrowser.open(path.resolve().as_uri())
    return 0


def write_feed(options: argparse.Namespace) -> int:
    """Write the feed, and say where."""
    if (options.private or options.reader) and not options.file:
        named = "--private" if options.private else "--for"
        raise BadInput(f"{named} needs a FILE, or - to print it: the feed in the outbox is for all")
    ready()
    reader = _owner(_namespace(options)) if options.private else options.reader or ""
    text = archive.feed(_namespace(options), reader)
    if options.file and Path(options.file).name == "-":
        print(text, end="")
        return 0
    path = Path(options.file or Path(config.settings().outbox_dir) / archive.FEED)
    try:
        private_files.make_folder(path.parent)
        private_files.write(path, text)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}; name another file") from error
    print(relative(path))
    return 0


def _owner(namespace: str) -> str:
    owners = archive.owners(namespace)
    if not owners:
        raise NotFound(
            "no recipient is an owner; scripts/millrace recipients add --owner names one"
        )
    if len(owners) > 1:
        raise BadInput(f"there are several owners; name one: --for {' or --for '.join(owners)}")
    return owners[0]


def show_page(options: argparse.Namespace) -> int:
    """Print the text of a cited page, or the list of them."""
    ready()
    pages = archive.pages(str(_find(options)["run_id"]))
    if options.page is None:
        for number, page in enumerate(pages, 1):
            print(f"{number:3}  {line(page['title'])} ({line(page['site'])})")
            print(f"     {line(page['url'])}")
        return 0
    if not 1 <= options.page <= len(pages):
        raise NotFound(f"the digest cites {len(pages)} pages, so there is no page {options.page}")
    page = pages[options.page - 1]
    print(f"{line(page['title'])}\n{line(page['site'])}, {line(page['url'])}\n")
    print(visible_text.block(page["body"]))
    return 0


def _find(options: argparse.Namespace) -> rows.Digest | archive.ListedDigest:
    namespace = _namespace(options)
    if options.day == "last":
        listed = archive.list_digests(namespace)
        if not listed:
            raise NotFound("there is no digest yet; scripts/millrace run daily_research makes one")
        return listed[0]
    try:
        day = date.fromisoformat(options.day)
    except ValueError as error:
        raise BadInput(f"{options.day!r} is no day like 2026-11-29, nor last") from error
    return archive.find(day, getattr(options, "number", None), namespace)[0]


def _namespace(options: argparse.Namespace) -> str:
    return "sample" if options.sample else "main"
