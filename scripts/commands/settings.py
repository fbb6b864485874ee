"""`settings`: the effective values, their origins and mistakes; a file to begin with."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from f.millrace.core import config
from f.millrace.core.errors import BadInput
from f.millrace.ops import show_settings
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal

PRECEDENCE = (
    f"The first of these that sets a setting wins: {config.PREFIX}<NAME> in the environment,"
    f" {config.FILE}, on a worker the resource {config.RESOURCE}, {config.DEFAULTS}, the default."
    f" The word {config.NONE} empties a text or a list."
)


def add(commands: Any) -> None:
    """Declare `settings [show|check|example]`."""
    parser = commands.add_parser(
        "settings",
        help="show the effective settings, secrets masked; check them; print an example file",
    )
    parser.add_argument("action", nargs="?", choices=["show", "check", "example"], default="show")
    parser.add_argument(
        "file", nargs="?", type=os.path.abspath, help=f"check: another file than {config.FILE}"
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(function=act)


def act(options: argparse.Namespace) -> int:
    """Show, check or print the example."""
    if options.action == "example":
        from scripts.settings import example

        print(example.text(), end="")
        return 0
    return check(options) if options.action == "check" else show(options)


def check(options: argparse.Namespace) -> int:
    """Print every mistake in the settings; exit 2 when there is one."""
    from scripts.settings.check import check as mistakes_in

    file = Path(options.file or config.FILE)
    if options.file and not file.is_file():
        raise BadInput(f"there is no file {options.file!r}")
    found = mistakes_in(file)
    if options.json:
        print(dump({"mistakes": [asdict(one) for one in found]}))
        return 2 if found else 0
    for one in found:
        print(one)
    print(
        f"{len(found)} mistake(s)"
        if found
        else f"the settings are in order{'' if file.is_file() else f'; there is no {file.name}'}"
    )
    return 2 if found else 0


def show(options: argparse.Namespace) -> int:
    """Print every setting: name, value, origin, meaning."""
    rows = show_settings.rows()
    if options.json:
        print(dump({"settings": rows}))
        return 0
    table = Table("setting", "value", "from", "meaning", wraps=True)
    for row in rows:
        table.add_row(row["name"], str(row["value"]), row["from"], row["description"])
    console = Terminal()
    console.print(table)
    console.print(f"\n[dim]{PRECEDENCE}[/]")
    return 0
