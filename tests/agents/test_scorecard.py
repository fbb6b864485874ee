"""The scorecard's figures come from rows that real, small runs write."""

import json
import uuid
from datetime import UTC, date, datetime

import pytest

from f.millrace.agents.ask import ask
from f.millrace.core import db
from f.millrace.digest import run_plan
from f.millrace.research import investigate
from f.millrace.telemetry.spans import step
from f.millrace.trust import actions, approvals, decisions
from f.millrace.trust.scorecard import scorecard, to_dicts
from scripts.commands.__main__ import main

TEXT = (
    "The Orbit plant in Leeds opened on Monday. It employs 400 people. It makes sodium cells for"
    " buses."
)
BUSY = [lambda handler, _: handler.answer(500, "{}", "application/json") or True]


@pytest.fixture
def question(edge, database, configure):
    """Ask a question as the command line does; returns the run's id."""
    configure(model="openai:gpt-4o")
    edge.add_page("/one", "Orbit opens", TEXT)
    edge.add_page(
        "/two",
        "Orbit in Leeds",
        TEXT.replace("Monday", "Monday, the company said"),
        host="localhost",
    )

    def run(text="When did the Orbit plant in Leeds open?"):
        run_id = str(uuid.uuid4())
        db.execute("INSERT INTO run (id, flow) VALUES (%s, 'ask')", [run_id])
        with step("ask", run_id):
            ask(text)
        db.execute(
            "UPDATE run SET status = 'done', finished_at = clock_timestamp() WHERE id = %s",
            [run_id],
        )
        return run_id

    return run


def card():
    return {figure["name"]: figure for figure in to_dicts(scorecard())}


def outcomes(run_id):
    return [(row["kind"], row["outcome"]) for row in decisions.list_of_run(run_id)]


def test_without_runs_no_figure_pretends(database):
    figures = card().values()

    assert len(figures) == 9
    assert {
        (figure["n"], figure["value"], figure["met"], figure["verdict"]) for figure in figures
    } == {(0, None, None, "not enough data")}


@pytest.mark.long
def test_questions_tools_and_recovered_requests_count(question, edge):
    edge.faults = list(BUSY)

    run_ids = [
        question(),
        *(question(f"Who works at the Orbit plant in Leeds, part {n}?") for n in range(4)),
    ]

    figures = card()
    assert {outcome for run_id in run_ids for outcome in outcomes(run_id)} == {
        ("judgement", "silent_success")
    }
    assert (
        figures["decisions_right"]["n"],
        figures["decisions_right"]["value"],
        figures["decisions_right"]["verdict"],
    ) == (
        5,
        100,
        "met",
    )
    assert (figures["tasks_unescalated"]["n"], figures["tasks_unescalated"]["met"]) == (5, True)
    assert (figures["latency_simple"]["n"], figures["latency_simple"]["met"]) == (5, True)
    assert figures["tools_succeed"]["n"] >= 10 and figures["tools_succeed"]["value"] == 100
    assert (figures["failures_recovered"]["n"], figures["failures_recovered"]["value"]) == (1, 100)
    assert figures["failures_recovered"]["verdict"] == "not enough data"


def test_what_was_not_recovered_counts_against_it(question, edge, configure):
    configure(model="openai:gpt-4o", offline_stands_in="always")
    edge.search_status = 500
    edge.faults = BUSY * 3

    question()

    figures = card()
    assert figures["tools_succeed"]["value"] < 100
    # The planner's model never answered.
    assert figures["failures_recovered"]["n"] >= 1 and figures["failures_recovered"]["value"] < 100


def test_what_finds_nothing_is_escalated_and_no_silent_success(question, edge):
    edge.results.clear()

    run_id = question("What is zqxv?")

    assert outcomes(run_id) == [("judgement", None)]
    assert (card()["tasks_unescalated"]["value"], card()["decisions_right"]["n"]) == (0, 0)


@pytest.mark.long
def test_what_people_say_becomes_the_outcome(question, capsys):
    run_ids = [question(f"When did the Orbit plant in Leeds open, part {n}?") for n in range(4)]
    said = [["corrected", "it", "was", "Tuesday"], ["bad"], ["undone"], ["good"]]

    for run_id, words in zip(run_ids, said, strict=True):
        assert main(["feedback", run_id[:8], *words]) == 0
    assert main(["feedback", run_ids[3], "nice", "work"]) == 0

    assert [outcomes(run_id)[0][1] for run_id in run_ids] == [
        "corrected",
        "refused",
        "undone",
        "approved",
    ]
    assert card()["decisions_right"]["value"] == 25
    rows = db.fetch_all("SELECT verdict, comment FROM feedback ORDER BY at")
    assert rows[0] == {"verdict": "corrected", "comment": "it was Tuesday"}
    assert rows[4] == {"verdict": "comment", "comment": "nice work"}
    assert "(1 decision undone)" in capsys.readouterr().out


def test_confidence_that_knows_better_correlates_with_approval(database):
    run_id = str(uuid.uuid4())
    for n in range(10):
        decisions.record_judgement(run_id, f"topic_{n}", "Orbit", 50 + 5 * n, "researcher")
        decisions.give(run_id, "approved" if n >= 5 else "refused", "ada", subjects=[f"topic_{n}"])

    figure = card()["confidence_true"]

    assert (figure["n"], figure["met"]) == (10, True)
    assert figure["value"] == pytest.approx(0.870, abs=0.001)


def test_a_topic_of_the_digest_is_a_decision_with_feedback_of_its_own(
    edge, database, configure, monkeypatch
):
    configure(model="openai:gpt-4o")
    edge.add_page("/one", "Orbit opens", TEXT)
    run_id = str(uuid.uuid4())
    plan = run_plan.RunPlan(
        day=date(2026, 11, 18), scheduled_for=datetime(2026, 11, 18, tzinfo=UTC)
    )
    db.execute(
        "INSERT INTO run (id, flow, pipeline) VALUES (%s, 'daily_research', %s)",
        [run_id, db.jsonb(run_plan.to_stored(plan))],
    )
    for number in (1, 2):
        db.execute(
            "INSERT INTO topic (id, run_id, namespace, rank, title) VALUES (%s, %s, 'main', %s,"
            " 'Orbit plant in Leeds')",
            [f"topic_{number}", run_id, number],
        )
        monkeypatch.setenv("MILLRACE_STEP", f"research[{number}].investigate")
        investigate.main(run_id, [f"topic_{number}"])

    assert main(["feedback", run_id, "refused", "--topic", "2"]) == 0
    assert main(["feedback", run_id, "refused", "--topic", "3"]) == 2

    assert {row["subject"]: row["outcome"] for row in decisions.list_of_run(run_id)}[
        "topic_2"
    ] == "refused"
    reviews = db.fetch_all("SELECT topic_id FROM research_result WHERE review = 'refused'")
    assert reviews == [{"topic_id": "topic_2"}]
    assert card()["latency_research"]["n"] == 2


def test_an_answer_to_a_question_is_an_outcome_and_asking_is_seen_at_the_scheduled_run(database):
    asked, quiet = str(uuid.uuid4()), str(uuid.uuid4())
    for run_id in (asked, quiet):
        db.execute(
            "INSERT INTO run (id, flow, status, pipeline) VALUES (%s, 'daily_research',"
            " 'done', %s)",
            [run_id, db.jsonb({"opened": {"scheduled": True}})],
        )
    answers = [
        ("approved", "ada"),
        ("denied", "ada"),
        ("expired", "millrace"),
        ("approved", "policy"),
    ]
    for number, (answer, by) in enumerate(answers):
        row = actions.propose(
            "mail.send",
            {"to": "a@b.example", "subject": str(number)},
            f"mail {number}",
            run_id=asked,
        )
        db.execute("UPDATE action SET asked_at = now() WHERE id = %s", [row["id"]])
        approvals.decide(str(row["id"]), row["digest"], answer, by)

    assert [outcome for _, outcome in outcomes(asked)] == [
        "approved",
        "refused",
        None,
        "silent_success",
    ]
    assert (card()["runs_alone"]["n"], card()["runs_alone"]["value"]) == (2, 50)
    assert card()["decisions_right"]["n"] == 3


def test_the_command_line_shows_each_figure_with_target_and_verdict(question, capsys):
    question()

    assert main(["scorecard", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(["scorecard"]) == 0

    assert [(figure["name"], figure["target"]) for figure in document["scores"]] == [
        ("decisions_right", 80),
        ("tools_succeed", 90),
        ("runs_alone", 95),
        ("tasks_unescalated", 85),
        ("latency_simple", 30),
        ("latency_research", 60),
        ("confidence_true", 0.75),
        ("topics_wanted", 50),
        ("failures_recovered", 80),
    ]
    assert "not enough data" in capsys.readouterr().out
    assert main(["scorecard", "--days", "0"]) == 2
