"""The conversation in the terminal, and `ask` with text from stdin."""

import os
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.memory import history
from scripts.commands.__main__ import main


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """What is typed, as a file that stdin is redirected from."""

    def type_lines(*lines: str) -> None:
        file = tmp_path / "typed"
        file.write_text("".join(line + "\n" for line in lines))
        opened.append(file.open())
        monkeypatch.setattr("sys.stdin", opened[-1])

    cwd, opened = os.getcwd(), []
    yield type_lines
    os.chdir(cwd)
    for file in opened:
        file.close()


def test_a_greeting_is_answered_without_research(database: str, typed: Any, capsys: Any) -> None:
    typed("hello", "/sources", "/good", "thanks!", "/what")

    assert main(["chat", "--memory"]) == 0

    out = capsys.readouterr().out
    assert "Hello. I answer questions" in out and "You are welcome." in out
    assert "the last answer has none" in out and "noted: good" in out and "no command /what" in out
    assert db.fetch_one("SELECT count(*) AS n FROM evidence") == {"n": 0}
    assert {row["status"] for row in db.fetch_all("SELECT status FROM run")} == {"done"}


def test_text_from_stdin_is_what_the_question_is_about(
    database: str, typed: Any, capsys: Any
) -> None:
    typed("The Tern Bridge in Ardle was built in 1931 by Jane Holt and painted in 1950.")

    assert main(["ask", "When was the Tern Bridge built?"]) == 0

    out = capsys.readouterr().out
    assert "built in 1931" in out and "text from stdin" in out


def test_a_question_is_read_from_stdin_and_the_last_conversation_is_continued(
    database: str, typed: Any, capsys: Any
) -> None:
    typed("hello there")
    assert main(["ask"]) == 0
    session = history.last_session()
    typed("thank you")
    assert main(["ask", "-c", "-", "--json"]) == 0

    assert history.last_session() == session
    assert [asked for asked, _ in history.turns(session)] == ["hello there", "thank you"]


def test_without_a_conversation_there_is_none_to_continue(
    database: str, typed: Any, capsys: Any
) -> None:
    typed("hello")

    assert main(["ask", "-c", "-"]) in (1, 2)
    assert "no conversation to continue" in capsys.readouterr().err
