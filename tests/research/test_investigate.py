import asyncio
import json

import pytest

from f.millrace.agents import researcher as researching
from f.millrace.core import config, db, run_context
from f.millrace.core.contracts import Confidence, TopicResult
from f.millrace.core.errors import BudgetExceeded, DatabaseUnavailable, NotFound
from f.millrace.research import investigate, read_pages, read_source, select
from scripts.commands.__main__ import main as command


@pytest.fixture
def topic(pipeline, two_stories):
    opened = pipeline.open()
    for source in opened["sources"]:
        read_source.main(opened["run_id"], source)
    read_pages.main(opened["run_id"])
    return opened["run_id"], select.main(opened["run_id"])["topics"][0]


@pytest.fixture
def topics(topic):
    run_id, _ = topic
    return run_id, select.main(run_id)["topics"]


def test_the_result_is_stored_and_a_repeat_reads_it(topic, researcher):
    run_id, chosen = topic

    first = investigate.main(run_id, [chosen["topic_id"]])
    researcher[chosen["title"]] = RuntimeError("must not be asked again")

    assert investigate.main(run_id, [chosen["topic_id"]]) == first
    (answer,) = first["topics"]
    assert (
        answer["title"] == chosen["title"]
        and answer["findings"] == 1
        and answer["confidence"] == 95
    )
    assert (first["count"], first["failed"]) == (1, 0)
    row = db.fetch_one("SELECT review, parts FROM research_result")
    assert row == {
        "review": "none",
        "parts": {
            "agreeing": 0,
            "tool_reliability": 100,
            "source_quality": 90,
            "coherence": 90,
            "history": 90,
        },
    }


@pytest.mark.parametrize(
    ("score", "review"), [(91, "none"), (90, "none"), (89, "logged"), (70, "logged"), (69, "open")]
)
def test_confidence_decides_who_looks_at_it(topic, researcher, score, review):
    run_id, chosen = topic
    researcher[chosen["title"]] = lambda found, _: found.model_copy(
        update={"confidence": Confidence(score=score)}
    )

    investigate.main(run_id, [chosen["topic_id"]])

    assert db.fetch_one("SELECT review FROM research_result") == {"review": review}


@pytest.mark.parametrize(
    ("name", "bound", "score", "review"),
    [("SILENT", "80", 85, "none"), ("REVIEW", "50", 60, "logged")],
)
def test_the_bounds_of_confidence_are_settings(
    topic, researcher, monkeypatch, name, bound, score, review
):
    monkeypatch.setenv(f"MILLRACE_CONFIDENCE_{name}", bound)
    config.reload()
    run_id, chosen = topic
    researcher[chosen["title"]] = lambda found, _: found.model_copy(
        update={"confidence": Confidence(score=score)}
    )

    investigate.main(run_id, [chosen["topic_id"]])

    assert db.fetch_one("SELECT review FROM research_result") == {"review": review}


@pytest.mark.parametrize(("score", "review"), [(90, "none"), (89, "open"), (69, "open")])
def test_a_research_that_was_stuck_is_for_a_person_to_look_at(topic, researcher, score, review):
    run_id, chosen = topic
    stuck = {"confidence": Confidence(score=score), "escalated": True}
    researcher[chosen["title"]] = lambda found, _: found.model_copy(update=stuck)

    investigate.main(run_id, [chosen["topic_id"]])

    assert db.fetch_one("SELECT review FROM research_result") == {"review": review}


def test_what_nobody_reviewed_is_listed_and_holds_up_nothing(
    topic, researcher, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    run_id, chosen = topic
    researcher[chosen["title"]] = lambda found, _: found.model_copy(
        update={"confidence": Confidence(score=42)}
    )
    investigate.main(run_id, [chosen["topic_id"]])
    capsys.readouterr()

    assert command(["approvals", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert command(["approvals", "list"]) == 0
    words = capsys.readouterr().out

    assert listed["approvals"] == []
    assert [(row["run_id"], row["rank"], row["confidence"]) for row in listed["reviews"]] == [
        (run_id, 1, 42)
    ]
    assert (
        "Nothing waits for a person." in words
        and run_id[:8] in words
        and chosen["title"][:20] in words
    )


def test_a_topic_that_failed_is_tried_once_more(topics, researcher):
    run_id, (first, _) = topics
    tries = []

    def fail_once(found, _):
        tries.append(found.topic_id)
        if len(tries) == 1:
            raise RuntimeError("model gone")
        return found

    researcher[first["title"]] = fail_once

    told = investigate.main(run_id, [first["topic_id"]])

    assert told["failed"] == 0 and told["topics"][0]["findings"] == 1 and len(tries) == 2
    assert db.fetch_all(
        "SELECT path, status, tries FROM step WHERE name = 'research.investigate'"
    ) == [{"path": f"[{first['topic_id']}].step", "status": "done", "tries": 2}]
    row = db.fetch_one("SELECT message FROM run_event WHERE event = 'error'")
    assert row and "RuntimeError: model gone; it is tried again" in row["message"]


def test_a_topic_that_keeps_failing_is_told_and_the_others_are_researched(topics, researcher):
    run_id, (first, second) = topics
    researcher[first["title"]] = RuntimeError("model gone")

    told = investigate.main(run_id, [first["topic_id"], second["topic_id"]])

    assert (told["count"], told["failed"]) == (2, 1)
    assert told["topics"][0] == {
        "topic_id": first["topic_id"],
        "title": first["title"],
        "error": "RuntimeError: model gone",
    }
    assert (
        told["topics"][1]["topic_id"] == second["topic_id"] and told["topics"][1]["findings"] == 1
    )
    events = db.fetch_all(
        "SELECT metadata ->> 'status' AS status FROM run_event"
        " WHERE metadata ->> 'topic_id' = %s ORDER BY id",
        [first["topic_id"]],
    )
    assert [row["status"] for row in events] == [
        "chosen",
        "chosen",
        "researching",
        "researching",
        "failed",
    ]


def test_a_topic_that_failed_is_researched_by_a_repeat_and_the_others_are_not(topics, researcher):
    run_id, (first, second) = topics
    ids = [first["topic_id"], second["topic_id"]]
    researcher[first["title"]] = RuntimeError("model gone")
    investigate.main(run_id, ids)
    del researcher[first["title"]]
    researcher[second["title"]] = RuntimeError("must not be asked again")

    told = investigate.main(run_id, ids)

    assert told["failed"] == 0 and [answer["findings"] for answer in told["topics"]] == [1, 1]


def test_each_topic_has_a_span_and_a_row_of_its_own(topics, researcher):
    run_id, chosen = topics
    ids = sorted(topic["topic_id"] for topic in chosen)

    investigate.main(run_id, ids)

    spans = db.fetch_all(
        "SELECT attributes ->> 'millrace.topic_id' AS topic, status FROM span WHERE name ="
        " 'research.investigate'"
    )
    assert sorted(row["topic"] for row in spans) == ids and {row["status"] for row in spans} == {
        "ok"
    }
    rows = db.fetch_all("SELECT path FROM step WHERE name = 'research.investigate' ORDER BY path")
    assert [row["path"] for row in rows] == [f"[{topic_id}].step" for topic_id in ids]


def test_topics_are_researched_at_the_same_time(topics, researcher, monkeypatch):
    run_id, chosen = topics
    begun = []
    all_begun = asyncio.Event()

    async def research(run_id, topic):
        begun.append(run_context.current().step)
        if len(begun) == len(chosen):
            all_begun.set()
        await asyncio.wait_for(all_begun.wait(), 10)
        assert run_context.current().step.startswith(f"[{topic['id']}]"), (
            "each topic has a context of its own"
        )
        return TopicResult(topic_id=topic["id"], title=topic["title"])

    monkeypatch.setattr(researching, "research", research)

    assert investigate.main(run_id, [topic["topic_id"] for topic in chosen])["failed"] == 0


def test_a_database_that_stays_away_fails_the_step_so_that_it_is_repeated(topics, researcher):
    run_id, (first, _) = topics
    researcher[first["title"]] = DatabaseUnavailable("Postgres went away")

    with pytest.raises(DatabaseUnavailable):
        investigate.main(run_id, [first["topic_id"]])


def test_money_that_ran_out_ends_the_topic_not_the_run(topic, researcher):
    run_id, chosen = topic
    researcher[chosen["title"]] = BudgetExceeded("run spent 5.00 of 5.00 USD")

    (told,) = investigate.main(run_id, [chosen["topic_id"]])["topics"]

    assert told["stopped_because"] == "the budget: run spent 5.00 of 5.00 USD"


def test_an_unknown_topic_is_named(topic):
    with pytest.raises(NotFound, match="tp_none"):
        investigate.main(topic[0], ["tp_none"])
