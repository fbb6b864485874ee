"""The console as its readers have it: how heavy a page is, how long the server takes to start, and
how long a row takes to reach the readers of many runs, each of its own run, one event a second.

What the server costs is its own processor time; latencies are on loopback and hold the merging of
changes (0.15 s).
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
from collections.abc import Iterator
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
    ids = [str(uuid.uuid4()) for _ in range(READERS)]
    with run_context.change(user_id=owner_id):
        for run_id in ids:
            runs.ensure(run_id, "bench")
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


async def _read_all(
    process: psutil.Process, port: int, cookie: str, ids: list[str]
) -> tuple[list[float], float]:
    took: list[float] = []
    readers = [asyncio.create_task(_read(port, cookie, run_id, took)) for run_id in ids]
    await asyncio.sleep(SETTLE_SECONDS)
    before = sum(process.cpu_times()[:2])
    await asyncio.to_thread(_write, ids)
    used = sum(process.cpu_times()[:2]) - before
    await asyncio.sleep(2)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return took, used


async def _read(port: int, cookie: str, run_id: str, took: list[float]) -> None:
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    request = (
        f"GET /live?run={run_id} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"cookie: millrace_{port}={cookie}\r\n\r\n"
    )
    writing.write(request.encode())
    try:
        while line := await reading.readline():
            if found := SENT.search(line):
                took.append(time.time() - float(found[1]))
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
