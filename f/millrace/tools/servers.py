# requirements:

"""The bundle's tools as MCP servers. A tool is a typed function first; a server is another way to
call it.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from f.millrace.core import errors

READS_WEB = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)
READS_HERE = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
WRITES_HERE = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
SENDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
)

# The names under which settings and options mean what `mcp serve` offers besides, and no agent here
# may call: ask, research and digest; the agents that people made.
RUNS = "runs"
AGENTS = "agents"
FURTHER = (RUNS, AGENTS)

Tool = tuple[str, Callable[..., Any], ToolAnnotations]


# Each server imports its tools when it is made: a step must not load the libraries of tools that
# its agent may not call.
def _hackernews() -> list[Tool]:
    from f.millrace.tools import hackernews_tools

    return [
        ("top", hackernews_tools.top, READS_WEB),
        ("read", hackernews_tools.read_story, READS_WEB),
    ]


def _arxiv() -> list[Tool]:
    from f.millrace.tools import arxiv_tools

    return [("search", arxiv_tools.search, READS_WEB), ("read", arxiv_tools.read_paper, READS_WEB)]


def _feeds() -> list[Tool]:
    from f.millrace.tools import feed_tools

    return [
        ("latest", feed_tools.list_latest, READS_WEB),
        ("search", feed_tools.search, READS_WEB),
        ("read", feed_tools.read_feed, READS_WEB),
    ]


def _notes() -> list[Tool]:
    from f.millrace.tools import note_tools

    return [
        ("search", note_tools.search_notes, READS_HERE),
        ("read", note_tools.read_note, READS_HERE),
        ("write", note_tools.write_note, WRITES_HERE),
    ]


def _web() -> list[Tool]:
    from f.millrace.tools import search, weather, web_tools

    return [
        ("search", search.search, READS_WEB),
        ("fetch", web_tools.fetch_page, READS_WEB),
        ("weather", weather.weather, READS_WEB),
    ]


def _memory() -> list[Tool]:
    from f.millrace.tools import memory

    return [("search", memory.search_memory, READS_HERE)]


def _mail() -> list[Tool]:
    from f.millrace.tools import mail

    return [("send", mail.send, SENDS)]


# What these give is the owner's own.
PRIVATE = frozenset({"notes", "memory"})
SERVERS: dict[str, Callable[[], list[Tool]]] = {
    "hackernews": _hackernews,
    "arxiv": _arxiv,
    "feeds": _feeds,
    "notes": _notes,
    "memory": _memory,
    "web": _web,
    "mail": _mail,
}


def servers() -> dict[str, MCPServer]:
    """Return the servers by name."""
    return {name: server(name) for name in SERVERS}


def server(name: str) -> MCPServer:
    """Return one server; `scripts/millrace mcp serve` offers it to other programs."""
    made = MCPServer(name, log_level="ERROR")
    for tool, function, annotations in SERVERS[name]():
        made.add_tool(
            _pass_faults(function),
            name=tool,
            description=inspect.getdoc(function),
            annotations=annotations,
        )
    return made


def _pass_faults(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let our own faults reach the caller: the SDK hides the text of any other exception."""

    @functools.wraps(function)
    def call(*positional: Any, **named: Any) -> Any:
        try:
            return function(*positional, **named)
        except errors.MillraceError as error:
            raise ToolError(f"{type(error).__name__}: {error}") from error

    return call
