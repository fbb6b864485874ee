"""`recover`: runs that lost their runner, or whose question nobody answered, are gone on with."""

from __future__ import annotations

import argparse
from typing import Any

from f.millrace.core import db
from f.millrace.core.errors import DatabaseUnavailable, MillraceError
from f.millrace.core.redaction import redact
from f.millrace.ops import recover_runs
from f.millrace.trust import recovery
from scripts.commands.display import Display
from scripts.commands.output import dump
from scripts.commands.terminal import line
from scripts.database.ready import ready
from scripts.samples.sources import sample_sources

FAILED = ("failed", "not_recovered")


def add(commands: Any) -> None:
    """Declare `recover`."""
    parser = commands.add_parser("recover", help="go on with runs that lost their runner")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(function=recover)


def recover(options: argparse.Namespace) -> int:
    """Continue, try another way, or tell the operator; 1 when a run was given up."""
    ready()
    return go_on_with_all(options.json)


def go_on_with_all(as_json: bool) -> int:
    """Go on with each run that can, and say how it ended; 1 when one was given up."""
    done = [_recover_apart(row, as_json) for row in recovery.resumable_runs()]
    if as_json:
        print(dump({"recovered": done}))
    elif not done:
        print("Nothing stands still.")
    for one in [] if as_json else done:
        why = f": {line(one['reason'])}" if one.get("reason") else ""
        print(f"{one['run_id'][:8]}: {one['measure']}, {one['status'].replace('_', ' ')}{why}")
    return int(any(one["measure"] == "escalate" or one["status"] in FAILED for one in done))


def _recover_apart(row: recovery.ResumableRun, quiet: bool) -> dict[str, Any]:
    """Recover one run; what goes wrong with it is told, and the others are gone on with."""
    try:
        return _recover(row, quiet)
    except DatabaseUnavailable:
        raise
    except Exception as error:
        kind = "" if isinstance(error, MillraceError) else f"{type(error).__name__}: "
        return {
            "run_id": str(row["id"]),
            "measure": "continue",
            "status": "not_recovered",
            "reason": redact(f"{kind}{error}"),
        }


def _recover(row: recovery.ResumableRun, quiet: bool) -> dict[str, Any]:
    run_id = str(row["id"])
    # A run whose question has expired is no fault of it: it goes on with the answer "nobody
    # answered".
    measure = "continue" if row["status"] == "waiting" else recovery.decide(row)
    if measure == "escalate":
        recover_runs.escalate(row)
        return {"run_id": run_id, "measure": measure, "status": "failed"}
    with (
        sample_sources(bool(row["args"].get("sample"))),
        Display(row["openflow"] or {}, quiet=quiet) as display,
    ):
        from scripts.runner.run import resume

        outcome = resume(run_id, answer=recovery.stored_answer(row), on_event=display.show)
    ended = db.fetch_one("SELECT status, error FROM run WHERE id = %s", [run_id])
    reason = str((ended or {}).get("error") or "")
    return {"run_id": run_id, "measure": measure, "status": outcome.status, "reason": reason}
