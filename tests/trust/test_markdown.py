"""Links and sources of an answer on a page."""

import pytest

from f.millrace.trust import markdown

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
