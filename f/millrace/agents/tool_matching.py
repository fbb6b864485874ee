# requirements:

"""Needs: whether a tool that exists does what is said to be missing, by meaning and by schema.

Each tool is measured against the need (tool_measures) and rated by the weighted sum of its
measures. The tool that rates best is judged by its rate and by how far it stands out: siblings of a
missing tool all rate about the same. Where that leaves it open, the answer is that nobody knows.
"""

import dataclasses
import enum
import math
import re
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from f.millrace.agents import tool_actions, tool_measures, tool_signatures
from f.millrace.tools import client
from f.millrace.trust import risk

TYPE = re.compile(r"[A-Za-z][\w<>\[\], .|:-]{0,59}")
NAME = re.compile(r"[A-Za-z][\w.:-]{1,63}")
# Weights of what tool_measures measures, in its order, by logistic regression on
# public sets of other authors' tools (resources/decisions/0026), tests/agents/needs.yaml and the
# half `first` of tests/agents/sibling_tools.yaml; those of bare requests in December 2026, by
# scripts/benchmarks/fit_missing_tools.py.
WITH_SCHEMA = {
    "named": 5.83,
    "names": 1.42,
    "name_words": -0.44,
    "covered": -0.03,
    "least_covered": 0.45,
    "covers": 1.3,
    "covers_least": 0.0,
    "opposite": -5.02,
    "changes_instead": -0.63,
    "kind": 1.0,
    "inputs": 1.26,
    "outputs": 3.12,
    "unfilled": -5.02,
    "unused": -2.35,
    "shared": 0.2,
    "rivals": -3.82,
    "constant": -8.52,
}
WITHOUT_SCHEMA = {
    "described": 2.08,
    "named": 2.11,
    "whole": -3.25,
    "name": 0.78,
    "asked": 3.08,
    "takes": 1.98,
    "kind": 0.47,
    "opposite": -2.57,
    "changes_instead": -0.41,
    "unfilled": -0.10,
    "shared": 3.20,
    "object_found": -1.22,
    "object_least": 1.56,
    "covers": -1.14,
    "covers_least": -0.22,
    "in_name": -1.39,
    "in_text": -2.28,
    "in_all": 3.06,
    "name_asked": 1.55,
    "text_asked": 1.63,
    "choice_named": 1.79,
    "fields_named": -1.14,
    "numbers_lacking": -1.85,
    "values_lacking": 0.20,
    "required": -0.83,
    "none_required": -0.99,
    "any_word": 0.46,
    "constant": -3.76,
}
# Weights of what the best tool shows, for how sure it is that it does what is needed.
SURE_WITH_SCHEMA = {
    "best": 0.76,
    "ahead": 0.6,
    "own_words": -7.0,
    "named": 2.57,
    "name_words": -0.71,
    "own_words_named": -2.29,
    "own_words_name_words": 5.43,
    "constant": -2.0,
}
SURE_WITHOUT_SCHEMA = {"best": 0.64, "ahead": 0.38, "constant": -1.11}
# How far the best tool may stand out, and what counts where it is alone.
STANDS_OUT = 4.0
ALONE = 2.0
# What a field counts whose name is one word, and what is counted beside a need's own fields.
ONE_WORD = 0.35
FEW_FIELDS = 0.5
# From here on a tool more likely does it than not.
LIKELY = 0.5
# Between these nobody knows whether the tool does it.
LEAST_SURE = 0.3
SURE = 0.7


class Verdict(enum.StrEnum):
    """Whether a need is met."""

    MET = "met"
    MISSING = "missing"
    UNSURE = "unsure"


class MissingTool(BaseModel):
    """A tool that would have been needed."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="A name for it, such as `translate_text`.")
    description: str = Field(
        description="What it does, in one sentence.", min_length=8, max_length=600
    )
    inputs: dict[str, str] = Field(description="What it takes: name to type.")
    outputs: dict[str, str] = Field(description="What it gives back: name to type.")
    estimated_risk: risk.Risk = Field(
        description="low: it only reads; medium; high: it sends, deletes, buys or publishes."
    )

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name[:60]!r} is no name of a tool; letters, digits, `_`, `.` and `-` are allowed"
            )
        return name

    @field_validator("inputs", "outputs")
    @classmethod
    def _types(cls, fields: dict[str, str]) -> dict[str, str]:
        wrong = [
            f"{name}: {kind}"
            for name, kind in fields.items()
            if not name.strip() or not TYPE.fullmatch(kind)
        ]
        if wrong:
            raise ValueError(
                f"{'; '.join(wrong)[:200]} is no `name: type`; types are words such as string or"
                " number"
            )
        return fields


@dataclasses.dataclass(frozen=True)
class Match:
    """A tool that meets a need, and why it is thought so."""

    tool: str
    why: str


@dataclasses.dataclass(frozen=True)
class NeedJudgement:
    """What is found of a need: how sure it is, 0 to 1, that the nearest tool meets it."""

    sure: float
    match: Match | None

    @property
    def verdict(self) -> Verdict:
        """Whether the need is met; unsure where neither is likely enough to be said."""
        if self.match is None or self.sure < LEAST_SURE:
            return Verdict.MISSING
        return Verdict.MET if self.sure >= SURE else Verdict.UNSURE


def find_match(need: MissingTool, tools: Sequence[client.Tool]) -> Match | None:
    """Return the tool that more likely than not does what is needed, if there is one."""
    found = judge_need(need, tools)
    return found.match if found.sure >= LIKELY else None


def judge_need(need: MissingTool, tools: Sequence[client.Tool]) -> NeedJudgement:
    """Return whether one of the tools does what is needed, and which comes nearest."""
    existing = find_same_name(need, tools)
    if existing:
        return NeedJudgement(1.0, existing)
    if not tools:
        return NeedJudgement(0.0, None)
    offers = [tool_signatures.describe_tool(tool) for tool in tools]
    measures, rates = _rate_offers(need, offers)
    best, ahead = find_best(rates)
    own_words = share_of_own_words(need, offers)
    sure = _sureness(need, rates[best], ahead, own_words, measures[best])
    name = tools[best].name
    why = f"the tool {name} does that (meaning and schema, {sure:.0%} sure)"
    return NeedJudgement(sure, Match(name, why))


def find_best(rates: Sequence[float]) -> tuple[int, float]:
    """Return which tool rates best, and how far before the next."""
    best = max(range(len(rates)), key=rates.__getitem__)
    others = [*rates[:best], *rates[best + 1 :]]
    return best, min(STANDS_OUT, rates[best] - max(others)) if others else ALONE


def find_same_name(need: MissingTool, tools: Sequence[client.Tool]) -> Match | None:
    """Return the tool that is called as the need is, if there is one."""
    for tool in tools:
        if is_same_name(need.name, tool.name):
            return Match(tool.name, f"the tool {tool.name} exists")
    return None


def nearest(need: MissingTool, tools: Sequence[client.Tool], most: int) -> list[client.Tool]:
    """Return the tools that come nearest to a need, the nearest first."""
    _, rates = _rate_offers(need, [tool_signatures.describe_tool(tool) for tool in tools])
    order = sorted(range(len(tools)), key=lambda at: -rates[at])
    return [tools[at] for at in order[:most]]


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names are one, however they are written; a server's name before it may be
    left out.
    """
    first, second = tool_actions.words_of(one), tool_actions.words_of(other)
    short = tool_actions.words_of(other.partition(".")[2])
    return first == second or (len(short) > 1 and first == short)


def is_same_need(one: MissingTool, other: MissingTool) -> bool:
    """Return whether two reports miss the same tool."""
    if tool_actions.words_of(one.name) == tool_actions.words_of(other.name):
        return True
    return all(_is_met_by_need(need, offered) for need, offered in ((one, other), (other, one)))


def _is_met_by_need(need: MissingTool, offered: MissingTool) -> bool:
    measures, rates = _rate_offers(need, [_signature_of_need(offered)])
    return _sureness(need, rates[0], ALONE, 0.0, measures[0]) >= LIKELY


def _has_schema(need: MissingTool) -> bool:
    return bool(need.inputs or need.outputs)


def measure_offers(
    need: MissingTool, offers: Sequence[tool_signatures.ToolSignature]
) -> list[tuple[float, ...]]:
    """Return what is measured of each offer: of a need with fields, or of a bare request."""
    if _has_schema(need):
        return tool_measures.measure_schema(_signature_of_need(need), offers)
    return tool_measures.measure_request(need.description, offers)


def _rate_offers(
    need: MissingTool, offers: Sequence[tool_signatures.ToolSignature]
) -> tuple[list[tuple[float, ...]], list[float]]:
    """Return what is measured of each offer, and how well it meets the need."""
    measures = measure_offers(need, offers)
    weights = WITH_SCHEMA if _has_schema(need) else WITHOUT_SCHEMA
    return measures, [_weigh(weights, row) for row in measures]


def _weigh(weights: dict[str, float], measures: Sequence[float]) -> float:
    return sum(
        weight * value for weight, value in zip(weights.values(), (*measures, 1.0), strict=True)
    )


def _sureness(
    need: MissingTool, best: float, ahead: float, own_words: float, measures: Sequence[float]
) -> float:
    """Return how sure it is that the tool does it, 0 to 1."""
    weights = SURE_WITH_SCHEMA if _has_schema(need) else SURE_WITHOUT_SCHEMA
    return _logistic(_weigh(weights, list_signs(need, best, ahead, own_words, measures)))


def list_signs(
    need: MissingTool, best: float, ahead: float, own_words: float, measures: Sequence[float]
) -> tuple[float, ...]:
    """Return what SURE_WITH_SCHEMA or SURE_WITHOUT_SCHEMA weighs of the tool that rates best.

    Who uses the field names of the listed tools writes as their author does, and would call the
    same thing by the same name: of such a need only a tool of the same words is sure to meet it.
    """
    if not _has_schema(need):
        return best, ahead
    told = dict(zip(tool_measures.OF_SCHEMA, measures, strict=True))
    named, words, own = told["named"], told["name_words"], own_words**2
    return best, ahead, own, named, words, own * named, own * words


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def share_of_own_words(need: MissingTool, offers: Sequence[tool_signatures.ToolSignature]) -> float:
    """Return which part of the need's fields is named just so by a listed tool.

    A name of one word (`query`, `id`) is what any author would write, and few fields say little.
    """
    fields = {*need.inputs, *need.outputs}
    known = {name for offer in offers for name in (*offer.inputs, *offer.outputs)}
    return _count_words_of_own(fields & known) / (_count_words_of_own(fields) + FEW_FIELDS)


def _count_words_of_own(names: Iterable[str]) -> float:
    return sum(1 if len(tool_actions.words_of(name)) > 1 else ONE_WORD for name in names)


def _signature_of_need(need: MissingTool) -> tool_signatures.ToolSignature:
    return tool_signatures.ToolSignature(
        need.name,
        need.description,
        need.inputs,
        need.inputs,
        need.outputs,
        need.estimated_risk != "high",
    )
