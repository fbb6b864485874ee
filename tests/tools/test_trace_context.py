"""Tools know to which trace a call belongs: ours in this process, those of others over HTTP."""

import asyncio
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.telemetry.spans import span, step, traceparent
from f.millrace.tools import servers
from f.millrace.tools.client import open_tools

RUN = "018f6b0e-7f3a-7c11-9a55-0123456789ab"


def test_what_our_tools_record_stands_below_the_call(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: str) -> dict[str, Any]:
        """Read a note."""
        with span("inside"):
            return {"text": path, "place": traceparent()}

    monkeypatch.setitem(servers.SERVERS, "notes", lambda: [("read", read, servers.READS_HERE)])

    async def call() -> None:
        async with open_tools(["notes.read"]) as tools:
            await tools.list_tools()
            for name in ("first", "second"):
                with span(f"execute_tool {name}"):
                    await tools.call("notes.read", {"path": name})

    with step("research.read", run_id=RUN):
        asyncio.run(call())

    rows = db.fetch_all(
        "SELECT p.name, s.trace_id FROM span s JOIN span p ON p.span_id = s.parent_id WHERE s.name"
        " = 'inside' ORDER BY s.started_at"
    )
    assert [row["name"] for row in rows] == ["execute_tool first", "execute_tool second"]
    assert {row["trace_id"] for row in rows} == {RUN.replace("-", "")}
