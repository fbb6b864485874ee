"""What may happen to a daily schedule: days, outages, clocks set forward and back, crashes, double
starts.

A scenario is a list of wake-ups made from a seed, so that two schedulers can be put through the
same one.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

ZONES = (
    "Europe/London",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "UTC",
)
# What happens to a crashed run: gone on with, replaced by a new one, or gone on with after the next
# day's.
THEN: tuple[Literal["resume", "restart", "later"], ...] = ("resume", "restart", "later")
CRON = "0 0 8 * * *"
WORDS = (
    "ba",
    "de",
    "fi",
    "go",
    "hu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "ra",
    "se",
    "ti",
    "vo",
    "zu",
    "xe",
    "wy",
    "qua",
)


@dataclass(frozen=True)
class Wakeup:
    """One moment at which the machine's clock reads `clock` and the schedule is looked at."""

    clock: datetime
    zone: str
    items: int  # what came in since the last one
    # each a place in the run, 0 to 1; after each, the run goes on as `then` says
    crashes: tuple[float, ...]
    then: Literal["resume", "restart", "later"]
    double: bool  # a second scheduler starts the same


def scenario(seed: int, wakeups: int) -> list[Wakeup]:
    """Return a seed's wake-ups, the last of them calm: what was held up can come out."""
    chance = random.Random(seed)
    zone = chance.choice(ZONES)
    # Near a change of the clocks or a leap day as often as not.
    start = chance.choice(
        [datetime(2026, 3, 20), datetime(2026, 10, 18), datetime(2028, 2, 24), datetime(2026, 6, 1)]
    )
    day, offset, found = start, timedelta(0), []
    for _ in range(wakeups):
        what = chance.random()
        if what < 0.06:
            day += timedelta(days=chance.randint(2, 5))  # the machine was off
        elif what < 0.90:
            day += timedelta(days=1)
        if chance.random() < 0.05:
            offset = timedelta(hours=chance.choice([-72, -25, -3, -1, 0, 0, 2, 26]))
        if chance.random() < 0.01:
            zone = chance.choice(ZONES)
        late = timedelta(seconds=chance.choice([0, 1, 7, 60, 3600 * 5, 3600 * 13]))
        eight = day.replace(hour=8, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        crashes = tuple(chance.random() for _ in range(chance.choice([0, 0, 1, 1, 2])))
        then = chance.choice(THEN)
        found.append(
            Wakeup(
                eight + late + offset,
                zone,
                chance.randint(0, 3),
                crashes,
                then,
                chance.random() < 0.15,
            )
        )
    last = max([wakeup.clock for wakeup in found], default=start.replace(tzinfo=UTC))
    for number in (1, 2):
        found.append(Wakeup(last + timedelta(days=number), zone, 1, (), "resume", False))
    return found


def title(number: int) -> str:
    """Return a headline that has no word in common with the others."""
    chance = random.Random(number)
    return (
        " ".join("".join(chance.choice(WORDS) for _ in range(4)) for _ in range(5)) + f" x{number}x"
    )
