"""The files of the archive: what they are called, and what the feed says of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.core.errors import NotFound
from f.millrace.digest import archive
from f.millrace.trust import recipients
from tests.digest.conftest import DAY, NOW, OpenRun, put

HTML = (
    '<!DOCTYPE html><html><body class="body"><div style="display:none">Before</div>\n<p>News</p>'
    '<p class="reply">1</p></body></html>'
)


@pytest.fixture(autouse=True)
def outbox(database, configure, tmp_path):
    """An empty outbox."""
    configure(outbox_dir=tmp_path, now=NOW.isoformat())
    return tmp_path


def put_digest(
    number: int, recipient: str = "ada", status: str = "sent", minutes: int = 0, **columns: Any
) -> dict[str, Any]:
    """Store a digest that a reader got; its row."""
    own = {"flow": "daily_research", "namespace": "main", "edition": "daily", "local_day": DAY,
           "number": 1}  # fmt: skip
    own |= {name: columns.pop(name) for name in own if name in columns}
    key = f"00000000-0000-0000-0000-{number:012}"
    run = OpenRun().id
    at = NOW + timedelta(minutes=minutes)
    plain = {"recipients": [recipient], "subject": f"Digest {number}", "html": HTML, "plain": "x",
             "shared": {}, "created_at": at}  # fmt: skip
    put("digest", id=key, run_id=run, **own, window_until=NOW, **{**plain, **columns})
    put("delivery", run_id=run, digest_id=key, **own, recipient=recipient, window_until=NOW,
        status=status, message_id=key, at=at)  # fmt: skip
    row = db.fetch_one("SELECT * FROM digest WHERE id = %s", [key])
    assert row is not None
    return row


def name(row: dict[str, Any], outbox: Any) -> str:
    return str(archive.file_of(row).relative_to(outbox))


@pytest.mark.parametrize(
    ("columns", "file"),
    [
        ({}, "digest-2026-11-18.html"),
        ({"number": 2}, "digest-2026-11-18-2.html"),
        ({"edition": "sample"}, "digest-sample-2026-11-18.html"),
        ({"local_day": date(2026, 11, 9)}, "digest-2026-11-09.html"),
        ({"private": True}, "digest-2026-11-18.html"),
    ],
)
def test_a_page_is_named_by_its_edition_and_day(outbox, columns, file):
    own = {key: value for key, value in columns.items() if key != "number"}
    row = put_digest(1, **own)
    row["number"] = columns.get("number", 1)

    assert name(row, outbox) == file


def test_what_was_mailed_first_has_the_plain_name_and_others_letters(outbox):
    second, third = put_digest(2, "bob", minutes=2), put_digest(3, "eva", minutes=3)
    first = put_digest(1, minutes=1)
    put_digest(4, "kim", status="failed", minutes=0)
    put_digest(5, "lea", minutes=0, local_day=date(2026, 11, 17))

    assert [name(row, outbox) for row in (first, second, third)] == [
        "digest-2026-11-18.html",
        "digest-2026-11-18-b.html",
        "digest-2026-11-18-c.html",
    ]


def test_what_only_some_are_shown_lies_apart_where_others_have_an_edition(outbox):
    private = put_digest(1, private=True)
    assert name(private, outbox) == "digest-2026-11-18.html"

    public = put_digest(2, "bob")
    shared = put_digest(3, "eva", shared={"source:notes": "ada"}, minutes=5)

    assert name(public, outbox) == "digest-2026-11-18.html"
    assert name(private, outbox) == "private/digest-2026-11-18.html"
    assert name(shared, outbox) == "private/digest-2026-11-18-b.html"


def entries(feed: str) -> list[str]:
    return [part.partition("</title>")[0] for part in feed.split("<entry>")[1:]]


def titles(feed: str) -> list[str]:
    return [entry.rpartition("<title>")[2] for entry in entries(feed)]


def test_the_feed_has_the_newest_digests_without_the_words_beside_the_subject():
    put_digest(1, local_day=date(2026, 11, 17))
    put_digest(2)
    put_digest(3, local_day=date(2026, 11, 19), status="failed")
    put_digest(4, local_day=date(2026, 11, 20), namespace="other")
    put_digest(5, local_day=date(2026, 11, 21), flow="other")

    feed = archive.feed()

    assert titles(feed) == ["Digest 2", "Digest 1"]
    assert "<id>urn:millrace:digests:main</id>\n<title>Millrace</title>" in feed
    assert "<updated>2026-11-18T08:00:00Z</updated>\n<author>" in feed
    assert '<content type="html">&lt;p&gt;News&lt;/p&gt;</content>' in feed
    assert 'href="digest-2026-11-18.html"' in feed


def test_a_feed_without_digests_is_dated_long_ago():
    assert "<updated>1970-01-01T00:00:00Z</updated>" in archive.feed()
    assert entries(archive.feed()) == []


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>bare</p>", "<p>bare</p>"),
        ("<body><p>open</p>", "<body><p>open</p>"),
        ("<p>closed</p></body>", "<p>closed</p></body>"),
        ("<body class='x'><p>in</p></body></html>", "<p>in</p>"),
    ],
)
def test_of_a_page_its_body_stands_in_the_feed(html, shown):
    from html import escape

    put_digest(1, html=html)

    assert f'<content type="html">{escape(shown)}</content>' in archive.feed()


def test_twenty_digests_are_in_the_feed():
    for number in range(1, 23):
        put_digest(number, local_day=date(2026, 10, number))

    assert titles(archive.feed()) == [f"Digest {number}" for number in range(22, 2, -1)]


def test_a_reader_has_a_feed_of_what_he_got():
    put_digest(1, private=True)
    put_digest(2, "bob", local_day=date(2026, 11, 17))

    feed = archive.feed(reader="ada")

    assert titles(feed) == ["Digest 1"] and "<title>Millrace for ada</title>" in feed
    assert "<id>urn:millrace:digests:main:" in feed
    with pytest.raises(NotFound, match="eva never got a digest"):
        archive.feed(reader="eva")


def test_the_shared_feed_shows_what_is_private_only_while_owners_alone_get_digests():
    recipients.add("ada@home.example", by="test", owner=True)
    put_digest(1, "ada@home.example", private=True)
    assert titles(archive.feed()) == ["Digest 1"]

    recipients.add("bob@home.example", by="test")
    assert titles(archive.feed()) == []


def test_who_ever_got_a_public_digest_ends_that_too():
    put_digest(1, private=True)
    put_digest(2, "bob", local_day=date(2026, 11, 17))

    assert titles(archive.feed()) == ["Digest 2"]


def test_owners_are_those_listed_and_those_who_got_what_is_private(configure):
    configure(recipients="none")
    recipients.add("eva@home.example", by="test", owner=True)
    recipients.add("bob@home.example", by="test")
    put_digest(1, "ada", private=True)
    put_digest(2, "kim", private=True, status="failed", local_day=date(2026, 11, 17))
    put_digest(3, "lea", local_day=date(2026, 11, 16))
    put_digest(4, "tim", private=True, namespace="other", local_day=date(2026, 11, 15))

    assert archive.owners() == ["eva@home.example", "ada"]


def test_a_page_is_written_with_its_text_and_the_feed(outbox):
    row = put_digest(1, plain="One\n{{reply}}\n")

    path = archive.write(row["id"])

    assert path == outbox / "digest-2026-11-18.html"
    assert "reply" not in path.read_text() and "News" in path.read_text()
    assert path.with_suffix(".txt").read_text() == "One\n"
    assert titles((outbox / "digests.atom.xml").read_text()) == ["Digest 1"]


def test_other_namespaces_change_no_feed(outbox):
    archive.write(put_digest(1, namespace="sample")["id"])

    assert not (outbox / "digests.atom.xml").exists()


def test_a_page_that_is_not_there_cannot_be_written():
    with pytest.raises(NotFound, match="there is no digest 0000"):
        archive.write("00000000-0000-0000-0000-000000000009")


def test_a_page_leads_to_the_earlier_one_that_its_readers_got(outbox):
    plain = "{{earlier 2026-11-17 1}}\n"
    put_digest(1, local_day=date(2026, 11, 17))
    today = put_digest(2, plain=plain)
    others = put_digest(3, "bob", plain=plain, minutes=1)

    archive.write(today["id"])
    archive.write(others["id"])

    assert (outbox / "digest-2026-11-18.txt").read_text() == (
        "   The digest of 17 November 2026: digest-2026-11-17.html\n"
    )
    assert (
        outbox / "digest-2026-11-18-b.txt"
    ).read_text() == "   See the digest of 17 November 2026.\n"


def test_a_public_page_leads_to_no_private_one(outbox):
    put_digest(1, private=True, local_day=date(2026, 11, 17))
    row = put_digest(2, plain="{{earlier 2026-11-17 1}}\n")

    archive.write(row["id"])

    assert "See the digest" in (outbox / "digest-2026-11-18.txt").read_text()


def test_a_time_of_the_feed_is_that_of_the_digest():
    put_digest(1, created_at=datetime(2026, 11, 18, 9, 5, 7, tzinfo=UTC))

    assert "<published>2026-11-18T09:05:07Z</published>" in archive.feed()
