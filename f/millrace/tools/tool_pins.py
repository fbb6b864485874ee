# requirements:

"""Which tools of others are enabled: as they were when a person approved them, and no other.

Putting a server into the settings approves what it offers at first contact. Whatever it adds or
changes later is held: enabling a tool is a high-risk action (`tools.enable`) that waits for a
person, once for each version.
"""

from collections.abc import Sequence
from typing import Any

from f.millrace.core import db, errors
from f.millrace.trust import actions

Row = dict[str, Any]
ACTION = "tools.enable"


def partition(server: str, url: str, offered: Sequence[Row]) -> tuple[set[str], list[str]]:
    """Return the names of the tools that may be used, and in words which are held and why.

    A tool is given as {tool, hash, description, input_schema, output_schema, annotations}.
    """
    known = db.fetch_all(
        "SELECT tool, hash, detail FROM tool_enabled WHERE server = %s AND url = %s ORDER BY"
        " enabled_at",
        [server, url],
    )
    if not known:
        for each in offered:
            _enable(server, url, each, "settings")
        return {each["tool"] for each in offered}, []
    hashes = {(row["tool"], row["hash"]) for row in known}
    before = {row["tool"]: row["detail"] for row in known}
    ready: set[str] = set()
    held: list[str] = []
    for each in offered:
        if (each["tool"], each["hash"]) in hashes or _approved(
            server, url, each, before.get(each["tool"])
        ):
            ready.add(each["tool"])
        else:
            held.append(
                f"the tool {server}.{each['tool']} {_difference(each, before.get(each['tool']))};"
                f" {_way_out(server, each)}"
            )
    return ready, held


def key_of(server: str, url: str, tool: str, hash: str) -> str:
    """Return the key of the action that enables one version of a tool."""
    return f"{ACTION} {server} {url} {tool} {hash[:16]}"


def list_waiting() -> list[Row]:
    """Return the actions that would enable a tool and wait for an answer, oldest first."""
    return db.fetch_all(
        "SELECT * FROM action WHERE tool = %s AND state = 'proposed' ORDER BY created_at", [ACTION]
    )


def ask_again(name: str) -> Row | None:
    """Ask again about the version of a tool (server.tool) that was refused last, and return the
    question; None without one.
    """
    server, _, tool = name.partition(".")
    row = db.fetch_one(
        "SELECT * FROM action WHERE tool = %s AND state = 'denied' AND arguments ->> 'server' = %s"
        " AND arguments ->> 'name' = %s AND key !~ '#[0-9a-f-]{36}$' ORDER BY created_at DESC"
        " LIMIT 1",
        [ACTION, server, tool],
    )
    return row and actions.propose(
        ACTION, row["arguments"], row["key"], reason=row["reason"], at_least="high", again=True
    )


def perform(action: Row) -> Row:
    """Enable the tool of an approved action, once."""
    arguments = action["arguments"]
    detail = {
        name: arguments[name]
        for name in ("description", "input_schema", "output_schema", "annotations")
    }
    given = {"tool": arguments["name"], "hash": arguments["hash"], **detail}

    def do() -> dict[str, Any]:
        _enable(arguments["server"], arguments["url"], given, "approval")
        return {"enabled": f"{arguments['server']}.{arguments['name']}", "hash": arguments["hash"]}

    return actions.perform(action["key"], arguments, do)


def _approved(server: str, url: str, offered: Row, before: Row | None) -> bool:
    """Propose to enable the tool; return whether that was approved already."""
    arguments = {
        "server": server,
        "url": url,
        "name": offered["tool"],
        "hash": offered["hash"],
        "was": before,
        **{
            name: offered[name]
            for name in ("description", "input_schema", "output_schema", "annotations")
        },
    }
    reason = f"{server}.{offered['tool']} {_difference(offered, before)}"
    key = key_of(server, url, offered["tool"], offered["hash"])
    row = actions.propose(ACTION, arguments, key, reason=reason, at_least="high")
    if row["state"] == "expired":
        # Nobody has said no: it would be held for good.
        row = actions.propose(ACTION, arguments, key, reason=reason, at_least="high", again=True)
    try:
        return perform(row)["state"] == "performed"
    except errors.NeedsApproval:
        return False


def _enable(server: str, url: str, each: Row, by: str) -> None:
    detail = {
        name: each[name] for name in ("description", "input_schema", "output_schema", "annotations")
    }
    db.execute(
        "INSERT INTO tool_enabled (server, url, tool, hash, detail, enabled_by) VALUES (%s, %s, %s,"
        " %s, %s, %s) ON CONFLICT DO NOTHING",
        [server, url, each["tool"], each["hash"], db.jsonb(detail), by],
    )


def _difference(offered: Row, before: Row | None) -> str:
    if before is None:
        return "is new on a server that was approved without it"
    changed = [
        name
        for name in ("description", "input_schema", "output_schema", "annotations")
        if offered[name] != before.get(name)
    ]
    return f"changed since it was approved ({', '.join(changed) or 'its name'})"


def _way_out(server: str, each: Row) -> str:
    return f"it is held until `scripts/millrace tools approve {server}.{each['tool']}`"
