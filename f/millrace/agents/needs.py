"""Needs: whether a tool that exists does what is said to be missing, by meaning and by schema.

Meaning is how near the two descriptions are; schema is whether the tool's required inputs can be filled from what the
need has at hand, and whether it could give what the need wants back. A tool that only reads meets no need that changes
something.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator

from f.millrace.agents import claims
from f.millrace.tools.client import Tool
from f.millrace.trust.risk import Risk

TYPE = re.compile(r"[A-Za-z][\w<>\[\], .|:-]{0,59}")
NAME = re.compile(r"[A-Za-z][\w.:-]{1,63}")
# Nearness of two descriptions from which on they may mean the same, and from which on they do.
NEAR = 0.45
SAME = 0.75
FITS = 0.5
KINDS = {
    **dict.fromkeys(("string", "str", "text", "url", "uri", "date", "datetime", "path", "email", "id"), "text"),
    **dict.fromkeys(("number", "integer", "int", "float", "decimal", "currency"), "number"),
    **dict.fromkeys(("boolean", "bool"), "yes or no"),
    **dict.fromkeys(("array", "list", "strings", "set"), "list"),
    **dict.fromkeys(("object", "dict", "json", "map"), "object"),
}
SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


class MissingTool(BaseModel):
    """A tool that would have been needed."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="A name for it, such as `translate_text`.")
    description: str = Field(description="What it does, in one sentence.", min_length=8, max_length=600)
    inputs: dict[str, str] = Field(description="What it takes: name to type.")
    outputs: dict[str, str] = Field(description="What it gives back: name to type.")
    estimated_risk: Risk = Field(description="low: it only reads; medium; high: it sends, deletes, buys or publishes.")

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no name of a tool; letters, digits, `_`, `.` and `-` are allowed")
        return name

    @field_validator("inputs", "outputs")
    @classmethod
    def _types(cls, fields: dict[str, str]) -> dict[str, str]:
        wrong = [f"{name}: {kind}" for name, kind in fields.items() if not name.strip() or not TYPE.fullmatch(kind)]
        if wrong:
            raise ValueError(f"{'; '.join(wrong)[:200]} is no `name: type`; types are words such as string or number")
        return fields


@dataclass(frozen=True)
class Match:
    """A tool that meets a need, and why it is thought so."""

    tool: str
    why: str


def met_by(need: MissingTool, tools: Sequence[Tool]) -> Match | None:
    """Return the tool that does what is needed, if there is one."""
    for tool in tools:
        if same_name(need.name, tool.name):
            return Match(tool.name, f"the tool {tool.name} exists")
    if not tools:
        return None
    near = nearness(described(need), [_told(tool) for tool in tools])
    for meaning, tool in sorted(zip(near, tools, strict=True), key=lambda pair: -pair[0]):
        if meaning < NEAR or _changes(need) != (not tool.read_only):
            continue
        fits = _schema_fits(need, tool)
        if fits >= FITS and meaning + (fits - FITS) / 2 >= (NEAR + SAME) / 2:
            return Match(tool.name, f"the tool {tool.name} does that (meaning {meaning:.2f}, schema {fits:.2f})")
    return None


def same_name(one: str, other: str) -> bool:
    """Return whether two names are one, however they are written; a server's name before it may be left out."""
    first, second = _parts(one), _parts(other)
    short = _parts(other.partition(".")[2])
    return first == second or (len(short) > 1 and first == short)


def same_need(one: MissingTool, other: MissingTool) -> bool:
    """Return whether two reports miss the same tool."""
    if _parts(one.name) == _parts(other.name):
        return True
    (meaning,) = nearness(described(one), [described(other)])
    fits = (_covered(one.inputs, other.inputs) + _covered(other.inputs, one.inputs)) / 2
    return _changes(one) == _changes(other) and meaning >= SAME and fits >= FITS


def nearness(text: str, others: Sequence[str]) -> list[float]:
    """Return how near each text is in meaning, 0 to 1."""
    own = claims.content(text)
    return [_shared(own, claims.content(other)) for other in others]


def described(need: MissingTool) -> str:
    """Return what the need says of itself."""
    return f"{' '.join(_parts(need.name))}: {need.description}"


def _told(tool: Tool) -> str:
    return f"{' '.join(_parts(tool.name))}: {tool.description.split('Args:')[0][:400]}"


def _changes(need: MissingTool) -> bool:
    return need.estimated_risk == "high"


def _parts(name: str) -> list[str]:
    return [part.lower() for part in SPLIT.split(name) if part]


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (min(len(one), len(other)) or 1)


def _schema_fits(need: MissingTool, tool: Tool) -> float:
    """Return 0 to 1: the tool's required inputs can be filled, what the need has is of use, what it wants comes back."""
    given = {name: _kind(str(field.get("type", ""))) for name, field in (tool.input_schema.get("properties") or {}).items()}
    required = {name: given.get(name, "") for name in tool.input_schema.get("required") or []}
    filled = _covered(required, need.inputs)
    used = _covered(need.inputs, given)
    back = (tool.output_schema or {}).get("properties") or {}
    wanted = _covered(need.outputs, {name: str(field.get("type", "")) for name, field in back.items()}) if back else 1.0
    return 0.4 * filled + 0.4 * used + 0.2 * wanted


def _covered(wanted: dict[str, str], given: dict[str, str]) -> float:
    """Return the share of fields that have a counterpart: a name in common, or the only one of its kind."""
    if not wanted:
        return 1.0
    found = 0.0
    for name, kind in wanted.items():
        named = any(set(_parts(name)) & set(_parts(other)) for other in given)
        alike = [other for other in given.values() if _kind(other) == _kind(kind)]
        found += 1.0 if named else 0.6 if len(alike) == 1 and len(wanted) == 1 else 0.3 if alike else 0.0
    return found / len(wanted)


def _kind(word: str) -> str:
    first = re.split(r"[^a-z]", word.strip().lower())[0]
    return KINDS.get(first, first or "text")
