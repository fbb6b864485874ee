"""How programs of others reach a server: over stdin and stdout, or over streamable HTTP behind a
guard.

HTTP is for loopback, behind the guard that all our servers have. What a client leaves open ends:
a connection that sends nothing, a body that does not come, a session that nobody uses, a stream
that is as old as an hour.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from mcp import types
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import (
    EventCallback,
    EventMessage,
    EventStore,
)
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from f.millrace.core.errors import BadInput
from scripts.serving import guard
from scripts.serving.served import Served

PATH = "/mcp"
MOST_BYTES = 4_000_000
MOST_SESSIONS = 50
MOST_STREAMS = 50
MOST_CONNECTIONS = 200
# How long a connection may stay without a whole head of a request, and a request without its body.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
# A session with no request in flight ends after this; a stream is cut, and its client takes it up.
IDLE_SECONDS = 600.0
STREAM_SECONDS = 3600.0
KEPT_MESSAGES = 100
# How long a client waits before it takes up a stream that was cut.
RETRY_MILLISECONDS = 500
GRACE_SECONDS = 2


async def over_stdio(server: Served) -> None:
    """Serve the program that started this one, until it closes stdin."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def over_http(
    server: Served,
    listening: socket.socket,
    token: str,
    hosts: Sequence[str] = (),
    ended: asyncio.Event | None = None,
) -> None:
    """Serve at `http://HOST:PORT/mcp` until the process is told to end, or `ended` is set."""
    import uvicorn

    config = uvicorn.Config(
        application(server, token, hosts),
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        http=_connection_class(),
        ws="none",
    )
    http = uvicorn.Server(config)

    async def end() -> None:
        if ended is not None:
            await ended.wait()
            http.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await http.serve(sockets=[listening])
    finally:
        ending.cancel()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; BadInput when the place is taken or is none."""
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise BadInput(
            f"{host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}; choose another"
            " --port or --host"
        ) from error
    # Connections take this over: a client whose machine is gone is noticed, although nothing comes.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return listening


def _connection_class() -> type[asyncio.Protocol]:
    """Return uvicorn's connection with an end for those that send no request, and a most of them.

    The class is made here, because uvicorn is loaded only where HTTP is served.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Connection(H11Protocol):
        """One connection; it is closed when a head of a request takes too long."""

        waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            """Take a connection, or close it at once when there are too many."""
            if len(self.connections) >= MOST_CONNECTIONS:
                transport.abort()
                return
            super().connection_made(transport)
            self._await_head()

        def data_received(self, data: bytes) -> None:
            """Read on; a head that is whole ends the wait for it."""
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self._stop_waiting()
            elif (self.cycle is None or self.cycle.response_complete) and self.waiting is None:
                self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            """Forget the wait."""
            self._stop_waiting()
            if self in self.connections:
                super().connection_lost(exc)

        def _await_head(self) -> None:
            self.waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)

        def _stop_waiting(self) -> None:
            if self.waiting:
                self.waiting.cancel()
                self.waiting = None

    return Connection


def application(server: Served, token: str, hosts: Sequence[str] = ()) -> ASGIApp:
    """Return the ASGI application. `hosts` are names under which it may be called, besides those of
    loopback.

    An empty token asks for none; only tests do that.
    """
    sessions = _Sessions(
        server,
        retry_interval=RETRY_MILLISECONDS,
        max_request_body_size=MOST_BYTES,
        max_sessions=MOST_SESSIONS,
        session_idle_timeout=IDLE_SECONDS,
    )
    app = Starlette(
        routes=[Route(PATH, StreamableHTTPASGIApp(sessions))], lifespan=lambda _app: sessions.run()
    )
    return _Guarded(app, token, hosts)


class _Guarded:
    """Answers only to who may ask, and no longer than a request may take."""

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        self._app, self._token, self._hosts = app, token, hosts
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refusal = guard.refuse(
            headers,
            self._token,
            self._hosts,
            has_body=scope["method"] == "POST",
            shown_by="`scripts/millrace mcp config --http`",
        )
        if refusal is None and scope["method"] == "GET" and self._streams >= MOST_STREAMS:
            refusal = guard.Refusal(
                503, f"{MOST_STREAMS} streams are open, which is the most; close one"
            )
        if refusal:
            await _answer(refusal)(scope, receive, send)
        elif scope["method"] == "GET":
            await self._stream(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams += 1
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                await self._app(scope, receive, send)
        except TimeoutError:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._streams -= 1

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body whole, so that nothing waits for a client that stopped in the middle."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(receive)
        except TimeoutError:
            words = f"the body did not come within {BODY_SECONDS:.0f} seconds"
            await _answer(guard.Refusal(408, words))(scope, receive, send)
            return
        if body is None:
            return
        if len(body) > MOST_BYTES:
            words = f"the body has more than {MOST_BYTES} bytes, which is the most"
            await _answer(guard.Refusal(413, words))(scope, receive, send)
            return
        given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return given.pop() if given else await receive()

        await self._app(scope, replay, send)


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, at most a piece longer than the most; None when the client left."""
    body = bytearray()
    while len(body) <= MOST_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _answer(refusal: guard.Refusal) -> JSONResponse:
    told = {"www-authenticate": 'Bearer realm="millrace"'} if refusal.status == 401 else {}
    # A body that was not read would stand before the next request.
    return JSONResponse({"error": refusal.words}, refusal.status, {**told, "connection": "close"})


class Events(EventStore):
    """The last messages of one session, so that a client whose connection was cut gets what it
    missed.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[int, str, types.JSONRPCMessage | None]] = deque(
            maxlen=KEPT_MESSAGES
        )
        self._number = 0

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        """Keep a message and return its id."""
        self._number += 1
        self._kept.append((self._number, stream_id, message))
        return str(self._number)

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        """Send what the stream of that event had after it; None when it is not known (any more)."""
        stream = next(
            (stream for number, stream, _ in self._kept if str(number) == last_event_id), None
        )
        for number, of, message in list(self._kept) if stream else []:
            if number > int(last_event_id) and of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class _Sessions(StreamableHTTPSessionManager):
    """The SDK names a stream by the number of its request, which every session counts from one:
    each keeps its own.
    """

    @property
    def event_store(self) -> EventStore:
        return Events()

    @event_store.setter
    def event_store(self, given: EventStore | None) -> None:
        pass
