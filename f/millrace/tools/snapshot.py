# requirements:

"""What every server offered in a run, and what of it changed since the run before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db
from f.millrace.telemetry import events
from f.millrace.tools import client

if TYPE_CHECKING:

    class ListedTool(TypedDict):
        """A tool, or a server without one, as it was listed at the beginning of a run."""

        server: str
        tool: str
        hash: str
        detail: dict[str, Any]


async def take(run_id: str) -> None:
    """List the tools of every configured server and keep them with the run, once; tell what
    changed.
    """
    if not run_id or not _first(run_id):
        return
    async with client.open_tools() as tools:
        keep(run_id, await tools.list_tools(), tools.versions, tools.problems)
    for line in changes(run_id):
        events.emit("tool", line, changed=True)


def keep(
    run_id: str,
    listed: Sequence[client.Tool],
    versions: Mapping[str, str],
    problems: Sequence[str] = (),
) -> None:
    """Store what was listed; a server is a row without a tool, with its version."""
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        (server, "", "", {"version": version}) for server, version in versions.items()
    ]
    for tool in listed:
        server, _, name = tool.name.partition(".")
        detail = {
            "description": tool.description,
            "input_schema": tool.input_schema,
            "output_schema": tool.output_schema,
            "annotations": tool.annotations,
        }
        rows.append((server, name, tool.hash, detail))
    db.execute(
        "INSERT INTO tool_snapshot (run_id, server, tool, hash, detail) SELECT %s::uuid, * FROM"
        " unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[]) ON CONFLICT DO NOTHING",
        [
            run_id,
            *([row[place] for row in rows] for place in range(3)),
            [db.jsonb(row[3]) for row in rows],
        ],
    )
    if problems:
        db.execute(
            "UPDATE tool_snapshot SET detail = %s WHERE run_id = %s AND server = ''",
            [db.jsonb({"problems": list(problems)}), run_id],
        )


def changes(run_id: str) -> list[str]:
    """Return in words what changed since the run before in the same namespace; empty for the first
    one.
    """
    before = db.fetch_one(
        "SELECT run.id FROM run WHERE run.started_at < (SELECT started_at FROM run WHERE id ="
        " %(run)s) AND namespace = (SELECT namespace FROM run WHERE id = %(run)s) AND id <> %(run)s"
        " AND EXISTS (SELECT FROM tool_snapshot s WHERE s.run_id = run.id AND s.tool <> '') ORDER"
        " BY started_at DESC LIMIT 1",
        {"run": run_id},
    )
    if before is None:
        return []
    old, new = _rows(str(before["id"])), _rows(run_id)
    if not any(tool for _, tool in new):
        return []
    said = [
        _change(server, tool, old.get((server, tool)), new.get((server, tool)))
        for server, tool in sorted(old.keys() | new.keys())
    ]
    return [line for line in said if line]


def _change(server: str, tool: str, was: ListedTool | None, now: ListedTool | None) -> str:
    """Return what changed about a server (no tool) or a tool; empty when nothing did."""
    name = f"the tool {server}.{tool}" if tool else f"the server {server}"
    if was is None:
        return f"{name} is new"
    if now is None:
        return f"{name} is gone"
    if tool and was["hash"] != now["hash"]:
        fields = sorted(
            field for field in now["detail"] if now["detail"][field] != was["detail"].get(field)
        )
        return f"{name} changed: {', '.join(fields)}"
    if not tool and was["detail"] != now["detail"]:
        version, before = (each["detail"].get("version") or "?" for each in (now, was))
        return f"{name} is version {version}, before {before}"
    return ""


def problems(run_id: str) -> list[str]:
    """Return which servers and tools could not be used in a run, and why."""
    row = db.fetch_one(
        "SELECT detail FROM tool_snapshot WHERE run_id = %s AND server = ''", [run_id]
    )
    return list(row["detail"].get("problems", [])) if row else []


def _first(run_id: str) -> bool:
    """Return whether nobody has begun the run's snapshot; topics are researched side by side."""
    namespace_known = db.fetch_one("SELECT 1 AS there FROM run WHERE id = %s", [run_id])
    return bool(
        namespace_known
        and db.execute(
            "INSERT INTO tool_snapshot (run_id, server, tool, hash) VALUES (%s, '', '', '') ON"
            " CONFLICT DO NOTHING",
            [run_id],
        )
    )


def _rows(run_id: str) -> dict[tuple[str, str], ListedTool]:
    found: list[ListedTool] = db.fetch_all(
        "SELECT server, tool, hash, detail FROM tool_snapshot WHERE run_id = %s AND server <> ''",
        [run_id],
    )
    return {(row["server"], row["tool"]): row for row in found}
