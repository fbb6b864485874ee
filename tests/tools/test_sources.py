"""The sources: what they read, and what they do with bad input."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import Field

from f.millrace.core import all_settings, invisible
from f.millrace.core.errors import BadSetting, SourceFailed
from f.millrace.tools import arxiv, feeds, hackernews, mastodon, source_options
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
        with pytest.raises(BadSetting, match=", ".join(all_settings.Settings.sources)):
            SOURCES[name]


def test_every_shipped_source_can_be_had_by_name():
    assert [SOURCES[name].name for name in SOURCES] == all_settings.Settings.sources


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


def test_hacker_news_gives_titles_as_html(web, configure, state):
    configure(hackernews_url=web.url("/v0"))
    titles = ["AT&amp;T &amp; the &quot;cloud&quot;", "C++20: &lt;concepts&gt;", "R&D in <T>"]
    web["/v0/topstories.json"] = "[1, 2, 3]"
    for number, title in enumerate(titles, 1):
        web[f"/v0/item/{number}.json"] = json.dumps({"id": number, "title": title})

    items = hackernews.read(10, state)

    assert [item.title for item in items] == [
        'AT&T & the "cloud"',
        "C++20: <concepts>",
        "R&D in <T>",
    ]


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


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        ("A set of $50$ tests with $1000$ samples.", "A set of 50 tests with 1000 samples."),
        (r"It is \emph{nearly} always 4\% better.", "It is nearly always 4% better."),
        ("We call it ``sound'' for short.", "We call it “sound” for short."),
        ("It costs $5 or $10 a month.", "It costs $5 or $10 a month."),
        (r"It runs in $O(n^2)$ and $\alpha$ steps.", r"It runs in $O(n^2)$ and $\alpha$ steps."),
    ],
)
def test_an_abstract_of_arxiv_is_read_without_the_markup_of_tex(tex, plain):
    feed = (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2401.1v1</id>'
        f"<title>{tex}</title><summary>{tex}</summary></entry></feed>"
    )

    (paper,) = arxiv.parse(Page("http://a.example/", 200, {}, feed.encode()))

    assert (paper.title, paper.abstract) == (plain, plain)


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
    # What one source has stored is new to another one that reads the same address.
    assert len(feeds.read(10, FetchState("main", source="private_feeds"))) == 1


def test_texts_are_cleaned_for_postgres_and_mail():
    item = make_item("x", "1", "a\x00b\ud800 \u202ec\n d", text="line\r\n\n\n\nnext\x07")

    assert (item.title, item.text) == ("ab c d", "line\n\nnext")


def test_markup_becomes_text():
    assert strip_markup("<script>x()</script><p>a &lt; b</p><p>c<br>d") == "a < b\n\nc\nd"


def page(body, url="http://a.example/blog/feed", **headers):
    content = body if isinstance(body, bytes) else body.encode()
    return Page(
        url, 200, {name.replace("_", "-"): value for name, value in headers.items()}, content
    )


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Jos&eacute; &amp; Zo&euml; &ndash; R&D at B&B", "José & Zoë – R&D at B&B"),
        ("5 < 7 & 8 > 3", "5 < 7 & 8 > 3"),
        ("Costs &#8364;5&#150;6&#0;", "Costs €5–6"),
        ("A &unknown; word", "A &unknown; word"),
    ],
)
def test_what_is_no_xml_in_a_title_is_read_as_it_was_meant(text, title):
    feed = f"<rss><channel><title>t</title><item><title>{text}</title></item></channel></rss>"

    (item,) = feeds.parse(page(feed))

    assert item.title == title


def test_a_link_with_bare_ampersands_stays_what_it_is():
    link = "http://a.example/x?id=7&sort=new&copy=2"

    (item,) = read_feed(rss(f"<item><title>A</title><link>{link}</link></item>"))

    assert item.url == link


def test_markup_that_is_not_closed_costs_no_later_entry():
    items = read_feed(
        rss("<item><title>One</title><description>a<br>b <p>c</description></item>", entry(2))
    )

    assert [item.title for item in items] == ["One", "Story 2"]
    assert items[0].text.split() == ["a", "b", "c"]


@pytest.mark.parametrize("guid", ["undefined", "http://a.example/", "none", "x"])
def test_entries_that_share_an_id_are_told_apart(guid):
    items = read_feed(
        rss(*(entry(number, f"<guid isPermaLink='false'>{guid}</guid>") for number in (1, 2, 3)))
    )

    assert [item.url for item in items] == [f"http://a.example/{n}" for n in (1, 2, 3)]
    assert len({item.key for item in items}) == 3


def test_entries_that_share_one_link_are_told_apart():
    items = read_feed(
        rss(
            *(
                f"<item><title>Tide {n}</title><link>http://a.example/t</link></item>"
                for n in (1, 2)
            )
        )
    )

    assert [item.title for item in items] == ["Tide 1", "Tide 2"]


@pytest.mark.parametrize("more", ["", " isPermaLink='false'", " isPermaLink='true'"])
def test_an_opaque_id_is_no_address(more):
    (item,) = read_feed(rss(f"<item><title>A</title><guid{more}>b7-22</guid></item>"))

    assert item.url == ""


def test_an_id_that_is_an_address_is_one():
    (item,) = read_feed(rss("<item><title>A</title><guid>http://a.example/p/9</guid></item>"))

    assert item.url == "http://a.example/p/9"


@pytest.mark.parametrize(
    ("root", "of_entry", "of_link", "url"),
    [
        ("http://b.example/c/", "", "", "http://b.example/c/p"),
        ("http://b.example/c/", "d/", "", "http://b.example/c/d/p"),
        ("", "/d/", "e/", "http://a.example/d/e/p"),
        ("", "", "", "http://a.example/blog/p"),
    ],
)
def test_relative_links_are_relative_to_the_base_that_the_feed_gives(root, of_entry, of_link, url):
    def base(value):
        return f' xml:base="{value}"' if value else ""

    feed = (
        f'<feed xmlns="http://www.w3.org/2005/Atom"{base(root)}><title>t</title>'
        f'<entry{base(of_entry)}><id>urn:1</id><title>A</title><link href="p"{base(of_link)}/>'
        "</entry></feed>"
    )

    assert [item.url for item in feeds.parse(page(feed))] == [url]


def test_a_link_that_is_no_address_leaves_the_entry():
    (item,) = read_feed(rss("<item><title>A</title><link>http://[</link></item>"))

    assert (item.title, item.url) == ("A", "")


@pytest.mark.parametrize(
    ("title", "encoding", "declared", "charset"),
    [
        ("Порт закрыт", "cp1251", "", "windows-1251"),
        ("港が開いた ①", "cp932", "shift_jis", ""),
        ("港口重新開放 囍", "gb18030", "gb2312", ""),
        ("It’s “open” – now", "cp1252", "iso-8859-1", ""),
        ("Порт закрыт", "utf-8", "utf-8", "iso-8859-1"),
        ("Λιμάνι", "iso-8859-7", "", "ISO-8859-7"),
        ("Hafen für alle", "cp1252", "utf-8", ""),
        ("Порт", "utf-16", "utf-16", ""),
    ],
)
def test_letters_are_those_that_http_or_the_feed_says(title, encoding, declared, charset):
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    feed = (
        f"{head}<rss><channel><title>t</title><item><title>{title}</title></item></channel></rss>"
    )
    more = {"content_type": f"application/rss+xml; charset={charset}"} if charset else {}

    (item,) = feeds.parse(page(feed.encode(encoding), **more))

    assert item.title == title


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("Why Option&lt;T&gt; beats null", "Why Option<T> beats null"),
        ("The &lt;main&gt; element", "The <main> element"),
        ("A &lt;b&gt;bold&lt;/b&gt; plan", "A bold plan"),
        ("A &lt;i class=&quot;x&quot;&gt;plan", "A plan"),
        ("dict&lt;str, int&gt; &amp;amp; more", "dict<str, int> & more"),
        ("<![CDATA[a < b <em>and</em> c]]>", "a < b and c"),
        ("The &lt;script&gt; tag and &lt;img&gt; loading", "The <script> tag and <img> loading"),
        ("&lt;p&gt;A &lt;b&gt;bold&lt;/b&gt; &lt;div&gt; case", "A bold <div> case"),
    ],
)
def test_angle_brackets_in_a_title_are_markup_only_where_they_look_like_it(given, title):
    (item,) = read_feed(rss(f"<item><title>{given}</title></item>"))

    assert item.title == title


def test_a_title_that_atom_calls_text_is_text():
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>urn:1</id><title'
        ' type="text">From &lt;b&gt;x&lt;/b&gt; to y</title></entry></feed>'
    )

    assert [item.title for item in feeds.parse(page(feed))] == ["From <b>x</b> to y"]


def test_an_arxiv_page_that_lost_its_entries_is_asked_for_again(web, configure, state):
    configure(arxiv_url=web.url("/api/query"))
    lost = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:o="http://a9.com/-/spec/opensearch/1.1/">'
        "<o:totalResults>{}</o:totalResults><o:startIndex>0</o:startIndex></feed>"
    )
    web["/api/query"] = lost.format(52)

    with pytest.raises(SourceFailed, match="none of 52"):
        arxiv.read(7, state)

    assert len(web.asked) == 2
    web["/api/query"] = lost.format(0)
    assert arxiv.read(7, state) == []


def test_posts_of_other_servers_count_in_text_and_warn_of_their_content(web, configure, state):
    configure(mastodon_url=web.url(""), mastodon_tags="tea")
    web["/api/v1/timelines/tag/tea"] = json.dumps(
        [
            {
                "id": "1",
                "content": "<p>It ends badly.</p>",
                "spoiler_text": "The film",
                "favourites_count": "12",
                "reblogs_count": "many",
                "card": "none",
            }
        ]
    )

    (item,) = mastodon.read(5, state)

    assert (item.score, item.title) == (12.0, "The film")
    assert item.text == "Content warning: The film\n\nIt ends badly."


@pytest.mark.parametrize(
    "text",
    [
        "می‌روم",
        "ക്ഷ ക്‌ഷ",
        "👩‍🚒 👍🏽 ❤️ 1️⃣",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    ],
)
def test_marks_of_the_spelling_stay(text):
    assert invisible.strip(text) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "".join(chr(0xE0000 + ord(letter)) for letter in "obey"),
        "".join(chr(0xE0100 + byte) for byte in b"obey"),
        "\u200b\u200c\u200d\u2060\ufeff",
        "\u202e\u2066\u00ad\u034f\u3164",
        "\ufe0f\ufe01",
    ],
)
def test_what_no_reader_sees_is_taken_from_items(hidden):
    item = make_item("feeds", "k", f"Har{hidden}bour{hidden}", text=f"The qu{hidden}ay.{hidden}")

    assert (item.title, item.text) == ("Harbour", "The quay.")


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("Research and grants", False),
        ("Research &amp; grants", False),
        ("Research & grants", True),
        ("Caf&eacute; owners", True),
    ],
)
def test_a_feed_that_had_to_be_repaired_is_told(web, configure, state, title, told):
    web["/feed"] = rss(f"<item><title>{title}</title><link>https://e.org/1</link></item>")
    configure(feeds=web.url("/feed"))

    (item,) = feeds.read(10, state)

    assert item.url == "https://e.org/1"
    assert [web.url("/feed") in said and "repaired" in said for said in state.problems] == (
        [True] if told else []
    )


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>/n/1?a=1&amp;b=2</link>", "https://a.example/n/1?a=1&b=2"),
        ("<link>n/1</link><guid isPermaLink='false'>n/1</guid>", "https://a.example/feeds/n/1"),
        ("<guid isPermaLink='false'>n/1</guid>", ""),
        ("<guid>n-1</guid>", ""),
    ],
)
def test_a_link_within_the_site_is_an_address_and_an_id_is_none(inside, url):
    feed = f"<rss><channel><title>T</title><item><title>A</title>{inside}</item></channel></rss>"

    (item,) = feeds.parse(Page("https://a.example/feeds/rss.xml", 200, {}, feed.encode()))

    assert item.url == url
