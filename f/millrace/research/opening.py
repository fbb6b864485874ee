"""What `open` decided about a run, kept with the run, so that every later step finds it by the run's id."""

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field

from f.millrace.core import db
from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput, BadSetting, NotFound
from f.millrace.core.schedule import Decision, decide, last_due, parse_cron, parse_duration
from f.millrace.research.windows import Window
from f.millrace.trust import recipients

FLOW = "daily_research"
GRACE = "12h"
# A digest in one of these states is there for its day; another run of the day does not make it again.
THERE = ("sent", "outbox", "sending", "unknown", "denied")


class Opening(BaseModel):
    """Who gets what from this run."""

    flow: str = FLOW
    edition: str = "daily"
    namespace: str = "main"
    day: date
    timezone: str = "UTC"
    number: int = 1
    decision: str = Field(default="run", description="run, catch_up, too_late, already_done or nothing.")
    reason: str = ""
    scheduled_for: datetime
    sources: list[str] = Field(default_factory=list)
    recipients: list[str] = Field(default_factory=list)
    interests: list[str] = Field(default_factory=list)
    windows: list[Window] = Field(default_factory=list)
    until: datetime | None = Field(default=None, description="Up to when items count; set once they are read.")
    same_as: str = Field(default="", description="The run whose digest is there already.")

    @property
    def skip(self) -> bool:
        """Whether the run ends here."""
        return self.decision not in ("run", "catch_up")

    @property
    def lasting(self) -> str:
        """The namespace whose deliveries and recipients count: a dry run looks at the real one."""
        if not self.namespace.startswith("dry-"):
            return self.namespace
        return "sample" if self.edition == "sample" else "main"


def opening(run_id: str) -> Opening:
    """Return what was decided about the run; NotFound when it was never opened."""
    row = db.one("SELECT pipeline -> 'opened' AS opened FROM run WHERE id = %s", [run_id])
    if row is None or row["opened"] is None:
        raise NotFound(f"run {run_id} has no opening; its first step is research/open")
    return Opening.model_validate(row["opened"])


def keep(run_id: str, opened: Opening, **columns: Any) -> None:
    """Store the opening with the run."""
    names = "".join(f", {name} = %s" for name in columns)
    db.execute(
        f"UPDATE run SET pipeline = pipeline || %s{names} WHERE id = %s",
        [db.jsonb({"opened": opened.model_dump(mode="json")}), *columns.values(), run_id],
    )


def schedule_of(pipeline: dict[str, Any]) -> tuple[str, str, timedelta, bool]:
    """Return cron line, zone, grace and catch-up of the pipeline, as its spec says; the zone is checked."""
    zone = str(pipeline.get("timezone") or "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadSetting(f"time zone {zone!r} is unknown; use a name like Europe/London") from error
    schedule = pipeline.get("schedule") or {}
    grace = parse_duration(schedule.get("misfire_grace", GRACE))
    return str(schedule.get("cron") or ""), zone, grace, bool(schedule.get("catch_up", True))


def judge(pipeline: dict[str, Any], scheduled_for: str, now: datetime, last_success: datetime | None) -> Decision:
    """Return what the schedule says about this start."""
    cron, zone, grace, catch_up = schedule_of(pipeline)
    due = _moment(scheduled_for, zone)
    # Windmill starts a schedule's flow with the schedule's arguments, which cannot hold the time.
    if due is None and cron and os.environ.get("WM_SCHEDULE_PATH"):
        due = last_due(parse_cron(cron), ZoneInfo(zone), now)
    return decide(due, now, last_success, zone, cron, grace, catch_up)


def last_success(flow: str, namespace: str, run_id: str) -> datetime | None:
    """Return the scheduled time of the latest run that did its work."""
    row = db.one(
        "SELECT max(scheduled_for) AS at FROM run WHERE flow = %s AND namespace = %s AND id <> %s AND NOT dry_run "
        "AND status IN ('done', 'partly_failed') AND pipeline -> 'opened' ->> 'decision' IN ('run', 'catch_up')",
        [flow, namespace, run_id],
    )
    return row["at"] if row else None


def address(opened: Opening, again: bool) -> Opening:
    """Fill in who gets this run's digest, as which number of the day; `already_done` when everybody has it."""
    rows = recipients.of_run(opened.flow, opened.lasting)
    everybody = [row["address"] for row in rows]
    opened.interests = sorted({word for row in rows for word in row["interests"]} | set(settings().interests))
    there = _there(opened, everybody)
    if again:
        opened.number = 1 + _last_number(opened)
        opened.recipients = everybody
    else:
        opened.recipients = [one for one in everybody if one not in there]
    if not everybody:
        opened.decision, opened.reason = "nothing", "nobody gets it; add one with scripts/millrace recipients add"
    elif not opened.recipients:
        opened.decision, opened.same_as = "already_done", there[everybody[0]]
        opened.reason = f"the digest of {opened.day} is there; --again makes another"
    return opened


def _there(opened: Opening, addresses: list[str]) -> dict[str, str]:
    rows = db.all(
        "SELECT d.recipient, d.run_id FROM delivery d JOIN run r ON r.id = d.run_id WHERE d.flow = %s AND d.namespace = %s "
        "AND d.edition = %s AND d.local_day = %s AND d.recipient = ANY(%s) "
        "AND (d.status = ANY(%s) OR (d.status = 'waiting' AND r.status IN ('waiting', 'running'))) ORDER BY d.number",
        [opened.flow, opened.lasting, opened.edition, opened.day, addresses, list(THERE)],
    )
    return {row["recipient"]: str(row["run_id"]) for row in rows}


def _last_number(opened: Opening) -> int:
    row = db.one(
        "SELECT coalesce(max(number), 0) AS number FROM delivery WHERE flow = %s AND namespace = %s AND edition = %s AND local_day = %s",
        [opened.flow, opened.lasting, opened.edition, opened.day],
    )
    return row["number"] if row else 0


def _moment(text: str, zone: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"scheduled_for {text!r} is not a time like 2026-03-29T08:00:00+01:00") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
