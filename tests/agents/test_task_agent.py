"""One task, done with tools: what the agent may not do alone is asked in one question and done
afterwards, once.
"""

import json
from argparse import Namespace

import pytest

from f.millrace.agents import task_agent
from f.millrace.agents.progress import Progress
from f.millrace.approvals import ask, perform, record
from f.millrace.assist import close, work
from f.millrace.core import config, db
from f.millrace.core.errors import AgentStuck, BadInput
from f.millrace.core.run_context import current
from f.millrace.telemetry.spans import step
from f.millrace.trust import actions, approvals, budget, questions
from scripts.commands import approvals as command
from scripts.commands import report
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow
from scripts.runner.run import resume, start
from scripts.runner.worker import InlineWorker

MAIL = {"to": "ada@home.example", "subject": "Tides", "text": "High water is at six."}
GAP = {
    "missing_tools": [
        {
            "name": "send_fax",
            "description": "Send a document as a fax to a telephone number.",
            "inputs": {"number": "string", "document": "string"},
            "outputs": {"pages_sent": "integer"},
            "estimated_risk": "high",
        }
    ],
    "existing_tools_checked": ["Evidence: mail.send reaches mailboxes, not telephone numbers"],
    "proposed_mcp_server": "a fax gateway with send_fax(number, document)",
}


@pytest.fixture
def played(edge, configure, database):
    """The model says these things one after the other: calls as (tool, arguments), then words."""

    def play(*answers):
        for answer in answers:
            if isinstance(answer, str):
                said = {"role": "assistant", "content": answer}
                edge.faults.append(
                    lambda handler, _, said=said: handler.message(said, "stop") or True
                )
            else:
                edge.faults.append(lambda handler, _, made=answer: handler.tool_call(*made) or True)

    # Our own notes.write says that it may overwrite, so it asks unless the policy says otherwise.
    configure(model="openai:gpt-4o", risk_policy={"notes.write": "medium"})
    return play


def flow(task="Tell Ada when high water is."):
    return start(
        load_openflow("do_task"), "do_task", {"task": task}, isolation=InlineWorker(ROOT), root=ROOT
    )


def answered(outcome, approved=True, **more):
    (action,) = (
        approvals.list_pending()[-1:]
        if not outcome.waiting
        else [actions.get_by_id(waiting_for(outcome))]
    )
    body = {"action_digest": action["digest"]}
    reply = {"approved": approved, "body": body, "by": "eva", **more}
    return resume(outcome.run_id, reply, isolation=InlineWorker(ROOT), root=ROOT)


def waiting_for(outcome):
    row = db.fetch_one(
        "SELECT id FROM action WHERE run_id = %s AND tool = 'agent.calls'", [outcome.run_id]
    )
    return str(row["id"])


def states():
    return {row["tool"]: row["state"] for row in db.fetch_all("SELECT tool, state FROM action")}


def test_a_task_that_needs_nobody_ends_at_once(played, tmp_path):
    played(("notes_write", {"path": "tides.md", "text": "six"}), "It is written down.")

    outcome = flow("Write tides.md.")

    assert (outcome.status, outcome.result["text"]) == ("done", "It is written down.")
    assert (tmp_path / "notes" / "tides.md").read_text() == "six"
    assert outcome.result["calls"] == [{"tool": "notes.write", "state": "performed", "error": None}]


def test_an_approved_call_is_made_after_the_answer_and_once(played, tmp_path):
    played(("mail_send", MAIL), "A person has to allow the mail.")
    outcome = flow()
    assert outcome.status == "waiting" and not (tmp_path / "outbox").exists()

    done = answered(outcome)

    assert done.status == "done" and [call["state"] for call in done.result["calls"]] == [
        "performed"
    ]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
    perform.main(outcome.run_id, waiting_for(outcome))
    assert (
        len(list((tmp_path / "outbox").glob("*.eml"))) == 1
        and states()["agent.calls"] == "performed"
    )


@pytest.mark.parametrize(
    ("reply", "state"), [({"approved": False}, "denied"), ({"timed_out": True}, "expired")]
)
def test_denied_or_unanswered_nothing_is_done_and_the_run_ends_well(played, tmp_path, reply, state):
    played(("mail_send", MAIL), "A person has to allow the mail.")

    done = answered(flow(), **reply)

    assert done.status == "done" and [call["state"] for call in done.result["calls"]] == [state]
    assert (
        states() == {"mail.send": state, "agent.calls": state}
        and not (tmp_path / "outbox").exists()
    )


def test_a_refusal_that_carries_a_yes_and_a_bare_get_do_nothing(played, tmp_path):
    played(("mail_send", MAIL), "A person has to allow the mail.")
    action = actions.get_by_id(waiting_for(flow()))
    error = {"error": {"name": "SuspendedDisapproved"}}

    asked = ask.main(str(action["id"]))
    refused = record.main(str(action["id"]), error, [asked["default_args"], error], ["anonymous"])
    perform.main(str(action["run_id"]), str(action["id"]))

    assert asked["default_args"] == {"action_digest": action["digest"]} and not refused["approved"]
    assert states()["mail.send"] == "denied" and not (tmp_path / "outbox").exists()


def test_the_page_shows_every_call_and_why_it_asks(played, configure):
    played(
        ("mail_send", MAIL), ("notes_write", {"path": "x.md", "text": "Tides of the day"}), "Asked."
    )
    configure(risk_medium="ask")

    action = actions.get_by_id(waiting_for(flow()))
    page = ask.main(str(action["id"]))["description"]["markdown"]

    for words in (
        "mail.send",
        "ada@home.example",
        "High water is at six.",
        "notes.write",
        "Tides of the day",
        "cannot be taken back",
    ):
        assert words in page
    question = questions.question(action)
    assert question.title == "Make 2 calls: mail.send, notes.write?"
    assert "To: ada@home.example" in question.plain and "Subject: Tides" in question.plain
    assert "Each of these would be called once" in question.plain
    assert "Answer on the command line:" in question.plain, "no Windmill runs this"
    assert "house rule" not in question.plain and "agent.calls" not in question.plain


def test_calls_that_were_changed_after_the_question_are_not_made(played, tmp_path):
    played(("mail_send", MAIL), "A person has to allow the mail.")
    outcome = flow()
    changed = db.jsonb({**MAIL, "to": "eve@evil.example"})
    db.execute(
        "UPDATE action SET arguments = %s, digest = %s WHERE tool = 'mail.send'",
        [changed, actions.digest("mail.send", {**MAIL, "to": "eve@evil.example"})],
    )

    answered(outcome)

    assert states()["mail.send"] == "proposed" and not (tmp_path / "outbox").exists()


@pytest.mark.long
def test_the_command_line_answers_for_the_run(played, tmp_path, capsys):
    played(("mail_send", MAIL), "A person has to allow the mail.")
    outcome = flow()

    code = command.answer(Namespace(id=waiting_for(outcome), action="approve", json=True))

    assert (
        code == 0
        and json.loads(capsys.readouterr().out)["result"]["calls"][0]["state"] == "performed"
    )


@pytest.mark.long
def test_a_question_and_its_parts_are_one_line_and_a_late_answer_is_told(played, capsys):
    played(("mail_send", MAIL), "A person has to allow the mail.")
    whole = waiting_for(flow())

    assert command.list_all(Namespace(json=False, wide=True)) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "proposed" in line]
    assert (
        len(lines) == 1
        and whole[:8] in lines[0]
        and "ada@home.example" in lines[0]
        and "UTC" in lines[0]
    )
    assert command.list_all(Namespace(json=True)) == 0
    listed = json.loads(capsys.readouterr().out)["approvals"]
    assert {row["tool"]: row["part_of"] for row in listed} == {
        "mail.send": whole,
        "agent.calls": None,
    }

    assert command.answer(Namespace(id=whole, action="deny", json=False)) == 0
    assert command.answer(Namespace(id=whole, action="approve", json=False)) == 1
    assert (
        "the first answer stands" in capsys.readouterr().out and states()["mail.send"] == "denied"
    )


def test_a_step_that_is_repeated_does_not_ask_the_model_or_call_a_tool_again(
    played, edge, tmp_path
):
    played(("notes_write", {"path": "tides.md", "text": "six"}), "Written.")
    with step("test.task"):
        run_id = current().run_id
    db.execute("UPDATE run SET status = 'running' WHERE id = %s", [run_id])

    def once():
        with step("test.task", run_id):
            return task_agent.do_task(run_id, "Write tides.md.")

    once()
    (tmp_path / "notes" / "tides.md").write_text("changed by hand")
    edge.faults.clear()
    again = once()

    assert again.text == "Written." and len(edge.requests) == 2 and again.answer.replayed == 2
    assert (tmp_path / "notes" / "tides.md").read_text() == "changed by hand"


def test_a_missing_tool_is_reported_and_the_run_tells_it(played):
    played(("report_missing_tool", {"report": GAP}), "No tool sends a fax.")

    outcome = flow("Fax the tides to 555.")

    assert outcome.result["gaps"] == [GAP] and db.fetch_one("SELECT seen FROM tool_gap") == {
        "seen": 1
    }


def test_the_offline_model_says_that_it_calls_no_tools(database):
    outcome = flow()

    assert (outcome.status, outcome.result["text"]) == ("partly_failed", task_agent.NO_TOOLS)


def test_a_model_that_repeats_its_call_is_told_once_to_try_another_way_and_then_escalated(
    played, edge, capsys
):
    played(*[("notes_search", {"query": "tide"})] * 9)

    outcome = flow("When is high water?")

    assert outcome.status == "partly_failed" and "confused: notes.search" in outcome.result["text"]
    assert len(edge.requests) == 4
    assert "Try another way" in edge.requests[3]["messages"][-1]["content"]
    assert command.list_all(Namespace(json=False, wide=True)) == 0
    assert "When is high water?" in capsys.readouterr().out
    assert db.fetch_one("SELECT escalated, outcome FROM decision") == {
        "escalated": True,
        "outcome": None,
    }


def test_a_model_whose_calls_bring_nothing_new_is_stalled(played, edge):
    played(*[("notes_read", {"path": "nowhere.md", "note": str(number)}) for number in range(12)])

    outcome = flow("When is high water?")

    assert (
        "stalled: 3 requests in a row brought nothing new" in outcome.result["text"]
        and len(edge.requests) < 12
    )


def test_a_model_that_takes_the_other_way_is_not_escalated(played, tmp_path):
    repeated = [("notes_search", {"query": "tide"})] * 3
    played(*repeated, ("notes_write", {"path": "tides.md", "text": "six"}), "Written.")

    outcome = flow("Write tides.md.")

    assert (outcome.status, outcome.result["text"]) == ("done", "Written.")
    assert db.fetch_one("SELECT escalated, outcome FROM decision") == {
        "escalated": False,
        "outcome": "silent_success",
    }


def test_calls_asked_for_side_by_side_are_all_told_before_the_next_one_ends_it(database):
    progress = Progress()
    advice = [progress.calling(1, "notes.search", {"query": "tide"}) for _ in range(6)]

    assert advice[:2] == ["", ""] and all("Try another way" in words for words in advice[2:])
    with pytest.raises(AgentStuck, match="also after the agent was told"):
        progress.calling(2, "notes.search", {"query": "tide"})


def test_a_proposal_for_every_reader_is_no_circle(played, edge, tmp_path):
    many = [("mail_send", {**MAIL, "to": f"reader{number}@home.example"}) for number in range(8)]
    played(*many, "A person has to allow the mails.")

    outcome = flow("Tell eight readers when high water is.")

    assert outcome.status == "waiting" and len(edge.requests) == 9


def test_a_model_that_never_comes_to_an_end_is_stopped_in_words(played, edge):
    played(*[("notes_search", {"query": f"tide {number}"}) for number in range(40)])

    outcome = flow("When is high water?")

    assert outcome.status == "partly_failed"
    assert (
        "stalled" in outcome.result["text"]
        and "http" not in outcome.result["text"]
        and len(edge.requests) <= 12
    )


def test_near_the_end_of_the_money_the_step_ends_with_what_it_has(played, configure):
    configure(model="openai:gpt-4o", run_usd=0.0001)

    outcome = flow()

    assert outcome.status == "partly_failed" and outcome.result["text"].startswith("Not finished:")


def test_that_the_rest_of_the_money_may_be_used_is_asked_by_the_flow_and_then_used(
    played, configure, edge, capsys
):
    configure(run_usd=100, daily_budget_usd=50)
    run_id = "11111111-1111-4111-8111-111111111111"
    spent = budget.reserve(run_id, config.settings().user, "writer", "m", 46)
    budget.mark_sent(spent)
    budget.charge_reserve(spent)
    outcome = flow()
    assert outcome.status == "waiting" and db.fetch_one(
        "SELECT count(*) AS n FROM action WHERE tool = 'budget.allow'"
    ) == {"n": 1}
    assert report.outcome(outcome, as_json=False) == 3
    assert f"approvals approve {waiting_for(outcome)[:8]}" in capsys.readouterr().out
    assert (
        "Why it asks: $46.00 of the $50.00"
        in questions.question(actions.get_by_id(waiting_for(outcome))).plain
    )

    answered(outcome)
    configure(run_usd=100, daily_budget_usd=50)
    edge.write = lambda _: "High water is at six."
    budget.reserve(run_id, config.settings().user, "writer", "m", 0.001)

    assert states() == {"budget.allow": "performed", "agent.calls": "performed"}


@pytest.mark.parametrize(
    ("task", "words"), [(" ", "1 to 4000 characters, this one 0"), ("x" * 4001, "this one 4001")]
)
def test_a_task_without_words_or_with_too_many_is_refused(database, task, words):
    with pytest.raises(BadInput, match=words):
        work.main(task)


def test_a_helper_that_is_switched_off_says_so(database, configure):
    configure(agents={"helper": {"enabled": False}})

    with pytest.raises(BadInput, match="switched off"):
        work.main("Write tides.md.")


def test_closing_twice_is_closing_once(database):
    with step("assist.work"):
        run_id = current().run_id

    assert close.main(run_id) == close.main(run_id)
