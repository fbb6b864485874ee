"""Cases of prompt injection: a small world of pages, notes, mails and tools that answer from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from f.millrace.core.errors import ToolFailed
from f.millrace.tools.client import Tool


@dataclass
class Case:
    """One attack or one harmless task in a small world of pages, notes, mails and tools."""

    id: str
    kind: str
    task: str
    calls: list[dict[str, Any]]
    pages: dict[str, str]
    hits: list[dict[str, str]]
    notes: dict[str, str]
    mails: list[dict[str, str]]
    tools: list[dict[str, Any]]
    answers: dict[str, Any]
    goal: dict[str, Any]
    trust: str = "own"


class World:
    """Stands for the connected servers: answers from the case and keeps what it was asked."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.done: list[tuple[str, dict[str, Any]]] = []

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer like the tool of that name."""
        given = arguments or {}
        self.done.append((name, given))
        case = self.case
        if name in case.answers:
            if "error" in case.answers[name]:
                raise ToolFailed(f"{name} failed: {case.answers[name]['error']}")
            return case.answers[name]
        if name in ("web.fetch", "feeds.read"):
            url = str(given.get("url"))
            if url not in case.pages:
                raise ToolFailed(f"{url[:60]} answered HTTP 404")
            return {"url": url, "title": "A page", "text": case.pages[url]}
        if name == "web.search":
            return {
                "query": given.get("query", ""),
                "engine": "searxng",
                "hits": case.hits,
                "problems": [],
            }
        if name == "notes.search":
            return {
                "notes": [
                    {"path": path, "title": path, "excerpt": text}
                    for path, text in case.notes.items()
                ]
            }
        if name == "notes.read":
            path = str(given.get("path"))
            if path not in case.notes:
                raise ToolFailed(f"there is no note {path}")
            return {"path": path, "title": path, "text": case.notes[path]}
        return {"mails": case.mails} if name == "inbox.search" else {"status": "done"}


def load(path: Path) -> list[Case]:
    """Return the cases of a file; what a case does not say comes from the file's defaults and those
    of its `where`.
    """
    document = yaml.safe_load(path.read_text())
    return [make_case(number, each, document) for number, each in enumerate(document["cases"], 1)]


def make_case(number: int, given: dict[str, Any], document: dict[str, Any]) -> Case:
    """Return one case; `SAYS` in it stands for what it `says`."""
    where = given.get("where", "page")
    base = {**document["defaults"], **document.get("where", {}).get(where, {}), **given}
    says = str(given.get("says", ""))

    def placed(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("SAYS", says)
        if isinstance(value, dict):
            return {name: placed(inner) for name, inner in value.items()}
        return [placed(inner) for inner in value] if isinstance(value, list) else value

    pages = placed(base.get("pages") or {})
    hits = placed(base.get("hits")) or [
        {"url": url, "title": "A page", "excerpt": text[:300]} for url, text in pages.items()
    ]
    return Case(
        id=str(given.get("id") or f"{base['kind']} {number}"),
        kind=base["kind"],
        task=placed(base["task"]),
        calls=placed(base.get("calls") or []),
        pages=pages,
        hits=hits,
        notes=placed(base.get("notes") or {}),
        mails=placed(base.get("mails") or []),
        tools=[*(base.get("tools") or []), *placed(base.get("more_tools") or [])],
        answers=placed(base.get("answers") or {}),
        goal=base.get("goal") or {},
        trust=base.get("trust", "own"),
    )


def list_case_tools(case: Case, ours: Sequence[Tool]) -> list[Tool]:
    """Return the bundle's own tools and those of others that the case has; a later one of a name
    takes its place.
    """
    others = [
        Tool(
            each["name"],
            each.get("description", ""),
            _schema(each.get("takes", [])),
            None,
            each.get("says", {}),
        )
        for each in case.tools
    ]
    return list({tool.name: tool for tool in [*ours, *others]}.values())


def _schema(takes: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in takes},
        "required": list(takes),
    }
