"""What the plain form of a digest says, line by line."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from f.millrace.digest import digest_text
from f.millrace.digest.digest_content import (
    Disagreement,
    Discussion,
    EarlierDigest,
    Headline,
    OwnText,
    Reading,
    Section,
)
from tests.research.test_compose import content


def topic(title: str = "Plant", **changes: Any) -> Section:
    return replace(Section(title, findings=[("It opened.", [])]), **changes)


def lines_of(section: Section) -> list[str]:
    """The lines of a digest's one topic, without the empty ones."""
    lines = digest_text.text(content(sections=[section])).split("\n")
    begin, end = lines.index("1. Plant"), lines.index("WHAT WAS READ")
    return [line for line in lines[begin:end] if line]


def test_a_topic_is_its_title_its_place_and_its_sentences():
    section = topic(
        url="https://a.example/plant",
        site="The Courier",
        age="5 hours ago",
        findings=[("It makes 12 GWh.", [1]), ("It opened.", [])],
        why_it_matters="Batteries get cheaper.",
        own="Shared by Ada",
    )

    assert lines_of(section) == [
        "1. Plant",
        "   The Courier, 5 hours ago",
        "   https://a.example/plant",
        "   Shared by Ada",
        "   It makes 12 GWh. [1] It opened.",
        "   Why it matters: Batteries get cheaper.",
    ]


def test_a_topic_of_which_little_is_known_is_its_title_and_its_sentence():
    assert lines_of(topic()) == ["1. Plant", "   It opened."]


def test_where_it_is_discussed_stands_beside_its_site_and_below_it_the_address():
    talk = Discussion("Hacker News", "https://hn.example/7", 914, 528)
    section = topic(site="Hacker News", talk=talk)

    assert lines_of(section) == [
        "1. Plant",
        "   914 points, 528 comments on Hacker News",
        "   https://hn.example/7",
        "   It opened.",
    ]


def test_an_update_says_so_before_its_title():
    text = digest_text.text(content(sections=[topic(update="Update · Day 2")]))

    assert "\n1. UPDATE · DAY 2\n   Plant\n" in text


def test_the_tenth_topic_has_room_for_its_number():
    text = digest_text.text(content(sections=[topic(f"Plant {n}") for n in range(1, 11)]))

    assert "\n9. Plant 9\n" in text and "\n10. Plant 10\n" in text


@pytest.mark.parametrize(
    ("background", "earlier", "lines"),
    [
        ("It was built.", None, ["   Before: It was built."]),
        ("", EarlierDigest(date(2026, 11, 17), 2, "x"), ["{{earlier 2026-11-17 2}}"]),
        (
            "It was built.",
            EarlierDigest(date(2026, 11, 17), 2, "x"),
            ["   Before: It was built.", "{{earlier 2026-11-17 2}}"],
        ),
        ("", None, []),
    ],
)
def test_what_was_told_before_stands_after_the_sentences(background, earlier, lines):
    section = topic(background=background, earlier=earlier)

    assert lines_of(section)[2:] == lines
    text = digest_text.text(content(sections=[section]))
    assert not lines or f"\n\n{lines[0]}\n" in text


def test_a_disagreement_names_each_side_and_which_is_trusted():
    sides = [
        {"claim": "12 GWh.", "sources": ["A", "B"], "dates": ["18 Nov"], "trusted": True},
        {"claim": "8 GWh.", "sources": ["C"], "dates": [], "trusted": False},
    ]
    known = topic(conflicts=[Disagreement("How much?", sides, "It is later.")])
    even = topic(conflicts=[Disagreement("How much?", sides[1:], "")])

    assert lines_of(known)[2:] == [
        "   SOURCES DISAGREE: How much?",
        "   * 12 GWh. (trusted here: A, B, 18 Nov)",
        "   * 8 GWh. (C)",
        "   It is later.",
    ]
    assert lines_of(even)[-1] == "   Neither side is trusted more than the other."


@pytest.mark.parametrize(
    ("line", "date", "lines"),
    [
        ("It costs less.", "3 May", ["   From your notes: Batteries (3 May)", "   It costs less."]),
        ("It costs less.", "", ["   From your notes: Batteries", "   It costs less."]),
        ("Batteries", "", ["   From your notes: Batteries"]),
        ("", "", ["   From your notes: Batteries"]),
    ],
)
def test_what_the_owner_wrote_stands_below_its_topic(line, date, lines):
    section = topic(related=[OwnText("From your notes", "Batteries", date, line)])

    assert lines_of(section)[2:] == lines


def test_what_is_shared_has_a_heading_of_its_own():
    shared = [OwnText("Shared by Ada", "Batteries", "3 May", "They cost less.")]

    text = digest_text.text(content(shared=shared))

    assert (
        "\n\nSHARED WITH YOU\n---------------\n\n*  Batteries (3 May)\n   They cost less.\n"
        "   Shared by Ada\n"
    ) in text
    assert "SHARED WITH YOU" not in digest_text.text(content())


def test_a_headline_says_where_it_is_from_and_why_it_was_not_read():
    talk = Discussion("Hacker News", "", 3, 0)
    headline = Headline(
        "Bridge", "https://b.example/1", "B", "", "feeds", talk, "not read", "only yours"
    )

    text = digest_text.text(content(headlines=[headline]))

    assert (
        "*  Bridge\n   B, 3 points on Hacker News, not read, only yours\n   https://b.example/1\n"
    ) in text


def test_how_each_source_went_is_told():
    readings = [
        Reading("feeds", "ok", 3, 2, ""),
        Reading("arxiv", "unchanged", 0, 0, ""),
        Reading("hackernews", "failed", 0, 0, "it answered 503"),
        Reading("mastodon", "ok", 1, 0, "one tag is unknown"),
    ]

    text = digest_text.text(content(readings=readings))

    assert (
        "WHAT WAS READ\n-------------\n\n   Feeds: 3 items, 2 new\n   arXiv: nothing new\n"
        "   Hacker News: FAILED. it answered 503\n   Mastodon: 1 item, 0 new. one tag is unknown\n"
    ) in text


def test_the_head_names_the_day_the_edition_and_what_is_to_be_known_first():
    first = digest_text.text(content())
    second = digest_text.text(
        content(number=2, edition="sample", notices=["A fault."], notes=["A note."])
    )

    assert first.startswith("MILLRACE\nWednesday, 18 November 2026\n\nNothing new")
    assert "SAMPLE" not in first
    head, _, _ = second.partition("WHAT WAS READ")
    assert head.startswith(
        "MILLRACE\nWednesday, 18 November 2026, edition 2\n\nTHIS IS THE SAMPLE EDITION: invented"
        " news, none of it of today.\n\n"
    )
    assert head.endswith("\n\n! A fault.\n\nA note.\n\n\n")
    assert "\n{{reply}}\n-- \n" in first and first.endswith("Run run-1.\n")


def test_short_headings_have_a_line_of_twelve_and_long_ones_of_at_most_74():
    sections = [topic("One", theme="Sport"), topic("Two", theme="x" * 80)]

    lines = digest_text.text(content(sections=sections)).split("\n")

    assert lines[lines.index("SPORT") + 1] == "-" * 12
    assert lines[lines.index("X" * 80) + 1] == "-" * 74
