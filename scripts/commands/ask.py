"""`ask`: one question, answered from what can be searched and read, sentence by sentence."""

import argparse
from typing import Any

from rich.console import Console
from rich.markup import escape

from f.millrace.core.money import dollars
from f.millrace.core.run_context import change, current
from f.millrace.evidence import confidence_words
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
    from f.millrace.models import fault_log
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
    faults = fault_log.of_run(run_id)
    if options.json:
        print(
            dump(
                {
                    "run_id": run_id,
                    "answer": reply.text,
                    "sources": reply.sources,
                    "faults": [fault_log.describe(row) for row in faults],
                    **reply.result.model_dump(mode="json"),
                }
            )
        )
        return int(bool(faults)), run_id
    console.print()
    for source in reply.sources:
        date = f" ({str(source['published_at'])[:10]})" if source.get("published_at") else ""
        console.print(
            f"[dim]\\[{source['number']}] {escape(source['title'])}{date}"
            f" {escape(_where(source))}[/]",
            soft_wrap=True,
        )
    for row in faults:
        console.print(f"[red]{escape(fault_log.describe(row))}[/]", soft_wrap=True)
    console.print(f"[dim]{escape(_how_sure(reply))}[/]", soft_wrap=True)
    return int(bool(faults)), run_id


def _how_sure(reply: Any) -> str:
    """Return in one line how far the answer can be relied on, who wrote it and what it cost."""
    result = reply.result
    publishers = {source["source"] or source["url"] for source in reply.sources}
    sure = confidence_words.describe(
        result.confidence.score,
        result.confidence.model_dump(),
        len(publishers),
        bool(result.conflicts),
    )
    names = ", ".join(result.written_by)
    offline = "; the offline model only picks sentences" if "offline" in result.written_by else ""
    author = f"Written by {names}{offline}" if names else "No model wrote anything"
    return ". ".join(part for part in (sure, author, dollars(result.cost_usd)) if part)


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
