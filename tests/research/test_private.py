"""What is the owner's stays with the owner: the whole way, with planted words."""

from pathlib import Path

import pytest

from f.millrace.agents import researcher as researching
from f.millrace.core import config, db, run_context
from f.millrace.memory import store
from f.millrace.tools import http
from f.millrace.trust import recipients
from tests.research.conftest import item

RESEARCH = researching.research
PLANTED = ("kestrel-seven", "blue heron", "Willowbrook")
NOTE = (
    "Our build server kestrel-seven runs the logging library Log4j in version two. The password"
    " hint of the build server is blue heron, as always."
)
MEMORY = "Ada said that the logging library Log4j is also used by the company in Willowbrook."
NEWS = (
    "A flaw in the logging library Log4j lets attackers run code. The makers of the logging library"
    " released a new version of Log4j on Friday."
)


@pytest.fixture
def asked(monkeypatch):
    """Every address that is fetched, with what is sent there."""
    seen: list[str] = []
    refuse = http.fetch

    def fetch(url, **options):
        seen.append(f"{url} {options.get('body')} {options.get('headers')}")
        return refuse(url, **options)

    monkeypatch.setattr(http, "fetch", fetch)
    return seen


@pytest.fixture
def morning(pipeline, offered, monkeypatch, asked):
    """A run with a note and a memory about the news, a reader, and the owner."""
    monkeypatch.setattr(researching, "research", RESEARCH)
    monkeypatch.setenv("MILLRACE_SEARCH_URL", "http://search.example")
    config.reload()
    recipients.add("owner@home.example", by="test", owner=True)
    with run_context.change(namespace="main"):
        store.remember("note", MEMORY, title="What Ada said", trust="own")
    offered["hackernews"] = [
        item("1", "A flaw in Log4j lets attackers run code", text=NEWS, score=400)
    ]
    offered["feeds"] = [item("2", "Log4j on our build server", text=NOTE, trust="own", url="")]
    return pipeline.run()[0]


def digest_of(run_id, private):
    return db.fetch_one(
        "SELECT recipients, subject || html || plain AS text FROM digest WHERE run_id = %s AND"
        " private = %s",
        [run_id, private],
    )


def test_no_private_word_reaches_another_reader(morning):
    digest = digest_of(morning, private=False)

    assert digest["recipients"] == ["ada@home.example"]
    assert "lets attackers run code" in digest["text"]
    assert [word for word in PLANTED if word in digest["text"]] == []


def test_the_owner_reads_the_notes(morning):
    digest = digest_of(morning, private=True)

    assert digest["recipients"] == ["owner@home.example"]
    assert "kestrel-seven" in digest["text"]


def test_the_page_that_one_hands_on_has_no_private_word(morning):
    folder = Path(config.settings().outbox_dir)
    readers, owners = folder / "digest-2026-11-18.html", folder / "private/digest-2026-11-18.html"

    assert [word for word in PLANTED if word in readers.read_text()] == []
    assert (
        "kestrel-seven" in owners.read_text()
        and "kestrel-seven" in owners.with_suffix(".txt").read_text()
    )
    assert [path.name for path in folder.glob("digest-*.html")] == [readers.name]


def test_no_private_word_leaves_as_a_query_or_an_address(morning, asked):
    assert [one for one in asked for word in PLANTED if word in one or word.split()[0] in one] == []


def test_what_is_said_of_news_cites_nothing_private(morning):
    cited = db.fetch_all(
        "SELECT e.trust FROM research_result s JOIN topic t ON t.id = s.topic_id,"
        " jsonb_array_elements(s.findings) AS f (finding), jsonb_array_elements_text(f.finding ->"
        " 'citations') AS c (id) JOIN evidence e ON e.id = c.id WHERE s.run_id = %s AND NOT"
        " t.private",
        [morning],
    )

    assert cited and {row["trust"] for row in cited} == {"untrusted"}


def test_the_setting_names_owners_too(pipeline, monkeypatch):
    assert not pipeline.open()["windows"][0]["private"]

    monkeypatch.setenv("MILLRACE_OWNERS", "ada@home.example")
    config.reload()

    assert pipeline.open()["windows"][0]["private"]
