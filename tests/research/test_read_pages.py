"""What stands behind the items: read once, kept, or named with why it cannot be read."""

from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput, FetchRefused, PageUnreadable, SourceFailed
from f.millrace.research import read_pages, read_source, select
from f.millrace.tools import http
from f.millrace.tools import web as web_tool
from tests.research.conftest import NOW, item

ARTICLE = """<html><head><title>{title}</title>
<meta property="og:site_name" content="The Lindholm Courier"></head><body><nav>Home | News</nav>
<article><h1>{title}</h1><p>The port of Lindholm started a trial of six cranes on Tuesday. The
cranes move containers between the quay and the yard without a driver.</p><p>Two operators watch
them from a control room and can stop each of them at any time.</p></article></body></html>"""


def read(pipeline, offered, *items):
    offered["feeds"] = list(items)
    run_id = pipeline.open()["run_id"]
    read_source.main(run_id, "feeds")
    return read_pages.main(run_id), db.fetch_all("SELECT * FROM page ORDER BY canonical_url")


def test_a_page_is_kept_with_its_text_and_its_site(pipeline, offered, web):
    web["https://courier.example/a"] = ARTICLE.format(title="Cranes without drivers")

    counts, (page,) = read(
        pipeline, offered, item("1", "Cranes", url="https://courier.example/a", text="")
    )

    assert counts == {"readable": 1, "unreadable": 0}
    assert page["readable"] and page["reason"] == "" and page["site"] == "The Lindholm Courier"
    assert page["language"] == "en" and "six cranes on Tuesday" in page["body"]


def test_what_the_feed_gives_stands_in_for_a_page_that_cannot_be_read(pipeline, offered):
    _, (page,) = read(
        pipeline,
        offered,
        item(
            "1",
            "Cranes",
            text="Six cranes move containers without a driver. Two operators watch all of them.",
        ),
    )

    assert page["readable"] and page["body"].startswith("Six cranes")


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        (None, "not found, 404"),
        ("<title>App</title><div id=root></div><noscript>Please enable JavaScript.</noscript>",
         "needs JavaScript"),
        ("<title>Cranes</title><h1>Cranes</h1><p>Subscribe to continue reading.</p>", "paywall"),
        ("<title>Just a moment...</title><p>Verify you are human to go on.</p>", "bot check"),
        ("<title>Page not found</title><p>It is not here.</p>", "not found"),
        ("<title>Members</title><form><input type='password' name=p></form>", "needs a login"),
        ("<title>Cranes</title><p>We value your privacy. Accept all cookies.</p>", "cookie wall"),
        ("<title>Cranes</title><body></body>", "no text"),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_read_says_why(pipeline, offered, web, markup, reason):
    if markup is not None:
        web["https://courier.example/a"] = f"<html>{markup}</html>"

    _, (page,) = read(
        pipeline, offered, item("1", "Cranes", url="https://courier.example/a", text="")
    )

    assert (page["readable"], page["reason"]) == (False, reason)


def test_a_page_that_says_of_itself_what_it_does_not_show_is_read(pipeline, offered, web):
    web["https://courier.example/a"] = """<html><head><title>Cranes</title>
    <meta name="description" content="Six cranes move containers at the port without a driver. Two
    operators watch all of them from a control room."></head><body><div id=app></div></body>"""

    _, (page,) = read(
        pipeline, offered, item("1", "Cranes", url="https://courier.example/a", text="")
    )

    assert page["readable"] and "without a driver" in page["body"]


def test_a_language_that_nobody_asked_for_is_named(pipeline, offered, web, monkeypatch):
    monkeypatch.setenv("MILLRACE_LANGUAGES", "de")
    config.reload()
    web["https://courier.example/a"] = ARTICLE.format(title="Cranes without drivers")

    _, (page,) = read(
        pipeline, offered, item("1", "Cranes", url="https://courier.example/a", text="")
    )

    assert (page["readable"], page["reason"]) == (False, "language: en")


def test_pages_are_read_until_enough_stories_can_be_told(pipeline, offered):
    many = [item(str(number), f"{word} is found in the lake") for number, word in enumerate(WORDS)]

    counts, pages = read(pipeline, offered, *many)

    assert counts["readable"] == len(pages) == read_pages.CONCURRENCY


WORDS = (
    "Gold Silver Copper Iron Tin Lead Zinc Nickel Cobalt Chrome Amber Coral Jade Opal Quartz"
    " Flint Slate Marble Basalt Chalk".split()
)


SENTENCE = "Six cranes move containers without a driver, and two operators watch all of them. "


@pytest.mark.parametrize(
    ("letters", "fetched"),
    [(read_pages.WHOLE_ARTICLE - 1, True), (read_pages.WHOLE_ARTICLE, False)],
)
def test_a_feed_that_gives_the_whole_article_stands_for_its_page(
    pipeline, offered, web, letters, fetched
):
    web["https://courier.example/a"] = ARTICLE.format(title="Cranes")
    text = (SENTENCE * 30)[: letters - 1] + "."

    _, (page,) = read(
        pipeline, offered, item("1", "Cranes", url="https://courier.example/a", text=text)
    )

    assert (page["site"] == "The Lindholm Courier") is fetched
    assert page["readable"] and page["body"].startswith("Six cranes") is not fetched


def test_of_a_page_forty_thousand_letters_are_kept(pipeline, offered):
    _, (page,) = read(pipeline, offered, item("1", "Cranes", text=SENTENCE * 600))

    assert len(page["body"]) == 40_000


def test_four_items_of_a_story_are_read(pipeline, offered):
    text = SENTENCE * 3
    same = [item(str(number), "Six cranes start at Lindholm", text=text) for number in range(6)]

    counts, pages = read(pipeline, offered, *same)

    assert len(pages) == 4 and counts == {"readable": 4, "unreadable": 0}


def test_of_each_topic_six_stories_are_tried_at_most(pipeline, offered):
    many = [item(str(number), f"{word} is found", text="") for number, word in enumerate(WORDS)]
    offered["feeds"] = many
    run_id = pipeline.open()["run_id"]
    read_source.main(run_id, "feeds")

    counts = read_pages.main(run_id, max_topics=1)

    assert counts == {"readable": 0, "unreadable": 6}


def test_once_topics_are_chosen_no_further_page_is_read(pipeline, offered):
    offered["feeds"] = [item("1", "Cranes start at Lindholm")]
    run_id = pipeline.open()["run_id"]
    read_source.main(run_id, "feeds")
    assert read_pages.main(run_id)["readable"] == 1
    select.main(run_id)
    db.execute("DELETE FROM page")

    assert read_pages.main(run_id) == {"readable": 0, "unreadable": 0}


@pytest.mark.parametrize(("topics", "allowed"), [(0, False), (1, True), (20, True), (21, False)])
def test_one_to_twenty_topics_can_be_asked_for(pipeline, topics, allowed):
    run_id = pipeline.open()["run_id"]
    for step in (read_pages.main, select.main):
        if allowed:
            step(run_id, max_topics=topics)
        else:
            with pytest.raises(BadInput, match=f"max_topics is {topics}; it must be from 1 to 20"):
                step(run_id, max_topics=topics)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (FetchRefused("it is on this machine"), "the address must not be fetched"),
        (SourceFailed("it took longer than 12 seconds"), "too slow"),
        (SourceFailed("nobody answers"), "unreachable"),
        (PageUnreadable("HTTP 410", "gone"), "gone"),
    ],
    ids=["refused", "slow", "away", "unreadable"],
)
def test_what_kept_a_page_from_being_read_is_its_reason(
    pipeline, offered, monkeypatch, fault, reason
):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(http, "fetch", fail)

    counts, (page,) = read(pipeline, offered, item("1", "Cranes", text=""))

    assert (page["reason"], page["readable"]) == (reason, False)
    assert counts == {"readable": 0, "unreadable": 1}


def test_a_page_is_given_twelve_seconds_and_what_is_left_of_the_step(
    pipeline, offered, monkeypatch
):
    given = []

    def note(*_, seconds=None, **__):
        given.append(seconds)
        raise SourceFailed("nobody answers")

    monkeypatch.setattr(web_tool, "read", note)
    read(pipeline, offered, item("1", "Cranes start at Lindholm", text=""))
    assert given == [12.0]

    monkeypatch.setattr(read_pages, "STEP_SECONDS", 5.0)
    read(pipeline, offered, item("2", "Tugs leave Lindholm for good", text=""))
    assert 4 < given[-1] <= 5.0

    before = len(given)
    monkeypatch.setattr(read_pages, "STEP_SECONDS", 0.0)
    _, pages = read(pipeline, offered, item("3", "Ferries come to Tarnvik", text=""))
    assert len(given) == before
    assert "no time was left" in {page["reason"] for page in pages}


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        ("2026-11-10T09:00:00Z", NOW - timedelta(hours=2)),
        # An old page that somebody posted.
        ("2021-11-10T09:00:00Z", datetime(2021, 11, 10, tzinfo=UTC)),
    ],
)
def test_the_date_of_the_item_counts_before_that_of_its_page(pipeline, offered, web, day, kept):
    dated = f'<head><meta property="article:published_time" content="{day}">'
    web["https://courier.example/a"] = ARTICLE.format(title="Cranes").replace("<head>", dated)

    _, (page,) = read(
        pipeline, offered, item("1", "Cranes", url="https://courier.example/a", text="")
    )

    assert page["published_at"] == kept
