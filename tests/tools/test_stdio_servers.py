"""Servers of others that run as programs here: real processes, used when sound, contained when not,
gone afterwards.
"""

import json
import sys
import time
from pathlib import Path

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadSetting, ToolFailed
from f.millrace.tools import client
from f.millrace.tools.client import CallOutcomeUnknown
from tests.tools.others import echo, use

SCRIPT = Path(__file__).with_name("misbehaving.py")


@pytest.fixture
def box(database, monkeypatch, tmp_path):
    """Name the program in the settings; returns what sets its fault."""
    monkeypatch.setenv("MILLRACE_MCP_SECONDS", "1.5")
    monkeypatch.setattr("mcp.client.session.DISCOVER_TIMEOUT_SECONDS", 1.0)

    def set_up(fault="", **more):
        entry = {
            "command": sys.executable,
            "args": [str(SCRIPT), fault, str(tmp_path / "pids")],
            **more,
        }
        monkeypatch.setenv("MILLRACE_MCP", json.dumps({"box": entry}))
        config.reload()
        return tmp_path / "pids"

    return set_up


def gone(pid):
    """Whether the process ended within two seconds."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_a_program_is_started_used_and_ended_with_its_children(box):
    file = box()

    listed, problems, answer = use(echo)

    assert "box.echo" in listed and problems == [] and answer == {"said": "again"}
    assert all(gone(pid) for pid in file.read_text().splitlines()[0].split())


def test_a_program_that_does_not_leave_is_ended(box):
    file = box("stays")

    use(echo)

    assert all(gone(pid) for pid in file.read_text().splitlines()[0].split())


def test_a_program_sees_nothing_of_our_environment_but_what_the_settings_give_it(box, monkeypatch):
    monkeypatch.setenv("MILLRACE_SMTP_URL", "smtp://user:secret@localhost")
    monkeypatch.setenv("WM_TOKEN", "secret")
    monkeypatch.setenv("BOX_KEY", "for the box")
    file = box(env={"KEY": "${BOX_KEY}", "PLAIN": "yes"})

    use()

    seen = set(file.read_text().splitlines()[1:])
    assert {"KEY", "PLAIN", "PATH"} <= seen and not any(
        name.startswith(("MILLRACE", "WM_", "BOX")) for name in seen
    )


def test_what_the_environment_lacks_is_named(box):
    box(env={"KEY": "${NO_SUCH_KEY}"})

    assert (
        "names ${NO_SUCH_KEY} for the server 'box', which is not in the environment" in use()[1][0]
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang start", "timed out"),
        ("crash start", "ended with code 3: the disk is full"),
        ("one line start", "a line longer than 4,000,000 bytes"),
        ("notifications start", "it said more than"),
        ("hang tools/list", "timed out"),
        ("crash tools/list", "ended with code 3"),
        ("one line tools/list", "a line longer than"),
        ("notifications tools/list", "it said more than"),
    ],
)
def test_a_program_that_misbehaves_is_told_and_the_others_serve(box, monkeypatch, fault, words):
    if "hang" not in fault:  # a slow machine takes its time to say too much
        monkeypatch.setenv("MILLRACE_MCP_SECONDS", "30")
        monkeypatch.setattr("mcp.client.session.DISCOVER_TIMEOUT_SECONDS", 30.0)
    file = box(fault)

    listed, problems, _ = use()

    # A program that hangs would go on after ten minutes, and be listed.
    assert "notes.search" in listed and "box.echo" not in listed
    assert (
        len(problems) == 1
        and problems[0].startswith("the tool server box could not be listed")
        and words in problems[0]
    )
    assert gone(file.read_text().split()[0])


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang tools/call", "gave no answer"),
        (
            "crash tools/call",
            "gave no answer: ServerGone: the program ended with code 3: the disk is full",
        ),
        ("one line tools/call", "a line longer than"),
        ("notifications tools/call", "it said more than"),
        ("huge", "it answered 3,000,0"),
        ("lie", "its answer is not what it promised: 'again' is not of type 'integer'"),
        ("no structure", "its answer is not what it promised: it has no structure"),
        ("slow promise", "could not be found out within 2 seconds"),
        ("slow pattern", "could not be found out within 2 seconds"),
        ("far reference", "its promise cannot be checked"),
        ("circular promise", "its promise cannot be checked"),
    ],
)
def test_a_call_without_a_sound_answer_fails_in_words_and_the_run_goes_on(
    box, monkeypatch, fault, words
):
    # Only what hangs is waited for; the others answer, on a busy machine later.
    monkeypatch.setattr(client, "CALL_SECONDS", 2.0 if fault.startswith("hang") else 60.0)
    box(fault)

    async def work(tools):
        with pytest.raises(CallOutcomeUnknown) as caught:
            await echo(tools)
        return str(caught.value), await tools.call("notes.search", {"query": "x"})

    listed, _, (told, other) = use(work)

    assert "box.echo" in listed and words in told and other == {"notes": []}


def test_a_program_that_crashed_is_started_again_at_the_next_call(box):
    file = box("crash tools/call")

    async def work(tools):
        pids = []
        for _ in range(2):
            with pytest.raises(ToolFailed):
                await echo(tools)
            pids.append(file.read_text().split()[0])
        return pids

    first, second = use(work)[2]
    assert first != second


def test_words_that_nobody_asked_for_are_passed_over(box):
    box("nonsense tools/call")

    assert use(echo)[2] == {"said": "again"}


@pytest.mark.parametrize(
    ("fault", "offered", "words"),
    [
        ("thousands", 128, "lists 5000 tools; the first 128 are taken"),
        ("endless pages", 20, "goes on after 20 tools; no more pages are turned"),
        (
            "bad schema",
            1,
            "a tool of box is left out: its JSON Schema is invalid: 'nonsense' is not valid",
        ),
        ("twice", 1, "a tool of box is left out: box.echo is listed twice"),
    ],
)
def test_a_list_that_is_not_sound_is_cut_and_told(box, fault, offered, words):
    box(fault)

    listed, problems, _ = use()

    assert sum(name.startswith("box.") for name in listed) == offered
    assert len(problems) == 1 and words in problems[0]


def test_a_program_is_started_in_its_folder(box, tmp_path):
    file = box(cwd=str(tmp_path))

    use()

    assert file.read_text().splitlines()[1] == str(tmp_path)


def test_a_program_that_asks_back_hears_its_own_defaults_when_the_settings_say_so(box):
    box("asks", asks="defaults")

    assert use(echo)[2] == {"said": {"action": "accept", "content": {"name": "Ada"}}}


def test_a_program_that_is_none_is_told(box):
    box(command="no-such-program-anywhere")

    assert "no-such-program-anywhere cannot be started" in use()[1][0]


def test_a_worker_starts_no_programs(box, monkeypatch):
    box()
    monkeypatch.setattr("f.millrace.core.windmill.on_worker", lambda: True)
    monkeypatch.setattr("f.millrace.core.windmill.resource", lambda path: {})

    assert "is not started on a worker; serve it elsewhere and name its url" in use()[1][0]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "name either the url of the server or the command that starts it"),
        ({"url": "http://a/mcp", "command": "b"}, "name either the url"),
        ({"url": "ftp://a"}, "url"),
        ({"command": "a", "argz": []}, "argz"),
        ({"type": "stdio", "url": "http://a/mcp"}, "its type is stdio, and it has a url"),
        ({"type": "http", "command": "a"}, "its type is http, and it has a command"),
        ({"type": "sse", "url": "http://a/sse"}, "'stdio'"),
    ],
)
def test_a_server_that_is_set_wrongly_is_refused_in_words(monkeypatch, entry, words):
    monkeypatch.setenv("MILLRACE_MCP", json.dumps({"box": entry}))
    config.reload()

    with pytest.raises(BadSetting, match=r"mcp\.box") as caught:
        config.settings()
    assert words in str(caught.value)
