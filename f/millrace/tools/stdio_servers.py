# requirements:

"""A server of others that runs as a program here: started without our secrets, bounded in what it
says, ended with all its children.
"""

import asyncio
import contextlib
import math
import os
import signal
import time
from collections.abc import AsyncGenerator
from typing import Any

import anyio
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from f.millrace.core import errors, redaction, setting_types, windmill

# Between two messages of ours; a server that says more talks without end.
MOST_BYTES = 4_000_000
MOST_MESSAGES = 2_000
LAST_WORDS = 2_000
GRACE_SECONDS = 1.0
POLL_SECONDS = 0.05

Streams = tuple[Any, Any]


class ServerGone(ConnectionError):
    """The program ended or was ended, and why."""


class Program:
    """The running server: what it writes becomes messages, as long as it keeps to the bounds."""

    def __init__(self, process: asyncio.subprocess.Process, broken: "asyncio.Future[None]") -> None:
        self._process, self._broken = process, broken
        self._said, self._spoken, self._messages, self._leaving = b"", 0, 0, False

    async def read(self, to: "anyio.abc.ObjectSendStream[SessionMessage | Exception]") -> None:
        """Pass on what the server says; its end, or too much of it, breaks the connection."""
        assert self._process.stdout
        async with to:
            try:
                while line := await self._process.stdout.readline():
                    self._spoken += len(line)
                    self._messages += 1
                    if self._spoken > MOST_BYTES or self._messages > MOST_MESSAGES:
                        raise ServerGone(
                            f"it said more than {MOST_MESSAGES:,} messages or {MOST_BYTES:,} bytes"
                            " unasked"
                        )
                    await to.send(_message(line))
                await self._has_ended(GRACE_SECONDS)
                self._break(ServerGone(self._how()))
            except ValueError:
                self._break(ServerGone(f"it wrote a line longer than {MOST_BYTES:,} bytes"))
            except ServerGone as error:
                self._break(error)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                pass  # nobody listens any more

    async def write(self, what: "anyio.abc.ObjectReceiveStream[SessionMessage]") -> None:
        """Pass on what we say."""
        assert self._process.stdin
        async with what:
            async for each in what:
                self._spoken = self._messages = 0
                text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                with contextlib.suppress(ConnectionError):
                    self._process.stdin.write(text.encode() + b"\n")
                    await self._process.stdin.drain()

    async def keep_last_words(self) -> None:
        """Read what it writes to stderr, so that it does not block, and keep the end."""
        assert self._process.stderr
        while part := await self._process.stderr.read(65536):
            self._said = (self._said + part)[-LAST_WORDS:]

    async def watch(self, to: "anyio.abc.ObjectSendStream[SessionMessage | Exception]") -> None:
        """Notice its end also when its children hold its pipes open."""
        await self._has_ended()
        await asyncio.sleep(POLL_SECONDS)  # for what it said last
        self._break(ServerGone(self._how()))
        await to.aclose()

    async def end(self) -> None:
        """Let it go, then end it and whatever it started."""
        assert self._process.stdin
        self._leaving = True
        self._process.stdin.close()
        try:
            if not await self._has_ended(GRACE_SECONDS):
                _kill(self._process, signal.SIGTERM)
                await self._has_ended(GRACE_SECONDS)
        finally:
            _kill(self._process, signal.SIGKILL)

    async def _has_ended(self, seconds: float = math.inf) -> bool:
        # Not process.wait(), which waits for the pipes, too.
        until = time.monotonic() + seconds
        while self._process.returncode is None and time.monotonic() < until:
            await asyncio.sleep(POLL_SECONDS)
        return self._process.returncode is not None

    def _how(self) -> str:
        words = redaction.redact(" ".join(self._said.decode(errors="replace").split())[-200:])
        return f"the program ended with code {self._process.returncode}" + (
            f": {words}" if words else ""
        )

    def _break(self, fault: ServerGone) -> None:
        if not self._leaving and not self._broken.done():
            self._broken.set_exception(fault)


@contextlib.asynccontextmanager
async def start(
    server: setting_types.ToolServer, env: dict[str, str], broken: "asyncio.Future[None]"
) -> AsyncGenerator[Streams, None]:
    """Start the program and yield what to read from and to write to; `broken` fails when it is
    gone.
    """
    if windmill.on_worker():
        raise errors.BadSetting(
            f"{server.command} is not started on a worker; serve it elsewhere and name its url in"
            " the setting mcp"
        )
    try:
        process = await asyncio.create_subprocess_exec(
            server.command,
            *server.args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MOST_BYTES,
            env=get_default_environment() | env,
            cwd=server.cwd or None,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise errors.BadSetting(
            f"{server.command} cannot be started: {error} (setting mcp)"
        ) from error
    program = Program(process, broken)
    incoming, reading = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    writing, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    works = (
        program.read(incoming),
        program.write(outgoing),
        program.keep_last_words(),
        program.watch(incoming),
    )
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield reading, writing
    finally:
        reading.close()
        writing.close()
        try:
            await asyncio.shield(program.end())
        finally:
            _kill(process, signal.SIGKILL)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            process._transport.close()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # else its pipes outlive a killed one


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


def _kill(process: asyncio.subprocess.Process, by: signal.Signals) -> None:
    # The group, for a program that started others; it is a session of its own.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, by)
