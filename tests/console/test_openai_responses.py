"""OpenAI's responses, asked by OpenAI's own client and by hand."""

import http.client
import json

import openai
import pytest

from f.millrace.core import db
from f.millrace.telemetry import runs
from scripts.console.children import Children
from tests.console.conftest import answer_run, begin_run

QUESTION = "How much will it make?"


def ask(client, text=QUESTION, **more):
    return client.responses.create(model="millrace/ask", input=text, **more)


def test_an_answer_has_what_was_done_and_its_sources(client, answered):
    done = ask(client)

    assert done.status == "completed" and done.output_text == "It makes 12 GWh. [1]\n\n"
    assert [item.type for item in done.output] == ["reasoning", "message"]
    assert done.output[0].summary[0].text == "Searching… 12 results\n"
    cited = done.output[1].content[0].annotations[0]
    assert (cited.url, cited.title) == ("https://cell.example/a", "Cells")
    assert done.output_text[cited.start_index : cited.end_index] == "[1]"
    assert done.usage.total_tokens == 0
    assert answered[0][:2] == ("chat", {"user_message": QUESTION}) and answered[0][3] == "cy"


def test_a_stream_has_the_same_answer_event_by_event(client, answered):
    with client.responses.stream(model="millrace/ask", input=QUESTION) as stream:
        seen = list(stream)
        done = stream.get_final_response()

    names = [event.type for event in seen]
    assert names[:2] == ["response.created", "response.in_progress"]
    assert names[-1] == "response.completed"
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert "response.reasoning_summary_text.delta" in names
    assert "response.output_text.annotation.added" in names
    assert done.output_text == "It makes 12 GWh. [1]\n\n"
    assert done.output[1].content[0].annotations[0].url == "https://cell.example/a"


def test_a_conversation_goes_on_after_a_response(client, answered):
    first = ask(client)

    ask(client, "And when?", previous_response_id=first.id)
    ask(client, "And where?", conversation="another")

    assert answered[0][2] == answered[1][2] != answered[2][2]


def test_a_response_is_fetched_again_by_who_asked(client, served, answered, token_of):
    made = ask(client)

    again = client.responses.retrieve(made.id)

    assert again.status == "completed" and again.output_text == "It makes 12 GWh. [1]"
    assert again.output[1].content[0].annotations[0].title == "Cells"
    for person in ("bo", "ana"):
        other = openai.OpenAI(api_key=token_of(person), base_url=client.base_url, max_retries=0)
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            ask(other, previous_response_id=made.id)
        with pytest.raises(openai.NotFoundError):
            other.responses.cancel(made.id)
        other.close()


def test_an_answer_in_the_background_is_fetched_when_it_is_there(client, begun):
    made = ask(client, background=True)
    before = client.responses.retrieve(made.id)

    answer_run(begun[0][4])

    assert (made.status, before.status) == ("in_progress", "in_progress")
    assert client.responses.retrieve(made.id).output_text == "It makes 12 GWh. [1]"


def test_a_run_that_fails_is_a_failed_response(client, monkeypatch):
    def start(self, flow, args, session=""):
        run_id = begin_run(flow, session)
        runs.fail(run_id, "the model refused")
        return run_id

    monkeypatch.setattr(Children, "start", start)

    done = ask(client)
    with client.responses.stream(model="millrace/ask", input=QUESTION) as stream:
        last = list(stream)[-1]

    assert (done.status, done.error.message) == ("failed", "the model refused")
    assert last.type == "response.failed" and last.response.error.message == "the model refused"


def test_what_waits_for_a_person_is_said_with_its_page(client, question, monkeypatch):
    row = question("cy")
    monkeypatch.setattr(Children, "start", lambda *given: str(row["run_id"]))

    done = ask(client)

    assert done.status == "completed" and f"/waiting/{row['id']}" in done.output_text


def test_a_stream_that_is_left_stops_nothing(served, secret, client, begun):
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=20)
    connection.request(
        "POST",
        "/v1/responses",
        json.dumps({"model": "millrace/ask", "input": QUESTION, "stream": True}),
        {"authorization": f"Bearer {secret}"},
    )
    answer = connection.getresponse()
    while b"Searching" not in answer.readline():
        pass

    connection.close()
    run_id = begun[0][4]
    row = db.fetch_one("SELECT status FROM run WHERE id = %s", [run_id])
    answer_run(run_id)

    assert row == {"status": "running"}
    assert client.responses.retrieve(f"resp_{run_id}").output_text == "It makes 12 GWh. [1]"


def test_a_stream_follows_what_comes_later(client, begun):
    with client.responses.stream(model="millrace/ask", input=QUESTION) as stream:
        events = iter(stream)
        while next(events).type != "response.reasoning_summary_text.delta":
            pass
        answer_run(begun[0][4])
        names = [event.type for event in events]

    assert "response.output_text.delta" in names and names[-1] == "response.completed"


def test_a_stream_is_told_when_the_console_ends_and_the_answer_is_there_afterwards(
    server, client, begun
):
    with client.responses.stream(model="millrace/ask", input=QUESTION) as stream:
        events = iter(stream)
        next(events)
        server[0].should_exit = True
        last = list(events)[-1]

    assert last.type == "error" and f"/runs/{begun[0][4]}" in last.message
    row = db.fetch_one("SELECT status FROM run WHERE id = %s", [begun[0][4]])
    assert row == {"status": "running"}


WRONG = {
    "no JSON": b"{",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "no input": b'{"model": "millrace/ask"}',
    "an empty input": b'{"model": "millrace/ask", "input": ""}',
    "only blanks": b'{"model": "millrace/ask", "input": " \\n\\t"}',
    "an empty list": b'{"model": "millrace/ask", "input": []}',
    "items that are none": b'{"model": "millrace/ask", "input": [1]}',
    "nobody's message": b'{"model": "millrace/ask", "input": [{"type": "item_reference"}]}',
    "half a character": b'{"model": "millrace/ask", "input": "a\\ud800b"}',
    "a long input": json.dumps({"model": "millrace/ask", "input": "x" * 3000}).encode(),
}


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_starts_nothing(app, secret, browser, begun, name, path):
    body = WRONG[name]
    if path.endswith("completions"):
        body = body.replace(b'"input": "', b'"messages": "').replace(b'"input"', b'"messages"')

    answer = browser().client.post(
        path, content=body, headers={"authorization": f"Bearer {secret}"}
    )

    assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert begun == []


def test_a_model_that_is_none_is_not_found(app, secret, browser):
    for model in ("gpt-9", "", [], {}, None, "x" * 5000):
        answer = browser().client.post(
            "/v1/responses",
            json={"model": model, "input": "Hello"},
            headers={"authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"
        assert len(answer.json()["error"]["message"]) < 300


def test_too_much_is_refused_before_it_is_kept(app, secret, browser):
    answer = browser().client.post(
        "/v1/responses",
        content=b"x" * 4_000_001,
        headers={"authorization": f"Bearer {secret}"},
    )

    assert answer.status_code == 413


def test_html_and_controls_are_asked_as_they_are(client, answered):
    text = "<script>alert(1)</script> \u202e\x1b[31m\0 What now?"

    ask(client, text)

    assert answered[0][1] == {"user_message": text}
