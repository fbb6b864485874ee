# requirements:

"""Sources of an agent's answer: which sentence stands on which passage that its tools returned.

The agent writes freely and marks nothing, so each sentence is compared with what was read; a
passage that carries a sentence is cited by it, and what else was read is named at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from f.millrace.core import ids, run_context, sentences
from f.millrace.evidence import citations, store

if TYPE_CHECKING:
    from f.millrace.core import contracts
    from f.millrace.tools import toolbox

MOST_READ = 20
MOST_NAMED = 8
ALSO_READ = "Read for it:"


def cite(said: str, question: str, tools: toolbox.Toolbox) -> list[dict[str, Any]]:
    """Store what an agent has read and return its answer sentence by sentence, as the findings of
    research are; none when its tools returned no text, or no run keeps it.
    """
    if not run_context.current().run_id:
        return []
    pieces = _store_read(f"{question}\n{said}", tools)
    findings = [
        {"text": sentence, "citations": citations.find_supporting(sentence, pieces), "about": ""}
        for sentence in sentences.split(said)
    ]
    cited = {one for finding in findings for one in finding["citations"]}
    known = {piece.url for piece in pieces if piece.id in cited}
    others = {piece.url: piece.id for piece in reversed(pieces) if piece.url not in known}
    if others:
        named = list(reversed(others.values()))[:MOST_NAMED]
        findings.append({"text": ALSO_READ, "citations": named, "about": ""})
    return findings if pieces else []


def _store_read(about: str, tools: toolbox.Toolbox) -> list[contracts.Evidence]:
    context = run_context.current()
    topic = ids.stable_id("agent", context.run_id, context.step, about)
    return [
        piece
        for hit in list(tools.read_hits.values())[:MOST_READ]
        if hit.excerpt.strip()
        for piece in store.store(
            context.run_id,
            topic,
            about,
            url=hit.url,
            title=hit.title,
            text=hit.excerpt,
            source=hit.source,
            published_at=hit.published_at,
            tool=hit.tool,
            trust="own" if hit.own else "untrusted",
            private=hit.private,
        )
    ]
