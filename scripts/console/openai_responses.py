"""The console for programs that speak OpenAI's responses: as chat completions, and an answer can be
fetched again, also when it was being streamed and the console ended.

What a run does is a summary of reasoning, its answer a message whose annotations are its sources.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from f.millrace.agents import registry
from f.millrace.core import errors, run_context
from scripts.console import openai_api, run_answer, run_view, talk
from scripts.runner import stop

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

ID = "resp_"
STATUS = {"running": "in_progress", "failed": "failed", "killed": "failed"}
CANCELLED = ("stopped", "cancelled")


def create(asked: PageRequest) -> Response | Awaitable[Response]:
    """Answer an input: streamed, as a whole, or in the background, to be fetched."""
    body = run_answer.read_json(asked.body)
    model = openai_api.find_model(asked, body.get("model"))
    given = body.get("input")
    said = openai_api.read_messages(
        [{"role": "user", "content": given}] if isinstance(given, str) else given, "input"
    )
    last = said[-1]
    if last["role"] != "user":
        raise errors.BadInput("the last item of the input has to be a message of the user")
    head = {
        "previous_response_id": body.get("previous_response_id"),
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
    }
    if openai_api.is_chore(last["text"]):
        text = openai_api.do_chore(last["text"], said)
        return JSONResponse(_response("resp_chore", model, "completed", [_message("msg", text)]))
    session = _find_session(asked, body, said)
    run_id = talk.start(asked, openai_api.flow_of(model), last["text"].strip(), session)
    answer = _Response(asked, model, run_id, head)
    if body.get("stream"):
        return StreamingResponse(
            answer.stream(), media_type="text/event-stream", headers=openai_api.HEADERS
        )
    if body.get("background"):
        return JSONResponse(_response(ID + run_id, model, "in_progress", [], **head))
    return answer.collect()


def show(asked: PageRequest) -> Response:
    """Return a response as it stands now."""
    return JSONResponse(_load(asked, _find_run_id(asked, asked.path("response"))))


def cancel(asked: PageRequest) -> Response:
    """Stop the run of a response."""
    run_id = _find_run_id(asked, asked.path("response"))
    if run_answer.find(run_id) is not None:
        stop.stop(run_id, asked.person.id)
    return JSONResponse(_load(asked, run_id))


def _load(asked: PageRequest, run_id: str) -> dict[str, Any]:
    run = run_answer.find(run_id)
    if run is None and run_id not in asked.console.children.problems:
        return _response(ID + run_id, openai_api.DEFAULT, "in_progress", [])
    end = run_answer.load_end(asked.console, run_id)
    lines = [row["message"] for row in run_view.load_lines(run_id)]
    output = [_reasoning(f"rs_{run_id}", "\n".join(lines), "completed")] if lines else []
    text = end.rest + run_answer.write_questions(run_answer.get_base_url(asked), end.questions)
    if text:
        message = _message(f"msg_{run_id}", text)
        message["content"][0]["annotations"] = openai_api.annotate(text, end.sources)
        output.append(message)
    model = openai_api.model_of(run) if run else openai_api.DEFAULT
    made = int(run["started_at"].timestamp()) if run else None
    return _response(ID + run_id, model, _status(end), output, end, created_at=made)


def _find_run_id(asked: PageRequest, given: Any) -> str:
    """Return the run of a response of one's own; NotFound for any other."""
    run_id = str(given).removeprefix(ID)
    if asked.console.children.find_started(run_id, asked.person.id) is not None:
        return run_id
    try:
        return str(_own(asked, run_id)["id"])
    except errors.NotFound as error:
        raise errors.NotFound(f"there is no response {str(given)[:80]!r} of yours") from error


def _own(asked: PageRequest, run_id: str) -> rows.Run:
    run = run_view.find(run_id, asked.person)
    if (
        run["flow"] not in (*openai_api.MODELS.values(), registry.FLOW)
        or run["user_id"] != asked.person.id
    ):
        raise errors.NotFound("this run is no response")
    return run


def _find_session(asked: PageRequest, body: dict[str, Any], said: list[dict[str, str]]) -> str:
    before = body.get("previous_response_id")
    if before:
        run = run_answer.find(_find_run_id(asked, before))
        if run is None:
            raise errors.BadInput("the response before has not begun yet; wait for it")
        return run["session"]
    named = body.get("conversation")
    named = named.get("id") if isinstance(named, dict) else named
    return openai_api.find_session(asked, said, str(named or ""))


class _Response:
    """One run, as events of a response."""

    def __init__(
        self, asked: PageRequest, model: str, run_id: str, head: dict[str, Any] | None = None
    ) -> None:
        self.model, self.head = model, head or {}
        self.run = run_answer.follow_request(asked, run_id)
        self.output: list[dict[str, Any]] = []
        self._number = 0

    async def collect(self) -> Response:
        """Return the whole response when the run has ended."""
        async for kind, words in self.run.stream_words():
            if words:
                for _ in self._add(kind, words):
                    pass
        end = await self.run.end()
        for _ in self._finish(end):
            pass
        return JSONResponse(self._whole(_status(end), end))

    async def stream(self) -> AsyncIterator[str]:
        """Yield the events, each with its number."""
        yield self._event("response.created", response=self._whole("in_progress"))
        yield self._event("response.in_progress", response=self._whole("in_progress"))
        async for kind, words in self.run.stream_words():
            if not words:
                yield ": beat\n\n"
                continue
            for event in self._add(kind, words):
                yield event
        end = await self.run.end()
        if end.status == "running":
            yield self._event("error", code="server_error", message=end.error, param=None)
            return
        for event in self._finish(end):
            yield event
        status = _status(end)
        name = {"failed": "failed", "cancelled": "incomplete"}.get(status, "completed")
        yield self._event(f"response.{name}", response=self._whole(status, end))

    def _add(self, kind: str, words: str) -> Iterator[str]:
        """Yield the events of words that came: of what is done, or of the answer."""
        place = self._find("message" if kind == "text" else "reasoning")
        if place is None:
            place = len(self.output)
            yield from self._begin(kind, place)
        item = self.output[place]
        if kind == "text":
            item["content"][0]["text"] += words
            yield self._about(place, "output_text.delta", content_index=0, delta=words, logprobs=[])
            return
        words += "\n"
        item["summary"][0]["text"] += words
        yield self._about(place, "reasoning_summary_text.delta", summary_index=0, delta=words)

    def _begin(self, kind: str, place: int) -> Iterator[str]:
        is_text = kind == "text"
        run_id = self.run.run_id
        item = _message(f"msg_{run_id}", "") if is_text else _reasoning(f"rs_{run_id}", "")
        self.output.append(item)
        item["status"] = "in_progress"
        inner = "content" if is_text else "summary"
        empty = {**item, inner: []}
        yield self._event("response.output_item.added", output_index=place, item=empty)
        if is_text:
            part = item["content"][0]
            yield self._about(place, "content_part.added", content_index=0, part=part)
        else:
            part = item["summary"][0]
            yield self._about(place, "reasoning_summary_part.added", summary_index=0, part=part)

    def _finish(self, end: run_answer.RunEnd) -> Iterator[str]:
        """Yield what comes at the end: the rest of the answer, its sources, and that each item is
        whole.
        """
        rest = end.rest + run_answer.write_questions(self.run.base, end.questions)
        if rest and not end.error:
            yield from self._add("text", rest)
        for place, item in enumerate(self.output):
            yield from (
                self._end_text(place, item, end)
                if item["type"] == "message"
                else self._end_summary(place, item)
            )
            item["status"] = "completed"
            yield self._event("response.output_item.done", output_index=place, item=item)

    def _end_text(self, place: int, item: dict[str, Any], end: run_answer.RunEnd) -> Iterator[str]:
        part = item["content"][0]
        for number, cited in enumerate(openai_api.annotate(part["text"], end.sources)):
            part["annotations"].append(cited)
            yield self._about(
                place,
                "output_text.annotation.added",
                content_index=0,
                annotation_index=number,
                annotation=cited,
            )
        yield self._about(
            place, "output_text.done", content_index=0, text=part["text"], logprobs=[]
        )
        yield self._about(place, "content_part.done", content_index=0, part=part)

    def _end_summary(self, place: int, item: dict[str, Any]) -> Iterator[str]:
        part = item["summary"][0]
        text = part["text"]
        yield self._about(place, "reasoning_summary_text.done", summary_index=0, text=text)
        yield self._about(place, "reasoning_summary_part.done", summary_index=0, part=part)

    def _find(self, kind: str) -> int | None:
        return next((n for n, item in enumerate(self.output) if item["type"] == kind), None)

    def _whole(self, status: str, end: run_answer.RunEnd | None = None) -> dict[str, Any]:
        return _response(ID + self.run.run_id, self.model, status, self.output, end, **self.head)

    def _about(self, place: int, name: str, **more: Any) -> str:
        """Return an event about one item of the output."""
        item_id = self.output[place]["id"]
        return self._event(f"response.{name}", output_index=place, item_id=item_id, **more)

    def _event(self, name: str, **more: Any) -> str:
        event = {"type": name, "sequence_number": self._number, **more}
        self._number += 1
        return f"event: {name}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"


def _status(end: run_answer.RunEnd) -> str:
    """Return the status of a response; one that waits for a person has said so, and is over."""
    return "cancelled" if end.status in CANCELLED else STATUS.get(end.status, "completed")


def _message(item_id: str, text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": item_id,
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def _reasoning(item_id: str, text: str, status: str = "in_progress") -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": item_id, "status": status, "summary": summary}


def _response(
    response_id: str,
    model: str,
    status: str,
    output: list[dict[str, Any]],
    end: run_answer.RunEnd | None = None,
    **more: Any,
) -> dict[str, Any]:
    failed = end is not None and end.error and status == "failed"
    return {
        "id": response_id,
        "object": "response",
        "status": status,
        "model": model,
        "output": output,
        "error": {"code": "server_error", "message": end.error} if failed and end else None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "temperature": None,
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "usage": _usage(end.tokens) if end else None,
        **more,
        "created_at": more.get("created_at") or int(run_context.now().timestamp()),
    }


def _usage(tokens: tuple[int, int]) -> dict[str, Any]:
    asked, told = tokens
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": told,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + told,
    }
