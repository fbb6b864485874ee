"""Faults of tools and providers: a research ends with what is stored and says what was wrong;
nobody is asked.
"""

import json
import re
import threading
import time

import pytest

from f.millrace.agents.researcher import research_topic
from f.millrace.agents.stop_reasons import StopReason
from f.millrace.core import db
from f.millrace.evidence.store import load
from f.millrace.memory.store import remember
from f.millrace.telemetry.events import watch

TOPIC = {"id": "topic_1", "title": "Orbit sodium battery plant in Leeds"}
OPENED = (
    "The Orbit sodium battery plant in Leeds opened on Monday. The plant in Leeds employs 400"
    " people."
)
KNOWN = "The sodium battery plant of Orbit in Leeds cost 300 million pounds."
NOTED = "The Orbit sodium battery plant in Leeds has a visitor centre for schools, I was told."
EVIDENCE = re.compile(r"evidence id=.{0,2}(ev_[0-9a-f]+)")
ANTHROPIC = "anthropic:claude-opus-4-6"
CLOSED_PORT = "http://127.0.0.1:1"


def answering(status, text="{}", kind="application/json"):
    return lambda edge, _: setattr(
        edge, "search_fault", lambda handler: handler.answer(status, text, kind)
    )


def too_slow(edge, configure):
    configure(fetch_seconds="0.2")
    edge.search_fault = lambda handler: time.sleep(0.5)


def cut(edge, _):
    def half(handler):
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", "9999")
        handler.end_headers()
        handler.wfile.write(b'{"results": [')
        handler.close_connection = True

    edge.search_fault = half


def search_is_down(_, configure):
    configure(search_url=CLOSED_PORT)


def tool_server_crashes(edge, configure):
    configure(
        mcp={"shop": f"{edge.url}/mcp"},
        agents={"researcher": {"tools": ["shop", "web", "notes.search", "notes.read"]}},
    )


def pages_are_refused(edge, configure):
    configure(fetch_allow=f"127.0.0.1:{edge.port}")
    edge.results.clear()
    edge.add_page("/a", "Orbit opens", OPENED, host="localhost")


def notes_are_unreadable(edge, configure, tmp_path):
    (tmp_path / "no-folder").write_text("a file where the folder should be")
    configure(notes_dir=str(tmp_path / "no-folder"))
    answering(500)(edge, configure)


# What goes wrong, how, and the words in which the run tells it.
FAILURES = {
    "search is down": (search_is_down, "search failed"),
    "429": (answering(429), "search failed"),
    "500": (answering(500), "search failed"),
    "time-out": (too_slow, "search failed"),
    "HTML instead of JSON": (
        answering(200, "<html>please log in</html>", "text/html"),
        "search failed",
    ),
    "nothing found": (answering(200, '{"results": []}'), ""),
    "an answer that is cut": (cut, "search failed"),
    "a tool server that crashes": (tool_server_crashes, "the tool server shop"),
    "pages that may not be fetched": (pages_are_refused, "not public"),
    "notes that cannot be read": (notes_are_unreadable, "search failed"),
}


@pytest.fixture
def at_hand(edge, configure, tmp_path):
    """A page that the search finds, a note and a memory."""
    edge.add_page("/a", "Orbit opens", OPENED)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "orbit.md").write_text(f"# Orbit\n\n{NOTED}\n")
    configure(notes_dir=str(tmp_path / "notes"))
    remember("evidence", KNOWN, title="Orbit")


@pytest.mark.parametrize("failure", FAILURES)
def test_a_tool_failure_ends_without_a_person_and_is_told(
    failure, edge, in_step, configure, at_hand, tmp_path
):
    inject, words = FAILURES[failure]
    inject(edge, configure, *([tmp_path] if inject is notes_are_unreadable else []))

    result = research_topic(in_step, TOPIC)

    stored = {piece.id for piece in load(in_step, "topic_1")}
    assert result.findings and all(set(finding.citations) <= stored for finding in result.findings)
    assert (
        db.fetch_all("SELECT id FROM approval") == []
        and db.fetch_all("SELECT id FROM action") == []
    )
    said = result.stopped_because + " ".join(
        row["message"] for row in db.fetch_all("SELECT message FROM run_event")
    )
    assert words in said


def test_notes_and_memory_serve_when_the_search_is_down(edge, in_step, configure, at_hand):
    search_is_down(edge, configure)

    result = research_topic(in_step, TOPIC)

    told = " ".join(finding.text for finding in result.findings)
    assert "300 million" in told and "visitor centre" in told
    assert (
        StopReason.SEARCH_FAILED in result.stopped_because
        and result.confidence.tool_reliability <= 50
    )


@pytest.mark.long
@pytest.mark.parametrize("provider", [ANTHROPIC, "ollama:qwen3", "openai:gpt-4o"])
def test_every_provider_is_reached_by_its_usual_variables(
    provider, edge, in_step, configure, monkeypatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", edge.url)
    monkeypatch.setenv("OLLAMA_BASE_URL", f"{edge.url}/v1")
    configure(model=provider)
    edge.add_page("/a", "Orbit opens", OPENED)

    result = research_topic(in_step, TOPIC)

    assert [finding.text for finding in result.findings] == [
        "The Orbit sodium battery plant in Leeds opened on Monday."
    ]
    assert StopReason.MODEL_FAILED not in result.stopped_because and len(edge.requests) == 3
    assert (result.cost_usd > 0) == (not provider.startswith("ollama"))


def cut_stream(handler, body):
    """Close the connection in the middle of a sentence, as a proxy would."""
    if not body.get("stream"):
        return False
    start = {
        "type": "message_start",
        "message": {"id": "x", "type": "message", "role": "assistant", "model": "x", "content": []},
    }
    start["message"] |= {
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    block = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": "The Orbit pl"},
    }
    text = "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in (start, block)
    )
    handler.answer(200, text, "text/event-stream")
    return True


def refuses(status):
    return lambda handler, _: (
        handler.answer(status, "{}", "application/json", retry_after="0") or True
    )


@pytest.mark.parametrize(
    "faults",
    [[refuses(429)], [refuses(500)], [refuses(529)], [None, None, cut_stream]],
    ids=["429", "500", "529", "a stream that is cut"],
)
def test_anthropic_is_asked_again_too(faults, edge, in_step, configure, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", edge.url)
    configure(model=ANTHROPIC)
    edge.add_page("/a", "Orbit opens", OPENED)
    edge.faults = faults

    result = research_topic(in_step, TOPIC)

    assert [finding.text for finding in result.findings] == [
        "The Orbit sodium battery plant in Leeds opened on Monday."
    ]
    assert StopReason.MODEL_FAILED not in result.stopped_because and len(edge.requests) == 4


def test_a_sentence_is_shown_while_the_model_still_writes(edge, in_step, configure):
    configure(model="openai:gpt-4o")
    edge.add_page("/a", "Orbit opens", OPENED)
    shown, seen_in_time = threading.Event(), []

    def slow(handler, body):
        piece = EVIDENCE.search(str(body["messages"])).group(1)
        first = f"The Orbit sodium battery plant in Leeds opened on Monday. [{piece}]\n"
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.chunk(
            [{"index": 0, "delta": {"role": "assistant", "content": first}, "finish_reason": None}]
        )
        seen_in_time.append(shown.wait(10))
        handler.chunk([{"index": 0, "delta": {"content": "NO EVIDENCE"}, "finish_reason": "stop"}])
        handler.wfile.write(b"data: [DONE]\n\n")
        handler.close_connection = True
        return True

    edge.faults = [None, None, slow]
    with watch(lambda line: shown.set() if line["event"] == "token" else None):
        research_topic(in_step, TOPIC)

    assert seen_in_time == [True]


def test_progress_is_told_before_the_model_has_answered(edge, in_step, configure):
    configure(model="openai:gpt-4o")
    told, seen_in_time = threading.Event(), []
    edge.faults = [lambda *_: seen_in_time.append(told.wait(10))]

    with watch(lambda line: told.set() if line["event"] == "progress" else None):
        research_topic(in_step, TOPIC)

    assert seen_in_time == [True]


def test_money_near_its_end_ends_the_topic_with_what_it_has(edge, in_step, configure):
    # The first answer costs 90 % of the limit, so that the evidence is judged and written about
    # without the model.
    configure(model="openai:gpt-4o", run_usd="0.025")
    edge.add_page("/a", "Orbit opens", OPENED)
    edge.usage = {"prompt_tokens": 1000, "completion_tokens": 2000, "total_tokens": 3000}

    result = research_topic(in_step, TOPIC)

    assert [len(edge.requests), round(result.cost_usd, 4)] == [1, 0.0225]
    assert "The Orbit sodium battery plant in Leeds opened on Monday." in [
        finding.text for finding in result.findings
    ]
    assert (
        result.stopped_because == f"{StopReason.BUDGET}; {StopReason.PICKED}"
        and not result.escalated
    )
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [in_step]) == {"status": "running"}
