# requirements:

"""A run that cannot do its work now: it waits, and is tried again until its window ends.

Nothing here waits or starts anything: ops/recover_runs goes on with it at its next tick, on
Windmill by a new job, without Windmill by `scripts/millrace recover`. After the window the step
fails, and the flow's failure step tells the operator once.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from f.millrace.core import db, errors, run_context
from f.millrace.digest import run_plan
from f.millrace.telemetry import runs

ALERT = "RunWaits"


def until(run_id: str, opened: run_plan.RunPlan) -> datetime:
    """Return when the run's window ends: as long after its time as its schedule may misfire."""
    # few runs wait, and most steps only ask whether theirs has to
    from f.millrace.research import due

    row = db.fetch_one("SELECT pipeline FROM run WHERE id = %s", [run_id])
    return opened.scheduled_for + due.schedule_of(row["pipeline"] if row else {})[2]


def may_wait(run_id: str, opened: run_plan.RunPlan) -> bool:
    """Tell whether trying again later makes sense: not for the sample, not for a dry run, and not
    when the window is over.
    """
    if opened.edition == "sample" or opened.namespace.startswith("dry-"):
        return False
    return run_context.now() < until(run_id, opened)


def postpone(run_id: str, opened: run_plan.RunPlan, reason: str) -> str:
    """Have the run wait until it is tried again, and return why in words; SourceFailed when its
    window is over.
    """
    from f.millrace.telemetry import alerts, events
    from f.millrace.trust import audit

    end = until(run_id, opened)
    zone = ZoneInfo(opened.timezone)
    clock = f"{end.astimezone(zone):%H:%M} {opened.timezone}"
    labels = _labels(opened)
    if not may_wait(run_id, opened):
        tries = 1 + runs.tries_of(run_id)
        said = f"{reason}; given up after {tries} {'try' if tries == 1 else 'tries'}"
        if not opened.namespace.startswith("dry-") and opened.edition != "sample":
            alerts.raise_alert(ALERT, "critical", "run", f"{opened.flow}: {said}", labels)
        raise errors.SourceFailed(said)
    said = f"{reason}; it is tried again until {clock}"
    runs.postpone(run_id, reason, end)
    alerts.raise_alert(ALERT, "warning", "run", f"{opened.flow}: {said}", labels)
    audit.append("millrace", "run.postponed", opened.flow, run_id, reason=reason[:300])
    events.emit("decision", said, postponed=True, until=end.isoformat())
    return said


def resolve(opened: run_plan.RunPlan) -> None:
    """End the alert about waiting: the run got on."""
    from f.millrace.telemetry import alerts

    alerts.resolve(ALERT, _labels(opened))


def all_failed(run_id: str, opened: run_plan.RunPlan) -> str:
    """Return why no source could be read, in words; empty when one could be."""
    found = {
        row["source"]: row
        for row in db.fetch_all(
            "SELECT source, status, error FROM source_reading WHERE run_id = %s", [run_id]
        )
    }
    read = [name for name in opened.sources if name in found and found[name]["status"] != "failed"]
    if read or not opened.sources:
        return ""
    told = "; ".join(
        f"{name}: {found[name]['error'] if name in found else 'its step ended without a result'}"
        for name in opened.sources
    )
    return f"no source could be read ({told[:600]})"


def take_over(run_id: str, opened: run_plan.RunPlan) -> None:
    """End the runs of the same day that wait for another try: this one does their work."""
    for row in db.fetch_all(
        "SELECT id FROM run WHERE flow = %s AND namespace = %s AND edition = %s AND local_day = %s"
        f" AND id <> %s AND {runs.POSTPONED}",
        [opened.flow, opened.namespace, opened.edition, opened.day, run_id],
    ):
        runs.end(str(row["id"]), "failed", f"run {run_id} of the same day took over")


def _labels(opened: run_plan.RunPlan) -> dict[str, str]:
    return {"flow": opened.flow, "namespace": opened.namespace}
