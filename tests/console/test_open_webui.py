"""The requests of Open WebUI, as they were recorded."""

import json

import pytest

from scripts.paths import ROOT

RECORDED = ROOT.parent / "shared/data/clients/openai_requests.jsonl"


@pytest.fixture
def recorded():
    """The requests that a question in Open WebUI made, in their order."""
    if not RECORDED.is_file():
        pytest.skip(f"the recorded requests are not there: {RECORDED}")
    found = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    return [one for one in found if "x-openwebui-chat-id" in one["headers"]]


def test_one_question_is_one_run_and_its_chores_are_answered_without(
    app, browser, secret, answered, recorded
):
    told = []
    for one in recorded:
        answer = browser().client.post(
            "/v1/chat/completions",
            json=one["body"],
            headers={**one["headers"], "authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 200
        told.append(answer)

    questions = [n for n, one in enumerate(recorded) if one["body"]["stream"]]
    assert len(recorded) == 4 and len(questions) == 1
    assert [one[1]["user_message"] for one in answered] == [
        recorded[questions[0]]["body"]["messages"][-1]["content"]
    ]
    stream = told.pop(questions[0]).text
    assert '"event": {"type": "status"' in stream and '"url_citation"' in stream
    chores = [json.loads(one.json()["choices"][0]["message"]["content"]) for one in told]
    assert {name for chore in chores for name in chore} == {"title", "follow_ups", "tags"}
    assert {"title": "How much will the Norrvik plant"} in chores


def test_every_recorded_request_is_taken(app, browser, secret, answered, recorded):
    for line in RECORDED.read_text().splitlines():
        one = json.loads(line)
        answer = browser().client.post(
            "/v1/chat/completions",
            json=one["body"],
            headers={**one["headers"], "authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == (404 if one["body"]["model"] == "nope" else 200)


def test_a_question_that_begins_as_a_chore_is_one(app, browser, secret, answered):
    text = "### Task:\nRespond to the user query using the provided context.\n\nWhat is new?"

    browser().client.post(
        "/v1/chat/completions",
        json={"model": "millrace/ask", "messages": [{"role": "user", "content": text}]},
        headers={"authorization": f"Bearer {secret}", "x-openwebui-chat-id": "7"},
    )

    assert [one[1]["user_message"] for one in answered] == [text]
