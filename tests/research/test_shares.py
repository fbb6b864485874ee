"""What is private and shared: the whole way, with planted words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from f.millrace.agents import researcher as researching
from f.millrace.core import config, db, run_context
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.memory import documents, store
from f.millrace.research import compose, deliver, propose, read_pages, read_source, select
from f.millrace.tools import http, sources
from f.millrace.trust import recipients, shares
from tests.research.conftest import item

RESEARCH = researching.research
SOURCES = dict(vars(sources))["SOURCES"]
OWNER, READER, OTHER = "owner@home.example", "ada@home.example", "eve@home.example"
NEWS = (
    "A flaw in the logging library Log4j lets attackers run code. The makers of the logging library"
    " released a new version of Log4j on Friday."
)
NOTE = (
    "# Build server\n\nThe build server kestrel-seven moves to the cellar in December. The builder"
    " of the shelves comes on Monday and brings the ladder of the neighbour."
)
FEED_URL = "https://club.example/feed.xml?key=heron-blue"
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Rowing club</title><item>
<title>Boat house gets a new roof of Willowbrook slate</title><link>https://club.example/roof</link>
<description>The boat house gets a new roof in spring. The slate comes from Willowbrook and the
club pays half of it.</description><pubDate>{date}</pubDate></item></channel></rss>"""
DOCUMENT = (
    "Invoice 2026-03 of the painter Quillfeather. The painter Quillfeather asks for 1,240 euros for"
    " the hall. The invoice is to be paid by the end of the month."
)


@pytest.fixture
def asked(monkeypatch, web):
    """Every address that is fetched, with what is sent there; the club's feed is there."""
    seen: list[str] = []
    refuse = http.fetch

    def fetch(url, **options):
        seen.append(f"{url} {options.get('body')}")
        if url == FEED_URL:
            date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
            return http.Page(url, 200, {}, FEED.replace("{date}", date).encode())
        return refuse(url, **options)

    monkeypatch.setattr(http, "fetch", fetch)
    return seen


def put_document(body, title="Invoice of the painter", namespace="main"):
    with run_context.change(namespace=namespace):
        name = documents.expect(namespace, f"/papers/{title}.md")
        documents.keep(
            name,
            body,
            [documents.Passage(0, len(body), 1, "")],
            documents.Particulars("md", title),
            sha256=f"{hash(body):064x}"[-64:],
            size=len(body),
            changed_ns=int(datetime.now(UTC).timestamp() * 1e9),
            reader="1",
            trust="untrusted",
        )


@pytest.fixture
def home(pipeline, offered, monkeypatch, asked, clock, tmp_path):
    """An owner with a note, a document, a private feed and memories; two readers; one piece of
    news.
    """
    # Memories and documents have the time of the database's clock.
    clock(datetime.now(UTC) + timedelta(minutes=10))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/build.md").write_text(NOTE)
    faked = sources.SOURCES

    class Mixed:
        def __getitem__(self, name):
            return faked[name] if name == "hackernews" else (SOURCES[name])

    monkeypatch.setattr(sources, "SOURCES", Mixed())
    monkeypatch.setattr(researching, "research", RESEARCH)
    monkeypatch.setenv("MILLRACE_SOURCES", "hackernews,notes,documents")
    monkeypatch.setenv("MILLRACE_NOTES_DIR", str(tmp_path / "notes"))
    monkeypatch.setenv("MILLRACE_PRIVATE_FEEDS", FEED_URL)
    monkeypatch.setenv("MILLRACE_RECIPIENTS", READER)
    monkeypatch.setenv("MILLRACE_SEARCH_URL", "http://search.example")
    config.reload()
    recipients.add(OWNER, by="test", owner=True)
    recipients.add(OTHER, by="test")
    put_document(DOCUMENT)
    with run_context.change(namespace="house"):
        store.remember(
            "note", "The key of the shed hangs at the Thistledown gate.", title="Key", trust="own"
        )
    with run_context.change(namespace="main"):
        store.remember("note", "Aunt Pemberton calls on Sundays.", title="Aunt", trust="own")
    offered["hackernews"] = [
        item("1", "A flaw in Log4j lets attackers run code", text=NEWS, score=400)
    ]
    return pipeline


# What is planted where; each word is in one private thing only.
PLANTED = {
    "notes": "kestrel-seven",
    "feed": "Willowbrook",
    "documents": "Quillfeather",
    "house": "Thistledown",
    "main": "Pemberton",
}


def shown(run_id):
    """Which planted words each recipient's mail has."""
    rows = db.fetch_all(
        "SELECT recipients, subject || html || plain AS text FROM digest WHERE run_id = %s",
        [run_id],
    )
    return {
        address: {name for name, word in PLANTED.items() if word in row["text"]}
        for row in rows
        for address in row["recipients"]
    }


def text_of(run_id, address):
    row = db.fetch_one(
        "SELECT plain FROM digest WHERE run_id = %s AND %s = ANY(recipients)", [run_id, address]
    )
    return " ".join(row["plain"].split())


def test_without_a_share_only_the_owner_is_shown_what_is_private(home):
    run_id, _ = home.run(max_topics=8)

    found = shown(run_id)
    assert found[OWNER] == {"notes", "feed", "documents"}
    assert found[READER] == found[OTHER] == set()
    # Nor that there is something.
    assert "Notes" not in text_of(run_id, OTHER) and "Documents" not in text_of(run_id, OTHER)
    assert "club.example" not in text_of(run_id, OTHER)


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("source", "notes", {"notes"}),
        ("source", "documents", {"documents"}),
        ("source", FEED_URL, {"feed"}),
        ("namespace", "house", {"house"}),
        ("namespace", "main", {"documents", "main"}),
    ],
)
def test_a_share_shows_its_recipient_that_and_nothing_else(home, asked, kind, name, expected):
    shares.add(READER, kind, name)

    run_id, _ = home.run(max_topics=8)

    found = shown(run_id)
    assert found[READER] == expected
    assert found[OTHER] == set()
    assert "Shared by " + OWNER in text_of(run_id, READER)
    assert "Only in your digest" not in text_of(run_id, READER)
    assert "lets attackers run code" in text_of(run_id, READER)
    assert [one for one in asked for word in PLANTED.values() if word.split("-")[0] in one] == []
    assert [one for one in asked if "search.example" in one and "roof" in one] == []


def test_the_page_of_what_was_shared_lies_apart(home):
    shares.add(READER, "source", "notes")
    home.run(max_topics=8)

    folder = Path(config.settings().outbox_dir)
    plain = [path.read_text() for path in folder.glob("*.html")]
    apart = [path.read_text() for path in folder.glob("private/*.html")]
    assert len(plain) == 1 and len(apart) == 2
    assert not any(word in page for word in PLANTED.values() for page in plain)
    assert all("kestrel-seven" in page for page in apart)


def test_what_is_unshared_while_a_run_goes_is_not_shown(home):
    shares.add(READER, "source", "notes")
    opened = home.open()
    for source in opened["sources"]:
        read_source.main(opened["run_id"], source)
    read_pages.main(opened["run_id"])
    select.main(opened["run_id"], max_topics=8)
    shares.end(READER, "source", "notes")

    compose.main(opened["run_id"])

    assert shown(opened["run_id"])[READER] == set()
    assert db.fetch_one("SELECT count(*) AS n FROM digest")["n"] == 2


def test_a_composed_digest_is_not_sent_once_its_share_has_ended(home):
    shares.add(READER, "source", "notes")
    run_id = home.until_compose(max_topics=8)
    propose.main(run_id)
    shares.end(READER, "source", "notes")

    told = {one["recipient"]: one for one in deliver.main(run_id)["deliveries"]}

    assert told[READER]["status"] == "expired" and "not shared" in told[READER]["error"]
    assert told[OTHER]["status"] == "outbox"


def test_what_was_told_of_private_things_is_no_word_of_a_query(home, asked):
    home.run(max_topics=8)
    config.reload()
    from f.millrace.digest import run_plan
    from f.millrace.research import said_before

    run_id = db.fetch_one("SELECT id FROM run ORDER BY started_at DESC LIMIT 1")["id"]
    opened = run_plan.load(run_id)
    opened.day += timedelta(days=1)

    public, all_of_it = said_before.findings(opened), said_before.findings(opened, private=True)
    assert any("kestrel-seven" in said for said in all_of_it)
    assert public and not any(word in said for word in PLANTED.values() for said in public)


@pytest.mark.parametrize("engine", ["", "http://search.example"])
def test_a_search_of_public_news_takes_up_no_note(home, offered, engine, monkeypatch, tmp_path):
    (tmp_path / "notes/log4j.md").write_text(
        "# A flaw in Log4j lets attackers run code\n\nOur server kestrel-seven runs Log4j, whose"
        " flaw lets attackers run code. The makers of Log4j know it as kestrel-seven."
    )
    monkeypatch.setenv("MILLRACE_SEARCH_URL", engine)
    config.reload()

    run_id, _ = home.run(max_topics=8)

    cited = db.fetch_all(
        "SELECT e.url FROM evidence e JOIN topic t ON t.id = e.topic_id WHERE t.run_id = %s AND NOT"
        " t.private AND (e.trust = 'own' OR e.url LIKE 'note:%%')",
        [run_id],
    )
    assert cited == []
    assert shown(run_id)[OTHER] == set()


def test_what_is_public_cannot_be_shared(home):
    with pytest.raises(BadInput, match="'hackernews' is no private source"):
        shares.add(READER, "source", "hackernews")
    with pytest.raises(NotFound, match="nothing in the namespace 'shed'"):
        shares.add(READER, "namespace", "shed")
    with pytest.raises(BadInput, match="is an owner and sees all"):
        shares.add(OWNER, "source", "notes")
    with pytest.raises(NotFound, match="is no recipient"):
        shares.add("nobody@home.example", "source", "notes")
    with pytest.raises(NotFound, match="the notes is not shared with"):
        shares.end(READER, "source", "notes")


def test_a_share_of_a_feed_keeps_its_password_to_itself(home):
    row = shares.add(READER, "source", FEED_URL)

    assert row["key"].startswith("source:https://club.example/feed.xml#")
    assert "heron-blue" not in row["key"]
    # As it is shown it can be named, too.
    shares.end(READER, "source", row["key"].partition(":")[2])
    assert shares.of_recipients([READER]) == {READER: {}}
