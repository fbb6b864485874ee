"""`digests`, `replies`, `recipients show`: the archive and what readers said, on a terminal."""

import io
import json
import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import pytest

from f.millrace.core import config
from f.millrace.research import follow_link
from f.millrace.trust import feedback, recipients, reply_tokens
from scripts.commands.__main__ import main as command
from tests.research.conftest import (  # noqa: F401  # the fixtures of a run
    clock,
    offered,
    pipeline,
    researcher,
    two_stories,
)

ADA = "ada@home.example"


@pytest.fixture
def mailed(pipeline, two_stories):  # noqa: F811
    """A delivered digest; its run."""
    return pipeline.run()[0]


def token(verb: str, rank: int = 0) -> str:
    from f.millrace.core import db

    row = db.fetch_one("SELECT message_id FROM delivery")
    assert row is not None
    return reply_tokens.sign(reply_tokens.current_key(), verb, row["message_id"], rank)


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_the_list_has_day_subject_topics_and_recipients(mailed, capsys):
    assert command(["digests"]) == 0
    assert "2026-11-18 2 ada@home.example" in out(capsys)

    assert command(["digests", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["digests"]
    assert (row["local_day"], row["number"], row["topics"]) == ("2026-11-18", 1, 2)


def test_without_a_digest_it_says_how_to_get_one(database, capsys):
    assert command(["digests"]) == 0
    assert "scripts/millrace run daily_research makes one" in out(capsys)
    assert command(["digests", "open", "last"]) == 2
    assert command(["digests", "open", "2026-11-18"]) == 2
    assert command(["digests", "open", "18 November"]) == 2


@pytest.mark.parametrize("far", [True, False])
def test_open_shows_the_page_and_over_ssh_its_path(mailed, capsys, monkeypatch, far):
    path = Path(config.settings().outbox_dir) / "digest-2026-11-18.html"
    path.unlink()
    seen: list[str] = []
    monkeypatch.setattr(webbrowser, "open", seen.append)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    if far:
        monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")

    assert command(["digests", "open", "2026-11-18"]) == 0

    assert out(capsys).endswith("digest-2026-11-18.html") and path.is_file()
    assert seen == ([] if far else [path.as_uri()])


def test_the_feed_is_written_where_it_is_told(mailed, capsys, tmp_path):
    assert command(["digests", "feed", str(tmp_path / "feed.xml")]) == 0
    assert (tmp_path / "feed.xml").read_text().startswith('<?xml version="1.0"')
    assert command(["digests", "feed", "--private"]) == 2
    assert command(["digests", "feed", "-"]) == 0
    assert "<feed xmlns=" in capsys.readouterr().out


def test_the_pages_of_a_digest_are_listed_and_read(mailed, capsys):
    assert command(["digests", "page", "last"]) == 0
    assert "https://news.example/" in out(capsys)
    assert command(["digests", "page", "last", "1"]) == 0
    assert "in full." in out(capsys)
    assert command(["digests", "page", "last", "3"]) == 2


def test_replies_are_read_from_files_and_from_a_pipe(mailed, capsys, tmp_path, monkeypatch):
    mail = tmp_path / "reply.eml"
    mail.write_text(f"From: {ADA}\nSubject: More [millrace:{token('more', 1)}]\n\n")

    assert command(["replies", "read", str(mail)]) == 0
    assert "Noted: more like" in out(capsys)

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(mail.read_bytes())))
    assert command(["replies", "read"]) == 1
    assert "a token counts once" in capsys.readouterr().err
    assert command(["replies", "list"]) == 0
    assert "ada@home.example more" in out(capsys)
    assert command(["replies", "read", str(tmp_path / "none.eml")]) == 2


def test_a_new_key_ends_the_old_tokens(mailed, capsys):
    old = token("unsubscribe")

    assert command(["replies", "renew-key"]) == 0

    assert "key 2 signs from now on" in out(capsys)
    assert follow_link.main(old, "post")["windmill_status_code"] == 400
    assert len(recipients.list_recipients()) == 1


def test_a_recipient_is_shown_with_what_they_said_and_got(mailed, capsys):
    recipients.add(ADA, interests=["compilers"], by="test")
    feedback.apply(token("more", 1), "link")
    feedback.apply(token("less", 2), "link")

    assert command(["recipients", "show", ADA]) == 0
    shown = out(capsys)
    assert "follows compilers" in shown and "owner no" in shown
    assert "digest 2026-11-18 outbox" in shown and "said 2026-11-18 less" in shown
    assert {"sodium", "flood"} <= set(shown.replace(",", "").split())

    assert command(["recipients", "list"]) == 0
    assert "compilers, +" in out(capsys)
    assert command(["recipients", "show", "nobody@home.example"]) == 2


def test_who_unsubscribed_is_listed_with_the_way_back(mailed, capsys):
    feedback.apply(token("unsubscribe"), "link")

    assert command(["recipients", "list"]) == 0
    assert "unsubscribed on" in out(capsys)
    assert command(["recipients", "show", ADA]) == 0
    assert "recipients add brings them back" in out(capsys)
    assert command(["recipients", "add", ADA]) == 0
    assert [row["address"] for row in recipients.list_recipients()] == [ADA]
