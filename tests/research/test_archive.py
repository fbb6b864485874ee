"""The archive: the pages of digests, their feed, and the pages that they cite."""

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import NotFound
from f.millrace.digest import archive
from f.millrace.trust import recipients
from tests.research.conftest import NOW, item

ATOM = "{http://www.w3.org/2005/Atom}"


def names(suffix: str = ".html") -> list[str]:
    return sorted(path.name for path in Path(config.settings().outbox_dir).glob(f"*{suffix}"))


def page(name: str) -> str:
    return (Path(config.settings().outbox_dir) / name).read_text()


def test_a_digest_has_a_page_of_a_stable_name(pipeline, two_stories):
    pipeline.run()
    pipeline.run(again=True)

    assert names() == ["digest-2026-11-18-2.html", "digest-2026-11-18.html"]
    assert "Sodium batteries" in page("digest-2026-11-18.html")
    # Whoever is given the file cannot speak for its reader.
    assert "millrace:" not in page("digest-2026-11-18.html")


def test_readers_to_whom_other_items_are_new_have_pages_of_their_own(
    pipeline, two_stories, offered, clock
):
    pipeline.run()
    recipients.add("bob@home.example")
    clock(NOW + timedelta(days=1))
    offered["feeds"] = [item("5", "A bridge of paper carries a truck", hours=-20)]
    pipeline.run()

    assert {"digest-2026-11-19.html", "digest-2026-11-19-b.html"} < set(names())
    both = page("digest-2026-11-19.html"), page("digest-2026-11-19-b.html")
    assert sorted("Sodium" in one for one in both) == [False, True]


def test_a_digest_that_waits_for_a_person_takes_no_name_from_one_that_was_mailed(
    pipeline, two_stories, monkeypatch
):
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "carl@home.example")
    config.reload()
    run_id, _ = pipeline.run()
    db.execute(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_since,"
        " window_until, recipients, subject, html, plain, created_at) SELECT run_id, flow,"
        " namespace, edition, local_day, number, window_until, window_until,"
        " '{carl@home.example}', subject, html, plain, created_at - interval '1 hour' FROM digest"
    )
    db.execute(
        "UPDATE delivery SET digest_id = (SELECT id FROM digest ORDER BY created_at LIMIT 1)"
        " WHERE recipient = 'carl@home.example'"
    )
    (row,) = archive.list_digests()

    assert archive.file_of(archive.find(NOW.date())[0]).name == "digest-2026-11-18.html"
    db.execute(
        "UPDATE delivery SET status = 'outbox', at = clock_timestamp() WHERE run_id = %s"
        " AND status <> 'outbox'",
        [run_id],
    )
    assert archive.write(row["id"]).name == "digest-2026-11-18.html"
    assert {archive.file_of(one).name for one in archive.find(NOW.date())} == {
        "digest-2026-11-18.html",
        "digest-2026-11-18-b.html",
    }


def test_a_story_leads_to_the_page_of_the_day_before(pipeline, two_stories, offered, clock):
    first, _ = pipeline.run()
    db.execute("UPDATE topic SET story_id = 'st_1' WHERE run_id = %s", [first])
    clock(NOW + timedelta(days=1))
    offered["hackernews"] = [item("9", "A paper bridge carries a truck", hours=-20)]
    second = pipeline.until_compose()
    db.execute("UPDATE topic SET story_id = 'st_1', story_day = 2 WHERE run_id = %s", [second])
    db.execute("DELETE FROM digest WHERE run_id = %s", [second])
    db.execute("DELETE FROM delivery WHERE run_id = %s", [second])
    from f.millrace.research import compose, deliver, propose

    compose.main(second)
    propose.main(second)
    deliver.main(second)

    html = page("digest-2026-11-19.html")
    assert re.search(r'See <a [^>]*href="digest-2026-11-18\.html">yesterday’s digest</a>', html)
    text = page("digest-2026-11-19.txt")
    assert "   The digest of 18 November 2026: digest-2026-11-18.html\n" in text
    assert "digest.invalid" not in html + text


def test_the_pages_of_the_sample_stay_after_its_server_ended(pipeline, two_stories):
    pipeline.run(sample=True)

    html = page("digest-sample-2026-11-18.html")
    kept = sorted((Path(config.settings().outbox_dir) / "digest-sample-2026-11-18-pages").iterdir())
    cited = set(re.findall(r'href="(digest-sample-2026-11-18-pages/\d+\.html)"', html))
    assert len(kept) == len(cited) == 2
    assert "news.example" not in "".join(re.findall(r'href="([^"]*)"', html))
    assert any("in full." in path.read_text() for path in kept)
    assert archive.list_digests() == [] and len(archive.list_digests("sample")) == 1


def test_a_page_is_kept_as_it_was_read(pipeline, two_stories):
    run_id, _ = pipeline.run()
    url = archive.pages(run_id)[0]["url"]
    db.execute(
        "INSERT INTO page (id, namespace, canonical_url, url, readable, title, site, body, read_at)"
        " VALUES ('p', 'main', %s, %s, true, 'The whole page', 'The Courier', 'All of it.', %s)",
        [url, url, NOW],
    )

    first, second = archive.pages(run_id)

    assert (first["title"], first["site"], first["body"]) == (
        "The whole page",
        "The Courier",
        "All of it.",
    )
    assert second["body"].endswith("in full.")


def test_the_feed_has_the_digests_and_no_private_one(pipeline, two_stories, clock):
    pipeline.run()
    clock(NOW + timedelta(days=1))
    pipeline.run(again=True)
    db.execute("UPDATE digest SET private = true WHERE local_day = '2026-11-19'")

    feed = ET.fromstring(archive.feed())  # our own

    (entry,) = feed.findall(f"{ATOM}entry")
    subject = db.fetch_one("SELECT subject FROM digest WHERE NOT private")
    assert subject and entry.findtext(f"{ATOM}title") == subject["subject"]
    link = entry.find(f"{ATOM}link")
    assert link is not None and link.attrib["href"] == "digest-2026-11-18.html"
    content = entry.findtext(f"{ATOM}content") or ""
    assert "Sodium batteries" in content and "millrace:" not in content
    assert "digest.invalid" not in content and 'class="reply"' not in content
    assert names(".xml") == ["digests.atom.xml"]


def test_readers_have_feeds_of_their_own_editions(pipeline, two_stories):
    recipients.add("owner@home.example", owner=True)
    pipeline.run()
    whose = {
        name: {
            str(row["id"])
            for row in archive.list_digests()
            if f"urn:uuid:{row['id']}" in archive.feed(reader=name)
        }
        for name in ("", "owner@home.example", "ada@home.example")
    }

    rows = {row["private"]: str(row["id"]) for row in archive.list_digests()}
    assert whose == {
        "": {rows[False]},
        "owner@home.example": {rows[True]},
        "ada@home.example": {rows[False]},
    }
    with pytest.raises(NotFound, match=r"nobody@home\.example never got a digest"):
        archive.feed(reader="nobody@home.example")


def test_where_only_an_owner_reads_the_shared_feed_is_the_owners(
    pipeline, two_stories, monkeypatch
):
    recipients.revoke("ada@home.example")
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "owner@home.example")
    monkeypatch.setenv("MILLRACE_OWNERS", "owner@home.example")
    config.reload()
    recipients.add("owner@home.example", owner=True)
    pipeline.run()

    assert archive.feed().count("<entry>") == 1
    recipients.add("ada@home.example")
    assert "<entry>" not in archive.feed()
    recipients.revoke("ada@home.example")
    assert archive.feed().count("<entry>") == 1


def test_an_edition_that_shows_what_was_shared_is_in_no_other_feed(pipeline, two_stories):
    pipeline.run()
    db.execute("""UPDATE digest SET shared = '{"source:notes": "owner@home.example"}'""")

    assert "<entry>" not in archive.feed() and "<entry>" in archive.feed(reader="ada@home.example")


@pytest.mark.parametrize("suffix", [".html", ".txt", ".xml"])
def test_what_is_forgotten_leaves_the_archive(pipeline, two_stories, suffix):
    from f.millrace.memory import forget

    pipeline.run()
    assert names(suffix)

    done = forget.forget("Sodium batteries keep their charge in deep winter")

    assert done.proved, done.found
    assert not any("Sodium batteries" in page(name) for name in names(suffix))
