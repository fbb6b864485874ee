"""The chat: what is streamed while it answers, what stays, and whose conversation it is."""

import json
from typing import Any

import pytest

from f.millrace.assist import chat
from f.millrace.core import db, windmill
from f.millrace.memory import history
from scripts.runner.openflow import load_openflow

QUESTION = "How much will the battery plant in Norrvik make?"


def streamed(text: str) -> list[dict[str, Any]]:
    """Read what the chat would: a worker takes the marked lines, and makes a line break of each
    backslash with an n.
    """
    marked = [
        line.removeprefix("WM_STREAM: ")
        for line in text.split("\n")
        if line.startswith("WM_STREAM: ")
    ]
    return [json.loads(line) for line in "".join(marked).replace("\\n", "\n").split("\n") if line]


@pytest.fixture
def on_windmill(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A job of the chat flow, whose conversation has this id."""
    status = {"flow_status": {"memory_id": "5a0f0f9e-0000-0000-0000-000000000001"}}
    monkeypatch.setenv("WM_ROOT_FLOW_JOB_ID", "11111111-0000-0000-0000-000000000001")
    monkeypatch.setattr(windmill, "on_worker", lambda: True)
    monkeypatch.setattr(windmill, "resource", lambda path: {})
    monkeypatch.setattr(
        windmill,
        "get",
        lambda path: (
            status if path.startswith("jobs_u/get/11111111-0000-0000-0000-000000000001") else None
        ),
    )
    return status


def test_sentences_come_as_they_are_checked_and_the_answer_ends_with_its_sources(
    world: str, capfd: Any
) -> None:
    said = chat.main(QUESTION)

    lines = streamed(capfd.readouterr().out)
    sentences = [line["content"] for line in lines if line["type"] == "token_delta"]
    assert any("gigawatt-hours" in text for text in sentences) and all(
        text.endswith("\n\n") for text in sentences
    )
    assert {line["function_name"] for line in lines if line["type"] == "tool_result"} >= {
        "memory",
        "search",
    }
    answer = said["windmill_chat_answer"]
    assert f"[\\[1\\]]({said['sources'][0]['url']})" in answer
    assert f"\n1. [{said['sources'][0]['title']}]" in answer.partition("Sources:")[2]
    assert said["found"] and db.fetch_one(
        "SELECT status FROM run WHERE id = %s", [said["run_id"]]
    ) == {"status": "done"}


def test_the_conversation_of_the_chat_is_the_session(world: str, on_windmill: Any) -> None:
    chat.main(QUESTION)

    assert [asked for asked, _ in history.turns("chat-5a0f0f9e-0000-0000-0000-000000000001")] == [
        QUESTION
    ]


def test_without_a_conversation_nothing_is_remembered(world: str, on_windmill: Any) -> None:
    on_windmill["flow_status"] = {}

    chat.main(QUESTION)

    assert db.fetch_one("SELECT count(*) AS n FROM chat_session") == {"n": 0}


@pytest.mark.parametrize(
    ("message", "said"), [("  ", "1 to 2000 characters"), ("x" * 2_001, "this one 2001")]
)
def test_a_mistake_is_answered_in_words_and_the_run_counts_as_failed(
    database: str, capfd: Any, message: str, said: str
) -> None:
    answer = chat.main(message)

    assert (
        answer["windmill_chat_answer"].startswith("I cannot answer that: ")
        and said in answer["windmill_chat_answer"]
    )
    assert [line["content"] for line in streamed(capfd.readouterr().out)] == [
        answer["windmill_chat_answer"]
    ]
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [answer["run_id"]]) == {
        "status": "partly_failed"
    }


def test_line_breaks_and_backslashes_survive_the_stream(capfd: Any) -> None:
    text = 'C:\\new\nline \\\\n "quoted" \u2028 Übung'

    chat._stream({"type": "token_delta", "content": text})

    assert streamed(capfd.readouterr().out) == [{"type": "token_delta", "content": text}]


def test_markup_in_what_was_read_stays_text() -> None:
    assert (
        chat._escape_markdown("<b>*x*</b> [a](javascript:x)")
        == r"\<b\>\*x\*\</b\> \[a\](javascript:x)"
    )
    assert chat._web("javascript:alert(1)") == "" and chat._web("document:doc_1#0") == ""
    assert chat._web("https://a.example/x(1) [y]") == "https://a.example/x%281%29%20%5By%5D"


def test_the_flow_is_a_chat() -> None:
    flow = load_openflow("chat")

    assert flow["value"]["chat_input_enabled"] is True
    assert flow["schema"]["required"] == ["user_message"]
