from datetime import timedelta

import pytest

from f.millrace.core import db
from f.millrace.memory import store
from f.millrace.memory.links import links
from f.millrace.memory.recall import recall
from f.millrace.memory.retract import retract
from f.millrace.research import remember
from tests.research.conftest import NOW, conflicting, item


def test_findings_evidence_and_topics_become_memories_with_links(pipeline, two_stories, researcher):
    researcher["Sodium batteries keep their charge in deep winter"] = conflicting
    run_id = pipeline.until_compose()

    made = remember.main(run_id)

    found = recall("sodium batteries winter", namespace="main", types=["finding"])
    assert made["items"] > 0 and made["links"] > 0
    assert found[0].text == "It is said that Sodium batteries keep their charge in deep winter."
    assert found[0].trust == "untrusted"
    assert {row["relation"] for row in links(found[0].id)} == {"about", "supported_by"}
    assert recall("how much does it make", namespace="main", types=["conflict"])


@pytest.mark.parametrize("private", ["evidence", "topic", "nothing"])
def test_only_what_stands_on_public_evidence_alone_is_remembered_as_public(
    pipeline, two_stories, private
):
    run_id = pipeline.until_compose()
    if private == "evidence":
        db.execute("UPDATE evidence SET private = true")
    elif private == "topic":
        db.execute("UPDATE topic SET private = true, share_keys = ARRAY['source:notes']")

    remember.main(run_id)

    kept = recall("sodium batteries winter", namespace="main", types=["finding", "topic"])
    assert kept and {memory.is_public for memory in kept} == {private == "nothing"}
    copies = recall("sodium batteries winter", namespace="main", types=["evidence"])
    assert copies and {memory.is_public for memory in copies} == {private != "evidence"}


def test_what_is_said_in_private_too_is_not_public_any_more(database):
    said = {"source": "https://a.example/x", "type": "finding", "text": "The quay costs 48213."}
    store.remember(**said, metadata={"public": True})
    store.remember(**said, metadata={"public": True})
    assert [memory.is_public for memory in recall("quay costs", namespace="main")] == [True]

    store.remember(**said | {"source": "note:a.md"})

    assert [memory.is_public for memory in recall("quay costs", namespace="main")] == [False]


def test_what_stood_on_a_withdrawn_source_is_not_recalled_any_more(
    pipeline, two_stories, researcher
):
    researcher["Sodium batteries keep their charge in deep winter"] = conflicting
    remember.main(pipeline.until_compose())
    said = (
        "SELECT DISTINCT o.source FROM memory_origin o JOIN memory_item m ON m.id = o.item_id WHERE"
        " m.type = 'evidence'"
    )
    sources = [row["source"] for row in db.fetch_all(said)]

    for source in sources:
        retract(source, "invented", namespace="main")

    left = db.fetch_all(
        "SELECT type, title FROM memory_item WHERE NOT isempty(valid) AND title LIKE %s",
        ["%odium%"],
    )
    assert sources and left == [] and recall("sodium batteries winter", namespace="main") == []


def test_a_repeat_adds_nothing(pipeline, two_stories):
    run_id = pipeline.until_compose()
    remember.main(run_id)
    before = db.fetch_one("SELECT count(*) AS items FROM memory_item")

    assert remember.main(run_id)["links"] == 0
    assert db.fetch_one("SELECT count(*) AS items FROM memory_item") == before


def test_an_update_is_linked_to_the_story_that_it_continues(pipeline, offered, clock):
    offered["feeds"] = [item("1", "Port of Lindholm starts trial of autonomous cranes")]
    pipeline.run()
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [
        item("2", "Port of Lindholm pauses its trial of autonomous cranes after a fault", hours=-20)
    ]
    pipeline.run()

    assert db.fetch_all(
        "SELECT a.type, a.title, b.type AS of, b.title AS first FROM memory_link l"
        " JOIN memory_item a ON a.id = l.from_id JOIN memory_item b ON b.id = l.to_id"
        " WHERE relation = 'update_of'"
    ) == [
        {
            "type": "topic",
            "title": "Port of Lindholm pauses its trial of autonomous cranes after a fault",
            "of": "topic",
            "first": "Port of Lindholm starts trial of autonomous cranes",
        }
    ]
