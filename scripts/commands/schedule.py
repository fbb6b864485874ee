"""`schedule`: starting a pipeline at its time without Windmill, by cron or by a systemd timer."""

import argparse
import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.core.run_context import now
from f.millrace.core.schedules import Cron, last_due, parse_cron, parse_duration
from scripts.compiler import spec
from scripts.compiler.model import Schedule, Spec
from scripts.compiler.reader import closest
from scripts.paths import ROOT

WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
# Cron starts within the minute; a machine under load a little later.
CRON_WINDOW = "3m"


def add(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare `schedule`."""
    parser = commands.add_parser(
        "schedule", help="print a cron line or systemd units for a pipeline, or start what is due"
    )
    parser.add_argument("action", choices=["cron", "systemd", "run"])
    parser.add_argument("flow", metavar="FLOW")
    parser.add_argument(
        "--within",
        metavar="TIME",
        help="run: only when it was due at most this long ago, such as 3m",
    )
    parser.set_defaults(function=act)


def act(options: argparse.Namespace) -> int:
    """Print the entry, or run the pipeline for the time at which it was due."""
    loaded, schedule = load_scheduled(options.flow)
    if options.action == "run":
        return run(loaded, schedule, options.within)
    if not schedule.enabled:
        print(
            f"# {spec.FOLDER}/{loaded.name}.yaml has this schedule switched off (enabled: false)."
        )
    print(
        cron(loaded.name, schedule) if options.action == "cron" else systemd(loaded, schedule),
        end="",
    )
    return 0


def load_scheduled(name: str) -> tuple[Spec, Schedule]:
    """Return a spec and its schedule, in the zone of the settings where they have one."""
    file = ROOT / spec.FOLDER / f"{name}.yaml"
    if not file.is_file():
        names = [path.stem for path in spec.files(ROOT)]
        raise NotFound(f"no flow {name!r}{closest(name, names)}; there are: {', '.join(names)}")
    loaded = spec.load(file)
    if loaded.schedule is None:
        raise BadInput(f"{spec.FOLDER}/{name}.yaml has no schedule; give it cron and timezone")
    zone = settings().schedule_zone or loaded.schedule.timezone
    return loaded, replace(loaded.schedule, timezone=zone)


def run(loaded: Spec, schedule: Schedule, within: str | None) -> int:
    """Run the pipeline for its last due time, unless that is longer ago than `within`."""
    from scripts.commands import run as runs

    due = last_due(parse_cron(schedule.cron), ZoneInfo(schedule.timezone), now())
    if within and (due is None or now() - due > parse_duration(within)):
        return 0
    given = {} if loaded.call else {name: value.value for name, value in schedule.args.items()}
    if due and "scheduled_for" in loaded.inputs:
        given["scheduled_for"] = due.astimezone(ZoneInfo(schedule.timezone)).isoformat()
    words = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in given.items()
    ]
    flags = {"input": None, "json": False, "dry_run": False, "again": False, "sample": False}
    return runs.start(argparse.Namespace(flow=loaded.name, inputs=words, **flags))


def cron(
    name: str, schedule: Schedule, home: str = str(ROOT), local: ZoneInfo | None = None
) -> str:
    """Return a line for `crontab -e`: cron knows the machine's zone only, so each start asks
    whether it is due.
    """
    line = parse_cron(schedule.cron)
    if line.seconds != (0,):
        raise BadInput(
            f"cron {schedule.cron!r} starts at second {line.seconds[0]}; cron has no seconds, so"
            " use `schedule systemd`"
        )
    shifts = offsets(ZoneInfo(schedule.timezone), local)
    start = f"scripts/millrace schedule run {name} --within {CRON_WINDOW}"
    command = f"cd {shlex.quote(home)} && {start}".replace("%", r"\%")
    minutes = sorted({(minute + shift) % 60 for minute in line.minutes for shift in shifts})
    when = " ".join(schedule.cron.split()[2:]) if shifts == {0} else "* * * *"
    line = f"{_format_field(minutes, 60)} {when} {command}"
    return f"# {name}: {schedule.cron} {schedule.timezone}\n{line}\n"


def offsets(zone: ZoneInfo, local: ZoneInfo | None) -> set[int]:
    """Return by how many minutes the machine's clock is ahead of the zone's in the coming year; 0
    alone: always the same.
    """
    start = now().astimezone(UTC)
    hours = [start + timedelta(hours=count) for count in range(0, 24 * 366, 6)]
    return {_minutes(moment, local) - _minutes(moment, zone) for moment in hours}


def systemd(loaded: Spec, schedule: Schedule, home: str = str(ROOT)) -> str:
    """Return a timer and a service; systemd knows time zones, and makes up for starts that a
    machine slept through.
    """
    unit = f"millrace-{loaded.name.replace('_', '-')}"
    calendars = "\n".join(
        f"OnCalendar={each} {schedule.timezone}" for each in calendar(parse_cron(schedule.cron))
    )
    program = f"{home}/scripts/millrace schedule run {loaded.name}".replace("%", "%%")
    if " " in home:
        program = f'"{home}/scripts/millrace" schedule run {loaded.name}'.replace("%", "%%")
    folder = home.replace("%", "%%")
    return f"""\
# ~/.config/systemd/user/{unit}.timer, then: systemctl --user enable --now {unit}.timer
[Unit]
Description={loaded.summary.replace("%", "%%")}

[Timer]
{calendars}
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target

# ~/.config/systemd/user/{unit}.service
[Unit]
Description={loaded.summary.replace("%", "%%")}

[Service]
Type=oneshot
WorkingDirectory={folder}
ExecStart={program}
"""


def calendar(line: Cron) -> list[str]:
    """Return a cron line as systemd's calendar events; a day of month and a weekday together mean
    either, so two of them.
    """
    clock = f"{_two(line.hours, 24)}:{_two(line.minutes, 60)}:{_two(line.seconds, 60)}"
    months, days = _two(line.months, 12), _two(line.days, 31)
    weekdays = ",".join(WEEKDAYS[day] for day in sorted(line.weekdays))
    if line.any_weekday:
        return [f"*-{months}-{days} {clock}"]
    named = f"{weekdays} *-{months}-"
    return (
        [f"{named}* {clock}"]
        if line.any_day
        else [f"*-{months}-{days} {clock}", f"{named}* {clock}"]
    )


def _two(numbers: tuple[int, ...] | frozenset[int], all_of_them: int) -> str:
    return (
        "*"
        if len(numbers) == all_of_them
        else ",".join(f"{number:02d}" for number in sorted(numbers))
    )


def _format_field(numbers: list[int], all_of_them: int) -> str:
    return "*" if len(numbers) == all_of_them else ",".join(map(str, numbers))


def _minutes(moment: datetime, zone: ZoneInfo | None) -> int:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds() // 60)
