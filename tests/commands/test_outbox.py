"""`outbox`: what nobody got, of this machine and of the workers."""

import email
import json
from pathlib import Path
from typing import Any

import pytest

from f.millrace.core import config, db
from f.millrace.tools import mail
from scripts.commands.__main__ import main as command


@pytest.fixture
def mails(database: str, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One mail that a worker kept, and one file of this machine."""
    mail.send(
        "ada@home.example", "From a worker", "Grüße, Ada", "<p>x</p>", "worker-1@millrace.local"
    )
    db.execute("UPDATE outbox SET made_at = now() - interval '1 hour'")
    for name in ("BASE_INTERNAL_URL", "WM_TOKEN"):
        monkeypatch.delenv(name)
    config.reload()
    mail.send("bob@home.example", "From here", "Hello, Bob", "", "local-1@millrace.local")


def test_the_list_has_both_outboxes_the_newest_first(
    mails: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["outbox", "list", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)["mails"]
    assert [(one["recipient"], one["subject"], one["where"] == "database") for one in found] == [
        ("bob@home.example", "From here", False),
        ("ada@home.example", "From a worker", True),
    ]
    assert command(["outbox", "list"]) == 0
    assert "worker-1@millrace.local" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("beginning", "text"),
    [("worker", "│ Grüße, Ada"), ("<local-1@millrace.local>", "│ Hello, Bob")],
)
def test_a_mail_is_shown_as_a_person_reads_it(
    mails: None, capsys: pytest.CaptureFixture[str], beginning: str, text: str
) -> None:
    assert command(["outbox", "show", beginning]) == 0
    assert f"\n\n{text}\n" in capsys.readouterr().out


def test_those_of_the_workers_are_saved_as_files(
    mails: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["outbox", "save", str(tmp_path / "saved")]) == 0

    assert capsys.readouterr().out.startswith("1 mail saved in ")
    (path,) = (tmp_path / "saved").iterdir()
    assert path.name == "worker-1@millrace.local.eml"
    assert email.message_from_bytes(path.read_bytes())["To"] == "ada@home.example"


def test_an_unknown_id_and_an_empty_outbox_are_told(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["outbox", "list"]) == 0
    assert capsys.readouterr().out == "The outbox is empty.\n"
    assert command(["outbox", "show", "nothing"]) == 2
    assert "scripts/millrace outbox list" in capsys.readouterr().err
