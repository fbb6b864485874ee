import json

import pytest

from f.millrace.core import config, db
from f.millrace.core.contracts import Confidence
from f.millrace.core.errors import BudgetExceeded, NotFound
from f.millrace.research import investigate, read_source, select
from scripts.verbs.__main__ import main as verb


@pytest.fixture
def topic(pipeline, two_stories):
    opened = pipeline.open()
    for source in opened["sources"]:
        read_source.main(opened["run_id"], source)
    return opened["run_id"], select.main(opened["run_id"])["topics"][0]


def test_the_result_is_stored_and_a_repeat_reads_it(topic, researcher):
    run_id, chosen = topic

    first = investigate.main(run_id, chosen["topic_id"])
    researcher[chosen["title"]] = RuntimeError("must not be asked again")

    assert investigate.main(run_id, chosen["topic_id"]) == first
    assert first["findings"] == 1 and first["confidence"] == 95
    row = db.one("SELECT review, parts FROM research_result")
    assert row == {"review": "none", "parts": {"tool_reliability": 100, "source_quality": 90, "coherence": 90, "history": 90}}


@pytest.mark.parametrize(("score", "review"), [(91, "none"), (90, "none"), (89, "logged"), (70, "logged"), (69, "open")])
def test_confidence_decides_who_looks_at_it(topic, researcher, score, review):
    run_id, chosen = topic
    researcher[chosen["title"]] = lambda found, _: found.model_copy(update={"confidence": Confidence(score=score)})

    investigate.main(run_id, chosen["topic_id"])

    assert db.one("SELECT review FROM research_result") == {"review": review}


@pytest.mark.parametrize(("name", "bound", "score", "review"), [("SILENT", "80", 85, "none"), ("REVIEW", "50", 60, "logged")])
def test_the_bounds_of_confidence_are_settings(topic, researcher, monkeypatch, name, bound, score, review):
    monkeypatch.setenv(f"MILLRACE_CONFIDENCE_{name}", bound)
    config.reload()
    run_id, chosen = topic
    researcher[chosen["title"]] = lambda found, _: found.model_copy(update={"confidence": Confidence(score=score)})

    investigate.main(run_id, chosen["topic_id"])

    assert db.one("SELECT review FROM research_result") == {"review": review}


@pytest.mark.parametrize(("score", "review"), [(90, "none"), (89, "open"), (69, "open")])
def test_a_research_that_was_stuck_is_for_a_person_to_look_at(topic, researcher, score, review):
    run_id, chosen = topic
    stuck = {"confidence": Confidence(score=score), "escalated": True}
    researcher[chosen["title"]] = lambda found, _: found.model_copy(update=stuck)

    investigate.main(run_id, chosen["topic_id"])

    assert db.one("SELECT review FROM research_result") == {"review": review}


def test_what_nobody_reviewed_is_listed_and_holds_up_nothing(topic, researcher, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run_id, chosen = topic
    researcher[chosen["title"]] = lambda found, _: found.model_copy(update={"confidence": Confidence(score=42)})
    investigate.main(run_id, chosen["topic_id"])
    capsys.readouterr()

    assert verb(["approvals", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert verb(["approvals", "list"]) == 0
    words = capsys.readouterr().out

    assert listed["approvals"] == []
    assert [(row["run_id"], row["rank"], row["confidence"]) for row in listed["reviews"]] == [(run_id, 1, 42)]
    assert "Nothing waits for a person." in words and run_id[:8] in words and chosen["title"][:20] in words


def test_money_that_ran_out_ends_the_topic_not_the_run(topic, researcher):
    run_id, chosen = topic
    researcher[chosen["title"]] = BudgetExceeded("run spent 5.00 of 5.00 USD")

    assert investigate.main(run_id, chosen["topic_id"])["stopped_because"] == "budget"


def test_an_unknown_topic_is_named(topic):
    with pytest.raises(NotFound, match="tp_none"):
        investigate.main(topic[0], "tp_none")
