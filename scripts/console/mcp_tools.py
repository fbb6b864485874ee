"""Asking, research and digests as MCP tools: runs in children, followed by their rows.

A question of another program is nobody's own words: it is answered, and nothing else that it says
is done. It goes out to be searched for, so after a program was shown private things it is let pass,
or not, as the arguments of any tool are. A program that leaves stops nothing: it calls again with
the run's id.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mcp import types

from f.millrace.core import contracts, db, errors, run_context
from f.millrace.tools.servers import RUNS
from f.millrace.trust import taint
from scripts.console import run_answer, run_view
from scripts.console.children import Children
from scripts.console.routes import Console
from scripts.console.row_changes import RowChanges
from scripts.console.threads import Threads
from scripts.serving import callers

if TYPE_CHECKING:
    from scripts.serving.served import Asked

FLOW = "answer_question"
# How long one call waits for a run; the program goes on with another call.
WAIT_SECONDS = 240.0
LONGEST_TEXT = 100_000
RUN_ID = {"type": "string", "description": "Go on waiting for this run, in place of a question."}
QUESTION = {
    "type": "string",
    "maxLength": contracts.LONGEST_QUESTION,
    "description": "What is to be answered, in one sentence.",
}
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "run_id": {"type": "string"},
        "status": {"type": "string"},
        "answer": {"type": "string"},
        "sources": {"type": "array", "items": {"type": "object"}},
        "waits_for": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["run_id", "status", "answer", "sources"],
}
DIGEST: dict[str, Any] = {
    "type": "object",
    "properties": {
        "day": {"type": "string"},
        "number": {"type": "integer"},
        "subject": {"type": "string"},
        "text": {"type": "string"},
    },
    "required": ["day", "number", "subject", "text"],
}
FIND_DIGEST = """
SELECT local_day, number, subject, plain, private OR shared <> '{}' AS is_private FROM digest
WHERE namespace = %s AND (%s = '' OR local_day::text = %s)
ORDER BY local_day DESC, number DESC, private, created_at LIMIT 1
"""


class RunTools:
    """The tools ask, research and digest."""

    server = RUNS

    def __init__(self, console: Console) -> None:
        """Start runs in the children of `console`, and follow its changes."""
        self._console = console
        self._calls: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "ask": self._ask,
            "research": self._research,
            "digest": self._digest,
        }

    def describe(self) -> dict[str, types.Tool]:
        """Return the tools."""
        asks = {"type": "object", "properties": {"question": QUESTION, "run_id": RUN_ID}}
        day = {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\d$",
            "description": "Default: the last",
        }
        tools = [
            _tool("ask", "Answer a question from memory, or by research when that has not enough."
                  " Each sentence names its sources.", asks, ANSWER, is_open=True),
            _tool("research", "Research a question anew, whatever memory has. Takes minutes; each"
                  " sentence names its sources.", asks, ANSWER, is_open=True),
            _tool("digest", "Read the digest of a day.",
                  {"type": "object", "properties": {"day": day}}, DIGEST, is_open=False),
        ]  # fmt: skip
        return {tool.name: tool for tool in tools}

    async def call(
        self, asked: Asked, name: str, arguments: dict[str, Any], reading: callers.Reading
    ) -> types.CallToolResult:
        """Call a tool; what is wrong with the call or its run is said as an error."""
        reading.allow_addresses(arguments)
        try:
            found = await self._calls[name](asked, arguments, reading)
        except errors.MillraceError as error:
            return callers.refusal(f"{type(error).__name__}: {error}")
        failed = found.pop("error", "")
        if failed:
            return callers.refusal(failed)
        return callers.to_result(found, {"millrace/words": "untrusted"})

    async def _ask(
        self, asked: Asked, arguments: dict[str, Any], reading: callers.Reading
    ) -> dict[str, Any]:
        return await self._answer(asked, arguments, reading, use_memory=True)

    async def _research(
        self, asked: Asked, arguments: dict[str, Any], reading: callers.Reading
    ) -> dict[str, Any]:
        return await self._answer(asked, arguments, reading, use_memory=False)

    async def _answer(
        self,
        asked: Asked,
        arguments: dict[str, Any],
        reading: callers.Reading,
        *,
        use_memory: bool,
    ) -> dict[str, Any]:
        given = _read(arguments, "question", "run_id")
        if bool(given["question"]) == bool(given["run_id"]):
            raise errors.BadInput("give a question, or the run_id of one that goes on")
        run_id = given["run_id"]
        if run_id:
            await self._console.threads.run(_find_own, run_id, reading.session)
        else:
            _refuse_telling(given["question"], reading)
            args = {"question": given["question"], "use_memory": use_memory}
            start = self._console.children.start
            run_id = await self._console.threads.run(start, FLOW, args, reading.session)
        run = run_answer.RunAnswer(self._console, _as_owner, run_id)
        is_over = await _follow(asked, run)
        if not is_over:
            return {"run_id": run_id, "status": "running", "answer": "", "sources": []}
        end = await run.end()
        if await run.call(_has_read_private, run_id):
            reading.current().read_private(taint.HERE)
            reading.keep_places({taint.HERE})
        return {
            "error": end.error,
            "run_id": run_id,
            "status": end.status,
            "answer": (end.rest or run.text).strip(),
            "sources": [
                {"number": one.number, "title": one.title, "url": one.url} for one in end.sources
            ],
            "waits_for": [
                f"{one['sentence']} scripts/millrace approvals approve {one['id'][:8]}"
                for one in end.questions
            ],
        }

    async def _digest(
        self,
        _: Asked,
        arguments: dict[str, Any],
        reading: callers.Reading,
    ) -> dict[str, Any]:
        day = _read(arguments, "day")["day"]
        row = await self._console.threads.run(_load_digest, self._console.namespace, day)
        if row is None:
            raise errors.NotFound(f"there is no digest of {day}" if day else "there is no digest")
        if row["is_private"]:
            reading.current().read_private(taint.HERE)
            reading.keep_places({taint.HERE})
        return {
            "day": row["local_day"].isoformat(),
            "number": row["number"],
            "subject": row["subject"],
            "text": row["plain"][:LONGEST_TEXT],
        }


@contextlib.asynccontextmanager
async def run_tools(namespace: str = "main") -> AsyncIterator[RunTools]:
    """Yield the tools; the runs that they started go on when they end."""
    changes = RowChanges()
    console = Console(changes, Children(changes.notify), Threads(), namespace)
    changes.start()
    try:
        yield RunTools(console)
    finally:
        changes.close()
        console.children.close()
        console.threads.close()


async def _follow(asked: Asked, run: run_answer.RunAnswer) -> bool:
    """Tell the program what the run does until it is over; False when it goes on."""
    begun, said = time.monotonic(), 0
    async for look in run.follow():
        for row in look.said:
            said += 1
            is_text = row["event"] == "sentence"
            run.text += f"{row['message']}\n\n" if is_text else ""
            await asked.session.report_progress(said, message=row["message"][:500])
        if look.is_over:
            return True
        if not look.said:
            said += 1
            seconds = time.monotonic() - begun
            await asked.session.report_progress(said, message=f"for {seconds:.0f} seconds")
        if time.monotonic() - begun > WAIT_SECONDS:
            return False
    return True


def _refuse_telling(question: str, reading: callers.Reading) -> None:
    """Refuse a question that would carry what its program has read of the owner's to a search."""
    context = reading.current()
    verdict = taint.decide(
        "runs.ask", {"question": question}, context, read_only=True, is_egress=True
    )
    reading.keep_places(set())
    if verdict.outcome != "free":
        raise errors.NotAllowed(
            f"not asked: {verdict.why}; the owner can ask it: scripts/millrace ask"
        )


def _load_digest(namespace: str, day: str) -> dict[str, Any] | None:
    return db.fetch_one(FIND_DIGEST, [namespace, day, day])


def _has_read_private(run_id: str) -> bool:
    found = db.fetch_one("SELECT 1 FROM evidence WHERE run_id = %s AND private LIMIT 1", [run_id])
    return found is not None


def _find_own(run_id: str, session: str) -> None:
    row = (
        db.fetch_one("SELECT 1 FROM run WHERE id = %s AND session = %s", [run_id, session])
        if run_view.ID.fullmatch(run_id)
        else None
    )
    if row is None:
        raise errors.NotFound(f"no call with this token has started a run {run_id[:80]!r}")


def _as_owner(function: Callable[..., Any], *given: Any) -> Any:
    with run_context.change(user_id=run_context.user_id()):
        return function(*given)


def _read(arguments: dict[str, Any], *names: str) -> dict[str, str]:
    """Return the texts that a call gives; BadInput for others, and for what is no text."""
    unknown = [name for name in arguments if name not in names]
    if unknown:
        raise errors.BadInput(f"{unknown[0][:80]!r} is no argument; there are {', '.join(names)}")
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            raise errors.BadInput(f"{name} has to be a text")
    given = {name: (arguments.get(name) or "").strip() for name in names}
    question = given.get("question", "")
    if len(question) > contracts.LONGEST_QUESTION:
        raise errors.BadInput(
            f"the question has {len(question)} characters; at most {contracts.LONGEST_QUESTION}"
        )
    return given


def _tool(
    name: str, said: str, takes: dict[str, Any], gives: dict[str, Any], *, is_open: bool
) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=True, idempotent_hint=not is_open, open_world_hint=is_open
    )
    takes = json.loads(json.dumps({**takes, "additionalProperties": False}))
    return types.Tool(
        name=name,
        title=name,
        description=said,
        input_schema=takes,
        output_schema=gives,
        annotations=hints,
    )
