"""`audit`: the log of who did what at whose word: checked, exported, and told for one run."""

import argparse
import json
import os
import re
from typing import Any

from f.millrace.core import db
from f.millrace.core.errors import NotFound
from f.millrace.trust import audit, pseudonyms
from scripts.commands.output import dump, escape_json
from scripts.commands.run import find
from scripts.commands.terminal import WIDE, Terminal, shown
from scripts.database.ready import ready

SHOWN = ("actor", "subject", "detail")
# What the log says of an action before anything came of it.
BEFORE = frozenset({"action.proposed", "action.intent", "approval.approved"})
HASH = re.compile(r"\b[0-9a-f]{64}\b")


def add(commands: Any) -> None:
    """Declare `audit verify|export|show`."""
    parser = commands.add_parser(
        "audit", help="the log of decisions and effects: verify, export, show one run's"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="verify|export|show")
    check = actions.add_parser("verify")
    check.add_argument(
        "--against", metavar="FILE", type=os.path.abspath, help="compare with an earlier export"
    )
    check.add_argument("--json", action="store_true")
    check.set_defaults(function=verify)
    export = actions.add_parser("export")
    export.add_argument("run", metavar="RUN", nargs="?", help="only this run's rows")
    export.set_defaults(function=export_rows)
    show = actions.add_parser("show")
    show.add_argument("run", metavar="RUN")
    show.add_argument("--json", action="store_true")
    show.add_argument("--wide", action="store_true", help=WIDE)
    show.set_defaults(function=show_run)


def verify(options: argparse.Namespace) -> int:
    """Print what is wrong with the log; 1 when something is."""
    ready()
    faults = audit.verify(_lines(options.against))
    count = len(audit.rows())
    if options.json:
        print(dump({"rows": count, "faults": faults}))
    else:
        for fault in faults:
            print(fault)
        print(
            f"{count} rows, {len(faults)} faults"
            if faults
            else f"{count} rows, each follows the one before"
        )
    return 1 if faults else 0


def export_rows(options: argparse.Namespace) -> int:
    """Print the rows as JSON lines."""
    ready()
    for line in audit.export(str(find(options.run)["id"]) if options.run else None):
        print(escape_json(line))
    return 0


def show_run(options: argparse.Namespace) -> int:
    """Print what happened in a run: when, who, what, about what, and why."""
    ready()
    run_id, addresses = str(find(options.run)["id"]), pseudonyms.known_addresses()
    rows = [
        {**row, **pseudonyms.reveal({name: row[name] for name in SHOWN}, addresses)}
        for row in audit.rows(run_id)
    ]
    if options.json:
        print(dump({"rows": rows}))
        return 0
    titles = _titles(run_id)
    console = Terminal(wide=options.wide)
    for row in rows:
        told = titles.get(row["subject"], "") if row["kind"] not in BEFORE else ""
        about = f"{row['subject']} {told}".strip()
        console.print_row(
            f"{row['at']:%Y-%m-%d %H:%M:%S}  [bold]{shown(row['actor'])}[/] {shown(row['kind'])}"
            f" {shown(about)}"
        )
        detail = ", ".join(
            f"{name} {_shorten(value)}"
            for name, value in row["detail"].items()
            if value not in (None, "", [], {})
        )
        if detail:
            console.print_row(f"    [dim]{shown(detail)}[/]")
    return 0


def _titles(run_id: str) -> dict[str, str]:
    """Return what the log's ids stand for, as long as the rows that say so are there."""
    rows = db.fetch_all(
        "SELECT id AS subject, title FROM topic WHERE run_id = %s UNION ALL SELECT key,"
        " left(coalesce(outcome ->> 'error', outcome ->> 'path', ''), 200) FROM action WHERE run_id"
        " = %s",
        [run_id, run_id],
    )
    return {row["subject"]: f"({row['title']})" for row in rows if row["title"]}


def _lines(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error


def _shorten(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # A hash is for comparing; its beginning tells it from the others.
    text = HASH.sub(lambda found: found[0][:12], text)
    return text if len(text) <= 120 else text[:119] + "…"
