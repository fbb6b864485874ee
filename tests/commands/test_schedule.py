"""Starting pipelines without Windmill: entries for cron and systemd, right in every zone."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput
from f.millrace.core.schedules import parse_cron
from scripts.commands import run as runs
from scripts.commands import schedule as command

LONDON, KOLKATA = ZoneInfo("Europe/London"), ZoneInfo("Asia/Kolkata")


def at(cron: str, zone: str = "Europe/London") -> command.Schedule:
    """Return a schedule."""
    return command.Schedule(cron, zone, True, 1)


def test_cron_in_the_machines_own_zone_is_the_line_itself():
    line = command.cron("daily", at("0 30 8 * * 1-5"), "/opt/mill race", LONDON).splitlines()[1]

    assert (
        line
        == "30 8 * * 1-5 cd '/opt/mill race' && scripts/millrace schedule run daily --within 3m"
    )


def test_cron_in_another_zone_starts_at_every_minute_that_may_be_meant():
    line = command.cron("daily", at("0 0 8 * * *"), "/opt/m", KOLKATA).splitlines()[1]

    assert line.startswith("30 * * * * cd /opt/m && ")


def test_cron_has_no_seconds():
    with pytest.raises(BadInput, match="no seconds"):
        command.cron("daily", at("15 0 8 * * *"))


@pytest.mark.parametrize(
    ("cron", "events"),
    [
        ("0 0 8 * * *", ["*-*-* 08:00:00"]),
        ("0 */30 * * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* *:00,30:00"]),
        ("5 0 3 1 1,7 ?", ["*-01,07-01 03:00:05"]),
        ("0 0 9 1 * 0", ["*-*-01 09:00:00", "Sun *-*-* 09:00:00"]),
    ],
)
def test_a_cron_line_becomes_calendar_events(cron: str, events: list[str]):
    assert command.calendar(parse_cron(cron)) == events


def test_systemd_accepts_the_units(tmp_path: Path):
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("systemd-analyze is not installed")
    text = command.systemd(*command.load_scheduled("daily_research"))
    timer, service = text.split("# ~/.config/systemd/user/millrace-daily-research.service\n")
    (tmp_path / "millrace-daily-research.timer").write_text(timer)
    (tmp_path / "millrace-daily-research.service").write_text(service)

    done = subprocess.run(
        [program, "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("moment", "starts"),
    [
        ("2026-07-01T07:00:05+00:00", True),  # eight in London, in summer
        ("2026-07-01T08:00:05+00:00", False),
        ("2026-12-01T08:00:05+00:00", True),
        ("2026-12-01T07:00:05+00:00", False),
    ],
)
def test_a_start_by_cron_happens_only_when_it_is_due_in_the_pipelines_zone(
    moment: str, starts: bool, monkeypatch: pytest.MonkeyPatch
):
    started = []
    monkeypatch.setenv("MILLRACE_NOW", moment)
    config.reload()
    monkeypatch.setattr(runs, "start", lambda options: started.append(options.inputs) or 0)

    command.run(*command.load_scheduled("daily_research"), within="3m")

    assert bool(started) is starts
    if starts:
        due = datetime.fromisoformat(started[0][0].removeprefix("scheduled_for="))
        assert due == datetime.fromisoformat(moment).replace(second=0)
        assert due.astimezone(LONDON).hour == 8


def test_without_a_window_the_last_due_start_is_made_up_for(monkeypatch: pytest.MonkeyPatch):
    started = []
    monkeypatch.setenv("MILLRACE_NOW", "2026-07-01T15:00:00+00:00")
    config.reload()
    monkeypatch.setattr(runs, "start", lambda options: started.append(options.inputs) or 0)

    command.run(*command.load_scheduled("daily_research"), within=None)

    assert started == [["scheduled_for=2026-07-01T08:00:00+01:00"]]


def test_the_minutes_of_cron_cover_every_due_moment_of_a_year():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    line = command.cron(
        "daily", at("0 0 8 * * *"), "/opt/m", ZoneInfo("Australia/Lord_Howe")
    ).splitlines()[1]
    minutes = {int(part) for part in line.split()[0].split(",")}

    for day in range(366):
        due = (start + timedelta(days=day)).astimezone(LONDON).replace(hour=8, minute=0)
        assert due.astimezone(ZoneInfo("Australia/Lord_Howe")).minute in minutes


def test_the_zone_of_the_settings_goes_before_that_of_the_flow(monkeypatch: pytest.MonkeyPatch):
    started = []
    monkeypatch.setenv("MILLRACE_NOW", "2026-07-01T15:00:00+00:00")
    monkeypatch.setenv("MILLRACE_SCHEDULE_ZONE", "Asia/Tokyo")
    config.reload()
    monkeypatch.setattr(runs, "start", lambda options: started.append(options.inputs) or 0)

    loaded, schedule = command.load_scheduled("daily_research")
    command.run(loaded, schedule, within=None)

    assert started == [["scheduled_for=2026-07-01T08:00:00+09:00"]]
    assert "# daily_research: 0 0 8 * * * Asia/Tokyo" in command.cron("daily_research", schedule)
    assert "08:00:00 Asia/Tokyo" in command.systemd(loaded, schedule)
