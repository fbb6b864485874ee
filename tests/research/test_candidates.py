"""What a topic is called."""

from datetime import timedelta

import pytest

from f.millrace.core import db
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
