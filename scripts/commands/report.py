"""How a run ended, for people and for programs."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from f.millrace.core import db, visible_text
from f.millrace.core.money import dollars
from f.millrace.ingest import close
from f.millrace.trust import spend
from scripts.commands.output import relative
from scripts.commands.terminal import Terminal, shown

EXIT = {"done": 0, "stopped": 0, "waiting": 3}
KINDS = {".html": "HTML", ".txt": "text", ".eml": "mail"}
DELIVERED = {
    "outbox": "in the outbox; scripts/millrace outbox list",
    "failed": "not delivered",
    "unknown": "nobody can tell whether it was delivered",
    "waiting": "waits for a person",
}


def outcome(outcome: Any, as_json: bool) -> int:
    """Print how the run ended and return the exit code."""
    document = load_report(outcome.run_id)
    if as_json:
        from scripts.commands.output import dump

        print(dump(document))
    else:
        _print(document, getattr(outcome, "error", None))
    # A run that is tried again has not done its work yet, and nobody is asked anything.
    return 1 if document["postponed"] else EXIT.get(document["status"], 1)


def load_report(run_id: str) -> dict[str, Any]:
    """Return the run as `--json` prints it: the same for `run`, `resume` and `show`."""
    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    assert row is not None
    return {
        "run_id": str(row["id"]),
        "trace_id": str(row["id"]).replace("-", ""),
        "flow": row["flow"],
        "status": row["status"],
        "postponed": _postponed(row),
        "started_at": _iso(row["started_at"]),
        "finished_at": _iso(row["finished_at"]),
        "cost_usd": spend.run_cost_usd(run_id),
        "result": _result(row),
    }


def _postponed(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return why the run waits to be tried again and until when; None when it does not."""
    found = (row["pipeline"] or {}).get("postponed") or {}
    if row["status"] != "waiting" or not found.get("waits"):
        return None
    return {name: found[name] for name in ("reason", "until", "tries")}


def _result(row: dict[str, Any]) -> Any:
    if row["flow"] == "daily_research":
        from f.millrace.digest.result import whole_result

        return whole_result(str(row["id"]))
    return row["result"]


def _iso(time: Any) -> str | None:
    return time.isoformat() if time else None


def _print(document: dict[str, Any], error: Any) -> None:
    console = Terminal(soft_wrap=True)
    result = document["result"] or {}
    console.print()
    if document["postponed"]:
        # Why it waits is said once; nothing is made yet.
        result = {name: result[name] for name in ("digests", "deliveries") if name in result}
    words = str((error.get("message") if isinstance(error, dict) else error) or "")
    if "notices" in result:
        # What ended the run is told below.
        result = {**result, "notices": [one for one in result["notices"] if one[:-1] not in words]}
    for line in result_lines(result):
        console.print(line)
    if error:
        console.print(f"  [red]{shown(str(words))}[/]")
    run = document["run_id"][:8]
    words = {
        "done": "[green]done[/]",
        "waiting": "[yellow]waiting for a person[/]",
        "cancelled": "[yellow]cancelled[/]",
    }
    status = words.get(document["status"], f"[red]{document['status'].replace('_', ' ')}[/]")
    if document["postponed"]:
        until = datetime.fromisoformat(document["postponed"]["until"]).astimezone()
        console.print(f"  [red]{shown(_sentence(document['postponed']['reason']))}[/]")
        console.print(
            f"  It is tried again until {until:%H:%M}, each time that recover_runs runs"
            " (scripts/millrace schedule cron recover_runs)."
        )
        status = "[yellow]not done yet[/]"
    console.print(f"\nRun {run}: {status}, {dollars(document['cost_usd'])}\n\nNext:")
    for command in _next(document, run):
        console.print(f"  {command}")


# complexipy: ignore (a paragraph for each key of a result, none needs another)
def result_lines(result: dict[str, Any]) -> list[str]:
    """Return what a person wants to know of a result: failed sources, files, deliveries."""
    lines = [f"  {shown(line)}" for line in str(result.get("text") or "").splitlines()]
    for call in result.get("calls", []):
        lines.append(
            f"  {shown(call['tool'])}: {call['state']}"
            + (f" ({shown(call['error'])})" if call["error"] else "")
        )
    for gap in result.get("gaps", []):
        lines += [
            f"  [yellow]no tool does the work of {shown(need['name'])}[/]"
            for need in gap["missing_tools"]
        ]
    for problem in result.get("problems", []):
        if isinstance(problem, dict):
            lines.append(
                f"  [yellow]{shown(relative(problem['path']))} {shown(problem['problem'])}[/]"
            )
    if skipped := result.get("skipped"):
        lines.append(f"  [dim]not documents: {shown(close.format_skipped(skipped))}[/]")
    for note in result.get("notes", []):
        lines.append(f"  [dim]{shown(relative(note['path']))} {shown(note['note'])}[/]")
    for notice in result.get("notices", []) if isinstance(result.get("digests"), list) else []:
        lines.append(f"  [red]{shown(notice)}[/]")
    for source in result.get("sources", []):
        if source.get("status") == "failed":
            lines.append(
                f"  [yellow]{shown(source['name'])} could not be read:"
                f" {shown(source.get('error') or '')}[/]"
            )
    for digest in result.get("digests", []):
        for path in digest.get("files", []):
            lines.append(f"  {KINDS.get(Path(path).suffix, 'file')}  {shown(relative(path))}")
    for delivery in result.get("deliveries", []):
        lines.append(f"  for   {shown(delivery['recipient'])} ({shown(_how_delivered(delivery))})")
    return lines


def _how_delivered(delivery: dict[str, Any]) -> str:
    said = DELIVERED.get(delivery["status"]) or str(delivery["status"])
    return f"{said}: {delivery['error']}" if delivery.get("error") else said


def _sentence(words: str) -> str:
    return words if words.endswith(".") else f"{words}."


def _files_to_open(document: dict[str, Any]) -> list[str]:
    pages = [
        path
        for digest in (document["result"] or {}).get("digests") or []
        for path in digest.get("files") or []
        if path.endswith(".html")
    ]
    return [f"open {relative(path)}" for path in pages[:1]]


def _answers(document: dict[str, Any], run: str) -> list[str]:
    asked = db.fetch_one(
        "SELECT id FROM action WHERE run_id = %s AND state = 'proposed' AND asked_at IS NOT"
        " NULL "
        # The flow's own question, which its parts are answered with, has an end.
        "ORDER BY expires_at NULLS LAST LIMIT 1",
        [document["run_id"]],
    )
    action = str(asked["id"])[:8] if asked else "ACTION"
    digest = (
        [f"scripts/millrace show {run} --save digests"]
        if document["flow"] == "daily_research"
        else []
    )
    return [
        *(
            f"scripts/millrace approvals {answer} {action}"
            for answer in ("show", "approve", "deny")
        ),
        *digest,
    ]


def _next(document: dict[str, Any], run: str) -> list[str]:
    if document["postponed"]:
        now = "scripts/millrace recover"
        return [
            f"{now}  # tries again at once",
            f"scripts/millrace show {run}",
            "scripts/millrace health",
        ]
    if document["status"] == "waiting":
        return _answers(document, run)
    if document["status"] == "cancelled":
        return [f"scripts/millrace show {run}"]
    if document["status"] in ("failed", "killed", "running"):
        return [
            f"scripts/millrace resume {run}",
            f"scripts/millrace show {run}",
            "scripts/millrace settings",
        ]
    again = (
        [f"scripts/millrace resume {run}  # does what is not done"]
        if document["status"] == "partly_failed" and document["flow"] == "daily_research"
        else []
    )
    if document["flow"] == "do_task":
        return [
            f"scripts/millrace show {run}",
            f"scripts/millrace feedback {run} good",
            "scripts/millrace gaps",
        ]
    if document["flow"] == "ingest_documents":
        return [
            "scripts/millrace documents list",
            'scripts/millrace ask "What do my documents say about ...?"',
        ]
    if (document["result"] or {}).get("edition") == "sample":
        ask = 'scripts/millrace ask --sample "How much will the battery plant make?"'
        return [
            *_files_to_open(document),
            f"scripts/millrace show {run}",
            ask,
            "scripts/millrace ui --sample  # the same in the browser",
            "scripts/millrace run daily_research",
        ]
    return [
        *again,
        *_files_to_open(document),
        f"scripts/millrace show {run}",
        f"scripts/millrace feedback {run} good",
        "scripts/millrace recipients list",
    ]


def send_trace(run_id: str) -> None:
    """Send the trace of an ended run, once the person has the result, and say why a collector
    refuses it.
    """
    from f.millrace.telemetry.export import run_ended

    refused = run_ended(run_id)
    if refused:
        print(f"The trace of this run is not taken: {visible_text.line(refused)}", file=sys.stderr)
