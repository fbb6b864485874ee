"""What changes while a page is open: parts of it, made anew from rows, as server-sent events.

A frame has the number of the run's last event, so a reader who comes back with `Last-Event-ID` gets
the lines that came meanwhile and no others. Parts that did not change are not sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from f.millrace.core import db, errors, run_context
from f.millrace.telemetry import runs as run_rows
from scripts.console import access, page_header, pages, routes, run_view, sign_ins, talk

if TYPE_CHECKING:
    from f.millrace.core import rows

# Changes are merged, so that a busy run draws its page a few times a second.
MERGE_SECONDS = 0.15
MERGE_ALL_SECONDS = 0.5
# A proxy ends what is silent, and a browser asks again after `retry`.
BEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 1500
# What is told as it happens; all other tables change what the whole page shows.
EVENTS = "run_event"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class LivePage:
    """One open page: who reads it, what of, and what was sent so far."""

    def __init__(self, person: sign_ins.Person, console: routes.Console, run_id: str) -> None:
        self.person, self.console, self.run_id = person, console, run_id
        self.after = 0
        self.newest = ""
        self._sent: dict[str, str] = {}

    def load_changes(self, tables: set[str]) -> tuple[list[str], bool]:
        """Return the frames of what changed in these tables, and whether the stream is over."""
        with run_context.change(user_id=self.person.id, namespace=self.console.namespace):
            if sign_ins.is_signed_out(self.person):
                return [_frame("signed_out", {})], True
            if sign_ins.has_less(self.person):
                # The page asks again, as who the person is now.
                return [], True
            if self.run_id and tables == {EVENTS}:
                frames, is_written = self._load_lines()
                return (frames, False) if not is_written else self._load_all(frames)
            return self._load_all([])

    def _load_all(self, frames: list[str]) -> tuple[list[str], bool]:
        frames += self._changed("bar", pages.render_part("parts.html", "bar_counts", self._bar()))
        if self.newest:
            frames += self._count_new()
        if not self.run_id:
            return frames, False
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
        view = talk.load_answer(run)
        shown = pages.render_part("parts.html", "answer", view, run, self.person)
        frames += self._changed("answer", shown)
        is_over = run["status"] not in run_view.OPEN
        if is_over:
            frames.append(_frame("over", {"status": run["status"]}, self.after))
        return frames, is_over

    def _bar(self) -> dict[str, Any]:
        return page_header.load(self.person, self.console.namespace)

    def _find_run(self) -> rows.Run | None:
        try:
            return run_view.find(self.run_id, self.person)
        except errors.NotFound:
            return None

    def _count_new(self) -> list[str]:
        row = db.fetch_one(
            "SELECT count(*) AS n FROM run WHERE started_at > %s AND namespace = %s AND (%s OR"
            " user_id = %s) AND NOT starts_with(flow, %s)",
            [
                self.newest,
                self.console.namespace,
                self.person.has_role("owner"),
                self.person.id,
                run_rows.MAINTENANCE,
            ],
        )
        return self._changed("new", str(row["n"] if row else 0))

    def _changed(self, name: str, html: str) -> list[str]:
        mark = hashlib.sha256(html.encode()).hexdigest()
        if self._sent.get(name) == mark:
            return []
        self._sent[name] = mark
        return [_frame("part", {"part": name, "html": html}, self.after or None)]


def _problem(words: str) -> list[str]:
    return [_frame("problem", {"html": pages.render_part("parts.html", "problem", words)})]


def _frame(event: str, data: dict[str, Any], number: int | None = None) -> str:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def follow(request: Request, console: routes.Console) -> Response:
    """Stream what changes on a page: the counts above it, and the run that it shows."""
    person = access.get_person(request)
    run_id = request.query_params.get("run", "")
    reader = LivePage(person, console, run_id if run_view.ID.fullmatch(run_id) else "")
    given = request.headers.get("last-event-id") or request.query_params.get("after", "")
    reader.after = int(given) if given.isdigit() and len(given) < 19 else 0
    reader.newest = request.query_params.get("newest", "")[:40]
    if reader.newest and not _is_moment(reader.newest):
        reader.newest = ""
    if run_id and not await console.threads.run(_may_follow, reader):
        words = "there is no such run; the page Runs lists those that you may see"
        return Response(json.dumps({"error": words}), 404, media_type="application/json")
    return StreamingResponse(
        _stream(reader, console), media_type="text/event-stream", headers=HEADERS
    )


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _may_follow(reader: LivePage) -> bool:
    """Tell whether the run is one that the reader may see, or one that is not there yet."""
    row = db.fetch_one("SELECT user_id FROM run WHERE id::text = %s", [reader.run_id])
    if row is None:
        return reader.console.children.find_started(reader.run_id, reader.person.id) is not None
    return row["user_id"] == reader.person.id or reader.person.has_role("owner")


async def _stream(reader: LivePage, console: routes.Console) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    with console.changes.subscribe(reader.run_id) as subscription:
        is_over, tables = False, {""}
        while not (is_over or console.changes.is_closed):
            try:
                frames, is_over = await console.threads.run(reader.load_changes, tables)
            except Exception as error:
                if not isinstance(error, errors.DatabaseUnavailable):
                    raise
                # The browser asks again, and goes on from where it was.
                return
            for frame in frames:
                yield frame
            if is_over:
                return
            tables = await subscription.wait(BEAT_SECONDS)
            if not tables:
                yield ": beat\n\n"
            await anyio.sleep(MERGE_SECONDS if reader.run_id else MERGE_ALL_SECONDS)
            tables |= await subscription.wait(0)
