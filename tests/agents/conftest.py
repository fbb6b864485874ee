"""The edges of the agents: a provider of models, a search engine and pages, all on loopback."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from f.millrace.core import config
from f.millrace.telemetry.spans import step

EVIDENCE = re.compile(r'<evidence id="(ev_[0-9a-f]+)"[^>]*>\n(.*?)\n</evidence>', re.DOTALL)
Fault = Callable[["Handler", dict[str, Any]], bool]
# The provider stands in for those of the cloud: on loopback its models would cost nothing.
PRICES = {
    "openai:gpt-4o": {"input": 2.5, "output": 10, "cache_read": 1.25},
    "openai:gpt-4o-mini": {"input": 0.15, "output": 0.6, "cache_read": 0.075},
    "anthropic:claude-sonnet-4-5": {"input": 3, "output": 15},
    "anthropic:claude-opus-4-6": {"input": 5, "output": 25},
}


class Edge:
    """What the fake services answer, and what they were asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.searches: list[str] = []
        self.fetched: list[str] = []
        self.faults: list[Fault | None] = []
        self.pages: dict[str, str] = {}
        self.results: list[dict[str, Any]] = []
        self.search_status = 200
        self.search_fault: Callable[[Handler], object] | None = None
        self.write: Callable[[list[tuple[str, str]]], str] = _first_sentences
        self.enough = True
        self.usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_page(
        self, path: str, title: str, text: str, date: str = "2026-11-20", host: str = "127.0.0.1"
    ) -> str:
        """Serve a page and let the search find it."""
        paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n"))
        self.pages[path] = (
            f"<html><head><title>{title}</title><meta name='date' content='{date}'></head>"
            f"<body><article><h1>{title}</h1>{paragraphs}</article></body></html>"
        )
        url = f"http://{host}:{self.port}{path}"
        self.results.append(
            {"url": url, "title": title, "content": text[:150], "publishedDate": date}
        )
        return url


def _first_sentences(evidence: list[tuple[str, str]]) -> str:
    return (
        "\n".join(
            f"{text.split('. ')[0].strip().rstrip('.')}. [{identity}]"
            for identity, text in evidence[:4]
        )
        or "OK"
    )


class Handler(BaseHTTPRequestHandler):
    edge: Edge
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path == "/search":
            self.edge.searches.append(parse_qs(path.query)["q"][0])
            if self.edge.search_fault is not None:
                self.edge.search_fault(self)
                return
            self.answer(
                self.edge.search_status,
                json.dumps({"results": self.edge.results}),
                "application/json",
            )
        elif path.path in self.edge.pages:
            self.edge.fetched.append(path.path)
            self.answer(200, self.edge.pages[path.path], "text/html; charset=utf-8")
        else:
            self.answer(404, "nothing here", "text/plain")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/mcp":  # a tool server that dies over the first request
            self.close_connection = True
            return
        self.edge.requests.append(body)
        fault = self.edge.faults.pop(0) if self.edge.faults else None
        if fault is not None and fault(self, body):
            return
        if self.path.endswith("/messages"):
            self.complete_anthropic(body)
        else:
            self.complete(body)

    def complete_anthropic(self, body: dict[str, Any]) -> None:
        """Answer in the other form of messages that providers use."""
        tools = {tool["name"] for tool in body.get("tools") or []}
        prompt = str(next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user"))
        evidence = EVIDENCE.findall(prompt.replace("\\n", "\n").replace('\\"', '"'))
        arguments = {"queries": [{"text": "orbit sodium plant"}]}
        if "judge" in tools:
            claims = [
                {"text": text.split(". ")[0] + ".", "citations": [identity]}
                for identity, text in evidence[:3]
            ]
            arguments = {"enough": True, "claims": claims, "missing": [], "conflicts": []}
        made: dict[str, Any] = {"type": "text", "text": "" if tools else self.edge.write(evidence)}
        if tools:
            made = {
                "type": "tool_use",
                "id": "toolu_1",
                "name": next(iter(tools)),
                "input": arguments,
            }
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "stop_reason": "tool_use" if tools else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1000, "output_tokens": 200},
        }
        if not body.get("stream"):
            self.answer(200, json.dumps({**message, "content": [made]}), "application/json")
            return
        delta = {"type": "text_delta", "text": made.get("text", "")}
        events = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 200},
            },
            {"type": "message_stop"},
        ]
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self.answer(200, text, "text/event-stream")

    def complete(self, body: dict[str, Any]) -> None:
        """Answer as a model that does its work would."""
        tools = {tool["function"]["name"] for tool in body.get("tools") or []}
        prompt = next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")
        evidence = EVIDENCE.findall(prompt if isinstance(prompt, str) else prompt[0]["text"])
        if "plan" in tools:
            self.tool_call("plan", {"queries": [{"text": "orbit sodium plant"}]})
        elif "judge" in tools:
            claims = [
                {"text": text.split(". ")[0] + ".", "citations": [identity]}
                for identity, text in evidence[:3]
            ]
            self.tool_call(
                "judge",
                {"enough": self.edge.enough, "claims": claims, "missing": [], "conflicts": []},
            )
        elif body.get("stream"):
            self.stream(self.edge.write(evidence))
        else:
            self.message({"role": "assistant", "content": self.edge.write(evidence)}, "stop")

    def tool_call(self, name: str, arguments: Any) -> None:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}
        self.message({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")

    def message(self, message: dict[str, Any], reason: str) -> None:
        self.answer(
            200,
            json.dumps(
                {
                    "id": "x",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "gpt-4o",
                    "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                    "usage": self.edge.usage,
                }
            ),
            "application/json",
        )

    def stream(self, text: str, cut: bool = False) -> None:
        """Send the text in pieces; `cut` closes the connection half-way, without a word."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        pieces = [text[place : place + 20] for place in range(0, len(text), 20)]
        for piece in pieces[: len(pieces) // 2] if cut else pieces:
            self.chunk(
                [
                    {
                        "index": 0,
                        "delta": {"role": "assistant", "content": piece},
                        "finish_reason": None,
                    }
                ]
            )
        if not cut:
            self.chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
            self.chunk([], self.edge.usage)
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> None:
        chunk = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-4o",
            "choices": choices,
        }
        self.wfile.write(f"data: {json.dumps({**chunk, 'usage': usage})}\n\n".encode())
        self.wfile.flush()

    def answer(self, status: int, text: str, media_type: str, **headers: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """Fake services on loopback: an OpenAI-compatible provider, SearXNG, pages; the settings name
    them.
    """
    made = Edge()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"edge": made}))
    made.port = server.server_port
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"{made.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdefghij")
    monkeypatch.setenv("MILLRACE_FETCH_ALLOW", f"127.0.0.1:{made.port},localhost:{made.port}")
    monkeypatch.setenv("MILLRACE_PRICES", json.dumps(PRICES))
    monkeypatch.setenv("MILLRACE_SEARCH_URL", made.url)
    monkeypatch.setenv("MILLRACE_ARXIV_URL", f"{made.url}/arxiv")
    monkeypatch.setenv("MILLRACE_FEEDS", f"{made.url}/feed")
    config.reload()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def in_step(database: str) -> Iterator[str]:
    """Run the test inside a step; the run's id."""
    from f.millrace.core.run_context import current

    with step("test.step"):
        yield current().run_id
