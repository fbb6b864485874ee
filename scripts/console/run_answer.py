"""A run as programs follow it: what it says while it goes on, and what it answered, from its rows.

Each protocol has words of its own for these; all read them here. A reader who leaves stops nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from f.millrace.core import db, errors
from scripts.console import question_view, run_view

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import Console, PageRequest

BEAT_SECONDS = 10.0
# How often it is looked whether a run that was answered goes on.
ANSWERED_SECONDS = 1.0
FAILED = ("failed", "killed", "stopped", "cancelled")
SAID = """
SELECT id, event, message, step FROM run_event WHERE run_id = %s AND id > %s AND event <> 'token'
    AND message <> '' ORDER BY id LIMIT 200
"""


class RunState(NamedTuple):
    """What one look at the rows of a run shows.

    Attributes:
        run: Its row; None before its child has made it.
        said: The events since the last look.
        is_over: It has ended, or waits for a person.
    """

    run: rows.Run | None
    said: list[dict[str, Any]]
    is_over: bool


class RunEnd(NamedTuple):
    """How a run stands when it is followed no longer.

    Attributes:
        status: Of the run; `failed` also for one that never began.
        error: What went wrong; empty when nothing did.
        rest: What the answer says beyond the sentences that were told.
        questions: What waits for a person.
        sources: What the numbers in the text stand for.
        tokens: How many went in, and how many came out.
    """

    status: str
    error: str
    rest: str
    questions: list[dict[str, Any]]
    sources: list[run_view.Source]
    tokens: tuple[int, int]


class RunAnswer:
    """Follows one run for whoever asked for it."""

    def __init__(
        self, console: Console, as_person: Callable[..., Any], run_id: str, base: str = ""
    ) -> None:
        """Follow a run from its first event; `as_person` calls a function as who asked for it, and
        `base` is where the console is.
        """
        self.console, self.run_id, self.base = console, run_id, base
        self._as_person = as_person
        # Until when a run that waits, and was answered, may take to go on.
        self.goes_on_until = 0.0
        self.after = 0
        self.text = ""

    async def follow(self) -> AsyncIterator[RunState]:
        """Yield a look whenever rows of the run changed, and every ten seconds, until it ends or
        waits, or the console ends.
        """
        with self.console.changes.subscribe(self.run_id) as subscription:
            while not self.console.changes.is_closed:
                look = await self.call(self._load_state)
                yield look
                if look.is_over:
                    return
                waits = look.run is not None and look.run["status"] == "waiting"
                await subscription.wait(ANSWERED_SECONDS if waits else BEAT_SECONDS)

    async def call(self, function: Callable[..., Any], *given: Any) -> Any:
        """Call what waits for the database, as the person who asks."""
        return await self.console.threads.run(self._as_person, function, *given)

    async def stream_words(self) -> AsyncIterator[tuple[str, str]]:
        """Yield what the run says as (kind, words): `text`, a checked sentence of the answer;
        `status`, what it does, with no words for a sign of life.
        """
        async for look in self.follow():
            for row in look.said:
                is_text = row["event"] == "sentence"
                words = row["message"] + "\n\n" if is_text else row["message"]
                self.text += words if is_text else ""
                yield ("text" if is_text else "status"), words
            if not look.said and not look.is_over:
                yield "status", ""

    def _load_state(self) -> RunState:
        # What is said is read after the state: what came before the end is not missed.
        run = find(self.run_id)
        said = db.fetch_all(SAID, [self.run_id, self.after])
        if said:
            self.after = said[-1]["id"]
        if run is None:
            return RunState(None, said, self.run_id in self.console.children.problems)
        return RunState(run, said, self._is_over(run))

    def _is_over(self, run: rows.Run) -> bool:
        if run["status"] != "waiting" or time.monotonic() > self.goes_on_until:
            return run["status"] != "running"
        return any(one["state"] == "proposed" for one in question_view.of_run(self.run_id))

    async def end(self) -> RunEnd:
        """Return how the run stands when it is followed no longer."""
        end: RunEnd = await self.call(load_end, self.console, self.run_id, self.text)
        if end.status != "running":
            return end
        return end._replace(
            error="the console ends while this run goes on; its answer will stand at"
            f" {self.base}/runs/{self.run_id}"
        )


def find(run_id: str) -> rows.Run | None:
    """Return the row of a run; None when it is not there yet."""
    row: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id = %s", [run_id])
    return row


def load_end(console: Console, run_id: str, told: str = "") -> RunEnd:
    """Return how a run stands of which the sentences `told` were said already."""
    run = find(run_id)
    if run is None:
        problem = console.children.problems.get(run_id, "the run did not start")
        return RunEnd("failed", problem, "", [], [], (0, 0))
    status = run["status"]
    answers = run_view.load_answers(run)
    return RunEnd(
        status,
        (run["error"] or f"the run is {status}") if status in FAILED else "",
        "" if told else _text_of(run, answers),
        [one for one in question_view.of_run(run_id) if one["state"] == "proposed"],
        [source for one in answers for source in one.sources] or _kept_sources(run),
        _count_tokens(run_id),
    )


def _text_of(run: rows.Run, answers: list[run_view.Answer]) -> str:
    """Return the answer of a run as text: as it was kept, or of research its sentences."""
    kept = str(((run["pipeline"] or {}).get("answer") or {}).get("text") or "")
    if kept:
        return kept
    return "\n\n".join(
        text + "".join(f" [{number}]" for number in numbers)
        for one in answers
        for text, numbers in one.sentences
    )


def _kept_sources(run: rows.Run) -> list[run_view.Source]:
    """Return the sources of an answer that was kept with them, as answer_question does."""
    kept = ((run["pipeline"] or {}).get("answer") or {}).get("sources") or []
    return [
        run_view.Source(one["number"], "", one["title"], one["url"], one.get("source") or "", None)
        for one in kept
    ]


def write_questions(base: str, questions: list[dict[str, Any]]) -> str:
    """Return what waits for a person as text, with the page that answers it."""
    return "".join(
        f"\n\n{one['sentence']} A person decides: {base}/waiting/{one['id']}\n" for one in questions
    )


def follow_request(asked: PageRequest, run_id: str) -> RunAnswer:
    """Return what follows a run for the program that asks."""
    return RunAnswer(asked.console, asked.as_person, run_id, get_base_url(asked))


def get_base_url(asked: PageRequest) -> str:
    """Return where this console is, as the program that asks can reach it."""
    url = asked.request.url
    return f"{url.scheme}://{url.netloc}"


def _count_tokens(run_id: str) -> tuple[int, int]:
    used = db.fetch_one(
        "SELECT coalesce(sum((tokens ->> 'input')::bigint), 0)::bigint AS input,"
        " coalesce(sum((tokens ->> 'output')::bigint), 0)::bigint AS output FROM usage WHERE run_id"
        " = %s",
        [run_id],
    )
    return (used["input"], used["output"]) if used else (0, 0)


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds; BadInput when it holds none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.BadInput(f"the body is no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise errors.BadInput("the body has to be an object")
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        char = ord(error.object[error.start])
        raise errors.BadInput(
            f"the body has U+{char:04X}, half of a character, alone; leave it out"
        ) from error
    return found
