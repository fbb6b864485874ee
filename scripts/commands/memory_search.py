"""`memory search|reembed`: ask memory, and move it to another embedding model."""

import argparse
import json
import sys
from typing import Any

from f.millrace.core.errors import MillraceError
from scripts.commands import old_names, terminal
from scripts.commands.output import dump
from scripts.commands.terminal import Terminal, shown
from scripts.database.ready import ready


def add(actions: Any, common: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    asking = actions.add_parser(
        "search",
        parents=[common],
        help="what answers a question best: by meaning, word, time, field or link",
    )
    asking.add_argument("query", metavar="QUESTION")
    asking.add_argument("--limit", type=int, default=10, help="how many results (10)")
    asking.add_argument("--type", action="append", help="only items of this type; may be repeated")
    asking.add_argument("--source", help="only what this source said")
    asking.add_argument(
        "--document", help="only passages of this document, or turns of this session"
    )
    asking.add_argument(
        "--where",
        metavar="JSON",
        type=_fields,
        help='only items whose metadata has this, e.g. \'{"status": "open"}\'',
    )
    asking.add_argument(
        "--zone",
        default="UTC",
        help="time zone for dates in the question, e.g. Europe/London (UTC)",
    )
    asking.add_argument("--sql", action="store_true", help="with --explain: the statements, too")
    asking.set_defaults(function=show_search, explains=True)
    moving = actions.add_parser(
        "reembed",
        parents=[common],
        help="make the vectors again with another model; queries go on meanwhile",
    )
    moving.add_argument(
        "model", nargs="?", metavar="MODEL", help="default: the setting embedding_model"
    )
    moving.set_defaults(function=reembed)


def show_search(options: argparse.Namespace) -> int:
    """Print what was found, best first."""
    from f.millrace.memory import vectors
    from f.millrace.memory.recall import search

    ready()
    # What was written without a vector gets one now; its words are found in any case.
    try:
        vectors.embed_missing(options.namespace, most=512)
    except MillraceError as error:
        print(f"without vectors of what is new: {error}", file=sys.stderr)
    answer = search(
        options.query,
        options.limit,
        namespace=options.namespace,
        known=True,
        types=options.type,
        source=options.source,
        document=options.document,
        fields=options.where,
        as_of=options.as_of,
        known_at=options.known_at,
        zone=options.zone,
    )
    if options.json:
        print(dump(_as_json(answer, options.explain)))
        return 0
    if answer.plan == "words":
        print(answer.tried[0], file=sys.stderr)
    if options.explain:
        _print_plan(answer, options.sql)
    console = Terminal(wide=options.wide)
    for result in answer.results:
        _print_result(console, result, options.explain)
    if not answer.results:
        print("Nothing found.")
    return 0


def _as_json(answer: Any, explain: bool) -> dict[str, Any]:
    results = [
        result.as_json() | ({"parts": old_names.with_old_keys(result.parts)} if explain else {})
        for result in answer.results
    ]
    shown = {
        "query": answer.query,
        "plan": answer.plan,
        "results": results,
        "timings_ms": answer.timings_ms,
    }
    if explain:
        shown |= old_names.with_old_keys({"reason": answer.reason})
        shown |= {"tried": answer.tried, "sql": answer.statements}
    return shown


def _print_plan(answer: Any, sql: bool) -> None:
    before = "".join(f"\n  before it, {tried}" for tried in answer.tried)
    print(f"Plan: {answer.plan} ({answer.reason}){before}")
    times = (f"{name} {spent:.1f} ms" for name, spent in answer.timings_ms.items())
    print(f"Time: {', '.join(times)}")
    if not sql:
        print(f"SQL: {len(answer.statements)} statements; --sql shows them")
        return
    for statement in answer.statements:
        print(f"SQL:{'' if statement[:1].isspace() else ' '}{statement.rstrip()}\n")


def _print_result(console: Terminal, result: Any, explain: bool) -> None:
    memory = result.memory
    named = memory.title and not memory.text.startswith(memory.title)
    title = f"{memory.title}: " if named else ""
    text = shown(title + memory.text[:160])
    console.print_row(f"{result.score:.3f}  {memory.id}  {shown(memory.type)}  {text}")
    if explain:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in result.parts.items())
        console.print_row(f"       {shown(result.why)}")
        if parts:
            console.print_row(f"       {parts}")


def reembed(options: argparse.Namespace) -> int:
    """Move to another model and say which."""
    from f.millrace.memory import vectors

    ready()
    model = vectors.reembed(
        options.model,
        progress=lambda done: None if options.json else terminal.say_progress(f"{done} vectors"),
    )
    shown = {"model": model.name, "dimensions": model.dimensions}
    print(
        dump(shown)
        if options.json
        else f"\nThe vectors are of {model.name}, {model.dimensions} numbers each."
    )
    return 0


def _fields(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object")
    return value
