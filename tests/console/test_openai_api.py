"""The API of the console, asked by OpenAI's own client and by requests as Open WebUI sends them."""

import json
import uuid

import openai
import pytest

from f.millrace.telemetry import runs
from f.millrace.trust import access_tokens
from scripts.console.children import Children

QUESTION = [{"role": "user", "content": "How much will it make?"}]


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["millrace/ask", "millrace/task"]
    assert client.models.retrieve("millrace/ask").owned_by == "millrace"


def test_an_answer_names_its_sources(client, answered):
    done = client.chat.completions.create(model="millrace/ask", messages=QUESTION)

    message = done.choices[0].message
    assert message.content.startswith("It makes 12 GWh. [1]")
    assert "1. Cells: https://cell.example/a" in message.content
    assert message.annotations[0].url_citation.url == "https://cell.example/a"
    assert done.usage.total_tokens == 0 and done.choices[0].finish_reason == "stop"
    assert answered[0][0] == "chat" and answered[0][3] == "cy"


def test_an_answer_is_streamed_with_its_usage(client, answered):
    chunks = list(
        client.chat.completions.create(
            model="millrace/ask",
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("It makes 12 GWh. [1]")
    thought = [getattr(one.choices[0].delta, "reasoning_content", "") for one in chunks[1:3]]
    assert "Searching… 12 results\n" in thought
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 0
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_a_conversation_goes_on_with_the_history_that_a_client_sends(client, answered):
    first = client.chat.completions.create(model="millrace/ask", messages=QUESTION)
    said = {"role": "assistant", "content": first.choices[0].message.content}
    more = [*QUESTION, said, {"role": "user", "content": "And when?"}]

    client.chat.completions.create(model="millrace/ask", messages=more)

    assert [one[1]["user_message"] for one in answered] == ["How much will it make?", "And when?"]
    assert answered[0][2] == answered[1][2]


def test_a_task_is_another_model(client, answered):
    client.chat.completions.create(model="millrace/task", messages=QUESTION)

    assert answered[0][:2] == ("do_task", {"task": "How much will it make?"})


def test_mistakes_are_told_as_the_client_expects(client, served):
    wrong = openai.OpenAI(api_key="mlr_none", base_url=client.base_url, max_retries=0)

    with pytest.raises(openai.AuthenticationError) as refused:
        wrong.models.list()
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-9", messages=QUESTION)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="millrace/ask", messages=[])
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(
            model="millrace/ask", messages=[{"role": "user", "content": "x" * 3000}]
        )
    wrong.close()

    assert refused.value.code == "invalid_api_key" and missing.value.code == "model_not_found"
    assert "3000 characters" in str(long.value)


def test_a_reader_may_not_ask(client, served, folk):
    _, secret = access_tokens.create("di", "laptop", by="di")
    reader = openai.OpenAI(api_key=secret, base_url=client.base_url, max_retries=0)

    with pytest.raises(openai.PermissionDeniedError):
        reader.chat.completions.create(model="millrace/ask", messages=QUESTION)
    assert len(reader.models.list().data) == 2
    reader.close()


def test_a_run_that_fails_is_an_error(client, monkeypatch):
    def start(self, flow, args, session=""):
        run_id = str(uuid.uuid4())
        runs.ensure(run_id, flow)
        runs.fail(run_id, "the model refused")
        return run_id

    monkeypatch.setattr(Children, "start", start)

    with pytest.raises(openai.APIStatusError, match="the model refused"):
        client.chat.completions.create(model="millrace/ask", messages=QUESTION)
    with pytest.raises(openai.APIError, match="the model refused"):
        list(client.chat.completions.create(model="millrace/ask", messages=QUESTION, stream=True))


@pytest.mark.parametrize("name", ["title", "tags", "follow_ups", "queries"])
def test_chores_of_open_webui_are_no_research(client, answered, name):
    chore = f'### Task:\nGenerate. JSON format: {{ "{name}": ... }}\n<chat_history>…'

    done = client.chat.completions.create(
        model="millrace/ask", messages=[{"role": "user", "content": chore}]
    )

    assert list(json.loads(done.choices[0].message.content)) == [name]
    assert answered == []


def test_open_webui_gets_status_lines_and_no_list_of_sources(client, answered):
    raw = client.chat.completions.with_raw_response.create(
        model="millrace/ask",
        messages=QUESTION,
        stream=True,
        extra_headers={"X-OpenWebUI-Chat-Id": "7"},
    )

    text = raw.http_response.read().decode()

    assert '"event": {"type": "status"' in text and "Sources:" not in text


def test_a_stream_is_told_when_the_console_ends(server, client, begun):
    stream = iter(
        client.chat.completions.create(model="millrace/ask", messages=QUESTION, stream=True)
    )
    next(stream)
    server[0].should_exit = True

    with pytest.raises(openai.APIError, match=f"/runs/{begun[0][4]}"):
        list(stream)


def test_only_a_gateway_speaks_for_others(client, served, answered, folk):
    _, gateway = access_tokens.create("ana", "open-webui", "member", gateway=True, by="ana")
    headers = {"X-OpenWebUI-User-Email": "bo"}
    through = openai.OpenAI(api_key=gateway, base_url=client.base_url, max_retries=0)

    through.chat.completions.create(model="millrace/ask", messages=QUESTION, extra_headers=headers)
    client.chat.completions.create(model="millrace/ask", messages=QUESTION, extra_headers=headers)
    with pytest.raises(openai.AuthenticationError):
        through.models.list(extra_headers={"X-OpenWebUI-User-Email": "stranger"})
    through.close()

    assert [one[3] for one in answered] == ["bo", "cy"]


def test_a_token_of_a_browser_s_cookie_is_none(browser):
    assert browser().get("/v1/models").status_code == 401
    assert browser().get("/v1/models").json()["error"]["code"] == "invalid_api_key"
    assert browser("cy").get("/v1/models").status_code == 200
