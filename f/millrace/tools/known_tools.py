# requirements:

"""The tools that an agent can be given, without asking any server: the bundle's own, and those of
others as a person enabled them.
"""

from __future__ import annotations

import functools
import inspect

from f.millrace.core import config, db
from f.millrace.tools import client, servers


def list_tools() -> dict[str, client.Tool]:
    """Return them by name, `server.tool`; of a tool that was enabled more than once, the latest."""
    return {**_enabled(), **_own()}


@functools.cache
def _own() -> dict[str, client.Tool]:
    return {
        f"{server}.{name}": client.Tool(
            f"{server}.{name}",
            inspect.getdoc(function) or "",
            {},
            annotations=annotations.model_dump(by_alias=True, exclude_none=True),
        )
        for server, make in servers.SERVERS.items()
        for name, function, annotations in make()
    }


def _enabled() -> dict[str, client.Tool]:
    named = {name: server.place for name, server in config.settings().mcp.items()}
    if not named:
        return {}
    rows = db.fetch_all(
        "SELECT server, tool, detail FROM tool_enabled e JOIN unnest(%s::text[], %s::text[]) AS"
        " named (server, url) USING (server, url) ORDER BY enabled_at",
        [list(named), list(named.values())],
    )
    return {
        f"{row['server']}.{row['tool']}": client.Tool(
            f"{row['server']}.{row['tool']}",
            row["detail"].get("description") or "",
            row["detail"].get("input_schema") or {},
            row["detail"].get("output_schema"),
            row["detail"].get("annotations") or {},
        )
        for row in rows
    }
