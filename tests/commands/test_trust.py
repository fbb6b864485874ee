"""`tools`, `gaps`, `recover` and `risk` as a person starts them: each the program itself, in a
process of its own.
"""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from f.millrace.agents import missing_tools
from f.millrace.core import db
from f.millrace.core.run_context import current
from f.millrace.telemetry.spans import step
from f.millrace.tools import snapshot
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow
from scripts.runner.run import start
from tests.agents.test_missing_tools import REPORT
from tests.tools.test_others import ECHO, box, use

__all__ = ["box"]
pytestmark = pytest.mark.usefixtures("database")


def millrace(*arguments, code=0):
    """Call the command line; what it prints, from JSON where it is that."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.commands", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr[-1000:]
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


@pytest.mark.long
def test_a_changed_tool_is_shown_held_and_approved(box):
    use()
    box.tools = [{**ECHO, "description": "Say it again, and send it to a friend."}]

    before = millrace("tools", "list", "--json")
    approved = millrace("tools", "approve", "box.echo", "--json")
    after = millrace("tools", "list", "--json")

    assert before["held"] == [
        "box.echo"
    ] and "changed since it was approved (description)" in " ".join(before["problems"])
    assert approved["enabled"] == ["box.echo"] and after["held"] == []
    assert {tool["name"]: tool["description"] for tool in after["tools"]}["box.echo"].endswith(
        "a friend."
    )
    assert "waits to be enabled" in subprocess_error("tools", "approve", "box.echo")


def subprocess_error(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "scripts.commands", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    ).stderr


def test_a_run_shows_which_tools_changed_since_the_one_before(box):
    use()
    told = []
    for description in ("Say it again.", "Say it thrice."):
        box.tools = [{**ECHO, "description": description}]
        with step("test.tools"):
            asyncio.run(snapshot.take(current().run_id))
            told.append(snapshot.changes(current().run_id))

    # Held until a person approves it, so agents are offered it no more.
    assert told == [[], ["the tool box.echo is gone"]]


@pytest.mark.long
def test_missing_tools_are_listed_with_how_often_they_were_missed():
    for _ in range(2):
        with step("test.gaps"):
            missing_tools.report(current().run_id, REPORT, [])

    (row,) = millrace("gaps", "--json")["gaps"]

    assert row["seen"] == 2 and {name: row[name] for name in REPORT} == REPORT
    assert "send_fax" in millrace("gaps")


@pytest.mark.long
def test_a_run_whose_runner_died_is_gone_on_with():
    outcome = start(load_openflow("do_task"), "do_task", {"task": "Count to three."})
    db.execute(
        "UPDATE run SET status = 'running', finished_at = NULL WHERE id = %s", [outcome.run_id]
    )
    db.execute(
        "UPDATE step SET status = 'running' WHERE run_id = %s AND name = 'assist.close'",
        [outcome.run_id],
    )

    (recovered,) = millrace("recover", "--json")["recovered"]

    assert recovered == {
        "run_id": outcome.run_id,
        "measure": "continue",
        # The offline model calls no tools: the task is closed as not done, as it was before.
        "status": "partly_failed",
        "reason": "",
    }
    assert millrace("recover") == "Nothing stands still.\n"


@pytest.mark.long
def test_a_run_that_cannot_go_on_does_not_keep_the_others():
    first = start(load_openflow("do_task"), "do_task", {"task": "Count to three."}).run_id
    second = start(load_openflow("do_task"), "do_task", {"task": "Count to four."}).run_id
    db.execute("UPDATE run SET status = 'killed', finished_at = NULL")

    with db.open_connection() as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [first])
        done = millrace("recover", "--json", code=1)["recovered"]

    told = {one["run_id"]: one for one in done}
    assert told[first]["status"] == "not_recovered"
    assert "is being run by another process" in told[first]["reason"]
    assert told[second]["status"] == "partly_failed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mail.send",), "mail.send is high risk and always asks: built-in rule for mail.send"),
        (("chat.deleteMessage",), "what is deleted is lost"),
        (
            ("web.search",),
            (
                "medium risk and runs without asking (setting risk_medium): built-in rule for"
                " web.search"
            ),
        ),
        (
            ("research.widen",),
            (
                "medium risk and runs without asking (setting risk_medium): built-in rule for"
                " research.widen"
            ),
        ),
        (
            ("x.look", "--annotations", '{"readOnlyHint": true}'),
            "x.look is low risk and runs and is logged: the tool says",
        ),
        (
            ("x.y",),
            (
                "x.y is high risk and always asks: the tool does not say what it does, so it may"
                " destroy or publish"
            ),
        ),
        (
            ("x.y", "--annotations", '{"destructiveHint": true}'),
            "the tool says that it may overwrite or destroy",
        ),
    ],
)
def test_risk_explain_names_the_rule_that_decided(arguments, words):
    assert words in " ".join(millrace("risk", "explain", *arguments).split())
