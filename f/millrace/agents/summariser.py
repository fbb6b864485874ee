# requirements:

"""Summariser: documents in, a short summary out in which every sentence cites its document.

A document is stored as evidence, in passages. More of them than one request should show are
summarised part by part, and the summary is written from the passages that the parts cite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic_ai import Agent

from f.millrace.core import config, contracts, errors, run_context, setting_types
from f.millrace.evidence import citations, prompt, store
from f.millrace.models import call, offline

if TYPE_CHECKING:
    from f.millrace.evidence import pool

INSTRUCTIONS = f"""\
You summarise documents for a busy reader. Write at most as many lines as are asked for. Each line
is one sentence that the documents state, in their words where you can, and ends with the ids it
stands on, like [ev_0123456789abcdef].
The most important comes first and nothing is said twice. Keep figures and dates as they are. When a
focus is given, leave out what has nothing to do with it; when nothing is left then, write only:
NO EVIDENCE
No headings, no bullets, no links.
{prompt.UNTRUSTED}"""
# What one request shows at most, and what is read of all documents together.
PASSAGES_A_PART = 20
MOST_CHARACTERS = 240_000

agent = Agent(output_type=str, instructions=INSTRUCTIONS)


@dataclass
class Summary:
    """A summary: its sentences, the passages they cite, and which documents were too long to be
    read to their end.
    """

    findings: list[contracts.Finding] = field(default_factory=list)
    cited: dict[str, contracts.Evidence] = field(default_factory=dict)
    shortened: list[str] = field(default_factory=list)
    cost_usd: float = 0.0


async def summarise(
    topic_id: str, documents: Sequence[pool.GivenDocument], about: str = "", lines: int = 5
) -> Summary:
    """Return the summary of documents; call it inside a step."""
    if not (config.settings().agents.get("summariser") or setting_types.AgentSettings()).enabled:
        raise errors.BadSetting("the agent summariser is off (setting agents.summariser.enabled)")
    summary = Summary()
    pieces = _store_evidence(topic_id, documents, about, summary)
    while len(pieces) > PASSAGES_A_PART:
        before = len(pieces)
        parts = [
            pieces[start : start + PASSAGES_A_PART] for start in range(0, before, PASSAGES_A_PART)
        ]
        cited = {
            one
            for part in parts
            for finding in await _verify_lines(part, about, lines, summary)
            for one in finding.citations
        }
        pieces = [piece for piece in pieces if piece.id in cited]
        if len(pieces) == before:  # an answer that cites everything has chosen nothing
            pieces = pieces[:PASSAGES_A_PART]
    summary.findings = (
        (await _verify_lines(pieces, about, lines, summary))[:lines] if pieces else []
    )
    used = {one for finding in summary.findings for one in finding.citations}
    summary.cited = {piece.id: piece for piece in pieces if piece.id in used}
    return summary


def _store_evidence(
    topic_id: str, documents: Sequence[pool.GivenDocument], about: str, summary: Summary
) -> list[contracts.Evidence]:
    pieces: dict[str, contracts.Evidence] = {}
    left = MOST_CHARACTERS
    for document in documents:
        text = str(document["text"])[:left]
        left -= len(text)
        if len(text) < len(str(document["text"])):
            summary.shortened.append(str(document["title"]))
        for start in range(0, len(text), store.MOST_TEXT):
            made = store.store(
                run_context.current().run_id,
                topic_id,
                about,
                **{**document, "text": text[start : start + store.MOST_TEXT]},
                tool="summarise",
                most=len(text),
            )
            pieces |= {piece.id: piece for piece in made}
    return list(pieces.values())


async def write(
    pieces: Sequence[contracts.Evidence], about: str, lines: int, **options: object
) -> call.Answer:
    """Return the summary of one request's passages as text, one cited sentence a line."""
    sections: dict[str, prompt.Body] = {
        offline.SUMMARY: prompt.Foreign(list(dict.fromkeys(piece.title for piece in pieces))),
        "Focus": about,
        "Lines": str(lines),
        "Today": run_context.now().date().isoformat(),
    }
    return await call.call("summariser", agent, prompt.compose(sections, pieces), **options)  # type: ignore[arg-type]


async def _verify_lines(
    pieces: Sequence[contracts.Evidence], about: str, lines: int, summary: Summary
) -> list[contracts.Finding]:
    answer = await write(pieces, about, lines)
    summary.cost_usd += answer.cost_usd
    return citations.verify(str(answer.output), {piece.id: piece for piece in pieces}).findings
