# requirements:

"""Needs: whether a tool that exists does what is said to be missing, by meaning and by schema.

Meaning is how near names and descriptions are as vectors, whether the same kind of thing is done
(tool_actions) and to the same things (tool_words); schema is whether each input that the tool
requires can be filled from what the need has at hand, and whether what it gives back is what the
need wants. A need without a schema is a bare request, of which that counts which is asked for
(tool_requests). Of many tools the one counts that stands out: siblings of a missing tool are all
about as near.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from f.millrace.agents import tool_actions, tool_requests, tool_words
from f.millrace.core import embedding, errors
from f.millrace.evidence import claims
from f.millrace.tools import client
from f.millrace.trust import risk

TYPE = re.compile(r"[A-Za-z][\w<>\[\], .|:-]{0,59}")
NAME = re.compile(r"[A-Za-z][\w.:-]{1,63}")
# Weights of the measures of a need and a tool, in their order, by logistic regression on
# tests/agents/needs.yaml and the half `first` of tests/agents/sibling_tools.yaml; the other half is
# held back for measuring.
WITH_SCHEMA = {
    "described": -0.84,
    "named": 11.18,
    "whole": 1.27,
    "names": 2.72,
    "covered": 0.79,
    "least_covered": 1.12,
    "covers": 2.4,
    "covers_least": -0.43,
    "opposite": -7.28,
    "changes_instead": -0.09,
    "kind": 1.56,
    "inputs": 2.85,
    "outputs": 2.81,
    "unfilled": -4.86,
    "unused": -2.35,
    "shared": -2.63,
    "rivals": -6.24,
    "constant": -13.55,
}
# The same of a bare request, fitted on that half and on 62 requests of the simulated evaluation set
# of ToolAlpaca (github.com/tangqiaoyu/ToolAlpaca, Apache-2.0).
WITHOUT_SCHEMA = {
    "described": 1.35,
    "named": 1.1,
    "whole": 0.98,
    "asked": 3.67,
    "kind": 1.35,
    "opposite": -3.19,
    "shared": 2.0,
    "changes_instead": -1.4,
    "unfilled": -0.27,
    "lead": 5.07,
    "above_others": 4.32,
    "constant": -6.97,
}
# How much nearer than the others a tool is by its name: bounds, and what counts where it is alone.
MOST_LEAD = 0.3
MOST_ABOVE = 0.5
LEAD_ALONE = 0.15
ABOVE_ALONE = 0.25
# What is met: weights of the best sum and of how far it stands out, and where that begins.
STANDS_OUT = 4.0
ALONE = 2.0
MET_WITH_SCHEMA = (0.67, 0.32, -0.9)
MET_WITHOUT_SCHEMA = (0.93, -0.12, 0.37)
# What fields are worth at least that can only mean each other: as many as are required, of the same
# kind.
PLACED = 0.6
OTHER_KIND = 0.4
KINDS = {
    **dict.fromkeys(("string", "str", "text", "date", "datetime", "path", "email", "id"), "text"),
    **dict.fromkeys(("url", "uri", "link", "href"), "url"),
    **dict.fromkeys(("number", "integer", "int", "float", "decimal", "currency"), "number"),
    **dict.fromkeys(("boolean", "bool"), "yes or no"),
    **dict.fromkeys(("array", "list", "strings", "set"), "list"),
    **dict.fromkeys(("object", "dict", "json", "map"), "object"),
}
SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
SENTENCE = re.compile(r"(?<=[.!?;])\s")
LONGEST_DESCRIPTION = 600
MOST_SENTENCES = 4


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
class ToolSignature:
    """What a tool, or another need, does: in words and by its fields."""

    name: str
    description: str
    required: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    read_only: bool

    @property
    def summary_line(self) -> str:
        """Name and description in one line."""
        return f"{_split_name(_short(self.name))}: {self.first_sentence}"

    @property
    def first_sentence(self) -> str:
        """What the description says first."""
        return SENTENCE.split(self.description, maxsplit=1)[0]


def find_match(need: MissingTool, tools: Sequence[client.Tool]) -> Match | None:
    """Return the tool that does what is needed, if there is one."""
    existing = find_same_name(need, tools)
    if existing:
        return existing
    if not tools:
        return None
    rates = _rate_tools(need, tools)
    rated = sorted(zip(rates, (tool.name for tool in tools), strict=True), reverse=True)
    (best, name), others = rated[0], rated[1:]
    ahead = min(STANDS_OUT, best - others[0][0]) if others else ALONE
    sure = _sureness(best, ahead, bool(need.inputs or need.outputs))
    return (
        Match(name, f"the tool {name} does that (meaning and schema, {sure:.0%} sure)")
        if sure >= 0.5
        else None
    )


def find_same_name(need: MissingTool, tools: Sequence[client.Tool]) -> Match | None:
    """Return the tool that is called as the need is, if there is one."""
    for tool in tools:
        if is_same_name(need.name, tool.name):
            return Match(tool.name, f"the tool {tool.name} exists")
    return None


def nearest(need: MissingTool, tools: Sequence[client.Tool], most: int) -> list[client.Tool]:
    """Return the tools that come nearest to a need, the nearest first."""
    rates = _rate_tools(need, tools)
    order = sorted(range(len(tools)), key=lambda at: -rates[at])
    return [tools[at] for at in order[:most]]


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names are one, however they are written; a server's name before it may be
    left out.
    """
    first, second = _parts(one), _parts(other)
    short = _parts(other.partition(".")[2])
    return first == second or (len(short) > 1 and first == short)


def is_same_need(one: MissingTool, other: MissingTool) -> bool:
    """Return whether two reports miss the same tool."""
    if _parts(one.name) == _parts(other.name):
        return True
    both = [
        _rate_offers(need, [_signature_of_need(offered)])[0]
        for need, offered in ((one, other), (other, one))
    ]
    return _sureness(min(both), ALONE, bool(one.inputs and other.inputs)) >= 0.5


def _sureness(best: float, ahead: float, schema: bool) -> float:
    """Return how sure it is that the tool does it, 0 to 1."""
    by_best, by_lead, least = MET_WITH_SCHEMA if schema else MET_WITHOUT_SCHEMA
    return 1 / (1 + math.exp(-(by_best * best + by_lead * ahead + least)))


def _rate_tools(need: MissingTool, tools: Sequence[client.Tool]) -> list[float]:
    return _rate_offers(need, [_offer(tool) for tool in tools])


def _rate_offers(need: MissingTool, offers: Sequence[ToolSignature]) -> list[float]:
    """Return how well each offer meets the need."""
    if need.inputs or need.outputs:
        return [_rate(need, offer) for offer in offers]
    return [_weigh(WITHOUT_SCHEMA, row) for row in measure_request(need, offers)]


def _rate(need: MissingTool, offer: ToolSignature) -> float:
    """Return how well the offer meets the need by whichever sentence of its description says it."""
    sentences = _told(offer)
    variants = [
        dataclasses.replace(
            offer, description=" ".join([told, *sentences[:at], *sentences[at + 1 :]])
        )
        for at, told in enumerate(sentences[:MOST_SENTENCES])
    ]
    return max(_weigh(WITH_SCHEMA, measure(need, variant)) for variant in variants or [offer])


def _told(offer: ToolSignature) -> list[str]:
    """Return the sentences of a description that say something."""
    return [told for told in SENTENCE.split(offer.description) if len(told.split()) > 2]


def _weigh(weights: dict[str, float], measures: tuple[float, ...]) -> float:
    return sum(
        weight * value for weight, value in zip(weights.values(), (*measures, 1.0), strict=True)
    )


def measure_request(need: MissingTool, offers: Sequence[ToolSignature]) -> list[tuple[float, ...]]:
    """Return what WITHOUT_SCHEMA weighs of a need without a schema and each offer; the last two say
    how far it stands out among them.
    """
    rows = [_measure_request(need, offer) for offer in offers]
    found: list[tuple[float, ...]] = []
    for at, row in enumerate(rows):
        others = [other[1] for other in (*rows[:at], *rows[at + 1 :])]
        lead, above = LEAD_ALONE, ABOVE_ALONE
        if others:
            lead = max(-MOST_LEAD, min(MOST_LEAD, row[1] - max(others)))
            above = max(-MOST_LEAD, min(MOST_ABOVE, row[1] - sum(others) / len(others)))
        found.append((*row, lead, above))
    return found


def _measure_request(need: MissingTool, offer: ToolSignature) -> tuple[float, ...]:
    request = tool_requests.drop_values(need.description)
    its = _split_name(_short(offer.name))
    told = _told(offer)[:MOST_SENTENCES] or [offer.description]
    named = [f"{its}: {sentence}" for sentence in told]
    asked = tool_requests.list_clauses(need.description)
    kinds = tool_requests.list_kinds(need.description)
    other = tool_actions.kind_of(_short(offer.name), offer.first_sentence)
    agreements = [tool_actions.compare(kind, other) for kind in kinds] or [0.0]
    changes = any(not tool_actions.only_reads(kind) for kind in kinds)
    ours, theirs = (
        {tool_words.standard(word) for word in words}
        for words in (tool_words.things(request, values=True), tool_words.things(told[0]))
    )
    question = need.description.rstrip().endswith("?")
    lacking = max(0, len(offer.required) - tool_requests.count_values(need.description))
    return (
        max(_likeness(request, sentence) for sentence in told),
        max(_likeness(request, sentence) for sentence in named),
        _likeness(request, f"{its}: {offer.description} {_fields(offer)}"),
        max(_likeness(part, said) for part in asked for said in (*told, *named, its)),
        max(agreements),
        float(min(agreements) == -1 and max(agreements) < 1),
        len(ours & theirs) / max(1, len(ours | theirs)),
        float(question and not offer.read_only and not changes),
        lacking / max(1, len(offer.required)),
    )


def measure(need: MissingTool, offer: ToolSignature) -> tuple[float, ...]:
    """Return what WITH_SCHEMA weighs of a need and an offer."""
    name, its = _split_name(need.name), _split_name(_short(offer.name))
    wish, says = f"{name}: {need.description}", offer.summary_line
    kind = tool_actions.kind_of(name, need.description)
    other = tool_actions.kind_of(_short(offer.name), offer.first_sentence)
    agreement = tool_actions.compare(kind, other)
    reads = tool_actions.only_reads(kind)
    wanted = tool_words.things(need.description)
    offered = tool_words.things(f"{its} {offer.first_sentence}")
    every = [*offered, *tool_words.things(offer.description)]
    covered, least_covered = _cover(wanted, [*every, *_things_of(offer.inputs, offer.outputs)])
    asked = [*tool_words.things(name), *wanted, *_things_of(need.inputs, need.outputs)]
    covers, covers_least = _cover(offered, asked)
    ours, theirs = ({tool_words.standard(word) for word in words} for words in (wanted, offered))
    return (
        max(
            _likeness(need.description, told) for told in (offer.first_sentence, offer.description)
        ),
        max(_likeness(need.description, says), _likeness(wish, says)),
        _likeness(need.description, f"{its}: {offer.description} {_fields(offer)}"),
        _likeness(name, its),
        covered,
        least_covered,
        covers,
        covers_least,
        float(agreement == -1),
        0.0 if reads is None else 1.0 if reads != offer.read_only else -1.0,
        agreement,
        *_measure_schema(need, offer),
        len(ours & theirs) / max(1, len(ours | theirs)),
        float(tool_words.are_rivals(wish, says)),
    )


def _measure_schema(need: MissingTool, offer: ToolSignature) -> tuple[float, float, float, float]:
    """Return how near inputs and outputs are, and which share of inputs is unfilled or unused."""
    placed = len(offer.required) == len(need.inputs)
    filled = _match_fields(offer.required, need.inputs, placed)
    inputs = (_share(filled) + _share(_match_fields(need.inputs, offer.inputs, placed))) / 2
    alone = len(offer.outputs) == len(need.outputs) == 1
    both = offer.outputs and need.outputs
    outputs = _share(_match_fields(need.outputs, offer.outputs, alone)) if both else 0.5
    left = [_loose_kind(name, need.inputs[name]) for name in need.inputs]
    lacking = 0
    for name, kind in offer.required.items():
        wanted = _loose_kind(name, kind)
        if wanted in left:
            left.remove(wanted)
        else:
            lacking += 1
    return (
        inputs,
        outputs,
        lacking / max(1, len(offer.required)),
        len(left) / max(1, len(need.inputs)),
    )


def _loose_kind(name: str, kind: str) -> str:
    """Return the kind of a field; a number that may be an identifier is a text to other authors."""
    found = _kind(name, kind)
    return "text" if found == "url" or kind in ("integer", "string") else found


def _cover(words: Sequence[str], others: Sequence[str]) -> tuple[float, float]:
    """Return how well the words are found among the others: on average, and the least of them."""
    if not words:
        return 0.5, 0.5
    best = [max((_same_thing(word, other) for other in others), default=0.0) for word in words]
    return sum(best) / len(best), min(best)


def _same_thing(one: str, other: str) -> float:
    if tool_words.standard(one) == tool_words.standard(other):
        return 1.0
    return _similarity(one, other)


def _likeness(one: str, other: str) -> float:
    return _similarity(tool_words.standardise(one), tool_words.standardise(other))


def _things_of(*fields: dict[str, str]) -> list[str]:
    return [
        word for each in fields for name in each for word in tool_words.things(_split_name(name))
    ]


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _signature_of_need(need: MissingTool) -> ToolSignature:
    return ToolSignature(
        need.name,
        need.description,
        need.inputs,
        need.inputs,
        need.outputs,
        need.estimated_risk != "high",
    )


def _offer(tool: client.Tool) -> ToolSignature:
    inputs = _kinds(tool.input_schema)
    required = {
        name: inputs.get(name, "string") for name in tool.input_schema.get("required") or []
    }
    description = " ".join(tool.description.split("Args:")[0].split())
    return ToolSignature(
        tool.name,
        description[:LONGEST_DESCRIPTION],
        required,
        inputs,
        _kinds(tool.output_schema or {}),
        tool.read_only,
    )


def _kinds(schema: dict[str, object]) -> dict[str, str]:
    properties = schema.get("properties")
    found = properties if isinstance(properties, dict) else {}
    return {str(name): _type(field) for name, field in found.items()}


def _type(field: object) -> str:
    """Return the type of a field; of several, the first that says something."""
    if not isinstance(field, dict):
        return "string"
    given = field.get("type") or [
        each.get("type") for each in field.get("anyOf") or [] if isinstance(each, dict)
    ]
    types = (
        [given]
        if isinstance(given, str)
        else [str(each) for each in given if each and each != "null"]
    )
    return types[0] if types else "string"


def _match_fields(wanted: dict[str, str], given: dict[str, str], placed: bool) -> list[float]:
    """Return for each wanted field how near its counterpart is, 0 to 1; each given field stands for
    one.
    """
    pairs = sorted(
        (
            (_same_field(one, wanted[one], other, given[other]), one, other)
            for one in wanted
            for other in given
        ),
        reverse=True,
    )
    found: list[float] = []
    left, right = set(wanted), set(given)
    for near, one, other in pairs:
        if one in left and other in right:
            left.discard(one)
            right.discard(other)
            alike = _kind(one, wanted[one]) == _kind(other, given[other])
            found.append(max(near, PLACED) if placed and alike else near)
    return found + [0.0] * len(left)


def _same_field(one: str, its: str, other: str, others: str) -> float:
    near = (
        1.0
        if set(_parts(one)) & set(_parts(other))
        else _similarity(_split_name(one), _split_name(other))
    )
    return near if _kind(one, its) == _kind(other, others) else OTHER_KIND * near


def _share(found: list[float]) -> float:
    return sum(found) / len(found) if found else 1.0


def _kind(name: str, word: str) -> str:
    first = re.split(r"[^a-z]", word.strip().lower())[0]
    kind = KINDS.get(first, first or "text")
    return (
        "url" if kind == "text" and any(KINDS.get(part) == "url" for part in _parts(name)) else kind
    )


def _fields(offer: ToolSignature) -> str:
    return (
        f"takes {', '.join(map(_split_name, offer.inputs))}; returns"
        f" {', '.join(map(_split_name, offer.outputs))}"
    )


def _split_name(name: str) -> str:
    return " ".join(_parts(name))


def _parts(name: str) -> list[str]:
    return [part.lower() for part in SPLIT.split(name) if part]


@functools.lru_cache(maxsize=65_536)
def _similarity(one: str, other: str) -> float:
    """Return how near two texts are in meaning, 0 to 1; by their words where no embedding can be
    had.
    """
    first, second = _vector(one), _vector(other)
    if first is None or second is None:
        own, others = claims.content_words(one), claims.content_words(other)
        return len(own & others) / (min(len(own), len(others)) or 1)
    return max(0.0, sum(left * right for left, right in zip(first, second, strict=True)))


@functools.lru_cache(maxsize=16_384)
def _vector(text: str) -> embedding.Vector | None:
    # The local model, whatever the settings say: the weights above were fitted with it.
    try:
        return embedding.embed([text])[0]
    except errors.BadSetting:
        return None
