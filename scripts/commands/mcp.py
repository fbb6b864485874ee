"""`mcp`: offer the bundle's tools to other programs, and say how they connect."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.commands.output import dump
from scripts.database.ready import ready
from scripts.paths import ROOT, STATE
from scripts.serving import guard

if TYPE_CHECKING:
    from scripts.serving.served import Served

PORT = 7410
TOKEN_FILE = STATE / "mcp-token"


def add(commands: argparse._SubParsersAction) -> None:
    """Declare `mcp serve|config`."""
    parser = commands.add_parser(
        "mcp", help="offer the tools to other programs over MCP: serve, config"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="serve|config")
    serving = actions.add_parser(
        "serve", help="serve until stopped; over stdin and stdout unless --http"
    )
    serving.set_defaults(function=serve)
    serving.add_argument(
        "--servers",
        type=_names,
        metavar="A,B",
        help="only these: server, or server.tool (default: all)",
    )
    serving.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name it is called by",
    )
    shown = actions.add_parser("config", help="print the entry for another program's mcp.json")
    shown.set_defaults(function=config)
    for each in (serving, shown):
        kind = each.add_mutually_exclusive_group()
        kind.add_argument(
            "--stdio", action="store_true", help="started by the other program (default)"
        )
        kind.add_argument("--http", action="store_true", help="streamable HTTP with a bearer token")
        each.add_argument(
            "--host", default="127.0.0.1", help="with --http: where to listen (default: loopback)"
        )
        each.add_argument("--port", type=int, default=PORT, help=f"with --http (default: {PORT})")
        each.add_argument(
            "--token-file",
            type=Path,
            default=TOKEN_FILE,
            help="with --http: holds the token; made when missing",
        )


def serve(options: argparse.Namespace) -> int:
    """Serve until the other program leaves (stdio) or the process is told to end (HTTP)."""
    from scripts.serving import callers

    if options.servers:
        callers.check(options.servers)
    ready()
    asyncio.run(_http(options) if options.http else _stdio(options))
    return 0


def config(options: argparse.Namespace) -> int:
    """Print the entry that other programs take into their `mcp.json`."""
    if options.http:
        headers = {"Authorization": f"Bearer {guard.read_token(options.token_file)}"}
        entry = {"type": "http", "url": _address(options.host, options.port), "headers": headers}
    else:
        entry = {"command": str(ROOT / "scripts/millrace"), "args": ["mcp", "serve"]}
    print(dump({"mcpServers": {"millrace": entry}}))
    return 0


async def _stdio(options: argparse.Namespace) -> None:
    from scripts.serving.transports import over_stdio

    async with _offering(options.servers) as server:
        await over_stdio(server)


async def _http(options: argparse.Namespace) -> None:
    from scripts.serving.transports import listen, over_http

    held = guard.read_token(options.token_file)
    with listen(options.host, options.port) as listening:
        address = _address(options.host, listening.getsockname()[1])
        print(
            f"Serving at {address} with the token of {options.token_file}",
            file=sys.stderr,
            flush=True,
        )
        if options.host not in guard.LOOPBACK:
            print(
                "It can be reached from other machines, unencrypted: put a proxy with TLS"
                " before it.",
                file=sys.stderr,
            )
        async with _offering(options.servers, held) as server:
            await over_http(server, listening, held, options.allow_host)


@contextlib.asynccontextmanager
async def _offering(servers: list[str] | None, token: str = "") -> AsyncIterator[Served]:
    """Yield the server with everything that is offered: tools, agents, runs."""
    from scripts.console.mcp_tools import run_tools
    from scripts.serving.agent_tools import AgentTools
    from scripts.serving.callers import serving

    async with run_tools() as runs, serving(servers, token, [AgentTools(), runs]) as server:
        yield server


def _address(host: str, port: int) -> str:
    from scripts.serving.transports import PATH

    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
