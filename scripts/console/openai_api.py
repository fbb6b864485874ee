"""The console for programs that speak OpenAI's chat completions: models, streaming, usage, sources.

A request starts a run as a message on the page Talk does, of the person whose token it carries. The
answer is what the rows of the run say; a connection that closes stops nothing.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from f.millrace.agents import registry
from f.millrace.core import db, errors, ids
from f.millrace.memory import messages
from scripts.console import question_view, run_view, talk

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

# What can be asked, and what is started for it; agents that people made are added to them.
MODELS = {"millrace/ask": "chat", "millrace/task": "do_task"}
PREFIX = "millrace/"
CREATED = 1_795_900_000
# A client that gives its conversation no id begins one with its first message.
CONVERSATION_HEADERS = ("x-openwebui-chat-id", "x-conversation-id")
# Open WebUI asks the same model for titles, tags and further questions; none of it is research.
CHORE = re.compile(r"\s*### Task:")
CHORES = {"title": "", "tags": [], "follow_ups": [], "queries": []}
BEAT_SECONDS = 10.0
NUMBER = re.compile(r"\[(\d+)\]")
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
SAID = """
SELECT id, event, message FROM run_event WHERE run_id = %s AND id > %s AND event <> 'token'
    AND message <> '' ORDER BY id LIMIT 200
"""


def list_models(asked: PageRequest) -> Response:
    """Return what can be asked: by everybody, and the agents that this person may use."""
    return JSONResponse({"object": "list", "data": list(_load_models(asked).values())})


def show_model(asked: PageRequest) -> Response:
    """Return one of them."""
    return JSONResponse(_load_models(asked)[find_model(asked, asked.path("model"))])


def _load_models(asked: PageRequest) -> dict[str, dict[str, Any]]:
    made = [_model(name, CREATED, "millrace") for name in MODELS]
    for one in registry.list_agents(talk.person_of(asked)):
        made.append(_model(f"{PREFIX}{one.name}", int(one.made_at.timestamp()), one.made_by))
    return {one["id"]: one for one in made}


def _model(name: str, created: int, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": owner}


def find_model(asked: PageRequest, name: Any) -> str:
    """Return the name of a model that this person may ask; NotFound says which there are."""
    known = _load_models(asked)
    if name not in known:
        raise errors.NotFound(
            f"the model {str(name)[:80]!r} does not exist; there are {', '.join(known)}"
        )
    return name


def flow_of(model: str) -> str:
    """Return what is started for a model, as `talk.start` takes it."""
    return MODELS.get(model) or f"{talk.AGENT}{model.removeprefix(PREFIX)}"


def complete(asked: PageRequest) -> Response | Awaitable[Response]:
    """Answer the last message of a conversation, streamed or as a whole."""
    body = _read(asked)
    model, said = find_model(asked, body.get("model")), _messages(body)
    last = said[-1]
    if last["role"] != "user":
        raise errors.BadInput("the last message has to be the user's")
    if CHORE.match(last["text"]):
        return _whole(model, _do_chore(last["text"], said), [], {})
    session = _session(asked, said)
    run_id = talk.start(asked, flow_of(model), last["text"].strip(), session)
    answer = _Answer(asked, model, run_id)
    if body.get("stream"):
        wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(
            answer.stream(wants_usage), media_type="text/event-stream", headers=HEADERS
        )
    return answer.collect()


def _read(asked: PageRequest) -> dict[str, Any]:
    try:
        body = json.loads(asked.body)
    except ValueError as error:
        raise errors.BadInput(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise errors.BadInput("the body has to be an object")
    return body


def _messages(body: dict[str, Any]) -> list[dict[str, str]]:
    given = body.get("messages")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise errors.BadInput("messages has to be a list of at least one message")
    return [{"role": str(one.get("role")), "text": _text(one.get("content"))} for one in given]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(
            str(part.get("text") or "")
            for part in content
            if isinstance(part, dict) and part.get("type") in ("text", "input_text")
        )
    return content if isinstance(content, str) else ""


def _session(asked: PageRequest, said: list[dict[str, str]]) -> str:
    """Return the conversation that a request goes on with."""
    headers = asked.request.headers
    given = next((headers[name] for name in CONVERSATION_HEADERS if headers.get(name)), "")
    first = next(one["text"] for one in said if one["role"] == "user")
    session = f"api-{ids.digest_of([asked.person.id, given or first])[:20]}"
    messages.key(session)
    return session


def _do_chore(text: str, said: list[dict[str, str]]) -> str:
    wanted = next((name for name in CHORES if f'"{name}"' in text), "title")
    first = next((one["text"] for one in said if not CHORE.match(one["text"])), "")
    value = " ".join(first.split()[:6]) or "Conversation" if wanted == "title" else CHORES[wanted]
    return json.dumps({wanted: value}, ensure_ascii=False)


class _Answer:
    """One run, as chunks of a completion."""

    def __init__(self, asked: PageRequest, model: str, run_id: str) -> None:
        self.asked, self.console, self.run_id = asked, asked.console, run_id
        self.shows_status = "x-openwebui-chat-id" in asked.request.headers
        self.head = {"id": f"chatcmpl-{run_id}", "created": int(time.time()), "model": model}
        self.after = 0
        self.text = ""

    async def collect(self) -> Response:
        """Return the whole answer when the run has ended."""
        async for _ in self._follow():
            pass
        end = await self._run(self._load_end)
        if end["error"]:
            return JSONResponse({"error": _error(end["error"])}, 502)
        text = self.text + end["rest"]
        return _whole(self.head["model"], text, end["sources"], end["usage"], self.head)

    async def stream(self, wants_usage: bool) -> AsyncIterator[str]:
        """Yield the answer as it is written: first who speaks, at last what it stands on."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for kind, words in self._follow():
            yield self._told(words) if kind == "status" else self._chunk({"content": words})
        end = await self._run(self._load_end)
        if end["error"]:
            yield f"data: {json.dumps({'error': _error(end['error'])})}\n\n"
        else:
            if end["rest"]:
                yield self._chunk({"content": end["rest"]})
            if end["sources"]:
                annotations = _annotations(self.text, end["sources"])
                yield self._chunk({"annotations": annotations})
            yield self._chunk({}, "stop")
            if wants_usage:
                yield self._event({"choices": [], "usage": end["usage"]})
        yield "data: [DONE]\n\n"

    async def _follow(self) -> AsyncIterator[tuple[str, str]]:
        """Yield what the run says until it ends or waits: what it does, and checked sentences."""
        with self.console.changes.subscribe(self.run_id) as subscription:
            while not self.console.changes.is_closed:
                said, is_over = await self._run(self._load)
                for row in said:
                    self.after = row["id"]
                    if row["event"] == "sentence":
                        self.text += row["message"] + "\n\n"
                        yield "text", row["message"] + "\n\n"
                    else:
                        yield "status", row["message"]
                if is_over:
                    return
                if not await subscription.wait(BEAT_SECONDS):
                    yield "status", ""

    async def _run(self, function: Any) -> Any:
        return await self.console.threads.run(self.asked.as_person, function)

    def _load(self) -> tuple[list[Any], bool]:
        # What is said is read after the state: what came before the end is not missed.
        run = self._find()
        said = db.fetch_all(SAID, [self.run_id, self.after])
        if run is None:
            return said, self.run_id in self.console.children.problems
        return said, run["status"] != "running"

    def _find(self) -> rows.Run | None:
        row: rows.Run | None = db.fetch_one("SELECT * FROM run WHERE id = %s", [self.run_id])
        return row

    def _load_end(self) -> dict[str, Any]:
        """Return what comes after the sentences: an answer that had none, what waits, sources."""
        run = self._find()
        if run is None:
            problem = self.console.children.problems.get(self.run_id, "")
            return {"error": problem or "the run did not start"}
        kept = (run["pipeline"] or {}).get("answer") or {}
        rest = "" if self.text else str(kept.get("text") or "")
        rest += "".join(self._asks(row) for row in question_view.of_run(self.run_id))
        sources = [source for one in run_view.load_answers(run) for source in one.sources]
        if sources and not self.shows_status:
            rest += "Sources:\n\n" + "".join(f"{_listed(source)}\n" for source in sources)
        failed = run["status"] in ("failed", "killed", "stopped", "cancelled")
        return {
            "error": (run["error"] or f"the run is {run['status']}") if failed else "",
            "rest": rest,
            "sources": sources,
            "usage": _usage(self.run_id),
        }

    def _asks(self, question: dict[str, Any]) -> str:
        if question["state"] != "proposed":
            return ""
        url = self.asked.request.url
        page = f"{url.scheme}://{url.netloc}/waiting/{question['id']}"
        return f"\n\n{question['sentence']} A person decides: {page}\n"

    def _told(self, words: str) -> str:
        status = {"type": "status", "data": {"description": words, "done": False}}
        delta = {"reasoning_content": f"{words}\n" if words else ""}
        if self.shows_status and words:
            return self._chunk(delta, event=status)
        return self._chunk(delta)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self._event({"choices": [choice], **more})

    def _event(self, more: dict[str, Any]) -> str:
        chunk = {**self.head, "object": "chat.completion.chunk", **more}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def _whole(
    model: str,
    text: str,
    sources: list[run_view.Source],
    usage: dict[str, int],
    head: dict[str, Any] | None = None,
) -> Response:
    message = {
        "role": "assistant",
        "content": text.strip(),
        "refusal": None,
        "annotations": _annotations(text, sources),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return JSONResponse(
        {
            **(head or {"id": "chatcmpl-chore", "created": int(time.time()), "model": model}),
            "object": "chat.completion",
            "choices": [choice],
            "usage": usage or {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
    )


def _annotations(text: str, sources: list[run_view.Source]) -> list[dict[str, Any]]:
    """Return for each number in a text which source it stands for."""
    known = {source.number: source for source in sources}
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": known[int(found[1])].url,
                "title": known[int(found[1])].title,
                "start_index": found.start(),
                "end_index": found.end(),
            },
        }
        for found in NUMBER.finditer(text)
        if int(found[1]) in known
    ]


def _listed(source: run_view.Source) -> str:
    title = " ".join((source.title or source.url).split())
    return f"{source.number}. {title}: {source.url}"


def _usage(run_id: str) -> dict[str, int]:
    used = db.fetch_one(
        "SELECT coalesce(sum((tokens ->> 'input')::bigint), 0)::bigint AS input,"
        " coalesce(sum((tokens ->> 'output')::bigint), 0)::bigint AS output FROM usage WHERE run_id"
        " = %s",
        [run_id],
    )
    asked, told = (used["input"], used["output"]) if used else (0, 0)
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}


def _error(words: str) -> dict[str, Any]:
    return {"message": words, "type": "server_error", "param": None, "code": None}
