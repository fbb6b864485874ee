# requirements:

"""Every setting: its type, its meaning, the bounds of its value and its default.

A default works with nothing else installed. `config` reads what an installation sets.
"""

import typing
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from f.millrace.core import secret

if typing.TYPE_CHECKING:
    from f.millrace.core import setting_types

# What the settings of a tool server take from the environment: "Bearer ${TRACKER_TOKEN}".
FROM_ENVIRONMENT = r"\$\{(\w+)\}"
LEVELS = ("debug", "info", "warning", "error")


class Option(NamedTuple):
    """What a setting means, and the bounds of its value (as pydantic's Field names them)."""

    description: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    pattern: str | None = None


class Settings:
    """Everything that can be set; what nobody set is the class's own value.

    What a value must be beyond its plain type and its bounds is in `settings_model.STRICTER`.
    """

    database_url: Annotated[
        secret.Secret,
        Option(description="Postgres 15 or later with pgvector; empty: the embedded one."),
    ] = secret.Secret("")
    owner_url: Annotated[
        secret.Secret,
        Option(
            description=(
                "Address that makes and changes the tables; then database_url is a role of fewer"
                " rights, made when missing."
            )
        ),
    ] = secret.Secret("")
    model: Annotated[
        str,
        Option(
            description=(
                "openai:NAME, anthropic:NAME, ollama:NAME or offline (extracts, invents nothing)."
            )
        ),
    ] = "offline"
    offline_stands_in: Annotated[
        Literal["never", "budget", "always"],
        Option(
            description=(
                "When the offline model picks sentences in place of the model of the settings:"
                " never; budget: once the money is spent; always: also when the model fails. What"
                " it wrote says so."
            )
        ),
    ] = "budget"
    max_output_tokens: Annotated[
        int,
        Option(
            ge=64,
            le=200_000,
            description="Most tokens of one answer of a model, its reasoning included.",
        ),
    ] = 2000
    embedding_model: Annotated[
        str,
        Option(
            description=(
                "Model of new vectors: local:minilm-l6-int8 or openai:NAME (any OpenAI-compatible"
                " server, by OPENAI_BASE_URL)."
            )
        ),
    ] = "local:minilm-l6-int8"
    sources: Annotated[
        list[str],
        Option(
            description="Sources that are read. One more is `documents`: what `ingest` read into"
            " memory."
        ),
    ] = [
        "hackernews",
        "arxiv",
        "feeds",
        "mastodon",
        "notes",
    ]
    source_options: Annotated[
        dict[str, dict[str, Any]],
        Option(
            description=(
                "Settings of single sources by name, as the file of each source declares them."
            )
        ),
    ] = {}
    hackernews_url: Annotated[str, Option(description="Base of the Hacker News API.")] = (
        "https://hacker-news.firebaseio.com/v0"
    )
    arxiv_url: Annotated[str, Option(description="The arXiv query API.")] = (
        "https://export.arxiv.org/api/query"
    )
    arxiv_categories: Annotated[list[str], Option(description="arXiv categories to read.")] = [
        "cs.AI",
        "cs.LG",
    ]
    arxiv_terms: Annotated[
        list[str], Option(description="Words that an arXiv entry must hold one of; empty: all.")
    ] = []
    feeds: Annotated[list[str], Option(description="Addresses of RSS, Atom or RDF feeds.")] = [
        "https://www.quantamagazine.org/feed/",
        "https://feeds.arstechnica.com/arstechnica/index",
        "https://www.nature.com/nature.rss",
    ]
    private_feeds: Annotated[
        list[str],
        Option(
            description="Addresses of feeds that only owners' digests show, and those of readers"
            " with whom one was shared (`recipients share`)."
        ),
    ] = []
    mastodon_url: Annotated[
        str, Option(description="Mastodon server whose public tag timelines are read.")
    ] = "https://mastodon.social"
    mastodon_tags: Annotated[list[str], Option(description="Tags to read, without #.")] = ["ai"]
    notes_dir: Annotated[str, Option(description="Folder of local notes (Markdown or text).")] = (
        "notes"
    )
    documents_dirs: Annotated[
        list[str], Option(description="Folders whose documents are read every night.")
    ] = ["documents"]
    documents_trust: Annotated[
        Literal["own", "trusted", "untrusted"],
        Option(
            description="How far the text of documents is trusted: own is as if you had written it."
        ),
    ] = "untrusted"
    documents_max_files: Annotated[
        int, Option(ge=1, description="Most documents under the given folders.")
    ] = 50_000
    document_max_bytes: Annotated[
        int, Option(ge=1_000, description="Largest document that is read.")
    ] = 50_000_000
    document_max_pages: Annotated[
        int, Option(ge=1, description="Most pages of a PDF that is read.")
    ] = 2_000
    document_max_characters: Annotated[
        int, Option(ge=1_000, description="Most text of a document that is read.")
    ] = 5_000_000
    document_seconds: Annotated[
        float, Option(gt=0, le=3_600, description="Longest time for reading one document.")
    ] = 120
    answer_tokens: Annotated[
        int, Option(ge=200, description="Most tokens of memory that one answer is written from.")
    ] = 6_000
    ocr_languages: Annotated[
        str, Option(description="Languages of texts in pictures, as tesseract names them: eng+deu.")
    ] = "eng"
    search_url: Annotated[str, Option(description="Base of a SearXNG server with JSON output.")] = (
        ""
    )
    brave_api_key: Annotated[secret.Secret, Option(description="Key for Brave search.")] = (
        secret.Secret("")
    )
    tavily_api_key: Annotated[secret.Secret, Option(description="Key for Tavily search.")] = (
        secret.Secret("")
    )
    weather_url: Annotated[str, Option(description="Open-Meteo forecast API.")] = (
        "https://api.open-meteo.com/v1/forecast"
    )
    geocoding_url: Annotated[str, Option(description="Open-Meteo place search.")] = (
        "https://geocoding-api.open-meteo.com/v1/search"
    )
    recipients: Annotated[list[str], Option(description="Who gets the digest.")] = ["me@localhost"]
    operator: Annotated[
        str,
        Option(
            description=(
                "Mail address that is asked for approvals; empty: only the command line and"
                " Windmill."
            )
        ),
    ] = ""
    languages: Annotated[
        list[str],
        Option(
            description="Languages to read pages in, as two-letter codes; empty: any. Feeds and"
            " notes are read in whatever language they are."
        ),
    ] = ["en"]
    owners: Annotated[
        list[str],
        Option(
            description="Recipients who may see what is private: notes, documents, memories. Others"
            " see of it what was shared with them (`recipients share`). An address on this machine"
            " (@localhost) always may."
        ),
    ] = []
    interests: Annotated[list[str], Option(description="Words that lift a topic's rank.")] = []
    smtp_url: Annotated[
        secret.Secret,
        Option(
            description=(
                "smtp://user:password@host:587 or smtps://…; empty: mails wait in the outbox"
                " (`scripts/millrace outbox`) and nobody gets them."
            ),
            pattern=r"^\s*((?i:smtps?)://\S+\s*)?$",
        ),
    ] = secret.Secret("")
    smtp_unknown: Annotated[
        Literal["hold", "resend"],
        Option(description="After a crash while a mail was sent: hold it or send it again."),
    ] = "hold"
    risk_policy: Annotated[
        dict[str, Literal["low", "medium", "high"]],
        Option(
            description=(
                'Classes of tools by name or pattern, e.g. {"github.*": "high"}; what always asks'
                " cannot be lowered."
            )
        ),
    ] = {}
    risk_medium: Annotated[
        Literal["ask", "run"],
        Option(
            description=(
                "Whether medium-risk actions (a web search) ask a person first or run and are"
                " logged."
            )
        ),
    ] = "run"
    approval_hours: Annotated[
        float,
        Option(
            gt=0,
            description="How long a proposed action waits for a person when its flow sets no time.",
        ),
    ] = 72
    isolation: Annotated[
        Literal["child", "inline"],
        Option(
            description=(
                "Local steps run in a child process with limits, or in the runner's own"
                " (debuggers)."
            )
        ),
    ] = "child"
    step_memory_mb: Annotated[
        int,
        Option(
            ge=0,
            description=(
                "Most memory of one local step and what it starts, as its parent measures it; 0: no"
                " limit."
            ),
        ),
    ] = 2048
    stalled_seconds: Annotated[
        float,
        Option(
            gt=0,
            description=(
                "A run without progress for longer stands still, when its step sets no time-out."
            ),
        ),
    ] = 1800
    fallback_model: Annotated[
        str, Option(description="Model of a run that got stuck twice with its own.")
    ] = "offline"
    mail_from: Annotated[str, Option(description="Sender of the digests.")] = "millrace@localhost"
    mail_name: Annotated[
        str, Option(description="Name that stands before the sender's address.")
    ] = "Millrace"
    reply_to: Annotated[
        str,
        Option(
            description=(
                "Address that takes readers' replies (`scripts/millrace replies read`, or a mail"
                " trigger of Windmill); empty: mail_from."
            )
        ),
    ] = ""
    public_url: Annotated[
        str,
        Option(
            description=(
                "Base of the web addresses by which readers reply and unsubscribe, such as the"
                " route of research/follow_link; empty: by mail only."
            )
        ),
    ] = ""
    outbox_dir: Annotated[
        str, Option(description="Folder for .eml files when no SMTP server is set.")
    ] = ".millrace/outbox"
    dropped_dir: Annotated[
        str, Option(description="Folder of the files that people drop in the console.")
    ] = ".millrace/dropped"
    otlp_endpoint: Annotated[
        str,
        Option(
            description="OTLP over HTTP, e.g. http://127.0.0.1:4318; empty: spans stay in Postgres."
        ),
    ] = ""
    otlp_headers: Annotated[
        dict[str, secret.Secret],
        Option(
            description=(
                "Sent to otlp_endpoint with each request, as hosted collectors ask, e.g."
                ' {"Authorization": "Bearer …"}.'
            )
        ),
    ] = {}
    jaeger_url: Annotated[
        str, Option(description="Where people open Jaeger; links to traces begin with it.")
    ] = "http://127.0.0.1:16686"
    trace_sampling: Annotated[
        Literal["all", "none", "ratio", "adaptive"],
        Option(
            description=(
                "Which traces are exported: adaptive means every error, every high-risk action,"
                " every new flow for two weeks, else one in ten."
            )
        ),
    ] = "adaptive"
    trace_ratio: Annotated[
        float,
        Option(
            ge=0, le=1, description="Part of the traces that is exported with trace_sampling ratio."
        ),
    ] = 0.1
    trace_exclude: Annotated[
        list[str],
        Option(
            description=(
                "Instrumentation scopes and services whose spans are not exported, with patterns:"
                " millrace.memory."
            )
        ),
    ] = []
    trace_content: Annotated[
        bool,
        Option(
            description=(
                "Keep prompts, answers and what tools were asked and answered on spans, redacted."
            )
        ),
    ] = False
    trace_days: Annotated[
        int, Option(ge=1, le=3_650, description="Days that spans are kept in Postgres.")
    ] = 30
    event_days: Annotated[
        int,
        Option(
            ge=1,
            le=3_650,
            description=(
                "Days that events of runs, runs of maintenance, and mails in the workers' outbox"
                " are kept in Postgres."
            ),
        ),
    ] = 30
    metric_days: Annotated[
        int,
        Option(
            ge=1,
            le=3_650,
            description=("Days that metrics are kept by the hour; their totals are kept for good."),
        ),
    ] = 400
    alert_days: Annotated[
        int,
        Option(ge=1, le=3_650, description="Days that alerts are kept after they were resolved."),
    ] = 365
    schedule_zone: Annotated[
        str,
        Option(
            description=(
                "Time zone of all schedules, such as Europe/Berlin; empty: each in that of its"
                " flow. On Windmill, scripts/deploy writes it into the schedules."
            )
        ),
    ] = ""
    digest_due: Annotated[
        str,
        Option(
            pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
            description=(
                "Local time by which the day's digest must be out; later, an alert is raised."
            ),
        ),
    ] = "08:30"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Option(description="Lines of less weight are not logged."),
    ] = "info"
    events_file: Annotated[
        str, Option(description="JSON lines file that every event is appended to.")
    ] = ""
    fetch_allow: Annotated[
        list[str], Option(description="Private hosts (host or host:port) that may be fetched.")
    ] = []
    webhook_allow: Annotated[
        list[str],
        Option(description="Private hosts (host or host:port) that webhooks may be sent to."),
    ] = []
    fetch_max_bytes: Annotated[
        int, Option(ge=1_000, description="Largest body that is read from a source or page.")
    ] = 5_000_000
    fetch_seconds: Annotated[
        float, Option(gt=0, le=300, description="Longest time for one request.")
    ] = 20
    run_usd: Annotated[
        Decimal,
        Option(
            ge=0,
            description=(
                "Most that one run may spend; of this and the pipeline's own budget the lower"
                " holds."
            ),
        ),
    ] = Decimal("5.00")
    daily_budget_usd: Annotated[
        Decimal, Option(ge=0, description="Most that one user may spend in a day (UTC).")
    ] = Decimal("50.00")
    role_daily_usd: Annotated[
        dict[Literal["reader", "member", "approver", "owner"], Decimal],
        Option(
            description=(
                "Most that each person of a role may spend in a day (UTC), in place of"
                ' daily_budget_usd: {"member": 2}.'
            )
        ),
    ] = {}
    user_daily_usd: Annotated[
        dict[str, Decimal],
        Option(
            description=(
                "Most that single people may spend in a day (UTC), by their id, in place of what"
                " their role may."
            )
        ),
    ] = {}
    flow_daily_usd: Annotated[
        dict[str, Decimal],
        Option(
            description="Most that all runs of a flow may spend in a day (UTC), by the flow's name."
        ),
    ] = {}
    prices: Annotated[
        dict[str, "setting_types.ModelPrice"],
        Option(
            description=(
                "Prices of models by name (openai:NAME), for a million tokens; they go before the"
                " table."
            )
        ),
    ] = {}
    unknown_prices: Annotated[
        Literal["cap", "refuse"],
        Option(
            description=(
                "A model without a known price: count it at the two cautious rates, or refuse it."
            )
        ),
    ] = "cap"
    unknown_input_usd: Annotated[
        Decimal, Option(ge=0, description="Cautious rate for a million tokens in.")
    ] = Decimal("10")
    unknown_output_usd: Annotated[
        Decimal, Option(ge=0, description="Cautious rate for a million tokens out.")
    ] = Decimal("40")
    tool_usd: Annotated[
        dict[str, Decimal],
        Option(description="Price of one call of a tool, by its name (web.search)."),
    ] = {}
    machine_usd_hour: Annotated[
        Decimal,
        Option(
            ge=0,
            description=(
                "What an hour of a step costs on your machines; reported beside the spending, not"
                " limited."
            ),
        ),
    ] = Decimal(0)
    user: Annotated[str, Option(description="Whose daily budget is charged.")] = "operator"
    console_url: Annotated[
        str,
        Option(
            description=(
                "Where browsers reach the console (https://console.example): for links in mails,"
                " and for where an identity provider leads back to; empty: where a browser asked."
            ),
            pattern=r"^\s*(https?://[^\s/?#@]+/?\s*)?$",
        ),
    ] = ""
    sign_in_windmill_url: Annotated[
        str,
        Option(
            description=(
                "Windmill server whose people sign in to the console as who they are there"
                " (https://windmill.example); empty: nobody does."
            ),
            pattern=r"^\s*(https?://[^\s?#@]+\s*)?$",
        ),
    ] = ""
    sign_in_windmill_workspace: Annotated[
        str, Option(description="Workspace of that server that they have to be members of.")
    ] = "main"
    sign_in_oidc_issuer: Annotated[
        str,
        Option(
            description=(
                "Issuer of an OpenID Connect provider by which people sign in to the console,"
                " exactly as the provider names it (https://login.example/realms/home); empty:"
                " nobody does."
            ),
            pattern=r"^\s*(https?://[^\s?#@]+\s*)?$",
        ),
    ] = ""
    sign_in_oidc_client: Annotated[
        str, Option(description="Client id of the console at that provider.")
    ] = ""
    sign_in_oidc_secret: Annotated[
        secret.Secret, Option(description="Client secret there; empty for a public client.")
    ] = secret.Secret("")
    sign_in_oidc_claim: Annotated[
        str,
        Option(
            description=(
                "Claim that names the person; email counts only when the provider says that it was"
                " verified."
            )
        ),
    ] = "email"
    sign_in_roles: Annotated[
        dict[str, Literal["reader", "member", "approver", "owner"]],
        Option(
            description=(
                "Roles of people who are not listed (`people`) but sign in by Windmill or OpenID"
                ' Connect: by group (g/NAME, "admin" and "operator" of Windmill; what the claim'
                ' `groups` holds), "*" for everybody; of those that fit the highest. Empty: only'
                " who is listed may enter."
            )
        ),
    ] = {}
    console_framed_by: Annotated[
        str,
        Option(
            description=(
                "Origin whose pages may show the console in a frame, such as Windmill's"
                " (https://windmill.example), for its app Console; empty: none may. Browsers send"
                " the sign-in along only within one site: console.example and windmill.example"
                " are two, console.home.example and windmill.home.example are one."
            ),
            pattern=r"^\s*(https?://[^\s/?#@;,]+/?\s*)?$",
        ),
    ] = ""
    confidence_silent: Annotated[
        int, Option(ge=0, le=100, description="Above this, findings are published silently.")
    ] = 90
    confidence_review: Annotated[
        int,
        Option(
            ge=0, le=100, description="Below this, findings are marked as unreviewed and listed."
        ),
    ] = 70
    max_rounds: Annotated[
        int, Option(ge=1, le=10, description="Most research rounds for one topic.")
    ] = 3
    topic_seconds: Annotated[float, Option(gt=0, description="Most seconds for one topic.")] = 120
    memory_days: Annotated[
        dict[str, int],
        Option(
            description=(
                'Days that memories of a type are kept after they were last said, e.g. {"evidence":'
                ' 365, "conversation": 90}; other types are kept.'
            )
        ),
    ] = {}
    agents: Annotated[
        dict[str, "setting_types.AgentSettings"],
        Option(description="Settings of single agents by name."),
    ] = {}
    agent_models: Annotated[
        list[str],
        Option(
            description=(
                "Models that agents which people make may have, beside those that other settings"
                " name: openai:NAME, anthropic:NAME, ollama:NAME."
            )
        ),
    ] = []
    mcp: Annotated[
        dict[str, "setting_types.ToolServer"],
        Option(
            description=(
                "Further MCP servers whose tools agents may call, as in mcp.json: name to HTTP"
                " address, or to {url, headers} or {command, args, env}."
            )
        ),
    ] = {}
    mcp_tokens: Annotated[
        dict[str, secret.Secret],
        Option(description="Bearer tokens of those servers: name to token."),
    ] = {}
    mcp_seconds: Annotated[
        float, Option(gt=0, le=300, description="Longest time for one exchange with such a server.")
    ] = 15
    mcp_serve: Annotated[
        list[str],
        Option(
            description=(
                "Tools that `mcp serve` offers to other programs: server.tool, or server for all of"
                " its tools, runs for ask, research and digest, agents for those that people"
                " made; empty: all."
            )
        ),
    ] = []
    now: Annotated[datetime | None, Option(description="A fixed clock, for tests.")] = None

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


NAMES = tuple(Settings.__annotations__)


def declared(name: str) -> tuple[Any, Option]:
    """Return the plain type of a setting, and its meaning and bounds."""
    kind, option = typing.get_args(Settings.__annotations__[name])
    return kind, option


def is_zone(value: Any) -> bool:
    """Tell whether a value names a time zone that this machine knows."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True
