"""Our client as the conformance suite starts it: `python -m tests.serving.conformance_client
ADDRESS`.

It connects as agents do, through the settings, lists the tools and calls each one that it knows
arguments for.
"""

import asyncio
import json
import os
import sys

ARGUMENTS = {
    "add_numbers": {"a": 2, "b": 3},
    "test_client_elicitation_defaults": {},
    "test_reconnection": {},
}


async def main() -> None:
    """List the tools, call them, and fail when one could not be used."""
    from f.millrace.tools.client import open_tools
    from tests.tools import others

    async with open_tools(["suite"]) as tools:
        await tools.list_tools()
        others.allow_servers()  # as a person would at first contact
        tools.problems.clear()
        for tool in await tools.list_tools():
            print(tool.name, await tools.call(tool.name, ARGUMENTS[tool.name.partition(".")[2]]))
        if tools.problems:
            raise SystemExit("\n".join(tools.problems))


if __name__ == "__main__":
    os.environ["MILLRACE_MCP"] = json.dumps({"suite": {"url": sys.argv[1], "asks": "defaults"}})
    asyncio.run(main())
