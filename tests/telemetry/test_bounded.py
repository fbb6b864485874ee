"""What is told stays bounded: memory, labels, and nothing is lost however many speak at once."""

import os
import subprocess
import sys
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.rollup import roll
from scripts.paths import ROOT

PROVE = bool(os.environ.get("PROVE"))
RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"

# How much the process holds after a first part and after all of them.
MANY = """
import resource, sys
from f.millrace.core.run_context import Context, use
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.spans import span
count = int(sys.argv[1])
def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
with use(Context(run_id="018f6b0e-7f3a-7c11-9a55-0123456789ab", step="bench")):
    for number in range(count):
        if number % 10 == 0:
            with span("one"):
                emit("progress", f"event {number}", number=number)
        else:
            emit("progress", f"event {number}", number=number)
        if number == count // 10:
            first = held()
print(first, held())
"""
# Ten processes of ten agents: a worker's step runs several side by side.
SPEAKERS = """
import asyncio, sys
from f.millrace.core.run_context import Context, use
from f.millrace.telemetry.events import emit
seconds, first = int(sys.argv[1]), int(sys.argv[2])
async def agent(number):
    with use(Context(run_id="018f6b0e-7f3a-7c11-9a55-0123456789ab", step=f"agent {number}")):
        for second in range(seconds):
            emit("progress", "speaks", agent=number, second=second)
            await asyncio.sleep(1)
async def main():
    await asyncio.gather(*(agent(first + n) for n in range(10)))
asyncio.run(main())
"""


def started(code: str, *arguments: Any) -> "subprocess.Popen[str]":
    """A process of its own on this test's database."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.long
def test_a_process_holds_no_more_after_many_events(database: str) -> None:
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'x')", [RUN])
    count = 1_000_000 if PROVE else 5_000

    process = started(MANY, count)
    first, last = map(int, process.communicate()[0].split())

    assert process.returncode == 0
    # What a second's spans weigh while they are written; an event kept in memory is a kilobyte.
    assert last - first < (16_000_000 if PROVE else 4_000_000)
    row = db.fetch_one("SELECT count(*) AS n FROM run_event")
    assert row == {"n": count}


@pytest.mark.long
def test_a_hundred_agents_at_once_lose_no_event(database: str) -> None:
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'x')", [RUN])
    seconds = 60 if PROVE else 3

    processes = [started(SPEAKERS, seconds, 10 * n) for n in range(10)]
    codes = [process.wait() for process in processes if process.communicate() is not None]

    assert codes == [0] * 10
    row = db.fetch_one(
        "SELECT count(*) AS n, count(DISTINCT (metadata ->> 'agent', metadata ->> 'second')) AS"
        " different FROM run_event"
    )
    assert row == {"n": 100 * seconds, "different": 100 * seconds}
    roll(CATALOGUE.values())
    total = db.fetch_one("SELECT sum(value) AS n FROM metric_hour WHERE metric = 'events_total'")
    assert total == {"n": 100 * seconds}


def test_counting_many_rows_holds_none_of_them(database: str) -> None:
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'x')", [RUN])
    roll(CATALOGUE.values())
    count = 1_000_000 if PROVE else 50_000
    before = _held()

    db.execute(
        "INSERT INTO run_event (run_id, event, at) SELECT %s, 'event ' || n %% 1000,"
        " clock_timestamp() FROM generate_series(1, %s) AS n",
        [RUN, count],
    )
    roll(CATALOGUE.values())

    assert _held() - before < 8_000_000
    row = db.fetch_one(
        "SELECT sum(value) AS n, count(*) AS series FROM metric_hour WHERE metric = 'events_total'"
    )
    assert row == {"n": count, "series": 41}


def _held() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
