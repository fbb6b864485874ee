"""`runs` and `show`: what ran, and how one run went."""

import argparse
import os
from pathlib import Path
from typing import Any

from f.millrace.core import db, private_files
from f.millrace.core.errors import BadInput
from f.millrace.core.money import dollars
from f.millrace.telemetry.runs import MAINTENANCE
from f.millrace.trust import spend
from scripts.commands import report
from scripts.commands.output import dump, relative
from scripts.commands.run import find
from scripts.commands.terminal import WIDE, Table, Terminal, shown
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `runs` and `show`."""
    runs = commands.add_parser("runs", help="list the latest runs")
    runs.add_argument("--limit", type=int, default=20)
    runs.add_argument("--all", action="store_true", help="also those of maintenance (ops)")
    runs.add_argument("--json", action="store_true")
    runs.add_argument("--wide", action="store_true", help=WIDE)
    runs.set_defaults(function=show_runs)
    show = commands.add_parser("show", help="show one run")
    show.add_argument("run", metavar="RUN", help="its id, the beginning of it, or `last`")
    show.add_argument("--json", action="store_true")
    show.add_argument(
        "--save",
        metavar="FOLDER",
        type=os.path.abspath,
        help="write its digests there, also those that wait for a person",
    )
    show.set_defaults(function=show_run)


def show_runs(options: argparse.Namespace) -> int:
    """Print the latest runs, newest first."""
    ready()
    rows = db.fetch_all(
        "SELECT run.id, flow, edition, status, run.started_at, finished_at, extract(epoch FROM"
        " finished_at - run.started_at - run_waited(run))::float AS seconds,"
        f" coalesce(sum({spend.COST}), 0)::float AS cost_usd FROM run LEFT JOIN usage ON"
        " usage.run_id = run.id WHERE %s OR NOT starts_with(flow, %s) GROUP BY run.id ORDER BY"
        " run.started_at DESC LIMIT %s",
        [options.all, MAINTENANCE, options.limit],
    )
    if options.json:
        print(dump({"runs": rows}))
        return 0
    table = Table(
        "run", "flow", "edition", "status", "started", "seconds", "cost", keep=("run", "status")
    )
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.1f}"
        started = f"{row['started_at']:%Y-%m-%d %H:%M}"
        table.add_row(
            str(row["id"])[:8],
            row["flow"],
            row["edition"],
            row["status"],
            started,
            seconds,
            dollars(row["cost_usd"]),
        )
    console = Terminal(wide=options.wide)
    if rows:
        console.print(table)
    else:
        console.print("No runs yet. Start one: scripts/demo")
    return 0


# complexipy: ignore (one part of the page after the other)
def show_run(options: argparse.Namespace) -> int:
    """Print one run with its steps and topics."""
    ready()
    row = find(options.run)
    document = report.load_report(str(row["id"]))
    saved = _save(str(row["id"]), Path(options.save)) if options.save else []
    if options.json:
        print(dump(document))
        return 0
    console = Terminal(soft_wrap=True)
    console.print(
        f"[bold]{shown(row['flow'])}[/] {row['id']}  {row['status']} "
        f" {dollars(document['cost_usd'])}"
    )
    if row["error"]:
        console.print(f"  {shown(row['error'])}")
    for step in db.fetch_all(
        "SELECT * FROM step WHERE run_id = %s ORDER BY started_at", [row["id"]]
    ):
        seconds = (
            (step["finished_at"] - step["started_at"]).total_seconds()
            if step["finished_at"]
            else None
        )
        timing = f"{seconds:6.1f} s" if seconds is not None else "        "
        fault = f"  [red]{shown(step['error'])}[/]" if step["error"] else ""
        console.print(f"  {timing}  {shown(step['path'])}  [dim]{step['status']}[/]{fault}")
    for line in (document["result"] or {}).get("tool_changes", []):
        console.print(f"  since the run before, {shown(line)}")
    for topic in (document["result"] or {}).get("topics", []):
        sure = topic.get("confidence_words") or topic["stopped_because"]
        console.print(f"\n[bold]{shown(topic['title'])}[/]  [dim]{shown(sure)}[/]")
        for finding in topic["findings"]:
            console.print(
                f"  {shown(finding['text'])} [dim]{shown(' '.join(finding['citations']))}[/]"
            )
    console.print()
    for line in [
        *report.result_lines(document["result"] or {}),
        *(f"  saved {shown(relative(path))}" for path in saved),
    ]:
        console.print(line)
    return 0


def _save(run_id: str, folder: Path) -> list[Path]:
    rows = db.fetch_all(
        "SELECT * FROM digest WHERE run_id = %s ORDER BY window_since NULLS FIRST", [run_id]
    )
    paths = []
    try:
        private_files.make_folder(folder)
        for place, row in enumerate(rows, 1):
            name = f"{row['flow']}-{row['local_day']}-{row['number']}" + (
                f"-{place}" if len(rows) > 1 else ""
            )
            for suffix, column in ((".html", "html"), (".txt", "plain")):
                paths.append(folder / (name + suffix))
                private_files.write(paths[-1], row[column])
    except OSError as error:
        raise BadInput(
            f"cannot write to {folder}: {error.strerror}; name a folder that can be written"
        ) from error
    return paths
