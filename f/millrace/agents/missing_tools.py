# requirements:

"""Gap reports: which tool was missing, which were looked at, and a server that would help.

A report has one form (`GapReport`), is checked against the tools that there are, and is stored once
however many runs meet the same gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from f.millrace.agents import tool_matching
from f.millrace.core import db, errors, ids, redaction
from f.millrace.telemetry import events
from f.millrace.tools import client

if TYPE_CHECKING:
    from f.millrace.core import rows

MARK = "Evidence: "
MOST_STORED = 500

SEARCH = tool_matching.MissingTool(
    name="web_search",
    description="Search the web by words and return pages with titles, addresses and excerpts.",
    inputs={"query": "string", "limit": "integer"},
    outputs={"hits": "array"},
    estimated_risk="low",
)
READ = tool_matching.MissingTool(
    name="read_page",
    description="Fetch a web page by its address and return its text, title and date.",
    inputs={"url": "string"},
    outputs={"title": "string", "text": "string", "published_at": "string"},
    estimated_risk="low",
)


class GapReport(BaseModel):
    """What could not be done for want of a tool."""

    model_config = ConfigDict(extra="forbid")

    missing_tools: list[tool_matching.MissingTool] = Field(
        description="The tools that are missing.", min_length=1, max_length=10
    )
    existing_tools_checked: list[str] = Field(
        description=(
            "For each tool that was looked at, why it does not do: `Evidence: web.search finds"
            " pages, it prints nothing`."
        ),
        min_length=1,
        max_length=100,
    )
    proposed_mcp_server: str = Field(
        description="A server that would offer the tool, in one sentence.",
        min_length=3,
        max_length=600,
    )

    @field_validator("existing_tools_checked")
    @classmethod
    def _evidence(cls, lines: list[str]) -> list[str]:
        wrong = [line for line in lines if not line.startswith(MARK) or len(line) <= len(MARK) + 2]
        if wrong:
            raise ValueError(f"{wrong[0][:80]!r} must begin with {MARK!r} and say what was found")
        return lines


def report(
    run_id: str,
    made: GapReport | dict[str, Any],
    tools: Sequence[client.Tool],
    judged: Mapping[str, tool_matching.Match | None] | None = None,
) -> dict[str, Any]:
    """Check and store a report and return it; the same gap again is counted, not repeated.
    `judged` says what a model thinks of each need (tool_judge); the rules decide on the others.

    A tool of which nobody knows whether it meets the need is told among those that were looked at.

    BadInput says which part is malformed, which tool exists already, or which one meets the need.
    """
    checked = validate(made)
    doubts = []
    for need in checked.missing_tools:
        found = _find_tool(need, tools, judged or {})
        if found.match and found.sure >= tool_matching.LIKELY:
            raise errors.BadInput(
                f"the report is rejected: {need.name!r} is not missing, {found.match.why}"
            )
        if found.match and found.verdict == tool_matching.Verdict.UNSURE:
            doubts.append(
                f"{MARK}whether {found.match.tool} does the work of {need.name} is not sure"
                f" ({found.sure:.0%}); try it"
            )
    values = redaction.redact(checked.model_dump(mode="json"))
    values["existing_tools_checked"] += doubts
    gap_id = _stored_as(checked) or ids.stable_id(
        "gap", sorted(need.name.lower() for need in checked.missing_tools)
    )
    db.execute(
        "INSERT INTO tool_gap AS g (id, report, run_ids) VALUES (%s, %s, ARRAY[%s]::uuid[]) ON"
        " CONFLICT (id) DO UPDATE SET seen = g.seen + CASE WHEN %s::uuid = ANY(g.run_ids) THEN 0"
        " ELSE 1 END, last_at = clock_timestamp(), run_ids = CASE WHEN %s::uuid = ANY(g.run_ids)"
        " THEN g.run_ids ELSE g.run_ids || %s::uuid END",
        [gap_id, db.jsonb(values), run_id, run_id, run_id, run_id],
    )
    names = [need.name for need in checked.missing_tools]
    events.emit("tool", f"no tool does the work of {' or '.join(names)}", missing=names, gap=gap_id)
    return values


def _find_tool(
    need: tool_matching.MissingTool,
    tools: Sequence[client.Tool],
    judged: Mapping[str, tool_matching.Match | None],
) -> tool_matching.NeedJudgement:
    """Return which tool meets the need: the one of its name, else what a model said, else the
    rules.
    """
    same = tool_matching.find_same_name(need, tools)
    if same is None and need.name not in judged:
        return tool_matching.judge_need(need, tools)
    match = same or judged[need.name]
    return tool_matching.NeedJudgement(1.0 if match else 0.0, match)


def try_report(
    run_id: str,
    needs: Sequence[tool_matching.MissingTool],
    tools: Sequence[client.Tool],
    proposed: str = "",
) -> dict[str, Any] | None:
    """Report these needs after a look at the tools; None when a tool meets one of them, which is
    told.
    """
    made = GapReport(
        missing_tools=list(needs),
        existing_tools_checked=describe_tools(tools),
        proposed_mcp_server=proposed
        or PROPOSALS.get(needs[0].name, f"any MCP server with a tool like {needs[0].name}"),
    )
    try:
        return report(run_id, made, tools)
    except errors.BadInput as error:
        events.emit("decision", str(error))
        return None


PROPOSALS = {
    SEARCH.name: (
        "web-search over streamable HTTP with search(query, limit); or set search_url,"
        " brave_api_key or tavily_api_key"
    ),
    READ.name: (
        "web-pages over streamable HTTP with fetch(url); or allow web.fetch for the researcher"
    ),
}


def describe_tools(tools: Sequence[client.Tool]) -> list[str]:
    """Return the lines that tell which tools there were and what each of them does."""
    if not tools:
        return [f"{MARK}no tool is allowed or could be listed"]
    return [
        f"{MARK}{tool.name} was listed: {(tool.summary or 'no description')[:160]}"
        for tool in tools
    ]


def validate(made: GapReport | dict[str, Any]) -> GapReport:
    """Return the report in its form; BadInput names every part that is wrong."""
    if isinstance(made, GapReport):
        return made
    try:
        return GapReport.model_validate(made)
    except ValidationError as error:
        parts = [
            f"{'.'.join(map(str, each['loc'])) or 'the report'}: {each['msg']}"
            for each in error.errors()
        ]
        raise errors.BadInput(f"the report is malformed: {'; '.join(parts)[:1000]}") from None


def list_reports(run_id: str | None = None) -> list[rows.ToolGap]:
    """Return the stored gaps, the most frequent first, or those of one run."""
    return db.fetch_all(
        "SELECT id, report, seen, run_ids, first_at, last_at FROM tool_gap WHERE %s::uuid IS NULL"
        " OR %s::uuid = ANY(run_ids) ORDER BY seen DESC, last_at DESC LIMIT %s",
        [run_id, run_id, MOST_STORED],
    )


def _stored_as(made: GapReport) -> str | None:
    """Return the id of the stored gap that misses the same tools, in whatever words."""
    for row in list_reports():
        known = [
            tool_matching.MissingTool.model_validate(need)
            for need in row["report"]["missing_tools"]
        ]
        if len(known) == len(made.missing_tools) and all(
            any(tool_matching.is_same_need(need, other) for other in known)
            for need in made.missing_tools
        ):
            return str(row["id"])
    return None
