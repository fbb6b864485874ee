"""An MCP server for programs of others: lists come in pages, and who listens hears when the tools
change.

It speaks every released protocol version: those with a handshake (2024-11-05 to 2025-11-25), whose
clients hold a session, and 2026-07-28, whose requests stand alone and whose clients listen on a
stream that they ask for.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import mcp
from mcp import types
from mcp.server import NotificationOptions, Server, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.models import InitializationOptions
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

PAGE = 50
# Sessions that hear of changes; the one that asked longest ago gives way.
MOST_SESSIONS = 1_000
MOST_LISTENERS = 100

Asked = ServerRequestContext[Any, Any]
ListTools = Callable[[Asked], Awaitable[Sequence[types.Tool]]]
CallTool = Callable[[Asked, str, dict[str, Any]], Awaitable[types.CallToolResult]]
Named = TypeVar("Named")


class Served(Server[Any]):
    """Tools as a server. Resources and prompts are added with `add_request_handler`."""

    def __init__(
        self,
        name: str,
        list_tools: ListTools,
        call_tool: CallTool,
        *,
        page: int = PAGE,
        **described: Any,
    ) -> None:
        """Serve what `list_tools` returns, `page` at a time, and call it with `call_tool`."""
        self._bus = InMemorySubscriptionBus()
        self._sessions: OrderedDict[str, ServerSession] = OrderedDict()

        async def on_list(
            asked: Asked, params: types.PaginatedRequestParams | None
        ) -> types.ListToolsResult:
            tools, cursor = paged(await list_tools(asked), params, page, key=lambda tool: tool.name)
            return types.ListToolsResult(tools=tools, next_cursor=cursor)

        async def on_call(
            asked: Asked, params: types.CallToolRequestParams
        ) -> types.CallToolResult:
            return await call_tool(asked, params.name, params.arguments or {})

        super().__init__(
            name,
            on_list_tools=on_list,
            on_call_tool=on_call,
            on_subscriptions_listen=ListenHandler(self._bus, max_subscriptions=MOST_LISTENERS),
            **described,
        )
        self.middleware.append(self._remember)

    def create_initialization_options(self, *arguments: Any, **named: Any) -> InitializationOptions:
        """Say to clients with a handshake, too, that they are told of changes."""
        named.setdefault("notification_options", NotificationOptions(tools_changed=True))
        return super().create_initialization_options(*arguments, **named)

    async def tools_changed(self) -> None:
        """Tell every client that listens to list the tools again."""
        await self._bus.publish(ToolsListChanged())
        for key, session in list(self._sessions.items()):
            try:
                await session.send_tool_list_changed()
            except Exception as error:  # a session of others may end in any way
                logging.getLogger(__name__).debug("session %s is gone: %s", key, error)
                self._sessions.pop(key, None)

    async def _remember(self, ctx: Asked, call_next: CallNext) -> HandlerResult:
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            key = session_of(ctx)
            self._sessions[key] = ctx.session
            self._sessions.move_to_end(key)
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return await call_next(ctx)


def session_of(asked: Asked) -> str:
    """Return which conversation a request belongs to: its session, or its client where requests
    stand alone.
    """
    headers = getattr(asked.request, "headers", None) or {}
    if session := headers.get("mcp-session-id"):
        return f"session {session}"
    params = asked.session.client_params
    return f"client {params.client_info.name}" if params else "client"


def paged(
    entries: Sequence[Named],
    params: types.PaginatedRequestParams | None,
    size: int,
    key: Callable[[Named], str],
) -> tuple[list[Named], str | None]:
    """Return the page after the cursor, in the order of the names, and the cursor of the next one.

    A cursor is the last name that was given, so that entries that come or go between two pages
    shift nothing.
    """
    cursor = params.cursor if params else None
    entries = sorted(entries, key=key)
    if cursor is not None:
        if not cursor.startswith("after:"):
            raise mcp.MCPError(
                types.INVALID_PARAMS,
                f"the cursor {cursor[:80]!r} is none of this server; list from the beginning",
            )
        entries = [entry for entry in entries if key(entry) > cursor.removeprefix("after:")]
    page = list(entries[:size])
    return page, f"after:{key(page[-1])}" if len(entries) > size else None
