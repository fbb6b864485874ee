"""The flow that answers a question and may mail the answer, run as it is compiled."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from f.millrace.agents import ask
from f.millrace.assist import answer, read_event
from f.millrace.core import config, db
from f.millrace.trust import actions, recipients
from scripts.paths import ROOT
from scripts.runner.openflow import load_openflow
from scripts.runner.run import resume, start
from scripts.runner.worker import InlineWorker

QUESTION = "How much will the battery plant in Norrvik make?"
PATH = "f/millrace/assist/answer_question"


def run(**inputs: Any) -> Any:
    return start(
        load_openflow("answer_question"),
        "answer_question",
        inputs,
        isolation=InlineWorker(ROOT),
        root=ROOT,
    )


def run_row(run_id: str) -> dict[str, Any]:
    return db.fetch_one("SELECT status, result FROM run WHERE id = %s", [run_id]) or {}


def sent() -> list[str]:
    return [path.read_text() for path in Path(config.settings().outbox_dir).glob("*.eml")]


def question_of(outcome: Any) -> dict[str, Any]:
    row = db.fetch_one(
        "SELECT id FROM action WHERE run_id = %s AND arguments ? 'mails'", [outcome.run_id]
    )
    assert row is not None
    return actions.get_by_id(str(row["id"]))


def test_a_question_is_answered_and_the_run_is_closed(world: str) -> None:
    outcome = run(question=QUESTION)

    row = run_row(outcome.run_id)
    assert outcome.status == "done" and row["status"] == "done"
    assert "gigawatt-hours" in row["result"]["text"] and "[1]" in row["result"]["text"]
    assert row["result"]["sources"][0]["url"].startswith(world)
    assert sent() == []


def test_a_question_is_somebody_elses_unless_said_otherwise(
    world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []
    ask_itself = ask.ask
    monkeypatch.setattr(
        ask,
        "ask",
        lambda question, trust, fresh: (
            asked.append((trust, fresh)) or ask_itself(question, trust=trust, fresh=fresh)
        ),
    )

    answer.main(QUESTION)
    answer.main("Who builds the battery plant in Norrvik?", written_by_others=False)
    answer.main("Which plant is in Norrvik?", use_memory=False)

    assert asked == [("untrusted", False), ("own", False), ("untrusted", True)]
    assert (
        load_openflow("answer_question")["schema"]["properties"]["written_by_others"]["default"]
        is True
    )


def test_the_sender_of_a_mail_gets_an_answer_only_after_a_person_agreed(world: str) -> None:
    event = {
        "kind": "email",
        "raw_email": f"From: ada@home.example\nSubject: Plant\n\n{QUESTION}\n",
    }

    outcome = run(**read_event.main(event))

    assert outcome.status == "waiting" and sent() == []
    asked = question_of(outcome)
    assert asked["arguments"]["to"] == ["ada@home.example"] and asked["state"] == "proposed"
    reply = {"approved": True, "body": {"action_digest": asked["digest"]}, "by": "eva"}
    assert resume(outcome.run_id, reply, isolation=InlineWorker(ROOT), root=ROOT).status == "done"
    (text,) = sent()
    assert (
        "To: ada@home.example" in text and "Subject: Re: Plant" in text and f"> {QUESTION}" in text
    )
    assert "gigawatt-hours" in text and world in text


def test_nobody_is_mailed_when_the_person_says_no(world: str) -> None:
    outcome = run(question=QUESTION, reply_to="ada@home.example")

    reply = {"approved": False, "by": "eva"}
    assert resume(outcome.run_id, reply, isolation=InlineWorker(ROOT), root=ROOT).status == "done"
    assert sent() == []
    assert question_of(outcome)["state"] == "denied"


def test_with_a_standing_approval_for_this_flow_the_answer_goes_at_once(world: str) -> None:
    recipients.add("ada@home.example", flow=PATH, by="test")

    outcome = run(question=QUESTION, reply_to="ada@home.example")

    assert outcome.status == "done" and len(sent()) == 1


def test_a_repeat_of_the_step_asks_no_model_again(world: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("WM_ROOT_JOB_ID", "00000000-0000-0000-0000-000000000009")
    monkeypatch.setenv("WM_FLOW_STEP_ID", "answer")
    first = answer.main(QUESTION)
    spent = db.fetch_one("SELECT count(*) AS n FROM usage")

    again = answer.main(QUESTION)

    assert again == first and db.fetch_one("SELECT count(*) AS n FROM usage") == spent


def test_whoever_waits_is_given_the_answer_and_not_the_end_of_the_approval() -> None:
    flow = load_openflow("answer_question")["value"]

    assert flow["early_return"] == "answer"
    assert flow["preprocessor_module"]["value"]["path"] == "f/millrace/assist/read_event"


def test_the_route_is_for_people_of_the_workspace_only() -> None:
    trigger = yaml.safe_load((ROOT / "f/millrace/assist/answer.http_trigger.yaml").read_text())

    assert trigger["authentication_method"] == "windmill" and trigger["workspaced_route"] is True
    assert (trigger["script_path"], trigger["is_flow"]) == (PATH, True)
