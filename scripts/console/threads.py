"""The threads that answer requests: a few, each with a database connection that it keeps."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from f.millrace.core import db

MOST = 8
CLOSE_SECONDS = 2.0

Answer = TypeVar("Answer")


class Threads:
    """Runs functions that wait for the database, beside the loop that serves."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="console")

    async def run(self, function: Callable[..., Answer], *given: Any) -> Answer:
        """Return what the function returns; it runs in the caller's context."""
        context = contextvars.copy_context()
        work = functools.partial(context.run, function, *given)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Close the connections: as many tasks as threads, which wait for each other."""
        meeting = threading.Barrier(self._most)

        def end() -> None:
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(CLOSE_SECONDS)
            db.close()

        for _ in range(self._most):
            self._pool.submit(end)
        self._pool.shutdown()
