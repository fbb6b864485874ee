"""Pages that are open in browsers: their parts are drawn anew when rows change, once for all who
have the same page open.

A template names its parts: each block `part_NAME` is drawn by itself and sent as the part NAME. The
page itself loads what they show, with the filters of its address and for the person who looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from f.millrace.core import errors
from scripts.console import sign_ins
from scripts.console.row_changes import RowChanges, Subscription
from scripts.console.threads import Threads

# What a reader's subscription is notified of when the page was drawn; no table has this name.
DRAWN = "/drawn"
# What runs say as they go on is shown on pages of their own.
UNSHOWN = frozenset({"run_event"})
# Of 100 changes a second half are seen within half a second, and drawing is rare enough.
MERGE_SECONDS = 0.65
# The part of one processor that drawing may take, however many different pages are open.
SHARE = 0.25
# What no row tells, such as a component that does not answer, is looked at again after this.
BEAT_SECONDS = 15.0

Draw = Callable[[sign_ins.Person, str], dict[str, str]]


class Part(NamedTuple):
    """A part of a page as it is sent, and what tells it from the one before."""

    mark: str
    frame: str


class OpenPage:
    """One page of one person's session, and who has it open."""

    def __init__(self, person: sign_ins.Person, address: str) -> None:
        """Stand for a page that nobody has drawn yet."""
        self.person, self.address = person, address
        self.parts: dict[str, Part] = {}
        self.readers: set[Subscription] = set()
        self.is_drawn = asyncio.Event()
        # The session has ended: nothing more is shown to it.
        self.is_signed_out = False
        # It could not be drawn; a browser that asks again begins anew.
        self.is_broken = False

    @property
    def is_over(self) -> bool:
        """Whether it is drawn no more."""
        return self.is_signed_out or self.is_broken


class OpenPages:
    """All pages that are open at this server."""

    def __init__(self, changes: RowChanges, threads: Threads, draw: Draw) -> None:
        """Draw pages by `draw`, which returns their parts as HTML."""
        self._changes, self._threads, self._draw = changes, threads, draw
        self._pages: dict[tuple[sign_ins.Person, str], tuple[OpenPage, asyncio.Task[None]]] = {}

    @contextlib.contextmanager
    def watch(
        self, person: sign_ins.Person, address: str, reader: Subscription
    ) -> Iterator[OpenPage]:
        """Yield the page at an address; `reader` is notified of DRAWN each time it was drawn."""
        key = (person, address)
        if key not in self._pages:
            made = OpenPage(person, address)
            self._pages[key] = made, asyncio.create_task(self._follow(made))
        page, task = self._pages[key]
        page.readers.add(reader)
        try:
            yield page
        finally:
            page.readers.discard(reader)
            if not page.readers:
                self._forget(page)
                task.cancel()

    async def _follow(self, page: OpenPage) -> None:
        """Draw a page whenever rows change, until it is over or nobody has it open."""
        try:
            with self._changes.subscribe("", UNSHOWN) as subscription:
                while not (self._changes.is_closed or page.is_over):
                    took = await self._draw_and_tell(page)
                    await subscription.wait(BEAT_SECONDS)
                    await asyncio.sleep(max(MERGE_SECONDS, took * len(self._pages) / SHARE))
                    await subscription.wait(0)
        finally:
            self._forget(page)
            page.is_drawn.set()

    async def _draw_and_tell(self, page: OpenPage) -> float:
        took = await self._draw_once(page)
        page.is_drawn.set()
        if page.is_over:
            self._forget(page)
        for reader in page.readers:
            reader.notify(DRAWN)
        return took

    def _forget(self, page: OpenPage) -> None:
        key = (page.person, page.address)
        if key in self._pages and self._pages[key][0] is page:
            del self._pages[key]

    async def _draw_once(self, page: OpenPage) -> float:
        """Draw a page and return the processor seconds that it took here: how long it took by the
        clock also says how busy others keep the machine.
        """
        took = 0.0
        try:
            drawn, took = await self._threads.run(self._load, page)
        except errors.DatabaseUnavailable:
            page.is_broken = True
        except Exception:
            logging.getLogger(__name__).exception("an open page could not be drawn")
            page.is_broken = True
        else:
            page.parts = {name: make_part(name, html) for name, html in drawn.items()}
        return took

    def _load(self, page: OpenPage) -> tuple[dict[str, str], float]:
        began = time.thread_time()
        page.is_signed_out = sign_ins.is_signed_out(page.person)
        # Who may do less by now asks again, as who they are now.
        page.is_broken = sign_ins.has_less(page.person)
        drawn = {} if page.is_over else self._draw(page.person, page.address)
        return drawn, time.thread_time() - began


def make_part(name: str, html: str) -> Part:
    """Return a part with its frame."""
    data = json.dumps({"part": name, "html": html}, ensure_ascii=False)
    mark = hashlib.sha256(html.encode(errors="replace")).hexdigest()
    return Part(mark, f"event: part\ndata: {data}\n\n")
