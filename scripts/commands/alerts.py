"""`alerts`: what is wrong, who has seen it, and when it was over."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput
from f.millrace.core.run_context import now
from f.millrace.telemetry import alerts
from scripts.commands.output import dump
from scripts.commands.terminal import WIDE, Table, Terminal, line, shown, styled
from scripts.database.ready import ready

if TYPE_CHECKING:
    from f.millrace.core import rows

COLOURS = {"emergency": "bold red", "critical": "red", "warning": "yellow", "info": "default"}


def add(commands: Any) -> None:
    """Declare `alerts`."""
    parser = commands.add_parser(
        "alerts", help="list what is wrong, say that you have seen it, or that it is over"
    )
    parser.add_argument(
        "action", nargs="?", default="list", choices=["list", "show", "ack", "resolve"]
    )
    parser.add_argument("alert", nargs="?", type=int, metavar="ID")
    parser.add_argument("--all", action="store_true", help="list: also those that are over")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wide", action="store_true", help=WIDE)
    parser.set_defaults(function=act)


def act(options: argparse.Namespace) -> int:
    """List, show, acknowledge or resolve."""
    ready()
    if options.action == "list":
        return show_list(alerts.list_alerts(options.all), options)
    if options.alert is None:
        raise BadInput(
            f"name the alert: scripts/millrace alerts {options.action} ID; `alerts list` shows"
            " the ids"
        )
    if options.action == "show":
        return show_one(alerts.find(options.alert), options)
    row = (
        alerts.acknowledge(options.alert, settings().user)
        if options.action == "ack"
        else alerts.close(options.alert)
    )
    print(
        dump(row) if options.json else f"alert {row['id']} ({line(row['name'])}) is {row['state']}"
    )
    return 0


def show_list(found: list[rows.Alert], options: argparse.Namespace) -> int:
    """Print a line an alert."""
    if options.json:
        print(dump(found))
        return 0
    console = Terminal(wide=options.wide)
    if not found:
        console.print("No alert was raised yet." if options.all else "No open alerts.")
        for row in alerts.list_failed_runs():
            console.print(
                f"[yellow]The last run of {shown(row['flow'])} ended {shown(row['status'])}"
                f"{': ' if row['error'] else ''}{shown((row['error'] or '')[:300])}[/]\n  next:"
                f" scripts/millrace show {str(row['id'])[:8]}"
            )
        return 0
    table = Table("id", "severity", "since", "state", "what", "agents", keep=("id", "severity"))
    for row in found:
        since = _length((now() - row["started_at"]).total_seconds())
        what = styled(f"[bold]{shown(row['name'])}[/] {shown(row['summary'])}")
        severity = styled(f"[{COLOURS[row['severity']]}]{row['severity']}[/]")
        table.add_row(str(row["id"]), severity, since, row["state"], what, ", ".join(row["agents"]))
    console.print(table)
    return 0


def show_one(row: rows.Alert, options: argparse.Namespace) -> int:
    """Print an alert with its place in the runbook."""
    from f.millrace.ops.alertmanager import STEPS

    if options.json:
        print(dump(row))
        return 0
    console = Terminal()
    console.print(
        f"[bold]{shown(row['name'])}[/] [{COLOURS[row['severity']]}]{row['severity']}[/]"
        f" {row['state']}\n{shown(row['summary'])}"
    )
    for name in ("started_at", "seen_at", "acknowledged_at", "acknowledged_by", "resolved_at"):
        if row[name]:
            console.print(
                f"  {name.replace('_', ' ')}: {row[name]:%Y-%m-%d %H:%M %Z}"
                if name.endswith("at")
                else f"  by {shown(row[name])}"
            )
    if row["labels"]:
        console.print(
            "  " + shown(", ".join(f"{key} {value}" for key, value in row["labels"].items()))
        )
    if row["agents"]:
        console.print("  agents: " + shown(", ".join(row["agents"])))
    known = STEPS.get(row["name"])
    if known:
        console.print(
            "\nLikely causes:",
            *(f"  {cause}" for cause in known.causes),
            "First steps:",
            *(f"  {step}" for step in known.steps),
            sep="\n",
        )
    return 0


def _length(seconds: float) -> str:
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(0, seconds):.0f} s"
