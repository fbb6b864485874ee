"""The sources: what they read, and what they do with bad input."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import Field

from f.millrace.core import config
from f.millrace.core.errors import BadSetting, SourceFailed
from f.millrace.tools import arxiv, feeds, hackernews, source_options
from f.millrace.tools.fetch_state import FetchState
from f.millrace.tools.http import Page
from f.millrace.tools.items import make_item, strip_markup
from f.millrace.tools.sources import SOURCES
from tests.tools.conftest import Reply

NOW = "2026-03-02T08:00:00+00:00"


@pytest.fixture
def state(database):
    return FetchState("main")


def rss(*items: str) -> bytes:
    return (
        f"<rss version='2.0'><channel><title>News</title>{''.join(items)}</channel></rss>".encode()
    )


def entry(number: int, extra: str = "") -> str:
    return (
        f"<item><title>Story {number}</title><link>http://a.example/{number}</link>{extra}</item>"
    )


def read_feed(content: bytes) -> list:
    return feeds.parse(Page("http://a.example/feed", 200, {}, content))


def test_an_unknown_source_names_the_known_ones():
    for name in ("gopher", "../x", "http", ""):
        with pytest.raises(BadSetting, match=", ".join(config.Settings.sources)):
            SOURCES[name]


def test_every_shipped_source_can_be_had_by_name():
    assert [SOURCES[name].name for name in SOURCES] == config.Settings.sources


def test_a_new_source_is_one_file_in_tools_and_its_name_in_the_settings(
    configure, monkeypatch, tmp_path, state
):
    (tmp_path / "f/millrace/tools").mkdir(parents=True)
    (tmp_path / "f/millrace/tools/lobby.py").write_text(
        "from f.millrace.tools.items import SourceItem\nfrom f.millrace.tools.sources import"
        " Source\nSOURCE = Source('lobby', 'A board', lambda limit, state:"
        " [SourceItem(source='lobby', key='1', title='Tea at four')])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    configure(sources="notes,lobby")

    assert list(SOURCES) == ["notes", "lobby"]
    assert [item.title for item in SOURCES["lobby"].read(5, state)] == ["Tea at four"]


class Board(source_options.Options):
    """A source's own settings."""

    tags: list[str] = Field(["ai"], description="Tags to read.")
    most: int = Field(10, ge=1, description="Read at most so many.")


def test_a_source_has_settings_of_its_own(configure):
    assert source_options.options_of("board", Board).tags == ["ai"]

    configure(source_options={"board": {"tags": ["tea"]}})

    assert source_options.options_of("board", Board) == Board(tags=["tea"])


def test_a_mistake_in_a_sources_own_settings_says_what_there_is(configure):
    configure(source_options={"board": {"tag": ["tea"], "most": 0}})

    with pytest.raises(BadSetting) as caught:
        source_options.options_of("board", Board)

    assert "source_options.board.tag is ['tea']" in str(caught.value)
    assert "source_options.board.most is 0" in str(caught.value)
    assert "it has tags, most" in str(caught.value)


def test_hacker_news_reads_top_stories_in_order(web, configure, state):
    configure(hackernews_url=web.url("/v0"))
    web["/v0/topstories.json"] = "[3, 1, 2, 1, 4, 5]"
    web["/v0/item/3.json"] = json.dumps(
        {
            "id": 3,
            "title": "Three",
            "url": "http://a.example/3",
            "score": 9,
            "time": 1700000000,
            "by": "x",
            "descendants": 4,
        }
    )
    web["/v0/item/1.json"] = json.dumps(
        {"id": 1, "title": "Ask", "text": "<p>a &amp; b<p>c", "type": "story"}
    )
    web["/v0/item/2.json"] = "null"
    web["/v0/item/4.json"] = json.dumps({"id": 4, "title": "Gone", "dead": True})
    web["/v0/item/5.json"] = json.dumps({"id": 5, "title": "Hiring", "type": "job"})

    items = hackernews.read(10, state)

    assert [(item.key, item.title, item.score) for item in items] == [
        ("3", "Three", 9.0),
        ("1", "Ask", 0.0),
    ]
    assert items[0].published_at == datetime.fromtimestamp(1700000000, UTC)
    assert items[0].extra["comments"] == 4
    assert items[1].text == "a & b\nc"


def test_a_story_that_fails_leaves_the_others(web, configure, state):
    configure(hackernews_url=web.url("/v0"))
    web["/v0/topstories.json"] = Reply("[1, 2]", headers={"ETag": '"1"'})
    web["/v0/item/1.json"] = json.dumps({"id": 1, "title": "One"})
    web["/v0/item/2.json"] = Reply("oops", 500)

    items = hackernews.read(10, state)

    assert [item.key for item in items] == ["1"]
    assert "1 of 2 stories could not be read" in state.problems[0]


@pytest.mark.parametrize("body", ["<html>sorry</html>", "{}", "", '"x"'])
def test_hacker_news_that_answers_something_else_is_a_failure(web, configure, state, body):
    configure(hackernews_url=web.url("/v0"))
    web["/v0/topstories.json"] = body

    with pytest.raises(SourceFailed):
        hackernews.read(10, state)


def test_arxiv_asks_for_the_configured_categories_and_terms(web, configure, state):
    configure(
        arxiv_url=web.url("/api/query"),
        arxiv_categories="cs.AI,cs.RO",
        arxiv_terms="agents,tool use",
    )
    web["/api/query"] = '<feed xmlns="http://www.w3.org/2005/Atom"/>'

    assert arxiv.read(7, state) == []
    assert "max_results=7" in web.asked[0].path
    query = "%28cat%3Acs.AI+OR+cat%3Acs.RO%29+AND+%28all%3Aagents+OR+all%3A%22tool+use%22%29"
    assert f"search_query={query}" in web.asked[0].path


def test_recorded_arxiv_pages_are_read_whole(web, configure, state, recorded):
    page = json.loads(recorded("arxiv/q_testing_s0_m100_cfe7536492ca.json").read_text())
    configure(arxiv_url=web.url("/api/query"))
    web["/api/query"] = Reply(page["body"], page["status_code"])

    items = arxiv.read(100, state)

    assert len(items) == 100
    assert len({item.key for item in items}) == 100
    assert items[0].key == "2202.12139"
    assert items[0].author == "Mohit Kumar Ahuja, Arnaud Gotlieb, Helge Spieker"
    assert items[0].published_at == datetime(2022, 2, 24, 15, 5, 19, tzinfo=UTC)
    assert all(item.url.startswith("https://arxiv.org/abs/") and item.text for item in items)


def test_a_recorded_empty_answer_of_arxiv_has_no_papers(recorded):
    page = json.loads(recorded("arxiv/id_0000.0000_s0_m100_8b51d9633a68.json").read_text())

    assert arxiv.parse(Page(page["url"], 200, {}, page["body"].encode())) == []


def test_a_recorded_error_of_arxiv_is_told(recorded):
    page = json.loads(recorded("arxiv/id_abc_s0_m100_b79c8dcf6bc3.json").read_text())

    with pytest.raises(SourceFailed, match="incorrect id format for abc"):
        arxiv.parse(Page(page["url"], 200, {}, page["body"].encode()))


@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b"{}", b"<feed", b"<!DOCTYPE x [<!ENTITY a 'b'>]><feed/>"]
)
def test_arxiv_that_answers_something_else_is_a_failure(body):
    with pytest.raises(SourceFailed):
        arxiv.parse(Page("http://a.example/", 200, {}, body))


def test_feeds_are_taken_in_turn_up_to_the_limit(web, configure, state):
    configure(feeds=f"{web.url('/busy')},{web.url('/quiet')}")
    web["/busy"] = rss(*[entry(number) for number in range(50)])
    web["/quiet"] = rss("<item><title>Only one</title><link>http://b.example/</link></item>")

    items = feeds.read(4, state)

    assert [item.title for item in items] == ["Story 0", "Only one", "Story 1", "Story 2"]
    assert items[0].extra["feed"] == "News"


def test_one_broken_feed_leaves_the_others(web, configure, state):
    configure(feeds=f"{web.url('/html')},{web.url('/good')}")
    web["/html"] = "<!doctype html><html><body>moved</body></html>"
    web["/good"] = rss(entry(1))

    items = feeds.read(10, state)

    assert [item.title for item in items] == ["Story 1"]
    assert len(state.problems) == 1
    assert "/html is not a feed that can be read: it is an HTML page" in state.problems[0]


def test_all_feeds_broken_is_a_failure(web, configure, state):
    configure(feeds=web.url("/big"))
    web["/big"] = b"x" * 10_000_000

    with pytest.raises(SourceFailed, match="larger than"):
        feeds.read(10, state)


def test_dates_without_zone_are_utc_and_future_ones_are_now(configure):
    configure(now=NOW)

    items = read_feed(
        rss(
            entry(1, "<pubDate>2026-02-27 10:00:00</pubDate>"),
            entry(2, "<pubDate>Fri, 01 Jan 2044 00:00:00 GMT</pubDate>"),
            entry(3, "<pubDate>yesterday-ish</pubDate>"),
            entry(4),
            entry(5, "<pubDate>Fri, 27 Feb 2026 10:00:00 +0200</pubDate>"),
        )
    )

    assert [item.published_at for item in items] == [
        datetime(2026, 2, 27, 10, tzinfo=UTC),
        datetime.fromisoformat(NOW),
        None,
        None,
        datetime(2026, 2, 27, 8, tzinfo=UTC),
    ]
    assert "in the future" in items[1].extra["date_note"]


def test_duplicate_ids_are_one_item():
    double = "<item><guid>same</guid><title>{}</title></item>"

    assert [
        item.title for item in read_feed(rss(double.format("first"), double.format("second")))
    ] == ["first"]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-16", "iso-8859-1", "windows-1252"],
    ids=lambda name: f"declared-{name}",
)
def test_encodings_are_honoured(encoding):
    text = (
        f"<?xml version='1.0' encoding='{encoding}'?><rss"
        " version='2.0'><channel><item><title>Grün</title></item></channel></rss>"
    )

    assert read_feed(text.encode(encoding))[0].title == "Grün"


def test_a_wrong_encoding_loses_no_items():
    text = (
        "<?xml version='1.0' encoding='utf-8'?><rss"
        " version='2.0'><channel><item><title>Gr\xfcn</title></item>"
    )

    items = read_feed(text.encode("latin-1") + b"<item><title>two</title></item></channel></rss>")

    assert [item.title for item in items] == ["Grün", "two"]


def test_an_entity_bomb_is_refused():
    levels = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    bomb = (
        "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY a0"
        f" 'lol'>{levels}]><rss><channel><title>&a9;</title></channel></rss>"
    )

    with pytest.raises(SourceFailed, match="declares XML entities"):
        read_feed(bomb.encode())


def test_a_feed_that_writes_about_entities_is_read():
    items = read_feed(
        rss(
            "<item><title>On bombs</title><description><![CDATA[use <!ENTITY a"
            " 'b'>]]></description></item>"
        )
    )

    assert items[0].title == "On bombs"


def test_links_that_are_not_web_addresses_are_dropped():
    items = read_feed(rss("<item><title>bad</title><link>javascript:alert(1)</link></item>"))

    assert items[0].url == ""


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("entry_link_multiple.xml", 1),
        ("http_high_bit_date.xml", 0),
        ("item_content_encoded.xml", 1),
        ("item_guid.xml", 1),
        ("item_pubDate.xml", 0),
        ("rdf_item_title.xml", 1),
        ("rss_incomplete_cdata.xml", 1),
        ("rss_item_link_corrupted_ampersands.xml", 1),
        ("undeclared_namespace.xml", 0),
    ],
)
def test_recorded_feeds_are_read(recorded, name, count):
    assert len(read_feed(recorded(f"feeds/{name}").read_bytes())) == count


def test_a_recorded_empty_document_is_a_failure(recorded):
    with pytest.raises(SourceFailed, match="not a feed"):
        read_feed(recorded("feeds/rss_empty_document.xml").read_bytes())


def test_mastodon_posts_lead_to_the_linked_article(web, configure, state):
    configure(mastodon_url=web.address, mastodon_tags="ai,#ai2")
    post = {
        "id": "1",
        "uri": "https://s.example/1",
        "url": "https://s.example/@a/1",
        "content": "<p>Look at <a href='x'>this</a></p>",
        "created_at": "2026-01-02T03:04:05.000Z",
        "favourites_count": 2,
        "reblogs_count": 3,
        "account": {"acct": "a@s.example"},
        "card": {"url": "https://news.example/x", "title": "The article"},
    }
    web["/api/v1/timelines/tag/ai"] = json.dumps(
        [post, post | {"id": "2", "uri": "https://s.example/2", "card": None}]
    )
    web["/api/v1/timelines/tag/ai2"] = json.dumps([post])

    items = SOURCES["mastodon"].read(10, state)

    assert [(item.title, item.url) for item in items] == [
        ("The article", "https://news.example/x"),
        ("Look at this", "https://s.example/@a/1"),
    ]
    assert items[0].score == 8
    assert {path.path.split("?")[0] for path in web.asked} == {
        "/api/v1/timelines/tag/ai",
        "/api/v1/timelines/tag/ai2",
    }


def test_validators_are_kept_only_when_the_caller_saves(web, configure, database):
    configure(feeds=web.url("/feed"))
    web["/feed"] = lambda asked: (
        Reply(status=304)
        if asked.headers.get("if-none-match") == '"v1"'
        else Reply(rss(entry(1)), headers={"ETag": '"v1"'})
    )

    lost = FetchState("main")
    assert len(feeds.read(10, lost)) == 1
    stored = FetchState("main")
    assert len(feeds.read(10, stored)) == 1
    stored.save()
    again, sample = FetchState("main"), FetchState("sample")

    assert feeds.read(10, again) == []
    assert again.unchanged == 1
    assert len(feeds.read(10, sample)) == 1


def test_texts_are_cleaned_for_postgres_and_mail():
    item = make_item("x", "1", "a\x00b\ud800 \u202ec\n d", text="line\r\n\n\n\nnext\x07")

    assert (item.title, item.text) == ("ab c d", "line\n\nnext")


def test_markup_becomes_text():
    assert strip_markup("<script>x()</script><p>a &lt; b</p><p>c<br>d") == "a < b\n\nc\nd"
