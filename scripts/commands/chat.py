"""`chat`: a conversation in the terminal, each message answered as the flow `chat` answers it."""

import argparse
import getpass
import sys
from dataclasses import dataclass
from typing import Any

from f.millrace.core import config
from f.millrace.core.run_context import change
from scripts.commands import ask, report
from scripts.commands.terminal import Terminal, shown
from scripts.database.ready import ready
from scripts.runner.openflow import load_openflow
from scripts.samples.sources import sample_sources

HELP = """\
/sources   what the numbers of the last answer stand for
/good      the last answer was right; /bad: it was not. Words may follow: /bad the year is wrong
/new       begin another conversation
/help      this
/quit      leave, as does Ctrl-D"""


@dataclass
class Conversation:
    """Where a conversation in the terminal stands."""

    session: str
    console: Terminal
    last: Any = None


def add(commands: Any) -> None:
    """Declare `chat`."""
    parser = commands.add_parser(
        "chat", help="have a conversation: questions may lean on those before"
    )
    ask.add_conversation(parser)
    parser.set_defaults(function=chat)


def chat(options: argparse.Namespace) -> int:
    """Answer message after message until the input ends."""
    console = Terminal()
    with sample_sources(options.sample):
        ask.choose_model(options.model)
        ready()
        options.namespace = "sample" if options.sample else options.namespace
        with change(namespace=options.namespace):
            talk = Conversation(ask.session_of(options), console)
        pipeline = (load_openflow("chat").get("value") or {}).get("flow_env", {}).get("pipeline")
        if sys.stdin.isatty():
            console.print(
                f"[dim]{shown(config.settings().model)}, conversation {shown(talk.session)};"
                " /help says what else there is[/]"
            )
        while (message := _read()) is not None:
            if message in ("/quit", "/exit"):
                break
            if message.startswith("/"):
                _command(talk, message)
            elif message:
                _take_turn(talk, message, options, pipeline)
    return 0


def _read() -> str | None:
    """Return the next message; None at the end."""
    try:
        if sys.stdin.isatty():
            import readline  # noqa: F401  lets the line be edited and earlier ones be called back

            return input("> ").strip()
        line = sys.stdin.readline()
    except EOFError:
        return None
    return line.strip() if line else None


def _take_turn(
    talk: Conversation, message: str, options: argparse.Namespace, pipeline: dict | None
) -> None:
    from f.millrace.assist.chat import take_turn
    from f.millrace.digest import run_notices
    from f.millrace.models import fault_log

    with talk.console.status("Thinking") as status:
        turn = take_turn(
            message,
            lambda: talk.session,
            show_sentence=ask.streamed(talk.console),
            show_event=lambda event: ask.show_progress(status, event),
            pipeline=pipeline,
            namespace=options.namespace,
            memory_only=options.memory,
        )
    talk.last = turn
    if turn.problem:
        talk.console.print(f"[red]I cannot answer that: {shown(turn.problem)}[/]")
    elif turn.reply and turn.reply.sources:
        count = len(turn.reply.sources)
        talk.console.print(f"[dim]{count} source{'s' * (count > 1)}: /sources[/]")
    if turn.reply:
        faults, asides = fault_log.of_run(turn.run_id), run_notices.list_messages(turn.run_id)
        ask.print_end(talk.console, turn.reply, faults, asides)
    report.send_trace(turn.run_id)


def _command(talk: Conversation, line: str) -> None:
    word, _, rest = line.partition(" ")
    if word == "/new":
        talk.session, talk.last = ask.new_session(), None
        talk.console.print("[dim]another conversation[/]")
    elif word not in ("/sources", "/good", "/bad"):
        talk.console.print(HELP if word == "/help" else f"no command {shown(word)}\n{HELP}")
    elif talk.last is None:
        talk.console.print("[dim]nothing was answered yet[/]")
    elif word == "/sources":
        if talk.last.reply and talk.last.reply.sources:
            ask.print_sources(talk.console, talk.last.reply)
        else:
            talk.console.print("[dim]the last answer has none[/]")
    else:
        _judge(talk, word == "/good", rest.strip())


def _judge(talk: Conversation, good: bool, words: str) -> None:
    from f.millrace.trust import decisions

    outcome = "approved" if good else "refused"
    decisions.give(talk.last.run_id, outcome, getpass.getuser(), words, None)
    talk.console.print(f"[dim]noted: {'good' if good else 'bad'}[/]")
