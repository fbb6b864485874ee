"""The daily pipeline killed by SIGKILL at one point after the other, and gone on with: python -m
scripts.simulation.killed KILLS FOLDER

Each day is a run in a process that kills itself at its next point, the k-th statement or effect,
before it or after it; a second process goes on with the same run. Prints {"kills", "points",
"faults"}. The database is the one that is set.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from f.millrace.core import config, db
from f.millrace.trust import recipients
from scripts.simulation.crash import Points, watched
from scripts.simulation.daily import READERS, World, pipeline_of

FIRST = datetime(2026, 3, 20, 8, 0, 5, tzinfo=UTC)
MOST_POINTS = 4000


def main(kills: int, folder: Path) -> int:
    """Kill as often as told, spread over all points of a run, and print what went wrong."""
    os.environ["MILLRACE_OUTBOX_DIR"] = str(folder / "outbox")
    world = World(1, smtp=False, points=Points(kill=True), log=folder / "mails")
    with world.played(), watched(world.points):
        for reader in READERS:
            recipients.add(reader, by="simulation")
        length = _length(world)
        done, covered = 0, set()
        for number in range(kills):
            # Every point once when there are enough kills; else spread over the whole run.
            point = 2 + (number % length if kills >= length else number * length // kills)
            died = _day(world, number + 1, point)
            done += died
            covered.add(point)
        world.remember()
        faults = world.faults()
    print(json.dumps({"kills": done, "points": len(covered), "of": length, "faults": faults}))
    return 1 if faults else 0


def _day(world: World, number: int, point: int) -> bool:
    """Run one day in a process that dies at the point, and go on with it in another; return whether
    it died.
    """
    config.settings().now = FIRST + timedelta(days=number)
    world.items += 2
    run = world.new_run()
    died = _process(world, run, point) != 0
    if died and _process(world, run, 0) != 0:
        raise RuntimeError(f"run {run} could not be gone on with after point {point}")
    return died


def _process(world: World, run: str, point: int) -> int:
    db.close()  # a connection must not be shared with a child
    child = os.fork()
    if child == 0:
        world.drive([run], pipeline_of("Europe/London"), point)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def _length(world: World) -> int:
    """Return how many points a whole run has, twice: before and after each."""
    config.settings().now = FIRST
    world.items += 2
    run = world.new_run()
    db.close()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        world.drive([run], pipeline_of("Europe/London"), MOST_POINTS * 2)
        os.write(writer, str(world.passed).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as file:
        return 2 * int(file.read())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
