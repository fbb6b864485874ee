"""`mcp`: offer the bundle's tools to other programs, and say how they connect."""

import argparse
import asyncio
import os
import secrets
import sys
from pathlib import Path

from f.millrace.core.errors import BadInput
from scripts.commands.output import dump
from scripts.database.ready import ready
from scripts.paths import ROOT, STATE

PORT = 7410
LOOPBACK = ("127.0.0.1", "localhost", "::1")
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
        headers = {"Authorization": f"Bearer {token(options.token_file)}"}
        entry = {"type": "http", "url": _address(options.host, options.port), "headers": headers}
    else:
        entry = {"command": str(ROOT / "scripts/millrace"), "args": ["mcp", "serve"]}
    print(dump({"mcpServers": {"millrace": entry}}))
    return 0


def token(file: Path) -> str:
    """Return the token that the file holds; makes one that only this user can read when there is no
    file.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        held = file.read_text().strip()
        if len(held) < 16:
            raise BadInput(
                f"the token in {file} has {len(held)} characters, at least 16 are needed; remove it"
                " to get a new one"
            ) from None
        return held
    made = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as new:
        new.write(made + "\n")
    return made


async def _stdio(options: argparse.Namespace) -> None:
    from scripts.serving.callers import serving
    from scripts.serving.transports import over_stdio

    async with serving(options.servers) as server:
        await over_stdio(server)


async def _http(options: argparse.Namespace) -> None:
    from scripts.serving.callers import serving
    from scripts.serving.transports import listen, over_http

    held = token(options.token_file)
    with listen(options.host, options.port) as listening:
        address = _address(options.host, listening.getsockname()[1])
        print(
            f"Serving at {address} with the token of {options.token_file}",
            file=sys.stderr,
            flush=True,
        )
        if options.host not in LOOPBACK:
            print(
                "It can be reached from other machines, unencrypted: put a proxy with TLS"
                " before it.",
                file=sys.stderr,
            )
        async with serving(options.servers) as server:
            await over_http(server, listening, held, options.allow_host)


def _address(host: str, port: int) -> str:
    from scripts.serving.transports import PATH

    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
