# requirements:

"""What an agent is made of, written as data: who it is, what it is told, its tools, model, limits.

One model and one check hold for every way by which a definition comes in. Nothing of it is code:
tools are named and have to be known here, the model has to be one that the settings allow.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from f.millrace.core import config, errors, ids, setting_types, visible_text
from f.millrace.tools import known_tools
from f.millrace.trust import people

NAME = r"[a-z][a-z0-9-]{1,39}"
LONGEST_DESCRIPTION, LONGEST_INSTRUCTIONS = 300, 20_000
MOST_TOOLS = 50
MOST_SECONDS, MOST_REQUESTS = 600, 50
# Names that stand for something else where an agent is named: what can be asked beside agents,
# words of addresses, and pipelines; a test holds the last against flows/.
OTHER_NAMES = ("ask", "task", "millrace", "new", "agent", "agents", "api", "model", "models")
PIPELINES = (
    *("answer-question", "ask-agent", "ask-person", "chat", "check-health", "daily-research"),
    *("do-task", "embed-memory", "export-traces", "ingest-documents", "mail-with-approval"),
    *("prune-memory", "recover-runs"),
)
RESERVED = frozenset(
    {*(name.replace("_", "-") for name in setting_types.AGENTS), *OTHER_NAMES, *PIPELINES}
)
SHOWN = 60
MOST_FAULTS = 5


def _read_text(given: Any) -> Any:
    return given.replace("\r\n", "\n").strip() if isinstance(given, str) else given


def _refuse_hidden(text: str) -> str:
    """Return a text in which a person sees all that a model reads; ValueError for any other."""
    visible = visible_text.make_characters_visible(text, kept="\n\t")
    if visible == text:
        return text
    place = next(at for at, (one, other) in enumerate(zip(text, visible, strict=False))
                 if one != other)  # fmt: skip
    name = unicodedata.name(text[place], "a control character").lower()
    raise ValueError(
        f"character {place + 1} is hidden from readers: U+{ord(text[place]):04X}, {name}; write it"
        " without"
    )


def _refuse_breaks(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise ValueError("it is one line, without tabs")
    return text


def _drop_repeats(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


Text = Annotated[str, BeforeValidator(_read_text), AfterValidator(_refuse_hidden)]
Line = Annotated[Text, AfterValidator(_refuse_breaks)]


class Limits(BaseModel):
    """The most that one run of the agent may use."""

    model_config = ConfigDict(extra="forbid")

    usd: float = Field(
        default=0.25, gt=0, le=1_000, allow_inf_nan=False, description="Dollars for its model."
    )
    seconds: int = Field(
        default=120, ge=5, le=MOST_SECONDS, description="Time until it has to have answered."
    )
    requests: int = Field(
        default=12, ge=1, le=MOST_REQUESTS, description="Requests to its model; each tool call is"
        " followed by one."
    )  # fmt: skip


class Definition(BaseModel):
    """An agent as a person writes it down."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        pattern=f"^{NAME}$",
        description="How it is called: 2 to 40 of a-z, 0-9 and -, a letter first.",
    )
    description: Line = Field(
        default="",
        max_length=LONGEST_DESCRIPTION,
        description="What it is for, in one line: people and programs choose it by this.",
    )
    instructions: Text = Field(
        min_length=1,
        max_length=LONGEST_INSTRUCTIONS,
        description="What it is told before each message: its task, its manner, what to leave out.",
    )
    tools: Annotated[list[Line], AfterValidator(_drop_repeats)] = Field(
        default_factory=list,
        max_length=MOST_TOOLS,
        description="The tools that it may call, each as server.tool.",
    )
    model: Line = Field(
        default="",
        max_length=200,
        description="The model that answers, one that the settings allow; empty: the setting's.",
    )
    limits: Limits = Field(default_factory=Limits, description="The most that one run may use.")
    shared: StrictBool = Field(
        default=False, description="Whether everybody may use it; else only who made it."
    )

    @property
    def digest(self) -> str:
        """What tells one definition from another."""
        return ids.digest_of(self.model_dump(mode="json"))


def parse(given: Any) -> Definition:
    """Return a definition; BadInput names all that is wrong with it, each with value and limit."""
    if not isinstance(given, dict):
        raise errors.BadInput(f"an agent is an object with {', '.join(Definition.model_fields)}")
    try:
        return Definition.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        told = [_describe(fault) for fault in faults[:MOST_FAULTS]]
        if len(faults) > MOST_FAULTS:
            told.append(f"{len(faults) - MOST_FAULTS} more")
        raise errors.BadInput("; ".join(told)) from error


def restore(stored: dict[str, Any]) -> Definition:
    """Return a definition that was parsed before, also when less would be taken by now."""
    limits = Limits.model_construct(**stored.get("limits", {}))
    return Definition.model_construct(**{**stored, "limits": limits})


def _describe(fault: Any) -> str:
    where = ".".join(visible_text.line(part, SHOWN) for part in fault["loc"])
    kind, context = fault["type"], fault.get("ctx") or {}
    if kind == "extra_forbidden":
        known = Limits if fault["loc"][0] == "limits" else Definition
        return f"{where} is no part of an agent; there are {', '.join(known.model_fields)}"
    if kind == "missing":
        return f"{where} is missing"
    if kind == "value_error":
        return f"{where}: {context['error']}"
    if kind == "string_pattern_mismatch":
        shown = visible_text.line(fault["input"], SHOWN)
        return f"{where} {shown!r} is none: 2 to 40 of a-z, 0-9 and -, a letter first"
    if kind in ("string_too_long", "string_too_short"):
        length = len(fault["input"])
        limit = context.get("max_length") or context.get("min_length")
        least = "at most" if kind == "string_too_long" else "at least"
        return f"{where} has {length} characters; {least} {limit}"
    said = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{where} is {visible_text.line(fault['input'], SHOWN)}: {said}"


def check(wanted: Definition, role: people.Role) -> None:
    """Refuse what cannot be, or is more than somebody of this role may make.

    Raises:
        BadInput: The name is taken by the bundle, a tool or the model is unknown here, the money is
            more than a run may spend.
        NotAllowed: A tool changes something, or others shall use it, and that is for an approver.
    """
    if wanted.name in RESERVED:
        raise errors.BadInput(
            f"name {wanted.name!r} is taken by Millrace itself; take another, such as"
            f" my-{wanted.name}"
        )
    _check_tools(wanted, role)
    models = list_models()
    if wanted.model and wanted.model not in models:
        raise errors.BadInput(
            f"model {visible_text.line(wanted.model, SHOWN)!r} is none that the settings allow:"
            f" {', '.join(models)}; the setting agent_models allows more"
        )
    most = float(config.settings().run_usd)
    if wanted.limits.usd > most:
        raise errors.BadInput(
            f"limits.usd is {wanted.limits.usd:g}; a run spends at most {most:g} (setting run_usd)"
        )
    if wanted.shared and not people.has_role(role, "approver"):
        raise errors.NotAllowed(
            f"shared: an agent that everybody may use is made by an approver; you are {role}. Make"
            " it for yourself, or ask one"
        )


def _check_tools(wanted: Definition, role: people.Role) -> None:
    known = known_tools.list_tools()
    for name in wanted.tools:
        if name not in known:
            raise errors.BadInput(
                f"tool {visible_text.line(name, SHOWN)!r} is unknown; there are"
                f" {', '.join(sorted(known))}"
            )
    changing = [name for name in wanted.tools if not known[name].read_only]
    if changing and not people.has_role(role, "approver"):
        raise errors.NotAllowed(
            f"{', '.join(changing)}: an agent with tools that change something is made by an"
            f" approver; you are {role}. Leave them out, or ask one"
        )


def list_models() -> list[str]:
    """Return the models that an agent may have: those that the settings name."""
    found = config.settings()
    own = [name for one in found.agents.values() for name in (one.model, one.cheaper_model)]
    named = [found.model, "offline", found.fallback_model, *own, *found.agent_models]
    return list(dict.fromkeys(name for name in named if name))
