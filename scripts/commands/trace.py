"""`trace`: what a run did, as a tree with times, tokens and money, and where Jaeger shows it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rich.tree import Tree

from f.millrace.core import db
from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput, MillraceError
from f.millrace.core.money import dollars
from f.millrace.telemetry.export import export_run
from scripts.commands.output import dump
from scripts.commands.run import find
from scripts.commands.terminal import Terminal, shown
from scripts.database.ready import ready

if TYPE_CHECKING:
    from f.millrace.core import rows


class NotSent(MillraceError):
    """The collector did not take a trace; its spans stay."""


def add(commands: Any) -> None:
    """Declare `trace`."""
    trace = commands.add_parser("trace", help="show the trace of a run")
    trace.add_argument("run", metavar="RUN", help="its id, the beginning of it, or `last`")
    trace.add_argument("--json", action="store_true")
    trace.add_argument(
        "--export",
        action="store_true",
        help="send it to the collector, also when sampling left it out",
    )
    trace.set_defaults(function=show)


def show(options: argparse.Namespace) -> int:
    """Print the trace; with `--export` send it first."""
    ready()
    run = find(options.run)
    sent = _export(run) if options.export else None
    spans: list[rows.Span] = db.fetch_all(
        "SELECT * FROM span WHERE run_id = %s ORDER BY started_at, span_id", [run["id"]]
    )
    link = f"{settings().jaeger_url.rstrip('/')}/trace/{str(run['id']).replace('-', '')}"
    if options.json:
        print(
            dump(
                {
                    "run_id": run["id"],
                    "flow": run["flow"],
                    "status": run["status"],
                    "jaeger": link,
                    "spans": spans,
                }
            )
        )
        return 0
    console = Terminal(soft_wrap=True)
    console.print(tree(run, spans))
    if not spans:
        console.print(
            "No spans are kept: the run recorded none, or they are older than"
            f" {settings().trace_days} days."
        )
    if sent is not None:
        console.print(f"{sent} spans sent")
    exported = (
        db.fetch_one(
            "SELECT root_sent_at IS NOT NULL AS sent, sampled FROM run WHERE id = %s", [run["id"]]
        )
        or {}
    )
    console.print(f"{shown(link)}{_whether(exported)}")
    return 0


def tree(run: rows.Run, spans: list[rows.Span]) -> Tree:
    """Return the run with its spans below it; one whose parent is unknown stands below the run."""
    ended = run["finished_at"]
    seconds = (ended - run["started_at"]).total_seconds() if ended else None
    total = _sums(spans)
    root = Tree(_line(run["flow"], run["status"], seconds, *total))
    nodes: dict[str, Tree] = {}
    known = {span["span_id"] for span in spans}
    waiting = list(spans)
    while waiting:
        for span in [
            one for one in waiting if one["parent_id"] not in known or one["parent_id"] in nodes
        ]:
            waiting.remove(span)
            nodes[span["span_id"]] = nodes.get(span["parent_id"] or "", root).add(_node(span))
    return root


def _export(run: rows.Run) -> int:
    if not settings().otlp_endpoint:
        raise BadInput(
            "there is no collector; set MILLRACE_OTLP_ENDPOINT, e.g. to http://127.0.0.1:4318"
        )
    if run["finished_at"] is None:
        raise BadInput(f"run {run['id']} is {run['status']}; its trace is sent when it has ended")
    try:
        return export_run(run, asked=True)
    except Exception as error:
        raise NotSent(f"{settings().otlp_endpoint} did not take the trace: {error}") from error


def _whether(run: dict[str, Any]) -> str:
    if run.get("sent"):
        return ""
    return (
        "  [dim](left out by sampling; --export sends it)[/]"
        if run.get("sampled") == "out"
        else "  [dim](not sent)[/]"
    )


def _node(span: rows.Span) -> str:
    seconds = (
        (span["finished_at"] - span["started_at"]).total_seconds() if span["finished_at"] else None
    )
    attributes = span["attributes"]
    tokens = sum(attributes.get(f"gen_ai.usage.{kind}_tokens", 0) for kind in ("input", "output"))
    return _line(
        span["name"],
        span["status"],
        seconds,
        tokens,
        attributes.get("operation.cost") or 0,
        _error_of(span),
    )


def _error_of(span: rows.Span) -> str:
    return (
        str(span["attributes"].get("error.message", "")).partition("\n")[0][:120]
        if span["status"] == "error"
        else ""
    )


def _line(
    name: str, status: str, seconds: float | None, tokens: int, usd: float, why: str = ""
) -> str:
    parts = [shown(name)]
    parts.append(
        f"[dim]{seconds * 1000:.0f} ms[/]"
        if seconds is not None and seconds < 1
        else f"[dim]{seconds:.1f} s[/]"
        if seconds is not None
        else ""
    )
    parts.append(f"[dim]{tokens} tokens[/]" if tokens else "")
    parts.append(dollars(usd) if usd else "")
    parts.append(
        f"[red]{shown(status)}[/]" if status in ("error", "killed", "failed", "pending") else ""
    )
    parts.append(f"[red]{shown(why)}[/]" if why else "")
    return "  ".join(filter(None, parts))


def _sums(spans: list[rows.Span]) -> tuple[int, float]:
    """Return tokens and money of the model calls; agents repeat what their calls have used."""
    calls = [
        span["attributes"]
        for span in spans
        if span["attributes"].get("gen_ai.operation.name") == "chat"
    ]
    tokens = sum(
        call.get("gen_ai.usage.input_tokens", 0) + call.get("gen_ai.usage.output_tokens", 0)
        for call in calls
    )
    return tokens, sum(call.get("operation.cost") or 0 for call in calls)
