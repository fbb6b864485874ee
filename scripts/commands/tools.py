"""`tools` and `gaps`: which tools agents have, which are held until a person approves them, and
which were missing.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
from typing import TYPE_CHECKING, Any

from f.millrace.agents import missing_tools
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.tools import tool_pins
from f.millrace.tools.client import Tool, open_tools
from f.millrace.trust import approvals, risk
from scripts.commands.output import dump
from scripts.commands.terminal import WIDE, Table, Terminal, shown
from scripts.database.ready import ready

if TYPE_CHECKING:
    from f.millrace.core import rows


def add(commands: Any) -> None:
    """Declare `tools list|approve` and `gaps`."""
    parser = commands.add_parser(
        "tools", help="what agents can call: list, approve what is new or changed"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|approve")
    listing = actions.add_parser("list", help="ask every server what it offers now")
    listing.set_defaults(function=list_tools)
    approve = actions.add_parser("approve", help="enable what waits, as it is now")
    approve.add_argument("name", metavar="SERVER[.TOOL]", help="a tool, or all of a new server")
    approve.set_defaults(function=approve_tool)
    missing = commands.add_parser(
        "gaps", help="which tools were missing, the most often missed first"
    )
    missing.set_defaults(function=list_gaps)
    for each in (listing, approve, missing):
        each.add_argument("--json", action="store_true")
        each.add_argument("--wide", action="store_true", help=WIDE)


def list_tools(options: argparse.Namespace) -> int:
    """Print every tool, what waits to be enabled, and which servers could not be asked."""
    ready()
    listed, versions, problems = asyncio.run(_list_tools())
    waiting = tool_pins.list_waiting()
    held = [name for row in waiting for name in tool_pins.names_of(row)]
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
    table = Table("tool", "does", "version", "what it says", keep=("tool",))
    for tool in listed:
        server = tool.name.partition(".")[0]
        table.add_row(
            tool.name,
            "reads" if tool.read_only else "changes",
            versions.get(server, ""),
            tool.summary,
        )
    console = Terminal(wide=options.wide)
    console.print(table)
    _print_waiting(console, waiting)
    for problem in problems:
        console.print(f"[yellow]{shown(problem)}[/]")
    return 0


def _print_waiting(console: Terminal, waiting: list[rows.Action]) -> None:
    """Print which tools wait to be enabled, by name and risk."""
    table = Table(
        "waits to be enabled", "risk", "at", "what it says of itself", keep=("waits to be enabled",)
    )
    for row in waiting:
        given = row["arguments"]
        for each in given.get("tools") or [{**given, "tool": given["name"]}]:
            name = f"{given['server']}.{each['tool']}"
            found = risk.assess(name, each["annotations"]).risk
            first = (each["description"] or "").strip().partition("\n")[0]
            table.add_row(name, found, given["url"], first)
    if table.row_count:
        console.print(table)


def approve_tool(options: argparse.Namespace) -> int:
    """Enable the tool as its server describes it now."""
    ready()
    asyncio.run(_list_tools())
    row = _find_question(options.name)
    if row is None:
        raise NotFound(
            f"no tool or server {options.name!r} waits to be enabled; scripts/millrace tools list"
            " shows them"
        )
    given = approvals.decide(
        str(row["id"]), row["digest"], "approved", getpass.getuser(), "terminal"
    )
    if given["decision"] != "approved":
        raise BadInput(
            f"{options.name} was {given['decision']} by {given['decided_by']}; the answer stands"
        )
    tool_pins.perform({**row, "state": "approved"})
    names = tool_pins.names_of(row)
    if options.json:
        print(dump({"enabled": names}))
        return 0
    for name in names:
        print(f"{shown(name)} is enabled")
    return 0


def _find_question(name: str) -> rows.Action | None:
    """Return the question about a tool (server.tool), or about all that a server offered at first
    contact (server).
    """
    server, _, tool = name.partition(".")
    waiting = [row for row in tool_pins.list_waiting() if row["arguments"]["server"] == server]
    if not tool:
        mine = [row for row in waiting if row["arguments"]["name"] == tool_pins.ALL]
        return mine[-1] if mine else tool_pins.ask_again(name)
    for row in reversed(waiting):
        if row["arguments"]["name"] == tool:
            return row
        one = tool_pins.ask_about_tool(row, tool)
        if one:
            return one
    return tool_pins.ask_again(name)


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
    table = Table("seen", "missing", "risk", "what it would do", "server", keep=("missing",))
    for row in rows:
        for need in row["report"]["missing_tools"]:
            server = row["report"]["proposed_mcp_server"]
            table.add_row(
                str(row["seen"]), need["name"], need["estimated_risk"], need["description"], server
            )
    Terminal(wide=options.wide).print(table)
    return 0


async def _list_tools() -> tuple[list[Tool], dict[str, str], list[str]]:
    async with open_tools() as tools:
        return await tools.list_tools(), tools.versions, tools.problems
