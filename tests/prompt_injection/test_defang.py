"""Strangers' words in an answer show where a link would go and are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.research.digest_html import _host
from f.millrace.trust import defang


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("See ![logo](https://evil.example/p.png?d=1) now", "See logo now"),
        ("[your bank](https://evil.example/login)", "your bank (evil[.]example)"),
        (
            "go to https://bank.example.evil.example/x?d=1.",
            "go to bank[.]example[.]evil[.]example.",
        ),
        ("ask evil.example/help", "ask evil[.]example/help"),
        ("https://аррӏе.example/a", "xn--80ak6aa92e[.]example"),
        ("<img src='https://evil.example/x'>text<!-- hidden -->", "text"),
        ("[x](javascript:alert(1))", "x)"),
        (
            "1 < 2 and 3 > 2, notes in kestrel.md, e.g. this.",
            "1 < 2 and 3 > 2, notes in kestrel.md, e.g. this.",
        ),
    ],
)
def test_links_images_and_markup_lose_their_effect(raw, shown):
    assert defang.defang(raw) == shown


@given(st.text(max_size=80))
def test_no_text_comes_out_with_a_working_address(text):
    assert "://" not in defang.defang(f"{text} https://evil.example/{text}").replace(text, "")


def test_a_digest_shows_a_look_alike_host_in_punycode():
    assert _host("https://аррӏе.example/login") == "xn--80ak6aa92e.example"
    assert _host("https://www.news.example/a") == "news.example"
