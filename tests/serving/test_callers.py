"""Our tools in the hands of other programs: what reads answers, what changes something waits for
the owner.
"""

import asyncio
import json
from pathlib import Path

import mcp
import pytest

from f.millrace.core import config, db
from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput
from f.millrace.memory.store import remember
from f.millrace.tools import approved_calls
from f.millrace.tools.client import Tool
from f.millrace.trust import actions, approvals, outflow
from scripts.serving import callers
from scripts.serving.callers import serving
from tests.serving.conftest import at, client

MAIL = {"to": "ada@example.org", "subject": "Hello", "text": "From outside."}


def use(work, offered=None, **options):
    """Have another program do something with our tools."""

    async def run():
        async with serving(offered) as server, mcp.Client(server, **options) as connected:
            return await work(connected)

    return asyncio.run(run())


def texts(answer):
    return answer.content[0].text


@pytest.fixture
def note(database):
    folder = Path(settings().notes_dir)
    folder.mkdir()
    (folder / "plan.md").write_text("# Plan\n\nThe quay repair costs 48213 pounds, says Tamsin.")


def test_tools_are_offered_under_names_that_models_accept(database):
    listed = use(lambda program: program.list_tools()).tools

    names = {tool.name for tool in listed}
    assert {"notes_search", "memory_search", "web_fetch", "mail_send", "arxiv_read"} <= names
    assert all(
        tool.description and tool.input_schema and tool.output_schema and tool.title
        for tool in listed
    )
    assert {tool.name for tool in listed if not tool.annotations.read_only_hint} == {
        "mail_send",
        "notes_write",
    }


def test_a_tool_that_reads_answers_at_once_and_says_whose_words_they_are(note):
    answer = use(lambda program: program.call_tool("notes_search", {"query": "quay"}))

    assert answer.structured_content["notes"][0]["path"] == "plan.md"
    assert json.loads(texts(answer)) == answer.structured_content
    assert answer.meta["millrace/words"] == "the owner's"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_mail_of_another_program_becomes_a_proposed_action_and_says_so(database, mode):
    async def twice(program):
        return [await program.call_tool("mail_send", MAIL) for _ in range(2)]

    first, second = use(twice, mode=mode)

    (row,) = db.fetch_all("SELECT * FROM action")
    assert row["tool"] == "mail.send" and row["state"] == "proposed" and row["risk"] == "high"
    assert row["arguments"] == MAIL
    assert row["reason"].startswith("asked for by another program (mcp)")
    assert first.is_error and second.is_error
    assert texts(first).startswith(
        "Not done: mail.send changes something"
    ) and f"approvals approve {str(row['id'])[:8]}" in texts(first)
    assert not list(Path(settings().outbox_dir).glob("*"))


def test_after_the_owner_approved_the_mail_is_sent_once_and_the_program_learns_it(database):
    async def work(program):
        await program.call_tool("mail_send", MAIL)
        (row,) = db.fetch_all("SELECT * FROM action")
        approvals.decide(str(row["id"]), row["digest"], "approved", "ada", "test")
        approved_calls.perform(actions.get_by_id(str(row["id"])))
        return await program.call_tool("mail_send", MAIL)

    answer = use(work)

    assert not answer.is_error and answer.structured_content["status"] == "outbox"
    assert len(list(Path(settings().outbox_dir).glob("*.eml"))) == 1


def test_a_call_that_the_owner_denied_says_so(database):
    async def work(program):
        await program.call_tool("notes_write", {"path": "a.md", "text": "x"})
        (row,) = db.fetch_all("SELECT * FROM action")
        approvals.decide(str(row["id"]), row["digest"], "denied", "ada", "test")
        return await program.call_tool("notes_write", {"path": "a.md", "text": "x"})

    answer = use(work)

    assert answer.is_error and "that is denied" in texts(answer)
    assert not (Path(settings().notes_dir) / "a.md").exists()


def test_what_was_read_of_the_owner_is_not_carried_out_again(note, configure):
    configure(fetch_allow="127.0.0.1:9")

    async def work(program):
        before = await program.call_tool("web_fetch", {"url": "http://127.0.0.1:9/a"})
        await program.call_tool("notes_read", {"path": "plan.md"})
        return [
            before,
            await program.call_tool("web_fetch", {"url": "http://127.0.0.1:9/a"}),
            await program.call_tool("web_fetch", {"url": "http://127.0.0.1:9/b?p=48213"}),
            await program.call_tool("web_search", {"query": "Tamsin 48213"}),
        ]

    before, same, other, search = [texts(answer) for answer in use(work)]

    assert "ToolFailed" in before and "ToolFailed" in same, (
        "they went out; nobody listens on that port"
    )
    for answer in (other, search):
        assert answer.startswith("Not done") and "may have read of the owner's" in answer
    reasons = [row["reason"] for row in db.fetch_all("SELECT reason FROM action ORDER BY tool")]
    assert "came neither from the user nor as a link" in reasons[0]
    assert "query carries words that neither the user nor a public source said" in reasons[1]


def test_a_second_session_of_the_token_is_bound_by_what_the_first_one_read(note, configure):
    configure(fetch_allow="127.0.0.1:9")

    async def work():
        async with (
            serving() as server,
            at(server) as url,
            client(url, mode="legacy") as one,
            client(url, mode="legacy") as other,
        ):
            await one.call_tool("notes_read", {"path": "plan.md"})
            return [
                texts(await each.call_tool("web_fetch", {"url": "http://127.0.0.1:9/b"}))
                for each in (one, other)
            ]

    first, second = asyncio.run(work())

    assert first.startswith("Not done") and second.startswith("Not done")


def test_what_a_token_has_read_binds_it_after_a_restart_and_no_other_token(note, configure):
    configure(fetch_allow="127.0.0.1:9")

    async def call(token, tool, arguments):
        async with serving(token=token) as server, mcp.Client(server) as connected:
            return texts(await connected.call_tool(tool, arguments))

    def started_anew(token, tool, arguments):
        return asyncio.run(call(token, tool, arguments))

    page = {"url": "http://127.0.0.1:9/b?p=48213"}
    started_anew("first", "notes_read", {"path": "plan.md"})

    assert started_anew("first", "web_fetch", page).startswith("Not done")
    assert started_anew("first", "web_search", {"query": "Tamsin 48213"}).startswith("Not done")
    assert "ToolFailed" in started_anew("second", "web_fetch", page)
    kept = json.dumps(db.fetch_all("SELECT * FROM caller_reading"), default=str)
    assert "48213" not in kept and "first" not in kept


def test_what_left_is_counted_on_after_a_restart(database):
    notes = Tool("notes.read", "Read a note.", {}, annotations={"openWorldHint": False})
    before = callers.Reading("a-token")
    before.current().read("The code is 48213.", "own")
    before.current().count.add(outflow.Load(letters=30, bits=11.0, links={"//a.example/x"}))
    before.keep(notes)

    count = callers.Reading("a-token").current().count

    assert (count.requests, count.letters, count.bits) == (1, 30, 11.0)
    assert count.links == {"//a.example/x"}
    assert callers.Reading("another").current().count.requests == 0


def test_links_that_left_by_two_processes_at_once_are_all_kept(database):
    notes = Tool("notes.read", "Read a note.", {}, annotations={"openWorldHint": False})
    both = [callers.Reading("a-token"), callers.Reading("a-token")]
    for name, reading in zip("xy", both, strict=True):
        reading.current().read("The code is 48213.", "own")
        reading.taint_context.count.add(outflow.Load(links={f"//a.example/{name}"}))
    for reading in both:
        reading.keep(notes)

    count = callers.Reading("a-token").current().count

    assert count.links == {"//a.example/x", "//a.example/y"}


def test_what_was_read_is_forgotten_when_nothing_private_was_read_for_a_day(database, monkeypatch):
    reading = callers.Reading("a-token")
    notes = Tool("notes.read", "Read a note.", {}, annotations={"openWorldHint": False})
    reading.current().read("The code is 48213.", "own")
    reading.keep(notes)

    assert reading.current().has_private
    monkeypatch.setattr(callers, "BOUND_SECONDS", -1)
    assert not reading.current().has_private and reading.current().tainted


def test_a_secret_does_not_leave_the_house(database):
    answer = use(
        lambda program: program.call_tool("web_search", {"query": "sk-ant-api03-" + "a" * 60})
    )

    assert answer.is_error and "holds a secret" in texts(answer)


def test_a_program_is_told_no_secret_that_the_owner_wrote(database):
    secret = "Zq81" + "harbour"
    remember("note", f"The crane's console takes password={secret}", trust="own")

    answer = use(lambda program: program.call_tool("memory_search", {"question": "crane console"}))

    assert "The crane's console takes" in texts(answer)
    assert secret not in texts(answer) + json.dumps(answer.structured_content)


def test_only_what_was_asked_for_and_the_settings_allow_is_offered(database, configure):
    configure(mcp_serve="notes,web.fetch")

    listed = use(lambda program: program.list_tools(), ["notes.search", "web"]).tools

    assert [tool.name for tool in listed] == ["notes_search", "web_fetch"]
    with pytest.raises(BadInput, match=r"no tool server 'nots'; there are hackernews"):
        callers.check(["nots"])


def test_a_tool_that_is_not_offered_cannot_be_called(database):
    async def work(program):
        with pytest.raises(
            mcp.MCPError, match="there is no tool 'mail_send'; there are notes_search"
        ):
            await program.call_tool("mail_send", MAIL)

    use(work, ["notes"])


def test_bad_arguments_are_answered_in_words(database):
    answer = use(lambda program: program.call_tool("notes_read", {"paht": "a.md"}))

    assert answer.is_error and "Field required" in texts(answer)


def test_each_conversation_is_a_run_with_its_calls(database):
    async def work(program):
        await program.call_tool("notes_search", {"query": "a"})
        await program.call_tool("notes_search", {"query": "b"})
        await program.call_tool("notes_read", {"path": "none.md"})

    use(work)
    use(lambda program: program.call_tool("notes_search", {"query": "c"}))

    runs = db.fetch_all("SELECT * FROM run ORDER BY started_at")
    assert [(run["flow"], run["status"]) for run in runs] == [("mcp.serve", "done")] * 2
    steps = db.fetch_all(
        "SELECT name, tries FROM step WHERE run_id = %s ORDER BY name", [runs[0]["id"]]
    )
    assert [(step["name"], step["tries"]) for step in steps] == [
        ("mcp.notes_read", 1),
        ("mcp.notes_search", 2),
    ]
    assert (
        db.fetch_one(
            "SELECT count(*) AS n FROM span WHERE run_id = %s AND name = 'execute_tool"
            " notes.search'",
            [runs[0]["id"]],
        )["n"]
        == 2
    )


def test_a_change_of_the_settings_is_told_to_programs_old_and_new(database, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(callers, "WATCH_SECONDS", 0.05)
    config.reload()
    told = asyncio.Queue()

    async def heard(message):
        if isinstance(message, mcp.types.ToolListChangedNotification):
            told.put_nowait(message)

    async def work():
        async with serving() as server, at(server) as url:
            async with client(url, mode="legacy", message_handler=heard) as old, client(url) as new:
                async with new.listen(tools_list_changed=True) as changes:
                    assert len((await old.list_tools()).tools) > 1
                    # the standing stream of the old one opens after its handshake
                    await asyncio.sleep(0.2)
                    (tmp_path / "millrace.yaml").write_text("mcp_serve: [notes.read]\n")
                    async with asyncio.timeout(10):
                        await told.get()
                        await anext(aiter(changes))
                    return [
                        [tool.name for tool in (await each.list_tools()).tools]
                        for each in (old, new)
                    ]

    assert asyncio.run(work()) == [["notes_read"], ["notes_read"]]
