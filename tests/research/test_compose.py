import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from f.millrace.core import db
from f.millrace.core.errors import SourceFailed
from f.millrace.digest import content_loader, run_plan
from f.millrace.digest.digest_content import (
    Content,
    Disagreement,
    Headline,
    Reading,
    Reference,
    Section,
)
from f.millrace.digest.digest_mail import MAX_BYTES, render
from f.millrace.research import compose
from f.millrace.trust import recipients
from tests.research.conftest import NOW, conflicting, item


def digest(run_id: str) -> dict:
    return db.fetch_one("SELECT * FROM digest WHERE run_id = %s", [run_id])


def content(**changes) -> Content:
    plain = Content(
        "daily",
        1,
        date(2026, 11, 18),
        "UTC",
        "offline",
        0.12,
        "run-1",
        "",
        [],
        [],
        [Reading("feeds", "ok", 3, 2, "")],
    )
    return replace(plain, **changes)


def section(text: str, url: str = "https://a.example/b") -> Section:
    side = {"claim": text, "dates": [text], "sources": [text], "trusted": True, "links": [url]}
    return Section(
        text,
        rank=1,
        url=url,
        site=text,
        background=text,
        why_it_matters=text,
        confidence=50,
        unreviewed=True,
        support=text,
        findings=[(text, [1, 2])],
        conflicts=[Disagreement(text, [side], text)],
        references=[Reference(1, text, url, text, text, text, text)],
    )


def test_each_finding_has_links_and_dates(pipeline, two_stories):
    run_id = pipeline.until_compose()

    row = digest(run_id)
    assert 'href="https://news.example/' in row["html"] and "18 Nov 2026" in row["html"]
    assert "It is said that Sodium batteries keep their charge in deep winter. [1]" in " ".join(
        row["plain"].split()
    )
    assert "offline extractive model" in row["html"] and "It cost $0.00" in row["plain"]


def test_low_confidence_is_marked_and_conflicts_show_both_sides(pipeline, two_stories, researcher):
    researcher["Sodium batteries keep their charge in deep winter"] = conflicting

    row = digest(pipeline.until_compose())

    for part in (
        "Read with care. ",
        "The plant makes 12 GWh.",
        "The plant makes 8 GWh.",
        "Trusted here.",
        "It is the later report.",
    ):
        assert part in row["html"]
    assert "Read with care. " in row["plain"] and "SOURCES DISAGREE" in row["plain"]


def test_all_sources_down_gives_a_digest_that_says_so(pipeline, offered):
    offered.update(hackernews=SourceFailed("no route to host"), feeds=SourceFailed("timed out"))

    row = digest(pipeline.until_compose())

    assert row["subject"] == "No source could be read (18 Nov)"
    assert (
        "No source could be read" in row["html"]
        and "no route to host" in row["html"]
        and "timed out" in row["plain"]
    )


def test_an_empty_day_says_so(pipeline):
    row = digest(pipeline.until_compose())

    assert row["subject"] == "Nothing new (18 Nov)" and "Nothing new to tell" in row["html"]


def test_a_source_that_failed_is_named(pipeline, two_stories, offered):
    offered["feeds"] = SourceFailed("https://feed.example answered 500")

    row = digest(pipeline.until_compose())

    assert "feed[.]example answered 500" in row["html"] and "Not read: Feeds" in row["plain"]


def test_a_topic_that_could_not_be_researched_is_still_shown(pipeline, two_stories, researcher):
    researcher["Sodium batteries keep their charge in deep winter"] = RuntimeError("model gone")

    assert "could not be researched" in digest(pipeline.until_compose())["html"]


def test_a_sentence_without_stored_evidence_is_not_published(pipeline, two_stories, researcher):
    def invented(found, _):
        found.findings[0].citations = ["ev_invented"]
        return found

    researcher["Sodium batteries keep their charge in deep winter"] = invented

    assert "It is said that Sodium" not in digest(pipeline.until_compose())["html"]


def test_the_sample_says_everywhere_that_it_is_one(pipeline, two_stories):
    row = digest(pipeline.until_compose(sample=True))

    assert row["subject"].startswith("[Sample]")
    assert "Sample edition" in row["html"] and "SAMPLE EDITION" in row["plain"]


def test_each_window_gets_a_digest_of_what_is_new_to_it(pipeline, two_stories, offered, clock):
    pipeline.run()
    recipients.add("bob@home.example")
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [item("5", "A bridge of paper carries a truck", hours=-20)]

    run_id = pipeline.until_compose()

    rows = {
        row["recipients"][0]: row["html"]
        for row in db.fetch_all("SELECT * FROM digest WHERE run_id = %s", [run_id])
    }
    assert (
        "A bridge of paper" in rows["bob@home.example"]
        and "A bridge of paper" in rows["ada@home.example"]
    )
    assert "Sodium batteries" not in rows["ada@home.example"]


def test_a_repeat_changes_nothing(pipeline, two_stories, clock):
    run_id = pipeline.until_compose()
    before = digest(run_id)
    clock(NOW + timedelta(hours=1))

    compose.main(run_id)

    assert digest(run_id) == before


def test_a_long_digest_is_shortened_and_says_so():
    long = (
        "A sentence that goes on about very much the same for a long while, without an end in"
        " sight. " * 12
    )
    made = render(content(sections=[section(long) for _ in range(20)]))

    assert len(made.html.encode()) <= MAX_BYTES and len(made.plain.encode()) <= MAX_BYTES
    assert "Shortened to fit a mail" in made.html


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


NASTY = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            '"><script>alert(1)</script>',
            "<img src=x onerror=1>",
            "javascript:alert(1)",
            "</td></table>",
            "a\u202eb",
            "http://[",
            "-->",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(NASTY, NASTY)
def test_untrusted_text_loads_nothing_and_runs_nothing(text, url):
    made = render(
        content(
            sections=[section(text, url)],
            notes=[text],
            headlines=[Headline(text, url, text, text, text, None, text)],
        )
    )

    reader = Reader()
    reader.feed(made.html)
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "table",
        "tbody",
        "tr",
        "td",
        "h1",
        "h2",
        "h3",
        "i",
        "p",
        "span",
        "a",
        "b",
        "br",
    }
    assert set(reader.tags) <= allowed
    assert not [
        name
        for name, _ in reader.attributes
        if name.startswith("on") or name in ("src", "background")
    ]
    assert all(
        re.match(r"https?://", value or "") for name, value in reader.attributes if name == "href"
    )
    assert "url(" not in "".join(
        value or "" for name, value in reader.attributes if name == "style"
    )
    assert "\u202e" not in made.html and "\n" not in made.subject


def test_only_the_parts_of_html_that_mail_readers_honour():
    made = render(content(sections=[section("Text")]))

    assert "flex" not in made.html and "grid" not in made.html and "url(" not in made.html
    # Gmail drops a style sheet of more than 8,192 characters.
    assert all(len(sheet) < 8192 for sheet in re.findall(r"<style>(.*?)</style>", made.html, re.S))
    assert "max-width:640px;margin:0 auto" in made.html and "viewport" in made.html


def test_the_plain_digest_has_each_part_with_its_address():
    told = section("Sodium", "https://a.example/sodium")
    without_address = Headline("A note of mine", "", "Your notes")
    headline = Headline("A bridge opens", "https://b.example/bridge", "B", "", "feeds")

    plain = render(content(sections=[told], headlines=[headline, without_address])).plain
    bare = render(content(sections=[told])).plain

    assert "\n   https://a.example/sodium\n" in plain
    # The headline of its own page stands above.
    assert "\n   [1] Sodium (Sodium)\n" in plain and plain.count("https://a.example/sodium") == 1
    assert "\n*  A bridge opens\n   B\n   https://b.example/bridge\n" in plain
    assert plain.count("A note of mine") == 1
    assert "ALSO NEW" in plain and "ALSO NEW" not in bare


def test_further_news_are_of_this_namespace_its_sources_and_its_time_and_can_be_opened(
    pipeline, two_stories
):
    run_id = pipeline.until_compose()
    columns = "id source_key source title url namespace first_seen_at last_seen_at".split()
    for title, changes in {
        "A ferry leaves": {},
        "Elsewhere": {"namespace": "'other'"},
        "Unread": {"source": "'mastodon'"},
        "Unopened": {"url": "''"},
        "Later": {"first_seen_at": "first_seen_at + interval '1 day'"},
    }.items():
        own = dict.fromkeys(("id", "source_key", "title"), f"'{title}'")
        values = {**{each: each for each in columns}, **own, "url": "'https://x.example/'"}
        values.update(changes)
        db.execute(
            f"INSERT INTO source_item ({', '.join(columns)}) SELECT {', '.join(values.values())}"
            " FROM source_item ORDER BY id LIMIT 1"
        )

    opened = run_plan.load(run_id)
    found = content_loader.load(run_id, opened, opened.windows[0])

    assert len(found.sections) == 2
    assert [reference.title for reference in found.headlines] == ["A ferry leaves"]


def test_a_notice_shows_the_address_that_is_set_and_no_other(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/models")
    said = (
        "x failed: no /v1 at its end: try http://127.0.0.1:9/models/v1, see https://evil.example/a"
    )

    plain = " ".join(render(content(notices=[said])).plain.split())

    assert "try http://127.0.0.1:9/models/v1, see evil[.]example" in plain
