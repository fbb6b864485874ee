"""The console for programs that speak AG-UI: a run as the events of that protocol, made from its
rows.

A thread is a conversation of the person whose token it is. Steps and money are the state, what the
run does is an activity, the answer a message whose sources follow it. What waits for a person is an
interrupt with the page that answers it: a program decides nothing, it resumes once a person has.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from f.millrace.core import db, errors, ids
from f.millrace.memory import messages
from f.millrace.trust import spend
from scripts.console import openai_api, run_answer, talk

if TYPE_CHECKING:
    from scripts.console.routes import PageRequest

FLOWS = {"ask": "chat", "task": "do_task"}
# The words that AG-UI has no field for, shown by clients that know them.
SOURCES = "millrace.sources"
ACTIVITY = "MILLRACE_RUN"
# How long a child may take to go on with a run that was answered.
GOES_ON_SECONDS = 60.0
OPEN = ("running", "waiting")
STATE = f"""
SELECT path, status, (SELECT coalesce(sum({spend.COST}), 0)::float FROM usage
    WHERE usage.run_id = %(run)s) AS usd
FROM step WHERE run_id = %(run)s ORDER BY started_at, path
"""
LONGEST_ID = 200


def run(asked: PageRequest) -> Response:
    """Answer the last message of a thread, or the interrupts that it resumes, as a stream."""
    body = run_answer.read_json(asked.body)
    thread, run_name = _read_id(body, "threadId"), _read_id(body, "runId")
    flow = FLOWS.get(asked.path("agent"))
    if flow is None:
        raise errors.NotFound(f"there is no such agent; there are {', '.join(FLOWS)}")
    resumed = _read_resumed(body.get("resume"))
    session = f"agui-{ids.digest_of([asked.person.id, thread])[:20]}"
    messages.key(session)
    if resumed:
        run_id, after = _resume(asked, session, resumed)
    else:
        after = 0
        said = openai_api.read_messages(body.get("messages"), "messages")
        if said[-1]["role"] != "user":
            raise errors.BadInput("the last message has to be the user's")
        run_id = talk.start(asked, flow, said[-1]["text"].strip(), session)
    events = _Events(asked, (thread, run_name), run_id, after)
    return StreamingResponse(
        events.stream(), media_type="text/event-stream", headers=openai_api.HEADERS
    )


def _read_id(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > LONGEST_ID:
        raise errors.BadInput(f"{name} has to be a text of 1 to {LONGEST_ID} characters")
    return value


def _read_resumed(given: Any) -> list[dict[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise errors.BadInput("resume has to be a list of answers to interrupts")
    return given


def _resume(asked: PageRequest, session: str, resumed: list[dict[str, Any]]) -> tuple[str, int]:
    """Return the run that these interrupts are of, and its last event before they were answered.

    A program cannot tell that a person approves: what waits is answered in the browser, and the
    thread goes on with how it was answered there.
    """
    names = [str(one.get("interruptId") or "") for one in resumed]
    row = db.fetch_one(
        "SELECT r.id, count(*) AS n, count(*) FILTER (WHERE a.state = 'proposed') AS waiting,"
        " (SELECT coalesce(max(e.id), 0) FROM run_event e WHERE e.run_id = r.id AND e.at <="
        " min(p.decided_at)) AS after FROM action a JOIN run r ON r.id = a.run_id LEFT JOIN"
        " approval p ON p.action_id = a.id WHERE a.id::text = ANY(%s) AND r.session = %s AND"
        " r.user_id = %s GROUP BY r.id",
        [names, session, asked.person.id],
    )
    if row is None or row["n"] != len(set(names)):
        raise errors.NotFound("this thread has no such interrupt")
    if row["waiting"]:
        where = f"{run_answer.get_base_url(asked)}/waiting/{names[0]}"
        raise errors.NotAllowed(
            f"a program may not answer for a person; answer in the browser: {where}, then resume"
        )
    return str(row["id"]), row["after"]


class _Events:
    """One run, as events of AG-UI."""

    def __init__(self, asked: PageRequest, names: tuple[str, str], run_id: str, after: int) -> None:
        self._names = {"threadId": names[0], "runId": names[1]}
        self._run = run_answer.follow_request(asked, run_id)
        self._run.after, self._is_resumed = after, after > 0
        if self._is_resumed:
            self._run.goes_on_until = time.monotonic() + GOES_ON_SECONDS
        # What one stream begins has an id of its own, also where another one told its beginning.
        self._mark = f"{run_id}-{after}"
        self._steps: dict[str, str] = {}
        self._usd = 0.0
        self._lines = 0
        self._message = ""

    async def stream(self) -> AsyncIterator[str]:
        """Yield the events from the first to the last."""
        yield self._event("RUN_STARTED", **self._names)
        if self._is_resumed:
            await self._run.call(self._take_state)
        snapshot = {"steps": self._steps, "cost_usd": self._usd, "run_id": self._run.run_id}
        yield self._event("STATE_SNAPSHOT", snapshot=snapshot)
        async for look in self._run.follow():
            for event in await self._run.call(self._load_state):
                yield event
            for row in look.said:
                for event in self._say(row):
                    yield event
            if not look.said:
                yield ": beat\n\n"
        end = await self._run.end()
        for event in self._finish(end):
            yield event

    def _take_state(self) -> None:
        """Take note of the steps that ended before; the others begin again."""
        for row in db.fetch_all(STATE, {"run": self._run.run_id}):
            self._usd = row["usd"]
            if row["status"] not in OPEN:
                self._steps[row["path"]] = row["status"]

    def _load_state(self) -> list[str]:
        """Return the events of what changed since the last look: steps, and the money."""
        events: list[str] = []
        patch: list[dict[str, Any]] = []
        found = db.fetch_all(STATE, {"run": self._run.run_id})
        for row in found:
            name, status = row["path"], row["status"]
            before = self._steps.get(name)
            if before == status:
                continue
            if before not in OPEN:
                events.append(self._event("STEP_STARTED", stepName=name))
            if status not in OPEN:
                events.append(self._event("STEP_FINISHED", stepName=name))
            self._steps[name] = status
            place = name.replace("~", "~0").replace("/", "~1")
            patch.append({"op": "add", "path": f"/steps/{place}", "value": status})
        if found and found[0]["usd"] != self._usd:
            self._usd = found[0]["usd"]
            patch.append({"op": "replace", "path": "/cost_usd", "value": self._usd})
        if patch:
            events.append(self._event("STATE_DELTA", delta=patch))
        return events

    def _say(self, row: dict[str, Any]) -> Iterator[str]:
        words = row["message"]
        if row["event"] == "sentence":
            self._run.text += f"{words}\n\n"
            yield from self._write(f"{words}\n\n")
            return
        self._lines += 1
        about = {"messageId": f"act-{self._mark}", "activityType": ACTIVITY}
        if self._lines == 1:
            yield self._event("ACTIVITY_SNAPSHOT", **about, content={"lines": [words]})
        else:
            patch = [{"op": "add", "path": "/lines/-", "value": words}]
            yield self._event("ACTIVITY_DELTA", **about, patch=patch)

    def _write(self, words: str) -> Iterator[str]:
        if not self._message:
            self._message = f"msg-{self._mark}"
            yield self._event("TEXT_MESSAGE_START", messageId=self._message, role="assistant")
        yield self._event("TEXT_MESSAGE_CONTENT", messageId=self._message, delta=words)

    def _finish(self, end: run_answer.RunEnd) -> Iterator[str]:
        if end.rest and not end.error:
            yield from self._write(end.rest)
        if self._message:
            yield self._event("TEXT_MESSAGE_END", messageId=self._message)
        if end.sources:
            listed = [
                {"number": one.number, "title": one.title, "url": one.url} for one in end.sources
            ]
            yield self._event("CUSTOM", name=SOURCES, value=listed)
        for name, status in self._steps.items():
            if status in OPEN:
                yield self._event("STEP_FINISHED", stepName=name)
        if end.error:
            yield self._event("RUN_ERROR", message=end.error, code=end.status)
            return
        interrupts = [self._interrupt(one) for one in end.questions]
        outcome = (
            {"type": "interrupt", "interrupts": interrupts} if interrupts else {"type": "success"}
        )
        yield self._event("RUN_FINISHED", **self._names, outcome=outcome)

    def _interrupt(self, question: dict[str, Any]) -> dict[str, Any]:
        where = f"{self._run.base}/waiting/{question['id']}"
        return {
            "id": question["id"],
            "reason": "approval",
            "message": f"{question['sentence']} A person decides: {where}",
            "metadata": {"digest": question["digest"], "risk": question["risk"], "url": where},
        }

    def _event(self, kind: str, **fields: Any) -> str:
        return f"data: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n"
