"""The sample edition, read by the real collectors."""

import urllib.request

import pytest

from f.millrace.core import config
from f.millrace.tools import arxiv_tools, search
from f.millrace.tools.fetch_state import FetchState
from f.millrace.tools.http import fetch
from f.millrace.tools.sources import SOURCES
from f.millrace.tools.web_tools import fetch_page
from scripts.samples.server import sample_settings, serve


@pytest.fixture
def sample(monkeypatch):
    def point_at(address: str) -> str:
        for name, value in sample_settings(address).items():
            monkeypatch.setenv(name, value)
        config.reload()
        return address

    with serve(port=0) as address:
        yield point_at(address)


def read_all(state: FetchState) -> dict[str, list]:
    return {name: SOURCES[name].read(50, state) for name in SOURCES}


def test_every_source_offers_items_with_pages_behind_them(sample, database):
    state = FetchState("sample")

    found = read_all(state)

    assert {name: len(items) for name, items in found.items()} == {
        "hackernews": 14, "arxiv": 8, "feeds": 15, "mastodon": 6, "notes": 5,
    }  # fmt: skip
    assert state.problems == []
    addresses = {
        item.url for items in found.values() for item in items if item.url.startswith("http")
    }
    assert all(address.startswith(sample) for address in addresses)
    assert all(fetch(address).status == 200 for address in addresses)
    assert {item.trust for item in found["notes"]} == {"own"}
    assert all(
        item.published_at and "date_note" not in item.extra
        for items in found.values()
        for item in items
    )


def test_a_second_reading_is_unchanged(sample, database):
    first = FetchState("sample")
    read_all(first)
    first.save()

    again = FetchState("sample")

    found = read_all(again)

    assert [len(found[name]) for name in ("arxiv", "feeds", "mastodon")] == [0, 0, 0]
    assert again.unchanged == 5


def test_pages_are_articles_that_say_that_they_are_samples(sample):
    url = f"{sample}/pages/the-lindholm-courier/norrvik-twelve.html"
    page = fetch_page(url)

    assert page.title == "Norrvik battery plant in Halmvik to make 12 gigawatt-hours a year"
    assert page.text.startswith("The Norrvik battery plant in Halmvik will make 12 gigawatt-hours")
    assert page.published_at
    assert page.site == "The Lindholm Courier"
    with urllib.request.urlopen(url) as answer:
        assert "Millrace sample edition: everything on this page is invented" in str(answer.read())


def test_the_search_finds_both_sides_of_the_contradiction(sample):
    found = search.search("Norrvik battery plant capacity gigawatt-hours")

    assert [hit.url.rpartition("/")[2] for hit in found.hits[:2]] == [
        "norrvik-twelve.html",
        "norrvik-eight.html",
    ]
    assert search.search("xylophone").hits == []


def test_papers_are_found_by_words_and_by_id(sample):
    assert arxiv_tools.search("ledger agents").papers[0].id == "9901.00012v1"
    assert arxiv_tools.read_paper("9901.00011").title.startswith("Reading Dates First")


def test_yesterdays_edition_has_the_story_and_not_its_update(database, monkeypatch):
    with serve(port=0, days_ago=1) as address:
        for name, value in sample_settings(address).items():
            monkeypatch.setenv(name, value)
        config.reload()
        titles = [item.title for item in SOURCES["feeds"].read(50, FetchState("sample"))]

    assert "Port of Lindholm starts trial of six autonomous cranes" in titles
    assert not [title for title in titles if "pauses trial" in title]
