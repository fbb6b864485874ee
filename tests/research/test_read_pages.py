"""What stands behind the items: read once, kept, or named with why it cannot be read."""

import pytest

from f.millrace.core import config, db
from f.millrace.research import read_pages, read_source
from tests.research.conftest import item

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
