# requirements:

"""From memory: a question answered from documents and other memories, with the self-check.

Memory is asked, what is about the question is kept within a token budget, the answer is written and
every sentence checked against what it cites. Then: does anything stand (grounded), and is
everything that was asked in it (enough)? If not, memory is asked another way, at most twice: by
meaning and words, by the words that are missing, by time. Each decision is an event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from f.millrace.agents import researcher
from f.millrace.core import config, contracts
from f.millrace.evidence import claims, pool, records
from f.millrace.memory import documents, recall
from f.millrace.telemetry import events

Decision = Literal["retrieve", "accept", "retrieve_again", "give_up", "research"]
LIMIT = 40
# What shares less of the question's words, and is further from its meaning, is not about it.
LEAST_SHARED, LEAST_NEAR = 0.34, 0.5
# The answer and what it cites have to hold this part of the question's words.
ENOUGH = 0.6
# Of one document this many passages come before others have had their turn.
IN_TURN = 3
LETTERS_A_TOKEN = 4
# What a memory of last month cannot answer.
FRESH = re.compile(
    r"(?i)\b(?:latest|newest|today|tonight|currently|right now|this"
    r" (?:morning|week)|news|breaking|live)\b"
)


@dataclass
class MemoryAnswer:
    """What memory has on a question.

    Attributes:
        documents: The passages, as `research_topic` takes documents.
        result: The answer that was written from them; None when nothing was found.
        enough: Whether the answer may stand as it is.
    """

    documents: list[pool.MemoryDocument] = field(default_factory=list)
    result: contracts.TopicResult | None = None
    enough: bool = False


def answer(
    run_id: str, topic_id: str, question: str, earlier: Sequence[str] = (), only: bool = False
) -> MemoryAnswer:
    """Answer a question from memory; call it inside a step.

    What is new cannot be known from memory: unless memory `only` is asked, such a question is left
    to research.
    """
    if FRESH.search(question) and not only:
        _decide("research", "asks_for_news", "It asks for what is new")
        return MemoryAnswer(passages(question))
    found: dict[str, recall.Result] = {}
    memory = MemoryAnswer()
    missing: list[str] = []
    _decide("retrieve", "question", f"Asking memory: {question}")
    for attempt, way in enumerate(STRATEGIES, 1):
        hits = [
            hit
            for hit in way(question, missing)
            if hit.memory.type not in pool.WRITTEN and _is_relevant(question, hit)
        ]
        fresh = {hit.memory.id: hit for hit in hits if hit.memory.id not in found}
        found |= fresh
        if fresh:
            memory.documents = assemble(list(found.values()), config.settings().answer_tokens)
            topic: researcher.ResearchTopic = {
                "id": topic_id,
                "title": question,
                "documents": memory.documents,
                "search": False,
                "trust": "own",
            }
            memory.result = researcher.research_topic(run_id, topic, earlier=list(earlier))
            verdict, missing = _check(question, memory)
        else:
            verdict = "nothing_found" if not found else "nothing_new"
        if verdict == "enough":
            memory.enough = True
            _decide("accept", verdict, f"{len(found)} passages of memory answer it")
            break
        last = attempt == len(STRATEGIES)
        _decide(
            "give_up" if last else "retrieve_again", verdict, _describe_verdict(verdict, missing)
        )
    return memory


def passages(question: str, limit: int = LIMIT) -> list[pool.MemoryDocument]:
    """Return the passages of documents about a topic, as `research_topic` takes documents."""
    hits = [
        hit
        for hit in recall.search(question, limit, types=[documents.PASSAGE]).results
        if _is_relevant(question, hit)
    ]
    return assemble(hits, config.settings().answer_tokens)


def assemble(hits: Sequence[recall.Result], tokens: int) -> list[pool.MemoryDocument]:
    """Return the best passages that fit the budget; no document takes the room of another before
    that one was heard.
    """
    ranked = sorted(
        (hit for hit in hits if not _within_another(hit, hits)), key=lambda hit: -hit.score
    )
    heard: dict[str, int] = {}
    turns = []
    for hit in ranked:
        source = hit.memory.source or hit.memory.id
        heard[source] = heard.get(source, 0) + 1
        turns.append((heard[source] > IN_TURN, hit))
    kept, left = [], tokens * LETTERS_A_TOKEN
    for _, hit in sorted(turns, key=lambda turn: turn[0]):
        if len(hit.memory.text) <= left:
            left -= len(hit.memory.text)
            kept.append(pool.memory_as_document(hit))
    return kept


def _within_another(hit: recall.Result, hits: Sequence[recall.Result]) -> bool:
    """Tell whether a longer piece of the same page holds the whole text."""
    text = hit.memory.text.strip()
    return any(
        other.memory.source == hit.memory.source
        and len(other.memory.text) > len(hit.memory.text)
        and text in other.memory.text
        for other in hits
    )


def _is_relevant(question: str, hit: recall.Result) -> bool:
    shared = claims.overlap(question, f"{hit.memory.title}\n{hit.memory.text}")
    return (
        shared >= LEAST_SHARED
        or hit.parts.get("meaning", 0.0) >= LEAST_NEAR
        or not claims.content_words(question)
    )


def _check(question: str, memory: MemoryAnswer) -> tuple[str, list[str]]:
    """Return `enough`, or what is wrong with the answer, and which words of the question it leaves
    out.
    """
    result = memory.result
    if result is None or not result.findings:
        return "not_grounded", []
    answer = "\n".join(
        [
            *(finding.text for finding in result.findings),
            *(one["title"] for one in memory.documents),
        ]
    )
    held = claims.content_words(answer)
    wanted = claims.content_words(question)
    missing = [
        word
        for word in claims.WORD.findall(question)
        if claims.content_words(word) and not claims.content_words(word) & held
    ]
    return (
        "enough"
        # A label says it in another form: `Conductor: ...` to `Who conducts?`
        if not wanted or sum(records.is_held(one, held) for one in wanted) / len(wanted) >= ENOUGH
        else "not_enough"
    ), missing


def _search_hybrid(question: str, _missing: Sequence[str]) -> list[recall.Result]:
    return recall.search(question, LIMIT).results


def _search_missing_words(question: str, missing: Sequence[str]) -> list[recall.Result]:
    words = missing or [
        word for word in claims.WORD.findall(question) if claims.content_words(word)
    ]
    return recall.search(" ".join(words), LIMIT, plan="similar").results


def _search_newest(question: str, _missing: Sequence[str]) -> list[recall.Result]:
    """Return what any single word of the question finds, the newest first."""
    words = [word for word in claims.WORD.findall(question) if claims.content_words(word)][:6]
    hits = {
        hit.memory.id: hit
        for word in words
        for hit in recall.search(word, LIMIT // 2, plan="similar").results
    }
    newest = sorted(
        hits.values(), key=lambda hit: hit.memory.valid_from or hit.memory.recorded_at, reverse=True
    )
    return newest[:LIMIT]


STRATEGIES: tuple[Callable[[str, Sequence[str]], list[recall.Result]], ...] = (
    _search_hybrid,
    _search_missing_words,
    _search_newest,
)


def _describe_verdict(verdict: str, missing: Sequence[str]) -> str:
    words = {
        "nothing_found": "Memory has nothing about it",
        "nothing_new": "Memory has nothing more about it",
        "not_grounded": "No sentence stands on what memory has",
        "not_enough": f"The answer says nothing of {', '.join(missing[:5])}",
    }
    return words[verdict]


def _decide(decision: Decision, reason: str, message: str) -> None:
    events.emit("decision", message, decision=decision, reason=reason, agent="selfrag")
