"""What a digest says, whatever its form: subject, counts, sentences, sources."""

import pytest

from f.millrace.digest import digest_content
from f.millrace.digest.digest_content import (
    Discussion,
    Headline,
    OwnText,
    Reading,
    Reference,
    Section,
)
from tests.research.test_compose import content


def subject(*titles: str, **changes) -> str:
    return content(sections=[Section(title) for title in titles], **changes).subject


def test_the_subject_names_two_topics_and_counts_the_others():
    assert subject("One") == "One (18 Nov)"
    assert subject("One", "Two") == "One; Two (18 Nov)"
    assert subject("One", "Two", "Three") == "One; Two; 1 more (18 Nov)"
    assert subject("One", number=2, edition="sample") == "[Sample] One (18 Nov, edition 2)"


@pytest.mark.parametrize(("letters", "named"), [(47, True), (48, False)])
def test_a_second_topic_is_named_where_there_is_room(letters, named):
    second = "y" * letters

    said = subject("x" * 50, second)

    assert said == f"{'x' * 50}; {second if named else '1 more'} (18 Nov)"


def test_a_long_title_is_cut_after_a_word():
    assert subject("word " * 30) == "word " * 14 + "word… (18 Nov)"


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("one two", 7, "one two"),
        ("one two", 6, "one…"),
        ("one, two", 7, "one…"),
        ("one two three", 8, "one…"),
        ("one two three", 9, "one two…"),
    ],
)
def test_a_shortened_text_ends_after_a_whole_word(text, longest, cut):
    assert digest_content.shorten(text, longest) == cut


def test_without_topics_the_subject_says_what_there_is():
    shared = OwnText("Shared by Ada", "One", "", "")
    failed = Reading("feeds", "failed", 0, 0, "503")

    assert content().subject == "Nothing new (18 Nov)"
    assert content(shared=[shared]).subject == "1 item shared with you (18 Nov)"
    assert content(shared=[shared] * 2).subject == "2 items shared with you (18 Nov)"
    assert content(readings=[failed]).subject == "No source could be read (18 Nov)"
    assert content(readings=[]).subject == "Nothing new (18 Nov)"
    one_works = [failed, Reading("arxiv", "ok", 0, 0, "")]
    assert content(readings=one_works).subject == "Nothing new (18 Nov)"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 points"), (1, "1 point"), (2, "2 points"), (1204, "1,204 points")],
)
def test_a_count_has_its_noun(number, words):
    assert digest_content.format_count(number, "point") == words


@pytest.mark.parametrize(
    ("points", "comments", "title", "words"),
    [
        (914, 528, "", "914 points, 528 comments on Lobsters"),
        (1, 0, "", "1 point on Lobsters"),
        (0, 1, "", "1 comment on Lobsters"),
        (0, 0, "", "discussed on Lobsters"),
        (2, 0, "Cranes", "2 points on Lobsters as “Cranes”"),
    ],
)
def test_a_discussion_is_told_by_how_much_it_is_discussed(points, comments, title, words):
    assert Discussion("Lobsters", "", points, comments, title).in_words == words


def test_a_site_that_the_discussion_names_is_not_named_twice():
    talk = Discussion("Lobsters", "", 1, 0)

    for kind in (
        Headline("x", "", "Lobsters", talk=talk),
        Section("x", site="Lobsters", talk=talk),
    ):
        assert kind.place == ""
    for kind in (Headline("x", "", "Courier", talk=talk), Section("x", site="Courier", talk=talk)):
        assert kind.place == "Courier"
    assert Headline("x", "", "Lobsters").place == "Lobsters" == Section("x", site="Lobsters").place


def test_four_sentences_are_told_and_the_last_of_one_source_carries_its_number():
    findings = [("A.", [1]), ("B.", [1]), ("C.", [2, 1]), ("D.", [2]), ("E.", [2])]

    assert Section("x", findings=findings).prose == [
        ("A.", []),
        ("B.", [1]),
        ("C.", [2, 1]),
        ("D.", [2]),
    ]


def test_the_sources_are_those_of_the_sentences_told():
    page, other, untold = (
        Reference(
            number, f"Title {number}", f"https://a.example/{number}", "a.example", "18 Nov", ""
        )
        for number in (1, 2, 3)
    )
    section = Section(
        "x",
        url="https://a.example/1",
        site="The Courier",
        findings=[("A.", [1, 2])],
        references=[page, other, untold],
    )

    own, second = section.cited

    # The topic's own page stands above with its title.
    assert (own.title, own.where) == ("The Courier", "18 Nov")
    assert (second.title, second.where) == ("Title 2", "a.example, 18 Nov")


@pytest.mark.parametrize(
    ("site", "date", "where"),
    [("Courier", "18 Nov", "Courier, 18 Nov"), ("", "", "a.example"), ("Courier", "", "Courier")],
)
def test_a_reference_is_from_a_site_and_a_day(site, date, where):
    assert Reference(1, "x", "", "a.example", date, "", site).where == where


@pytest.mark.parametrize(("words", "minutes"), [(1, 1), (344, 1), (346, 2), (574, 2), (576, 3)])
def test_reading_takes_a_minute_for_each_230_words(words, minutes):
    told = [Section("title", findings=[("word " * (words - 1), [])])]

    assert content(sections=told).minutes == minutes


def test_all_that_is_read_takes_time():
    long, said = "word " * 345, [("word", [])]
    conflict = digest_content.Disagreement("x", [{"claim": long}], "")

    for section in (
        Section(long, findings=said),
        Section("x", findings=said, background=long),
        Section("x", findings=said, why_it_matters=long),
        Section("x", findings=said, conflicts=[conflict]),
    ):
        assert content(sections=[section]).minutes == 2
    assert content(headlines=[Headline(long, "", "")]).minutes == 2
    assert content(shared=[OwnText("", "x", "", long)]).minutes == 2


def test_a_source_is_called_what_its_reader_calls_it():
    assert Reading("feeds", "ok", 0, 0, "").site == "Feeds"
    assert Reading("notes", "ok", 0, 0, "").site == "Your notes"
    assert Reading("notes", "ok", 0, 0, "", mine=False).site == "Notes"


def test_a_document_of_ones_own_is_named_once():
    lease = Reference(1, "Lease of shed 4", "", "", "3 May 2026", "lease.pdf", "Your documents")
    section = Section(
        "Lease of shed 4",
        site="Your documents, lease.pdf",
        findings=[("It ends.", [1])],
        references=[lease],
    )

    (one,) = section.cited

    assert (one.title, one.where) == ("Your documents, lease.pdf", "3 May 2026")


def test_a_message_is_named_by_its_site_where_its_words_are_told():
    words = "Passed the site today: a second hall is there."
    section = Section(
        "Plant",
        findings=[("It makes twelve.", [1]), (words, [2])],
        references=[
            Reference(1, "A plant opens", "https://a.example/1", "a.example", "3 May 2026", "x"),
            Reference(2, f"{words} #site", "https://b.example/2", "b.example", "", "x", "Posts"),
        ],
    )

    assert [one.title for one in section.cited] == ["A plant opens", "Posts"]


@pytest.mark.parametrize(
    ("title", "place"),
    [
        pytest.param("The quay is late | The Courier", "", id="named behind the title"),
        pytest.param("The quay is late - the courier", "", id="in other letters"),
        pytest.param("The Courier", "The Courier", id="all of the title"),
        pytest.param("Who reads The Courier", "The Courier", id="part of the title"),
    ],
)
def test_a_site_that_the_title_names_is_not_named_twice(title, place):
    assert Section(title, site="The Courier").place == place
    assert Headline(title, "", "The Courier").place == place


def test_what_an_author_writes_in_a_row_is_one_quotation():
    said = [
        ("The author writes: “It is late.”", [1]),
        ("“It rains.”", [1]),
        ("The port is closed.", [1]),
        ("“It is cold.”", [1]),
    ]
    apart = [("The author writes: “It is late.”", [1]), ("“It rains.”", [2])]

    assert [text for text, _ in Section("T", findings=said).prose] == [
        "The author writes: “It is late.",
        "It rains.”",
        "The port is closed.",
        "“It is cold.”",
    ]
    assert Section("T", findings=apart).prose == apart
