"""What programs can ask of `/api` and `/v1`, as OpenAPI 3.1 at `/api`: one entry an operation, each
with an example that a test runs.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import JSONResponse, Response

from f.millrace.agents import definition
from f.millrace.core import contracts

if TYPE_CHECKING:
    from scripts.console.routes import PageRequest

REF = "#/components/schemas/"
PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
AGENT = "tide-reader"
RUN = "7d0f3a52-4c1e-4f0b-9a57-2f6d1f0c9b11"
ABOUT = (
    "Agents that people make, and what answers like a model. Sign in with `Authorization: Bearer"
    " mlr_…`; `scripts/millrace tokens add ID NAME`, or the page People, makes a token. What you"
    " may do is what your role may: a reader looks, a member asks and makes agents with reading"
    ' tools, an approver makes any and shares them. A fault is `{"error": words}`; the words name'
    " the value, the limit and the way out."
)


class Operation(NamedTuple):
    """One thing that can be asked.

    Attributes:
        answer: The status when it goes well, and the name of the schema of what comes back.
        example: What is sent, an example of it.
        takes: The name of the schema of what is sent.
        query: Names behind the `?`, each with what it does.
    """

    method: str
    path: str
    summary: str
    answer: tuple[int, str]
    example: dict[str, Any] | None = None
    takes: str = ""
    query: tuple[tuple[str, str], ...] = ()


OPERATIONS = (
    Operation(
        "post",
        "/api/agents",
        "Make an agent. It can be asked at once.",
        (201, "Agent"),
        {
            "name": AGENT,
            "description": "Says what the notes know about tides.",
            "instructions": "Answer from the notes in two sentences. Say when they know nothing.",
            "tools": ["notes.search", "notes.read"],
            "limits": {"usd": 0.05, "seconds": 60},
        },
        "Definition",
    ),
    Operation(
        "get",
        "/api/agents",
        "List the agents that you may use: your own, and those that are shared.",
        (200, "Agents"),
        query=(("off", "1: also those that are switched off"),),
    ),
    Operation(
        "get",
        "/api/agents/{agent}",
        "Show an agent with its versions.",
        (200, "AgentWithVersions"),
        query=(("version", "as it was in this version"),),
    ),
    Operation(
        "patch",
        "/api/agents/{agent}",
        "Change parts of an agent: its next version. Name the version that you change; another one"
        " by now is 409, with who changed it. `enabled: true` switches it on again.",
        (200, "Agent"),
        {"version": 1, "tools": ["notes.search", "notes.read", "memory.search"]},
        "Change",
    ),
    Operation(
        "post",
        "/api/agents/{agent}/runs",
        "Start a run: the agent answers a message. A session goes on with a conversation.",
        (202, "StartedRun"),
        {"message": "When is high water at Kelby?"},
        "Message",
    ),
    Operation(
        "get",
        "/api/agents/{agent}/runs",
        "List your runs of an agent, the newest first; an owner's list has all.",
        (200, "Runs"),
        query=(("page", "which page, from 1"),),
    ),
    Operation(
        "get",
        "/api/agents/{agent}/runs/{run}",
        "Show a run: its state, its answer, what waits for a person.",
        (200, "Run"),
    ),
    Operation("get", "/v1/models", "List what answers like a model of OpenAI's.", (200, "Models")),
    Operation(
        "post",
        "/v1/chat/completions",
        "Ask as OpenAI's clients do: `millrace/ask`, `millrace/task`, or `millrace/` and an agent's"
        " name. With `stream` the answer comes as it is written.",
        (200, "Completion"),
        {
            "model": f"millrace/{AGENT}",
            "messages": [{"role": "user", "content": "When is high water?"}],
        },
        "Chat",
    ),
    Operation(
        "delete",
        "/api/agents/{agent}",
        "Switch an agent off, and say how many runs are logged. What runs goes on to its end.",
        (200, "SwitchedOff"),
    ),
)


def show(_: PageRequest) -> Response:
    """Return the description."""
    return JSONResponse(describe())


@functools.cache
def describe() -> dict[str, Any]:
    """Return all operations as OpenAPI has them."""
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _describe(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Millrace", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _describe(one: Operation) -> dict[str, Any]:
    status, schema = one.answer
    told: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method} {one.path}",
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"},
               "example": {"agent": AGENT, "run": RUN}[name]}
              for name in PARAMETER.findall(one.path)),
            *({"name": name, "in": "query", "description": does, "schema": {"type": "string"}}
              for name, does in one.query),
        ],
        "responses": {
            str(status): {
                "description": "Done",
                "content": {"application/json": {"schema": {"$ref": f"{REF}{schema}"}}},
            },
            "default": {
                "description": "Not done: the words say why and what to do",
                "content": {"application/json": {"schema": {"$ref": f"{REF}Fault"}}},
            },
        },
    }  # fmt: skip
    if one.takes:
        content = {"schema": {"$ref": f"{REF}{one.takes}"}, "example": one.example}
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    return told


def _schemas() -> dict[str, Any]:
    made = definition.Definition.model_json_schema(ref_template=REF + "{model}")
    parts = made.pop("$defs", {})
    limits = parts["Limits"]
    of_definition = made["properties"]
    as_it_stands = {
        **of_definition,
        "version": _integer("The version in force, or the one that was asked for."),
        "state": {"enum": ["idle", "running", "waiting", "off"]},
        "made_by": _text("Whose it is."),
        "made_at": _time(),
        "changed_by": _text("Who wrote this version."),
        "changed_at": _time(),
        "runs": _integer("How many runs used it, in whatever version."),
        "last_run_at": {"anyOf": [_time(), {"type": "null"}]},
        "success_rate": {
            "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}],
            "description": "Of the runs that ended, the part that ended well.",
        },
    }
    version = _object(
        {name: as_it_stands[name] for name in ("version", "changed_by", "changed_at")}
    )
    change = {
        **{name: part for name, part in of_definition.items() if name != "name"},
        "version": _integer("The version that you change."),
        "enabled": {"const": True, "description": "Switch it on again."},
        "limits": {**limits, "required": []},
    }
    return {
        "Definition": made,
        **parts,
        "Change": _object(change, required=["version"]),
        "Agent": _object(as_it_stands),
        "Agents": _object({"agents": _list("Agent")}),
        "AgentWithVersions": _object(
            {**as_it_stands, "versions": {"type": "array", "items": version}}
        ),
        "SwitchedOff": _object({name: as_it_stands[name] for name in ("name", "state", "runs")}),
        **_run_schemas(),
        **_openai_schemas(),
        "Fault": {"type": "object", "properties": {"error": {}}, "required": ["error"]},
    }


def _run_schemas() -> dict[str, Any]:
    message = {
        "message": {"type": "string", "minLength": 1, "maxLength": contracts.LONGEST_TASK},
        "session": _text("A conversation's name, to go on with it."),
    }
    question = {"id": _text(""), "tool": _text(""), "question": _text("What a person is asked.")}
    run = {
        "id": _text("The run's id, also its trace's."),
        "state": _text("running, waiting, done, partly_failed, failed, stopped, cancelled."),
        "agent": _text(""),
        "version": _integer("Which version of the agent it used."),
        "session": _text(""),
        "user": _text("Whose run it is."),
        "started_at": _time(),
        "finished_at": {"anyOf": [_time(), {"type": "null"}]},
        "cost_usd": {"type": "number"},
        "error": {"type": ["string", "null"]},
    }
    ended = {
        "answer": {"type": ["string", "null"]},
        "stopped_because": {"type": ["string", "null"]},
        "sources": {
            "type": "array",
            "items": _object({"number": {"type": "integer"}, "title": _text(""), "url": _text("")}),
            "description": "What the agent was shown; what its answer names first.",
        },
        "waiting": {"type": "array", "items": _object(question)},
    }
    started = {name: _text("") for name in ("id", "state", "session", "url")}
    return {
        "Message": _object(message, required=["message"]),
        "StartedRun": _object(started),
        "Run": _object({**run, **ended}, required=["id", "state"]),
        "ListedRun": _object(run),
        "Runs": _object({"runs": _list("ListedRun"), "of_all": _integer("Of everybody.")}),
    }


def _openai_schemas() -> dict[str, Any]:
    """Return as much of OpenAI's schemas as is read and written here."""
    model = {name: _text("") for name in ("id", "object", "owned_by")}
    one = {"type": "object", "properties": {"role": _text(""), "content": {}}}
    chat = {
        "model": _text(""),
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "properties": one},
        },
        "stream": {"type": "boolean"},
    }
    choices = {"type": "array", "items": {"type": "object"}}
    return {
        "Models": _object(
            {
                "object": {"const": "list"},
                "data": {
                    "type": "array",
                    "items": _object({**model, "created": _integer("Unix time.")}),
                },
            }
        ),
        "Chat": {"type": "object", "properties": chat, "required": ["model", "messages"]},
        "Completion": {
            "type": "object",
            "properties": {"id": _text(""), "choices": choices, "usage": {"type": "object"}},
            "required": ["id", "choices"],
        },
    }


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _list(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"{REF}{schema}"}}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", **({"description": description} if description else {})}


def _integer(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


def _time() -> dict[str, Any]:
    return {"type": "string", "format": "date-time"}
