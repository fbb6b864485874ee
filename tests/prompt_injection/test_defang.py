"""Strangers' words in an answer show where a link would go and are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.digest.digest_html import _host
from f.millrace.trust import defang, deobfuscation


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
        ("[x](javascript:alert(1))", "x"),
        ("SIGN IN AT EVIL.EXAMPLE/LOGIN", "SIGN IN AT evil[.]example/LOGIN"),
        ("Log in at Evil.Com today", "Log in at evil[.]com today"),
        ("evil\u3002example/login, evil\u2024example", "evil[.]example/login, evil[.]example"),
        ("\u5b83\u7528Python\u3002Rust\u4e5f\u597d", "\u5b83\u7528Python.Rust\u4e5f\u597d"),
        (
            "ノート100YEN.com, 見るevil.exampleのページ",
            "ノート100yen[.]com, 見るevil[.]exampleのページ",
        ),
        ("見るаррӏе.example", "見るxn--80ak6aa92e[.]example"),
        ("例え.example/x", "xn--r8jz45g[.]example/x"),
        ("See Node.jsの本", "See Node.jsの本"),
        ("Vec<String> and <concepts> in <b>C++</b>", "Vec<String> and <concepts> in C++"),
        (
            "write to mallory@evil.example or @m@evil.example",
            "write to mallory@evil[.]example or @m@evil[.]example",
        ),
        (
            "open 192.168.0.1/admin or 10.0.0.1:8080",
            "open 192[.]168[.]0[.]1/admin or 10[.]0[.]0[.]1:8080",
        ),
        ("http://[::1]:9/x and http://[2001:db8::1]/y", "[::1] and [2001:db8::1]"),
        (
            "sms:+491234 skype:mallory?call magnet:?xt=urn",
            "sms[:]+491234 skype[:]mallory?call magnet[:]?xt=urn",
        ),
        ("Tel:+49 30 1234 or tel:112.", "Tel[:]+49 30 1234 or tel[:]112."),
        ("Data:image sizes, file:a.txt", "Data[:]image sizes, file[:]a.txt"),
        ("mailto:mallory@evil.example", "mailto[:]mallory@evil[.]example"),
        ("view-source:https://evil.example/x", "view-source[:]evil[.]example"),
        (
            "Version 1.2.3.4 is out. The U.S. and the E.U. agree.It ends",
            "Version 1.2.3.4 is out. The U.S. and the E.U. agree.It ends",
        ),
        (
            "1 < 2 and 3 > 2, notes in kestrel.md, e.g. this.",
            "1 < 2 and 3 > 2, notes in kestrel.md, e.g. this.",
        ),
    ],
)
def test_links_images_and_markup_lose_their_effect(raw, shown):
    assert defang.defang(raw) == shown


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "<b>",
        "<!--",
        "-->",
        "[",
        "](",
        ")",
        "![",
        "]: ",
        "\n",
        " ",
        "(",
        "data:",
        "://",
        "h",
    ]
)


@given(st.lists(PIECES | st.text(max_size=6), max_size=12), st.integers(0, 12))
def test_no_text_comes_out_with_a_working_address(pieces, place):
    address = "https://evil.example/login?d=1"

    shown = defang.defang("".join([*pieces[:place], address, *pieces[place:]]))

    assert "evil.example" not in shown
    assert address.partition("?")[0] not in shown and not deobfuscation.URL.search(shown)


def test_a_digest_shows_a_look_alike_host_in_punycode():
    assert _host("https://аррӏе.example/login") == "xn--80ak6aa92e.example"
    assert _host("https://www.news.example/a") == "news.example"
