"""The bundle's tools as MCP servers. A tool is a typed function first; a server is another way to call it."""

import functools
from collections.abc import Callable
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from f.millrace.core.errors import MillraceError
from f.millrace.tools import arxiv, feeds, hackernews, mail, notes, search, weather, web

READS_WEB = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)
READS_HERE = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
WRITES_HERE = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
SENDS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)

Tool = tuple[str, Callable[..., Any], ToolAnnotations]
TOOLS: dict[str, list[Tool]] = {
    "hackernews": [("top", hackernews.top, READS_WEB), ("read", hackernews.read_story, READS_WEB)],
    "arxiv": [("search", arxiv.search, READS_WEB), ("read", arxiv.read_paper, READS_WEB)],
    "feeds": [
        ("latest", feeds.latest, READS_WEB),
        ("search", feeds.search, READS_WEB),
        ("read", feeds.read_feed, READS_WEB),
    ],
    "notes": [
        ("search", notes.search_notes, READS_HERE),
        ("read", notes.read_note, READS_HERE),
        ("write", notes.write_note, WRITES_HERE),
    ],
    "web": [
        ("search", search.search, READS_WEB),
        ("fetch", web.fetch_page, READS_WEB),
        ("weather", weather.weather, READS_WEB),
    ],
    "mail": [("send", mail.send, SENDS)],
}


def servers() -> dict[str, MCPServer]:
    """Return the servers by name."""
    return {name: server(name) for name in TOOLS}


def server(name: str) -> MCPServer:
    """Return one server, e.g. to serve it to others with `.run(transport="streamable-http")`."""
    made = MCPServer(name, log_level="ERROR")
    for tool, function, annotations in TOOLS[name]:
        made.add_tool(_in_words(function), name=tool, annotations=annotations)
    return made


def _in_words(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let our own faults reach the caller: the SDK hides the text of any other exception."""

    @functools.wraps(function)
    def call(*positional: Any, **named: Any) -> Any:
        try:
            return function(*positional, **named)
        except MillraceError as error:
            raise ToolError(f"{type(error).__name__}: {error}") from error

    return call
