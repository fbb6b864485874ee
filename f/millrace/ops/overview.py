# no_postinstall
# requirements: millrace_core

"""Show the overview.

What the app Today shows: questions that wait, spending, health, schedules, runs, and which digest
is the newest.

Its text comes from research/show_digest, when the page has not got it yet: Windmill keeps results,
where `forget` does not reach, and an open page asks every minute.

scripts/millrace step ops/overview
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

from f.millrace.core import config, db, errors, money, redaction, run_context, schedules, windmill
from f.millrace.ops import health
from f.millrace.telemetry import alerts, runs
from f.millrace.trust import actions, approvals, questions, spend

if TYPE_CHECKING:
    from uuid import UUID

    from f.millrace.core import rows

    class ListedRun(TypedDict):
        """A run as the list shows it."""

        id: UUID
        flow: str
        edition: str
        dry_run: bool
        status: str
        orchestrator: str
        started_at: datetime
        finished_at: datetime | None
        error: str | None
        seconds: float
        cost_usd: float

    class RunFlow(TypedDict):
        """The flow of a run, and what runs it."""

        flow: str
        orchestrator: str


NEWEST_RUNS = 8
MOST_ALERTS = 5
DAYS_OF_SPENDING = 7
LONGEST_ERROR = 300
FLOW = "daily_research"
NEWEST_DIGEST = """
SELECT digest.id, run_id, digest.local_day, digest.number, digest.created_at,
    coalesce(run.pipeline #>> '{opened,timezone}', 'UTC') AS timezone
FROM digest JOIN run ON run.id = digest.run_id WHERE digest.flow = %s AND digest.namespace = 'main'
ORDER BY digest.local_day DESC, digest.number DESC, window_since NULLS FIRST LIMIT 1
"""
RUNS = f"""
SELECT run.id, flow, edition, dry_run, status, orchestrator, run.started_at, finished_at, error,
    extract(epoch FROM coalesce(finished_at, clock_timestamp()) - run.started_at
        - run_waited(run))::float AS seconds,
    coalesce(sum({spend.COST}), 0)::float AS cost_usd
FROM run LEFT JOIN usage ON usage.run_id = run.id WHERE NOT starts_with(flow, %s)
GROUP BY run.id ORDER BY run.started_at DESC LIMIT %s
"""


def main() -> dict:
    """Look at everything once; it makes no run of its own, for an open page asks every minute."""
    parts = health.check_components()
    page: dict[str, Any] = {
        "at": run_context.now().isoformat(),
        "workspace": os.environ.get("WM_WORKSPACE", ""),
        "model": config.settings().model,
        "state": health.worst(parts),
        "health": [part._asdict() for part in sorted(parts, key=_gravity)],
        "schedules": _schedules(),
    }
    if next(part for part in parts if part.name == "database").state == "critical":
        return {**page, "reachable": False}
    return {
        **page,
        "reachable": True,
        "alerts": [_alert(row) for row in alerts.list_alerts(limit=MOST_ALERTS)],
        "digest": _digest(),
        "waiting": _list_questions(),
        "spending": _spending(),
        "runs": _list_runs(),
    }


def _gravity(part: health.Component) -> tuple[int, str]:
    return -health.ORDER.index(part.state), part.name


def _alert(row: rows.Alert) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("name", "severity", "summary", "state")},
        "since": row["started_at"].isoformat(),
    }


def _digest() -> dict[str, Any] | None:
    row = db.fetch_one(NEWEST_DIGEST, [FLOW])
    if row is None:
        return None
    today = run_context.now().astimezone(ZoneInfo(row["timezone"])).date()
    return {
        "id": str(row["id"]),
        "run_id": str(row["run_id"]),
        "is_today": row["local_day"] == today,
    }


def _list_questions() -> list[dict[str, Any]]:
    pending = approvals.list_pending()
    parts = {(row["run_id"], digest) for row in pending for digest in approvals.parts_of(row)}
    # One question, one line: its parts are answered with it.
    return [
        _question(row)
        for row in [*pending, *approvals.list_unknown()]
        if (row["run_id"], row["digest"]) not in parts
    ]


def _question(row: rows.Action) -> dict[str, Any]:
    place: RunFlow | None = db.fetch_one(
        "SELECT flow, orchestrator FROM run WHERE id = %s", [row["run_id"]]
    )
    return {
        "id": str(row["id"]),
        "question": redaction.redact(questions.question(row).title),
        "reason": redaction.redact(questions.reason_sentence(row)),
        "state": row["state"],
        "since": (row["asked_at"] or row["created_at"]).isoformat(),
        "until": actions.expires_at(row).isoformat() if row["state"] == "proposed" else None,
        "run_id": str(row["run_id"] or ""),
        **(place or {"flow": "", "orchestrator": ""}),
    }


def _spending() -> dict[str, Any]:
    midnight = run_context.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=DAYS_OF_SPENDING - 1)
    by_day = {row["day"]: row["cost_usd"] for row in spend.group_spending("day", since)}
    days = [(since + timedelta(days=count)).date().isoformat() for count in range(DAYS_OF_SPENDING)]
    newest = db.fetch_one(
        "SELECT id, pipeline -> 'budget' ->> 'run_usd' AS limit_usd FROM run WHERE flow = %s AND"
        " edition <> 'sample' ORDER BY started_at DESC LIMIT 1",
        [FLOW],
    )
    return {
        "today_usd": by_day.get(midnight.date().isoformat(), 0.0),
        "limit_usd": money.number(config.settings().daily_budget_usd),
        "days": [{"day": day, "usd": by_day.get(day, 0.0)} for day in days],
        "run": (
            {
                "run_id": str(newest["id"]),
                "usd": spend.run_cost_usd(str(newest["id"])),
                "limit_usd": float(newest["limit_usd"]) if newest["limit_usd"] else None,
            }
            if newest
            else None
        ),
    }


def _list_runs() -> list[dict[str, Any]]:
    found: list[ListedRun] = db.fetch_all(RUNS, [runs.MAINTENANCE, NEWEST_RUNS])
    return [_run(row) for row in found]


def _run(row: ListedRun) -> dict[str, Any]:
    return {
        **{
            name: row[name]
            for name in (
                "flow",
                "edition",
                "dry_run",
                "status",
                "orchestrator",
                "seconds",
                "cost_usd",
            )
        },
        "id": str(row["id"]),
        "started_at": row["started_at"].isoformat(),
        "error": redaction.redact(row["error"] or "")[:LONGEST_ERROR],
    }


def _schedules() -> dict[str, Any]:
    """Return the schedules as Windmill has them, the next first; elsewhere none, and why."""
    if not windmill.on_worker():
        return {
            "problem": (
                "this step runs without Windmill; `scripts/millrace schedule cron daily_research`"
                " starts runs"
            ),
            "list": [],
        }
    try:
        rows = windmill.get(f"schedules/list?path_start={runs.OURS}&per_page=100") or []
    except (errors.BadSetting, OSError) as error:
        return {"problem": redaction.redact(str(error)), "list": []}
    listed = [_schedule(row) for row in rows if str(row["path"]).startswith(runs.OURS)]
    return {
        "problem": "",
        "list": sorted(
            listed, key=lambda row: (row["next"] is None, row["next"] or "", row["path"])
        ),
    }


def _schedule(row: dict[str, Any]) -> dict[str, Any]:
    paused = datetime.fromisoformat(row["paused_until"]) if row.get("paused_until") else None
    begin = max(run_context.now(), paused) if paused else run_context.now()
    try:
        due = (
            schedules.next_due(
                schedules.parse_cron(row["schedule"]), ZoneInfo(row["timezone"]), begin
            )
            if row["enabled"]
            else None
        )
    except (errors.BadInput, KeyError):  # a line or zone that only Windmill understands
        due = None
    return {
        "path": row["path"],
        "summary": row.get("summary") or row["path"].removeprefix(runs.OURS),
        "runs": row["script_path"],
        "enabled": bool(row["enabled"]),
        "next": due.isoformat() if due else None,
    }
