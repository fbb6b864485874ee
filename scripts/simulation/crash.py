"""A process that dies at a chosen point, in earnest or in play: every statement and every effect is
a point.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from f.millrace.core import db


class Crash(BaseException):
    """The end of a process; nothing may catch it."""


class Points:
    """Counts the points of a run and ends it at the chosen one, before or right after it."""

    def __init__(self, kill: bool = False) -> None:
        self.seen, self.at, self.dead = 0, 0, False
        self.kill = kill  # end the process itself, by SIGKILL
        self.covered: set[int] = set()

    def begin(self, at: int = 0) -> None:
        """Start a process that dies at its point number `at`; 0: never."""
        self.seen, self.at, self.dead = 0, at, False

    def passing(self, happen: Callable[[], Any]) -> Any:
        """Let something happen, unless the process ends just before it or just after it."""
        if threading.current_thread() is not threading.main_thread():
            return happen()
        if self.dead:
            raise Crash
        self.seen += 1
        place, after = divmod(self.at, 2)
        if self.seen == place and not after:
            self._die()
        result = happen()
        if self.seen == place and after:
            self._die()
        return result

    def _die(self) -> None:
        if self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        self.covered.add(self.at)
        self.dead = True
        raise Crash


@contextlib.contextmanager
def watched(points: Points) -> Iterator[None]:
    """Make every statement of this thread a point; a dead process's connection is closed, as the
    kernel would.
    """
    real = psycopg.Connection.execute

    def execute(self: Any, *args: Any, **more: Any) -> Any:
        # What a context manager sends while the process "dies" never reached the server of a real
        # one.
        return points.passing(lambda: real(self, *args, **more))

    psycopg.Connection.execute = execute  # type: ignore[method-assign]
    try:
        yield
    finally:
        psycopg.Connection.execute = real  # type: ignore[method-assign]


def bury() -> None:
    """Close the dead process's connection, so that the server rolls back and frees its locks."""
    with contextlib.suppress(BaseException):
        db.close()
