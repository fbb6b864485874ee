"""Rows on a terminal: none is longer than the terminal is wide, and what the next command needs is
whole.
"""

import re

import pytest

from f.millrace.core import db
from f.millrace.memory.store import remember
from f.millrace.telemetry import alerts
from f.millrace.trust import actions
from scripts.commands.__main__ import main
from tests.ingest.conftest import Ingestion

MAIL = (
    "From: Ada Example <ada@example.org>\nTo: zoe@example.org\nSubject: {subject}\n"
    "Date: Mon, 30 Nov 2026 10:00:00 +0000\n\nIt stands still.\n"
)
LONG = "a long tale of the harbour, its cranes, its quays and its tides, " * 4


@pytest.fixture
def rows(database, capsys, monkeypatch):
    """Run a command on a terminal of 80 columns, or in a pipe, and return what it printed."""

    def run(*words, terminal=True):
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
        monkeypatch.delenv("NO_COLOR" if terminal else "FORCE_COLOR", raising=False)
        assert main(list(words)) == 0
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()

    return run


def _remember(_folder):
    return remember("a-kind-of-finding", LONG, title="Title", trust="own")


def _run(_folder):
    run_id = "1fc975eb-692d-4a15-81dd-747e47ab13ae"
    db.execute(
        "INSERT INTO run (id, flow, edition, status) VALUES (%s, %s, '2026-11-30', 'done')",
        [run_id, "f/mine/" + "flow_of_a_long_name_" * 4],
    )
    return run_id[:8]


def _alert(_folder):
    return str(alerts.raise_alert("Anything", "critical", "health", LONG, {})["id"])


def _question(_folder):
    readers = [f"reader.of.a.long.name{number}@example.org" for number in range(6)]
    row = actions.propose("mail.send", {"to": readers}, "mail")
    actions.ask(row["id"])
    return str(row["id"])[:8]


def _mail(folder):
    made = Ingestion(folder / "mails")
    subject = "The crane of the north quay stands still until spring"
    name = "CAF7xQq0123456789abcdefABCDEF0123456789=w@mail.example.eml"
    made.write(name, MAIL.format(subject=subject))
    made.run()
    return made.document(name)["id"]


CASES = {
    "memory timeline": _remember,
    "memory search harbour": _remember,
    "runs": _run,
    "alerts": _alert,
    "approvals list": _question,
    "documents list": _mail,
}


@pytest.mark.parametrize("command", CASES)
def test_a_row_is_cut_at_the_width_of_the_terminal(rows, command, tmp_path):
    name = CASES[command](tmp_path)

    cut = rows(*command.split())
    whole = rows(*command.split(), terminal=False)
    wide = rows(*command.split(), "--wide")

    assert max(map(len, cut)) <= 80 and any(line.endswith("…") or "… " in line for line in cut)
    assert len(cut) == len(whole) and any(name in line for line in cut)
    assert [line.rstrip() for line in wide] == [line.rstrip() for line in whole]
    assert max(map(len, whole)) > 80 and not any("…" in line for line in whole)


def test_a_mail_is_listed_by_its_subject_and_its_sender(rows, tmp_path):
    _mail(tmp_path)

    (row,) = rows("documents", "list", terminal=False)[1:]
    assert "The crane of the north quay stands still until spring, Ada Example" in row
    assert "2026-11-30" in row and "mail.example" not in row
