"""Connections to MCP servers of others: one that hangs, floods or lies is left out, and the rest goes on.

Bounded are the seconds of each exchange, the bytes of each answer, and the number and size of the tools. A bearer token
goes to its own server only.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client

from f.millrace.core.config import settings
from f.millrace.core.errors import ToolFailed
from f.millrace.telemetry.spans import traceparent

MOST_BYTES = 4_000_000
MOST_TOOLS = 128
MOST_PAGES = 20
LARGEST_TOOL = 20_000
LARGEST_ANSWER = 400_000
CLOSE_SECONDS = 5.0

T = TypeVar("T")


class Remote:
    """One server of others. Its connection lives in a task of its own, so that its end is nobody else's."""

    def __init__(self, name: str, url: str) -> None:
        self._name, self._url = name, url
        self._task: asyncio.Task[None] | None = None
        self._client: asyncio.Future[mcp.Client] | None = None
        self._closing = asyncio.Event()

    async def ask(self, work: Callable[[mcp.Client], Awaitable[T]], seconds: float) -> T:
        """Return what `work` gets from the server, connecting first when there is no connection (any more).

        TimeoutError and what the connection raises tell why there is nothing.
        """
        async with asyncio.timeout(seconds):
            client = await self._connected()
            assert self._task is not None
            asked = asyncio.ensure_future(work(client))
            try:
                await asyncio.wait({asked, self._task}, return_when=asyncio.FIRST_COMPLETED)
                if asked.done():
                    return asked.result()
                raise self._task.exception() or ConnectionError("the server closed the connection")
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

    async def _connected(self) -> mcp.Client:
        if self._task is None or self._task.done():
            self._client = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._live(self._client))
        assert self._client is not None
        await asyncio.wait({self._client, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._client.done():
            return self._client.result()
        raise self._task.exception() or ConnectionError("the server closed the connection")

    async def _live(self, ready: "asyncio.Future[mcp.Client]") -> None:
        async with connected(self._name, self._url) as client:
            ready.set_result(client)
            await self._closing.wait()


@contextlib.asynccontextmanager
async def connected(name: str, url: str) -> AsyncIterator[mcp.Client]:
    """Connect to the server of that name, with its token and within the bounds."""
    token = settings().mcp_tokens.get(name)
    headers = {"accept-encoding": "identity"}
    if token is not None:
        headers["authorization"] = f"Bearer {token.get_secret_value()}"
    seconds = settings().mcp_seconds
    client = httpx2.AsyncClient(
        headers=headers,
        event_hooks={"request": [_traced]},
        timeout=httpx2.Timeout(seconds),
        transport=_Bounded(httpx2.AsyncHTTPTransport()),
        trust_env=False,
    )
    async with client:
        transport = streamable_http_client(url, http_client=client, max_sse_event_size=MOST_BYTES)
        async with mcp.Client(transport, read_timeout_seconds=seconds) as connection:
            yield connection


def fault_of(name: str, description: str, input_schema: Any, output_schema: Any) -> str:
    """Return what is wrong with a tool as a server lists it; empty when it can be offered to an agent."""
    import jsonschema  # only for servers of others

    if (
        not name
        or len(name) > 64
        or not name.replace("_", "a").replace("-", "a").replace(".", "a").isalnum()
        or not name.isascii()
    ):
        return f"{name[:60]!r} is no name of a tool"
    if len(description) + len(str(input_schema)) + len(str(output_schema)) > LARGEST_TOOL:
        return f"its description and schemas are longer than {LARGEST_TOOL:,} characters"
    for schema in (input_schema, output_schema):
        if schema is None and schema is output_schema:
            continue
        if not isinstance(schema, dict) or schema.get("type") != "object":
            return "its schema does not describe an object"
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except (jsonschema.SchemaError, RecursionError) as error:
            return f"its schema is none: {str(error).splitlines()[0][:160]}"
    return ""


def bounded_answer(tool: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer; ToolFailed when it is longer than an agent can read."""
    size = len(str(answer))
    if size > LARGEST_ANSWER:
        raise ToolFailed(f"{tool} answered {size:,} characters; at most {LARGEST_ANSWER:,} are taken. Ask it for less")
    return answer


async def _traced(request: httpx2.Request) -> None:
    """Say to which trace the request belongs; inside MCP's own messages the SDK says so too."""
    if place := traceparent():
        request.headers["traceparent"] = place


class _Bounded(httpx2.AsyncBaseTransport):
    """Ends an answer that is longer than is taken, before it fills the memory."""

    def __init__(self, inner: httpx2.AsyncHTTPTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request and return an answer whose body ends at the bound."""
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.RemoteProtocolError("the answer is compressed, which was not asked for", request=request)
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        response.stream = _Counted(stream, request)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._inner = inner
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for part in self._inner:
            taken += len(part)
            if taken > MOST_BYTES:
                raise httpx2.ReadError(f"the answer is longer than {MOST_BYTES:,} bytes", request=self._request)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
