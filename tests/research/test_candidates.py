"""What a topic is called."""

from datetime import timedelta

import pytest

from f.millrace.agents import researcher as agent
from f.millrace.core import db
from f.millrace.digest.run_plan import RunPlan
from f.millrace.research import candidates
from f.millrace.trust import feedback
from tests.digest.conftest import OpenRun
from tests.research.conftest import NOW, item
from tests.research.test_read_pages import ARTICLE
from tests.research.test_select import chosen


@pytest.mark.parametrize(
    ("title", "headline", "called"),
    [
        ("Cranes without drivers", "Cranes without drivers start work at the port of Lindholm",
         "Cranes without drivers start work at the port of Lindholm"),
        ("Cranes without drivers", "Cranes without drivers - Lindholm Courier",
         "Cranes without drivers"),
        ("Cranes without drivers", "The Lindholm Courier", "Cranes without drivers"),
        ("Cranes without drivers", "Cranes start work", "Cranes without drivers"),
        ("Cranes without drivers | Courier", "Cranes start work",
         "Cranes without drivers | Courier"),
        ("Cranes", "Cranes without drivers | Courier", "Cranes without drivers | Courier"),
    ],
)  # fmt: skip
def test_the_fuller_headline_names_the_topic(pipeline, offered, web, title, headline, called):
    web["https://courier.example/a"] = ARTICLE.format(title=headline)
    offered["feeds"] = [item("1", title, url="https://courier.example/a", text="")]

    assert [topic["title"] for topic in chosen(pipeline)] == [called]


@pytest.mark.parametrize(
    ("title", "comments", "shown"),
    [
        ("Cranes without drivers | Courier", "", "Cranes without drivers"),
        ("Cranes: a guide - Courier.Example", "", "Cranes: a guide"),
        ("Cranes: a guide :: Ports - Courier", "", "Cranes: a guide :: Ports"),
        ("Cranes without drivers - a guide", "", "Cranes without drivers - a guide"),
        ("Cranes without drivers | Courier", "https://talk.example/7",
         "Cranes without drivers | Courier"),
    ],
)  # fmt: skip
def test_a_mail_leaves_the_name_of_its_site_out_of_a_title(
    pipeline, offered, web, title, comments, shown
):
    web["https://courier.example/a"] = ARTICLE.format(title=title)
    offered["feeds"] = [
        item("1", title, url="https://courier.example/a", text="", comments_url=comments)
    ]

    run_id = pipeline.until_compose()

    (mail,) = db.fetch_all("SELECT html FROM digest WHERE run_id = %s", [run_id])
    assert f">{shown}</a></h2>" in mail["html"]


def test_a_story_goes_on_under_its_own_number_of_the_day(pipeline, offered, clock):
    offered["feeds"] = [
        item("1", "Earthquake in Oskol", text="The earthquake of Oskol broke 40 houses in Oskol."
             " The Oskol earthquake was felt in Tirgan, too.")
    ]  # fmt: skip
    pipeline.run()
    clock(NOW + timedelta(days=2))
    offered["feeds"] = [
        item("2", "Oskol counts the damage of its earthquake", hours=-40, text="The earthquake of"
             " Oskol cost the town nine million. Tirgan sends Oskol engineers and tents.")
    ]  # fmt: skip

    (topic,) = chosen(pipeline)

    assert (topic["story_day"], topic["update_of"] is not None) == (3, True)
    (story,) = db.fetch_all("SELECT * FROM story")
    assert topic["story_id"] == story["id"]


def test_an_update_keeps_its_theme_and_is_not_told_from_the_pages_of_before(
    pipeline, offered, clock, monkeypatch
):
    given = []
    research = agent.research

    async def listen(run_id, topic):
        given.append(topic["told_pages"])
        return await research(run_id, topic)

    monkeypatch.setattr(agent, "research", listen)
    offered["feeds"] = [
        item("1", "Earthquake in Oskol", text="The earthquake of Oskol broke 40 houses in Oskol."
             " The army and the police rescued the injured of Oskol.")
    ]  # fmt: skip
    pipeline.run()
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [
        item("2", "Oskol counts the damage of its earthquake", hours=-20, text="The earthquake of"
             " Oskol cost the town nine million. Nothing else is known of Oskol.")
    ]  # fmt: skip

    pipeline.run()

    assert given == [[], ["https://site-1.example/1"]]
    assert [row["theme"] for row in db.fetch_all("SELECT theme FROM topic ORDER BY story_day")] == [
        "World",
        "World",
    ]


def test_a_discussion_under_another_title_is_named_by_it(pipeline, offered, web):
    full = "Cranes without drivers start work at the port of Lindholm"
    web["https://courier.example/a"] = ARTICLE.format(title=full)
    offered["hackernews"] = [
        item(
            "1",
            "Cranes without drivers",
            url="https://courier.example/a",
            text="",
            score=90,
            comments_url="https://news.ycombinator.com/item?id=7",
        )
    ]

    run_id = pipeline.until_compose()

    (mail,) = db.fetch_all("SELECT html, plain FROM digest WHERE run_id = %s", [run_id])
    for form in (mail["html"], " ".join(mail["plain"].split())):
        assert full in form
        assert "90 points on Hacker News as “Cranes without drivers”" in form


# What could be a topic, without the steps before


def row(key="a", **changes):
    plain = {
        "id": key, "source": "feeds", "title": f"Title {key}", "body": "", "url": f"https://{key}.example/1",
        "canonical_url": f"https://{key}.example/1", "content_hash": key, "published_at": NOW,
        "first_seen_at": NOW, "score": 0, "comments_url": "", "share_keys": [], "namespace": "main",
    }  # fmt: skip
    return {**plain, **changes}


def page(key="a", **changes):
    url = f"https://{key}.example/1"
    plain = {
        "title": "",
        "site": "",
        "readable": True,
        "reason": "",
        "body": "",
        "published_at": None,
    }
    return {url: {**plain, **changes}}


def find(*items, kept=None, **plan):
    opened = RunPlan(**{"day": NOW.date(), "scheduled_for": NOW, **plan})
    return candidates.find(list(items), opened, kept or {})


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ({}, "not read"),
        (page("a"), ""),
        (page("a", readable=False, reason="gone"), "gone"),
        (page("a", readable=False, reason="gone") | page("b"), ""),
        (
            page("a", readable=False, reason="gone") | page("b", readable=False, reason="slow"),
            "gone",
        ),
    ],
)
def test_a_story_cannot_be_read_when_none_of_its_items_can(database, kept, reason):
    same = {"title": "Port of Lindholm buys cranes", "content_hash": "h"}

    (found,) = find(row("a", score=2, **same), row("b", **same), kept=kept)

    assert found.unreadable == reason


def test_the_text_of_a_page_counts_where_it_can_be_read(database):
    kept = page("a", body="x" * 7000) | page("b", body="page", readable=False, reason="gone")

    first, second = find(row("a", body="feed"), row("b", body="feed"), kept=kept)

    assert len(first.story.lead.text) == 6000 and second.story.lead.text == "feed"


@pytest.mark.parametrize(
    ("changes", "is_news"),
    [
        ({"url": "https://a.example/1"}, True),
        ({"comments_url": "https://a.example/1"}, False),
        ({"url": "", "canonical_url": ""}, False),
    ],
)
def test_a_greeting_is_no_news_where_it_is_a_message(database, changes, is_news):
    assert bool(find(row(title="Good morning from Lindholm", **changes))) is is_news


def test_what_is_private_is_grouped_apart_for_each_key(database):
    same = {"title": "Port of Lindholm buys cranes", "content_hash": "h"}
    found = find(
        row("a", **same),
        row("b", share_keys=["source:notes"], **same),
        row("c", share_keys=["source:notes"], **same),
        row("d", share_keys=["namespace:main"], **same),
    )

    assert [(one.share_keys, len(one.story.items), one.private) for one in found] == [
        ((), 1, False),
        (("source:notes",), 2, True),
        (("namespace:main",), 1, True),
    ]


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [
        ({}, 0),
        ({"lindholm": 0.3}, 0.6),  # as a name, and as a word of the title
        ({"buys": 0.3}, 0.3),
        ({"buys": -0.4, "six": 0.1, "cranes": 0.2, "for": 0.3}, 0.1),  # the three that say most
        ({"lindholm": -0.9}, -1),
        ({"lindholm": 0.9}, 1),
        ({"tides": 1}, 0),
    ],
)
def test_what_readers_replied_is_weighed_by_names_and_words(database, monkeypatch, weights, wanted):
    monkeypatch.setattr(feedback, "weights", lambda namespace, flow: weights)
    monkeypatch.setattr(candidates.db, "fetch_one", lambda *_: {"there": 1})

    (found,) = find(row(title="The port of Lindholm buys six cranes for trains"))

    assert found.wanted == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "yesterday"), (2, "on Monday"), (6, "on Thursday"), (7, "on 2026-11-11")],
)
def test_an_update_names_the_day_on_which_the_story_was_seen(days, words):
    last = NOW.date() - timedelta(days=days)

    assert candidates.format_update(last, NOW.date()) == f"an update to a story you saw {words}"


@pytest.mark.parametrize(
    ("title", "headline", "called"),
    [
        (
            "Cranes start",
            "Cranes start work | The Daily News Site",
            "Cranes start work | The Daily News Site",
        ),
        ("Cranes start", "Cranes start | The Daily News Site", "Cranes start"),
        (
            "Cranes start",
            "Cranes start | One two three four five",
            "Cranes start | One two three four five",
        ),
        ("Cranes start", "Cranes start " + "x" * 127, "Cranes start " + "x" * 127),
        ("Cranes start", "Cranes start " + "x" * 128, "Cranes start"),
        ("Cranes start - a.example", "", "Cranes start - a.example"),
    ],
)
def test_a_headline_that_says_more_than_the_title_and_its_site_names_the_topic(
    database, title, headline, called
):
    (found,) = find(row(title=title), kept=page("a", title=headline))

    assert found.title == called


def test_the_newest_items_of_the_window_are_read(database):
    run = OpenRun()
    for name, seconds in (("old", -1), ("begin", 0), ("new", 1), ("end", 10), ("late", 11)):
        run.item(name, first_seen_at=NOW + timedelta(seconds=seconds))
    run.item("else", source="arxiv", first_seen_at=NOW + timedelta(seconds=1))
    run.item("other", namespace="other", first_seen_at=NOW + timedelta(seconds=1))
    run.plan.windows[0].since = NOW

    found = candidates.load_items(run.plan, NOW + timedelta(seconds=10))

    assert [one["id"] for one in found] == ["end", "new"]


def test_the_sample_continues_what_its_sources_told_a_day_before(database):
    told = "Storm Ulla nears Tarnvik, ferries of Tarnvik stay in port until Ulla has passed."
    before = row("a", title="Storm Ulla nears Tarnvik", body=told)
    later = row("b", title="Storm Ulla has passed Tarnvik", body=told + " It has passed.")

    def continued(hours, source="feeds"):
        old = {**before, "published_at": NOW - timedelta(hours=hours)}
        found = find(old, {**later, "source": source}, edition="sample")
        return [one.continues.topic_id for one in found if one.continues]

    assert continued(24) == ["a"] == continued(36)
    assert continued(23.9) == [] == continued(36.1)
    assert continued(24, "hackernews") == []
    assert find(before, later)[0].continues is None
