"""The page of a run on Windmill: the digest as Markdown in the result of the flow's last step."""

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from f.millrace.core import db
from f.millrace.core.errors import SourceFailed
from f.millrace.digest import digest_markdown
from f.millrace.digest.digest_content import Reading
from f.millrace.trust import markdown
from tests.research.conftest import conflicting, item
from tests.research.test_compose import content, section

RENDER = MarkdownIt("commonmark", {"html": True}).render
TAGS = {"h2", "h3", "h4", "p", "a", "em", "strong", "ul", "ol", "li", "br", "blockquote"}


def tags(html: str) -> set[str]:
    return set(re.findall(r"<(\w+)", html))


def links(html: str) -> set[str]:
    return {unescape(found) for found in re.findall(r'href="([^"]*)"', html)}


def test_the_last_step_shows_the_digest_and_returns_what_it_did_before(
    pipeline, two_stories, researcher, offered
):
    offered["down"] = SourceFailed("feeds.example answered 503")
    researcher["Sodium batteries keep their charge in deep winter"] = conflicting

    run_id, closed = pipeline.run()

    assert closed["wm_renderer"] == "markdown" and closed["run_id"] == run_id and closed["topics"]
    page = closed["markdown"]
    for part in (
        "## Wednesday, 18 November 2026",
        "](<https://news.example/",
        "**Sources disagree:** How much does it make?",
        "#### Topics",
        "#### Deliveries\n\n- ada@home.example: outbox",
        "It cost $0.00.",
    ):
        assert part in page, part
    html = RENDER(page)
    assert tags(html) <= TAGS
    assert any(link.startswith("https://news.example/") for link in links(html))
    assert re.search(r"\[<a href=[^>]+>1</a>\]", html), "a sentence leads to its source"
    stored = db.fetch_one("SELECT result FROM run WHERE id = %s", [run_id])
    assert stored is not None and "markdown" not in stored["result"]


def test_sources_that_are_down_are_on_the_page_and_on_the_runs_labels(pipeline, offered):
    offered["feeds"] = [item("one", "Sodium batteries keep their charge")]
    offered["hackernews"] = SourceFailed("answered 503")

    _, closed = pipeline.run()

    assert "#### Sources down\n\n- Hacker News: answered 503" in closed["markdown"]
    assert closed["wm_labels"] == ["cost:$0.00", "topics:1", "1 source down", "partly_failed"]


def test_a_run_that_stops_early_shows_the_digest_that_is_there(pipeline, two_stories):
    pipeline.run()

    opened = pipeline.open()

    assert opened["skip"] and opened["decision"] == "already_done"
    assert (
        opened["wm_renderer"] == "markdown"
        and "## Wednesday, 18 November 2026" in opened["markdown"]
    )
    assert opened["wm_labels"] == ["cost:$0.00", "topics:2"]
    assert "markdown" not in opened["result"]


def test_a_run_that_goes_on_has_no_page_yet(pipeline, two_stories):
    assert "wm_renderer" not in pipeline.open()


TEXTS = st.text(st.sampled_from(" ab1.\n\\`*_{}[]()<>#+-=!|~&:@/\"';?^$"), max_size=60)
ADDRESSES = st.one_of(
    st.sampled_from(
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://a.example/?a=1&copy;=2",
            "http://b.example/a)b<c>",
            "file:///x",
        ]
    ),
    TEXTS.map(lambda text: f"https://a.example/{text}"),
    TEXTS,
)


@given(TEXTS, ADDRESSES)
@example("<img src=x onerror=alert(1)>", "https://a.example/ onclick=x")
@example("[x](javascript:alert(1)) ![y](http://evil.example/p.png)", "javascript:alert(1)")
@example("[a]: http://evil.example\n<script>", 'https://a.example/"><script>')
def test_nothing_from_outside_acts_on_the_page(text, url):
    shown = content(
        sections=[section(text, url)], readings=[Reading(text, "failed", 0, 0, text)], notes=[text]
    )

    html = RENDER(digest_markdown.page(shown))

    assert tags(html) <= TAGS, html
    assert all(re.match(r"https?://[^/\s]", link) for link in links(html)), links(html)
    assert not any("evil.example" in link for link in links(html))


@pytest.mark.parametrize("topics", [1, 40])
def test_the_page_stays_below_what_the_viewer_shows(topics):
    big = section("word " * 400)

    page = digest_markdown.page(content(sections=[big] * topics))
    shown = markdown.as_page({"found": 1}, page)

    assert len(shown["markdown"]) <= markdown.MOST + 100
    assert tags(RENDER(shown["markdown"])) <= TAGS
    cut = "Shortened: the run's own record" in shown["markdown"]
    assert (shown["found"], cut) == (1, len(page) > markdown.MOST)


def test_an_address_keeps_its_letters_in_a_link():
    html = RENDER(markdown.link("a & b", "https://a.example/?a=1&copy;=2&b=(x)"))

    assert links(html) == {"https://a.example/?a=1&copy;=2&b=(x)"}
    assert markdown.link("a_b", "javascript:alert(1)") == "a\\_b"


def test_the_numbers_of_an_answer_lead_to_its_sources():
    sources = [
        {"number": 1, "title": "Prices", "url": "https://a.example/p", "source": "a.example"},
        {"number": 2, "title": "A note", "url": "", "source": "notes"},
    ]

    html = RENDER(markdown.with_sources("Sodium is cheap. [1][2]\nIt is <b>new</b>. [7]", sources))

    assert (
        '[<a href="https://a.example/p">1</a>][2]' in html and "[7]" in html and "&lt;b&gt;" in html
    )
    assert '<a href="https://a.example/p">Prices</a>, a.example' in html and "A note, notes" in html
