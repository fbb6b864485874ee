"""The console as its readers have it: how heavy a page is, how long the server takes to start; how
long a row takes to reach the readers of many runs, each of its own run, one event a second; how
long 100 changes a second take to reach 100 readers of the list of all runs; and what an hour of one
event a second leaves in the server's memory, as fast as it can be written.

What the server costs is its own processor time; latencies are on loopback and hold the merging of
changes (0.15 s of a run, 0.65 s of a page). Of a page each change counts that a reader is shown, at
the frame that is the first to hold it.
"""

import asyncio
import contextlib
import gzip
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psutil

from f.millrace.core import config, db, run_context
from f.millrace.telemetry import events, runs
from f.millrace.trust import people
from scripts.console import pages, sign_ins
from scripts.database.embedded import temporary
from scripts.paths import ROOT
from scripts.runner.store import set_up_checkpoints

READERS, SECONDS = 500, 20
SETTLE_SECONDS = 10.0
SENT = re.compile(rb"sent=([0-9.]+)=")
PAGE_READERS, CHANGES_A_SECOND = 100, 100
NUMBER = re.compile(rb"change=([0-9]+)=")
HOUR_READERS, HOUR_EVENTS = 10, 3600


def measure() -> dict[str, Any]:
    """Return kilobytes, seconds of start, and the latencies of READERS readers."""
    with temporary() as url, tempfile.TemporaryDirectory() as state:
        db.migrate(url)
        with db.open_connection(url) as owner:
            set_up_checkpoints(owner)
        os.environ |= {"MILLRACE_DATABASE_URL": url, "MILLRACE_OUTBOX_DIR": f"{state}/outbox"}
        config.reload()
        owner_id = people.establish("bench")["id"]
        with _server() as (process, port, seconds):
            cookie = sign_ins.enter(sign_ins.make_link(owner_id), "bench")
            figures = {
                "page_kb": _weigh(port, cookie),
                "ready_cpu_seconds": seconds,
                "memory_mb": round(process.memory_info().rss / 2**20),
                **_follow(process, port, cookie, owner_id),
                **_follow_page(process, port, cookie, owner_id),
                **_last_an_hour(process, port, cookie, owner_id),
            }
        db.close()
    return figures


@contextlib.contextmanager
def _server() -> Iterator[tuple[psutil.Process, int, float]]:
    """Yield the server's process, its port, and the processor seconds until it answered."""
    command = [sys.executable, "-m", "scripts.commands", "ui", "--no-open", "--port", "0"]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        port = 0
        while not port:
            line = child.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            port = int(found[1]) if found else 0
        while not _answers(port):
            time.sleep(0.02)
        process = psutil.Process(child.pid)
        yield process, port, round(sum(process.cpu_times()[:2]), 2)
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()


def _answers(port: int) -> bool:
    try:
        return _get(port, "/health/ready", "")[0] == 200
    except OSError:
        return False


def _get(port: int, path: str, cookie: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"cookie": f"millrace_{port}={cookie}", "accept": "text/html"}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def _weigh(port: int, cookie: str) -> float:
    """Return the kilobytes of the page Talk with everything that it loads, compressed."""
    parts = [_get(port, "/talk", cookie)[1], *(one.read_bytes() for one in pages.STATIC.iterdir())]
    return round(sum(len(gzip.compress(part)) for part in parts) / 1000, 1)


def _follow(process: psutil.Process, port: int, cookie: str, owner_id: str) -> dict[str, Any]:
    ids = _make_runs(owner_id, READERS)
    took, used = asyncio.run(_read_all(process, port, cookie, ids))
    took.sort()
    return {
        "readers": READERS,
        "sent": READERS * SECONDS,
        "received": len(took),
        "p50_seconds": round(took[len(took) // 2], 3),
        "p95_seconds": round(took[int(len(took) * 0.95)], 3),
        "cpu_percent": round(100 * used / SECONDS, 1),
    }


def _make_runs(owner_id: str, many: int) -> list[str]:
    ids = [str(uuid.uuid4()) for _ in range(many)]
    with run_context.change(user_id=owner_id):
        for run_id in ids:
            runs.ensure(run_id, "bench")
    return ids


async def _read_all(
    process: psutil.Process, port: int, cookie: str, ids: list[str]
) -> tuple[list[float], float]:
    took: list[float] = []

    def hear(line: bytes) -> None:
        if found := SENT.search(line):
            took.append(time.time() - float(found[1]))

    paths = [f"/live?run={run_id}" for run_id in ids]
    async with _reading(port, cookie, paths, hear):
        before = sum(process.cpu_times()[:2])
        await asyncio.to_thread(_write, ids)
        used = sum(process.cpu_times()[:2]) - before
        await asyncio.sleep(2)
    return took, used


@contextlib.asynccontextmanager
async def _reading(
    port: int, cookie: str, paths: list[str], *hear: Callable[[bytes], None]
) -> AsyncIterator[None]:
    """Have a stream read for each path, by one of `hear` each or by the one that is given."""
    ears = hear if len(hear) > 1 else hear * len(paths)
    readers = [
        asyncio.create_task(_read(port, cookie, path, ear))
        for path, ear in zip(paths, ears, strict=True)
    ]
    await asyncio.sleep(SETTLE_SECONDS)
    try:
        yield
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


async def _read(port: int, cookie: str, path: str, hear: Callable[[bytes], None]) -> None:
    # A part of a page is one line, however long the page.
    reading, writing = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    request = (
        f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: millrace_{port}={cookie}\r\n\r\n"
    )
    writing.write(request.encode())
    try:
        while line := await reading.readline():
            hear(line)
    finally:
        writing.close()


def _write(ids: list[str]) -> None:
    """Write one event a second of each run, evenly."""
    for second in range(SECONDS):
        began = time.monotonic()
        for place, run_id in enumerate(ids, 1):
            with run_context.change(run_id=run_id):
                events.emit("progress", f"sent={time.time()}= of second {second}")
            time.sleep(max(0.0, began + place / len(ids) - time.monotonic()))
    db.close()


class _PageReader:
    """Who has the list of runs open: notes of each change when it was shown first."""

    def __init__(self, sent: list[float]) -> None:
        self._sent, self.took = sent, list[float]()

    def hear(self, line: bytes) -> None:
        found = NUMBER.search(line)
        if found is None:
            return
        now = time.time()
        shown = self._sent[len(self.took) : int(found[1]) + 1]
        self.took += [now - moment for moment in shown]


def _follow_page(process: psutil.Process, port: int, cookie: str, owner_id: str) -> dict[str, Any]:
    run_id = _make_runs(owner_id, 1)[0]
    readers, used = asyncio.run(_read_page(process, port, cookie, run_id))
    took = sorted(one for reader in readers for one in reader.took)
    changes = CHANGES_A_SECOND * SECONDS
    return {
        "page_readers": PAGE_READERS,
        "page_changes": changes * PAGE_READERS,
        "page_shown": len(took),
        "page_p50_seconds": round(took[len(took) // 2], 3),
        "page_p95_seconds": round(took[int(len(took) * 0.95)], 3),
        "page_cpu_percent": round(100 * used / SECONDS, 1),
    }


async def _read_page(
    process: psutil.Process, port: int, cookie: str, run_id: str
) -> tuple[list[_PageReader], float]:
    sent: list[float] = []
    readers = [_PageReader(sent) for _ in range(PAGE_READERS)]
    paths = ["/live?page=%2Fruns%3Fflow%3Dbench"] * PAGE_READERS
    async with _reading(port, cookie, paths, *(reader.hear for reader in readers)):
        before = sum(process.cpu_times()[:2])
        await asyncio.to_thread(_change, run_id, sent)
        used = sum(process.cpu_times()[:2]) - before
        await asyncio.sleep(2)
    return readers, used


def _change(run_id: str, sent: list[float]) -> None:
    """Change the row of a run that the list shows, evenly; the n-th change says n."""
    began = time.monotonic()
    for number in range(CHANGES_A_SECOND * SECONDS):
        sent.append(time.time())
        db.execute("UPDATE run SET error = %s WHERE id = %s", [f"change={number}=", run_id])
        time.sleep(max(0.0, began + (number + 1) / CHANGES_A_SECOND - time.monotonic()))
    db.close()


def _last_an_hour(process: psutil.Process, port: int, cookie: str, owner_id: str) -> dict[str, Any]:
    ids = _make_runs(owner_id, HOUR_READERS)
    early, late = asyncio.run(_read_an_hour(process, port, cookie, ids))
    return {
        "hour_events": HOUR_READERS * HOUR_EVENTS,
        "hour_memory_mb": [round(early / 2**20, 1), round(late / 2**20, 1)],
    }


async def _read_an_hour(
    process: psutil.Process, port: int, cookie: str, ids: list[str]
) -> tuple[int, int]:
    """Return the server's memory after a tenth of the events and after all."""
    paths = [f"/live?run={run_id}" for run_id in ids]
    async with _reading(port, cookie, paths, lambda _line: None):
        await asyncio.to_thread(_pour, ids, HOUR_EVENTS // 10)
        early = process.memory_info().rss
        await asyncio.to_thread(_pour, ids, HOUR_EVENTS - HOUR_EVENTS // 10)
        await asyncio.sleep(2)
        return early, process.memory_info().rss


def _pour(ids: list[str], events_each: int) -> None:
    for number in range(events_each):
        for run_id in ids:
            with run_context.change(run_id=run_id):
                events.emit("progress", f"event {number}")
    db.close()
