"""The bell: Postgres says which rows changed, and who follows them looks at the rows.

One connection a process listens. What is missed while it was lost is no loss: everybody looks again
when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from f.millrace.core import db, errors

CHANNEL = "millrace_rows"
# How long the connection waits before it looks whether it should end.
TURN_SECONDS = 0.5
AGAIN_SECONDS = 1.0


class Ear:
    """Hears of one run, or of everything."""

    def __init__(self, run_id: str) -> None:
        """Hear of `run_id`, and of what is of no run; empty hears all."""
        self.run_id = run_id
        self._heard = asyncio.Event()

    def ring(self) -> None:
        """Have something heard."""
        self._heard.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until something is heard; False when nothing was in that time."""
        try:
            await asyncio.wait_for(self._heard.wait(), seconds)
        except TimeoutError:
            return False
        self._heard.clear()
        return True


class Bell:
    """Rings those who listen."""

    def __init__(self) -> None:
        self._ears: set[Ear] = set()
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen from now on; call it in the loop of those who listen."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and wake everybody."""
        self._ended.set()
        for ear in self._ears:
            ear.ring()

    @property
    def is_closed(self) -> bool:
        """Whether the server ends: streams end with it."""
        return self._ended.is_set()

    @contextlib.contextmanager
    def hear(self, run_id: str = "") -> Iterator[Ear]:
        """Yield what hears of a run, or of everything."""
        ear = Ear(run_id)
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)

    def ring(self, run_id: str = "") -> None:
        """Ring those who follow a run, or everybody; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring, run_id)

    def _ring(self, run_id: str) -> None:
        for ear in self._ears:
            if not run_id or not ear.run_id or ear.run_id == run_id:
                ear.ring()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                with contextlib.closing(db.open_connection()) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self.ring()
                    self._hear(connection)
            except Exception as error:
                if not isinstance(error, errors.DatabaseUnavailable) and db.explain(error) is None:
                    logging.getLogger(__name__).exception("the bell broke")
                self._ended.wait(AGAIN_SECONDS)

    def _hear(self, connection: Any) -> None:
        while not self._ended.is_set():
            for notice in connection.notifies(timeout=TURN_SECONDS):
                self.ring(notice.payload.partition(" ")[2])
