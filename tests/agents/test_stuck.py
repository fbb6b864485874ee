"""Research in circles or at a standstill goes another way once, and then is left for a person who
holds up nothing.
"""

import pytest

from f.millrace.agents.researcher import research_topic
from f.millrace.agents.stop_reasons import StopReason, rephrase
from f.millrace.core import db
from f.millrace.memory.store import remember
from f.millrace.trust import decisions

TOPIC = {"id": "topic_1", "title": "Orbit sodium battery plant in Leeds"}
OPENED = (
    "The Orbit sodium battery plant in Leeds opened on Monday. The plant in Leeds employs 400"
    " people."
)
NOTED = "The Orbit sodium battery plant in Leeds has a visitor centre for schools, I was told."
KNOWN = "The sodium battery plant of Orbit in Leeds cost 300 million pounds."


@pytest.fixture
def judging(edge, configure):
    """Have the model say that the evidence is not enough, and ask for what `missing` says by its
    round, from 0.
    """
    configure(model="openai:gpt-4o", max_rounds="5")
    edge.add_page("/a", "Orbit opens", OPENED)
    judged = []

    def change(missing):
        def answer(handler, body):
            if "judge" not in str(body.get("tools")):
                return False
            judged.append(str(body["messages"]))
            wanted = missing(len(judged) - 1)
            handler.tool_call(
                "judge", {"enough": False, "claims": [], "missing": wanted, "conflicts": []}
            )
            return True

        edge.faults = [answer] * 20
        return judged

    return change


def told(event):
    return [
        row["message"]
        for row in db.fetch_all(
            "SELECT message FROM run_event WHERE event = %s ORDER BY id", [event]
        )
    ]


def the_same(_):
    return ["Sodium plant of Orbit"]


def test_a_model_that_asks_the_same_again_is_confused_goes_another_way_once_and_is_escalated(
    edge, in_step, judging
):
    judging(the_same)

    result = research_topic(in_step, TOPIC)

    assert result.stopped_because == StopReason.CONFUSED and result.escalated and result.findings
    assert edge.searches == ["orbit sodium plant", "battery Leeds"]
    assert told("escalation") == [
        f"Not enough evidence on {TOPIC['title']!r}: {StopReason.CONFUSED}"
    ]
    assert (
        db.fetch_all("SELECT id FROM approval") == []
        and db.fetch_all("SELECT id FROM action") == []
    )


@pytest.mark.parametrize(("silent", "listed"), [("99", True), ("1", False)])
def test_what_was_stuck_is_listed_for_a_person_unless_it_is_sure_all_the_same(
    edge, in_step, judging, configure, silent, listed
):
    configure(confidence_review="1", confidence_silent=silent)
    judging(the_same)

    research_topic(in_step, TOPIC)

    assert [row["escalated"] for row in db.fetch_all("SELECT escalated FROM decision")] == [listed]
    assert decisions.close(in_step) == (0 if listed else 1), (
        "what waits for a person is no silent success"
    )


def test_the_other_way_is_another_source_and_what_memory_knows(
    edge, in_step, judging, configure, tmp_path
):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "orbit.md").write_text(f"# Orbit battery plant, Leeds\n\n{NOTED}\n")
    configure(notes_dir=str(tmp_path / "notes"))
    remember("evidence", KNOWN, title="Orbit")
    judged = judging(the_same)

    result = research_topic(in_step, TOPIC)

    assert len(judged) == 2 and NOTED not in judged[0] and KNOWN not in judged[0]
    assert NOTED in judged[1] and KNOWN in judged[1]
    assert "trying another way: notes.search: battery Leeds" in " ".join(told("decision"))
    assert result.stopped_because == StopReason.CONFUSED and result.rounds == 2


def test_a_round_without_new_evidence_is_stalled_goes_another_way_once_and_is_escalated(
    edge, in_step, judging
):
    judged = judging(lambda number: [f"new words {number} alpha"])

    result = research_topic(in_step, TOPIC)

    assert result.stopped_because == StopReason.STALLED and result.escalated and result.rounds == 3
    assert edge.searches[1] == "new words 0 alpha" and len(edge.searches) == 3
    assert len(judged) == 1, "evidence that is the same is not paid for twice"
    assert told("escalation") and db.fetch_all("SELECT id FROM approval") == []


def test_what_the_other_way_finds_may_be_enough(edge, in_step, judging):
    judging(the_same)
    found = (
        "The battery plant of Orbit in Leeds began with two shifts of workers on Tuesday morning."
    )
    say = edge.faults[0]

    def enough_by_then(handler, body):
        if "judge" in str(body.get("tools")) and found in str(body["messages"]):
            return False
        if "judge" in str(body.get("tools")):
            edge.add_page("/b", "Orbit begins", found, host="localhost")
        return say(handler, body)

    edge.faults = [enough_by_then] * 20

    result = research_topic(in_step, TOPIC)

    assert (
        result.stopped_because == StopReason.ENOUGH
        and not result.escalated
        and told("escalation") == []
    )


@pytest.mark.parametrize(
    ("last", "then"),
    [
        ("Sodium plant of Orbit", "battery Leeds"),
        ("what does the Orbit sodium battery plant in Leeds make", "Orbit Leeds"),
        ("", "Orbit Leeds"),
        ("Orbit sodium battery plant", "Orbit Leeds"),
    ],
)
def test_a_query_is_rephrased_without_the_words_of_the_last_one(last, then):
    assert rephrase(TOPIC["title"], last) == then


@pytest.mark.parametrize(
    ("question", "then"),
    [("sodium", "sodium"), ("?", "?"), ("cheap sodium cells abroad", "cheap sodium")],
)
def test_a_query_that_cannot_be_rephrased_is_shortened(question, then):
    assert rephrase(question, question) == then
