"""The links of one reader in a digest: what they lead to, and a copy without them."""

import re
from datetime import date
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest

from f.millrace.core import db
from f.millrace.digest import digest_links
from f.millrace.trust import reply_tokens
from tests.digest.conftest import DAY, NOW, put

pytestmark = pytest.mark.usefixtures("database")

PUBLIC = "https://mail.example/reply"
EARLIER = (
    '<a class="earlier soft" href="https://digest.invalid/2026-11-17/1" rel="x">yesterday’s</a>'
)
HTML = f'<p class="reply">2</p><p>See {EARLIER}.</p><p class="reply">0</p>'
PLAIN = "One\n{{earlier 2026-11-17 1}}\nTwo\n{{reply}}\n-- \n"


def row(**changes: Any) -> dict[str, Any]:
    plain = {
        "message_id": "m1@millrace.local",
        "html": HTML,
        "plain": PLAIN,
        "private": False,
        "shared": {},
        "flow": "daily_research",
        "namespace": "main",
        "edition": "daily",
        "recipient": "ada",
    }
    return {**plain, **changes}


def deliver_earlier(**changes: Any) -> None:
    """Let there be a digest of the day before, which Ada got."""
    own = {"flow": "daily_research", "namespace": "main", "edition": "daily", "number": 1}
    closed = {key: changes.pop(key) for key in ("private", "shared") if key in changes}
    run = "00000000-0000-0000-0000-000000000001"
    put("run", id=run, flow="daily_research")
    put("digest", id=run, run_id=run, **own, local_day=date(2026, 11, 17), window_until=NOW,
        recipients=["ada"], subject="", html="", plain="", **closed)  # fmt: skip
    put("delivery", run_id=run, digest_id=run, window_until=NOW, status="sent",
        message_id="m0@millrace.local",
        **{**own, "recipient": "ada", "local_day": date(2026, 11, 17), **changes})  # fmt: skip


def shown(html: str) -> list[tuple[str, str]]:
    found = re.findall(r'<a class="soft" href="([^"]*)">([^<]*)</a>', html)
    return [(unescape(url), words) for url, words in found]


def test_without_a_public_address_a_reader_answers_by_mail(configure):
    configure(reply_to="replies@home.example")

    mail = digest_links.personalise(row())

    links = [(url, words) for url, words in shown(mail.html)]
    assert [words for _, words in links] == [
        "More like this",
        "Less like this",
        "Not true",
        "Unsubscribe",
    ]
    assert all(url.startswith("mailto:replies@home.example?subject=") for url, _ in links)
    subjects = [unquote(url.partition("?subject=")[2]) for url, _ in links]
    assert subjects[0].startswith("More like this [millrace:m2.")
    assert [reply_tokens.find_in_subject(one).split(".")[0] for one in subjects] == [
        "m2", "l2", "n2", "u0",
    ]  # fmt: skip
    assert mail.unsubscribe == [links[-1][0]]
    assert "<p>See yesterday’s.</p>" in mail.html
    assert "   See the digest of 17 November 2026.\nTwo\n" in mail.plain


def test_with_a_public_address_links_lead_there(configure):
    configure(public_url=f" {PUBLIC}/ ", reply_to="replies@home.example")
    deliver_earlier()

    mail = digest_links.personalise(row())

    links = shown(mail.html)
    assert [words for _, words in links] == [
        "More like this",
        "Less like this",
        "Not true",
        "yesterday’s",
        "Read in the browser",
        "Unsubscribe",
    ]
    assert all(url.startswith(f"{PUBLIC}/") for url, _ in links)
    letters = [url.removeprefix(f"{PUBLIC}/").split(".")[0] for url, _ in links]
    assert letters == ["m2", "l2", "n2", "s0", "s0", "u0"]
    # The link to the earlier digest is one of its own mail.
    assert links[3][0] != links[4][0]
    assert mail.unsubscribe[0] == links[-1][0]
    assert mail.unsubscribe[1].startswith("mailto:replies@home.example?subject=Unsubscribe")
    assert f"   The digest of 17 November 2026: {links[3][0]}\nTwo\n" in mail.plain


@pytest.mark.parametrize("closed", [{"private": True}, {"shared": {"source:notes": "ada"}}])
def test_what_is_private_is_not_shown_in_a_browser(configure, closed):
    configure(public_url=PUBLIC)

    assert "Read in the browser" not in digest_links.personalise(row(**closed)).html


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "bob"},
        {"flow": "other"},
        {"namespace": "other"},
        {"edition": "sample"},
        {"local_day": DAY},
        {"number": 2},
        {"private": True},
        {"shared": {"source:notes": "ada"}},
    ],
)
def test_an_earlier_digest_is_linked_for_who_got_it_unless_it_is_private(configure, changes):
    configure(public_url=PUBLIC)
    deliver_earlier(**changes)

    mail = digest_links.personalise(row())

    assert "<p>See yesterday’s.</p>" in mail.html
    assert "   See the digest of 17 November 2026.\n" in mail.plain


def test_in_plain_text_each_topic_has_its_lines(configure):
    configure(mail_from="millrace@home.example")
    html = '<p class="reply">3</p><p class="reply">1</p><p class="reply">0</p>'

    plain = digest_links.personalise(row(html=html)).plain

    lines = re.sub(r"\[millrace:(\w+)\.[^\]]*\]", r"<\1>", plain).split("\n")
    begin = lines.index("WHAT DO YOU THINK?")
    assert lines[begin:] == [
        "WHAT DO YOU THINK?",
        "------------------",
        "",
        "Write to millrace@home.example, with one of these as the subject:",
        "",
        "1. More like this  <m3>",
        "   Less like this  <l3>",
        "   Not true        <n3>",
        "",
        "2. More like this  <m1>",
        "   Less like this  <l1>",
        "   Not true        <n1>",
        "",
        "Unsubscribe        <u0>",
        "",
        "",
        "-- ",
        "",
    ]
    configure(public_url=PUBLIC)
    linked = digest_links.personalise(row(html=html)).plain
    assert "\nOpen a line's address:\n" in linked and f"Not true        {PUBLIC}/n1." in linked
    assert f"Unsubscribe        {PUBLIC}/u0." in linked


def test_a_copy_that_anybody_may_open_has_no_links_of_a_reader():
    def find(day: date, number: int) -> str:
        return f"{day}-{number}.html"

    html, plain = digest_links.depersonalise(HTML, PLAIN, find)
    bare = digest_links.depersonalise(HTML, PLAIN, lambda *_: "")

    assert html == '<p>See <a class="soft" href="2026-11-17-1.html">yesterday’s</a>.</p>'
    assert plain == "One\n   The digest of 17 November 2026: 2026-11-17-1.html\nTwo\n-- \n"
    assert bare == (
        "<p>See yesterday’s.</p>",
        "One\n   See the digest of 17 November 2026.\nTwo\n-- \n",
    )
    assert db.fetch_all("SELECT id FROM reply_key") == []
