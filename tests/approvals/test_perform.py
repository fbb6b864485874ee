"""What an agent asked for and a person approved is done once, as it was approved."""

import asyncio
import json
import smtplib
from argparse import Namespace

import pytest

from f.millrace.approvals import perform
from f.millrace.core import config, db
from f.millrace.core.errors import BadInput, NeedsApproval
from f.millrace.telemetry.spans import step
from f.millrace.tools import approved_calls, mail
from f.millrace.tools.client import open_tools
from f.millrace.tools.toolbox import Toolbox
from f.millrace.trust import actions, approvals
from scripts.commands import approvals as command

pytestmark = pytest.mark.usefixtures("database")
MAIL = {"to": "ada@home.example", "subject": "Tides", "text": "High water is at six."}


def asked(tool, arguments, run_id=None):
    """Return the action that an agent's call of the tool became."""

    async def call():
        async with open_tools([tool]) as tools:
            box = Toolbox(tools, await tools.list_tools())
            with pytest.raises(NeedsApproval, match="waits as a proposed action"):
                await box.call(tool, arguments, "tp_1")

    with step("test.call", run_id):
        asyncio.run(call())
    return db.fetch_one("SELECT * FROM action ORDER BY created_at DESC LIMIT 1")


def approve(action):
    return approvals.decide(str(action["id"]), action["digest"], "approved", "eva", "test")


def test_an_approved_note_is_written_once(tmp_path):
    action = asked("notes.write", {"path": "tides.md", "text": "six"})
    approve(action)

    first = perform.main(action_id=str(action["id"]))
    (tmp_path / "notes" / "tides.md").write_text("changed by hand")
    again = perform.main(action_id=str(action["id"]))

    assert [done["actions"][0]["state"] for done in (first, again)] == ["performed", "performed"]
    assert (tmp_path / "notes" / "tides.md").read_text() == "changed by hand"
    assert actions.get_by_id(str(action["id"]))["outcome"] == {
        "path": "tides.md",
        "bytes": 3,
        "status": "created",
    }


def test_all_approved_calls_of_a_run_are_made_and_no_other(tmp_path):
    one = asked("notes.write", {"path": "one.md", "text": "1"})
    run_id = str(one["run_id"])
    two, denied, open_one = (
        asked("notes.write", {"path": f"{name}.md", "text": "2"}, run_id)
        for name in ("two", "no", "open")
    )
    approve(one), approve(two)
    approvals.decide(str(denied["id"]), denied["digest"], "denied", "eva")

    done = perform.main(run_id=run_id)

    assert {entry["action_id"] for entry in done["actions"]} == {str(one["id"]), str(two["id"])}
    assert sorted(path.name for path in (tmp_path / "notes").iterdir()) == ["one.md", "two.md"]
    assert perform.main(run_id=run_id) == {"actions": []}
    with pytest.raises(NeedsApproval):
        perform.main(action_id=str(open_one["id"]))


def test_an_approved_mail_has_one_name_and_a_crash_after_it_sends_no_second(tmp_path):
    action = asked("mail.send", MAIL)
    approve(action)
    perform.main(action_id=str(action["id"]))
    db.execute("UPDATE action SET state = 'performing', outcome = NULL")
    (written,) = (tmp_path / "outbox").glob("*.eml")
    before = written.stat().st_mtime_ns

    done = perform.main(run_id=str(action["run_id"]))

    assert done["actions"][0]["state"] == "performed" and written.stat().st_mtime_ns == before
    assert actions.get_by_id(str(action["id"]))["outcome"]["path"] == str(written)


def test_a_mail_of_which_the_server_says_nothing_is_unknown_and_waits_for_a_person(monkeypatch):
    monkeypatch.setenv("MILLRACE_SMTP_URL", "smtp://mail.example:25")
    config.reload()
    monkeypatch.setattr(mail, "_connect", lambda *_: Cut())
    action = asked("mail.send", MAIL)
    approve(action)

    assert perform.main(action_id=str(action["id"]))["actions"][0]["state"] == "unknown"
    assert [row["id"] for row in approvals.list_unknown()] == [action["id"]]


class Cut:
    """A mail server whose connection ends with the content."""

    def mail(self, *_):
        return 250, b""

    rcpt = mail

    def docmd(self, _):
        return 354, b"go on"

    def send(self, _):
        raise smtplib.SMTPServerDisconnected("gone")

    def quit(self):
        raise OSError

    def close(self):
        pass


def test_arguments_that_the_tool_does_not_take_fail_in_words(tmp_path):
    action = asked("notes.write", {"path": "x.md", "text": "x", "mode": "append"})
    approve(action)

    assert perform.main(action_id=str(action["id"]))["actions"][0]["state"] == "failed"
    assert "does not take mode" in actions.get_by_id(str(action["id"]))["outcome"]["error"]


def test_other_actions_belong_to_their_flows():
    row = actions.propose("mail.send", MAIL, "mail:daily_research:main:daily:ada:2026-11-21:1")
    approve(row)

    with pytest.raises(BadInput, match="its own flow"):
        approved_calls.perform(row)
    with pytest.raises(BadInput, match="give a run_id"):
        perform.main()


def test_the_command_line_makes_the_call_that_it_approves(tmp_path, capsys):
    action = asked("notes.write", {"path": "tides.md", "text": "six"})

    code = command.answer(Namespace(id=str(action["id"])[:8], action="approve", json=True))

    assert code == 0 and json.loads(capsys.readouterr().out)["state"] == "performed"
    assert (tmp_path / "notes" / "tides.md").read_text() == "six"


def test_an_answer_to_one_question_does_not_continue_a_run_that_waits_for_another(capsys):
    action = asked("notes.write", {"path": "tides.md", "text": "six"})
    db.execute("UPDATE run SET status = 'waiting'")
    other = actions.propose(
        "budget.allow", {"usd": 1}, "allow", run_id=str(action["run_id"]), at_least="high"
    )

    for row in (action, other):
        assert command.answer(Namespace(id=str(row["id"]), action="approve", json=True)) == 0
    assert db.fetch_one("SELECT status FROM run") == {"status": "waiting"}
