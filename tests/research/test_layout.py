"""What a reader sees of a topic: where it is from, whether it goes on, how well it is supported."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from f.millrace.core import db
from f.millrace.digest import headlines, site_names, wrapping
from f.millrace.digest.digest_content import (
    Disagreement,
    Discussion,
    EarlierDigest,
    Headline,
    Reference,
    Section,
)
from f.millrace.digest.digest_mail import render
from f.millrace.research import compose, show_digest
from tests.research.conftest import NOW, conflicting, item
from tests.research.test_compose import content, digest

SODIUM = "Sodium batteries keep their charge in deep winter"


def told(**changes) -> Section:
    plain = Section(
        "A plant opens",
        rank=1,
        url="https://a.example/plant",
        site="The Courier",
        age="5 hours ago",
        support="One source only",
        findings=[("The plant makes 12 GWh.", [1]), ("It opened on Monday.", [1])],
        references=[
            Reference(
                1,
                "The plant",
                "https://a.example/plant",
                "a.example",
                "18 Nov 2026",
                "web",
                "The Courier",
            )
        ],
    )
    return replace(plain, **changes)


def headings(html: str) -> list[str]:
    return re.findall(r"<h2.*?</h2>", html)


def change(table: str, run_id: str, **columns) -> None:
    names = ", ".join(f"{name} = %s" for name in columns)
    db.execute(f"UPDATE {table} SET {names} WHERE run_id = %s", [*columns.values(), run_id])


def recompose(run_id: str) -> dict:
    db.execute("DELETE FROM digest WHERE run_id = %s", [run_id])
    compose.main(run_id)
    return digest(run_id)


def test_the_headline_leads_to_the_main_item_and_its_discussion(pipeline, offered):
    offered["hackernews"] = [
        item(
            "1",
            "A plant opens",
            hours=5,
            score=914,
            comments_url="https://news.ycombinator.com/item?id=7",
            extra={"comments": 528},
        )
    ]

    row = digest(pipeline.until_compose())

    (heading,) = headings(row["html"])
    assert 'href="https://site-1.example/1"' in heading and "A plant opens" in heading
    assert 'href="https://news.ycombinator.com/item?id=7"' in row["html"]
    for form in (row["html"], " ".join(row["plain"].split())):
        assert "914 points, 528 comments on Hacker News" in form
    assert "site-1.example, 5 hours ago, 914 points" in " ".join(row["plain"].split())


def test_findings_are_one_paragraph_of_at_most_four_sentences():
    findings = [(f"Sentence number {number}.", [1]) for number in range(1, 7)]

    made = render(content(sections=[told(findings=findings)]))

    (prose,) = re.findall(r'<p class="prose[^>]*>(.*?)</p>', made.html)
    assert [f"number {n}." in prose for n in range(1, 7)] == [True] * 4 + [False] * 2


def test_sentences_in_a_row_from_one_source_are_cited_once():
    findings = [("One.", [1]), ("Two.", [1]), ("Three.", [2]), ("Four.", [1])]

    made = render(content(sections=[told(findings=findings)]))

    assert "   One. Two. [1] Three. [2] Four. [1]\n" in made.plain
    (prose,) = re.findall(r'<p class="prose[^>]*>(.*?)</p>', made.html)
    assert re.sub(r"<[^>]+>", "", prose) == "One. Two.&nbsp;[1] Three.&nbsp;[2] Four.&nbsp;[1]"


def test_sources_have_the_names_of_their_pages(pipeline, two_stories):
    run_id = pipeline.until_compose()
    cited = db.fetch_all("SELECT DISTINCT url FROM evidence WHERE run_id = %s", [run_id])
    for number, row in enumerate(cited):
        db.execute(
            "INSERT INTO page (id, namespace, canonical_url, url, readable, site, read_at) VALUES"
            " (%s, 'main', %s, %s, true, 'The Nightly Courier (sample)', %s)",
            [str(number), row["url"], row["url"], NOW],
        )

    row = recompose(run_id)

    assert "The Nightly Courier, 18 Nov 2026" in row["html"]
    assert "(sample)" not in row["html"]


@pytest.mark.parametrize(
    ("site", "title", "shown"),
    [
        ("A headline for a name", "A headline for a name and more", "site-1.example"),
        ("w" * 61, "", "site-1.example"),
        ("The Courier", "The Courier: a plant opens", "The Courier"),
    ],
)
def test_a_headline_is_no_name_of_a_site(database, site, title, shown):
    url = "https://site-1.example/1"
    db.execute(
        "INSERT INTO page (id, namespace, canonical_url, url, readable, title, site, read_at)"
        " VALUES ('p', 'main', %s, %s, true, %s, %s, %s)",
        [url, url, title, site, NOW],
    )

    assert site_names.Sites("main", [url]).name(url) == shown


def test_an_abbreviation_is_written_in_capitals():
    assert site_names.tidy("bbc") == "BBC" and site_names.tidy("the-courier") == "The Courier"


def test_a_site_that_calls_itself_by_the_address_of_another_is_shown_by_its_own(
    pipeline, two_stories
):
    run_id = pipeline.until_compose()
    for row in db.fetch_all("SELECT DISTINCT url FROM evidence WHERE run_id = %s", [run_id]):
        db.execute(
            "INSERT INTO page (id, namespace, canonical_url, url, readable, site, read_at) VALUES"
            " (%s, 'main', %s, %s, true, 'bank.example', %s)",
            [row["url"], row["url"], row["url"], NOW],
        )

    assert "bank" not in recompose(run_id)["html"]


def test_a_story_of_several_days_says_so_first_and_leads_to_the_day_before(
    pipeline, two_stories, offered, clock
):
    first, _ = pipeline.run()
    change("topic", first, story_id="st_1")
    clock(NOW + timedelta(days=1))
    offered["hackernews"] = [item("9", "A paper bridge carries a truck", hours=-20)]
    second = pipeline.until_compose()
    change("topic", second, story_id="st_1", story_day=4)
    change("research_result", second, background="The bridge was built on Monday.")

    row = recompose(second)

    (heading,) = headings(row["html"])
    assert "Update · Day 4 · new since yesterday" in heading
    assert heading.index("Update") < heading.index("A paper bridge")
    assert "update" in heading.casefold()[:400]
    assert "https://digest.invalid/2026-11-18/1" in row["html"]
    assert "The bridge was built on Monday. See <a" in row["html"]
    assert "1. UPDATE · DAY 4 · NEW SINCE YESTERDAY\n   A paper bridge" in row["plain"]
    assert "   Before: The bridge was built on Monday.\n" in row["plain"]


def test_a_new_story_has_no_mark(pipeline, two_stories):
    row = digest(pipeline.until_compose())

    assert "update" not in " ".join(headings(row["html"])).casefold()
    assert "Before" not in row["plain"]


def test_topics_stand_below_their_themes_and_one_theme_has_no_heading():
    sections = [
        told(title="One", theme="Energy"),
        told(title="Two", theme="Security"),
        told(title="Three", theme="Energy"),
        told(title="Four"),
    ]

    made = render(content(sections=sections))
    single = render(content(sections=sections[::2]))

    order = ["ENERGY\n", "1. One", "2. Three", "SECURITY\n", "3. Two", "MORE\n", "4. Four"]
    places = [made.plain.index(word) for word in order]
    assert places == sorted(places)
    assert re.findall(r"<h3[^>]*>(\w+)<", made.html)[:3] == ["Energy", "Security", "More"]
    assert "Energy" not in single.html and "ENERGY" not in single.plain


def test_a_first_topic_without_a_theme_is_the_top_story():
    sections = [told(title="One"), told(title="Two", theme="Energy"), told(title="Three")]

    made = render(content(sections=sections))
    own = render(content(sections=[replace(sections[0], own="Only in your digest"), *sections[1:]]))

    assert re.findall(r"<h3[^>]*>([\w ]+)<", made.html)[:3] == ["Top story", "Energy", "More"]
    order = ["TOP STORY\n", "1. One", "ENERGY\n", "2. Two", "MORE\n", "3. Three"]
    places = [made.plain.index(word) for word in order]
    assert places == sorted(places)
    assert re.findall(r"<h3[^>]*>([\w ]+)<", own.html)[:2] == ["Energy", "More"]


def test_the_subject_and_the_preheader_say_what_is_in_it():
    titles = ["A plant opens in the north", "A bridge closes", "A library lends tools", "Rain"]
    made = render(content(sections=[told(title=title) for title in titles]))

    assert made.subject == "A plant opens in the north; A bridge closes; 2 more (18 Nov)"
    hidden = re.search(r'<div style="display:none[^>]*>(.*?)</div>', made.html)
    assert hidden and hidden[1].startswith("Also: A bridge closes; A library lends tools; Rain.")
    assert "4 topics, 1-minute read, out of 3 items." in made.plain


def test_what_is_private_is_not_what_the_subject_begins_with():
    own = told(title="Call the doctor", own="Only in your digest: from your notes")

    made = render(content(sections=[own, told()]))

    assert made.subject.startswith("A plant opens; Call")
    for form in (made.html, made.plain):
        assert "Only in your digest: from your notes" in form


def test_a_private_topic_is_in_no_other_digest(pipeline, two_stories):
    run_id = pipeline.until_compose()
    db.execute(
        "UPDATE topic SET private = true, share_keys = '{source:notes}' WHERE run_id = %s AND title"
        " = %s",
        [run_id, SODIUM],
    )

    row = recompose(run_id)

    assert "Sodium" not in row["html"] + row["plain"] + row["subject"]
    assert "flood records" in row["html"]


def test_a_topic_of_which_nothing_was_found_is_a_line_with_its_reason(
    pipeline, two_stories, researcher
):
    researcher[SODIUM] = lambda found, _: found.model_copy(update={"findings": []})
    run_id = pipeline.until_compose()
    db.execute(
        "INSERT INTO page (id, namespace, canonical_url, url, readable, reason, read_at) VALUES"
        " ('p', 'main', 'https://site-1.example/1', 'https://site-1.example/1', false, 'needs"
        " JavaScript', %s) ON CONFLICT (namespace, canonical_url) DO UPDATE SET readable = false,"
        " reason = excluded.reason",
        [NOW],
    )

    row = recompose(run_id)

    assert len(headings(row["html"])) == 1 and "Sodium" not in headings(row["html"])[0]
    also = row["html"].split("Also new")[1]
    assert 'href="https://site-1.example/1"' in also
    assert "could not be read: needs JavaScript" in also
    assert "could not be read: needs JavaScript" in " ".join(row["plain"].split())


def test_a_greeting_is_not_even_named(pipeline, two_stories, offered):
    post = {"comments_url": "https://social.example/1", "url": "https://social.example/1"}
    other = {"comments_url": "https://social.example/2", "url": "https://social.example/2"}
    offered["hackernews"] += [
        item("8", "Good morning, friends of rivers!", score=1, **post),
        item("9", "The lock at Tarnvik is closed for a week", score=1, **other),
    ]

    html = digest(pipeline.until_compose(max_topics=1))["html"]

    assert "The lock at Tarnvik" in html and "Good morning" not in html


def test_no_form_of_the_digest_shows_a_figure_of_confidence(pipeline, two_stories, researcher):
    researcher[SODIUM] = conflicting

    row = digest(pipeline.until_compose())

    assert "onfidence" not in row["html"] + row["plain"]


def test_addresses_in_what_others_wrote_lead_nowhere():
    nasty = "Win at evil.example now, see https://evil.example/x?y=1"
    sides = [
        {"claim": nasty, "dates": [], "sources": ["A"], "links": [""], "trusted": False},
        {"claim": "No.", "dates": [], "sources": ["B"], "links": [""], "trusted": False},
    ]
    section = told(
        title=nasty,
        background=nasty,
        why_it_matters=nasty,
        theme=nasty,
        site=nasty,
        findings=[(nasty, [1])],
        conflicts=[Disagreement(nasty, sides, nasty)],
        references=[Reference(1, nasty, "https://a.example/b", "a.example", "", "web", nasty)],
    )

    made = render(
        content(sections=[section], headlines=[Headline(nasty, "https://c.example/", nasty)])
    )

    for form in (made.html, made.plain, made.subject):
        assert "evil[.]example" in form
        assert "evil.example" not in form


def test_each_paragraph_finds_its_own_direction():
    arabic = "أعلنت الشركة عن بطارية جديدة"

    made = render(content(sections=[told(title=arabic, update="Update · Day 2", site=arabic)]))

    heading = headings(made.html)[0]
    # The English line before the title does not turn it: it has a direction of its own.
    assert heading.startswith('<h2 class="ink" dir="auto"><span class="eye accent" dir="ltr">')
    assert f'<span dir="auto">{arabic}</span> · 5 hours ago' in made.html
    assert '<p class="prose ink" dir="auto">' in made.html


def test_dark_programs_get_colours_of_their_own():
    html = render(content(sections=[told()])).html

    assert "@media (prefers-color-scheme:dark)" in html and "[data-ogsc] .ink" in html
    assert '<meta name="color-scheme" content="light dark">' in html


def test_no_line_of_the_text_is_wider_than_its_limit_but_an_address():
    long = "Wörter von sehr verschiedener Länge, 東京の新しい図書館が開いた、と市が発表した。 " * 5
    section = told(
        title=long,
        background=long,
        findings=[(long, [1])],
        earlier=EarlierDigest(date(2026, 11, 17), 1, "yesterday"),
        talk=Discussion("Hacker News", "https://news.example/" + "x" * 90, 3, 4),
    )

    plain = render(content(sections=[section])).plain

    lines = [line for line in plain.splitlines() if "https://" not in line]
    assert max(wrapping.columns(line) for line in lines) <= 76


def test_the_page_of_the_archive_tells_the_same(pipeline, two_stories):
    pipeline.run()

    shown = show_digest.main()["digest"]

    assert shown["sections"][0]["trust"] == ""
    assert shown["sections"][0]["url"].startswith("https://site-")


def test_nothing_new_goes_without_a_word_while_there_is_room(pipeline, offered):
    plain = "Kites Ladders Mirrors Needles Oceans Pianos Quarries Rivers Saddles Tunnels".split()
    offered["feeds"] = [item(word, word) for word in plain]

    text = digest(pipeline.until_compose(max_topics=1))["plain"]

    assert [word for word in plain if word not in text] == []


def test_what_a_source_of_many_votes_holds_is_named(pipeline, offered):
    voted = "Apples Bridges Clocks Drums Engines Ferries Glaciers Harbours Islands Jackets".split()
    plain = "Kites Ladders Mirrors Needles Oceans Pianos Quarries Rivers Saddles Tunnels".split()
    offered["hackernews"] = [item(word, word, score=100 + n) for n, word in enumerate(voted)]
    offered["feeds"] = [item(word, word) for word in plain]

    text = digest(pipeline.until_compose(max_topics=1))["plain"]

    assert set(voted[4:]) <= {word for word in voted if word in text}
    assert sum(word in text for word in plain) >= headlines.OF_A_SOURCE
