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
from f.millrace.core import errors, ids
from f.millrace.memory import messages
from scripts.console import run_answer, talk

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console import run_view
    from scripts.console.routes import PageRequest

# What can be asked, and what is started for it; agents that people made are added to them.
MODELS = {"millrace/ask": "chat", "millrace/task": "do_task"}
DEFAULT = "millrace/ask"
PREFIX = "millrace/"
CREATED = 1_795_900_000
# A client that gives its conversation no id begins one with its first message.
CONVERSATION_HEADERS = ("x-openwebui-chat-id", "x-conversation-id")
# Open WebUI asks the same model for titles, tags and further questions; none of it is research.
# It says which field it reads, so that a question that only begins so is still one.
CHORE = re.compile(
    r"\s*### Task:.*?JSON[^{]{0,80}\{\s*\"(title|tags|follow_ups|queries|text)\"", re.DOTALL
)
CHORES = {"tags": [], "follow_ups": [], "queries": [], "text": ""}
ASKED_FIRST = re.compile(r"<chat_history>\s*USER: ([^\n]+)")
NUMBER = re.compile(r"\[(\d+)\]")
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class UnknownModel(errors.NotFound):
    """A request names a model that is none of ours."""

    code = "model_not_found"


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
    """Return the name of a model that this person may ask; UnknownModel says which there are."""
    known = _load_models(asked)
    if not isinstance(name, str) or name not in known:
        raise UnknownModel(
            f"the model {str(name)[:80]!r} does not exist; there are {', '.join(known)}"
        )
    return name


def flow_of(model: str) -> str:
    """Return what is started for a model, as `talk.start` takes it."""
    return MODELS.get(model) or f"{talk.AGENT}{model.removeprefix(PREFIX)}"


def model_of(run: rows.Run) -> str:
    """Return the name of the model that a run answers as."""
    if run["flow"] == registry.FLOW:
        return f"{PREFIX}{run['args'].get('agent', '')}"
    return next((name for name, flow in MODELS.items() if flow == run["flow"]), DEFAULT)


def complete(asked: PageRequest) -> Response | Awaitable[Response]:
    """Answer the last message of a conversation, streamed or as a whole."""
    body = run_answer.read_json(asked.body)
    model = find_model(asked, body.get("model"))
    said = read_messages(body.get("messages"), "messages")
    last = said[-1]
    if last["role"] != "user":
        raise errors.BadInput("the last message has to be the user's")
    if is_chore(last["text"]):
        return _whole(model, do_chore(last["text"], said), [], (0, 0))
    session = find_session(asked, said)
    run_id = talk.start(asked, flow_of(model), last["text"].strip(), session)
    answer = _Completion(asked, model, run_id)
    if body.get("stream"):
        wants_usage = _wants_usage(body.get("stream_options"))
        return StreamingResponse(
            answer.stream(wants_usage), media_type="text/event-stream", headers=HEADERS
        )
    return answer.collect()


def _wants_usage(options: Any) -> bool:
    return isinstance(options, dict) and bool(options.get("include_usage"))


def read_messages(given: Any, name: str) -> list[dict[str, str]]:
    """Return who says what; BadInput when the list of this name is none, or is empty."""
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise errors.BadInput(f"{name} has to be a list of at least one message")
    return [{"role": str(one.get("role")), "text": read_text(one.get("content"))} for one in given]


def read_text(content: Any) -> str:
    """Return the text of a message whose content is one, or is in parts."""
    if isinstance(content, list):
        return "\n".join(
            str(part.get("text") or "")
            for part in content
            if isinstance(part, dict) and part.get("type") in ("text", "input_text")
        )
    return content if isinstance(content, str) else ""


def find_session(asked: PageRequest, said: list[dict[str, str]], named: str = "") -> str:
    """Return the conversation that a request goes on with: the one it names, or the one that began
    with its first message.
    """
    headers = asked.request.headers
    given = named or next((headers[name] for name in CONVERSATION_HEADERS if headers.get(name)), "")
    first = next(one["text"] for one in said if one["role"] == "user")
    session = f"api-{ids.digest_of([asked.person.id, given or first])[:20]}"
    messages.key(session)
    return session


def is_chore(text: str) -> bool:
    """Tell whether a client asks for what it needs for itself: a title, tags, next questions."""
    return CHORE.match(text) is not None


def do_chore(text: str, said: list[dict[str, str]]) -> str:
    """Return the answer to a chore of a client: what it asks for, made of what was said."""
    found = CHORE.match(text)
    wanted = found[1] if found else "title"
    if wanted in CHORES:
        return json.dumps({wanted: CHORES[wanted]})
    quoted = ASKED_FIRST.search(text)
    first = quoted[1] if quoted else next((one["text"] for one in said[:-1]), "")
    title = " ".join(first.split()[:6]) or "Conversation"
    return json.dumps({"title": title}, ensure_ascii=False)


class _Completion:
    """One run, as chunks of a completion."""

    def __init__(self, asked: PageRequest, model: str, run_id: str) -> None:
        self.run = run_answer.follow_request(asked, run_id)
        self.shows_status = "x-openwebui-chat-id" in asked.request.headers
        self.head = {"id": f"chatcmpl-{run_id}", "created": int(time.time()), "model": model}

    async def collect(self) -> Response:
        """Return the whole answer when the run has ended."""
        async for _ in self.run.stream_words():
            pass
        end = await self.run.end()
        if end.error:
            return JSONResponse({"error": _error(end.error)}, 502)
        text = self.run.text + self._rest(end)
        return _whole(self.head["model"], text, end.sources, end.tokens, self.head)

    async def stream(self, wants_usage: bool) -> AsyncIterator[str]:
        """Yield the answer as it is written: first who speaks, at last what it stands on."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for kind, words in self.run.stream_words():
            yield self._told(words) if kind == "status" else self._chunk({"content": words})
        end = await self.run.end()
        if end.error:
            yield f"data: {json.dumps({'error': _error(end.error)})}\n\n"
        else:
            rest = self._rest(end)
            if rest:
                yield self._chunk({"content": rest})
            if end.sources:
                cited = annotate(self.run.text + rest, end.sources)
                yield self._chunk({"annotations": [_nested(one) for one in cited]})
            yield self._chunk({}, "stop")
            if wants_usage:
                yield self._event({"choices": [], "usage": _usage(end.tokens)})
        yield "data: [DONE]\n\n"

    def _rest(self, end: run_answer.RunEnd) -> str:
        """Return what comes after the sentences: an answer that had none, what waits, sources."""
        rest = end.rest + run_answer.write_questions(self.run.base, end.questions)
        if not end.sources or self.shows_status:
            return rest
        listed = "".join(f"{_listed(source)}\n" for source in end.sources)
        return f"{rest.rstrip()}\n\nSources:\n\n{listed}" if rest else f"Sources:\n\n{listed}"

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
    tokens: tuple[int, int],
    head: dict[str, Any] | None = None,
) -> Response:
    message = {
        "role": "assistant",
        "content": text.strip(),
        "refusal": None,
        "annotations": [_nested(one) for one in annotate(text.strip(), sources)],
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return JSONResponse(
        {
            **(head or {"id": "chatcmpl-chore", "created": int(time.time()), "model": model}),
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(tokens),
        }
    )


def annotate(text: str, sources: list[run_view.Source]) -> list[dict[str, Any]]:
    """Return for each number in a text which source it stands for, as OpenAI's APIs say it."""
    known = {source.number: source for source in sources}
    return [
        {
            "type": "url_citation",
            "url": known[int(found[1])].url,
            "title": known[int(found[1])].title,
            "start_index": found.start(),
            "end_index": found.end(),
        }
        for found in NUMBER.finditer(text)
        if int(found[1]) in known
    ]


def _nested(annotation: dict[str, Any]) -> dict[str, Any]:
    """Return an annotation as chat completions nest it."""
    kind = annotation["type"]
    return {"type": kind, kind: {k: value for k, value in annotation.items() if k != "type"}}


def _listed(source: run_view.Source) -> str:
    title = " ".join((source.title or source.url).split())
    return f"{source.number}. {title}: {source.url}"


def _usage(tokens: tuple[int, int]) -> dict[str, int]:
    asked, told = tokens
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}


def _error(words: str) -> dict[str, Any]:
    return {"message": words, "type": "server_error", "param": None, "code": None}
