from datetime import timedelta

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.research import read_pages, read_source, select
from f.millrace.trust import recipients
from tests.research.conftest import NOW, item

LONG = (
    "The port of Lindholm started a trial of six autonomous cranes on Tuesday. The cranes move"
    " containers between the quay and the yard without a driver. Two operators watch them from a"
    " control room and can stop each of them at any time."
)
PAUSED = (
    "The port of Lindholm paused its trial of six autonomous cranes after a distance sensor on"
    " crane four reported a container that was not there. Nobody was hurt. The maker will replace"
    " the sensors of all cranes before the trial goes on."
)

UNRELATED = (
    "Sodium batteries keep their charge in deep winter",
    "A library opens three centuries of flood records",
    "Cranes without drivers start work at the port",
    "Compiler writers agree on a common format of debuggers",
    "An observatory in the desert photographs a comet",
)


def chosen(pipeline, **inputs):
    opened = pipeline.open(**inputs)
    for source in opened["sources"]:
        read_source.main(opened["run_id"], source)
    read_pages.main(opened["run_id"])
    select.main(opened["run_id"])
    return db.fetch_all("SELECT * FROM topic WHERE run_id = %s ORDER BY rank", [opened["run_id"]])


def test_copies_of_one_story_are_one_topic(pipeline, offered):
    offered["hackernews"] = [
        item(
            "1",
            "Cranes without drivers",
            url="https://courier.example/cranes?utm_source=hn",
            score=90,
        )
    ]
    offered["feeds"] = [
        item(
            "2",
            "Lindholm starts trial of cranes",
            url="https://www.courier.example/cranes",
            text=LONG,
        ),
        item(
            "3",
            "Autonomous cranes at the port",
            url="https://syndicate.example/a",
            text=LONG + " Read more at our site.",
        ),
    ]

    topics = chosen(pipeline)

    assert len(topics) == 1 and len(topics[0]["item_ids"]) == 3
    assert topics[0]["title"] in (
        "Lindholm starts trial of cranes",
        "Autonomous cranes at the port",
    )


def test_an_update_says_which_day_the_story_was_seen(pipeline, offered, clock):
    offered["feeds"] = [item("1", "Port of Lindholm starts trial of autonomous cranes", text=LONG)]
    pipeline.run()
    clock(NOW + timedelta(days=2))
    offered["feeds"] = [
        item("2", "Port of Lindholm pauses trial of autonomous cranes", hours=-40, text=PAUSED)
    ]

    topics = chosen(pipeline)

    assert [topic["title"] for topic in topics] == [
        "Port of Lindholm pauses trial of autonomous cranes"
    ]
    assert topics[0]["reasons"][0] == "an update to a story you saw on Wednesday"
    assert topics[0]["update_of"] is not None


RECAP = (
    "The port of Lindholm started a trial of autonomous cranes. Six cranes move containers at the"
    " port of Lindholm without drivers. "
)


@pytest.mark.parametrize(
    "loud",
    [
        pytest.param((f"{LONG} {RECAP}", "Autonomous cranes: the trial"), id="told page again"),
        pytest.param((RECAP * 20, "Lindholm's trial of autonomous cranes"), id="longer recap"),
    ],
)
def test_an_update_is_called_after_what_is_new_in_it(pipeline, offered, clock, loud):
    title = "Port of Lindholm pauses trial of autonomous cranes"
    offered["feeds"] = [
        item("1", "Port of Lindholm starts trial of autonomous cranes", text=f"{LONG} {RECAP}")
    ]
    pipeline.run()
    clock(NOW + timedelta(days=1))
    text, other = loud
    offered["feeds"] = [item("2", title, hours=-20, text=PAUSED)]
    offered["hackernews"] = [
        item("3", other, hours=-20, text=text, url="https://late.example/x", score=900)
    ]

    (topic,) = chosen(pipeline)

    assert topic["title"] == title and topic["story_day"] == 2 and len(topic["item_ids"]) == 2
    (first,) = db.fetch_all("SELECT title FROM source_item WHERE id = %s", [topic["item_ids"][0]])
    assert first["title"] == title


def test_what_was_shown_before_is_not_shown_again(pipeline, offered, clock):
    offered["feeds"] = [item("1", "Port of Lindholm starts trial of autonomous cranes", text=LONG)]
    pipeline.run()
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [
        item("2", "Cranes at Lindholm: the trial", url="https://late.example/x", text=LONG)
    ]

    assert chosen(pipeline) == []


def test_late_and_backdated_items_are_not_lost(pipeline, two_stories, offered, clock):
    pipeline.run()
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [item("7", "An old report turns up in the archive", hours=24 * 30)]

    assert "An old report turns up in the archive" in [topic["title"] for topic in chosen(pipeline)]


def test_what_is_read_after_a_window_was_closed_is_not_in_it_though_the_clock_was_set_back(
    pipeline, two_stories, offered, clock
):
    chosen(pipeline)
    clock(NOW - timedelta(hours=3))
    offered["feeds"] = [item("9", "A heron nested on the roof of the town hall")]

    read_source.main(pipeline.open()["run_id"], "feeds")

    row = db.fetch_one(
        "SELECT i.first_seen_at > (r.pipeline #>> '{opened,until}')::timestamptz AS after FROM"
        " source_item i, run r WHERE i.source_key = '9' AND r.pipeline #>> '{opened,until}' IS NOT"
        " NULL"
    )
    assert row == {"after": True}


def test_a_repeat_of_the_step_chooses_the_same(pipeline, two_stories, offered):
    opened = pipeline.open()
    read_source.main(opened["run_id"], "feeds")
    read_pages.main(opened["run_id"])
    first = select.main(opened["run_id"])
    read_source.main(opened["run_id"], "hackernews")

    assert select.main(opened["run_id"]) == first


def test_interests_lift_a_story_and_the_reason_is_kept(pipeline, two_stories, monkeypatch):
    monkeypatch.setenv("MILLRACE_INTERESTS", "flood records")
    config.reload()

    topics = chosen(pipeline)

    assert topics[0]["title"].startswith("A library opens")
    assert "you follow flood records" in topics[0]["reasons"]


@pytest.mark.parametrize("number", [0, 21])
def test_the_number_of_topics_has_limits(pipeline, number):
    with pytest.raises(BadInput, match="1 to 20"):
        select.main(pipeline.open()["run_id"], max_topics=number)


def test_topics_are_dealt_into_batches_the_best_first_in_each(pipeline, offered):
    offered["hackernews"] = [
        item(str(number), title, score=300 - number) for number, title in enumerate(UNRELATED)
    ]
    run_id = pipeline.open()["run_id"]
    for source in ("hackernews", "feeds"):
        read_source.main(run_id, source)
    read_pages.main(run_id)

    two = select.main(run_id)
    ranked = [topic["topic_id"] for topic in two["topics"]]

    assert two["batches"] == [ranked[0::2], ranked[1::2]] and len(ranked) == 5
    assert select.main(run_id, jobs=20)["batches"] == [[topic_id] for topic_id in ranked]
    assert select.main(run_id, jobs=1)["batches"] == [ranked]


def test_a_day_without_topics_has_no_batches(pipeline):
    opened = pipeline.open()

    assert select.main(opened["run_id"])["batches"] == []


@pytest.mark.parametrize("jobs", [0, 21])
def test_a_number_of_jobs_that_makes_no_sense_is_refused(pipeline, jobs):
    with pytest.raises(BadInput, match="from 1 to 20"):
        select.main(pipeline.open()["run_id"], jobs=jobs)


def test_what_cannot_be_read_is_no_topic(pipeline, offered):
    offered["hackernews"] = [
        item("1", "A report that nobody can open", score=900, text=""),
        item("2", "Sodium batteries keep their charge in deep winter", score=100),
    ]

    topics = chosen(pipeline)

    assert [topic["title"] for topic in topics] == [
        "Sodium batteries keep their charge in deep winter"
    ]


def test_a_post_that_few_noticed_comes_after_news(pipeline, offered, monkeypatch):
    monkeypatch.setenv("MILLRACE_SOURCES", "hackernews,mastodon")
    config.reload()
    offered["mastodon"] = [
        item("1", "My cat looked at the new telescope for a while", score=6, hours=1)
    ]
    offered["hackernews"] = [item("2", "The new telescope sees its first light", score=90, hours=9)]

    assert [topic["title"] for topic in chosen(pipeline)] == [
        "The new telescope sees its first light",
        "My cat looked at the new telescope for a while",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Good morning #birds friends! We wish all of you a day with many birds in it.",
        "We are hiring! A keeper of owls is sought, who writes to us until the end of May.",
        "Check out my new podcast about owls. The link in bio leads you there, as it does always.",
    ],
)
def test_a_greeting_a_job_and_an_advertisement_are_no_topics(pipeline, offered, text):
    url = "https://birds.example/@ada/1"
    offered["feeds"] = [item("1", text[:60], text=text, url=url, comments_url=url)]

    assert chosen(pipeline) == []


def test_notes_are_a_topic_only_where_an_owner_reads_it(pipeline, offered):
    offered["feeds"] = [
        item(
            "1",
            "The garden in autumn",
            trust="own",
            text="The old pear tree carries its first fruit. Ada picks the pears on Friday.",
        )
    ]

    assert chosen(pipeline) == []

    recipients.add("eve@home.example", by="test", owner=True)
    (topic,) = chosen(pipeline)
    assert topic["private"]
