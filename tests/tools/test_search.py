"""Search, pages and weather."""

import json
from datetime import UTC, datetime

import pytest

from f.millrace.core import db
from f.millrace.core.errors import BadInput, SourceFailed
from f.millrace.core.run_context import Context, use
from f.millrace.tools import search, weather
from f.millrace.tools.web_tools import fetch_page
from tests.tools.conftest import Reply

HIT = {
    "title": "A <b>page</b>",
    "url": "http://a.example/1",
    "content": "text",
    "publishedDate": "2026-01-02T03:04:05",
}
ARXIV = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2601.00001v1</id>
<title>Sodium cells</title><summary>About cells.</summary>
<published>2026-01-01T00:00:00Z</published>
</entry></feed>"""
ARTICLE = """<html><head><title>Cells - Site</title><meta property="og:title" content="Cells">
<meta property="article:published_time" content="2026-01-02T03:04:05Z"></head>
<body><nav><a href="/">Menu entry</a></nav>
<article><h1>Cells</h1><p>{}</p><p>The second paragraph says a little more.</p></article>
<script>alert("no")</script></body></html>""".format(
    "The first paragraph has a sentence of some length. " * 6
)


def remember(key: str, title: str, body: str = "", namespace: str = "main") -> None:
    db.execute(
        "INSERT INTO source_item (id, namespace, source, source_key, url, title, body,"
        " first_seen_at, last_seen_at) VALUES (%s, %s, 'feeds', %s, %s, %s, %s, now(), now())",
        [f"{namespace}{key}", namespace, key, f"http://a.example/{key}", title, body],
    )


def test_searxng_answers_become_hits(web, configure):
    configure(search_url=web.address + "/")
    web["/search"] = json.dumps(
        {"results": [HIT, HIT, {"url": "javascript:x"}, {"title": "no url"}, "x"]}
    )

    found = search.search("solid  state\nbatteries", limit=5, news=True)

    assert web.asked[0].path == "/search?q=solid+state+batteries&format=json&categories=news"
    assert [(hit.title, hit.url) for hit in found.hits] == [("A page", "http://a.example/1")]
    assert found.hits[0].published_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (found.engine, found.problems) == ("searxng", [])


def test_brave_is_asked_with_its_key(web, configure, monkeypatch):
    configure(brave_api_key="k1")
    monkeypatch.setattr(search, "BRAVE", web.address)
    web["/web/search"] = json.dumps(
        {"web": {"results": [{"title": "T", "url": "http://a.example/", "description": "d"}]}}
    )
    web["/news/search"] = json.dumps(
        {"results": [{"title": "N", "url": "http://n.example/", "page_age": "2026-01-02"}]}
    )

    assert search.search("x").hits[0].title == "T"
    assert search.search("x", news=True).hits[0].title == "N"
    assert web.asked[0].headers["x-subscription-token"] == "k1"


def test_tavily_is_asked_with_its_key(web, configure, monkeypatch):
    configure(tavily_api_key="k2")
    monkeypatch.setattr(search, "TAVILY", web.url("/search"))
    web["/search"] = json.dumps(
        {"results": [{"title": "T", "url": "http://a.example/", "content": "c"}]}
    )

    assert search.search("x", limit=3).engine == "tavily"
    assert web.asked[0].headers["authorization"] == "Bearer k2"
    assert json.loads(web.asked[0].body) == {"query": "x", "max_results": 3, "topic": "general"}


def test_without_an_engine_items_notes_and_arxiv_are_searched(web, configure, database, tmp_path):
    configure(arxiv_url=web.url("/arxiv"))
    web["/arxiv"] = ARXIV
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/n.md").write_text("# Mine\n\nsodium is cheap")
    remember("1", "Sodium cells arrive", "A plant opens.")
    remember("2", "Nothing of interest")
    remember("3", "Sodium elsewhere", namespace="sample")

    found = search.search("sodium plants")

    assert found.engine == "local"
    assert [hit.url for hit in found.hits] == [
        "http://a.example/1",
        "note:n.md",
        "http://arxiv.org/abs/2601.00001v1",
    ]
    assert [hit.own for hit in found.hits] == [False, True, False]


def test_each_edition_searches_its_own_items(web, configure, database):
    configure(arxiv_url=web.url("/none"))
    remember("1", "Sodium here")
    remember("2", "Sodium there", namespace="sample")

    with use(Context(namespace="sample")):
        found = search.search("sodium")

    assert [hit.title for hit in found.hits] == ["Sodium there"]


def test_an_engine_that_fails_is_replaced_and_named(web, configure, database):
    configure(search_url=web.address, arxiv_url=web.url("/arxiv"))
    web["/search"] = Reply("down", 503)
    remember("1", "Sodium cells arrive")

    found = search.search("sodium")

    assert [hit.title for hit in found.hits] == ["Sodium cells arrive"]
    assert found.engine == "local"
    assert "web search failed" in found.problems[0]
    assert "HTTP 503" in found.problems[0]
    assert "HTTP 404" in found.problems[1]


@pytest.mark.parametrize("query", ["a:b & | ! ( <->", "'; DROP TABLE x", "%", "the and of"])
def test_queries_of_any_form_are_safe(web, configure, database, query):
    configure(arxiv_url=web.url("/none"))
    assert search.search(query).hits == []


def test_an_empty_query_is_refused():
    with pytest.raises(BadInput):
        search.search("  \n")


def test_a_page_is_read_without_its_menu(web):
    web["/a"] = Reply(ARTICLE, headers={"Content-Type": "text/html"})

    page = fetch_page(web.url("/a"))

    assert page.title == "Cells"
    assert page.text.startswith("The first paragraph")
    assert page.text.endswith("a little more.")
    assert "Menu" not in page.text
    assert "alert" not in page.text
    assert page.published_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_plain_text_is_a_page_too(web):
    web["/t"] = Reply("hello\nthere", headers={"Content-Type": "text/plain"})

    assert fetch_page(web.url("/t")).text == "hello\nthere"


@pytest.mark.parametrize(
    ("kind", "body"), [("application/pdf", b"%PDF"), ("image/png", b"x"), ("text/html", b"")]
)
def test_what_holds_no_text_is_a_failure(web, kind, body):
    web["/x"] = Reply(body, headers={"Content-Type": kind})

    with pytest.raises(SourceFailed):
        fetch_page(web.url("/x"))


def test_weather_is_told_for_a_place(web, configure):
    configure(geocoding_url=web.url("/geo"), weather_url=web.url("/forecast"))
    web["/geo"] = json.dumps(
        {
            "results": [
                {"name": "Lindholm", "country": "Nowhere", "latitude": 57.7, "longitude": 11.9}
            ]
        }
    )
    web["/forecast"] = json.dumps(
        {
            "current": {"temperature_2m": 3.5, "weather_code": 61},
            "daily": {
                "time": ["2026-01-02"],
                "weather_code": [3],
                "temperature_2m_max": [5],
                "temperature_2m_min": [-1],
                "precipitation_sum": [0.2],
                "wind_speed_10m_max": [20],
            },
        }
    )

    told = weather.weather("Lindholm")

    assert (told.place, told.now_sky, told.days[0].sky, told.days[0].high_celsius) == (
        "Lindholm, Nowhere",
        "light rain",
        "overcast",
        5,
    )


@pytest.mark.parametrize("answer", ["[]", "{}", '{"results": [{"name": "x"}]}'])
def test_weather_that_cannot_be_had_is_a_failure(web, configure, answer):
    configure(geocoding_url=web.url("/geo"), weather_url=web.url("/none"))
    web["/geo"] = answer

    with pytest.raises(SourceFailed):
        weather.weather("Nowhere")
