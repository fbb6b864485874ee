# requirements:

"""Ask: one question in, a cited answer out, with the conversation so far in mind."""

import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from f.millrace.agents import researcher, self_rag, stop_reasons
from f.millrace.core import contracts, errors, ids, run_context
from f.millrace.evidence import claims, nothing_found, store
from f.millrace.memory import documents, history
from f.millrace.trust import decisions

LONGEST_QUESTION = 2_000
# A question of few words of its own leans on the one before when it points back: "When will it
# end?", "And in 2025?"
POINTS_BACK = re.compile(
    r"(?i)^\W*(?:and|but|or|so|then|also|what about|how about|what else)\b"
    r"|\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|one|ones|same)\b"
)
FEW_WORDS = 4


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


def ask(
    question: str,
    session: str | None = None,
    on_token: Callable[[str], None] | None = None,
    memory_only: bool = False,
    fresh: bool = False,
    trust: contracts.Trust = "own",
) -> Reply:
    """Answer the question from memory if that is enough, else by research; `on_token` gets each
    sentence that was checked.

    With `memory_only` nothing else is asked, with `fresh` research is done whatever memory has.
    With `session` the conversation of that name is continued and remembered. `trust` says who wrote
    the question. Call it inside a step.
    """
    question = " ".join(question.split())
    if not question or len(question) > LONGEST_QUESTION:
        raise errors.BadInput(
            f"a question has 1 to {LONGEST_QUESTION} characters, this one {len(question)}"
        )
    earlier = [asked for asked, _ in history.turns(session)] if session else []
    run_id = run_context.current().run_id
    numbers: dict[str, int] = {}

    def show(finding: contracts.Finding) -> None:
        if on_token is not None:
            on_token(_line(finding, numbers) + "\n")

    topic: dict[str, Any] = {
        "id": ids.stable_id("topic", run_id, question),
        "title": _with_context(question, earlier),
        "trust": trust,
    }
    with run_context.change(session_id=session or "", turn_id=topic["id"] if session else ""):
        known = None if fresh else _from_memory(run_id, topic, earlier, show, memory_only)
        if fresh:
            topic["documents"] = self_rag.passages(topic["title"])
        result = known or researcher.research_topic(run_id, topic, earlier=earlier, on_finding=show)
    decisions.close(run_id)
    numbers.clear()
    tried = nothing_found.explain(result.stopped_because)
    nothing = "Nothing found in memory." if memory_only else f"No sources found. {tried}".strip()
    lines = [_line(finding, numbers) for finding in result.findings] or [nothing]
    disputes = [_dispute(conflict, numbers) for conflict in result.conflicts]
    if on_token is not None:
        on_token("".join(line + "\n" for line in (disputes if result.findings else lines)))
    text = "\n".join([*lines, *disputes])
    reply = Reply(text=text, sources=_sources(run_id, topic["id"], numbers), result=result)
    if session:
        cited = {"evidence": list(numbers)}
        history.remember_turn(
            session, question, " ".join(f.text for f in result.findings) or text, cited
        )
    return reply


def _from_memory(
    run_id: str,
    topic: dict[str, Any],
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


def _with_context(question: str, earlier: list[str]) -> str:
    """Return the question with the one before it, when it cannot stand alone."""
    own = len(claims.content_words(question))
    leans = own < 2 or (own < FEW_WORDS and POINTS_BACK.search(question))
    if not earlier or not leans:
        return question
    return f"{earlier[-1].rstrip('?')} - {question}"


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
        place = documents.open_citation(piece.url)
    except errors.NotFound:
        return shown  # forgotten, or imported from a memory that did not export its documents
    return {
        **shown,
        "document": {
            name: place[name] for name in ("id", "path", "page", "place", "offset", "length")
        },
    }
