"""`agents` and `ask -a`: agents made, changed, switched off and asked on the command line."""

import json

import pytest

from f.millrace.agents import registry
from f.millrace.core import db
from scripts.commands.__main__ import main

MADE = ["agents", "new", "reader", "--instructions", "Read the notes.", "--tools", "notes.search"]


@pytest.fixture
def here(database, configure, monkeypatch, tmp_path):
    """This machine, whose notes know about a quay."""
    configure(user="ana", isolation="inline")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "quay.md").write_text("The repair of the quay costs 2.4 million euros.")
    monkeypatch.setattr("scripts.commands.agents.ready", lambda: None)
    monkeypatch.setattr("scripts.commands.ask.ready", lambda: None)


def said(capsys):
    return capsys.readouterr().out


def test_an_agent_is_made_shown_changed_and_switched_off(here, capsys):
    assert main(["agents", "list"]) == 0 and "agents new NAME" in said(capsys)
    assert main([*MADE, "--usd", "0.1"]) == 0 and "ask -a reader" in said(capsys)
    assert main(["agents", "change", "reader", "--description", "Reads.", "--shared"]) == 0
    assert "at version 2, idle" in said(capsys)

    assert main(["agents", "list"]) == 0
    listed = said(capsys)
    assert all(word in listed for word in ("reader", "Reads.", "idle", "ana, shared"))
    assert main(["agents", "show", "reader"]) == 0
    assert "0.1 USD, 120 seconds" in said(capsys)
    assert main(["agents", "show", "reader", "--version", "1", "--json"]) == 0
    assert json.loads(said(capsys))["description"] == ""
    assert main(["agents", "off", "reader"]) == 0
    assert "reader is off; 0 runs" in said(capsys)
    assert main(["agents", "change", "reader", "--on"]) == 0 and "idle" in said(capsys)
    kinds = db.fetch_all("SELECT kind, actor FROM audit WHERE subject = 'reader' ORDER BY id")
    assert [row["kind"] for row in kinds] == [
        *("agent.created", "agent.changed", "agent.off", "agent.on")
    ]


def test_an_agent_of_a_file_is_checked_as_any_other(here, capsys, tmp_path):
    file = tmp_path / "agent.yaml"
    file.write_text("instructions: |\n  Read the notes.\ntools: [notes.search]\nnope: 1\n")

    assert main(["agents", "new", "reader", "--file", str(file)]) == 2
    assert "nope is no part of an agent" in capsys.readouterr().err
    file.write_text("instructions: |\n  Read the notes.\nlimits: {usd: 0.1}\n")
    assert main(["agents", "new", "reader", "--file", str(file), "--seconds", "30"]) == 0

    made = registry.find("reader", registry.Person("ana", "owner")).definition
    assert (made.instructions, made.limits.usd, made.limits.seconds) == ("Read the notes.", 0.1, 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["agents", "show", "nobody"], "there is no agent 'nobody'"),
        (["agents", "off", "nobody"], "there is no agent 'nobody'"),
        (["agents", "new", "helper", "--instructions", "x"], "taken by Millrace itself"),
        (["agents", "new", "reader"], "instructions is missing"),
        (["agents", "new", "reader", "--file", "/nowhere.yaml"], "cannot be read"),
        (["ask", "-a", "nobody", "x"], "there is no agent 'nobody'"),
    ],
    ids=["show", "off", "built-in", "empty", "no-file", "ask"],
)
def test_a_mistake_is_told_and_nothing_is_made(here, capsys, arguments, words):
    assert main(arguments) == 2

    assert words in capsys.readouterr().err
    assert db.fetch_all("SELECT 1 FROM agent") == []


def test_nothing_to_change_is_told(here, capsys):
    main(MADE)

    assert main(["agents", "change", "reader"]) == 2
    assert "nothing to change" in capsys.readouterr().err


def test_an_agent_is_asked_with_ask(here, capsys):
    main(MADE)
    said(capsys)

    code = main(["ask", "-a", "reader", "What does the repair of the quay cost?", "--json"])

    told = json.loads(said(capsys))
    assert code == 0 and told["flow"] == "ask_agent"
    assert "2.4 million euros" in told["result"]["text"]
    assert db.fetch_one("SELECT agent, version FROM agent_run") == {"agent": "reader", "version": 1}


def test_an_agent_has_no_use_for_what_is_for_questions(here, capsys):
    main(MADE)

    assert main(["ask", "-a", "reader", "--memory", "x"]) == 2
    assert "leave out --memory" in capsys.readouterr().err
