"""The page of a run: what it says of a digest, line by line."""

import bisect

from f.millrace.digest import digest_markdown
from f.millrace.digest.digest_content import (
    Disagreement,
    Discussion,
    Headline,
    Reading,
    Reference,
    Section,
)
from tests.research.test_compose import content


def test_the_page_tells_a_topic_in_the_order_of_the_mail():
    sides = [
        {
            "claim": "12 GWh.",
            "sources": ["A", "B"],
            "links": ["", ""],
            "dates": [],
            "trusted": True,
        },
        {"claim": "8 GWh.", "sources": ["C"], "links": [""], "dates": [], "trusted": False},
    ]
    section = Section(
        "Plant",
        url="https://a.example/plant",
        site="The Courier",
        age="5 hours ago",
        talk=Discussion("Hacker News", "https://hn.example/7", 2, 0),
        update="Update",
        own="Shared by Ada",
        findings=[("It makes 12 GWh.", [1, 7]), ("It opened.", [])],
        why_it_matters="It is cheap.",
        background="It was built.",
        support="One source",
        conflicts=[Disagreement("How much?", sides, "It is later.")],
        references=[Reference(1, "Page", "https://b.example/1", "b.example", "18 Nov", "web", "B")],
    )

    page = digest_markdown.page(content(number=2, sections=[section], notices=["A fault."]))

    assert page.split("\n\n") == [
        "## Wednesday, 18 November 2026, edition 2",
        "1 topic, 1-minute read, out of 3 items.",
        "**A fault.**",
        "### 1. [Plant](<https://a.example/plant>)",
        "**Update**",
        "The Courier, 5 hours ago, [2 points on Hacker News](<https://hn.example/7>)",
        "**Shared by Ada**",
        "It makes 12 GWh. \\[[1](<https://b.example/1>)\\]\\[7\\] It opened.",
        "*Why it matters:* It is cheap.",
        "*Before:* It was built.",
        "**Sources disagree:** How much? It is later.",
        "- 12 GWh. **Trusted here.** A, B\n- 8 GWh. C",
        "*One source*",
        "- \\[1\\] [Page](<https://b.example/1>) B, 18 Nov",
        "Written by the offline extractive model: sentences picked from the sources, none composed"
        " by a language model. It cost $0.12. Run run-1.",
    ]


def test_a_bare_topic_has_no_empty_parts():
    page = digest_markdown.page(content(sections=[Section("Plant", findings=[("It opened.", [])])]))

    assert page.split("\n\n")[1:4] == [
        "1 topic, 1-minute read, out of 3 items.",
        "### 1. Plant",
        "It opened.",
    ]


def test_topics_stand_below_their_themes_and_keep_counting():
    sections = [
        Section(title, theme=theme, findings=[("So.", [])])
        for title, theme in (("One", "A"), ("Two", ""), ("Three", "A"))
    ]

    page = digest_markdown.page(content(sections=sections))
    single = digest_markdown.page(content(sections=sections[:1]))

    heads = [line for line in page.split("\n\n") if line.startswith("#")]
    assert heads[1:] == ["## A", "### 1. One", "### 2. Three", "## More", "### 3. Two"]
    assert "## A" not in single


def test_what_failed_and_what_is_also_new_come_last():
    shown = content(
        edition="sample",
        headlines=[
            Headline("Bridge", "https://b.example/1", "B", unread="not read", own="yours"),
            Headline("Note", "", ""),
        ],
        readings=[Reading("feeds", "ok", 1, 1, ""), Reading("arxiv", "failed", 0, 0, "503")],
        notes=["A note."],
    )

    parts = digest_markdown.page(shown).split("\n\n")

    assert parts[1].startswith("**Sample edition:**")
    assert parts[3:8] == [
        "#### Also new",
        "- [Bridge](<https://b.example/1>) B, not read, yours\n- Note",
        "A note.",
        "#### Sources down",
        "- arXiv: 503",
    ]


def test_only_what_is_too_long_is_shortened():
    def page(letters: int) -> str:
        headline = Headline("Bridge " + "x" * 60, "https://b.example/1", "B")
        return digest_markdown.page(content(headlines=[headline] * letters))

    # Two thirds of what the viewer shows: 20,000 characters.
    longest = bisect.bisect_left(range(400), True, key=lambda n: "Shortened" in page(n)) - 1

    assert 19_800 < len(page(longest)) <= 20_000 and "Shortened" not in page(longest)
    assert "Shortened to fit" in page(longest + 1) and "Also new" not in page(longest + 1)
