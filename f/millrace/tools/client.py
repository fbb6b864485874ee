# requirements:

"""Tools as an agent sees them: listed over MCP at run time, called by name, whoever serves them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import mcp

from f.millrace.core import config, errors, ids, redaction, setting_types, tls
from f.millrace.tools import connection, servers, tool_pins, validation
from f.millrace.trust import tool_claims

CALL_SECONDS = 90.0
# For one server to answer what it offers.
LIST_SECONDS = 20.0
# Names of faults whose text is passed on as it is.
FAULT = re.compile(r"^(Error executing tool \S+: )?([A-Z]\w+: )?")


# Has a server do something within so many seconds.
Ask = Callable[[Callable[[mcp.Client], Awaitable[Any]], float], Awaitable[Any]]


# Providers refuse a longer name of a function.
LONGEST_NAME = 64


@dataclass(frozen=True)
class Tool:
    """A tool as its server describes it.

    Attributes:
        name: `server.tool`, as in settings and records.
        function_name: `server_tool`, as models call it.
        hash: Changes when the server changes name, description, inputs or annotations.
    """

    name: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first paragraph of its description, in one line."""
        return " ".join(self.description.partition("\n\n")[0].split())

    @property
    def function_name(self) -> str:
        """The name in the form that model providers accept, of at most 64 letters."""
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)
        return name if len(name) <= LONGEST_NAME else self.distinct_name

    @property
    def distinct_name(self) -> str:
        """A function name that no other tool has, for one that is too long or taken."""
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)
        mark = ids.digest_of(self.name)[:8]
        return f"{name[: LONGEST_NAME - len(mark) - 1]}_{mark}"

    @property
    def ours(self) -> bool:
        """Whether it is the bundle's own, in this process: its word can be taken."""
        return self.name.partition(".")[0] in servers.SERVERS

    @property
    def vouched(self) -> bool:
        """Whether its server's word is taken: the bundle's own, or by the setting."""
        server = config.settings().mcp.get(self.name.partition(".")[0])
        return self.ours or (server is not None and server.vouched)

    @property
    def open_world(self) -> bool:
        """Whether it deals with what lies outside this machine; silence means that it does."""
        return bool(self.annotations.get("openWorldHint", True))

    @property
    def is_egress(self) -> bool:
        """Whether a call sends its arguments to another system, as far as its word is taken."""
        return self.open_world or not self.vouched

    @property
    def is_public(self) -> bool:
        """Whether what it answers is the world's and nothing of the owner's."""
        if self.ours:
            return self.open_world
        return tool_claims.is_public(self.name, self.description, self.annotations, self.vouched)

    @property
    def read_only(self) -> bool:
        """Whether it is taken to change nothing: its server says so, and its own words do not deny
        it; silence means that it may.
        """
        return tool_claims.is_read_only(self.name, self.description, self.annotations, self.vouched)

    @property
    def reaches_out(self) -> bool:
        """Whether it may tell the open world what it is told."""
        return tool_claims.reaches_out(self.name, self.description, self.annotations)

    @property
    def trusted_annotations(self) -> dict[str, Any]:
        """The annotations as far as they are believed."""
        if self.annotations.get("readOnlyHint") is True and not self.read_only:
            return {**self.annotations, "readOnlyHint": False}
        return self.annotations

    @property
    def hash(self) -> str:
        """The fingerprint of the description."""
        return ids.digest_of(
            [self.name, self.description, self.input_schema, self.output_schema, self.annotations]
        )


class CallOutcomeUnknown(errors.ToolFailed):
    """The call left and nothing that can be taken came back: it may have had its effect."""


class Tools:
    """The tools of every server that answered; made by `open_tools`.

    Attributes:
        problems: Servers and tools that cannot be used, in words.
        versions: What each server says of its version.
    """

    def __init__(self, allowed: list[str] | None) -> None:
        self.problems: list[str] = []
        self.versions: dict[str, str] = {}
        self._allowed = allowed
        self._servers: dict[str, Ask] = {}
        self._tools: dict[str, Tool] = {}

    def add_server(self, name: str, ask: Ask) -> None:
        """Take in a server that answers."""
        self._servers[name] = ask

    async def list_tools(self) -> list[Tool]:
        """Ask every server what it offers now; only allowed tools are returned."""
        found: dict[str, Tool] = {}
        for name, ask in self._servers.items():
            try:
                offered, self.versions[name], whole = await ask(
                    functools.partial(_list_server_tools, name), LIST_SECONDS
                )
                if not whole:
                    self.problems.append(
                        f"the list of the tool server {name} goes on after {len(offered)} tools; no"
                        " more pages are turned"
                    )
                for tool in (
                    offered if name in servers.SERVERS else self._select_usable(name, offered)
                ):
                    if allows(self._allowed, tool.name):
                        found[tool.name] = tool
            except Exception as error:  # a server of others may fail in any way; the rest goes on
                self.problems.append(
                    f"the tool server {name} could not be listed: {_format_error(error)}"
                )
        self._tools = found
        return list(found.values())

    def _select_usable(self, server: str, offered: list[Tool]) -> list[Tool]:
        """Return which tools of a server of others may be offered to an agent;
        the rest is told in `problems`.
        """
        if len(offered) > validation.MOST_TOOLS:
            self.problems.append(
                f"the tool server {server} lists {len(offered)} tools; the first"
                f" {validation.MOST_TOOLS} are taken"
            )
        sound: list[Tool] = []
        for tool in offered[: validation.MOST_TOOLS]:
            fault = validation.validate_tool(
                tool.name.partition(".")[2], tool.description, tool.input_schema, tool.output_schema
            )
            if any(tool.name == other.name for other in sound):
                fault = f"{tool.name} is listed twice"
            if fault:
                self.problems.append(f"a tool of {server} is left out: {fault}")
            else:
                sound.append(tool)
        ready, held = tool_pins.partition(
            server, config.settings().mcp[server].place, [_to_dict(tool) for tool in sound]
        )
        self.problems += held
        return [tool for tool in sound if tool.name.partition(".")[2] in ready]

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a tool by either form of its name and return its structured result;
        ToolFailed tells why not.
        """
        tool = await self._find(name)
        where, _, short = tool.name.partition(".")
        try:
            answer = await self._servers[where](
                functools.partial(_call_tool, short, arguments or {}), CALL_SECONDS
            )
        except Exception as error:  # transport faults of a server of others
            raise CallOutcomeUnknown(
                f"{tool.name} gave no answer: {_format_error(error)}"
            ) from error
        text = "\n".join(part.text for part in answer.content if part.type == "text")
        if answer.is_error:
            raise errors.ToolFailed(f"{tool.name} failed: {FAULT.sub('', text, count=1)[:1000]}")
        given = answer.structured_content
        if tool.ours:
            return given if given is not None else {"text": text}
        try:
            return validation.validate_answer(
                _structured_answer(answer, text, tool), tool.output_schema
            )
        except validation.BadAnswer as error:
            raise CallOutcomeUnknown(f"{tool.name} was called, but {error}") from error

    async def _find(self, name: str) -> Tool:
        tools = self._tools or {tool.name: tool for tool in await self.list_tools()}
        for tool in tools.values():
            if name in (tool.name, tool.function_name):
                return tool
        raise errors.BadInput(
            f"there is no tool {name[:80]!r}; there are {', '.join(tools) or 'none'}"
        )


@contextlib.asynccontextmanager
async def open_tools(allowed: Iterable[str] | None = None) -> AsyncGenerator[Tools, None]:
    """Connect to the servers that have allowed tools; None allows everything.

    `allowed` holds `server.tool`, or `server` for all of its tools. A server that does not answer
    is named in `problems` and the others serve.
    """
    wanted = None if allowed is None else [entry.replace(".*", "") for entry in allowed]
    tools = Tools(wanted)
    async with contextlib.AsyncExitStack() as stack:
        for name, target in _targets().items():
            if wanted is not None and not any(entry.partition(".")[0] == name for entry in wanted):
                continue
            tools.add_server(name, await target(stack))
        yield tools


def allows(allowed: list[str] | None, name: str) -> bool:
    """Return whether the list allows the tool: by its name or by its server's."""
    return allowed is None or name in allowed or name.partition(".")[0] in allowed


def _targets() -> dict[str, Callable[[contextlib.AsyncExitStack], Awaitable[Ask]]]:
    ours = {name: functools.partial(_ask_local, name) for name in servers.SERVERS}
    others = {
        name: functools.partial(_remote, name, server)
        for name, server in config.settings().mcp.items()
    }
    return {**others, **ours}


async def _ask_local(name: str, stack: contextlib.AsyncExitStack) -> Ask:
    client = await stack.enter_async_context(mcp.Client(servers.server(name)))

    async def ask(work: Callable[[mcp.Client], Awaitable[Any]], seconds: float) -> Any:
        async with asyncio.timeout(seconds):
            return await work(client)

    return ask


async def _remote(
    name: str, server: setting_types.ToolServer, stack: contextlib.AsyncExitStack
) -> Ask:
    remote = connection.Remote(name, server)
    stack.push_async_callback(remote.close)
    return remote.ask


async def _call_tool(tool: str, arguments: dict[str, Any], client: mcp.Client) -> Any:
    return await client.call_tool(tool, arguments, read_timeout_seconds=CALL_SECONDS)


async def _list_server_tools(name: str, client: mcp.Client) -> tuple[list[Tool], str, bool]:
    """Return the tools, the server's version, and whether that is the whole list."""
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(validation.MOST_PAGES):
        answer = await client.list_tools(cursor=cursor, cache_mode="refresh")
        for tool in answer.tools:
            annotations = (
                tool.annotations.model_dump(by_alias=True, exclude_none=True)
                if tool.annotations
                else {}
            )
            found.append(
                Tool(
                    f"{name}.{tool.name}",
                    tool.description or "",
                    tool.input_schema,
                    tool.output_schema,
                    annotations,
                )
            )
        cursor = answer.next_cursor
        if not cursor or len(found) > validation.MOST_TOOLS:
            break
    return found, str(getattr(client.server_info, "version", None) or ""), not cursor


def _structured_answer(answer: Any, text: str, tool: Tool) -> dict[str, Any]:
    """Return the structured answer, or the text when none was promised."""
    if answer.structured_content is not None:
        return answer.structured_content
    if tool.output_schema is not None:
        raise validation.BadAnswer("its answer is not what it promised: it has no structure")
    return {"text": text}


def _to_dict(tool: Tool) -> tool_pins.OfferedTool:
    return {
        "tool": tool.name.partition(".")[2],
        "hash": tool.hash,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "output_schema": tool.output_schema,
        "annotations": tool.annotations,
    }


def _format_error(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    said = str(error) or "no answer in time"
    words = " ".join(f"{type(error).__name__}: {said}".split())[:300]
    return redaction.redact(words + tls.advise(said))
