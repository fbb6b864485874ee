# requirements:

"""Pydantic's model of the settings.

Loaded only where a value needs more than a look (`config.validate`), and by what describes the
settings.
"""

import functools
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from f.millrace.core import all_settings, secret, setting_types


def _known(
    agents: dict[str, setting_types.AgentSettings],
) -> dict[str, setting_types.AgentSettings]:
    for name, own in agents.items():
        if name not in setting_types.AGENTS:
            raise ValueError(
                f"there is no agent {name!r}; there are {', '.join(setting_types.AGENTS)}"
            )
        if name not in setting_types.TOOL_USERS and (
            own.tools is not None or own.risk_threshold is not None
        ):
            raise ValueError(
                f"{name} calls no tools, so it has no tools and no risk_threshold;"
                f" {', '.join(setting_types.TOOL_USERS)} have"
            )
    return agents


def _server(given: Any) -> Any:
    return {"url": given} if isinstance(given, str) else given


Agents = Annotated[dict[str, setting_types.AgentSettings], AfterValidator(_known)]
# An address alone is a server too.
Servers = dict[
    str,
    Annotated[
        setting_types.ToolServer,
        BeforeValidator(_server, json_schema_input_type=str | setting_types.ToolServer),
    ],
]


def _zone(given: str) -> str:
    if given and not all_settings.is_zone(given):
        raise ValueError("a time zone such as Europe/Berlin or UTC")
    return given


def _smtp(given: secret.Secret) -> secret.Secret:
    option = all_settings.declared("smtp_url")[1]
    if not re.search(option.pattern or "", given.get_secret_value()):
        raise ValueError("smtp://user:password@host:587 or smtps://user:password@host:465")
    return given


# Settings whose values must be more than their declared type says.
STRICTER: dict[str, Any] = {
    "agents": Agents,
    "mcp": Servers,
    "prices": dict[str, setting_types.ModelPrice],
    "flow_daily_usd": dict[str, setting_types.Money],
    "tool_usd": dict[str, setting_types.Money],
    "schedule_zone": Annotated[str, AfterValidator(_zone)],
    "smtp_url": Annotated[secret.Secret, AfterValidator(_smtp)],
    "memory_days": dict[str, Annotated[int, Field(ge=1, le=36_500)]],
}


@functools.cache
def make_model(names: tuple[str, ...] = all_settings.NAMES) -> type[BaseModel]:
    """Return a pydantic model of some settings, or of all."""
    fields: dict[str, Any] = {}
    for name in names:
        kind, option = all_settings.declared(name)
        bounds = {key: value for key, value in option._asdict().items() if value is not None}
        if kind is secret.Secret:
            bounds.pop("pattern", None)  # pydantic has patterns for plain text only
        fields[name] = (
            Annotated[STRICTER.get(name, kind), Field(**bounds)],
            getattr(all_settings.Settings, name),
        )
    return create_model("Settings", __config__=ConfigDict(extra="forbid"), **fields)
