# requirements:

"""Whether it is time: what the pipeline's schedule says about this start."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from f.millrace.core import config, db, errors, schedules

GRACE = "12h"


def schedule_of(pipeline: dict[str, Any]) -> tuple[str, str, timedelta, bool]:
    """Return cron line, zone, grace and catch-up of the pipeline, as its spec says; the zone is
    that of the settings where they have one, and is checked.
    """
    zone = config.settings().schedule_zone or str(pipeline.get("timezone") or "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise errors.BadSetting(
            f"time zone {zone!r} is unknown; use a name like Europe/London"
        ) from error
    schedule = pipeline.get("schedule") or {}
    grace = schedules.parse_duration(schedule.get("misfire_grace", GRACE))
    return str(schedule.get("cron") or ""), zone, grace, bool(schedule.get("catch_up", True))


def decide(
    pipeline: dict[str, Any], scheduled_for: str, now: datetime, last_success: datetime | None
) -> schedules.Decision:
    """Return what the schedule says about this start."""
    cron, zone, grace, catch_up = schedule_of(pipeline)
    due = _moment(scheduled_for, zone)
    # Windmill starts a schedule's flow with the schedule's arguments, which cannot hold the time.
    if due is None and cron and os.environ.get("WM_SCHEDULE_PATH"):
        due = schedules.last_due(schedules.parse_cron(cron), ZoneInfo(zone), now)
    return schedules.decide(due, now, last_success, zone, cron, grace, catch_up)


def last_success(flow: str, namespace: str, run_id: str) -> datetime | None:
    """Return the scheduled time of the latest run that did its work."""
    row = db.fetch_one(
        "SELECT max(scheduled_for) AS at FROM run WHERE flow = %s AND namespace = %s AND id <> %s"
        " AND NOT dry_run AND status IN ('done', 'partly_failed') AND pipeline -> 'opened' ->>"
        " 'decision' IN ('run', 'catch_up') "
        # A first step that was run by itself has decided to run, and nothing more was done.
        "AND result IS NOT NULL",
        [flow, namespace, run_id],
    )
    return row["at"] if row else None


def _moment(text: str, zone: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise errors.BadInput(
            f"scheduled_for {text!r} is not a time like 2026-03-29T08:00:00+01:00"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
