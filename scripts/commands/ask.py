"""`ask`: one question, answered from what can be searched and read, sentence by sentence."""

import argparse
import os
import stat
import sys
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from rich.text import Text

from f.millrace.core import config, errors, visible_text
from f.millrace.core.money import dollars
from f.millrace.core.run_context import change, current
from f.millrace.evidence import confidence_words
from scripts.commands import report
from scripts.commands.output import dump, relative
from scripts.commands.terminal import Terminal, shown
from scripts.database.ready import ready
from scripts.samples.sources import sample_sources


def add(commands: Any) -> None:
    """Declare `ask`."""
    parser = commands.add_parser("ask", help="answer a question with citations")
    parser.add_argument(
        "question",
        metavar="QUESTION",
        nargs="?",
        default="-",
        help="without it, or as -, it is read from stdin; beside it, text piped in is what it is"
        " about",
    )
    add_conversation(parser)
    parser.add_argument(
        "-a", "--agent", metavar="NAME", help="ask an agent that somebody made (agents list)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    parser.set_defaults(function=ask)


def add_conversation(parser: argparse.ArgumentParser) -> None:
    """Declare what `ask` and `chat` share: which conversation, which model, what is asked."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--session", metavar="NAME", help="remember the conversation under this name"
    )
    which.add_argument(
        "-c",
        "--continue",
        dest="continues",
        action="store_true",
        help="go on with the last conversation",
    )
    parser.add_argument(
        "-m", "--model", metavar="MODEL", help="ask this model, e.g. openai:gpt-5-mini or offline"
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


def choose_model(name: str | None) -> None:
    """Let this command's agents ask the model `name`; none keeps the setting."""
    if name:
        os.environ["MILLRACE_MODEL"] = name
        config.reload()


def session_of(options: argparse.Namespace) -> str:
    """Return the conversation that is meant: the named one, the last one, or a new one. Call it
    where the namespace is set.
    """
    if options.continues:
        from f.millrace.memory import history

        return history.last_session()
    return options.session or new_session()


def new_session() -> str:
    """Return the name of a new conversation in the terminal."""
    return f"terminal-{uuid.uuid4().hex[:12]}"


def read_piped() -> str:
    """Return the text that is piped or redirected into this command; empty for a terminal."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # a program runs this without a stdin of its own
        return ""
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace").strip()


def _read_question(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Put the question from stdin into the options; return the text that one beside it is about."""
    if options.question.strip() not in ("-",):
        text = read_piped()
        if not text:
            return []
        return [
            {
                "url": "stdin:",
                "title": "text from stdin",
                "text": text,
                "source": "stdin",
                "trust": "untrusted",
            }
        ]
    if sys.stdin.isatty():
        raise errors.BadInput(
            'no question: scripts/millrace ask "When is high water?", or pipe one in;'
            " scripts/millrace chat is for a conversation"
        )
    options.question = sys.stdin.read()
    return []


def ask(options: argparse.Namespace) -> int:
    """Print each sentence as soon as it is checked, then the sources."""
    options.documents = _read_question(options)
    with sample_sources(options.sample):
        choose_model(options.model)
        ready()
        if options.agent:
            return _ask_agent(options)
        code, run_id = _answer(options)
    report.send_trace(run_id)
    return code


def _ask_agent(options: argparse.Namespace) -> int:
    """Run the flow that asks an agent, and print what it says."""
    from f.millrace.agents import registry
    from scripts.commands.display import Display
    from scripts.runner import run
    from scripts.runner.openflow import load_openflow

    if options.memory or options.documents:
        raise errors.BadInput(
            "an agent answers with its own tools: leave out --memory and the piped text, or ask"
            " without -a"
        )
    namespace = "sample" if options.sample else options.namespace
    with change(namespace=namespace):
        found = registry.find_ready(options.agent, registry.user())
        given = {"task": options.question, "agent": found.name, "version": found.version}
        openflow = load_openflow(registry.FLOW)
        with (
            Display(openflow, quiet=options.json) as display,
            change(session_id=session_of(options)),
        ):
            outcome = run.start(openflow, registry.FLOW, given, on_event=display.show)
    code = report.outcome(outcome, as_json=options.json)
    report.send_trace(outcome.run_id)
    return code


def _answer(options: argparse.Namespace) -> tuple[int, str]:
    from f.millrace.agents.ask import ask as research
    from f.millrace.digest import run_notices
    from f.millrace.models import fault_log
    from f.millrace.telemetry import runs
    from f.millrace.telemetry.events import watch
    from f.millrace.telemetry.spans import step

    console = Terminal(quiet=options.json)
    namespace = "sample" if options.sample else options.namespace
    with (
        console.status("Thinking") as status,
        watch(lambda event: show_progress(status, event)),
        step("ask"),
        change(namespace=namespace),
    ):
        run_id = current().run_id
        runs.move(run_id, namespace)
        reply = research(
            options.question,
            session_of(options),
            on_token=streamed(console),
            memory_only=options.memory,
            documents=options.documents,
        )
    faults = fault_log.of_run(run_id)
    asides = run_notices.list_messages(run_id)
    if options.json:
        print(
            dump(
                {
                    "run_id": run_id,
                    "answer": reply.text,
                    "sources": reply.sources,
                    "faults": [fault_log.describe(row) for row in faults],
                    "notices": asides,
                    "note": reply.note,
                    **reply.result.model_dump(mode="json"),
                }
            )
        )
        return int(bool(faults)), run_id
    console.print()
    print_sources(console, reply)
    print_end(console, reply, faults, asides)
    return int(bool(faults)), run_id


def streamed(console: Terminal) -> Callable[[str], None]:
    """Return what prints the lines of an answer as they come, each whole; in a terminal, each of
    its rows stands behind the frame.
    """
    frame = visible_text.FRAME if console.is_terminal else ""

    def show(text: str) -> None:
        words = visible_text.shorten_runs(visible_text.make_visible(text))
        for line in words.splitlines():
            rows = Text(line).wrap(console, console.width - len(frame)) if frame else [Text(line)]
            for row in rows or [Text()]:
                console.print(Text(frame) + row, soft_wrap=True)

    return show


def print_end(console: Terminal, reply: Any, faults: Any, asides: Sequence[str]) -> None:
    """Print what went wrong with the models, such as an answer that was cut, how far the answer can
    be relied on, and the note.
    """
    from f.millrace.models import fault_log

    for row in faults:
        console.print(f"[red]{shown(fault_log.describe(row))}[/]", soft_wrap=True)
    for aside in asides:
        console.print(f"[yellow]{shown(aside)}[/]", soft_wrap=True)
    if reply.result.findings:
        console.print(f"[dim]{shown(_how_sure(reply))}[/]", soft_wrap=True)
    if reply.note:
        console.print(f"[dim]{shown(reply.note)}[/]")


def print_sources(console: Terminal, reply: Any) -> None:
    """Print what the numbers of an answer stand for, one a line."""
    for source in reply.sources:
        date = f" ({str(source['published_at'])[:10]})" if source.get("published_at") else ""
        console.print(
            f"[dim]\\[{source['number']}] {shown(source['title'])}{date}"
            f" {shown(_where(source))}[/]",
            soft_wrap=True,
        )


def _how_sure(reply: Any) -> str:
    """Return in one line how far the answer can be relied on, who wrote it and what it cost."""
    result = reply.result
    sure = confidence_words.describe_result(result, reply.sources)
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


def show_progress(status: Any, event: dict[str, Any]) -> None:
    """Show in a line that changes what the research does."""
    if event["event"] != "token" and event["message"]:
        status.update(shown(event["message"]))
