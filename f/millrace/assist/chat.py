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
from typing import Any
from urllib.parse import urlsplit

from f.millrace.agents import ask
from f.millrace.assist import close
from f.millrace.core import errors, redaction, run_context, windmill
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import policy

# How the messages of the research begin, and what the chat calls "Used ... tool".
USED = {"Asking memory": "memory", "Searching": "search", "Judging": "judge"}
NUMBER = re.compile(r"\[(\d+)\]")
SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def main(user_message: str, session: str = "", pipeline: dict | None = None) -> dict:
    """Answer the message.

    Args:
        user_message: What the person wrote.
        session: The conversation's name; empty means that of Windmill's chat.
        pipeline: What the flow's spec says: name, budget, agents.

    Returns:
        windmill_chat_answer: The answer as Markdown, which the chat keeps.
        sources: What the numbers stand for: number, title, url, source, published_at.
        found: Whether there is an answer at all.
        confidence: How sure it is, 0 to 100.
        run_id: The run in Millrace: scripts/millrace show RUN.
    """
    with spans.step("assist.chat") as span:
        run_id = run_context.current().run_id
        runs.keep_spec(run_id, pipeline)
        policy.note()
        try:
            with events.watch(_show_progress):
                reply = ask.ask(
                    user_message, session or _conversation() or None, on_token=_show_sentence
                )
            answer: dict[str, Any] = {
                "windmill_chat_answer": _markdown(reply),
                "sources": reply.sources,
                "found": bool(reply.result.findings),
                "confidence": reply.result.confidence.score,
            }
            kept: dict[str, Any] = {"text": reply.text}
        except errors.MillraceError as error:
            # Somebody waits in the chat: what went wrong is said there, in words, and the run
            # counts as failed.
            words = redaction.redact(str(error))
            answer = {
                "windmill_chat_answer": f"I cannot answer that: {_escape_markdown(words)}",
                "sources": [],
                "found": False,
                "confidence": 0,
            }
            kept = {"text": words, "stopped_because": words}
            _stream({"type": "token_delta", "content": answer["windmill_chat_answer"]})
        runs.keep(run_id, {"answer": kept})
        span.set(found=answer["found"], confidence=answer["confidence"])
        close.finish(run_id)
        return {**answer, "run_id": run_id}


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
    _stream({"type": "token_delta", "content": _escape_markdown(text.rstrip("\n")) + "\n\n"})


def _show_progress(event: dict[str, Any]) -> None:
    """Show what the research does as the chat shows the tools of Windmill's own agents: one line
    each.
    """
    used = next((name for word, name in USED.items() if event["message"].startswith(word)), "")
    if used:
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
    return "\n\n".join([*lines, *(["Sources:\n\n" + "\n".join(sources)] if sources else [])])


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
