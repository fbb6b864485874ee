# requirements:

"""Ask: one question in, a cited answer out, with the conversation so far in mind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from f.millrace.agents import follow_up, researcher, self_rag, stop_reasons
from f.millrace.core import contracts, db, errors, ids, run_context
from f.millrace.evidence import nothing_found, store
from f.millrace.memory import documents as memory_documents
from f.millrace.memory import history
from f.millrace.trust import decisions

if TYPE_CHECKING:
    from f.millrace.evidence import pool

# A message that is nothing but this needs no research.
GREETING = re.compile(
    r"(?i)\W*(?:(?:hello|hi|hey|hallo|good (?:morning|afternoon|evening|day)|greetings)"
    r"(?: there| again| millrace)?|how are you(?: (?:doing|today))?|nice to meet you)\W*"
)
THANKS = re.compile(
    r"(?i)\W*+(?:(?:(?:ok(?:ay)?|great|good|perfect|cool)\W*+)?(?:thanks?(?: you)?"
    r"(?: (?:so|very) much| a lot)?|thx|ok(?:ay)?|great|perfect|cool|got it|understood)"
    r"|(?:good)?bye|see you(?: later)?)\W*"
)
ABOUT = re.compile(r"(?i)\W*(?:help|(?:who|what) are you|what can you do(?: for me)?)\W*")
CAN = (
    "I answer questions from your documents and memory, or by research, and name the source of each"
    " sentence. Ask for example: What do my documents say about the quay?"
)


class Reply(BaseModel):
    """The answer to a question."""

    text: str = Field(
        description=(
            "The sentences, then what sources disagree about; each with numbers in brackets that"
            " `sources` explains."
        )
    )
    sources: list[dict[str, Any]] = Field(
        description="number, id, url, title, source and published_at of each that is cited."
    )
    result: contracts.TopicResult
    note: str = Field(default="", description="What a person should know beside the answer.")


def ask(
    question: str,
    session: str | None = None,
    on_token: Callable[[str], None] | None = None,
    memory_only: bool = False,
    fresh: bool = False,
    trust: contracts.Trust = "own",
    documents: Sequence[pool.Document] = (),
) -> Reply:
    """Answer the question from memory if that is enough, else by research; `on_token` gets each
    sentence that was checked.

    With `memory_only` nothing else is asked, with `fresh` research is done whatever memory has.
    With `session` the conversation of that name is continued and remembered. `trust` says who wrote
    the question. With `documents` ({url, title, text, source, trust}) it is answered from them
    alone. A greeting is answered at once. Call it inside a step.
    """
    question = " ".join(question.split())
    if not question or len(question) > contracts.LONGEST_QUESTION:
        raise errors.BadInput(
            f"a question has 1 to {contracts.LONGEST_QUESTION} characters, this one {len(question)}"
        )
    if said := small_talk(question):
        return _return_small_talk(question, said, session, on_token)
    earlier = [
        asked for asked, _ in (history.turns(session) if session else []) if not small_talk(asked)
    ]
    run_id = run_context.current().run_id
    numbers: dict[str, int] = {}

    def show(finding: contracts.Finding) -> None:
        if on_token is not None:
            on_token(_line(finding, numbers) + "\n")

    topic: researcher.ResearchTopic = {
        "id": ids.stable_id("topic", run_id, question),
        "title": follow_up.complete(question, earlier),
        "trust": trust,
    }
    with run_context.change(session_id=session or "", turn_id=topic["id"] if session else ""):
        skips_memory = fresh or bool(documents)
        known = None if skips_memory else _from_memory(run_id, topic, earlier, show, memory_only)
        if documents:
            topic["documents"], topic["search"] = documents, False
        elif fresh:
            topic["documents"] = self_rag.passages(topic["title"])
        result = known or researcher.research_topic(run_id, topic, earlier=earlier, on_finding=show)
    decisions.close(run_id)
    reply = _reply(run_id, topic["id"], result, memory_only, on_token)
    if session:
        cited = {"evidence": [source["id"] for source in reply.sources]}
        said = " ".join(finding.text for finding in result.findings) or reply.text
        history.remember_turn(session, question, said, cited)
    return reply


def _reply(
    run_id: str,
    topic_id: str,
    result: contracts.TopicResult,
    memory_only: bool,
    on_token: Callable[[str], None] | None,
) -> Reply:
    """Return the answer with its disputes and sources; shows what was not shown as it came."""
    numbers: dict[str, int] = {}
    tried = nothing_found.explain(result.stopped_because)
    nothing = "Nothing found in memory." if memory_only else f"No sources found. {tried}".strip()
    lines = [_line(finding, numbers) for finding in result.findings] or [nothing]
    disputes = [_dispute(conflict, numbers) for conflict in result.conflicts]
    if on_token is not None:
        on_token("".join(line + "\n" for line in (disputes if result.findings else lines)))
    return Reply(
        text="\n".join([*lines, *disputes]),
        sources=_sources(run_id, topic_id, numbers),
        result=result,
        note=_embedding_note(),
    )


def _from_memory(
    run_id: str,
    topic: researcher.ResearchTopic,
    earlier: list[str],
    show: Callable[[contracts.Finding], None],
    only: bool,
) -> contracts.TopicResult | None:
    """Return the answer that memory gives, or None when research has to go on, with what memory has
    in `topic`.
    """
    memory = self_rag.answer(run_id, topic["id"], topic["title"], earlier, only)
    if not (memory.enough or only):
        topic["documents"] = memory.documents
        return None
    result = memory.result or contracts.TopicResult(
        topic_id=topic["id"],
        title=topic["title"],
        no_sources=True,
        stopped_because=stop_reasons.StopReason.NOTHING,
    )
    for finding in result.findings:
        show(finding)
    return result


def small_talk(message: str) -> str:
    """Return the answer to a greeting, to thanks, or to who this is; empty for anything else."""
    if GREETING.fullmatch(message):
        return f"Hello. {CAN}"
    if THANKS.fullmatch(message):
        return "You are welcome."
    return CAN if ABOUT.fullmatch(message) else ""


def _return_small_talk(
    question: str, said: str, session: str | None, on_token: Callable[[str], None] | None
) -> Reply:
    if on_token is not None:
        on_token(said + "\n")
    if session:
        history.remember_turn(session, question, said)
    topic_id = ids.stable_id("topic", run_context.current().run_id, question)
    result = contracts.TopicResult(
        topic_id=topic_id,
        title=question,
        no_sources=True,
        stopped_because=stop_reasons.StopReason.SMALL_TALK,
    )
    return Reply(text=said, sources=[], result=result)


def _embedding_note() -> str:
    """Return how much of memory is found by its words only, so far; empty when all has vectors."""
    row = db.fetch_one(
        "SELECT count(*) AS n FROM memory_item WHERE namespace = %s AND type = %s AND embedding IS"
        " NULL",
        [run_context.current().namespace, memory_documents.PASSAGE],
    )
    if not row or not row["n"]:
        return ""
    return f"{row['n']} passages are still being embedded; until then their words find them."


def _line(finding: contracts.Finding, numbers: dict[str, int]) -> str:
    return f"{finding.text_with_subject} {_marks(finding.citations, numbers)}"


def _dispute(conflict: contracts.Conflict, numbers: dict[str, int]) -> str:
    """Return both sides of a conflict with their dates, the trusted one first, and why it is
    trusted.
    """
    order = sorted(range(len(conflict.sides)), key=lambda number: number != conflict.trusted)
    other = "one side" if conflict.trusted is None else "other side"
    sides = [
        f"  {'trusted' if number == conflict.trusted else other}:"
        f" {side.claim} {_marks(side.evidence, numbers)}"
        + (f" ({', '.join(side.dates)})" if side.dates else "")
        for number, side in ((number, conflict.sides[number]) for number in order)
    ]
    return "\n".join(
        [
            f"Sources disagree: {conflict.question}",
            *sides,
            *([f"  why: {conflict.why}"] if conflict.why else []),
        ]
    )


def _marks(citations: list[str], numbers: dict[str, int]) -> str:
    return "".join(f"[{numbers.setdefault(identity, len(numbers) + 1)}]" for identity in citations)


def _sources(run_id: str, topic_id: str, numbers: dict[str, int]) -> list[dict[str, Any]]:
    stored = {piece.id: piece for piece in store.load(run_id, topic_id)}
    return [
        {"number": number, **_source(stored[identity])}
        for identity, number in numbers.items()
        if identity in stored
    ]


def _source(piece: contracts.Evidence) -> dict[str, Any]:
    shown = piece.model_dump(mode="json", include={"id", "url", "title", "source", "published_at"})
    if not piece.url.startswith("document:"):
        return shown
    try:
        place = memory_documents.open_citation(piece.url)
    except errors.NotFound:
        return shown  # forgotten, or imported from a memory that did not export its documents
    return {
        **shown,
        "document": {
            name: place[name] for name in ("id", "path", "page", "place", "offset", "length")
        },
    }
