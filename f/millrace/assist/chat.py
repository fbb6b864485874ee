# no_postinstall
# requirements: millrace_agents

"""Answer a chat message.

Checked sentences come as they are found, then the answer with its sources as links.

The conversation of the chat is the session, so that a question may lean on the one before. The
answer is in the chat's history and in the run's: `forget` does not reach there.

scripts/millrace step assist/chat user_message="What does a sodium battery cost?" session=batteries
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from f.millrace.agents import ask
from f.millrace.assist import close
from f.millrace.core import errors, redaction, run_context, windmill
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import policy

# How the messages of the research begin, and what the chat calls "Used ... tool".
USED = {"Asking memory": "memory", "Searching": "search", "Judging": "judge"}
SENTENCE = "sentence"
# What of an answer is kept with its run, beside the text: what the console shows of it.
KEPT = {"topic_id", "title", "findings", "conflicts", "confidence", "written_by", "no_sources"}
NUMBER = re.compile(r"\[(\d+)\]")
SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def main(user_message: str, session: str = "", pipeline: dict | None = None) -> dict:
    """Answer the message.

    Args:
        user_message: What the person wrote.
        session: The conversation's name; empty means that of the run, or of Windmill's chat.
        pipeline: What the flow's spec says: name, budget, agents.

    Returns:
        windmill_chat_answer: The answer as Markdown, which the chat keeps.
        sources: What the numbers stand for: number, title, url, source, published_at.
        found: Whether there is an answer at all.
        confidence: How sure it is, 0 to 100.
        run_id: The run in Millrace: scripts/millrace show RUN.
    """
    turn = take_turn(
        user_message,
        lambda: session or run_context.current().session_id or _conversation(),
        show_sentence=_show_sentence,
        show_event=_show_progress,
        pipeline=pipeline,
    )
    if turn.reply is None:
        said = f"I cannot answer that: {_escape_markdown(turn.problem)}"
        _stream({"type": "token_delta", "content": said})
    else:
        said = _markdown(turn.reply)
    return {
        "windmill_chat_answer": said,
        "sources": turn.reply.sources if turn.reply else [],
        "found": bool(turn.reply and turn.reply.result.findings),
        "confidence": turn.reply.result.confidence.score if turn.reply else 0,
        "run_id": turn.run_id,
    }


@dataclass
class Turn:
    """One message and what became of it: an answer, or the problem in words."""

    run_id: str
    reply: ask.Reply | None = None
    problem: str = ""


def take_turn(
    message: str,
    session: Callable[[], str],
    *,
    show_sentence: Callable[[str], None],
    show_event: Callable[[dict[str, Any]], None],
    pipeline: dict | None = None,
    namespace: str = "",
    memory_only: bool = False,
) -> Turn:
    """Answer one message of a conversation in a run of its own: what the chat of Windmill and that
    of the terminal share. `session` gives the conversation's name, asked for inside the run.
    """
    with spans.step("assist.chat") as span, run_context.change(**_in_namespace(namespace)):
        turn = Turn(run_context.current().run_id)
        if namespace:
            runs.move(turn.run_id, namespace)
        runs.keep_spec(turn.run_id, pipeline)
        policy.note()
        try:
            with events.watch(show_event):
                turn.reply = ask.ask(
                    message, session() or None, on_token=show_sentence, memory_only=memory_only
                )
            kept: dict[str, Any] = {
                "text": turn.reply.text,
                close.DETAILS: turn.reply.result.model_dump(mode="json", include=KEPT),
            }
            confidence = turn.reply.result.confidence.score
            span.set(found=bool(turn.reply.result.findings), confidence=confidence)
        except errors.MillraceError as error:
            # Somebody waits in the chat: what went wrong is said there, in words, and the run
            # counts as failed.
            turn.problem = redaction.redact(str(error))
            kept = {"text": turn.problem, "stopped_because": turn.problem}
            span.set(found=False, confidence=0)
        runs.keep(turn.run_id, {"answer": kept})
        close.finish(turn.run_id)
        return turn


def _in_namespace(namespace: str) -> dict[str, Any]:
    return {"namespace": namespace} if namespace else {}


def _conversation() -> str:
    """Return the id of the chat's conversation: it is no argument of the flow, its job knows it."""
    job = os.environ.get("WM_ROOT_FLOW_JOB_ID") or os.environ.get("WM_FLOW_JOB_ID")
    if not job or not windmill.on_worker():
        return ""
    status = (windmill.get(f"jobs_u/get/{job}?no_logs=true&no_code=true") or {}).get(
        "flow_status"
    ) or {}
    return f"chat-{status['memory_id']}" if status.get("memory_id") else ""


def _show_sentence(text: str) -> None:
    # Who follows the run by its rows reads it before the answer is stored.
    events.emit(SENTENCE, text.strip())
    _stream({"type": "token_delta", "content": _escape_markdown(text.rstrip("\n")) + "\n\n"})


def _show_progress(event: dict[str, Any]) -> None:
    """Show what the research does as the chat shows the tools of Windmill's own agents: one line
    each.
    """
    used = next((name for word, name in USED.items() if event["message"].startswith(word)), "")
    if used and event["event"] != SENTENCE:
        _stream({"type": "tool_result", "function_name": used, "success": True})


def _stream(line: dict[str, Any]) -> None:
    """Add one line of JSON to the job's stream; a worker looks for the mark in what is printed.

    The worker makes a line break of each backslash with an n, also inside of JSON texts: those are
    written in another way.
    """
    text = json.dumps(line, ensure_ascii=False).replace("\\\\", "\\u005c").replace("\\n", "\\u000a")
    print(f"WM_STREAM: {text}\\n", flush=True)


def _markdown(reply: ask.Reply) -> str:
    """Return the answer with each number as a link, and the list of the sources."""
    urls = {str(source["number"]): _web(source["url"]) for source in reply.sources}
    lines = [_link_sources(line, urls) for line in reply.text.splitlines()]
    sources = [_source(source) for source in reply.sources]
    note = [_escape_markdown(reply.note)] if reply.note else []
    listed = ["Sources:\n\n" + "\n".join(sources)] if sources else []
    return "\n\n".join([*lines, *listed, *note])


def _link_sources(line: str, urls: dict[str, str]) -> str:
    pieces = NUMBER.split(line)
    # Numbers that stand between the pieces; what is no source stays text.
    linked = [
        (
            _escape_markdown(piece)
            if place % 2 == 0
            else f"[\\[{piece}\\]]({urls[piece]})"
            if urls.get(piece)
            else _escape_markdown(f"[{piece}]")
        )
        for place, piece in enumerate(pieces)
    ]
    return "".join(linked)


def _source(source: dict[str, Any]) -> str:
    title = _escape_markdown(" ".join(str(source["title"] or source["url"]).split()))
    date = f", {str(source['published_at'])[:10]}" if source.get("published_at") else ""
    place = source.get("document")
    where = f", {_escape_markdown(str(place['place']))}" if place else ""
    shown = f"[{title}]({_web(source['url'])})" if _web(source["url"]) else title
    return f"{source['number']}. {shown}{where}{date}"


def _web(url: str) -> str:
    """Return a web address in a form that cannot leave its brackets; empty for a document."""
    if urlsplit(url).scheme not in ("http", "https"):
        return ""
    return "".join(char if char not in "()<>[]\\ \"'" else f"%{ord(char):02X}" for char in url)


def _escape_markdown(text: str) -> str:
    return SPECIAL.sub(r"\\\1", text)
