# requirements:

"""What a setting may hold that is more than a plain value, and pydantic's model of the settings.

More than plain are one agent, one server of tools and one model's price. Loaded only where a value
needs more than a look (`config.validate`), and by what describes the settings.
"""

import functools
import json
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from f.millrace.core import config

# The agents that settings may name, and those of them that call tools.
AGENTS = ("researcher", "planner", "judge", "writer", "summariser", "helper", "tool_judge")
TOOL_USERS = ("researcher", "helper")
Money = Annotated[Decimal, Field(ge=0)]


class AgentSettings(BaseModel):
    """What may be set for one agent; unset fields keep the agent's own defaults."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    model: str | None = Field(
        default=None, description="Model of this agent, e.g. openai:gpt-5-mini."
    )
    cheaper_model: str | None = Field(
        default=None,
        description=(
            "Model that takes over near the end of the money; unset: this role keeps its model."
        ),
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Sampling temperature.")
    risk_threshold: Literal["low", "medium", "high"] | None = Field(
        default=None, description="Tools above this class ask first."
    )
    max_retries: int | None = Field(
        default=None, ge=0, le=10, description="Repairs and repeats of one model call."
    )
    tools: list[str] | None = Field(
        default=None, description="Names of the tools it may call; unset means its own list."
    )
    enabled: bool = Field(default=True, description="Off: its steps say so and do nothing.")


class ToolServer(BaseModel):
    """A server of tools, as other programs' `mcp.json` says it too:
    reached at `url`, or started with `command`.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    type: Literal["http", "streamable-http", "stdio"] | None = Field(
        default=None,
        description="How it is spoken to; may be left out, a url or a command says it.",
    )
    url: str = Field(
        default="", pattern="^(https?://.+)?$", description="Its address, streamable HTTP."
    )
    headers: dict[str, config.Secret] = Field(
        default={}, description="Sent to it with every request."
    )
    command: str = Field(
        default="",
        description="The program to start, which speaks over stdin and stdout; not on workers.",
    )
    args: list[str] = Field(default=[], description="Its arguments.")
    env: dict[str, config.Secret] = Field(
        default={}, description="Its environment, beside PATH, HOME and the like; nothing of ours."
    )
    cwd: str = Field(default="", description="The folder it is started in.")
    asks: Literal["decline", "defaults"] = Field(
        default="decline",
        description=(
            "What it hears when it asks the user back: no, or the defaults that it proposes itself."
        ),
    )
    vouched: bool = Field(
        default=False,
        description=(
            "Its word is taken: that a tool only reads, and that it keeps what it is sent to"
            " itself. Without it such a claim counts only where the tool's own words agree."
        ),
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise ValueError("name either the url of the server or the command that starts it")
        if self.type and (self.type == "stdio") != bool(self.command):
            raise ValueError(
                f"its type is {self.type}, and it has a {'url' if self.url else 'command'}; leave"
                " out the type or that"
            )
        return self

    @property
    def place(self) -> str:
        """Where it is, in one line without secrets: what its tools were approved for."""
        return self.url or f"stdio: {json.dumps([self.command, *self.args])}"


class ModelPrice(BaseModel):
    """What a million tokens of one model cost."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    input: Money = Field(description="A million tokens in.")
    output: Money = Field(description="A million tokens out, reasoning included.")
    cache_read: Money | None = Field(
        default=None, description="A million tokens in that were cached; unset: as input."
    )
    cache_write: Money | None = Field(
        default=None, description="A million tokens in that become cached; unset: as input."
    )
    currency: str = Field(
        default="USD", pattern="^[A-Z]{3}$", description="Currency of these prices."
    )
    usd_per_unit: Annotated[Decimal, Field(gt=0)] = Field(
        default=Decimal(1), description="US dollars for one unit of the currency."
    )
    date: str = Field(
        default="", description="Day from which the price was taken, e.g. 2026-11-01."
    )

    @model_validator(mode="after")
    def _has_a_rate(self) -> Self:
        if (self.currency == "USD") != (self.usd_per_unit == 1):
            raise ValueError(
                f"prices in {self.currency} need their own usd_per_unit; those in USD have 1"
            )
        return self


def _known(agents: dict[str, AgentSettings]) -> dict[str, AgentSettings]:
    for name, own in agents.items():
        if name not in AGENTS:
            raise ValueError(f"there is no agent {name!r}; there are {', '.join(AGENTS)}")
        if name not in TOOL_USERS and (own.tools is not None or own.risk_threshold is not None):
            raise ValueError(
                f"{name} calls no tools, so it has no tools and no risk_threshold;"
                f" {', '.join(TOOL_USERS)} have"
            )
    return agents


def _server(given: Any) -> Any:
    return {"url": given} if isinstance(given, str) else given


Agents = Annotated[dict[str, AgentSettings], AfterValidator(_known)]
# An address alone is a server too.
Servers = dict[
    str, Annotated[ToolServer, BeforeValidator(_server, json_schema_input_type=str | ToolServer)]
]


def _zone(given: str) -> str:
    if given and not config.is_zone(given):
        raise ValueError("a time zone such as Europe/Berlin or UTC")
    return given


def _smtp(given: config.Secret) -> config.Secret:
    option = config.declared("smtp_url")[1]
    if not re.search(option.pattern or "", given.get_secret_value()):
        raise ValueError("smtp://user:password@host:587 or smtps://user:password@host:465")
    return given


# Settings whose values must be more than their declared type says.
STRICTER: dict[str, Any] = {
    "agents": Agents,
    "mcp": Servers,
    "prices": dict[str, ModelPrice],
    "flow_daily_usd": dict[str, Money],
    "tool_usd": dict[str, Money],
    "schedule_zone": Annotated[str, AfterValidator(_zone)],
    "smtp_url": Annotated[config.Secret, AfterValidator(_smtp)],
    "memory_days": dict[str, Annotated[int, Field(ge=1, le=36_500)]],
}


@functools.cache
def model(names: tuple[str, ...] = config.NAMES) -> type[BaseModel]:
    """Return a pydantic model of some settings, or of all."""
    fields: dict[str, Any] = {}
    for name in names:
        kind, option = config.declared(name)
        bounds = {key: value for key, value in option._asdict().items() if value is not None}
        if kind is config.Secret:
            bounds.pop("pattern", None)  # pydantic has patterns for plain text only
        fields[name] = (
            Annotated[STRICTER.get(name, kind), Field(**bounds)],
            getattr(config.Settings, name),
        )
    return create_model("Settings", __config__=ConfigDict(extra="forbid"), **fields)


def secret_schema() -> Any:
    """Return how pydantic reads a `Secret`: a text in, masked when it is written as JSON."""
    from pydantic_core import core_schema  # nothing more to load: pydantic has

    return core_schema.no_info_before_validator_function(
        lambda value: value.get_secret_value() if isinstance(value, config.Secret) else value,
        core_schema.no_info_after_validator_function(config.Secret, core_schema.str_schema()),
        serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
        metadata={
            "pydantic_js_updates": {"format": "password", "writeOnly": True, "type": "string"}
        },
    )
