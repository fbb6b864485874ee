"""What is no news, and which words of it say so."""

import pytest

from f.millrace.stories.newsworthiness import find_fault

NEWS = "The port of Lindholm has bought six cranes that move containers without a driver."


@pytest.mark.parametrize(
    ("title", "text", "fault"),
    [
        ("Good morning from Lindholm", "", "a greeting"),
        ("We are hiring operators of cranes", "", "a job post"),
        ("My new video about cranes", "", "self-promotion"),
        ("Weekly links about ports", "", "a list of links"),
        ("", "Link in bio", "self-promotion"),
        ("", "Hello everyone", "a greeting"),
        ("Cranes", "Hello everyone", ""),
        (NEWS, "", ""),
        ("Link dump", "We are hiring", "a job post"),
    ],
)
def test_a_post_is_looked_at_as_a_whole(title, text, fault):
    assert find_fault(title, text, post=True) == fault


@pytest.mark.parametrize(
    ("title", "text", "fault"),
    [
        ("Good morning, Lindholm: a port wakes up", "", ""),
        ("My new video about cranes", "", ""),
        ("Acme is hiring", "", "a job post"),
        ("Top 10 links of the week", "", "a list of links"),
        ("10 things to know for Friday", "", "a list of news"),
        ("Five things you need to know this morning", "", "a list of news"),
        ("10 things to know about the new cranes of Lindholm", "", ""),
        ("Friday’s evening briefing: cranes, terns", "", "a list of news"),
        ("The port skips its daily briefing", "", ""),
        ("The week in pictures", "", "a list of news"),
        ("List of ports in Jutland", "", "a list"),
        ("A list of ports is published", "", ""),
        (NEWS, "We are hiring. Link in bio.", ""),
        (NEWS, "https://a.example https://b.example https://c.example", ""),
    ],
)
def test_of_an_article_the_headline_is_looked_at(title, text, fault):
    assert find_fault(title, text, post=False) == fault


@pytest.mark.parametrize(("letters", "fault"), [(400, "a job post"), (401, "")])
def test_a_long_post_has_room_for_news_beside_it(letters, fault):
    text = "We are hiring. ".ljust(letters, "x")

    assert find_fault("Cranes", text, post=True) == fault


@pytest.mark.parametrize(
    ("addresses", "words", "fault"),
    [
        (2, 0, ""),
        (3, 0, "a list of links"),
        (3, 23, "a list of links"),
        (3, 24, ""),
        (4, 31, "a list of links"),
        (4, 32, ""),
    ],
)
def test_a_post_of_addresses_with_few_words_is_a_list_of_links(addresses, words, fault):
    text = " ".join(["https://a.example/x"] * addresses + ["cranes"] * words)

    assert find_fault("Ports", text, post=True) == fault


@pytest.mark.parametrize(
    ("tags", "words", "fault"),
    [(7, 0, ""), (8, 0, "a list of links"), (8, 15, "a list of links"), (8, 16, "")],
)
def test_a_post_of_tags_with_few_words_is_a_list_of_links(tags, words, fault):
    text = " ".join(["#port"] * tags + ["cranes"] * words)

    assert find_fault("Ports", text, post=True) == fault
