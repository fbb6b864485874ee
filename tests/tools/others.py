"""How a run uses servers of others: what it lists, what it is told of them, what a call answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from f.millrace.tools import tool_pins
from f.millrace.tools.client import Tools, open_tools
from f.millrace.trust import approvals


def use(
    work: Callable[[Tools], Awaitable[Any]] | None = None,
    allowed: Sequence[str] = ("box", "notes"),
    allow: bool = True,
) -> tuple[list[str], list[str], Any]:
    """Return the names of the tools, the problems in words, and what the work returns; `allow`
    approves a server at first contact, as a person would.
    """

    async def run() -> tuple[list[str], list[str], Any]:
        async with open_tools(allowed) as tools:
            listed = [tool.name for tool in await tools.list_tools()]
            if allow and allow_servers():
                tools.problems.clear()
                listed = [tool.name for tool in await tools.list_tools()]
            return listed, tools.problems, (await work(tools) if work else None)

    return asyncio.run(run())


def allow_servers() -> int:
    """Approve what waits of servers at first contact; return how many servers those were."""
    new = [row for row in tool_pins.list_waiting() if row["arguments"]["name"] == tool_pins.ALL]
    for row in new:
        approvals.decide(str(row["id"]), row["digest"], "approved", "ada", "test")
    return len(new)


async def echo(tools: Tools) -> Any:
    """Call the one tool that the servers of these tests have."""
    return await tools.call("box.echo", {"text": "a"})
