# requirements:

"""Whether each component works, and the next step for what does not.

Nothing here costs money or sends anything: servers are connected to,
what agents met lately is read from rows.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict
from urllib.parse import urlsplit

from f.millrace.core import config, db, errors, providers, redaction, schema, windmill
from f.millrace.models import fault_log

if TYPE_CHECKING:

    class FailureCount(TypedDict):
        """How many calls there were, and how many of them failed."""

        n: int
        failed: int


State = Literal["healthy", "degraded", "critical", "unknown"]
ORDER: tuple[State, ...] = ("healthy", "unknown", "degraded", "critical")
CONNECT_SECONDS = 2.0
PORTS = {"http": 80, "https": 443, "smtp": 587, "smtps": 465}
FAILING = 0.3
FEWEST_CALLS = 5
LITTLE_DISK, NO_DISK = 0.10, 0.03
CALLS = """
SELECT count(*) AS n,
       count(*) FILTER (WHERE status <> 'ok' OR attributes ->> 'tool.success' = 'false') AS failed
FROM span WHERE name LIKE %s AND status <> 'pending' AND seen_at > now() - interval '1 hour'
"""
KEPT = (
    "SELECT count(*) AS n FROM outbox WHERE made_at > (SELECT coalesce(max(at), '-infinity') FROM"
    " delivery WHERE status = 'sent')"
)
# A mail that was refused is a fault of today until a later one reached the same reader.
REFUSED = """
SELECT d.* FROM delivery d
WHERE d.status = 'failed' AND d.namespace = 'main' AND d.at > now() - interval '1 day'
  AND NOT EXISTS (
      SELECT FROM delivery later
      WHERE later.recipient = d.recipient AND later.status = 'sent' AND later.at > d.at
  )
ORDER BY d.temporary, d.at DESC LIMIT 1
"""
# A schedule shows in its runs: late is what takes three times as long as between the runs before.
LATE = """
WITH ran AS (
    SELECT flow, started_at, orchestrator,
           started_at - lag(started_at) OVER (PARTITION BY flow ORDER BY started_at) AS gap
    FROM run WHERE started_at > now() - interval '21 days'
      AND (scheduled_for IS NOT NULL OR (flow LIKE 'ops.%%' AND orchestrator <> 'local'))
)
SELECT flow, max(started_at) AS last, bool_or(orchestrator <> 'local') AS by_worker
FROM ran GROUP BY flow
HAVING count(gap) >= 3 AND now() - max(started_at)
    > 3 * percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) + interval '10 minutes'
ORDER BY flow
"""


class Component(NamedTuple):
    """One component: its state, the reason, and what to do about it."""

    name: str
    state: State
    reason: str
    step: str = ""


def check_components(database_fault: str = "") -> list[Component]:
    """Return every part; what cannot be looked at is unknown.

    Args:
        database_fault: Why the database cannot be used, when the caller has found that out.
    """
    found = [_check(name, check) for name, check in CHECKS.items()]
    if not database_fault:
        return found
    return [_without_database(part, database_fault) for part in found]


def _without_database(part: Component, fault: str) -> Component:
    if part.name == "database":
        # The reason says what to do.
        return Component("database", "critical", redaction.redact(fault))
    if part.state == "unknown":
        return part._replace(
            reason="it is told by the database, which cannot be used",
            step="see what is said of the database",
        )
    return part


def worst(parts: list[Component]) -> State:
    """Return the state of the whole: that of its worst component."""
    return ORDER[max((ORDER.index(part.state) for part in parts), default=ORDER.index("unknown"))]


def _check(name: str, check: Callable[[], Component]) -> Component:
    try:
        return check()
    except errors.MillraceError as error:
        if name == "database":
            return Component(
                name,
                "critical",
                redaction.redact(str(error)),
                "start it (scripts/millrace db start), or set MILLRACE_DATABASE_URL",
            )
        return Component(
            name, "unknown", redaction.redact(str(error)), "see what is said of the database"
        )
    except Exception as error:
        return Component(
            name,
            "unknown",
            redaction.redact(f"{type(error).__name__}: {error}"),
            "scripts/millrace health --json says more",
        )


def _database() -> Component:
    row = db.fetch_one(
        "SELECT count(*) AS applied, pg_database_size(current_database()) AS bytes FROM"
        " schema_migration"
    )
    assert row is not None
    if row["applied"] < len(schema.MIGRATIONS):
        return Component(
            "database",
            "critical",
            f"{len(schema.MIGRATIONS) - row['applied']} migrations are missing",
            "scripts/millrace db migrate",
        )
    used = db.fetch_one(
        "SELECT count(*)::float / current_setting('max_connections')::int AS part FROM"
        " pg_stat_activity"
    )
    if used and used["part"] > 0.9:
        return Component(
            "database",
            "degraded",
            f"{used['part']:.0%} of its connections are in use",
            "run fewer workers, or raise max_connections",
        )
    return Component(
        "database", "healthy", f"{row['bytes'] / 1e6:.0f} MB, {row['applied']} migrations"
    )


def _model() -> Component:
    found = config.settings()
    names = dict.fromkeys([found.model, *(own.model for own in found.agents.values() if own.model)])
    parts = [_check_model(name) for name in names]
    return max(parts, key=lambda part: ORDER.index(part.state))


def _check_model(name: str) -> Component:
    provider = name.partition(":")[0]
    if provider == "offline":
        return Component(
            "model", "healthy", "offline: sentences are picked from the evidence; no key is needed"
        )
    key = providers.missing_key(name)
    if key:
        return Component(
            "model", "critical", f"{name} needs a key", f"set {key}, or MILLRACE_MODEL=offline"
        )
    base = os.environ.get(f"{provider.upper()}_BASE_URL", "")
    if base and (fault := _unreachable_reason(base)):
        return Component(
            "model", "critical", fault, f"start its server, or correct {provider.upper()}_BASE_URL"
        )
    standing = fault_log.find_standing(name)
    if standing:
        state: State = "critical" if standing["lasting"] else "degraded"
        said = f"{name} failed at {standing['at']:%H:%M} UTC: {standing['reason']}"
        return Component("model", state, said, standing["next_step"])
    failed = _failed_share("chat %")
    if failed:
        return Component(
            "model",
            "degraded",
            f"{failed} requests of the last hour failed",
            "scripts/millrace trace last shows the provider's words",
        )
    return Component("model", "healthy", name)


def _tools() -> Component:
    for name, server in config.settings().mcp.items():
        fault = (
            _unreachable_reason(server.url)
            if server.url
            else ""
            if shutil.which(server.command)
            else f"there is no program {server.command!r}"
        )
        if fault:
            return Component(
                "tools",
                "degraded",
                f"{name}: {fault}",
                f"start the server, or take {name} out of the setting mcp",
            )
    failed = _failed_share("execute_tool %")
    if failed:
        return Component(
            "tools",
            "degraded",
            f"{failed} calls of the last hour failed",
            "scripts/millrace trace last shows which tool, and why",
        )
    more = f", {len(config.settings().mcp)} servers of others" if config.settings().mcp else ""
    return Component("tools", "healthy", "the bundle's own" + more)


def _search() -> Component:
    found = config.settings()
    if found.search_url:
        if fault := _unreachable_reason(found.search_url):
            return Component(
                "search",
                "critical",
                fault,
                "docker compose up -d searxng, or correct MILLRACE_SEARCH_URL",
            )
        return Component("search", "healthy", found.search_url)
    if found.brave_api_key.get_secret_value() or found.tavily_api_key.get_secret_value():
        return Component("search", "healthy", "by a key: Brave or Tavily")
    return Component(
        "search",
        "degraded",
        "there is no web search: collected items, notes and memory serve",
        "set MILLRACE_SEARCH_URL to a SearXNG server",
    )


# complexipy: ignore (one finding for each state of the outbox, in the order of their weight)
def _mail() -> Component:
    url = config.settings().smtp_url.get_secret_value()
    if url:
        if fault := _unreachable_reason(url):
            return Component(
                "mail", "critical", fault, "start the mail server, or correct MILLRACE_SMTP_URL"
            )
        refused = db.fetch_one(REFUSED)
        if refused:
            said = f"the digest for {refused['recipient']} did not go out: {refused['error']}"
            way = (
                "scripts/millrace recover tries again"
                if refused["temporary"]
                else "correct the address or the server's settings, then scripts/millrace resume"
                f" {str(refused['run_id'])[:8]}"
            )
            return Component("mail", "degraded" if refused["temporary"] else "critical", said, way)
        return Component("mail", "healthy", f"by {urlsplit(url).hostname}")
    count = _kept_mails()
    if windmill.on_worker() or count:
        waits = "1 mail waits" if count == 1 else f"{count} mails wait"
        said = f"no smtp_url is set on the workers: nobody gets mail; {waits} in the outbox"
        way = (
            f"set smtp_url in the resource {config.RESOURCE}; scripts/millrace outbox list and save"
            " show what was written"
        )
        return Component("mail", "critical" if count else "degraded", said, way)
    folder = Path(config.settings().outbox_dir)
    above = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    if not os.access(above, os.W_OK):
        return Component(
            "mail",
            "critical",
            f"the outbox {folder} cannot be written",
            "set MILLRACE_OUTBOX_DIR or MILLRACE_SMTP_URL",
        )
    return Component("mail", "healthy", f"files in {folder}; no mail server is set")


def _kept_mails() -> int:
    """Count the mails that workers kept since a server last took one."""
    row = db.fetch_one(KEPT)
    return row["n"] if row else 0


def _jaeger() -> Component:
    endpoint = config.settings().otlp_endpoint
    if not endpoint:
        return Component(
            "jaeger",
            "healthy",
            "not set: traces stay in Postgres, scripts/millrace trace shows them",
        )
    if fault := _unreachable_reason(endpoint):
        return Component(
            "jaeger",
            "degraded",
            f"{fault}; spans wait in Postgres",
            "docker compose up -d jaeger, or correct MILLRACE_OTLP_ENDPOINT",
        )
    return Component("jaeger", "healthy", endpoint)


def _schedules() -> Component:
    late = db.fetch_all(LATE)
    if late:
        said = ", ".join(
            f"{row['flow']} ran last at {row['last']:%Y-%m-%d %H:%M} UTC" for row in late
        )
        asked = (
            "is a worker running, is the schedule on?"
            if any(row["by_worker"] for row in late)
            else "does cron or systemd still start it?"
        )
        return Component(
            "schedules", "critical", said, f"{asked} scripts/millrace schedule cron FLOW"
        )
    seen = db.fetch_one(
        "SELECT count(DISTINCT flow) AS n FROM run WHERE started_at > now() - interval '21 days'"
        " AND (scheduled_for IS NOT NULL OR (flow LIKE 'ops.%%' AND orchestrator <> 'local'))",
        [],
    )
    count = seen["n"] if seen else 0
    kept = f"{count} keep{'s its' if count == 1 else ' their'} time"
    return Component(
        "schedules", "healthy", kept if count else "none has started anything in three weeks"
    )


def _disk() -> Component:
    """Look at each disk that something is written to: the database's, the outbox's, this folder's.

    Of a database on another machine nobody here sees the disk.
    """
    disks: dict[int, Path] = {}
    for place in (os.environ.get(config.DATABASE_FOLDER), config.settings().outbox_dir, "."):
        path = next((path for path in _upwards(place) if path.exists()), None) if place else None
        if path is not None:
            disks.setdefault(path.stat().st_dev, path)
    path = min(disks.values(), key=lambda path: _free_share(shutil.disk_usage(path)))
    usage = shutil.disk_usage(path)
    said = f"{_size(usage.free)} free of {_size(usage.total)}"
    said += f" on the disk of {path}" if len(disks) > 1 else ""
    free = _free_share(usage)
    if free < LITTLE_DISK:
        return Component(
            "disk",
            "critical" if free < NO_DISK else "degraded",
            said,
            "make room, or keep less: trace_days, event_days, memory_days",
        )
    return Component("disk", "healthy", said)


def _upwards(place: str) -> list[Path]:
    """Return a path and those above it."""
    path = Path(place).absolute()
    return [path, *path.parents]


def _free_share(usage: Any) -> float:
    return usage.free / usage.total if usage.total else 1.0


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _unreachable_reason(address: str) -> str:
    """Return why nobody answers at an address; empty when somebody does."""
    parts = urlsplit(address)
    port = parts.port or PORTS.get(parts.scheme, 80)
    try:
        with closing(socket.create_connection((parts.hostname or "", port), CONNECT_SECONDS)):
            return ""
    except OSError as error:
        return f"{parts.hostname}:{port} cannot be reached ({error.strerror or error})"


def _failed_share(pattern: str) -> str:
    row: FailureCount | None = db.fetch_one(CALLS, [pattern])
    if row is None:
        return ""
    return (
        f"{row['failed']} of {row['n']}"
        if row["n"] >= FEWEST_CALLS and row["failed"] / row["n"] > FAILING
        else ""
    )


CHECKS: dict[str, Callable[[], Component]] = {
    "database": _database,
    "model": _model,
    "tools": _tools,
    "search": _search,
    "mail": _mail,
    "jaeger": _jaeger,
    "schedules": _schedules,
    "disk": _disk,
}
