"""In an owner's edition a public topic names what the owner wrote down about it."""

from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.agents import researcher as researching
from f.millrace.core import config, db, run_context
from f.millrace.memory import store
from f.millrace.trust import recipients
from tests.research.conftest import item
from tests.research.test_shares import put_document

RESEARCH = researching.research
OWNER, READER = "owner@home.example", "ada@home.example"
TITLE = "A flaw in the logging library Log4j lets attackers run code"
NEWS = (
    f"{TITLE}. The makers of the logging library released a new version of Log4j on Friday. Log4j"
    " is used by many servers."
)

SECOND = (
    "A second flaw in the logging library Log4j lets attackers run code again. Its makers released"
    " another version of Log4j on Saturday, and servers are scanned for both flaws."
)


@pytest.fixture
def home(pipeline, offered, monkeypatch, tmp_path, clock):
    """An owner and a reader, one piece of news, and a folder for notes."""
    # Memories have the time of the database's clock.
    clock(datetime.now(UTC) + timedelta(minutes=10))
    (tmp_path / "notes").mkdir()
    monkeypatch.setattr(researching, "research", RESEARCH)
    monkeypatch.setenv("MILLRACE_NOTES_DIR", str(tmp_path / "notes"))
    monkeypatch.setenv("MILLRACE_RECIPIENTS", READER)
    config.reload()
    recipients.add(OWNER, by="test", owner=True)
    offered["hackernews"] = [item("1", TITLE, text=NEWS, score=400)]

    def run(**texts):
        for name, text in texts.items():
            (tmp_path / f"notes/{name}.md").write_text(text)
        run_id, _ = pipeline.run()
        rows = db.fetch_all("SELECT private, html, plain FROM digest WHERE run_id = %s", [run_id])
        return {row["private"]: " ".join(row["plain"].split()) + row["html"] for row in rows}

    return run


def test_a_note_stands_beside_the_topic_with_title_date_and_line(home):
    mails = home(
        servers="# Our servers\n\nThe printer is in the hall.\n\nThe build server kestrel-seven"
        " runs the logging library Log4j in version two."
    )

    assert "From your notes: Our servers (" in mails[True]
    assert "The build server kestrel-seven runs the logging library Log4j" in mails[True]
    assert "printer" not in mails[True]
    assert "kestrel-seven" not in mails[False] and "From your" not in mails[False]


def test_documents_and_memories_are_named_too(home):
    with run_context.change(namespace="main"):
        store.remember(
            "note", "Grace wants the library Log4j out of the shop's servers.", title="Grace said"
        )
    put_document(
        "Minutes of May. The shop decided to keep the logging library Log4j until autumn.",
        "Minutes",
    )

    mails = home()

    assert "From your memory: Grace said" in mails[True]
    assert "From your documents: Minutes" in mails[True]
    assert "Grace" not in mails[False] and "Minutes" not in mails[False]


@pytest.mark.parametrize(
    "text",
    [
        "# Shopping\n\nBuy bread, a new library card, run on Friday, code for the door.",
        "# Friday\n\nA new version of the plan: run on Friday, the makers' club, many servers.",
        "# Log\n\nThe flaw in the floor lets water run.",
        "# Library\n\nThe library in the village lets readers borrow code books.",
    ],
)
def test_common_words_relate_nothing(home, text):
    assert "From your" not in home(vague=text)[True]


def test_a_note_is_named_once_in_a_story(home, offered, clock):
    note = "# Our servers\n\nThe build server kestrel-seven runs the logging library Log4j."
    assert "kestrel-seven" in home(servers=note)[True]
    clock(datetime.now(UTC) + timedelta(days=1))
    offered["hackernews"] = [
        item("2", "Log4j: second flaw in the logging library found", text=SECOND, score=500)
    ]

    mail = home()[True]

    assert "Update" in mail and "kestrel-seven" not in mail


def test_a_related_note_is_no_evidence(home):
    home(servers="# Our servers\n\nThe server kestrel-seven runs the logging library Log4j.")

    assert db.fetch_all("SELECT id FROM evidence WHERE body LIKE '%kestrel-seven%'") == []
    assert (
        db.fetch_all("SELECT id FROM memory_item WHERE raw_text::text LIKE '%kestrel-seven%'") == []
    )
