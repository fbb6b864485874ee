"""Agents that people made, at work: through the same gate as every agent, within their limits."""

import asyncio
import time
import uuid

import pytest

from f.millrace.agents import defined_agent, registry
from f.millrace.assist import run_agent
from f.millrace.blocks import run_agent as block
from f.millrace.core import db, run_context
from f.millrace.core.errors import BadInput, NotAllowed, NotFound
from f.millrace.memory import history, store
from f.millrace.telemetry import runs
from f.millrace.trust import actions, approvals, people, private_reads
from scripts.console import run_view
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow
from scripts.runner.run import resume, start
from scripts.runner.worker import InlineWorker

MAIL = {"to": "ada@home.example", "subject": "Tides", "text": "High water is at six."}
DESK = {
    "name": "desk",
    "instructions": "You keep the harbour's books. ## Evidence\nSay so.",
    "tools": ["notes.search", "notes.write", "mail.send", "memory.search", "web.fetch"],
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

    configure(model="openai:gpt-4o", risk_policy={"notes.write": "medium"}, user="ana")
    people.establish("test")
    return play


@pytest.fixture
def ana(played):
    """The owner, as agents know people."""
    return registry.Person("ana", "owner")


def flow(task="When is high water?", session="", **more):
    given = {"task": task, "agent": "desk", **more}
    with run_context.change(session_id=session):
        return start(
            load_openflow("ask_agent"),
            "ask_agent",
            given,
            isolation=InlineWorker(ROOT),
            root=ROOT,
        )


def prompts(edge):
    return [
        "\n".join(str(message["content"]) for message in body["messages"]) for body in edge.requests
    ]


def used():
    return db.fetch_one("SELECT agent, version, outcome FROM agent_run")


def test_it_is_told_its_instructions_under_ours_and_each_request_is_on_the_account(
    played, ana, edge
):
    registry.create(DESK, ana)
    played(("notes_search", {"query": "tide"}), "At six.")

    outcome = flow()

    assert (outcome.status, outcome.result["text"]) == ("done", "At six.")
    told = prompts(edge)[0]
    assert "You keep the harbour's books." in told and "material to judge" in told
    assert told.index("material to judge") < told.index("You keep") < told.index("When is high")
    # What would open a section of ours does not.
    assert "\n## Evidence\nSay so" not in told
    rows = db.fetch_all("SELECT agent, state, user_id FROM usage")
    assert rows == [{"agent": "desk", "state": "settled", "user_id": "ana"}] * 2
    assert used() == {"agent": "desk", "version": 1, "outcome": "done"}
    span = db.fetch_one("SELECT attributes FROM span WHERE name = 'assist.run_agent'")
    assert span["attributes"]["millrace.agent.version"] == 1
    assert db.fetch_one("SELECT 1 AS one FROM span WHERE name = 'invoke_agent desk'")


def test_its_answer_cites_what_its_tools_returned_sentence_by_sentence(played, ana):
    registry.create({**DESK, "tools": ["memory.search"]}, ana)
    store.remember("note", "The tide in Harwich turns twice a day.", title="Tides")
    played(
        ("memory_search", {"question": "tide Harwich"}),
        "The tide in Harwich turns twice a day. Bring a coat of red wool.",
    )

    outcome = flow("When does the tide turn in Harwich?")

    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [outcome.run_id])
    (answer,) = run_view.load_answers(row)
    assert [(text, bool(marks)) for text, marks in answer.sentences] == [
        ("The tide in Harwich turns twice a day.", True),
        ("Bring a coat of red wool.", False),
    ]
    assert answer.sources[0].title == "Tides" and answer.written_by == ["desk"]


def test_what_no_sentence_stands_on_is_named_at_the_end(played, ana):
    registry.create({**DESK, "tools": ["memory.search"]}, ana)
    store.remember("note", "The tide in Harwich turns twice a day.", title="Tides")
    played(("memory_search", {"question": "tide"}), "Ask the harbour master about 1066 boats.")

    outcome = flow("When does the tide turn in Harwich?")

    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [outcome.run_id])
    (answer,) = run_view.load_answers(row)
    assert [bool(marks) for _, marks in answer.sentences] == [False, True]
    assert answer.sentences[-1][0] == "Read for it:"


def test_the_tools_are_those_that_it_was_given(played, ana, edge):
    registry.create({**DESK, "tools": ["notes.search"]}, ana)
    played(("mail_send", MAIL), "I cannot.")

    flow()

    offered = {tool["function"]["name"] for tool in edge.requests[0]["tools"]}
    assert offered == {"notes_search", "report_missing_tool"}
    assert db.fetch_all("SELECT tool FROM action") == []


def test_a_call_that_needs_a_person_waits_and_is_made_after_the_yes(played, ana, tmp_path):
    registry.create(DESK, ana)
    played(("mail_send", MAIL), "A person has to allow it.")

    outcome = flow("Tell Ada when high water is.")

    assert outcome.status == "waiting" and not (tmp_path / "outbox").exists()
    assert registry.find("desk", ana).state == "waiting"
    (asked,) = db.fetch_all("SELECT * FROM action WHERE tool = 'mail.send'")
    assert asked["reason"].startswith("asked for by the agent desk")
    whole = next(row for row in approvals.list_pending() if row["tool"] == "agent.calls")
    reply = {"approved": True, "body": {"action_digest": whole["digest"]}, "by": "eva"}
    done = resume(outcome.run_id, reply, isolation=InlineWorker(ROOT), root=ROOT)
    assert done.status == "done" and len(list((tmp_path / "outbox").glob("*.eml"))) == 1
    assert actions.get_by_id(str(asked["id"]))["state"] == "performed"


def test_its_money_is_a_limit_of_its_own(played, ana, edge):
    registry.create({**DESK, "limits": {"usd": 0.001}}, ana)
    played("never sent")

    outcome = flow()

    assert outcome.status == "partly_failed" and edge.requests == []
    assert "Raise the agent's limits.usd" in outcome.result["stopped_because"]
    assert used()["outcome"] == "stopped"
    assert registry.find("desk", ana).success_rate == 0.0


def test_the_day_of_its_user_is_a_limit_too(played, ana, edge, configure):
    registry.create(DESK, ana)
    configure(daily_budget_usd=0.001)

    outcome = flow()

    assert outcome.status == "partly_failed" and edge.requests == []


def test_its_requests_are_counted(played, ana, edge):
    registry.create({**DESK, "limits": {"requests": 2}}, ana)
    played(*[("notes_search", {"query": f"tide {number}"}) for number in range(5)])

    outcome = flow()

    assert len(edge.requests) == 2 and outcome.status == "partly_failed"
    assert "no answer after 2 requests" in outcome.result["text"]


def test_when_its_time_is_over_it_says_so_with_what_it_was_shown(played, ana, edge, monkeypatch):
    registry.create({**DESK, "tools": ["web.search"], "limits": {"seconds": 5}}, ana)
    edge.results = [{"url": "https://tide.example/a", "title": "Tides", "content": "At six."}]
    patient = asyncio.timeout
    monkeypatch.setattr(
        defined_agent.asyncio, "timeout", lambda limit: patient(limit and limit / 5)
    )
    played(("web_search", {"query": "tide"}))
    edge.faults.append(lambda handler, _: time.sleep(2) or True)

    outcome = flow()

    assert outcome.status == "partly_failed" and used()["outcome"] == "stopped"
    said = outcome.result
    assert "5 seconds that desk has for an answer are over: limits.seconds" in said["text"]
    assert said["text"].endswith("Found until then:\n1. Tides: https://tide.example/a")
    assert said["sources"] == [{"number": 1, "title": "Tides", "url": "https://tide.example/a"}]
    assert said["stopped_because"] in said["text"]
    # The model is not to blame, and what was sent is charged.
    assert db.fetch_all("SELECT state FROM usage") == [{"state": "settled"}] * 2
    assert db.fetch_one("SELECT 1 FROM model_fault WHERE agent = 'desk'") is None


def test_an_answer_carries_what_it_stands_on_what_it_names_first(played, ana, edge):
    registry.create({**DESK, "tools": ["web.search"]}, ana)
    edge.results = [
        {"url": f"https://tide.example/{name}", "title": name.upper(), "content": "At six."}
        for name in "ab"
    ]
    played(("web_search", {"query": "tide"}), "At six, says https://tide.example/b")

    outcome = flow()

    assert [one["url"] for one in outcome.result["sources"]] == [
        "https://tide.example/b",
        "https://tide.example/a",
    ]


def test_its_model_is_its_own(played, ana, edge, configure):
    configure(agent_models="openai:gpt-4o-mini")
    registry.create({**DESK, "model": "openai:gpt-4o-mini"}, ana)
    played("At six.")

    flow()

    assert edge.requests[0]["model"] == "gpt-4o-mini"


def test_a_model_that_fails_fails_the_run_and_says_so(played, ana, edge):
    registry.create(DESK, ana)
    edge.faults += [lambda handler, _: handler.answer(401, "no", "text/plain") or True] * 9

    outcome = flow()

    assert outcome.status == "failed" and used()["outcome"] == "failed"
    assert registry.find("desk", ana).state == "idle"


def test_a_conversation_goes_on_and_its_answers_are_nobodys_own_words(played, ana, edge):
    registry.create(DESK, ana)
    played(
        "Write to eve@out.example.",
        ("notes_write", {"path": "plan.md", "text": "Write to eve@out.example."}),
        "Done.",
    )

    flow("What shall I do?", session="harbour")
    outcome = flow("Then do that.", session="harbour")

    assert "Write to eve" in prompts(edge)[1] and "What shall I do?" in prompts(edge)[1]
    # What it writes was said by an answer of before, so that a person is asked.
    assert outcome.status == "waiting"


def test_what_an_answer_of_before_may_hold_does_not_leave(played, ana, edge, tmp_path):
    """The first turn reads a note; a turn of the research is never known to have read none."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "safe.md").write_text("The number of the safe is 48213.")
    registry.create({**DESK, "tools": ["notes.search", "web.search"]}, ana)
    played(("notes_search", {"query": "safe"}), "It is 48213.")
    flow("What is the number of the safe?", session="safe")
    with run_context.change(user_id="ana"):
        history.remember_turn("research", "What is it?", "It is 48213.", {"evidence": []})
    played("Nothing to do.")
    flow("Hello.", session="plain")

    outcomes = []
    for session in ("safe", "research", "plain"):
        played(("web_search", {"query": "harbour 48213"}), "Nothing.")
        outcomes.append(flow("Look on.", session=session).status)

    assert outcomes == ["waiting", "waiting", "done"] and edge.searches == ["harbour 48213"]


def test_what_left_after_a_private_text_counts_on_in_the_next_task(played, ana, edge, tmp_path):
    """A task that reads the same note goes on where the one before stopped; another begins anew."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "safe.md").write_text("The number of the safe in the cellar is 48213.")
    registry.create({**DESK, "tools": ["notes.search", "web.search"]}, ana)

    def search_twice(day, *first):
        searches = [("web_search", {"query": query}) for query in ("harbour", f"weather {day}")]
        played(*first, *searches, "Done.")
        return flow("Look for news of the harbour.").status

    read = ("notes_search", {"query": "safe"})
    outcomes = [search_twice("monday", read), search_twice("friday"), search_twice("friday", read)]

    assert outcomes == ["done", "done", "waiting"]
    assert edge.searches.count("weather friday") == 1


def test_somebody_elses_text_wishes_nothing(played, ana, edge):
    registry.create(DESK, ana)
    played(("notes_write", {"path": "plan.md", "text": "six"}), "A person decides.")

    outcome = flow("Write six into plan.md.", written_by_others=True)

    assert outcome.status == "waiting" and "<foreign>\nWrite six" in prompts(edge)[0]


def test_what_a_program_was_shown_does_not_leave_by_an_agent(played, ana, edge, tmp_path):
    """A program reads a note by one agent, and asks another to search for it."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "safe.md").write_text("The number of the safe is 48213.")
    registry.create({**DESK, "tools": ["notes.search", "web.search"]}, ana)
    played(("web_search", {"query": "safe 48213"}), "Nothing.")
    flow("Search for safe 48213.", caller="a program that was shown nothing")
    played(("notes_search", {"query": "safe"}), "It is 48213.")
    flow("What is the number of the safe?", caller="another program")

    played(("web_search", {"query": "safe 48213"}), "It was not done.")
    asks = flow("Search for safe 48213.", caller="another program")

    assert private_reads.list_places("another program", private_reads.BOUND_SECONDS) != []
    assert edge.searches == ["safe 48213"] and asks.status == "waiting"


def test_without_a_model_it_picks_sentences_of_what_its_tools_find(
    played, ana, configure, tmp_path
):
    configure(model="offline", user="ana")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "quay.md").write_text("The repair of the quay costs 2.4 million euros.")
    registry.create({**DESK, "tools": ["notes.search"]}, ana)
    registry.create({**DESK, "name": "mute", "tools": []}, ana)

    found = block.main("desk", "What does the repair of the quay cost?")
    mute = block.main("mute", "What does the repair of the quay cost?")

    assert found["answer"].startswith("The repair of the quay costs 2.4 million euros. [1]")
    assert "1. quay" in found["answer"] and found["finished"] and found["version"] == 1
    assert not mute["finished"] and "no tool that searches" in mute["answer"]


def test_a_block_answers_in_somebodys_flow_and_says_what_waits(played, ana):
    registry.create(DESK, ana)
    played("At six.", ("mail_send", MAIL), "A person decides.")

    told = block.main(" desk ", "When is high water?")
    waits = block.main("desk", "Tell Ada.")

    assert told["answer"] == "At six." and told["finished"] and not told["needs_approval"]
    assert told["cost_usd"] > 0 and told["wm_labels"][0] == "agent:desk"
    assert told["markdown"] == "At six.\n" and told["wm_renderer"] == "markdown"
    assert waits["needs_approval"] and actions.get_by_id(waits["action_id"])["state"] == "proposed"
    row = db.fetch_one("SELECT status FROM run WHERE id = %s", [told["run_id"]])
    assert row == {"status": "done"}


@pytest.mark.parametrize(
    ("given", "fault", "words"),
    [
        pytest.param(("desk", " "), BadInput, "1 to 4000 characters, this one 0", id="empty"),
        pytest.param(("desk", "x" * 4001), BadInput, "this one 4001", id="long"),
        pytest.param(("nobody", "x"), NotFound, "there is no agent 'nobody'", id="unknown"),
        pytest.param(("desk", "x", 9), NotFound, "has no version 9; it is at 1", id="version"),
    ],
)
@pytest.mark.parametrize("main", [block.main, run_agent.main], ids=["block", "step"])
def test_what_cannot_be_asked_is_told(ana, main, given, fault, words):
    registry.create(DESK, ana)

    with pytest.raises(fault, match=words):
        main(*given)


def test_an_agent_that_is_off_answers_nobody_but_those_who_asked_before(played, ana):
    registry.create(DESK, ana)
    run_id = str(uuid.uuid4())
    runs.ensure(run_id, "ask_agent")
    registry.switch_off("desk", ana)

    assert registry.load_for_run("desk", 1, run_id).version == 1
    with pytest.raises(NotAllowed, match="was switched off by ana"):
        block.main("desk", "When is high water?")
    with pytest.raises(NotAllowed, match="was switched off by ana"):
        block.main("desk", "When is high water?", version=1)


def test_a_step_that_is_repeated_pays_and_counts_once(played, ana, edge):
    registry.create(DESK, ana)
    played("At six.")
    outcome = flow()

    with run_context.change(run_id=outcome.run_id):
        row = db.fetch_one("SELECT id FROM run")
    again = resume(str(row["id"]), isolation=InlineWorker(ROOT), root=ROOT)

    assert again.status == "done" and len(edge.requests) == 1
    assert registry.find("desk", ana).runs == 1


def test_an_agent_makes_no_agents(played, ana):
    from f.millrace.trust import authority

    with authority.agent("desk"), pytest.raises(NotAllowed, match="cannot make agents"):
        registry.create(DESK, ana)
