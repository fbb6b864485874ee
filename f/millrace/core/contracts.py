# requirements:

"""What steps, agents and tools hand to each other: evidence, findings that cite it, conflicts,
confidence.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Trust = Literal["own", "trusted", "untrusted"]
# More characters of a question or a task are refused where they come in.
LONGEST_QUESTION, LONGEST_TASK = 2_000, 4_000


class Contract(BaseModel):
    """A model whose validator is built at its first use: a step imports many and uses few."""

    model_config = ConfigDict(defer_build=True)


class Evidence(Contract):
    """A passage that was read and stored; sentences cite its id."""

    id: str
    topic_id: str | None = None
    url: str = ""
    title: str = ""
    text: str
    source: str = ""
    published_at: datetime | None = None
    tool: str = ""
    trust: Trust = "untrusted"


class Finding(Contract):
    """One sentence and the evidence that it stands on."""

    text: str = Field(description="One sentence that the evidence states.")
    citations: list[str] = Field(description="Ids of the evidence, at least one.")
    about: str = Field(
        default="",
        description="Which of several things of the same name it is about; empty: there is one.",
    )

    @property
    def text_with_subject(self) -> str:
        """The sentence, after what it is about when that is one of several things and the sentence
        does not name it.
        """
        return (
            f"{self.about}: {self.text}"
            if self.about and self.about not in self.text
            else self.text
        )


class ProposedSide(Contract):
    """One side of a contradiction."""

    claim: str = Field(description="What this side says, one sentence.")
    value: str = Field(
        default="", description="The figure, date or name that differs, as the claim has it."
    )
    evidence: list[str] = Field(description="Ids of the evidence that says so.")


class ProposedConflict(Contract):
    """Sources that cannot all be right."""

    question: str = Field(description="What they disagree about.")
    sides: list[ProposedSide] = Field(description="Two sides or more.")


class ConflictSide(Contract):
    """What one side of a conflict says."""

    claim: str
    value: str = Field(
        default="", description="The figure, date or name that differs, as the claim has it."
    )
    evidence: list[str] = Field(description="Ids of the evidence that says so.")
    dates: list[str] = Field(default_factory=list, description="Dates of that evidence, ISO.")
    sources: list[str] = Field(default_factory=list, description="Sources of that evidence.")


class Conflict(Contract):
    """Sources that contradict each other, both sides kept."""

    question: str = Field(description="What they disagree about.")
    sides: list[ConflictSide]
    trusted: int | None = Field(
        default=None, description="Index of the side that the agent trusts; none: undecided."
    )
    why: str = Field(default="", description="Why that side, in one sentence.")


class Confidence(Contract):
    """How much a result can be relied on: 0 to 100, and what it is made of (each 0 to 100).

    `agreeing` counts the publishers among the cited that state the first finding, each by itself.
    """

    score: int = Field(default=0, ge=0, le=100)
    agreeing: int = 0
    tool_reliability: float = 0
    source_quality: float = 0
    coherence: float = 0
    history: float = 0


class TopicResult(Contract):
    """What the research of one topic found."""

    topic_id: str
    title: str
    summary: str = ""
    why_it_matters: str = Field(
        default="", description="A sentence; empty unless a model wrote it."
    )
    background: str = Field(
        default="", description="A sentence of what was said of the story on an earlier day."
    )
    findings: list[Finding] = Field(default_factory=list)
    conflicts: list[Conflict] = Field(default_factory=list)
    confidence: Confidence = Field(default_factory=lambda: Confidence(score=0))
    no_sources: bool = False
    stopped_because: str = ""
    rounds: int = 0
    cost_usd: float = 0
    written_by: list[str] = Field(
        default_factory=list,
        description="The models whose words the findings are; offline: picked from the evidence.",
    )
    gaps: list[dict[str, Any]] = Field(
        default_factory=list, description="Reports of missing tools."
    )
    escalated: bool = Field(
        default=False,
        description="Whether it went in circles or stood still, and a person should look.",
    )
