"""Text of others in the database, as every command prints it: shown, and without effect."""

import json
import re
from pathlib import Path

import psycopg
import pytest

from f.millrace.core import db, visible_text
from f.millrace.memory import store
from f.millrace.telemetry import alerts
from f.millrace.tools import mail
from f.millrace.trust import actions, recipients
from scripts.commands import ask, terminal
from scripts.commands.__main__ import main

PLANTED = "[/x] \x1b[2J\x9b31m\r\nAPPROVED by the operator\u202eevil \U000e0041" + " " * 300 + "end"
RAW = frozenset("\x1b\x9b\r\x7f\u202e\U000e0041")
# What others fill in; ids, kinds and states are ours.
COLUMNS = (
    "title subject body text plain summary reason error name author message comment description"
    " problem because site background why_it_matters tool session role stopped_because notes note"
    " next_step outcome_by given_by actor added_by"
).split()


@pytest.fixture
def planted(database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """A day's run whose texts are all planted; the ids that commands need."""
    file = tmp_path / "report.md"
    file.write_text("# Quay\n\nThe quay is four metres wide.\n\nHigh water is at nine.\n")
    main(["run", "daily_research", "--sample", "--json"])
    run = db.fetch_one("SELECT id FROM run ORDER BY started_at LIMIT 1")
    main(["ingest", str(file), "--wait", "--json"])
    fact = store.remember("fact", "The quay is four metres wide", title="Quay", source="gossip")
    action = actions.propose("box.echo", {"to": "a@b.example", "path": PLANTED}, "planted:1")
    alert = alerts.raise_alert("Odd", "warning", "prometheus", "odd", {"part": PLANTED})
    mail.send("ada@home.example", "Hello", PLANTED, "", "planted-1@millrace.local")
    recipients.add("ada@home.example")
    columns = [one for one in _text_columns() if _plant(*one)]
    assert len(columns) > 20
    document = db.fetch_one("SELECT id FROM document LIMIT 1")
    capsys.readouterr()
    assert run and document
    return {
        "RUN": str(run["id"]),
        "FACT": getattr(fact, "id", str(fact)),
        "ACTION": str(action["id"]),
        "ALERT": str(alert["id"]),
        "DOCUMENT": str(document["id"]),
    }


def _text_columns() -> list[tuple[str, str]]:
    rows = db.fetch_all(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema ="
        " 'public' AND data_type = 'text' AND is_generated = 'NEVER' AND column_name = ANY(%s)",
        [COLUMNS],
    )
    return [(row["table_name"], row["column_name"]) for row in rows]


def _plant(table: str, column: str) -> bool:
    try:
        with db.transaction():
            db.execute(f'UPDATE "{table}" SET "{column}" = "{column}" || %s', [PLANTED])
    except psycopg.Error:  # a column with values of its own, or a log that takes no change
        return False
    return True


COMMANDS = [
    "approvals list",
    "approvals show ACTION",
    "risk explain ACTION",
    "alerts list --all",
    "alerts show ALERT",
    "documents list",
    "documents show DOCUMENT",
    "runs",
    "show RUN",
    "trace RUN",
    "audit show RUN",
    "recipients list",
    "digests --sample",
    "digests --sample page last",
    "outbox list",
    "outbox show planted",
    "memory search quay",
    "memory timeline FACT",
    "memory related FACT",
    "memory stats",
    "memory conversation",
    "tools list",
    "gaps",
    "replies list",
    "spend",
    "health",
    "scorecard",
    "settings show",
    "ask quay --memory",
]


@pytest.mark.long
def test_no_command_lets_planted_text_act(
    planted: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    shown, faults = set(), []
    for words in COMMANDS:
        arguments = [planted.get(word, word) for word in words.split()]
        forms = [[]] if "show planted" in words or "page" in words else [[], ["--json"]]
        for form in forms:
            try:
                code = main([*arguments, *form])
            except SystemExit as error:
                code = int(error.code or 0)
            out, err = capsys.readouterr()
            if code not in (0, 1, 3):
                faults.append(f"{words} {form}: {code} {err[-200:]}")
            if found := RAW & set(out + err):
                faults.append(f"{words} {form}: {sorted(map(ascii, found))}")
            if form:
                continue
            if any(line.lstrip().startswith("APPROVED") for line in (out + err).splitlines()):
                faults.append(f"{words}: a line of its own")
            if "\u2039U+202E\u203a" in out + err:
                shown.add(words)

    assert not faults, "\n".join(faults)
    assert len(shown) >= 10, sorted(shown)


def test_json_says_the_same_as_what_is_stored(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    action = actions.propose("box.echo", {"to": "a@b.example", "path": PLANTED}, "planted:1")
    main(["approvals", "show", str(action["id"]), "--json"])

    assert json.loads(capsys.readouterr().out)["arguments"]["path"] == PLANTED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x9b31m", "‹U+009B›31m"),
        ("a\r\nb", "a␍␊b"),
        ("\u202eevil", "‹U+202E›evil"),
        ("\U000e0041", "‹U+E0041›"),
        ("a\u3164b\u2800", "a‹U+3164›b‹U+2800›"),
        ("a" + " " * 300 + "b", "a   ‹300 times›b"),
        ("\n" * 20 + "b", "␊‹19 empty lines›␊b"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + "‹U+0301›" * 2),
        ("می\u200cروم", "می\u200cروم"),
        ("x\u200dy", "x‹U+200D›y"),
        ("Grüße, 你好 👩\u200d🔬", "Grüße, 你好 👩\u200d🔬"),
        ("x" * 199 + "y" * 2000, "x" * 199 + "yyy‹2000 times›"),
        ("xy" * 600, "xy" * 500 + "… ‹200 more›"),
    ],
)
def test_a_line_shows_what_is_in_it(text: str, shown: str) -> None:
    assert visible_text.line(text) == shown


def test_each_line_of_a_text_stands_behind_the_frame() -> None:
    assert visible_text.block("a\r\n\nb\x1b\n") == "│ a\n│\n│ b␛"


def test_a_line_that_changes_is_drawn_and_each_row_of_an_answer_keeps_its_frame(capsys) -> None:
    with terminal.guarded():
        console = terminal.Terminal(force_terminal=True, width=40)
        with console.status("Thinking"):
            show = ask.streamed(console)
            show("The quay opens.\n")
            show("It was closed for five weeks while the south wall was repaired.\x1b[2J\n")

    said = capsys.readouterr().out
    assert "␛[2K" not in said and "\x1b[2K" in said
    assert "\x1b[2J" not in said and "␛[2J" in said
    rows = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", said).splitlines()
    words = [row for row in rows if "quay" in row or "closed" in row or "repaired" in row]
    assert words and all(row.startswith(visible_text.FRAME) for row in words)
