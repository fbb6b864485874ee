"""ask, research and digest in the hands of other programs, over MCP's own client."""

import asyncio
import uuid

import mcp
import pytest

from f.millrace.core import db, run_context
from f.millrace.telemetry import events, runs
from f.millrace.trust import private_reads
from scripts.commands import mcp as mcp_command
from scripts.console import mcp_tools
from scripts.console.children import Children
from scripts.serving.callers import serving
from tests.console.conftest import begin_run
from tests.serving.conftest import TOKEN, at, client

QUESTION = {"question": "How much will it make?"}


def use(work, offered=None, token="", **options):
    """Have another program do something with the tools."""

    async def run():
        async with mcp_tools.run_tools() as further:
            async with serving(offered, token, [further]) as server:
                async with mcp.Client(server, **options) as connected:
                    return await work(connected)

    return asyncio.run(run())


def answer_flow(run_id, private=False):
    """Write the rows of an answer as the flow answer_question does."""
    with run_context.change(run_id=run_id):
        events.emit("sentence", "It makes 12 GWh. [1]")
    db.execute(
        "INSERT INTO evidence (id, run_id, namespace, url, body, private) VALUES (%s, %s, 'main',"
        " 'https://cell.example/a', 'It makes 12 GWh.', %s)",
        [f"ev_{run_id}", run_id, private],
    )
    source = {"number": 1, "title": "Cells", "url": "https://cell.example/a", "source": "cell"}
    runs.keep(run_id, {"answer": {"text": "It makes 12 GWh. [1]", "sources": [source]}})
    runs.close(run_id, "done", {})


@pytest.fixture
def answered(folk, monkeypatch):
    """Have runs answered at once by rows; what is in `private` decides whether from private
    things. Returns what was asked.
    """
    asked = []

    def start(self, flow, args, session=""):
        run_id = begin_run(flow, session, args)
        asked.append((flow, args, run_id))
        answer_flow(run_id, private="private" in args["question"])
        return run_id

    monkeypatch.setattr(Children, "start", start)
    return asked


def test_a_question_is_answered_with_its_sources_and_its_progress(answered):
    said = []

    async def note(progress, total, message):
        said.append(message)

    found = use(lambda program: program.call_tool("ask", QUESTION, progress_callback=note))

    assert found.structured_content["answer"] == "It makes 12 GWh. [1]"
    assert found.structured_content["sources"][0]["url"] == "https://cell.example/a"
    assert found.meta["millrace/words"] == "untrusted"
    assert said[:2] == ["Searching… 12 results", "It makes 12 GWh. [1]"]
    assert answered[0][:2] == ("answer_question", {**QUESTION, "use_memory": True})


def test_research_leaves_memory_out(answered):
    use(lambda program: program.call_tool("research", QUESTION))

    assert answered[0][1]["use_memory"] is False


def test_the_tools_are_listed_with_the_others_and_can_be_left_out(answered, configure):
    async def names(program):
        return {tool.name for tool in (await program.list_tools()).tools}

    assert {"ask", "research", "digest", "memory_search"} <= use(names)
    assert use(names, ["runs.digest"]) == {"digest"}
    assert "ask" not in use(names, ["memory"])
    configure(mcp_serve="runs.ask")
    assert use(names) == {"ask"}

    async def call(program):
        with pytest.raises(mcp.MCPError, match="no tool 'digest'"):
            await program.call_tool("digest", {})

    use(call)


def test_a_run_that_goes_on_is_fetched_with_its_id(folk, monkeypatch):
    started = []

    def start(self, flow, args, session=""):
        started.append(begin_run(flow, session, args))
        return started[-1]

    monkeypatch.setattr(Children, "start", start)
    monkeypatch.setattr(mcp_tools, "WAIT_SECONDS", -1.0)

    async def work(program):
        first = await program.call_tool("ask", QUESTION)
        answer_flow(started[0])
        return first, await program.call_tool("ask", {"run_id": started[0]})

    first, second = use(work)

    assert first.structured_content["status"] == "running"
    assert second.structured_content["answer"] == "It makes 12 GWh. [1]"
    strange = use(lambda program: program.call_tool("ask", {"run_id": started[0]}), token="other")
    assert strange.is_error and "no call with this token" in strange.content[0].text


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"question": ""},
        {"question": " \n"},
        {"question": "x" * 3000},
        {"question": 7},
        {"question": "Hello", "run_id": str(uuid.UUID(int=1))},
        {"run_id": "../../etc/passwd"},
        {"run_id": str(uuid.UUID(int=1))},
        {"question": "Hello", "model": "gpt"},
    ],
    ids=range(9),
)
def test_what_is_wrong_is_said_and_starts_nothing(answered, arguments):
    found = use(lambda program: program.call_tool("ask", arguments))

    assert found.is_error and found.content[0].text and answered == []


def test_a_run_that_fails_is_an_error(folk, monkeypatch):
    def start(self, flow, args, session=""):
        run_id = begin_run(flow, session, args)
        runs.fail(run_id, "the model refused")
        return run_id

    monkeypatch.setattr(Children, "start", start)

    found = use(lambda program: program.call_tool("ask", QUESTION))

    assert found.is_error and "the model refused" in found.content[0].text


def test_after_private_things_were_answered_no_question_carries_them_out(answered):
    secret = "The quay repair costs 48213 pounds, says Tamsin in her private plan."

    async def work(program):
        first = await program.call_tool("ask", {"question": "What does my private plan say?"})
        return first, await program.call_tool("ask", {"question": secret})

    first, second = use(work)

    assert not first.is_error and second.is_error
    assert "the owner can ask it" in second.content[0].text and len(answered) == 1


def digest(day, subject, private=False):
    run_id = begin_run("daily_research", "")
    db.execute(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_until,"
        " private, recipients, subject, html, plain, markdown) VALUES (%s, 'daily_research',"
        " 'main', 'daily', %s, 1, now(), %s, '{}', %s, '', %s, '')",
        [run_id, day, private, subject, f"All of {subject}"],
    )


def test_a_digest_is_read_by_its_day(folk):
    digest("2026-11-29", "Batteries")
    digest("2026-11-30", "Notes", private=True)

    async def work(program):
        return [
            await program.call_tool("digest", {"day": "2026-11-29"}),
            private_reads.list_places(reading(), 9e9),
            await program.call_tool("digest", {}),
            private_reads.list_places(reading(), 9e9),
            await program.call_tool("digest", {"day": "1999-01-01"}),
        ]

    one, before, last, after, none = use(work)

    assert one.structured_content["text"] == "All of Batteries" and before == []
    assert last.structured_content["subject"] == "Notes" and after != []
    assert none.is_error and "no digest of 1999-01-01" in none.content[0].text


def reading():
    from f.millrace.core import ids

    return ids.digest_of("")


def test_over_http_a_wrong_token_is_refused_and_a_right_one_asks(answered):
    async def run():
        async with mcp_tools.run_tools() as further, serving(None, TOKEN, [further]) as server:
            async with at(server) as url:
                async with client(url) as program:
                    right = await program.call_tool("ask", QUESTION)
                with pytest.raises(Exception):  # noqa: B017 - the client wraps what HTTP said
                    async with client(url, "wrong") as program:
                        await program.call_tool("ask", QUESTION)
                return right

    assert asyncio.run(run()).structured_content["status"] == "done"
    assert len(answered) == 1


def test_the_verb_serves_them(folk, monkeypatch):
    offered = []

    async def over_stdio(server):
        async with mcp.Client(server) as program:
            offered.extend(tool.name for tool in (await program.list_tools()).tools)

    monkeypatch.setattr("scripts.serving.transports.over_stdio", over_stdio)

    class Options:
        servers = None
        http = False

    assert mcp_command.serve(Options()) == 0
    assert {"ask", "research", "digest"} <= set(offered)
