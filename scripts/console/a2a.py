"""The console for agents of others that speak A2A 1.0 (https://a2a-protocol.org): a task is a run.

JSON-RPC over HTTP, one address and one card for each thing that can be asked. A context is a
conversation of the person whose token it is; a task that waits for a person needs input, and its
status says on which page. Nothing is kept but the rows of runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from f.millrace.agents import registry
from f.millrace.core import config, db, errors, redaction, run_context
from scripts.console import (
    a2a_push,
    openai_api,
    question_view,
    run_answer,
    run_view,
    sign_ins,
    talk,
)
from scripts.console.threads import Threads
from scripts.runner import stop

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

VERSION = "1.0"
PREFIX = "a2a-"
CONTEXT = re.compile(r"[\w.-]{1,76}")
LONGEST_ID = 200
A_PAGE = 50
ANSWER = "answer"
OVER = ("done", "partly_failed", "failed", "killed", "stopped", "cancelled", "timed_out")
STATES = {
    "running": "WORKING",
    "waiting": "INPUT_REQUIRED",
    "done": "COMPLETED",
    "partly_failed": "COMPLETED",
    "stopped": "CANCELED",
    "cancelled": "CANCELED",
}
# JSON-RPC's codes, and those of A2A.
NO_JSON, NO_REQUEST, NO_METHOD, NO_PARAMS, BROKEN = -32700, -32600, -32601, -32602, -32603
NO_TASK, NOT_CANCELABLE, UNSUPPORTED, NO_VERSION = -32001, -32002, -32004, -32009


class Agent(NamedTuple):
    """One thing that can be asked: its flow, and how its card describes it; `made` is the name of
    one that a person made.
    """

    flow: str
    name: str
    description: str
    tags: tuple[str, ...]
    example: str
    made: str = ""

    @property
    def talk_name(self) -> str:
        """Return by what name a conversation asks it."""
        return f"{talk.AGENT}{self.made}" if self.made else self.flow


AGENTS = {
    "ask": Agent(
        "chat",
        "Ask",
        "Answers a question from memory or by research; each sentence names its sources.",
        ("research", "citations"),
        "What is new in sodium batteries?",
    ),
    "task": Agent(
        "do_task",
        "Do a task",
        "Works on a task with tools; what changes something waits for a person.",
        ("tools", "approval"),
        "Find the opening hours of the library and put them into a note.",
    ),
}


class Refused(errors.MillraceError):
    """A request that A2A has a code for."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


async def show_card(request: Request, threads: Threads) -> Response:
    """Return the card of an agent: of ours to anybody, since it says how to sign in; of one that a
    person made to who may use it.
    """
    name = request.path_params.get("agent", "ask")
    person: sign_ins.Person | None = request.scope.get("person")
    if name not in AGENTS and person is None:
        return JSONResponse({"error": "sign in first: cards of people's agents are theirs"}, 401)
    try:
        agent = await threads.run(_find_agent, name, person)
    except errors.MillraceError as error:
        return JSONResponse({"error": str(error)}, 404)
    url = f"{request.url.scheme}://{request.url.netloc}/a2a/{name}"
    skill = {
        "id": name,
        "name": agent.name,
        "description": agent.description,
        "tags": list(agent.tags),
        "examples": [agent.example],
    }
    scheme = {"httpAuthSecurityScheme": {"scheme": "Bearer", "description": "tokens add ID NAME"}}
    return JSONResponse(
        {
            "name": f"Millrace: {agent.name}",
            "description": agent.description,
            "version": "1",
            "supportedInterfaces": [
                {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": VERSION}
            ],
            "capabilities": {"streaming": True, "pushNotifications": True},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [skill],
            "securitySchemes": {"token": scheme},
            "securityRequirements": [{"schemes": {"token": {"list": []}}}],
        }
    )


def _find_agent(name: str, person: sign_ins.Person | None) -> Agent:
    """Return an agent of ours, or one that a person made and this person may use; NotFound for any
    other.
    """
    if name in AGENTS or person is None:
        return AGENTS[name]
    found = registry.find_ready(name, registry.Person(person.id, person.role))
    return Agent(
        registry.FLOW,
        found.name,
        found.definition.description or f"The agent {found.name} of {found.made_by}.",
        ("agent", *found.definition.tools),
        "What can you do?",
        found.name,
    )


def call(asked: PageRequest) -> Response | Awaitable[Response]:
    """Answer one request of JSON-RPC."""
    name = None
    try:
        agent = _find_agent(asked.path("agent"), asked.person)
        body = _read(asked.body)
        name = body.get("id")
        _check_version(asked.request.headers.get("a2a-version", ""))
        method = METHODS.get(body["method"])
        if method is None:
            raise Refused(NO_METHOD, f"there is no method {str(body['method'])[:80]!r}")
        params = body.get("params") or {}
        if not isinstance(params, dict):
            raise Refused(NO_PARAMS, "params has to be an object")
        return method(_Call(asked, agent, name, params))
    except errors.MillraceError as error:
        return _refuse(name, error)


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = run_answer.read_json(body)
    except errors.BadInput as error:
        raise Refused(NO_JSON, str(error)) from error
    name = found.get("id")
    is_named = name is None or (isinstance(name, str | int) and len(str(name)) <= LONGEST_ID)
    if found.get("jsonrpc") != "2.0" or not isinstance(found.get("method"), str) or not is_named:
        raise Refused(NO_REQUEST, "this is no request of JSON-RPC 2.0")
    return found


def _check_version(given: str) -> None:
    if given and given.partition(".")[0] != "1":
        raise Refused(NO_VERSION, f"A2A {given[:20]!r} is not spoken here; {VERSION} is")


def _refuse(name: Any, error: errors.MillraceError) -> Response:
    if isinstance(error, Refused):
        code = error.code
    elif isinstance(error, errors.NotFound):
        code = NO_TASK
    else:
        code = NO_PARAMS if isinstance(error, errors.BadInput) else BROKEN
        code = UNSUPPORTED if isinstance(error, errors.NotAllowed) else code
    told = {"code": code, "message": redaction.redact(str(error))}
    return JSONResponse({"jsonrpc": "2.0", "id": name, "error": told})


class _Call(NamedTuple):
    """One request: who asks, of which agent, under which id, with what."""

    asked: PageRequest
    agent: Agent
    name: Any
    params: dict[str, Any]

    def answer(self, result: dict[str, Any]) -> Response:
        """Return the answer to this request."""
        return JSONResponse({"jsonrpc": "2.0", "id": self.name, "result": result})


def _send(call: _Call) -> Awaitable[Response] | Response:
    run_id, after = _start(call)
    settings = call.params.get("configuration")
    if isinstance(settings, dict) and settings.get("returnImmediately"):
        return call.answer({"task": _task(call.asked, run_id)})
    return _wait(call, run_answer.follow_request(call.asked, run_id), after)


async def _wait(call: _Call, run: run_answer.RunAnswer, after: int) -> Response:
    run.after = after
    async for _ in run.follow():
        pass
    return call.answer({"task": await run.call(_task, call.asked, run.run_id)})


def _stream(call: _Call) -> Response:
    run_id, after = _start(call)
    return _respond(call, run_id, after)


def _subscribe(call: _Call) -> Response:
    row = _find(call)
    if row is not None and row["status"] in OVER:
        raise Refused(UNSUPPORTED, "the task is over; GetTask returns it")
    return _respond(call, _task_id(call), 0)


def _respond(call: _Call, run_id: str, after: int) -> Response:
    stream = _Stream(call, run_id, after)
    return StreamingResponse(
        stream.events(), media_type="text/event-stream", headers=openai_api.HEADERS
    )


def _get(call: _Call) -> Response:
    _find(call)
    return call.answer(_task(call.asked, _task_id(call)))


def _cancel(call: _Call) -> Response:
    row = _find(call)
    if row is None or row["status"] in OVER:
        raise Refused(NOT_CANCELABLE, "the task has not begun yet" if row is None else "it is over")
    stop.stop(str(row["id"]), call.asked.person.id)
    return call.answer(_task(call.asked, str(row["id"])))


def _list(call: _Call) -> Response:
    context = str(call.params.get("contextId") or "")
    given = call.params.get("pageToken") or "0"
    size = call.params.get("pageSize") or A_PAGE
    if not (str(given).isdigit() and len(str(given)) < 9 and isinstance(size, int)):
        raise Refused(NO_PARAMS, "pageToken or pageSize is none of this agent")
    size, start = max(1, min(size, A_PAGE)), int(given)
    found = db.fetch_all(
        "SELECT id, count(*) OVER () AS total FROM run WHERE user_id = %s AND namespace = %s AND"
        " flow = %s AND (%s = '' OR args ->> 'agent' = %s) AND starts_with(session, %s) AND"
        " (%s = '' OR session = %s) ORDER BY started_at DESC, id LIMIT %s OFFSET %s",
        [
            call.asked.person.id,
            call.asked.console.namespace,
            call.agent.flow,
            call.agent.made,
            call.agent.made,
            PREFIX,
            context,
            PREFIX + context,
            size,
            start,
        ],
    )
    total = found[0]["total"] if found else 0
    following = start + len(found)
    return call.answer(
        {
            "tasks": [_task(call.asked, str(row["id"])) for row in found],
            "pageSize": size,
            "totalSize": total,
            "nextPageToken": str(following) if following < total else "",
        }
    )


def _find_push_task(call: _Call) -> str:
    """Return the task that a configuration is about, which has to be one's own."""
    task_id = str(call.params.get("taskId") or "")
    _find(call, task_id)
    return task_id


def _add_push(call: _Call) -> Response:
    task_id, push = _find_push_task(call), a2a_push.read(call.params)
    return call.answer(a2a_push.add(task_id, call.asked.person.id, push))


def _get_push(call: _Call) -> Response:
    return call.answer(a2a_push.get(_find_push_task(call), str(call.params.get("id") or "")))


def _list_push(call: _Call) -> Response:
    return call.answer({"configs": a2a_push.list_all(_find_push_task(call)), "nextPageToken": ""})


def _drop_push(call: _Call) -> Response:
    name = str(call.params.get("id") or "")
    a2a_push.drop(_find_push_task(call), name, call.asked.person.id)
    return call.answer({})


def describe_change(run: rows.Run) -> dict[str, Any]:
    """Return what a task is told about by push: how it stands, and where what it waits for is
    answered; its text is asked for with GetTask.
    """
    base, words = config.settings().console_url.strip().rstrip("/"), ""
    if run["status"] == "waiting":
        asked = [one for one in question_view.of_run(str(run["id"])) if one["state"] == "proposed"]
        words = run_answer.write_questions(base, asked).strip()
    status = _status(f"TASK_STATE_{STATES.get(run['status'], 'FAILED')}", words)
    context = run["session"].removeprefix(PREFIX)
    return {"statusUpdate": {"taskId": str(run["id"]), "contextId": context, "status": status}}


METHODS: dict[str, Callable[[_Call], Response | Awaitable[Response]]] = {
    "SendMessage": _send,
    "SendStreamingMessage": _stream,
    "GetTask": _get,
    "ListTasks": _list,
    "CancelTask": _cancel,
    "SubscribeToTask": _subscribe,
    "CreateTaskPushNotificationConfig": _add_push,
    "GetTaskPushNotificationConfig": _get_push,
    "ListTaskPushNotificationConfigs": _list_push,
    "DeleteTaskPushNotificationConfig": _drop_push,
}


def _start(call: _Call) -> tuple[str, int]:
    """Start what a message asks for, or go on with the task that it names; return the run, and its
    last event before that.
    """
    message = call.params.get("message")
    if not isinstance(message, dict):
        raise Refused(NO_PARAMS, "message has to be an object")
    if message.get("role") not in ("ROLE_USER", None):
        raise Refused(NO_PARAMS, "the message has to be the user's")
    if message.get("taskId"):
        return _go_on(call, str(message["taskId"]))
    text = openai_api.read_text(_parts(message.get("parts"))).strip()
    context = message.get("contextId") or uuid4().hex[:20]
    if not isinstance(context, str) or not CONTEXT.fullmatch(context):
        raise Refused(NO_PARAMS, "contextId has 1 to 76 letters, digits, . _ -")
    settings = call.params.get("configuration")
    wanted = settings.get("taskPushNotificationConfig") if isinstance(settings, dict) else None
    push = None if wanted is None else a2a_push.read(wanted)
    run_id = talk.start(call.asked, call.agent.talk_name, text, PREFIX + context)
    if push is not None:
        a2a_push.add(run_id, call.asked.person.id, push)
    return run_id, 0


def _parts(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Refused(NO_PARAMS, "parts has to be a list")
    if any("text" not in one for one in given):
        raise Refused(-32005, "only text is taken; ingest a file first: scripts/millrace ingest")
    return [{"type": "text", "text": str(one["text"])} for one in given]


def _go_on(call: _Call, task_id: str) -> tuple[str, int]:
    """Return a task that a message is about. What it waits for is answered in the browser: the
    answer to the message says so again, until somebody has.
    """
    row = _find(call, task_id)
    if row is not None and row["status"] in OVER:
        raise Refused(UNSUPPORTED, "the task is over; begin another one in its context")
    last = db.fetch_one("SELECT max(id) AS id FROM run_event WHERE run_id::text = %s", [task_id])
    return task_id, (last["id"] if last else 0) or 0


def _task_id(call: _Call) -> str:
    return str(call.params.get("id") or "")


def _find(call: _Call, task_id: str = "") -> rows.Run | None:
    """Return the run of a task of one's own, None before its child has begun; NotFound for any
    other.
    """
    task_id, asked = task_id or _task_id(call), call.asked
    if asked.console.children.find_started(task_id, asked.person.id) is not None:
        row = run_answer.find(task_id)
        if row is None:
            return None
    row = run_answer.find(task_id) if run_view.ID.fullmatch(task_id) else None
    if (
        row is None
        or row["user_id"] != asked.person.id
        or row["flow"] != call.agent.flow
        or (call.agent.made and row["args"].get("agent") != call.agent.made)
        or not row["session"].startswith(PREFIX)
    ):
        raise errors.NotFound(f"there is no task {task_id[:80]!r} of yours")
    return row


def _task(asked: PageRequest, run_id: str) -> dict[str, Any]:
    """Return a task as it stands now."""
    row = run_answer.find(run_id)
    end = run_answer.load_end(asked.console, run_id)
    is_starting = row is None and run_id not in asked.console.children.problems
    said = asked.console.children.find_started(run_id, asked.person.id) or ""
    session = row["session"] if row else asked.console.children.find_session(run_id)
    if row is not None:
        args = row["args"]
        said = said or str(args.get("user_message") or args.get("task") or "")
    found = {
        "id": run_id,
        "contextId": session.removeprefix(PREFIX),
        "status": _status("TASK_STATE_SUBMITTED") if is_starting else _end_status(asked, end),
        "history": [
            {
                "messageId": f"asked-{run_id}",
                "role": "ROLE_USER",
                "parts": [{"text": said}],
            }
        ],
    }
    if end.rest and end.status in ("done", "partly_failed"):
        found["artifacts"] = [_artifact(end.rest.strip(), end)]
    return found


def _artifact(text: str, end: run_answer.RunEnd | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"artifactId": ANSWER, "name": ANSWER, "parts": [{"text": text}]}
    if end is not None and end.sources:
        listed = [{"number": one.number, "title": one.title, "url": one.url} for one in end.sources]
        made["metadata"] = {"sources": listed}
    return made


def _status(state: str, words: str = "") -> dict[str, Any]:
    """Return a status; its time ends with Z, which clients insist on."""
    now = run_context.now() or datetime.now(UTC)
    moment = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found: dict[str, Any] = {"state": state, "timestamp": moment}
    if words:
        message = {"messageId": uuid4().hex, "role": "ROLE_AGENT", "parts": [{"text": words}]}
        found["message"] = message
    return found


def _end_status(asked: PageRequest, end: run_answer.RunEnd) -> dict[str, Any]:
    state = f"TASK_STATE_{STATES.get(end.status, 'FAILED')}"
    words = end.error
    if end.status == "waiting":
        words = run_answer.write_questions(run_answer.get_base_url(asked), end.questions).strip()
    return _status(state, words)


class _Stream:
    """One run, as the events of a stream."""

    def __init__(self, call: _Call, run_id: str, after: int) -> None:
        self._call, self._is_begun = call, False
        self._run = run_answer.follow_request(call.asked, run_id)
        self._run.after = after
        self._context = ""

    async def events(self) -> AsyncIterator[str]:
        """Yield the task, then what it does and answers, at last how it ended."""
        task = await self._run.call(_task, self._call.asked, self._run.run_id)
        self._context = task["contextId"]
        # What it answered comes piece by piece.
        task.pop("artifacts", None)
        yield self._event({"task": task})
        async for kind, words in self._run.stream_words():
            if not words:
                yield ": beat\n\n"
            elif kind == "text":
                yield self._write(words)
            else:
                yield self._change(_status("TASK_STATE_WORKING", words))
        end = await self._run.end()
        if end.rest and not end.error:
            yield self._write(end.rest)
        if self._is_begun and end.sources:
            yield self._event({"artifactUpdate": self._named(
                {"artifact": _artifact("", end), "append": True, "lastChunk": True}
            )})  # fmt: skip
        if end.status == "running":
            told = {"code": BROKEN, "message": end.error}
            yield self._line({"error": told})
            return
        yield self._change(_end_status(self._call.asked, end))

    def _write(self, words: str) -> str:
        update = {"artifact": _artifact(words), "append": self._is_begun, "lastChunk": False}
        self._is_begun = True
        return self._event({"artifactUpdate": self._named(update)})

    def _change(self, status: dict[str, Any]) -> str:
        return self._event({"statusUpdate": self._named({"status": status})})

    def _named(self, update: dict[str, Any]) -> dict[str, Any]:
        return {"taskId": self._run.run_id, "contextId": self._context, **update}

    def _event(self, result: dict[str, Any]) -> str:
        return self._line({"result": result})

    def _line(self, more: dict[str, Any]) -> str:
        line = {"jsonrpc": "2.0", "id": self._call.name, **more}
        return f"data: {json.dumps(line, ensure_ascii=False)}\n\n"
