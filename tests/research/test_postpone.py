"""A run that cannot do its work now: how long it waits, and what it says."""

from datetime import timedelta
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.core.errors import SourceFailed
from f.millrace.digest import run_plan
from f.millrace.research import postpone
from f.millrace.telemetry import alerts
from tests.digest.conftest import NOW, OpenRun, put

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def run(clock) -> OpenRun:
    """A run of eight o'clock, whose schedule may misfire by twelve hours."""
    return OpenRun(flow="daily_research", timezone="Europe/Berlin")


def at(clock: Any, **after: float) -> None:
    clock(NOW + timedelta(**after))


@pytest.mark.parametrize(("seconds", "waits"), [(-1, True), (0, False)])
def test_a_run_waits_until_its_schedules_grace_is_over(run, clock, seconds, waits):
    at(clock, hours=12, seconds=seconds)

    assert postpone.until(run.id, run.plan) == NOW + timedelta(hours=12)
    assert postpone.may_wait(run.id, run.plan) is waits


def test_the_pipeline_says_how_long_its_runs_wait(run, clock):
    db.execute(
        "UPDATE run SET pipeline = pipeline || %s",
        [db.jsonb({"schedule": {"misfire_grace": "30m"}})],
    )

    assert postpone.until(run.id, run.plan) == NOW + timedelta(minutes=30)


@pytest.mark.parametrize("plan", [{"edition": "sample"}, {"namespace": "dry-1"}])
def test_the_sample_and_a_dry_run_do_not_wait_and_alert_nobody(plan, clock):
    run = OpenRun(**plan)

    assert not postpone.may_wait(run.id, run.plan)
    with pytest.raises(SourceFailed, match=r"^no model; given up after 1 try$"):
        postpone.postpone(run.id, run.plan, "no model")
    assert alerts.list_alerts() == []


def test_a_run_that_waits_says_until_when_on_the_clock_of_its_zone(run, clock):
    assert postpone.postpone(run.id, run.plan, "no model") == (
        "no model; it is tried again until 21:00 Europe/Berlin"
    )

    (alert,) = alerts.list_alerts()
    assert (alert["name"], alert["severity"]) == ("RunWaits", "warning")
    assert alert["labels"]["flow"] == "daily_research"
    (noted,) = db.fetch_all("SELECT * FROM audit WHERE kind = 'run.postponed'")
    assert noted["subject"] == "daily_research"


def test_a_run_that_is_given_up_is_an_alert_that_ends_when_one_gets_on(run, clock):
    postpone.postpone(run.id, run.plan, "no model")
    at(clock, hours=13)

    with pytest.raises(SourceFailed, match=r"^no model; given up after 2 tries$"):
        postpone.postpone(run.id, run.plan, "no model")

    (alert,) = alerts.list_alerts()
    assert alert["severity"] == "critical"
    postpone.resolve(run.plan)
    assert alerts.list_alerts() == []


def read(run: OpenRun, source: str, status: str, error: str = "") -> None:
    put("source_reading", run_id=run.id, source=source, status=status, items=0, fresh=0,
        error=error, seconds=1)  # fmt: skip


def test_all_sources_have_to_fail(run):
    read(run, "feeds", "failed", "it answered 503")

    assert postpone.all_failed(run.id, run.plan) == (
        "no source could be read (feeds: it answered 503; hackernews: its step ended without a"
        " result)"
    )
    read(run, "hackernews", "unchanged")
    assert postpone.all_failed(run.id, run.plan) == ""
    assert postpone.all_failed(run.id, OpenRun(sources=[]).plan) == ""


def test_the_reasons_of_many_sources_are_cut(run):
    read(run, "feeds", "failed", "x" * 900)

    assert len(postpone.all_failed(run.id, run.plan)) == len("no source could be read ()") + 600


def test_a_run_takes_over_what_waits_of_its_day(run, clock):
    waiting, other_day, done = OpenRun(), OpenRun(), OpenRun()
    for one, day in ((waiting, NOW.date()), (done, NOW.date()), (other_day, "2026-11-17")):
        db.execute(
            "UPDATE run SET edition = 'daily', namespace = 'main', local_day = %s WHERE id = %s",
            [day, one.id],
        )
    for one in (waiting, other_day):
        postpone.postpone(one.id, one.plan, "no model")

    postpone.take_over(run.id, run.plan)

    found = {str(row["id"]): row for row in db.fetch_all("SELECT id, status, error FROM run")}
    assert found[waiting.id]["status"] == "failed"
    assert found[waiting.id]["error"] == f"run {run.id} of the same day took over"
    assert found[other_day.id]["status"] == "waiting" and found[done.id]["status"] == "running"


def test_a_plan_is_kept_as_it_was_made(run):
    assert run_plan.load(run.id) == run.plan
