# requirements:

"""Needs: whether a tool that exists does what is said to be missing, by meaning and by schema.

Meaning is how near names and descriptions are as vectors; schema is whether each input that the
tool requires can be filled from what the need has at hand, and whether what it gives back is what
the need wants. A tool that only reads meets no need that changes something, and one that makes
something none that removes it.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator

from f.millrace.core import embedding, errors
from f.millrace.evidence import claims
from f.millrace.tools import client
from f.millrace.trust import risk

TYPE = re.compile(r"[A-Za-z][\w<>\[\], .|:-]{0,59}")
NAME = re.compile(r"[A-Za-z][\w.:-]{1,63}")
# Fitted on tests/agents/needs.yaml by logistic regression; in five-fold cross validation 6 of its
# 112 needs were judged wrongly. A tool meets a need from this sum on.
MEANING, NAMES, INPUTS, OUTPUTS, OTHERWISE = 6.5, 2.8, 1.7, 3.5, -1.4
MET = 7.85
# Whose descriptions are farther apart than this are not compared further.
FAR = 0.3
# A required input that nothing fills better than this is not filled.
UNFILLED = 0.25
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
SENTENCE = re.compile(r"(?<=[.!?])\s|\n\s*\n|;")
REMOVES = frozenset(
    "delete remove erase purge drop cancel destroy kill end revoke unsubscribe clear wipe".split()
)
CHANGES = REMOVES | frozenset(
    "create make new add open book schedule write save store put post send mail email message"
    " notify reply forward publish share invite update edit change modify set rename move merge"
    " close resolve buy purchase order pay transfer place subscribe vote sign submit fill install"
    " enable deploy roll restart start stop turn switch unlock lock upload insert call print"
    " execute run register mark".split()
)
READS = frozenset(
    "get list search find fetch read look lookup query show tell check retrieve view see compute"
    " convert translate detect identify describe measure count summarize transcribe load download"
    " browse scrape parse resolve give".split()
)


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


@dataclass(frozen=True)
class Match:
    """A tool that meets a need, and why it is thought so."""

    tool: str
    why: str


@dataclass(frozen=True)
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
        return f"{_split_name(self.name)}: {self.description}"


def find_match(need: MissingTool, tools: Sequence[client.Tool]) -> Match | None:
    """Return the tool that does what is needed, if there is one."""
    for tool in tools:
        if is_same_name(need.name, tool.name):
            return Match(tool.name, f"the tool {tool.name} exists")
    rated = [(_rate(need, _offer(tool)), tool.name) for tool in tools]
    sum_, name = max(rated, default=(0.0, ""))
    return (
        Match(name, f"the tool {name} does that (meaning and schema {sum_:.1f}, enough from {MET})")
        if sum_ >= MET
        else None
    )


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
    return min(_rate(one, _signature_of_need(other)), _rate(other, _signature_of_need(one))) >= MET


def _rate(need: MissingTool, offer: ToolSignature) -> float:
    """Return how well the offer meets the need: from MET on it does."""
    wanted = _signature_of_need(need)
    told = _similarity(wanted.summary_line, offer.summary_line)
    if told < FAR:
        return 0.0
    placed = len(offer.required) == len(need.inputs)
    filled = _match_fields(offer.required, need.inputs, placed)
    if min(filled, default=1.0) < UNFILLED:
        return 0.0
    whole = _similarity(
        f"{wanted.summary_line} {_fields(wanted)}", f"{offer.summary_line} {_fields(offer)}"
    )
    meaning = (told + whole + _similarity(need.description, offer.description)) / 3
    inputs = (_share(filled) + _share(_match_fields(need.inputs, offer.inputs, placed))) / 2
    alone = len(offer.outputs) == len(need.outputs) == 1
    outputs = _share(_match_fields(need.outputs, offer.outputs, alone)) if offer.outputs else 0.5
    names = _similarity(_split_name(need.name), _split_name(offer.name))
    return (
        MEANING * meaning
        + NAMES * names
        + INPUTS * inputs
        + OUTPUTS * outputs
        + OTHERWISE * _at_odds(need, wanted, offer)
    )


def _at_odds(need: MissingTool, wanted: ToolSignature, offer: ToolSignature) -> float:
    """Return 1 when one removes and the other does not or one only reads where the other must not,
    0.5 when it may be so.
    """
    does, other = _does(wanted), _does(offer)
    certain = need.estimated_risk == "high" or does == "removes"
    if (does == "removes") != (other == "removes") or (certain and offer.read_only):
        return 1.0
    if does == "reads" and need.estimated_risk == "low" and not offer.read_only:
        return 1.0
    return 0.5 if (certain or does == "changes") == offer.read_only else 0.0


def _does(offer: ToolSignature) -> str:
    """Return what the first words of name and description say that it does."""
    name, first = (
        _parts(offer.name.rpartition(".")[2])[:1],
        claims.WORD.findall(offer.description.lower())[:1],
    )
    if REMOVES.intersection(name + first):
        return "removes"
    for word in first + name:
        if word in CHANGES:
            return "changes"
        if word in READS:
            return "reads"
    return ""


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
    description = SENTENCE.split(tool.description.split("Args:")[0].strip())[0]
    return ToolSignature(
        tool.name,
        description[:400],
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


def _similarity(one: str, other: str) -> float:
    """Return how near two texts are in meaning, 0 to 1; by their words where no embedding can be
    had.
    """
    first, second = _vector(one), _vector(other)
    if first is None or second is None:
        own, others = claims.content_words(one), claims.content_words(other)
        return len(own & others) / (min(len(own), len(others)) or 1)
    return max(0.0, sum(left * right for left, right in zip(first, second, strict=True)))


@functools.lru_cache(maxsize=4096)
def _vector(text: str) -> embedding.Vector | None:
    # The local model, whatever the settings say: the weights above were fitted with it.
    try:
        return embedding.embed([text])[0]
    except errors.BadSetting:
        return None
