"""`doctor`: what would go wrong on the first morning; with --windmill on a server, else on this
machine, as `health`.
"""

import argparse
from typing import Any

from f.millrace.core.redaction import redact
from scripts.commands import health
from scripts.commands.output import dump
from scripts.commands.terminal import Terminal, shown
from scripts.deployment import doctor, workspaces
from scripts.deployment.server import Server
from scripts.paths import ROOT

COLOURS = {"ok": "green", "note": "yellow", "problem": "red"}


def add(commands: Any) -> None:
    """Declare `doctor`."""
    parser = commands.add_parser(
        "doctor",
        help=(
            "say what would go wrong on the first morning: with --windmill on a server, else here,"
            " as health; exit code 1 if so"
        ),
    )
    parser.add_argument(
        "--windmill",
        action="store_true",
        help="examine a workspace: rights, workers, settings, a run, an approval",
    )
    workspaces.add_options(parser)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(function=run)


def run(options: argparse.Namespace) -> int:
    """Print a line for each finding; 1 when there is a problem."""
    if not options.windmill:
        return health.show(options)
    server = Server(*workspaces.find_workspace(ROOT, options))
    console, found = Terminal(soft_wrap=True), []
    for finding in doctor.examine(server, ROOT):
        found.append(finding)
        if not options.json:
            way = (
                f" [dim]→ {shown(finding.way_out)}[/]"
                if finding.way_out and finding.state != "ok"
                else ""
            )
            colour = COLOURS[finding.state]
            console.print(
                f"[{colour}]{finding.state:8}[/] {finding.name:13}"
                f" {shown(redact(finding.text))}{way}"
            )
    if options.json:
        print(dump([finding._asdict() for finding in found]))
    return int(any(finding.state == "problem" for finding in found))
