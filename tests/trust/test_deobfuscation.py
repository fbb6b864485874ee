"""What a text or an address is under its disguise."""

import base64

import pytest

from f.millrace.trust import defang, deobfuscation


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://News.Example/a", "//news.example/a"),
        (" http://news.example/a/ ", "//news.example/a"),
        ("http://news.example:80/a", "//news.example/a"),
        ("https://news.example:443/a", "//news.example/a"),
        ("https://news.example:8443/a", "//news.example:8443/a"),
        ("https://news.example:444/a", "//news.example:444/a"),
        ("https://news.example/a?x=1#part", "//news.example/a?x=1"),
        ("https://news.example", "//news.example"),
        ("https://b\u00fccher.example/", "//xn--bcher-kva.example"),
        # What no reader opens as it stands is compared letter by letter.
        ("ftp://news.example/a", "ftp://news.example/a"),
        ("https://ada@news.example/a", "https://ada@news.example/a"),
        ("https://:word@news.example/a", "https://:word@news.example/a"),
        ("https:///a", "https:///a"),
        (" news.example/a ", "news.example/a"),
        ("https://news.example:port/a", "https://news.example:port/a"),
        ("https://[::1/a", "https://[::1/a"),
    ],
)
def test_an_address_has_one_form(url, form):
    assert deobfuscation.normalise_address(url) == form


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://a.example/x/", "a.example/x"),
        ("http://a.example/x//", "a.example/x/"),
        (" a.example/x ", "a.example/x"),
        ("ftp://a.example/x", "ftp://a.example/x"),
        ("http", "http"),
    ],
)
def test_people_leave_out_a_scheme_and_one_slash(url, bare):
    assert deobfuscation.drop_scheme_and_slash(url) == bare


LONG_LABEL = "\u00fc" * 80


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("News.Example.", "news.example"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        # A label that IDNA refuses is still told apart from ASCII.
        (
            "\u00fc" * 80 + ".example",
            "xn--" + ("\u00fc" * 80).encode("punycode").decode() + ".example",
        ),
    ],
)
def test_a_host_travels_in_ascii(name, wire):
    assert deobfuscation.wire_host(name) == wire


def test_hosts_are_those_of_addresses_and_those_that_are_named():
    text = "See https://a.example:8000/x, b.example and eva@c.example; not 1.2.3 or v2.0."

    assert deobfuscation.hosts(text) == {"a.example", "b.example"}
    assert deobfuscation.urlsplit_host("https://[::1/a") == ""
    assert deobfuscation.addresses("(https://a.example/x?), http://b.example!") == [
        "https://a.example/x",
        "http://b.example",
    ]


@pytest.mark.parametrize(
    "piece",
    [
        b"alarm 7391".hex(),
        b"alarm 7391".hex().upper(),
        base64.b64encode(b"alarm 7391").decode(),
        base64.b64encode(b"alarm 7391").decode().rstrip("="),
        base64.urlsafe_b64encode(b"alarm 7391").decode(),
        "q=" + base64.b64encode(b"alarm 7391").decode().rstrip("="),
        base64.b32encode(b"alarm 7391").decode(),
        base64.b32encode(b"alarm 7391").decode().rstrip("=").lower(),
    ],
    ids="hex HEX base64 bare url-safe value base32 base32-bare".split(),
)
def test_a_packed_text_is_read(piece):
    assert "alarm 7391" in list(deobfuscation.unpack(piece))
    assert "alarm 7391" in list(deobfuscation.decodings(f"see {piece} now"))


def test_what_is_no_text_unpacks_to_nothing():
    assert list(deobfuscation.unpack(base64.b64encode(bytes(range(128, 152))).decode())) == []
    assert list(deobfuscation.unpack("0001020304050607")) == []
    assert list(deobfuscation.unpack("YWJj")) == []
    assert list(deobfuscation.unpack(base64.b64encode(b"two\nlines\n").decode())) == [
        "two\nlines\n"
    ]


def test_a_text_is_read_as_written_backwards_turned_and_with_percent_signs():
    assert list(deobfuscation.decodings("Abc")) == ["abc", "nop", "cba"]
    assert set(deobfuscation.decodings("a%2541b")) >= {"a%2541b", "aab", "baa"}
    assert next(iter(deobfuscation.decodings("x" * 20_001))) == "x" * 20_000


def test_words_and_letters_have_one_spelling():
    assert deobfuscation.words("Ada's 'Вrаnnосk' e-mail, a@b.example — ＡＢ 1.5") == [
        "ada's",
        "brannock",
        "e-mail",
        "a@b.example",
        "ab",
        "1.5",
    ]
    assert deobfuscation.skeleton("ΑΒΕ САЅЕ") == "abe case"


def test_tag_letters_are_shown_and_flags_stay():
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "send")
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

    assert deobfuscation.strip_invisible(f"a{hidden}b\u200b") == "asendb"
    assert deobfuscation.reveal_tags(flag) == flag


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        # What follows a name makes it a host.
        ("see kestrel.md/x", "see kestrel[.]md/x"),
        ("see kestrel.md:80", "see kestrel[.]md:80"),
        ("see kestrel.md: it is new", "see kestrel.md: it is new"),
        ("see kestrel.md: 8", "see kestrel.md: 8"),
        ("see kestrel.md-8", "see kestrel.md-8"),
        ("see end.The/x", "see end[.]the/x"),
        # Of names in capitals those of one letter a part are none.
        ("IN THE U.S.A", "IN THE U.S.A"),
        ("AT EVIL.EXAMPLE", "AT evil[.]example"),
        ("AT E.EXAMPLE", "AT E.EXAMPLE"),
        ("at Evil.Shop", "at Evil.Shop"),
        ("at evil.shop", "at evil[.]shop"),
        # Signs behind an address stay.
        ("(http://a.example:81/x).", "(a[.]example:81)."),
        ("http://a.example:123456/x", "a[.]example"),
        # Tags and comments, closed or not.
        ("a<b>c</b>d", "acd"),
        ("a<!-- x > y -->b", "ab"),
        ("a<!-- x > y", "a y"),
        ("a <b", "a <b"),
        ("a<!>b<!-->c", "abc"),
        # Images and links of each form.
        ("![x](a(b)c)!", "x!"),
        ("![x][y]!", "x!"),
        ("[x](<https://a.example/y> 't (u)')", "x (a[.]example)"),
        ("[x](/local)", "x"),
        ("[1]: https://a.example\nrest", "\nrest"),
        ("word [1]: is a note", "word [1]: is a note"),
        ("DATA:text/html,x and file:///etc", "DATA[:]text/html,x and "),
        ("at 1.2.3.4 and 1.2.3.4:5", "at 1.2.3.4 and 1[.]2[.]3[.]4:5"),
        ("HTTP://[2001:DB8::1]/x'y", "[2001:DB8::1]'y"),
    ],
)
def test_addresses_are_told_from_words(raw, shown):
    assert defang.defang(raw) == shown
