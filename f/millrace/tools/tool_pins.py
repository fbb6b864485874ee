# requirements:

"""Which tools of others are enabled: as they were when a person approved them, and no other.

What a server offers at first contact waits, as one question that names each tool with its risk;
a server is told by its name and its address, so the same name at another address is a new one.
Whatever it adds or changes later is held, too: enabling a tool is a high-risk action
(`tools.enable`) that waits for a person, once for each version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from f.millrace.core import db, errors, ids
from f.millrace.trust import actions, risk

if TYPE_CHECKING:
    from f.millrace.core import rows

    class OfferedTool(TypedDict):
        """A tool as its server describes it, and the hash of that."""

        tool: str
        hash: str
        description: str
        input_schema: dict[str, Any]
        output_schema: dict[str, Any] | None
        annotations: dict[str, Any]


ACTION = "tools.enable"
# In place of a tool's name: all that a server offered at first contact.
ALL = "*"
DETAIL = ("description", "input_schema", "output_schema", "annotations")


def partition(server: str, url: str, offered: Sequence[OfferedTool]) -> tuple[set[str], list[str]]:
    """Return the names of the tools that may be used, and in words which are held and why."""
    known = db.fetch_all(
        "SELECT tool, hash, detail FROM tool_enabled WHERE server = %s AND url = %s ORDER BY"
        " enabled_at",
        [server, url],
    )
    if not known:
        return _at_first_contact(server, url, offered)
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


def _at_first_contact(
    server: str, url: str, offered: Sequence[OfferedTool]
) -> tuple[set[str], list[str]]:
    if not offered:
        return set(), []
    tools = [
        {**each, "risk": risk.assess(f"{server}.{each['tool']}", each["annotations"]).risk}
        for each in offered
    ]
    arguments: dict[str, Any] = {
        "server": server,
        "url": url,
        "name": ALL,
        "was_at": _earlier_address(server, url),
        "tools": tools,
    }
    names = {each["tool"] for each in offered}
    if _is_approved(arguments, ids.digest_of(sorted(each["hash"] for each in offered))):
        return names, []
    listed = ", ".join(f"{each['tool']} ({each['risk']} risk)" for each in tools)
    return set(), [
        f"the tool server {server} {_what_is_new(arguments)}; what it offers is held"
        f" until `scripts/millrace tools approve {server}`: {listed}"
    ]


def _what_is_new(arguments: dict[str, Any]) -> str:
    if arguments["was_at"]:
        return f"has another address: {arguments['url']}, it was {arguments['was_at']}"
    return "is used for the first time"


def _earlier_address(server: str, url: str) -> str | None:
    row = db.fetch_one(
        "SELECT url FROM tool_enabled WHERE server = %s AND url <> %s ORDER BY enabled_at DESC"
        " LIMIT 1",
        [server, url],
    )
    return str(row["url"]) if row else None


def key_of(server: str, url: str, tool: str, hash: str) -> str:
    """Return the key of the action that enables one version of a tool."""
    return f"{ACTION} {server} {url} {tool} {hash[:16]}"


def ask_about_tool(asked: rows.Action, tool: str) -> rows.Action | None:
    """Ask about one tool of those that a server offered at first contact, and return the question;
    None when it offered no such tool.
    """
    given = asked["arguments"]
    offered = next((each for each in given.get("tools", ()) if each["tool"] == tool), None)
    if offered is None:
        return None
    arguments = _arguments(given["server"], given["url"], offered, None)
    key = key_of(given["server"], given["url"], tool, offered["hash"])
    reason = f"{given['server']} {_what_is_new(given)}"
    return actions.propose(ACTION, arguments, key, reason=reason, at_least="high", again=True)


def names_of(asked: rows.Action) -> list[str]:
    """Return the tools that an action would enable, as `server.tool`."""
    given = asked["arguments"]
    names = [each["tool"] for each in given["tools"]] if given["name"] == ALL else [given["name"]]
    return [f"{given['server']}.{name}" for name in names]


def list_waiting() -> list[rows.Action]:
    """Return the actions that would enable a tool and wait for an answer, oldest first."""
    return db.fetch_all(
        "SELECT * FROM action WHERE tool = %s AND state = 'proposed' ORDER BY created_at", [ACTION]
    )


def ask_again(name: str) -> rows.Action | None:
    """Ask again about the version of a tool (server.tool), or about the server's first contact
    (server), that was refused last, and return the question; None without one.
    """
    server, _, tool = name.partition(".")
    tool = tool or ALL
    row = db.fetch_one(
        "SELECT * FROM action WHERE tool = %s AND state = 'denied' AND arguments ->> 'server' = %s"
        " AND arguments ->> 'name' = %s AND key !~ '#[0-9a-f-]{36}$' ORDER BY created_at DESC"
        " LIMIT 1",
        [ACTION, server, tool],
    )
    if row is None:
        return None
    return actions.propose(
        ACTION, row["arguments"], row["key"], reason=row["reason"], at_least="high", again=True
    )


def perform(action: rows.Action) -> rows.Action:
    """Enable the tool of an approved action, once."""
    given = action["arguments"]
    offered = cast(
        "list[OfferedTool]",
        given["tools"] if given["name"] == ALL else [{**given, "tool": given["name"]}],
    )

    def do() -> dict[str, Any]:
        for each in offered:
            _enable(given["server"], given["url"], each, "approval")
        return {"enabled": names_of(action)}

    return actions.perform(action["key"], given, do)


def _approved(server: str, url: str, offered: OfferedTool, before: dict[str, Any] | None) -> bool:
    """Propose to enable the tool; return whether that was approved already."""
    return _is_approved(_arguments(server, url, offered, before), offered["hash"])


def _arguments(
    server: str, url: str, offered: OfferedTool, before: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "server": server,
        "url": url,
        "name": offered["tool"],
        "hash": offered["hash"],
        "was": before,
        **{name: offered[name] for name in DETAIL},
    }


def _is_approved(arguments: dict[str, Any], version: str) -> bool:
    """Propose an action that enables tools; return whether it was approved already."""
    server, name = arguments["server"], arguments["name"]
    reason = (
        f"{server} {_what_is_new(arguments)}"
        if name == ALL
        else f"{server}.{name} {_difference(arguments, arguments['was'])}"
    )
    key = key_of(server, arguments["url"], name, version)
    row = actions.propose(ACTION, arguments, key, reason=reason, at_least="high")
    if row["state"] == "expired":
        # Nobody has said no: it would be held for good.
        row = actions.propose(ACTION, arguments, key, reason=reason, at_least="high", again=True)
    try:
        return perform(row)["state"] == "performed"
    except errors.NeedsApproval:
        return False


def _enable(server: str, url: str, each: OfferedTool, by: str) -> None:
    detail = {name: each[name] for name in DETAIL}
    db.execute(
        "INSERT INTO tool_enabled (server, url, tool, hash, detail, enabled_by) VALUES (%s, %s, %s,"
        " %s, %s, %s) ON CONFLICT DO NOTHING",
        [server, url, each["tool"], each["hash"], db.jsonb(detail), by],
    )


def _difference(offered: OfferedTool | dict[str, Any], before: dict[str, Any] | None) -> str:
    if before is None:
        return "is new on a server that was approved without it"
    changed = [name for name in DETAIL if offered[name] != before.get(name)]
    return f"changed since it was approved ({', '.join(changed) or 'its name'})"


def _way_out(server: str, each: OfferedTool) -> str:
    return f"it is held until `scripts/millrace tools approve {server}.{each['tool']}`"
