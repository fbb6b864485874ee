"""The settings: one typed model, each field with a default that works with nothing else installed.

Read from the environment (`MILLRACE_<NAME>`; lists are separated by commas), then `millrace.yaml` in the
working directory, then, on a worker, the Windmill resource `f/millrace/settings`. The first that names a setting wins.
"""

import functools
import json
import os
import types
import typing
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from f.millrace.core import windmill
from f.millrace.core.errors import BadSetting

PREFIX = "MILLRACE_"
FILE = "millrace.yaml"
RESOURCE = "f/millrace/settings"
# Set by scripts and the runner for their own children; not settings.
INTERNAL = frozenset({"STEP", "EVENTS_STDOUT", "NAMESPACE", "PYTHON", "HOME", "CACHE", "ROOT"})

LEVELS = ("debug", "info", "warning", "error")
# The agents that settings may name, and those of them that call tools.
AGENTS = ("researcher", "planner", "judge", "writer", "summariser", "helper")
TOOL_USERS = ("researcher", "helper")
Money = Annotated[Decimal, Field(ge=0)]


class AgentSettings(BaseModel):
    """What may be set for one agent; unset fields keep the agent's own defaults."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    model: str | None = Field(default=None, description="Model of this agent, e.g. openai:gpt-5-mini.")
    cheaper_model: str | None = Field(
        default=None, description="Model that takes over near the end of the money; unset: this role keeps its model."
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Sampling temperature.")
    risk_threshold: Literal["low", "medium", "high"] | None = Field(default=None, description="Tools above this class ask first.")
    max_retries: int | None = Field(default=None, ge=0, le=10, description="Repairs and repeats of one model call.")
    tools: list[str] | None = Field(default=None, description="Names of the tools it may call; unset means its own list.")
    enabled: bool = Field(default=True, description="Off: its steps say so and do nothing.")


class ToolServer(BaseModel):
    """A server of tools, as other programs' `mcp.json` says it too: reached at `url`, or started with `command`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    type: Literal["http", "streamable-http", "stdio"] | None = Field(
        default=None, description="How it is spoken to; may be left out, a url or a command says it."
    )
    url: str = Field(default="", pattern="^(https?://.+)?$", description="Its address, streamable HTTP.")
    headers: dict[str, SecretStr] = Field(default={}, description="Sent to it with every request.")
    command: str = Field(default="", description="The program to start, which speaks over stdin and stdout; not on workers.")
    args: list[str] = Field(default=[], description="Its arguments.")
    env: dict[str, SecretStr] = Field(default={}, description="Its environment, beside PATH, HOME and the like; nothing of ours.")
    cwd: str = Field(default="", description="The folder it is started in.")
    asks: Literal["decline", "defaults"] = Field(
        default="decline", description="What it hears when it asks the user back: no, or the defaults that it proposes itself."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise ValueError("name either the url of the server or the command that starts it")
        if self.type and (self.type == "stdio") != bool(self.command):
            raise ValueError(
                f"its type is {self.type}, and it has a {'url' if self.url else 'command'}; leave out the type or that"
            )
        return self

    @property
    def place(self) -> str:
        """Where it is, in one line without secrets: what its tools were approved for."""
        return self.url or f"stdio: {json.dumps([self.command, *self.args])}"


def _server(given: Any) -> Any:
    return {"url": given} if isinstance(given, str) else given


class ModelPrice(BaseModel):
    """What a million tokens of one model cost."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    input: Money = Field(description="A million tokens in.")
    output: Money = Field(description="A million tokens out, reasoning included.")
    cache_read: Money | None = Field(default=None, description="A million tokens in that were cached; unset: as input.")
    cache_write: Money | None = Field(default=None, description="A million tokens in that become cached; unset: as input.")
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$", description="Currency of these prices.")
    usd_per_unit: Annotated[Decimal, Field(gt=0)] = Field(
        default=Decimal(1), description="US dollars for one unit of the currency."
    )
    date: str = Field(default="", description="Day from which the price was taken, e.g. 2026-11-01.")

    @model_validator(mode="after")
    def _has_a_rate(self) -> Self:
        if (self.currency == "USD") != (self.usd_per_unit == 1):
            raise ValueError(f"prices in {self.currency} need their own usd_per_unit; those in USD have 1")
        return self


class Settings(BaseModel):
    """Everything that can be set."""

    # Built at first use: a step that needs no setting does not pay for it.
    model_config = ConfigDict(extra="forbid", defer_build=True)

    database_url: SecretStr = Field(
        default=SecretStr(""), description="Postgres 15 or later with pgvector; empty: the embedded one."
    )
    owner_url: SecretStr = Field(
        default=SecretStr(""),
        description="Address that makes and changes the tables; then database_url is a role of fewer rights, made when missing.",
    )
    model: str = Field(
        default="offline", description="openai:NAME, anthropic:NAME, ollama:NAME or offline (extracts, invents nothing)."
    )
    embedding_model: str = Field(
        default="local:minilm-l6-int8",
        description="Model of new vectors: local:minilm-l6-int8 or openai:NAME (any OpenAI-compatible server, by OPENAI_BASE_URL).",
    )
    sources: list[str] = Field(
        default=["hackernews", "arxiv", "feeds", "mastodon", "notes"], description="Sources that are read."
    )
    hackernews_url: str = Field(default="https://hacker-news.firebaseio.com/v0", description="Base of the Hacker News API.")
    arxiv_url: str = Field(default="https://export.arxiv.org/api/query", description="The arXiv query API.")
    arxiv_categories: list[str] = Field(default=["cs.AI", "cs.LG"], description="arXiv categories to read.")
    arxiv_terms: list[str] = Field(default=[], description="Words that an arXiv entry must hold one of; empty: all.")
    feeds: list[str] = Field(
        [
            "https://www.quantamagazine.org/feed/",
            "https://feeds.arstechnica.com/arstechnica/index",
            "https://www.nature.com/nature.rss",
        ],
        description="Addresses of RSS, Atom or RDF feeds.",
    )
    mastodon_url: str = Field(
        default="https://mastodon.social", description="Mastodon server whose public tag timelines are read."
    )
    mastodon_tags: list[str] = Field(default=["ai"], description="Tags to read, without #.")
    notes_dir: str = Field(default="notes", description="Folder of local notes (Markdown or text).")
    documents_dirs: list[str] = Field(default=["documents"], description="Folders whose documents are read every night.")
    documents_trust: Literal["own", "trusted", "untrusted"] = Field(
        default="untrusted", description="How far the text of documents is trusted: own is as if you had written it."
    )
    documents_max_files: int = Field(default=50_000, ge=1, description="Most documents under the given folders.")
    document_max_bytes: int = Field(default=50_000_000, ge=1_000, description="Largest document that is read.")
    document_max_pages: int = Field(default=2_000, ge=1, description="Most pages of a PDF that is read.")
    document_max_characters: int = Field(default=5_000_000, ge=1_000, description="Most text of a document that is read.")
    document_seconds: float = Field(default=120, gt=0, le=3_600, description="Longest time for reading one document.")
    answer_tokens: int = Field(default=6_000, ge=200, description="Most tokens of memory that one answer is written from.")
    ocr_languages: str = Field(default="eng", description="Languages of texts in pictures, as tesseract names them: eng+deu.")
    search_url: str = Field(default="", description="Base of a SearXNG server with JSON output.")
    brave_api_key: SecretStr = Field(default=SecretStr(""), description="Key for Brave search.")
    tavily_api_key: SecretStr = Field(default=SecretStr(""), description="Key for Tavily search.")
    weather_url: str = Field(default="https://api.open-meteo.com/v1/forecast", description="Open-Meteo forecast API.")
    geocoding_url: str = Field(default="https://geocoding-api.open-meteo.com/v1/search", description="Open-Meteo place search.")
    recipients: list[str] = Field(default=["me@localhost"], description="Who gets the digest.")
    operator: str = Field(
        default="", description="Mail address that is asked for approvals; empty: only the command line and Windmill."
    )
    interests: list[str] = Field(default=[], description="Words that lift a topic's rank.")
    smtp_url: SecretStr = Field(
        SecretStr(""), description="smtp://user:password@host:587 or smtps://…; empty: mails go to the outbox."
    )
    smtp_unknown: Literal["hold", "resend"] = Field(
        "hold", description="After a crash while a mail was sent: hold it or send it again."
    )
    risk_policy: dict[str, Literal["low", "medium", "high"]] = Field(
        default={},
        description='Classes of tools by name or pattern, e.g. {"github.*": "high"}; what always asks cannot be lowered.',
    )
    risk_medium: Literal["ask", "run"] = Field(
        default="run", description="Whether medium-risk actions (a web search) ask a person first or run and are logged."
    )
    approval_hours: float = Field(
        default=72, gt=0, description="How long a proposed action waits for a person when its flow sets no time."
    )
    isolation: Literal["child", "inline"] = Field(
        default="child", description="Local steps run in a child process with limits, or in the runner's own (debuggers)."
    )
    step_memory_mb: int = Field(
        default=2048,
        ge=0,
        description="Most memory of one local step and what it starts, as its parent measures it; 0: no limit.",
    )
    stalled_seconds: float = Field(
        default=1800, gt=0, description="A run without progress for longer stands still, when its step sets no time-out."
    )
    fallback_model: str = Field(default="offline", description="Model of a run that got stuck twice with its own.")
    mail_from: str = Field(default="millrace@localhost", description="Sender of the digests.")
    outbox_dir: str = Field(default=".millrace/outbox", description="Folder for .eml files when no SMTP server is set.")
    otlp_endpoint: str = Field(
        default="", description="OTLP over HTTP, e.g. http://127.0.0.1:4318; empty: spans stay in Postgres."
    )
    jaeger_url: str = Field(
        default="http://127.0.0.1:16686", description="Where people open Jaeger; links to traces begin with it."
    )
    trace_sampling: Literal["all", "none", "ratio", "adaptive"] = Field(
        default="adaptive",
        description="Which traces are exported: adaptive means every error, every high-risk action, every new flow for two "
        "weeks, else one in ten.",
    )
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1, description="Part of the traces that is exported with trace_sampling ratio."
    )
    trace_exclude: list[str] = Field(
        default=[],
        description="Instrumentation scopes and services whose spans are not exported, with patterns: millrace.memory.",
    )
    trace_content: bool = Field(
        default=False, description="Keep prompts, answers and what tools were asked and answered on spans, redacted."
    )
    trace_days: int = Field(default=30, ge=1, le=3_650, description="Days that spans are kept in Postgres.")
    event_days: int = Field(default=30, ge=1, le=3_650, description="Days that events of runs are kept in Postgres.")
    metric_days: int = Field(
        default=400, ge=1, le=3_650, description="Days that figures are kept by the hour; what they add up to is kept for good."
    )
    alert_days: int = Field(default=365, ge=1, le=3_650, description="Days that alerts are kept after they were resolved.")
    digest_due: str = Field(
        default="08:30",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="Local time by which the day's digest must be out; later, an alert is raised.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lines of less weight are not logged."
    )
    events_file: str = Field(default="", description="JSON lines file that every event is appended to.")
    fetch_allow: list[str] = Field(default=[], description="Private hosts (host or host:port) that may be fetched.")
    fetch_max_bytes: int = Field(default=5_000_000, ge=1_000, description="Largest body that is read from a source or page.")
    fetch_seconds: float = Field(default=20, gt=0, le=300, description="Longest time for one request.")
    run_usd: Money = Field(
        default=Decimal("5.00"), description="Most that one run may spend; of this and the pipeline's own budget the lower holds."
    )
    daily_budget_usd: Money = Field(default=Decimal("50.00"), description="Most that one user may spend in a day (UTC).")
    flow_daily_usd: dict[str, Money] = Field(
        default={}, description="Most that all runs of a flow may spend in a day (UTC), by the flow's name."
    )
    prices: dict[str, ModelPrice] = Field(
        default={}, description="Prices of models by name (openai:NAME), for a million tokens; they go before the table."
    )
    unknown_prices: Literal["cap", "refuse"] = Field(
        default="cap", description="A model without a known price: count it at the two cautious rates, or refuse it."
    )
    unknown_input_usd: Money = Field(default=Decimal("10"), description="Cautious rate for a million tokens in.")
    unknown_output_usd: Money = Field(default=Decimal("40"), description="Cautious rate for a million tokens out.")
    tool_usd: dict[str, Money] = Field(default={}, description="Price of one call of a tool, by its name (web.search).")
    machine_usd_hour: Money = Field(
        default=Decimal(0),
        description="What an hour of a step costs on your machines; reported beside the spending, not limited.",
    )
    user: str = Field(default="operator", description="Whose daily budget is charged.")
    confidence_silent: int = Field(default=90, ge=0, le=100, description="Above this, findings are published silently.")
    confidence_review: int = Field(
        default=70, ge=0, le=100, description="Below this, findings are marked as unreviewed and listed."
    )
    max_rounds: int = Field(default=3, ge=1, le=10, description="Most research rounds for one topic.")
    topic_seconds: float = Field(default=120, gt=0, description="Most seconds for one topic.")
    memory_days: dict[str, Annotated[int, Field(ge=1, le=36_500)]] = Field(
        default={},
        description='Days that memories of a type are kept after they were last said, e.g. {"evidence": 365, '
        '"conversation": 90}; other types are kept.',
    )
    agents: dict[str, AgentSettings] = Field(default={}, description="Settings of single agents by name.")
    mcp: dict[str, Annotated[ToolServer, BeforeValidator(_server, json_schema_input_type=str | ToolServer)]] = Field(
        default={},
        description="Further MCP servers whose tools agents may call, as in mcp.json: name to HTTP address, or to {url, headers} or {command, args, env}.",
    )
    mcp_tokens: dict[str, SecretStr] = Field(default={}, description="Bearer tokens of those servers: name to token.")
    mcp_seconds: float = Field(default=15, gt=0, le=300, description="Longest time for one exchange with such a server.")
    mcp_serve: list[str] = Field(
        default=[],
        description="Tools that `mcp serve` offers to other programs: server.tool, or server for all of its tools; empty: all.",
    )
    now: datetime | None = Field(default=None, description="A fixed clock, for tests.")

    @field_validator("agents")
    @classmethod
    def _agents_exist(cls, agents: dict[str, AgentSettings]) -> dict[str, AgentSettings]:
        for name, own in agents.items():
            if name not in AGENTS:
                raise ValueError(f"there is no agent {name!r}; there are {', '.join(AGENTS)}")
            if name not in TOOL_USERS and (own.tools is not None or own.risk_threshold is not None):
                raise ValueError(f"{name} calls no tools, so it has no tools and no risk_threshold; {', '.join(TOOL_USERS)} have")
        return agents


@functools.cache
def settings() -> Settings:
    """Return the effective settings; BadSetting names every mistake at once."""
    return _validated({name: value for name, (value, _) in sources().items()})


def reload() -> None:
    """Forget the settings that were read, so that the next call reads them again."""
    settings.cache_clear()
    sources.cache_clear()
    for forget in _on_reload:
        forget()


def on_reload(forget: Callable[[], None]) -> None:
    """Have `forget` called with each reload: for what other modules keep that depends on the settings."""
    _on_reload.append(forget)


_on_reload: list[Callable[[], None]] = []


@functools.cache
def sources() -> dict[str, tuple[Any, str]]:
    """Return each setting that is set: its raw value and where it comes from."""
    found: dict[str, tuple[Any, str]] = {}
    if windmill.on_worker():
        for name, value in windmill.resource(RESOURCE).items():
            if value not in ("", None):
                found[name] = (value, f"resource {RESOURCE}")
    for name, value in _file().items():
        found[name] = (value, FILE)
    for key, value in os.environ.items():
        name = key.removeprefix(PREFIX).lower()
        if key.startswith(PREFIX) and name.upper() not in INTERNAL and value != "":
            found[name] = (from_text(name, value), key)
    return found


def _file() -> dict[str, Any]:
    path = Path(FILE)
    if not path.is_file():
        return {}
    import yaml  # only here: most processes have no such file

    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise BadSetting(f"{FILE} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadSetting(f"{FILE} must hold `name: value` lines, not a {type(content).__name__}")
    return content


def from_text(name: str, value: str) -> Any:
    """Return the value of a setting that the environment gives as text; BadSetting when it should be JSON and is not."""
    field = Settings.model_fields.get(name)
    if field is None:
        return value
    kinds = {typing.get_origin(kind) or kind for kind in _alternatives(field.annotation)}
    if dict in kinds:
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise BadSetting(f"{PREFIX}{name.upper()} must be a JSON object: {error}") from error
    if list in kinds:
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _validated(values: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [_mistake(detail, values) for detail in error.errors()]
        raise BadSetting("\n".join(lines)) from None


def _mistake(detail: Any, values: dict[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    first = str(detail["loc"][0])
    where = sources().get(first, (None, ""))[1]
    if detail["type"] == "extra_forbidden":
        import difflib

        close = difflib.get_close_matches(first, Settings.model_fields, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`scripts/millrace settings` lists them"
        return f"unknown setting {name!r} (from {where}); {hint}"
    secret = first in Settings.model_fields and Settings.model_fields[first].annotation is SecretStr
    shown = "a secret" if secret else repr(detail["input"])
    return f"setting {name!r} (from {where}) is {shown}: {detail['msg'][0].lower() + detail['msg'][1:]}"
