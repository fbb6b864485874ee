"""The tools of one research: listed at run time, sorted by what they can do, called and counted.

Inside the loop only tools run that change nothing. Another one becomes a proposed action, and the caller is told that a
person has to decide.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from f.millrace.core import db
from f.millrace.core.context import current
from f.millrace.core.errors import BadInput, MillraceError, NeedsApproval, ToolFailed
from f.millrace.core.ids import digest_of
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.spans import span
from f.millrace.tools.client import Tool, Tools
from f.millrace.trust import actions, risk

HITS = 10
CALL_SECONDS = 45.0
RETRY_WAIT_SECONDS = 0.3
# Words of faults that are the same a moment later.
LASTING = ("404", "403", "401", "410", "not public", "not allowed", "not known", "not a page", "no text", "too large", "no note")
TEXTS = ("excerpt", "text", "abstract", "summary", "content", "snippet")
DATES = ("published_at", "changed_at", "date", "updated_at")


@dataclass(frozen=True)
class Hit:
    """Something that a search found."""

    url: str
    title: str
    excerpt: str
    source: str
    tool: str
    published_at: datetime | None = None
    own: bool = False


@dataclass(frozen=True)
class Page:
    """Something that was read."""

    url: str
    title: str
    text: str
    published_at: datetime | None
    tool: str


class Toolbox:
    """Tools by what they can do; counts how many calls answered."""

    def __init__(self, tools: Tools, listed: list[Tool], threshold: risk.Risk = "medium") -> None:
        self._tools = tools
        self._threshold: risk.Risk = threshold
        self.listed = {tool.name: tool for tool in listed}
        self.calls = 0
        self.failures = 0
        self.search_failed = False
        _remember(listed)

    def searches(self) -> list[Tool]:
        """Return the tools that search by words, the web first, the person's own notes next."""
        found = [tool for tool in self.listed.values() if tool.read_only and _takes(tool, "query")]
        order = {"web.search": 0, "notes.search": 1}
        return sorted(found, key=lambda tool: (order.get(tool.name, 2), tool.name))

    def readers(self, field: str) -> list[Tool]:
        """Return the tools that read what one address or path names, pages before feeds."""
        found = [tool for tool in self.listed.values() if tool.read_only and tool.input_schema.get("required") == [field]]
        return sorted(found, key=lambda tool: ("fetch" not in tool.name, "feed" in tool.name, tool.name))

    async def call(self, name: str, arguments: dict[str, Any], topic_id: str = "") -> dict[str, Any]:
        """Call a tool, once more when the fault may pass; ToolFailed says why not, NeedsApproval that a person decides."""
        tool = next((tool for tool in self.listed.values() if name in (tool.name, tool.function_name)), None)
        if tool is None:
            raise BadInput(f"there is no tool {name[:80]!r}; there are {', '.join(self.listed) or 'none'}")
        self._permit(tool, arguments, topic_id)
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name}
        with span(f"execute_tool {tool.name}", attributes) as handle:
            for last in (False, True):
                self.calls += 1
                try:
                    return await asyncio.wait_for(self._tools.call(tool.name, arguments), CALL_SECONDS)
                except (MillraceError, TimeoutError) as error:
                    self.failures += 1
                    words = str(error) or f"{tool.name} gave no answer within {CALL_SECONDS:.0f} seconds"
                    if last or any(word in words.lower() for word in LASTING):
                        handle.set({"millrace.tool.error": words[:300]})
                        emit("error", words, tool=tool.name)
                        raise ToolFailed(words) from error
                await asyncio.sleep(RETRY_WAIT_SECONDS)
        raise AssertionError("the loop returns or raises")

    def _permit(self, tool: Tool, arguments: dict[str, Any], topic_id: str) -> None:
        assessment = risk.assess(tool.name, tool.annotations, arguments)
        if tool.read_only and not risk.asks(assessment, self._threshold):
            return
        context = current()
        key = f"{context.run_id} {topic_id} {tool.name} {digest_of(arguments)[:16]}"
        if context.run_id:
            actions.propose(
                tool.name,
                arguments,
                key,
                reason=f"asked for while researching; {assessment.rule}",
                risk=assessment.risk,
                annotations=tool.annotations,
            )
        emit("decision", f"{tool.name} needs a person: {assessment.rule}", tool=tool.name, risk=assessment.risk)
        raise NeedsApproval(f"{tool.name} is {assessment.risk} risk and was not run; it waits as a proposed action")

    async def search(self, query: str, preferred: str = "") -> list[Hit]:
        """Return what the tools find; one that fails or finds nothing gives way to the next."""
        order = sorted(self.searches(), key=lambda tool: preferred not in (tool.name, tool.function_name))
        for tool in order:
            wanted = {"query": query, **({"limit": HITS} if _takes(tool, "limit") else {})}
            try:
                answer = await self.call(tool.name, wanted)
            except ToolFailed:
                self.search_failed = self.search_failed or tool.name == "web.search"
                continue
            if _search_failed(answer):
                # The tool fell back on what this machine knows; the search engine itself may answer the second time.
                self.failures += 1
                answer = await self._search_again(tool, wanted, answer)
            hits = _hits(answer, tool.name)
            if hits:
                return hits
        return []

    async def _search_again(self, tool: Tool, wanted: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(RETRY_WAIT_SECONDS)
        try:
            second = await self.call(tool.name, wanted)
        except ToolFailed:
            second = first
        if _search_failed(second):
            self.search_failed = True
        return second

    async def read(self, url: str) -> Page:
        """Return the text behind an address, or a note behind `note:PATH`; ToolFailed when no tool can read it."""
        note = url.startswith("note:")
        for tool in self.readers("path" if note else "url"):
            answer = await self.call(tool.name, {"path": url.removeprefix("note:")} if note else {"url": url})
            if answer.get("text"):
                date = _date(next((answer[name] for name in DATES if answer.get(name)), None))
                return Page(url, str(answer.get("title") or url), str(answer["text"]), date, tool.name)
        raise ToolFailed(f"no tool can read {url[:200]}")


def _search_failed(answer: dict[str, Any]) -> bool:
    return any("search failed" in str(problem) for problem in answer.get("problems") or [])


def _takes(tool: Tool, name: str) -> bool:
    return name in (tool.input_schema.get("properties") or {})


def _hits(answer: dict[str, Any], tool: str) -> list[Hit]:
    rows: Iterable[Any] = next(
        (value for value in answer.values() if isinstance(value, list) and value and isinstance(value[0], dict)), []
    )
    return [hit for hit in (_hit(row, tool) for row in rows if isinstance(row, dict)) if hit]


def _hit(row: dict[str, Any], tool: str) -> Hit | None:
    url = str(row.get("url") or (f"note:{row['path']}" if row.get("path") else ""))
    if not url.startswith(("http://", "https://", "note:")):
        return None
    text = next((str(row[name]) for name in TEXTS if row.get(name)), "")
    date = _date(next((row[name] for name in DATES if row.get(name)), None))
    source = str(row.get("source") or tool.partition(".")[0])
    own = bool(row.get("own")) or url.startswith("note:")
    return Hit(url, str(row.get("title") or url), text, source, tool, date, own)


def _date(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _remember(listed: list[Tool]) -> None:
    """Keep what each server said about its tools in this run, so that a change of it can be seen."""
    if not current().run_id or not listed:
        return
    db.execute(
        "INSERT INTO tool_snapshot (run_id, server, tool, hash, detail) "
        "SELECT %s::uuid, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[]) ON CONFLICT DO NOTHING",
        [
            current().run_id,
            [tool.name.partition(".")[0] for tool in listed],
            [tool.name.partition(".")[2] for tool in listed],
            [tool.hash for tool in listed],
            [db.jsonb({"description": tool.description, "annotations": tool.annotations}) for tool in listed],
        ],
    )
