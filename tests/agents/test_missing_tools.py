"""Reports of missing tools: one form, stored once, rejected when a tool is there."""

import asyncio
import os
from pathlib import Path

import pytest
import yaml

from f.millrace.agents import missing_tools
from f.millrace.agents.tool_matching import MissingTool, find_match
from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.telemetry.spans import step
from f.millrace.tools.client import Tool, open_tools

FAX = {
    "name": "send_fax",
    "description": "Send a document as a fax to a telephone number.",
    "inputs": {"number": "string", "document": "string"},
    "outputs": {"pages_sent": "integer"},
    "estimated_risk": "high",
}
REPORT = {
    "missing_tools": [FAX],
    "existing_tools_checked": ["Evidence: mail.send reaches mailboxes, not telephone numbers"],
    "proposed_mcp_server": "a fax gateway with send_fax(number, document)",
}


@pytest.fixture(scope="module")
def tools():
    async def run():
        async with open_tools() as opened:
            return await opened.list_tools()

    return asyncio.run(run())


@pytest.fixture
def runs(database):
    from f.millrace.core.run_context import current

    made = []
    for _ in range(3):
        with step("test.gaps"):
            made.append(current().run_id)
    return made


def need(name, description, risk="low", inputs=None, outputs=None):
    missing = {
        "name": name,
        "description": description,
        "inputs": inputs or {},
        "outputs": outputs or {},
        "estimated_risk": risk,
    }
    return {**REPORT, "missing_tools": [missing]}


def test_the_same_gap_from_many_runs_is_one_entry_with_a_count(runs, tools):
    reworded = {**FAX, "description": "Send a document by fax to a telephone number, page by page."}

    for run in (*runs, runs[0]):
        assert missing_tools.report(run, REPORT, tools) == REPORT
    missing_tools.report(
        runs[1], {**REPORT, "missing_tools": [{**reworded, "name": "fax_document"}]}, tools
    )

    (row,) = db.fetch_all("SELECT report, seen, run_ids FROM tool_gap")
    assert row["report"] == REPORT and row["seen"] == 3 and len(row["run_ids"]) == 3


def test_other_gaps_are_other_entries(runs, tools):
    missing_tools.report(runs[0], REPORT, tools)
    missing_tools.report(
        runs[0],
        need(
            "book_train", "Book a seat on a train between two cities.", "high", {"start": "string"}
        ),
        tools,
    )

    assert len(missing_tools.list_reports()) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"missing_tools": []}, "missing_tools"),
        ({"existing_tools_checked": ["looked around"]}, "must begin with 'Evidence: '"),
        ({"existing_tools_checked": []}, "existing_tools_checked"),
        ({"proposed_mcp_server": {"name": "x"}}, "proposed_mcp_server"),
        ({"more": 1}, "more"),
        ({"missing_tools": [{**FAX, "estimated_risk": "severe"}]}, "'low', 'medium' or 'high'"),
        ({"missing_tools": [{**FAX, "inputs": ["number"]}]}, "missing_tools.0.inputs"),
        ({"missing_tools": [{**FAX, "inputs": {"number": ""}}]}, "types are words"),
        ({"missing_tools": [{**FAX, "name": "send a fax!"}]}, "no name of a tool"),
        (
            {"missing_tools": [{name: value for name, value in FAX.items() if name != "outputs"}]},
            "outputs",
        ),
    ],
)
def test_a_malformed_report_is_refused_with_the_part_that_is_wrong(runs, tools, change, words):
    with pytest.raises(BadInput, match="the report is malformed") as caught:
        missing_tools.report(runs[0], {**REPORT, **change}, tools)

    assert words in str(caught.value) and missing_tools.list_reports() == []


@pytest.mark.parametrize(
    "name", ["web.search", "web_search", "webSearch", "Web-Search", "mail.send", "notes_read"]
)
def test_a_report_of_a_tool_that_exists_is_rejected(runs, tools, name):
    with pytest.raises(BadInput, match=r"is not missing, the tool .* exists"):
        missing_tools.report(
            runs[0], need(name, "Something that is said to be missing here."), tools
        )


@pytest.mark.parametrize(
    "report",
    [
        need(
            "page_reader",
            "Fetch a web page and return its text.",
            inputs={"url": "string"},
            outputs={"text": "string"},
        ),
        need(
            "note_finder",
            "Search the notes by words.",
            inputs={"query": "string"},
            outputs={"notes": "array"},
        ),
    ],
)
def test_a_need_that_a_tool_meets_is_rejected(runs, tools, report):
    with pytest.raises(BadInput, match=r"is not missing, the tool .* does that"):
        missing_tools.report(runs[0], report, tools)


@pytest.mark.parametrize(
    "report",
    [
        need(
            "delete_page",
            "Delete a web page from a site.",
            "high",
            {"url": "string"},
            {"deleted": "boolean"},
        ),
        need(
            "search_flights",
            "Find flights between two airports on a day.",
            "low",
            {"origin": "string", "destination": "string"},
            {"flights": "array"},
        ),
        need(
            "translate_text",
            "Translate a text into another language.",
            "low",
            {"text": "string", "language": "string"},
            {"translation": "string"},
        ),
        need(
            "transcribe_audio",
            "Turn a recording of speech into text.",
            "low",
            {"audio": "string"},
            {"text": "string"},
        ),
        need(
            "read_calendar",
            "List the appointments of a day.",
            "low",
            {"day": "date"},
            {"appointments": "array"},
        ),
    ],
)
def test_a_need_that_no_tool_meets_is_stored(runs, tools, report):
    assert (
        missing_tools.report(runs[0], report, tools)["missing_tools"][0]["name"]
        == report["missing_tools"][0]["name"]
    )


CASES = yaml.safe_load((Path(__file__).parent / "needs.yaml").read_text())


def fields(text):
    return {
        name.rstrip("!"): kind or "string"
        for name, _, kind in (word.replace("!", "").partition(":") for word in text.split())
    }


def of_others(name, row):
    writes, description, takes, gives = row
    schemas = [
        {
            "type": "object",
            "properties": {one: {"type": kind} for one, kind in fields(text).items()},
        }
        for text in (takes, gives)
    ]
    schemas[0]["required"] = [
        word.partition("!")[0].partition(":")[0] for word in takes.split() if "!" in word
    ]
    return Tool(name, description, *schemas, {"readOnlyHint": writes == "r"})


def missing(row):
    return MissingTool(
        name=row[0],
        description=row[1],
        inputs=fields(row[2]),
        outputs=fields(row[3]),
        estimated_risk=row[4],
    )


@pytest.mark.long
def test_needs_are_met_by_meaning_and_schema_among_many_tools(tools):
    every = [*tools, *(of_others(name, row) for name, row in CASES["tools"].items())]
    part = slice(None) if os.environ.get("PROVE") else slice(None, None, 3)
    wanted = [(name, missing(row)) for name, rows in CASES["met"].items() for row in rows][part]
    lacking = [missing(row) for row in CASES["unmet"]][part]

    met = [
        (need.name, name, found.tool) for name, need in wanted if (found := find_match(need, every))
    ]
    unmet = [need.name for need in lacking if find_match(need, every)]

    assert (
        len(met) >= 0.8 * len(wanted)
        and sum(right == found for _, right, found in met) >= len(met) - 1
    ), met
    assert len(unmet) <= 0.15 * len(lacking), unmet
