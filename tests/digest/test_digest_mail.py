"""What a mail leaves out of what others wrote, and of what does not fit."""

import bisect
from dataclasses import replace
from typing import Any

import pytest

from f.millrace.digest import digest_mail
from f.millrace.digest.digest_content import (
    Disagreement,
    Discussion,
    Headline,
    OwnText,
    Reading,
    Reference,
    Section,
)
from tests.research.test_compose import content

LONG = "words " * 400


def clean(**changes: Any) -> Section:
    section = replace(Section("Plant", findings=[("It opened.", [])]), **changes)
    return digest_mail.sanitise_content(content(sections=[section])).sections[0]


def test_what_others_wrote_has_a_longest_length():
    side = {"claim": LONG, "sources": [LONG], "links": ["x"], "dates": [LONG], "trusted": False}
    reference = Reference(1, LONG, "https://a.example/", LONG, LONG, "web", LONG)
    own = OwnText(LONG, LONG, "", LONG)
    section = clean(
        title=LONG,
        theme=LONG,
        site=LONG,
        own=LONG,
        talk=Discussion(LONG, "", 1, 1, LONG),
        background=LONG,
        related=[own],
        references=[reference],
        conflicts=[Disagreement(LONG, [side], LONG)],
    )
    (shown,) = section.references
    (written,) = section.related
    (conflict,) = section.conflicts
    assert section.talk is not None

    assert (len(section.title), len(section.theme), len(section.site), len(section.own)) == (
        (200, 60, 100, 200)
    )
    assert (len(section.talk.site), len(section.talk.title)) == (100, 200)
    assert (len(shown.title), len(shown.host), len(shown.date), len(shown.site)) == (
        (200, 100, 40, 100)
    )
    assert (len(written.origin), len(written.title)) == (200, 200)
    assert len(conflict.sides[0]["dates"][0]) == 40
    for text in (section.background, written.line, conflict.question, conflict.why):
        assert 1190 < len(text) <= 1200 and text.endswith("words…")


def test_a_headline_and_the_words_of_a_source_have_a_longest_length():
    shown = digest_mail.sanitise_content(
        content(
            headlines=[Headline(LONG, "", LONG, unread=LONG, own=LONG)],
            readings=[Reading("feeds", "failed", 0, 0, LONG)],
        )
    )

    (headline,) = shown.headlines
    assert headline.title == "words " * 22 + "words…"
    assert (len(headline.site), len(headline.unread), len(headline.own)) == (100, 160, 200)
    assert len(shown.readings[0].error) == 300


@pytest.mark.parametrize(("letters", "cut"), [(1200, False), (1201, True)])
def test_a_text_of_others_has_at_most_1200_letters(letters, cut):
    background = "a " + "x" * (letters - 2)

    assert clean(background=background).background == ("a…" if cut else background)


def test_a_title_without_words_is_called_so():
    blank = "\u200b \u202e"
    headline = Headline(blank, "", "")
    reference = Reference(1, blank, "", "", "", "web")

    assert clean(title=blank).title == "(a title without words)"
    assert clean(references=[reference]).references[0].title == "(a title without words)"
    shown = digest_mail.sanitise_content(content(headlines=[headline]))
    assert shown.headlines[0].title == "(a title without words)"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/x", True),
        ("https://a.example/" + "x" * 1482, True),
        ("https://a.example/" + "x" * 1483, False),
        ("https://a.example/a b", False),
        ('https://a.example/"', False),
        ("https://a.example/<b>", False),
        ("https://digest.invalid/2026-11-17/1", False),
        ("https://DIGEST.invalid/2026-11-17/1", False),
    ],
)
def test_an_address_that_is_no_link_is_left_out(url, kept):
    expected = url if kept else ""

    assert clean(url=url).url == expected
    assert clean(references=[Reference(1, "x", url, "", "", "web")]).references[0].url == expected
    assert clean(talk=Discussion("x", url, 1, 1)).talk == Discussion("x", expected, 1, 1)
    shown = digest_mail.sanitise_content(content(headlines=[Headline("x", url, "")]))
    assert shown.headlines[0].url == expected


def test_a_site_keeps_its_host_where_the_link_leads_there():
    own, other = "a.example", "b.example"

    assert clean(url="https://a.example/x", site=own).site == own
    assert clean(url="https://a.example/x", site=other).site == "b[.]example"


def test_others_cannot_write_the_marks_of_a_digest():
    assert clean(background="{{reply}}").background == "{ {reply}}"


@pytest.mark.parametrize(
    ("title", "html", "plain"),
    [
        pytest.param("C++: <concepts>", "C++: &lt;concepts&gt;", "C++: <concepts>", id="header"),
        pytest.param(
            "The <dialog> tag", "The &lt;dialog&gt; tag", "The <dialog> tag", id="element"
        ),
        pytest.param(
            '<img src="https://a.example/x">',
            '&lt;img src="a[.]example"&gt;',
            '<img src="a[.]example">',
            id="address in it",
        ),
    ],
)
def test_what_looks_like_a_tag_in_a_title_is_shown(title, html, plain):
    named = replace(Section("Plant", findings=[("It opened.", [])]), title=title)
    made = digest_mail.render(content(sections=[named], headlines=[Headline(title, "", "")]))

    assert made.html.replace("&quot;", '"').count(html) >= 2
    assert made.plain.count(plain) == 2 and title not in made.html
    assert plain in made.subject


def test_a_line_of_others_is_one_line():
    assert clean(background="one\n\n two\tthree").background == "one two three"


def test_what_is_left_out_to_fit_is_least_important_first():
    words = "word " * 200
    side = {"claim": "x", "sources": [], "links": [], "dates": [], "trusted": False}
    section = Section(
        "Plant",
        background="Background.",
        why_it_matters="It matters.",
        findings=[(words, [1]), (words, [2]), (words, [1]), (words, [2])],
        conflicts=[Disagreement(f"Question {n}", [side], "") for n in range(3)],
        references=[Reference(n, f"Page {n}", "", "", "", "web") for n in (1, 2)],
        related=[OwnText("From your notes", "A note", "", "")],
    )
    shown = content(
        sections=[section] * 10,
        headlines=[Headline("Bridge", "", "")],
        shared=[OwnText("Shared by Ada", f"Item {n}", "", "") for n in range(5)],
        notes=[f"Note {n}" for n in range(9)],
    )

    drop_headlines, fewer_sentences, fewer_topics, titles_only = digest_mail.SHORTER

    drop_headlines(shown)
    assert (len(shown.headlines), len(shown.shared)) == (0, 3)
    assert shown.notes[-1].startswith("Shortened to fit a mail")
    fewer_sentences(shown)
    assert len(section.findings) == 2 == len(section.conflicts)
    assert (section.background, section.related) == ("", []) and section.why_it_matters
    fewer_topics(shown)
    assert len(shown.sections) == 8
    assert shown.notes[-1] == "Left out to fit a mail: 2 more topics."
    titles_only(shown)
    assert len(section.findings) == 1 == len(section.references) and not section.conflicts
    assert len(section.findings[0][0]) <= 300 and not section.why_it_matters
    assert len(shown.notes) == 5 and shown.notes[-1].startswith("Left out")


def test_eight_topics_leave_none_out():
    shown = content(sections=[Section("Plant")] * 8)

    digest_mail.SHORTER[2](shown)

    assert len(shown.sections) == 8 and shown.notes == []


def test_what_fits_is_not_shortened():
    small = content(headlines=[Headline("Bridge", "", "")])

    assert "Also new" in digest_mail.render(small).html
    assert "Shortened" not in digest_mail.render(small).plain


def test_room_is_kept_for_the_links_of_each_topic():
    """80,000 bytes, less 900 for each topic and 900 for the digest."""
    section = Section("Plant", findings=[("It opened.", [])])

    def rendered(headlines: int) -> digest_mail.Digest:
        many = [Headline("B" * 100, "https://b.example/1", "B")] * headlines
        return digest_mail.render(content(sections=[section] * 20, headlines=many))

    # The first number of headlines that does not fit.
    most = bisect.bisect_left(range(400), True, key=lambda n: "Shortened" in rendered(n).html)

    size = len(rendered(most - 1).html.encode())
    assert 80_000 - 21 * 900 - 500 < size <= 80_000 - 21 * 900
