# requirements:

"""Connections to MCP servers of others: one that hangs, floods or lies is left out, and the rest
goes on.

Bounded are the seconds of each exchange and the bytes of each answer. A bearer token goes to its
own server only.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import mcp
from mcp import types
from mcp.client.streamable_http import streamable_http_client

from f.millrace.core import all_settings, config, errors, secret, setting_types
from f.millrace.telemetry import spans
from f.millrace.tools import stdio_servers

CLOSE_SECONDS = 5.0

T = TypeVar("T")


class Remote:
    """One server of others. Its connection lives in a task of its own, so that its end is nobody
    else's.
    """

    def __init__(self, name: str, server: setting_types.ToolServer) -> None:
        self._name, self._server = name, server
        self._task: asyncio.Task[None] | None = None
        self._client: asyncio.Future[mcp.Client] | None = None
        self._broken: asyncio.Future[None] | None = None
        self._closing = asyncio.Event()

    async def ask(self, work: Callable[[mcp.Client], Awaitable[T]], seconds: float) -> T:
        """Return what `work` gets from the server, connecting first when there is no connection
        (any more).

        TimeoutError and what the connection raises tell why there is nothing.
        """
        async with asyncio.timeout(seconds):
            client = await self._wait_connected()
            assert self._task is not None
            asked = asyncio.ensure_future(work(client))
            try:
                await asyncio.wait({asked, self._task}, return_when=asyncio.FIRST_COMPLETED)
                if asked.done() and not (asked.exception() and self._fault()):
                    return asked.result()
                raise self._reason()
            finally:
                asked.cancel()
                with contextlib.suppress(BaseException):
                    await asked

    async def close(self) -> None:
        """End the connection; a server that does not let go is left."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            if self._task.done() and not self._task.cancelled():
                self._task.exception()
        self._fault()

    async def _wait_connected(self) -> mcp.Client:
        if self._task is not None and self._fault():
            await asyncio.wait({self._task})
        if self._task is None or self._task.done():
            loop = asyncio.get_running_loop()
            self._client, self._broken = loop.create_future(), loop.create_future()
            self._task = asyncio.create_task(self._keep_connection(self._client, self._broken))
        assert self._client is not None
        await asyncio.wait({self._client, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._client.done():
            return self._client.result()
        raise self._reason()

    async def _keep_connection(
        self, ready: "asyncio.Future[mcp.Client]", broken: "asyncio.Future[None]"
    ) -> None:
        async with connect(self._name, self._server, broken) as client:
            ready.set_result(client)
            closing = asyncio.ensure_future(self._closing.wait())
            await asyncio.wait({closing, broken}, return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()

    def _fault(self) -> BaseException | None:
        """Return what broke the connection, which says more than what its end did to a request."""
        return (
            self._broken.exception() if self._broken is not None and self._broken.done() else None
        )

    def _reason(self) -> BaseException:
        ended = self._task.exception() if self._task is not None and self._task.done() else None
        return self._fault() or ended or ConnectionError("the server closed the connection")


@contextlib.asynccontextmanager
async def connect(
    name: str, server: setting_types.ToolServer, broken: "asyncio.Future[None]"
) -> AsyncGenerator[mcp.Client, None]:
    """Connect to the server of that name, with its token and within the bounds; `broken` fails when
    it is gone.
    """
    seconds = config.settings().mcp_seconds
    async with contextlib.AsyncExitStack() as stack:
        if server.command:
            transport: Any = stdio_servers.start(server, _expand(name, server.env), broken)
        else:
            http = await stack.enter_async_context(_http(name, server, seconds))
            transport = streamable_http_client(
                server.url, http_client=http, max_sse_event_size=stdio_servers.MOST_BYTES
            )
        answers = _accept_defaults if server.asks == "defaults" else None
        client = mcp.Client(transport, read_timeout_seconds=seconds, elicitation_callback=answers)
        connection = await stack.enter_async_context(client)
        # What a server of others promised is checked in tools/validation, within a time.
        connection.session.validate_tool_result = _take_any  # pyright: ignore[reportAttributeAccessIssue]
        yield connection


def _http(name: str, server: setting_types.ToolServer, seconds: float) -> httpx2.AsyncClient:
    headers = {"accept-encoding": "identity", **_expand(name, server.headers)}
    token = config.settings().mcp_tokens.get(name)
    if token is not None:
        headers["authorization"] = f"Bearer {token.get_secret_value()}"
    return httpx2.AsyncClient(
        headers=headers,
        event_hooks={"request": [_add_traceparent]},
        timeout=httpx2.Timeout(seconds),
        transport=_Bounded(httpx2.AsyncHTTPTransport()),
        trust_env=False,
    )


def _expand(name: str, values: dict[str, secret.Secret]) -> dict[str, str]:
    """Return the values with `${NAME}` filled in from the environment."""

    def fill(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise errors.BadSetting(
                f"setting 'mcp' names ${{{found[1]}}} for the server {name!r}, which is not in the"
                " environment"
            )
        return os.environ[found[1]]

    return {
        key: re.sub(all_settings.FROM_ENVIRONMENT, fill, value.get_secret_value())
        for key, value in values.items()
    }


async def _take_any(name: str, result: types.CallToolResult) -> None:
    pass


async def _accept_defaults(
    context: Any,  # noqa: ARG001
    params: types.ElicitRequestParams,
) -> types.ElicitResult:
    """Accept a form by the defaults that the server proposes itself; it learns nothing that it did
    not say.
    """
    if not isinstance(params, types.ElicitRequestFormParams):
        return types.ElicitResult(action="decline")
    fields: dict[str, Any] = params.requested_schema.get("properties") or {}
    content: dict[str, Any] = {
        field: said["default"]
        for field, said in fields.items()
        if isinstance(said, dict) and "default" in said
    }
    if set(params.requested_schema.get("required") or []) - content.keys():
        return types.ElicitResult(action="decline")
    return types.ElicitResult(action="accept", content=content)


async def _add_traceparent(request: httpx2.Request) -> None:
    """Say to which trace the request belongs; inside MCP's own messages the SDK says so too."""
    if place := spans.traceparent():
        request.headers["traceparent"] = place


class _Bounded(httpx2.AsyncBaseTransport):
    """Ends an answer that is longer than is taken, before it fills the memory; and the server's own
    stream for good.
    """

    def __init__(self, inner: httpx2.AsyncHTTPTransport) -> None:
        self._inner = inner
        self._news = _Taken()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request and return an answer whose body ends at the bound."""
        own = request.method == "GET"
        if own and self._news.is_over:
            return httpx2.Response(405, request=request)
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.RemoteProtocolError(
                "the answer is compressed, which was not asked for", request=request
            )
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        response.stream = _Counted(stream, request, self._news if own else _Taken())
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Taken:
    """How much was taken so far."""

    def __init__(self) -> None:
        self.bytes = self.messages = 0

    def add(self, part: bytes) -> None:
        """Count a part; a line of its own begins each message of a stream."""
        self.bytes += len(part)
        self.messages += part.count(b"\ndata:")

    @property
    def is_over(self) -> bool:
        """Whether it is more than is taken."""
        return self.bytes > stdio_servers.MOST_BYTES or self.messages > stdio_servers.MOST_MESSAGES


class _Counted(httpx2.AsyncByteStream):
    def __init__(
        self, inner: httpx2.AsyncByteStream, request: httpx2.Request, taken: _Taken
    ) -> None:
        self._inner, self._request, self._taken = inner, request, taken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            self._taken.add(part)
            if self._taken.is_over:
                words = (
                    f"the answer is longer than {stdio_servers.MOST_BYTES:,} bytes or"
                    f" {stdio_servers.MOST_MESSAGES:,} messages"
                )
                raise httpx2.ReadError(words, request=self._request)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
