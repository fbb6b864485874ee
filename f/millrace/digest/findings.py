# requirements:

"""What a run found out: its topics with their results, and the evidence that these cite.

A mail, a page, a result and a memory are made of these same objects.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict

from f.millrace.core import db

if TYPE_CHECKING:
    from f.millrace.core import rows

    class StoredFinding(TypedDict):
        """A finding as a result's row has it (contracts.Finding)."""

        text: str
        citations: list[str]
        about: NotRequired[str]

    class StoredSide(TypedDict):
        """A side of a conflict as a result's row has it (contracts.ConflictSide)."""

        claim: str
        evidence: list[str]
        dates: NotRequired[list[str]]
        sources: NotRequired[list[str]]

    class StoredConflict(TypedDict):
        """A conflict as a result's row has it (contracts.Conflict)."""

        question: str
        sides: list[StoredSide]
        trusted: NotRequired[int | None]
        why: NotRequired[str]


class Topic(NamedTuple):
    """A topic, and what was found out about it; nothing when its research failed."""

    row: rows.Topic
    result: rows.ResearchResult | None


def cited_by(result: rows.ResearchResult) -> set[str]:
    """Return the ids of the evidence that a result cites, in its findings and its conflicts."""
    return {one for finding in result["findings"] for one in finding["citations"]} | {
        one
        for conflict in result["conflicts"]
        for side in conflict["sides"]
        for one in side["evidence"]
    }


class Findings:
    """The topics of a run in their order; evidence is read when it is asked for."""

    def __init__(self, run_id: str, topics: list[Topic]) -> None:
        self.run_id = run_id
        self.topics = topics

    @property
    def shown_topics(self) -> list[Topic]:
        """The topics that a digest tells: those of which something was found out, and those whose
        research ended early, so that this is said. The rest is news without a text.
        """
        return [
            topic
            for topic in self.topics
            if topic.result is None
            or topic.result["findings"]
            or topic.result["stopped_because"].startswith("the budget")
        ]

    @cached_property
    def evidence(self) -> dict[str, rows.Evidence]:
        """All evidence of the run by its id, in the order in which it came."""
        from f.millrace.evidence import store  # some steps only tell the topics

        return {row["id"]: row for row in store.rows_of(self.run_id)}


def load(run_id: str) -> Findings:
    """Return what a run found out."""
    topics: list[rows.Topic] = db.fetch_all(
        "SELECT * FROM topic WHERE run_id = %s ORDER BY rank", [run_id]
    )
    results: list[rows.ResearchResult] = db.fetch_all(
        "SELECT * FROM research_result WHERE run_id = %s", [run_id]
    )
    by_topic = {result["topic_id"]: result for result in results}
    return Findings(run_id, [Topic(topic, by_topic.get(topic["id"])) for topic in topics])
