"""What the HTML form of a digest says, read without its tags."""

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any

import pytest

from f.millrace.digest import digest_html
from f.millrace.digest.digest_content import (
    Disagreement,
    Discussion,
    EarlierDigest,
    Headline,
    OwnText,
    Reading,
    Reference,
    Section,
)
from scripts.docs import digest_picture
from tests.research.test_compose import content

CHROMIUM = next((found for name in digest_picture.BROWSERS if (found := shutil.which(name))), None)


def topic(title: str = "Plant", **changes: Any) -> Section:
    return replace(Section(title, findings=[("It opened.", [])]), **changes)


def words(html: str) -> str:
    bare = re.sub(r"<(?:br|/p|/h\d|/td)[^>]*>", "|", html)
    return unescape(re.sub(r"<[^>]+>", "", bare)).replace("\xa0", " ")


READINGS = [Reading("feeds", "ok", 3, 2, ""), Reading("arxiv", "ok", 1, 0, "")]
DOWN = [Reading("feeds", "failed", 0, 0, "503"), Reading("arxiv", "failed", 0, 0, "404")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Nothing new to tell. 4 items were read, none of them new to you."),
        (
            {"since": "3 May"},
            "Nothing new to tell since 3 May. 4 items were read, none of them new to you.",
        ),
        (
            {"headlines": [Headline("x", "", "")]},
            "Nothing new to tell. Of 4 items none could be told as a topic; the new ones are"
            " listed.",
        ),
        ({"shared": [OwnText("", "x", "", "")]}, "1 item shared with you."),
        (
            {"shared": [OwnText("", "x", "", "")] * 2, "since": "3 May"},
            "2 items shared with you since 3 May.",
        ),
        ({"sections": [topic()]}, "1 topic, 1-minute read, out of 4 items."),
        (
            {"sections": [topic()] * 2, "since": "3 May"},
            "2 topics, 1-minute read, out of 4 items since 3 May.",
        ),
        (
            {"sections": [topic()], "readings": [Reading("feeds", "ok", 1, 1, ""), DOWN[1]]},
            "1 topic, 1-minute read, out of 1 item. Not read: arXiv.",
        ),
        (
            {"sections": [topic()], "readings": [Reading("feeds", "unchanged", 0, 0, "")]},
            "1 topic, 1-minute read.",
        ),
        (
            {"readings": DOWN},
            "None of the 2 sources could be read, so there is no news in this digest. Below is what"
            " each of them answered.",
        ),
        (
            {"readings": DOWN[:1]},
            "Feeds could not be read, so there is no news in this digest. Below is what it"
            " answered.",
        ),
    ],
)
def test_the_first_sentence_says_how_much_there_is(changes, said):
    assert digest_html.opening_line(content(**{"readings": READINGS, **changes})) == said


@pytest.mark.parametrize(
    ("model", "writers", "said"),
    [
        (
            "offline",
            {"offline": 2},
            "Written by the offline extractive model: sentences picked from the sources, none"
            " composed by a language model.",
        ),
        ("", {}, "No model wrote anything in it."),
        ("a:b", {"a:b": 2}, "Written by a:b; each sentence cites what it was taken from."),
        (
            "a:b, offline",
            {"a:b": 2, "offline": 1},
            "Written by 2 topics by a:b, 1 topic picked from the sources by the offline model; each"
            " sentence cites what it was taken from.",
        ),
    ],
)
def test_the_last_lines_say_who_wrote_it_and_what_it_cost(model, writers, said):
    shown = content(model=model, writers=writers)

    assert digest_html.closing_lines(shown) == [said, "It cost $0.12.", "Run run-1."]
    sample = replace(shown, edition="sample")
    assert digest_html.closing_lines(sample)[:2] == ["This is the sample edition.", said]


def test_beside_the_subject_stand_the_next_three_topics():
    titles = ["One", "Two", "Three", "x" * 30 + " " + "y" * 30, "Five"]

    many = digest_html.preheader(content(sections=[topic(title) for title in titles]))
    single = digest_html.preheader(content(sections=[topic("One")]))

    assert many.startswith(f"Also: Two; Three; {'x' * 30}…. 5 topics")
    assert single.startswith("1 topic")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/x", True),
        ("http://a.example/x", True),
        ("ftp://a.example/x", False),
        ("https://", False),
        ("https://ada@a.example/", False),
        ("https://ada:secret@a.example/", False),
        ("javascript:alert(1)", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_a_mail_links_to_web_pages_only(url, safe):
    assert digest_html.is_safe(url) is safe


def test_a_topic_tells_its_parts_in_order():
    section = topic(
        url="https://a.example/plant",
        rank=3,
        site="The Courier",
        age="5 hours ago",
        talk=Discussion("Hacker News", "https://hn.example/7", 2, 0),
        own="Shared by Ada",
        findings=[("It makes 12 GWh.", [1]), ("It opened.", [2])],
        why_it_matters="It is cheap.",
        background="It was built.",
        earlier=EarlierDigest(date(2026, 11, 17), 2, "yesterday"),
        support="Two sources",
        related=[OwnText("From your notes", "Batteries", "3 May", "They cost less.")],
        references=[
            Reference(1, "Page", "https://www.b.example/1", "b.example", "18 Nov", "web", "B"),
            Reference(2, "Note", "", "", "", "notes", "Your notes"),
        ],
    )

    html = digest_html.page(content(sections=[section]))

    told = words(html)
    parts = [
        "Plant|",
        "The Courier · 5 hours ago · 2 points on Hacker News|",
        "Shared by Ada|",
        "It makes 12 GWh. [1] It opened. [2]|",
        "Why it matters. It is cheap.|",
        "Before. It was built. See yesterday’s digest.|",
        "Two sources|",
        "1|Page|B, 18 Nov|",
        "2|Note|Your notes|",
        "From your notes: Batteries, 3 May|They cost less.|",
        "3|",
    ]
    begin = told.rindex("1-minute read")
    places = [told.find(part, begin) for part in parts]
    assert -1 not in places and places == sorted(places), list(zip(parts, places, strict=True))
    assert 'href="https://www.b.example/1" title="b.example"' in html
    assert '<p class="reply">3</p>' in html and '<p class="reply">0</p>' in html
    assert '<span class="num soft">[2]</span>' in html
    assert 'href="https://digest.invalid/2026-11-17/2"' in html


def test_a_bare_topic_has_no_empty_parts():
    html = digest_html.page(content(sections=[topic()]))

    for part in (
        "Before.",
        "Why it matters",
        'class="meta',
        'class="ref',
        'class="own',
        "class=eye",
    ):
        assert part not in html
    assert html.count('class="reply"') == 1


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("yesterday", "See yesterday’s digest."),
        ("Monday", "See Monday’s digest."),
        ("3 May", "See the digest of 3 May."),
    ],
)
def test_an_earlier_digest_is_named_by_its_day(when, said):
    section = topic(earlier=EarlierDigest(date(2026, 11, 17), 1, when))

    assert f"Before. {said}|" in words(digest_html.page(content(sections=[section])))


@pytest.mark.parametrize(("unreviewed", "kind"), [(True, "warn"), (False, "soft")])
def test_how_well_a_topic_is_supported_stands_above_its_sources(unreviewed, kind):
    section = topic(
        findings=[("It opened.", [1, 2])],
        unreviewed=unreviewed,
        references=[
            Reference(1, "Page", "", "b.example", "", "web"),
            Reference(2, "Other", "", "c.example", "", "web"),
        ],
    )

    html = digest_html.page(content(sections=[section]))
    named = digest_html.page(content(sections=[replace(section, support="One source")]))

    assert f'<p class="label {kind}">Sources</p>' in html
    assert f'<p class="label {kind}">One source</p>' in named


def test_a_disagreement_shows_which_side_is_trusted():
    sides = [
        {
            "claim": "12.",
            "sources": ["A", "B"],
            "links": ["https://a.example/", ""],
            "dates": ["18"],
            "trusted": True,
        },
        {"claim": "8.", "sources": ["C"], "links": [""], "dates": [], "trusted": False},
    ]
    known = topic(conflicts=[Disagreement("How much?", sides, "It is later.")])
    even = topic(conflicts=[Disagreement("How much?", sides[1:], "")])

    html = digest_html.page(content(sections=[known]))

    assert "Sources disagree|How much?|12.|Trusted here. A, B, 18|" in words(html)
    assert "8.|C|" in words(html) and "|It is later.|" in words(html)
    assert html.count('class="strong"') == 1 == html.count('class="edge"')
    assert re.search(r'<a class="soft" href="https://a.example/"[^>]*>A</a>, B', html)
    assert "Neither side is trusted more than the other." in digest_html.page(
        content(sections=[even])
    )


def test_what_is_shared_and_what_is_also_new_have_parts_of_their_own():
    talk = Discussion("Hacker News", "https://hn.example/7", 3, 0)
    shown = content(
        headlines=[
            Headline("Bridge", "https://b.example/1", "B", "", "feeds", talk, "not read", "yours"),
            Headline("Note", "", "Your notes"),
        ],
        shared=[OwnText("Shared by Ada", "Batteries", "3 May", "Batteries")],
    )

    html = digest_html.page(shown)

    assert "Shared with you|Batteries, 3 May|Shared by Ada|" in words(html)
    assert "Also new|Bridge|B · 3 points on Hacker News · not read · yours|Note|Your notes|" in (
        words(html)
    )
    assert '<a class="head ink" href="https://b.example/1"' in html
    assert '<span class="head ink">Note</span>' in html
    assert "Shared with you" not in digest_html.page(content())
    assert "Also new" not in digest_html.page(content())


def test_how_each_source_went_is_told():
    readings = [
        *READINGS,
        Reading("mastodon", "unchanged", 0, 0, ""),
        Reading("hackernews", "failed", 0, 0, "it answered 503"),
    ]

    told = words(digest_html.page(content(readings=readings)))

    assert (
        "What was read|Feeds|3 items, 2 new|arXiv|1 item, 0 new|Mastodon|nothing new|Hacker News"
        "|Failed. it answered 503|"
    ) in told


def test_what_is_to_be_known_first_stands_in_boxes_at_the_head():
    shown = content(edition="sample", readings=DOWN, notices=["A fault."], notes=["A note."])

    told = words(digest_html.page(shown))
    plain = words(digest_html.page(content(readings=READINGS)))

    for part in ("Sample edition. Invented", "No source could be read. Nothing", "A fault.|",
                 "A note.|"):  # fmt: skip
        assert part in told and part not in plain


def test_the_edition_is_named_from_the_second_on():
    assert "edition" not in words(digest_html.page(content()))
    assert "Wednesday, 18 November 2026, edition 2|" in words(digest_html.page(content(number=2)))


def test_the_first_topic_of_a_theme_has_no_line_above_it():
    one = [topic("One"), topic("Two")]
    themes = [topic("One", theme="A"), topic("Two", theme="B"), topic("Three", theme="A")]

    # The parts behind the topics have one as well.
    bare = digest_html.page(content()).count('class="rule"')
    assert digest_html.page(content(sections=one)).count('class="rule"') == bare + 1
    assert digest_html.page(content(sections=themes)).count('class="rule"') == bare + 1


@pytest.mark.skipif(
    CHROMIUM is None, reason=f"no browser: install one of {', '.join(digest_picture.BROWSERS)}"
)
def test_no_word_makes_the_page_wider_than_a_phone(tmp_path):
    # Beyond the edge, what is written from right to left would begin where nobody looks.
    long = "Donaudampfschifffahrts" * 8
    side = {"claim": long, "dates": [], "sources": [long], "links": [""], "trusted": True}
    reference = Reference(1, long, "https://a.example/", "a.example", "", "web", long)
    section = topic(long, site=long, background=long, support=long, findings=[(long, [1])],
                    references=[reference], conflicts=[Disagreement(long, [side], long)],
                    why_it_matters=long, own=long, related=[OwnText(long, long, "", long)],
                    talk=Discussion(long, "https://b.example/", 3, 4, long))  # fmt: skip
    html = digest_html.page(
        content(sections=[section], headlines=[Headline(long, "https://a.example/", long)],
                notices=[long], notes=[long], readings=[Reading(long, "failed", 0, 0, long)])
    )  # fmt: skip
    tell = "<script>document.title = document.documentElement.scrollWidth</script>"
    (tmp_path / "mail.html").write_text(html + tell)

    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--window-size=500,900",
         f"--user-data-dir={tmp_path}/profile", "--dump-dom", f"file://{tmp_path}/mail.html"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert "<title>500</title>" in done.stdout


@pytest.mark.parametrize(
    ("publishers", "said"),
    [
        (["a", "b"], "Each topic has one source, which no other confirms."),
        (["a", "ab"], "1 of 2 topics has one source, which no other confirms."),
        (["a"], "The topic has one source, which no other confirms."),
        (["ab"], ""),
        ([], ""),
    ],
)
def test_that_nobody_confirms_a_topic_is_said_once(publishers, said):
    sections = [
        topic(
            findings=[("It opened.", [1])],
            references=[Reference(1, "P", "", host, "", "web") for host in hosts],
        )
        for hosts in publishers
    ]

    lines = digest_html.closing_lines(content(sections=sections))

    assert [line for line in lines if "confirms" in line] == ([said] if said else [])


def test_a_source_alone_needs_no_word_above_it():
    reference = Reference(1, "Page", "https://b.example/1", "b.example", "3 May", "web", "B")
    section = topic(findings=[("It opened.", [1])], references=[reference])

    html = digest_html.page(content(sections=[section]))

    assert '<p class="label' not in html and "https://b.example/1" in html
