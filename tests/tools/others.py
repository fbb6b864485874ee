"""How a run uses servers of others: what it lists, what it is told of them, what a call answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from f.millrace.tools.client import Tools, open_tools


def use(
    work: Callable[[Tools], Awaitable[Any]] | None = None, allowed: Sequence[str] = ("box", "notes")
) -> tuple[list[str], list[str], Any]:
    """Return the names of the tools, the problems in words, and what the work returns."""

    async def run() -> tuple[list[str], list[str], Any]:
        async with open_tools(allowed) as tools:
            listed = [tool.name for tool in await tools.list_tools()]
            return listed, tools.problems, (await work(tools) if work else None)

    return asyncio.run(run())


async def echo(tools: Tools) -> Any:
    """Call the one tool that the servers of these tests have."""
    return await tools.call("box.echo", {"text": "a"})
