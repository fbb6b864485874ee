"""How programs of others reach a server: over stdin and stdout, or over streamable HTTP behind a
guard.

HTTP is for loopback: a browser that was sent here by a foreign page names a foreign host or origin
and is refused, and without the token nobody is answered.
"""

import asyncio
import hmac
import os
import socket
from collections import deque
from collections.abc import Sequence

from mcp import types
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from f.millrace.core.errors import BadInput
from scripts.serving.served import Served

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_BYTES = 4_000_000
MOST_SESSIONS = 50
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
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise BadInput(
            f"{host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}; choose another"
            " --port or --host"
        ) from error


def application(server: Served, token: str, hosts: Sequence[str] = ()) -> ASGIApp:
    """Return the ASGI application. `hosts` are names under which it may be called, besides those of
    loopback.

    An empty token asks for none; only tests do that.
    """
    named = [*LOOPBACK, *hosts]
    allowed = [form for name in named for form in (name, f"{name}:*")]
    sessions = _Sessions(
        server,
        retry_interval=RETRY_MILLISECONDS,
        max_request_body_size=MOST_BYTES,
        max_sessions=MOST_SESSIONS,
        security_settings=TransportSecuritySettings(
            allowed_hosts=allowed,
            allowed_origins=[
                f"{scheme}://{form}" for form in allowed for scheme in ("http", "https")
            ],
        ),
    )
    app = Starlette(
        routes=[Route(PATH, StreamableHTTPASGIApp(sessions))], lifespan=lambda _app: sessions.run()
    )
    return _Guarded(app, token) if token else app


class _Guarded:
    """Answers only to who holds the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            given = next(
                (value for name, value in scope["headers"] if name == b"authorization"), b""
            )
            if not hmac.compare_digest(given, self._wanted):
                words = (
                    "give the token that `scripts/millrace mcp config --http` shows: Authorization:"
                    " Bearer TOKEN"
                )
                refusal = JSONResponse(
                    {"error": words}, 401, headers={"www-authenticate": 'Bearer realm="millrace"'}
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


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
