"""Links and sources of an answer on a page, and letters that would not be seen."""

import pytest

from f.millrace.core import visible_text
from f.millrace.trust import markdown, questions

PAGE = "https://a.example/b"


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        (PAGE, True),
        ("http://a.example", True),
        ("https://a.example/?q=%20&r=ä", True),
        ("ftp://a.example/b", False),
        ("javascript:alert(1)", False),
        ("https:///b", False),
        ("https://bank.example@evil.example/", False),
        ("https://a.example/\u202eb", False),
        ("https://a.example/\u200bb", False),
        ("https://a.example/\x07b", False),
        ("https://[a", False),
        ("", False),
        (f"https://a.example/{'x' * (markdown.LONGEST_URL - 18)}", True),
        (f"https://a.example/{'x' * (markdown.LONGEST_URL - 17)}", False),
    ],
)
def test_only_the_address_of_a_web_page_that_is_what_it_shows_becomes_a_link(
    url: str, leads: bool
) -> None:
    assert markdown.is_web(url) is leads
    assert markdown.link("words", url).startswith("[words](<") is leads


def test_a_link_has_its_words_on_one_line_and_one_without_words_is_called_link() -> None:
    assert markdown.link("the\n tides", PAGE) == f"[the tides](<{PAGE}>)"
    assert markdown.link(" \n", PAGE) == f"[link](<{PAGE}>)"
    assert markdown.link("", "") == "link"


def test_an_address_cannot_end_its_link() -> None:
    address = "https://a.example/b c?x=<y>&z"

    assert markdown.is_web(address)
    assert markdown.link("words", address) == ("[words](<https://a.example/b%20c?x=%3Cy%3E&amp;z>)")


def test_numbers_in_an_answer_lead_to_its_sources_which_stand_below() -> None:
    sources = [
        {"number": 1, "title": "Tides", "url": PAGE, "source": "web"},
        {"number": 2, "title": "", "url": "https://c.example/", "source": ""},
        {"number": 3, "title": "A note", "url": "", "source": "notes"},
    ]

    page = markdown.with_sources("High water [1], low water [3], none [7].", sources)

    assert page == (
        f"High water \\[[1](<{PAGE}>)\\], low water \\[3\\], none \\[7\\].\n\n"
        "#### Sources\n\n"
        f"- \\[1\\] [Tides](<{PAGE}>), web\n"
        "- \\[2\\] [https://c.example/](<https://c.example/>)\n"
        "- \\[3\\] A note, notes\n"
    )
    assert "Sources" not in markdown.with_sources("Nothing is known.", [])


@pytest.mark.parametrize(
    "char", ["\ufe00", "\ufe0e", "\ufe0f", "\U000e0100", "\U000e01ef", "\u200b", "\u202e", "\u2066"]
)
def test_a_letter_that_nobody_sees_is_shown_by_its_number(char: str) -> None:
    assert visible_text.make_visible(f"a{char}b") == f"a‹U+{ord(char):04X}›b"


@pytest.mark.parametrize("char", ["\u2600\ufe0f", "\u00e4", "\u4f60", "\U0001f600"])
def test_a_letter_that_is_seen_stays(char: str) -> None:
    assert visible_text.make_visible(f"a{char}b") == f"a{char}b"


@pytest.mark.parametrize(
    ("recipients", "words"),
    [("a", "a"), ("a b", "a, b"), ("a b c", "a, b and 1 more"), ("a b c d", "a, b and 2 more")],
)
def test_of_many_people_two_are_named_and_the_rest_counted(recipients: str, words: str) -> None:
    assert questions.people(recipients.split()) == words
