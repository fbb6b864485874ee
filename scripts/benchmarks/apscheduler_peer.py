"""The peer's side of `schedule`: APScheduler's own scheduler and job store under a played clock,
with crashes. Run by its own Python.
"""

import json
import sys
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path

import apscheduler.schedulers.base as base  # pyright: ignore[reportMissingImports]
from apscheduler.executors.base import BaseExecutor  # pyright: ignore[reportMissingImports]
from apscheduler.jobstores.sqlalchemy import (  # pyright: ignore[reportMissingImports]
    SQLAlchemyJobStore,
)
from apscheduler.triggers.cron import CronTrigger  # pyright: ignore[reportMissingImports]

READERS = ("ada", "bob")
GRACE_SECONDS = 12 * 3600


class Crash(BaseException):
    """The end of the process."""


class Clock(datetime):
    """What the machine's clock reads."""

    reads = datetime.now().astimezone()

    @classmethod
    def now(cls, tz=None):
        """Return the played time."""
        return cls.reads.astimezone(tz)


class Queue(BaseExecutor):
    """Takes jobs as the thread pool does: accepted now, run when the scheduler has moved on."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def _do_submit_job(self, job, run_times):
        late = (Clock.reads - run_times[-1]).total_seconds()
        if late <= GRACE_SECONDS:
            self.waiting.append(run_times[-1])
        self._instances[job.id] -= 1


class Scheduler(base.BaseScheduler):
    """The real scheduler without its thread."""

    def shutdown(self, wait=True):
        """End without a word, as a killed process does."""

    def wakeup(self):
        """Nothing sleeps here."""


def job():
    """Stand in the job store; the world does the work."""


class World:
    """What is kept on disk, and what reached people."""

    def __init__(self, folder, zone):
        self.url, self.zone = f"sqlite:///{folder}/jobs.sqlite", zone
        self.items, self.watermark = 0, 0
        self.mails = []

    def scheduler(self):
        """Return a scheduler of a new process over the same job store."""
        made = Scheduler(
            timezone=self.zone, job_defaults={"coalesce": True, "misfire_grace_time": GRACE_SECONDS}
        )
        made.add_jobstore(SQLAlchemyJobStore(url=self.url))
        made.queue = Queue()
        made.add_executor(made.queue)
        made.start()
        if made.get_job("daily") is None:
            made.add_job(job, CronTrigger(hour=8, timezone=self.zone), id="daily")
        return made

    def passes(self, crash):
        """Count a point; the chosen one ends the process."""
        self.point += 1
        if self.point == crash:
            raise Crash

    def wake(self, crash, double):
        """Look at the schedule in a new process, or two."""
        self.point = 0
        for scheduler in [self.scheduler() for _ in range(2 if double else 1)]:
            self.passes(crash)
            scheduler._process_jobs()
            self.passes(crash)
            for due in scheduler.queue.waiting:
                self.work(due, crash)
            scheduler._jobstores["default"].shutdown()

    def work(self, due, crash):
        """Mail what is new since the watermark, then move it."""
        new = range(self.watermark, self.items)
        for reader in READERS:
            self.passes(crash)
            self.mails.append((due.date().isoformat(), reader, list(new)))
        self.passes(crash)
        self.watermark = self.items
        self.passes(crash)


def live(wakeups):
    """Return the world after the wake-ups of one scenario."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), wakeups[0]["zone"])
        Clock.reads = datetime.fromisoformat(wakeups[0]["clock"])
        world.wake(0, False)
        for wakeup in wakeups:
            Clock.reads = datetime.fromisoformat(wakeup["clock"])
            world.items += wakeup["items"]
            for place in [*wakeup["crashes"], None]:
                try:
                    world.wake(0 if place is None else 1 + int(place * 6), wakeup["double"])
                except Crash:
                    continue
                break
        return world


# complexipy: ignore (the peer's whole program, kept as it would be written for it)
def main():
    """Read scenarios, print what came twice and what was lost."""
    base.datetime = Clock
    found = Counter(digests_twice=0, items_lost=0, items_twice=0)
    for wakeups in json.load(sys.stdin):
        world = live(wakeups)
        found["mails"] += len(world.mails)
        found["digests_twice"] += sum(
            times > 1 for times in Counter((day, reader) for day, reader, _ in world.mails).values()
        )
        for reader in READERS:
            got = Counter(item for _, to, items in world.mails if to == reader for item in items)
            found["items_lost"] += sum(not got[item] for item in range(world.items))
            found["items_twice"] += sum(times > 1 for times in got.values())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
