"""The page System: how each component is, what agents and tools do, what it costs, what is wrong,
when what runs by itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from f.millrace.agents import registry
from f.millrace.core import db, errors, run_context, schedules
from f.millrace.ops import alertmanager, health
from f.millrace.telemetry import alerts
from f.millrace.trust import audit, spend
from scripts.compiler import spec
from scripts.console import talk
from scripts.paths import ROOT

if TYPE_CHECKING:
    from scripts.console.routes import PageRequest

DAYS = 7
MOST_ALERTS = 50
# Of each agent its last calls: a tick each, the newest last.
AGENTS = """
SELECT substr(name, 14) AS name, count(*) AS calls,
    count(*) FILTER (WHERE status IN ('error', 'killed')) AS failed,
    count(*) FILTER (WHERE status = 'pending') AS running,
    percentile_cont(0.5) WITHIN GROUP (
        ORDER BY extract(epoch FROM finished_at - started_at))::float AS seconds,
    (array_agg(status ORDER BY started_at DESC))[1:20] AS lately
FROM span WHERE name LIKE 'invoke_agent %%' AND started_at > %s GROUP BY 1 ORDER BY 2 DESC, 1
"""
TOOLS = """
SELECT substr(name, 14) AS name, count(*) AS calls,
    count(*) FILTER (WHERE status IN ('error', 'killed')
        OR attributes ->> 'tool.success' = 'false') AS failed,
    percentile_cont(0.5) WITHIN GROUP (
        ORDER BY extract(epoch FROM finished_at - started_at))::float AS seconds
FROM span WHERE name LIKE 'execute_tool %%' AND started_at > %s GROUP BY 1 ORDER BY 2 DESC, 1
LIMIT 40
"""
GAPS = "SELECT report, seen, last_at FROM tool_gap ORDER BY seen DESC, last_at DESC LIMIT 10"


def show(asked: PageRequest) -> Response:
    """Show everything once."""
    since = run_context.now() - timedelta(days=DAYS)
    is_owner = asked.person.has_role("owner")
    parts = sorted(
        health.check_components(), key=lambda part: (-health.ORDER.index(part.state), part.name)
    )
    return asked.show(
        "system.html",
        parts_of_system=parts,
        worst=health.worst(parts),
        agents=db.fetch_all(AGENTS, [since]),
        made=registry.list_agents(talk.person_of(asked)),
        tools=db.fetch_all(TOOLS, [since]),
        gaps=db.fetch_all(GAPS),
        alerts=[_alert(row) for row in alerts.list_alerts(limit=MOST_ALERTS)],
        failed=alerts.list_failed_runs(),
        schedules=list_schedules(),
        days=_days() if is_owner else [],
        models=spend.group_spending("model", since) if is_owner else [],
        users=spend.group_spending("user", since) if is_owner else [],
        limits=spend.limits_today() if is_owner else [],
    )


def _alert(row: Any) -> dict[str, Any]:
    known = alertmanager.STEPS.get(row["name"])
    return {**row, "steps": list(known.steps) if known else []}


def _days() -> list[tuple[str, float, int]]:
    """Return what each of the last days has cost, with its part of the dearest in percent."""
    midnight = run_context.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=DAYS - 1)
    usd = {row["day"]: row["cost_usd"] for row in spend.group_spending("day", since)}
    days = [(since + timedelta(days=count)).date().isoformat() for count in range(DAYS)]
    most = max(usd.values(), default=0.0) or 1.0
    return [(day, usd.get(day, 0.0), round(100 * usd.get(day, 0.0) / most)) for day in days]


def list_schedules() -> list[dict[str, Any]]:
    """Return what runs by itself as the specs say it, the next first, with its last run."""
    last = {
        row["flow"]: row
        for row in db.fetch_all(
            "SELECT DISTINCT ON (flow) flow, id, status, started_at FROM run WHERE started_at >"
            " now() - interval '30 days' ORDER BY flow, started_at DESC"
        )
    }
    found = []
    for loaded in spec.list_specs(ROOT):
        given = loaded.schedule
        if given is None or not given.enabled:
            continue
        name = loaded.call.run.replace("/", ".") if loaded.call else loaded.name
        found.append(
            {
                "name": loaded.name,
                "summary": loaded.summary,
                "next": _next(given),
                "cron": given.cron,
                "last": last.get(name),
            }
        )
    return sorted(found, key=lambda one: (one["next"] is None, one["next"], one["name"]))


def _next(given: Any) -> Any:
    try:
        zone = ZoneInfo(given.timezone)
        return schedules.next_due(schedules.parse_cron(given.cron), zone, run_context.now())
    except (errors.BadInput, KeyError):
        return None


def change_alert(asked: PageRequest) -> Response:
    """Say that an alert was seen, or that it is over."""
    number, wanted = asked.path("alert"), asked.form.get("change", "")
    if not number.isdigit() or len(number) > 15:
        raise errors.NotFound("there is no such alert")
    if wanted == "seen":
        row = alerts.acknowledge(int(number), asked.person.id)
    elif wanted == "over":
        row = alerts.close(int(number))
    else:
        raise errors.BadInput("an alert is seen, or over")
    audit.append(asked.person.id, f"alert.{row['state']}", row["name"], alert=row["id"])
    return asked.back("/system")
