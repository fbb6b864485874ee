"""Agents that people made, as tools of `mcp serve`: each a tool that takes a message.

A call is a run of its own, made by the runner in children of this process, of the flow that the
console starts too. What the other program writes counts as somebody else's text, which may hold
what that program was shown; and what the agent reads of the owner's, it counts as having read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any
from uuid import uuid4

from mcp import types

from f.millrace.agents import registry
from f.millrace.core import contracts, db, errors, redaction
from f.millrace.tools import known_tools
from f.millrace.tools.servers import AGENTS
from scripts.runner.openflow import load_openflow
from scripts.serving import callers
from scripts.serving.served import Asked

PREFIX = "agent_"
BEAT_SECONDS = 2.0
LAST_SAID = """
SELECT message FROM run_event WHERE run_id = %s AND event <> 'token' AND message <> ''
ORDER BY id DESC LIMIT 1
"""


class AgentTools:
    """The agents that people made, as they stand at the moment of each call."""

    server = AGENTS

    def describe(self) -> dict[str, types.Tool]:
        """Return the agents that may be asked now, as tools."""
        return {one.name: _describe(one) for one in registry.list_agents(registry.user())}

    async def call(
        self, asked: Asked, name: str, arguments: dict[str, Any], reading: callers.Reading
    ) -> types.CallToolResult:
        """Have an agent answer, in a run of its own."""
        try:
            agent = registry.find_ready(name.removeprefix(PREFIX), registry.user())
            told = await _ask(asked, agent, arguments, reading.caller)
        except errors.MillraceError as error:
            return callers.refusal(f"{type(error).__name__}: {error}")
        if told["state"] == "failed" or not told["text"]:
            return callers.refusal(f"{agent.name} has no answer: {told['error'] or told['state']}")
        for short in told["waiting"]:
            told["text"] += (
                f"\n\nProposed action {short} waits for `scripts/millrace approvals approve"
                f" {short}` or `deny {short}`."
            )
        text = types.TextContent(text=told["text"])
        meta = {"millrace/words": "untrusted", "millrace/run": told["run"]}
        return types.CallToolResult(content=[text], structured_content=told, _meta=meta)


def _describe(found: registry.Agent) -> types.Tool:
    known = known_tools.list_tools()
    tools = [known[tool] for tool in found.definition.tools if tool in known]
    message = {
        "type": "string",
        "minLength": 1,
        "maxLength": contracts.LONGEST_TASK,
        "description": "What the agent is asked, in a few sentences.",
    }
    return types.Tool(
        name=f"{PREFIX}{found.name}",
        title=f"{AGENTS}.{found.name}",
        description=found.definition.description or f"Ask the agent {found.name}.",
        input_schema={
            "type": "object",
            "properties": {"message": message},
            "required": ["message"],
            "additionalProperties": False,
        },
        annotations=types.ToolAnnotations(
            read_only_hint=all(tool.read_only for tool in tools),
            open_world_hint=any(tool.is_egress for tool in tools),
        ),
    )


async def _ask(
    asked: Asked, found: registry.Agent, arguments: dict[str, Any], caller: str
) -> dict[str, Any]:
    """Have an agent answer in a run of its own, with signs of life meanwhile, and return how the
    run stands: id, state, text, error and what waits for a person. `caller` is a digest of the
    program's token.
    """
    message = arguments.get("message")
    if not isinstance(message, str) or set(arguments) != {"message"}:
        raise errors.BadInput("an agent takes one argument: message, a text")
    if not message.strip() or len(message) > contracts.LONGEST_TASK:
        raise errors.BadInput(
            f"a message to an agent has 1 to {contracts.LONGEST_TASK} characters, this one"
            f" {len(message.strip())}"
        )
    run_id = str(uuid4())
    args = {
        "task": message.strip(),
        "agent": found.name,
        "version": found.version,
        "written_by_others": True,
        "caller": caller,
    }
    beat = asyncio.create_task(_beat(asked, found.name, run_id))
    try:
        await asyncio.to_thread(_run, args, run_id)
    finally:
        beat.cancel()
    return _load_end(run_id)


def _run(args: dict[str, Any], run_id: str) -> None:
    from scripts.runner import run

    with db.scoped():
        run.start(load_openflow(registry.FLOW), registry.FLOW, args, run_id)


def _load_end(run_id: str) -> dict[str, Any]:
    row = db.fetch_one("SELECT status, error, pipeline FROM run WHERE id = %s", [run_id])
    assert row is not None
    kept = (row["pipeline"] or {}).get("answer") or {}
    waiting = db.fetch_all(
        "SELECT id FROM action WHERE run_id = %s AND state = 'proposed' ORDER BY created_at",
        [run_id],
    )
    return redaction.redact(
        {
            "run": run_id,
            "state": row["status"],
            "text": kept.get("text") or "",
            "error": row["error"] or kept.get("stopped_because") or "",
            "waiting": [str(one["id"])[:8] for one in waiting],
        }
    )


async def _beat(asked: Asked, name: str, run_id: str) -> None:
    """Tell what the run said last, every other second."""
    begun = time.monotonic()
    while True:
        seconds = time.monotonic() - begun
        said = None
        with contextlib.suppress(errors.MillraceError):
            said = db.fetch_one(LAST_SAID, [run_id])
        words = said["message"] if said else f"{name} for {seconds:.0f} seconds"
        await asked.session.report_progress(seconds, message=redaction.redact(words))
        await asyncio.sleep(BEAT_SECONDS)
