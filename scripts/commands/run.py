"""`run` and `resume`: a pipeline on this machine, shown step by step."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, Any

from f.millrace.core import db, windmill
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.telemetry.runs import MAINTENANCE
from f.millrace.trust import recovery
from scripts.commands import report, values
from scripts.commands.display import Display
from scripts.commands.terminal import Table, Terminal, shown
from scripts.compiler import pulled
from scripts.database.ready import ready
from scripts.paths import ROOT
from scripts.runner import openflow as flows
from scripts.samples.sources import sample_sources

if TYPE_CHECKING:
    from f.millrace.core import rows

RECOVER = "recover_runs"
# How long the end of a run waits for who is told of it; the rest goes with a later one.
TELL_SECONDS = 5.0


def add(commands: Any) -> None:
    """Declare `run` and `resume`."""
    run = commands.add_parser("run", help="run a pipeline on this machine")
    run.add_argument(
        "flow",
        metavar="FLOW",
        nargs="?",
        help="a pipeline's name, or the path of a flow: u/example/brief; none: list them",
    )
    run.add_argument("inputs", nargs="*", metavar="key=value")
    run.add_argument("--input", metavar="FILE", type=os.path.abspath, help="JSON file with inputs")
    run.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    run.add_argument(
        "--dry-run", action="store_true", help="leave nothing outside the run's own record"
    )
    run.add_argument("--again", action="store_true", help="make a further edition of the day")
    run.add_argument(
        "--sample", action="store_true", help="read the sample edition instead of the live sources"
    )
    run.set_defaults(function=start)
    resume = commands.add_parser("resume", help="go on with a run that was interrupted or waits")
    resume.add_argument("run", metavar="RUN")
    resume.add_argument(
        "--from",
        dest="step",
        metavar="STEP",
        help="as a new run, from this step of an ended run; the steps before keep their results",
    )
    resume.add_argument("--json", action="store_true")
    resume.set_defaults(function=go_on)


def start(options: argparse.Namespace) -> int:
    """Run the pipeline `options.flow` and return the exit code; without one, list what there is."""
    if not options.flow:
        return list_flows()
    openflow = flows.load_openflow(options.flow)
    schema = openflow.get("schema") or {}
    inputs = {**_defaults(schema), **values.read(options.inputs, options.input, schema)}
    for name in ("dry_run", "again", "sample"):
        if getattr(options, name):
            if name not in schema.get("properties", {}):
                raise BadInput(
                    f"{options.flow} has no --{name.replace('_', '-')}; its inputs:"
                    f" {', '.join(schema.get('properties', {}))}"
                )
            inputs[name] = True
    with (
        sample_sources(bool(inputs.get("sample"))) as address,
        Display(openflow, quiet=options.json) as display,
    ):
        ready()
        from scripts.runner import run

        waits = None if _is_special(inputs) else recovery.find_postponed(run_name(options.flow))
        if waits:
            # One more call the same day goes on with what is there.
            display.heading(f"{options.flow}, run {str(waits['id'])[:8]} goes on", address)
            outcome = run.resume(str(waits["id"]), on_event=display.show)
        else:
            display.heading(options.flow, address)
            outcome = run.start(openflow, run_name(options.flow), inputs, on_event=display.show)
    code = _finish(outcome, options.json)
    if options.flow == RECOVER and not windmill.on_worker():
        # On Windmill the step starts jobs; here this command goes on with the runs.
        from scripts.commands import recover

        return max(code, recover.go_on_with_all(options.json))
    return code


def _is_special(inputs: dict[str, Any]) -> bool:
    return any(inputs.get(name) for name in ("again", "sample", "dry_run", "run_id"))


def run_name(flow: str) -> str:
    """Return what a run of it is called: a scheduled script's by its step, as on Windmill, so that
    it counts as maintenance.
    """
    from scripts.compiler import spec

    file = ROOT / spec.FOLDER / f"{flow}.yaml"
    loaded = spec.parse(file)[0] if file.is_file() else None
    return loaded.call.run.replace("/", ".") if loaded and loaded.call else flow


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what Windmill's form is filled with before anyone types."""
    return {
        name: field["default"]
        for name, field in schema.get("properties", {}).items()
        if field.get("default") is not None
    }


def list_flows() -> int:
    """Print what can be run, with what it is for."""
    table = Table("flow", "what it does", keep=("flow",))
    for name, path in sorted(flows.list_pipelines().items()):
        table.add_row(name, str(pulled.read_complete(path).get("summary") or ""))
    console = Terminal()
    console.print(table)
    console.print(f"Next: scripts/millrace run FLOW {shown('[key=value …]')}")
    return 0


def go_on(options: argparse.Namespace) -> int:
    """Resume the run and return the exit code."""
    ready()
    row = find(options.run)
    with (
        sample_sources(row["args"].get("sample", False)),
        Display(row["openflow"] or {}, quiet=options.json) as display,
    ):
        from scripts.runner import run

        if options.step:
            outcome = run.repeat(str(row["id"]), options.step, on_event=display.show)
        else:
            outcome = run.resume(
                str(row["id"]), answer=recovery.stored_answer(row), on_event=display.show
            )
    return _finish(outcome, options.json)


def _finish(outcome: Any, as_json: bool) -> int:
    code = report.outcome(outcome, as_json=as_json)
    # Once the person has the result.
    report.send_trace(outcome.run_id)
    from f.millrace.ops import notifications

    notifications.deliver_due(TELL_SECONDS)
    return code


def find(run: str) -> rows.Run:
    """Return the row of a run by its id or the beginning of its id; the latest one by its flow's
    name, or by `last`: one of maintenance only when there is no other.
    """
    found = _list_named(run)
    if not found:
        raise NotFound(f"no run {run!r}; scripts/millrace runs lists them")
    if len(found) > 1:
        raise BadInput(f"{run!r} is the beginning of several runs; give more of the id")
    return found[0]


def _list_named(run: str) -> list[rows.Run]:
    if run == "last":
        return db.fetch_all(
            "SELECT * FROM run ORDER BY starts_with(flow, %s), started_at DESC LIMIT 1",
            [MAINTENANCE],
        )
    if not re.fullmatch(r"[0-9A-Fa-f-]+", run):
        return db.fetch_all(
            "SELECT * FROM run WHERE flow = %s ORDER BY started_at DESC LIMIT 1", [run]
        )
    return db.fetch_all(
        "SELECT * FROM run WHERE id::text LIKE %s LIMIT 2", [run.replace("%", "").lower() + "%"]
    )
