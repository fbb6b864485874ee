# requirements:

"""What a setting may hold that is more than a plain value: one agent, one server of tools, one
model's price.
"""

import json
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from f.millrace.core import secret

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
    headers: dict[str, secret.Secret] = Field(
        default={}, description="Sent to it with every request."
    )
    command: str = Field(
        default="",
        description="The program to start, which speaks over stdin and stdout; not on workers.",
    )
    args: list[str] = Field(default=[], description="Its arguments.")
    env: dict[str, secret.Secret] = Field(
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
