"""Agents that people made, in the hands of other programs: a tool each, with signs of life."""

import asyncio

import mcp
import pytest

from f.millrace.agents import registry
from f.millrace.core import db
from f.millrace.core.errors import ModelFailed
from f.millrace.trust import people
from scripts.runner import run
from scripts.runner.worker import InlineWorker
from scripts.serving import agent_tools, callers

NOTES = {"name": "reader", "instructions": "Read the notes.", "tools": ["notes.search"]}
QUAY = {"message": "What does the repair of the quay cost?"}


@pytest.fixture
def ana(database, configure, tmp_path, monkeypatch):
    """The owner, with a note; runs are done in this process."""
    configure(user="ana")
    people.establish("test")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "quay.md").write_text("The repair of the quay costs 2.4 million euros.")
    monkeypatch.setattr(agent_tools, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(callers, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(run, "ForkWorker", lambda root, **_: InlineWorker(root))
    return registry.Person("ana", "owner")


def use(work, offered=None, **options):
    """Have another program do something with our tools."""

    async def act():
        async with (
            callers.serving(offered, further=[agent_tools.AgentTools()]) as server,
            mcp.Client(server, **options) as connected,
        ):
            return await work(connected)

    return asyncio.run(act())


def names(listed):
    return {tool.name for tool in listed.tools}


def test_an_agent_is_a_tool_beside_the_others_as_soon_as_it_is_made(ana):
    async def work(program):
        before = names(await program.list_tools())
        registry.create({**NOTES, "description": "Reads notes."}, ana)
        after = await program.list_tools(cache_mode="refresh")
        registry.switch_off("reader", ana)
        return before, after, names(await program.list_tools(cache_mode="refresh"))

    before, after, off = use(work)

    assert names(after) - before == {"agent_reader"} and off == before
    tool = next(tool for tool in after.tools if tool.name == "agent_reader")
    assert (tool.title, tool.description) == ("agents.reader", "Reads notes.")
    assert tool.annotations.read_only_hint and not tool.annotations.open_world_hint


def test_a_call_is_a_run_with_signs_of_life_and_binds_the_program(ana):
    registry.create(NOTES, ana)
    heard = []

    async def hear(progress, total, message):
        heard.append(message)

    answer = use(lambda program: program.call_tool("agent_reader", QUAY, progress_callback=hear))

    assert "2.4 million euros" in answer.content[0].text and heard
    told = answer.structured_content
    row = db.fetch_one("SELECT flow, status, args FROM run WHERE id = %s", [told["run"]])
    assert (row["flow"], row["status"], told["state"]) == ("ask_agent", "done", "done")
    assert row["args"]["written_by_others"] and row["args"]["caller"]
    assert answer.meta["millrace/words"] == "untrusted"
    assert db.fetch_all("SELECT place FROM caller_reading") == [{"place": "here"}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "takes one argument: message"),
        ({"message": 1}, "takes one argument: message"),
        ({"message": "x", "nope": 1}, "takes one argument: message"),
        ({"message": " "}, "this one 0"),
        ({"message": "x" * 4001}, "this one 4001"),
    ],
    ids=["none", "number", "more", "empty", "long"],
)
def test_what_is_no_message_is_told(ana, arguments, words):
    registry.create(NOTES, ana)

    answer = use(lambda program: program.call_tool("agent_reader", arguments))

    assert answer.is_error and words in answer.content[0].text
    assert db.fetch_all("SELECT 1 FROM agent_run") == []


def test_a_run_that_has_no_answer_is_a_refusal_in_words(ana, monkeypatch):
    registry.create(NOTES, ana)

    def fail(*_, **__):
        raise ModelFailed("the model is on strike")

    monkeypatch.setattr("f.millrace.agents.summariser.summarise", fail)
    answer = use(lambda program: program.call_tool("agent_reader", QUAY))

    assert answer.is_error and "reader has no answer" in answer.content[0].text
    assert "on strike" in answer.content[0].text


def test_an_agent_that_is_not_there_is_named(ana):
    async def work(program):
        with pytest.raises(mcp.MCPError, match="there is no tool 'agent_nobody'"):
            await program.call_tool("agent_nobody", QUAY)

    use(work)


def test_the_settings_and_the_option_say_which_are_offered(ana, configure):
    registry.create(NOTES, ana)
    registry.create({**NOTES, "name": "other"}, ana)

    only = use(lambda program: program.list_tools(), ["agents.reader", "notes"])
    configure(user="ana", mcp_serve="agents.other,web")
    by_setting = use(lambda program: program.list_tools())

    assert {"agent_reader", "notes_search"} <= names(only) and "agent_other" not in names(only)
    assert "agent_other" in names(by_setting) and "agent_reader" not in names(by_setting)
