"""What changes while a page is open: parts of it, made anew from rows, as server-sent events.

A frame has the number of the run's last event, so a reader who comes back with `Last-Event-ID` gets
the lines that came meanwhile and no others. Parts that did not change are not sent again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from f.millrace.core import db, errors, run_context
from scripts.console import access, pages, routes, run_view, sign_ins, talk
from scripts.console.open_pages import DRAWN, OpenPage, OpenPages, Part, make_part

if TYPE_CHECKING:
    from f.millrace.core import rows

# Changes are merged, so that a busy run draws its page a few times a second.
MERGE_SECONDS = 0.15
LONGEST_ADDRESS = 2000
# A proxy ends what is silent, and a browser asks again after `retry`.
BEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 1500
# What is told as it happens; all other tables change what the whole page shows.
EVENTS = "run_event"
# Who follows none is notified of what all are.
NO_RUN = "-"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class RunReader:
    """Who follows a run on an open page, and what was sent so far."""

    def __init__(self, person: sign_ins.Person, console: routes.Console, run_id: str) -> None:
        self.person, self.console, self.run_id = person, console, run_id
        self.after = 0
        self._sent: dict[str, str] = {}

    def load_changes(self, tables: set[str]) -> tuple[list[str], bool]:
        """Return the frames of what changed in these tables, and whether the stream is over."""
        with run_context.change(user_id=self.person.id, namespace=self.console.namespace):
            if sign_ins.is_signed_out(self.person):
                return [SIGNED_OUT], True
            if sign_ins.has_less(self.person):
                # The page asks again, as who the person is now.
                return [], True
            if tables == {EVENTS}:
                frames, is_written = self._load_lines()
                return (frames, False) if not is_written else self._load_all(frames)
            return self._load_all([])

    def _load_all(self, frames: list[str]) -> tuple[list[str], bool]:
        run = self._find_run()
        if run is None:
            problem = self.console.children.problems.get(self.run_id, "")
            return [*frames, *(_problem(problem) if problem else [])], bool(problem)
        return self._load_run(run, frames)

    def _load_lines(self) -> tuple[list[str], bool]:
        """Return the lines that came, and whether a sentence of the answer is among them."""
        found = run_view.load_new_events(self.run_id, self.after)
        frames: list[str] = []
        for row in found:
            self.after = row["id"]
            if row["event"] not in run_view.UNSHOWN:
                shown = pages.render_part("parts.html", "line", row, row["began"])
                frames.append(_frame("line", {"html": shown}, self.after))
        return frames, any(row["event"] == "sentence" for row in found)

    def _load_run(self, run: rows.Run, frames: list[str]) -> tuple[list[str], bool]:
        frames += self._load_lines()[0]
        facts = run_view.load_facts(run)
        parts = talk.load_beside(run, facts)
        frames += self._changed("flow", pages.render_part("parts.html", "flow_column", parts))
        frames += self._changed("state", pages.render_part("parts.html", "state_facts", parts))
        models = pages.render_part("parts.html", "models", facts, talk.model_of(run))
        frames += self._changed("model", models)
        view = talk.load_answer(run)
        shown = pages.render_part("parts.html", "answer", view, run, self.person)
        frames += self._changed("answer", shown)
        is_over = run["status"] not in run_view.OPEN
        if is_over:
            frames.append(_frame("over", {"status": run["status"]}, self.after))
        return frames, is_over

    def _find_run(self) -> rows.Run | None:
        try:
            return run_view.find(self.run_id, self.person)
        except errors.NotFound:
            return None

    def _changed(self, name: str, html: str) -> list[str]:
        return _only_new({name: make_part(name, html)}, self._sent)


def _only_new(parts: dict[str, Part], sent: dict[str, str]) -> list[str]:
    """Return the frames of the parts that are not as they were sent last, and note them as sent."""
    found = [(name, part) for name, part in parts.items() if sent.get(name) != part.mark]
    sent.update({name: part.mark for name, part in found})
    return [part.frame for _, part in found]


def _problem(words: str) -> list[str]:
    return [_frame("problem", {"html": pages.render_part("parts.html", "problem", words)})]


def _frame(event: str, data: dict[str, Any], number: int | None = None) -> str:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


SIGNED_OUT = _frame("signed_out", {})


async def follow(request: Request, console: routes.Console, opened: OpenPages) -> Response:
    """Stream what changes on a page: its parts, by its address, and the run that it shows."""
    person = access.get_person(request)
    run_id = request.query_params.get("run", "")
    reader: RunReader | None = None
    if run_id:
        reader = RunReader(person, console, run_id if run_view.ID.fullmatch(run_id) else "-")
        given = request.headers.get("last-event-id") or request.query_params.get("after", "")
        reader.after = int(given) if given.isdigit() and len(given) < 19 else 0
        try:
            may_follow = await console.threads.run(_may_follow, reader)
        except errors.DatabaseUnavailable as error:
            return _refuse(503, str(error))
        if not may_follow:
            words = "there is no such run; the page Runs lists those that you may see"
            return _refuse(404, words)
    address = request.query_params.get("page", "")[:LONGEST_ADDRESS]
    with_pages = _stream(person, address, reader, console, opened)
    return StreamingResponse(with_pages, media_type="text/event-stream", headers=HEADERS)


def _refuse(status: int, words: str) -> Response:
    return Response(json.dumps({"error": words}), status, media_type="application/json")


def _may_follow(reader: RunReader) -> bool:
    """Tell whether the run is one that the reader may see, or one that is not there yet."""
    row = db.fetch_one("SELECT user_id FROM run WHERE id::text = %s", [reader.run_id])
    if row is None:
        return reader.console.children.find_started(reader.run_id, reader.person.id) is not None
    return row["user_id"] == reader.person.id or reader.person.has_role("owner")


async def _stream(
    person: sign_ins.Person,
    address: str,
    reader: RunReader | None,
    console: routes.Console,
    opened: OpenPages,
) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    followed = reader.run_id if reader else NO_RUN
    with (
        console.changes.subscribe(followed) as subscription,
        opened.watch(person, address, subscription) as page,
    ):
        await page.is_drawn.wait()
        sent: dict[str, str] = {}
        tables = {DRAWN, ""}
        while not console.changes.is_closed:
            frames, is_over = await _load(page, reader, sent, tables)
            for frame in frames:
                yield frame
            if is_over:
                return
            tables = await subscription.wait(BEAT_SECONDS)
            if not tables:
                yield ": beat\n\n"
            if tables != {DRAWN}:
                # A page that was drawn holds what was merged already.
                await anyio.sleep(MERGE_SECONDS)
                tables |= await subscription.wait(0)


async def _load(
    page: OpenPage, reader: RunReader | None, sent: dict[str, str], tables: set[str]
) -> tuple[list[str], bool]:
    """Return the frames of what changed, and whether the stream is over."""
    if page.is_signed_out:
        return [SIGNED_OUT], True
    frames = _only_new(page.parts, sent) if DRAWN in tables else []
    if page.is_broken:
        # The browser asks again, and goes on from where it was.
        return frames, True
    if reader is None or tables == {DRAWN}:
        return frames, False
    try:
        told, is_over = await reader.console.threads.run(reader.load_changes, tables - {DRAWN})
    except errors.DatabaseUnavailable:
        return frames, True
    return frames + told, is_over
