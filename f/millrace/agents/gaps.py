"""Tool gaps: what no tool could do, what was looked at, and a server that would; stored once however often it is met."""

from collections.abc import Sequence
from typing import Any

from f.millrace.core import db
from f.millrace.core.ids import stable_id
from f.millrace.telemetry.events import emit

SEARCH = "search the web"
READ = "read a web page"
PROPOSALS: dict[str, dict[str, Any]] = {
    SEARCH: {
        "name": "web-search",
        "transport": "streamable-http",
        "tools": [{"name": "search", "input": {"query": "string", "limit": "integer"}, "read_only": True}],
        "how": "run SearXNG and set search_url, or set a key for Brave or Tavily",
    },
    READ: {
        "name": "web-pages",
        "transport": "streamable-http",
        "tools": [{"name": "fetch", "input": {"url": "string"}, "read_only": True}],
        "how": "allow web.fetch for the researcher, or name an MCP server with such a tool",
    },
}


def report(run_id: str, missing: Sequence[str], checked: Sequence[str]) -> dict[str, Any]:
    """Store and return the report of missing tools; the same gap again is counted, not repeated."""
    wanted = sorted(set(missing))
    made = {
        "missing_tools": [{"capability": capability} for capability in wanted],
        "existing_tools_checked": sorted(set(checked)),
        "proposed_mcp_server": next((PROPOSALS[capability] for capability in wanted if capability in PROPOSALS), None)
        or _proposal(wanted),
    }
    db.execute(
        "INSERT INTO tool_gap AS g (id, report, run_ids) VALUES (%s, %s, ARRAY[%s]::uuid[]) ON CONFLICT (id) DO UPDATE SET "
        "seen = g.seen + CASE WHEN %s::uuid = ANY(g.run_ids) THEN 0 ELSE 1 END, last_at = clock_timestamp(), "
        "run_ids = CASE WHEN %s::uuid = ANY(g.run_ids) THEN g.run_ids ELSE g.run_ids || %s::uuid END",
        [stable_id("gap", made), db.jsonb(made), run_id, run_id, run_id, run_id],
    )
    emit("tool", f"no tool can {' or '.join(wanted)}", missing=wanted)
    return made


def _proposal(missing: Sequence[str]) -> dict[str, Any]:
    return {
        "name": stable_id("tool", *missing),
        "transport": "streamable-http",
        "tools": [{"name": "run", "purpose": capability, "read_only": True} for capability in missing],
        "how": "name an MCP server with such tools in the settings",
    }
