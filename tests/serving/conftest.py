"""Servers on loopback, in the loop of the test, and what tests say to them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client

from scripts.serving.served import Served
from scripts.serving.transports import PATH, listen, over_http

TOKEN = "planted-token-of-the-tests"


@contextlib.asynccontextmanager
async def at(server: Served, hosts: Sequence[str] = (), token: str = TOKEN) -> AsyncIterator[str]:
    """Serve over HTTP and yield the address."""
    with listen("127.0.0.1", 0) as listening:
        ended = asyncio.Event()
        serving = asyncio.create_task(over_http(server, listening, token, hosts, ended))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{PATH}"
        finally:
            ended.set()
            await serving


@contextlib.asynccontextmanager
async def client(url: str, token: str = TOKEN, **options: Any) -> AsyncIterator[mcp.Client]:
    """Connect to the address with the token."""
    async with httpx2.AsyncClient(
        headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        async with mcp.Client(
            streamable_http_client(url, http_client=http), **options
        ) as connected:
            yield connected


def hello(version: str = "2025-11-25") -> dict[str, Any]:
    """Return the first message of a client with a handshake."""
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


def post(
    url: str, message: dict[str, Any] | bytes, token: str = TOKEN, **headers: str
) -> httpx2.Response:
    """Send one message as a client that is no SDK would."""
    sent = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        **({"authorization": f"Bearer {token}"} if token else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    body = {"content": message} if isinstance(message, bytes) else {"json": message}
    with httpx2.Client(trust_env=False) as http:
        return http.post(url, headers=sent, **body)
