"""`ask`: one question, answered from what can be searched and read, sentence by sentence."""

import argparse
from typing import Any

from rich.console import Console
from rich.markup import escape

from f.millrace.core import config
from f.millrace.core.money import dollars
from f.millrace.core.run_context import change, current
from scripts.commands.output import dump, relative
from scripts.commands.run import sample_sources
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `ask`."""
    parser = commands.add_parser("ask", help="answer a question with citations")
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument(
        "--session", metavar="NAME", help="remember the conversation under this name"
    )
    parser.add_argument(
        "--sample", action="store_true", help="ask the sample edition instead of live sources"
    )
    parser.add_argument(
        "--memory", action="store_true", help="answer from documents and other memories only"
    )
    parser.add_argument(
        "--namespace",
        default="main",
        metavar="NAME",
        help="ask the memory that is kept under this name",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    parser.set_defaults(function=ask)


def ask(options: argparse.Namespace) -> int:
    """Print each sentence as soon as it is checked, then the sources."""
    with sample_sources(options.sample):
        ready()
        code, run_id = _answer(options)
    from f.millrace.telemetry.export import run_ended

    run_ended(run_id)
    return code


def _answer(options: argparse.Namespace) -> tuple[int, str]:
    from f.millrace.agents.ask import ask as research
    from f.millrace.telemetry import runs
    from f.millrace.telemetry.events import watch
    from f.millrace.telemetry.spans import step

    console = Console(quiet=options.json, highlight=False)
    namespace = "sample" if options.sample else options.namespace
    with (
        console.status("Thinking") as status,
        watch(lambda event: _show(status, event)),
        step("ask"),
        change(namespace=namespace),
    ):
        run_id = current().run_id
        runs.move(run_id, namespace)
        reply = research(
            options.question,
            options.session,
            on_token=lambda text: console.print(escape(text), end=""),
            memory_only=options.memory,
        )
    if options.json:
        print(
            dump(
                {
                    "run_id": run_id,
                    "answer": reply.text,
                    "sources": reply.sources,
                    **reply.result.model_dump(mode="json"),
                }
            )
        )
        return 0, run_id
    console.print()
    for source in reply.sources:
        date = f" ({str(source['published_at'])[:10]})" if source.get("published_at") else ""
        console.print(
            f"[dim]\\[{source['number']}] {escape(source['title'])}{date}"
            f" {escape(_where(source))}[/]",
            soft_wrap=True,
        )
    model = config.settings().model
    note = "; the offline model only picks sentences" if model == "offline" else ""
    console.print(
        f"[dim]confidence {reply.result.confidence.score}, {model}{note},"
        f" {dollars(reply.result.cost_usd)}[/]"
    )
    return 0, run_id


def _where(source: dict[str, Any]) -> str:
    document = source.get("document")
    return (
        f"{relative(document['path'])}, {document['place']} ({source['url']})"
        if document
        else str(source["url"])
    )


def _show(status: Any, event: dict[str, Any]) -> None:
    if event["event"] != "token" and event["message"]:
        status.update(escape(event["message"]))
