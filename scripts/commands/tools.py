"""`tools` and `gaps`: which tools agents have, which are held until a person approves them, and
which were missing.
"""

import argparse
import asyncio
import getpass
from typing import Any

from f.millrace.agents import missing_tools
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.tools import tool_pins
from f.millrace.tools.client import Tool, open_tools
from f.millrace.trust import approvals
from scripts.commands.output import dump
from scripts.commands.terminal import Table, Terminal, shown
from scripts.database.ready import ready


def add(commands: Any) -> None:
    """Declare `tools list|approve` and `gaps`."""
    parser = commands.add_parser("tools", help="what agents can call: list, approve what changed")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|approve")
    listing = actions.add_parser("list", help="ask every server what it offers now")
    listing.set_defaults(function=list_tools)
    approve = actions.add_parser("approve", help="enable a tool as it is now")
    approve.add_argument("name", metavar="SERVER.TOOL")
    approve.set_defaults(function=approve_tool)
    missing = commands.add_parser(
        "gaps", help="which tools were missing, the most often missed first"
    )
    missing.set_defaults(function=list_gaps)
    for each in (listing, approve, missing):
        each.add_argument("--json", action="store_true")


def list_tools(options: argparse.Namespace) -> int:
    """Print every tool, what waits to be enabled, and which servers could not be asked."""
    ready()
    listed, versions, problems = asyncio.run(_list_tools())
    held = [
        f"{row['arguments']['server']}.{row['arguments']['name']}"
        for row in tool_pins.list_waiting()
    ]
    if options.json:
        listed = [
            {
                "name": tool.name,
                "hash": tool.hash,
                "description": tool.description,
                **tool.annotations,
            }
            for tool in listed
        ]
        print(dump({"tools": listed, "versions": versions, "held": held, "problems": problems}))
        return 0
    table = Table("tool", "does", "version", "what it says")
    for tool in listed:
        server = tool.name.partition(".")[0]
        table.add_row(
            tool.name,
            "reads" if tool.read_only else "changes",
            versions.get(server, ""),
            tool.summary,
        )
    console = Terminal()
    console.print(table)
    for problem in problems:
        console.print(f"[yellow]{shown(problem)}[/]")
    return 0


def approve_tool(options: argparse.Namespace) -> int:
    """Enable the tool as its server describes it now."""
    ready()
    asyncio.run(_list_tools())
    rows = [
        row
        for row in tool_pins.list_waiting()
        if f"{row['arguments']['server']}.{row['arguments']['name']}" == options.name
    ]
    row = rows[-1] if rows else tool_pins.ask_again(options.name)
    if row is None:
        raise NotFound(
            f"no tool {options.name!r} waits to be enabled; scripts/millrace tools list shows them"
        )
    given = approvals.decide(
        str(row["id"]), row["digest"], "approved", getpass.getuser(), "terminal"
    )
    if given["decision"] != "approved":
        raise BadInput(
            f"{options.name} was {given['decision']} by {given['decided_by']}; the answer stands"
        )
    tool_pins.perform({**row, "state": "approved"})
    print(
        dump({"enabled": options.name, "hash": row["arguments"]["hash"]})
        if options.json
        else f"{options.name} is enabled"
    )
    return 0


def list_gaps(options: argparse.Namespace) -> int:
    """Print the stored gap reports."""
    ready()
    rows = missing_tools.list_reports()
    if options.json:
        print(
            dump(
                {
                    "gaps": [
                        {
                            **row["report"],
                            "id": row["id"],
                            "seen": row["seen"],
                            "last_at": row["last_at"],
                        }
                        for row in rows
                    ]
                }
            )
        )
        return 0
    if not rows:
        print("No tool was missing so far.")
        return 0
    table = Table("seen", "missing", "risk", "what it would do", "server")
    for row in rows:
        for need in row["report"]["missing_tools"]:
            server = row["report"]["proposed_mcp_server"]
            table.add_row(
                str(row["seen"]), need["name"], need["estimated_risk"], need["description"], server
            )
    Terminal().print(table)
    return 0


async def _list_tools() -> tuple[list[Tool], dict[str, str], list[str]]:
    async with open_tools() as tools:
        return await tools.list_tools(), tools.versions, tools.problems
