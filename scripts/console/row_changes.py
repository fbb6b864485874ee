"""Changes of rows: Postgres says which run changed, and who follows it looks at its rows.

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


# What everybody is told: all may have changed, and a session has ended.
FOR_ALL = ("", "sign_in")


class Subscription:
    """Is notified of the changes of one run, or of all."""

    def __init__(self, run_id: str, unheard: frozenset[str] = frozenset()) -> None:
        """Follow `run_id`; empty follows all, but for the tables in `unheard`."""
        self.run_id, self.unheard = run_id, unheard
        self._tables: set[str] = set()
        self._changed = asyncio.Event()

    def notify(self, table: str) -> None:
        """Say that rows of a table changed; an empty name stands for all that may have."""
        self._tables.add(table)
        self._changed.set()

    async def wait(self, seconds: float) -> set[str]:
        """Wait until something changes and return the tables; none when nothing did in that
        time.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()
        tables, self._tables = self._tables, set()
        return tables


class RowChanges:
    """Listens to the database and notifies who subscribed."""

    def __init__(self) -> None:
        # By the run that they follow; "" is all.
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen from now on; call it in the loop of those who subscribe."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and wake everybody up."""
        self._ended.set()
        for each in self._all():
            each.notify("")

    @property
    def is_closed(self) -> bool:
        """Whether the server ends: streams end with it."""
        return self._ended.is_set()

    @contextlib.contextmanager
    def subscribe(
        self, run_id: str = "", unheard: frozenset[str] = frozenset()
    ) -> Iterator[Subscription]:
        """Yield a subscription to a run, or to everything but the tables in `unheard`."""
        made = Subscription(run_id, unheard)
        followers = self._subscriptions.setdefault(run_id, set())
        followers.add(made)
        try:
            yield made
        finally:
            followers.discard(made)
            if not followers and self._subscriptions.get(run_id) is followers:
                del self._subscriptions[run_id]

    def notify(self, run_id: str = "", table: str = "") -> None:
        """Notify who follows a run, or everybody; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._notify, run_id, table)

    def _notify(self, run_id: str, table: str) -> None:
        if table in FOR_ALL:
            told = self._all()
        else:
            # Not all are asked whether it is theirs: with many readers that is most of the work.
            names = {"", run_id}
            followers = [one for name in names for one in self._subscriptions.get(name, ())]
            told = [one for one in followers if table not in one.unheard]
        for each in told:
            each.notify(table)

    def _all(self) -> list[Subscription]:
        return [one for followers in self._subscriptions.values() for one in followers]

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                with contextlib.closing(db.open_connection()) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self.notify()
                    self._forward(connection)
            except Exception as error:
                if not isinstance(error, errors.DatabaseUnavailable) and db.explain(error) is None:
                    logging.getLogger(__name__).exception("listening to rows broke")
                self._ended.wait(AGAIN_SECONDS)

    def _forward(self, connection: Any) -> None:
        while not self._ended.is_set():
            for notice in connection.notifies(timeout=TURN_SECONDS):
                table, _, run_id = notice.payload.partition(" ")
                self.notify(run_id, table)
