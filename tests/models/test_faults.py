"""What a failing model is said to have failed at: the provider's own words, and the next step."""

import asyncio
import json

import pytest

from f.millrace.agents.planner import plan
from f.millrace.agents.writer import write
from f.millrace.core import config, db
from f.millrace.core.contracts import Evidence
from f.millrace.core.errors import BadSetting, ModelFailed
from f.millrace.models import fault_log
from f.millrace.ops import health
from f.millrace.telemetry import alerts

EVIDENCE = [Evidence(id="ev_0123456789abcdef", text="The Orbit plant in Leeds opened on Monday.")]


@pytest.fixture(autouse=True)
def openai(edge, configure):
    configure(model="openai:gpt-4o")


def error(status, said, code="invalid", **more):
    body = json.dumps({"error": {"message": said, "code": code, **more}})
    return lambda handler, _: handler.answer(status, body, "application/json") or True


def page(status):
    text = "<!doctype html><html><title>Sign in</title></html>"
    return lambda handler, _: handler.answer(status, text, "text/html") or True


def all_reasoning(handler, _):
    handler.edge.usage = {"prompt_tokens": 10, "completion_tokens": 2000, "total_tokens": 2010}
    handler.message({"role": "assistant", "content": ""}, "length")
    return True


def no_choices(handler, _):
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    handler.answer(200, json.dumps(body), "application/json")
    return True


# What is answered, what is said of it, and whether asking again soon is of no use.
FAULTS = {
    "key": (
        error(401, "Incorrect API key provided", "invalid_api_key"),
        ["401: the key of OPENAI_API_KEY was refused (Incorrect API key", "; set OPENAI_API_KEY"],
        True,
    ),
    "credit": (error(402, "Insufficient Balance"), ["402: ", "(Insufficient Balance)"], True),
    "quota": (
        error(429, "You exceeded your current quota", "insufficient_quota"),
        ["quota is used up (You exceeded your current quota)", "add credit"],
        True,
    ),
    "rate": (error(429, "Slow down", "rate_limit"), ["too many requests (Slow down)"], False),
    "model": (
        error(404, "The model `gpt-4o` does not exist", "model_not_found"),
        ["has no model 'gpt-4o'", "correct the model's name"],
        True,
    ),
    "request": (
        error(400, "Unsupported parameter: max_completion_tokens"),
        ["400: the request was refused (Unsupported parameter: max_completion_tokens)"],
        True,
    ),
    "page": (page(200), ["something else than JSON", "OPENAI_BASE_URL"], True),
    "page 404": (page(404), ["a web page, 'Sign in'", "OPENAI_BASE_URL"], True),
    "server": (error(500, "upstream died"), ["500: the provider failed (upstream died)"], False),
    "reasoning": (
        all_reasoning,
        ["all 2000 tokens were spent on reasoning", "raise MILLRACE_MAX_OUTPUT_TOKENS"],
        False,
    ),
    "no choices": (no_choices, ["held nothing: no choices", "; try another model"], False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_the_providers_words_in_the_error_in_health_and_as_an_alert(
    fault, edge, in_step, configure
):
    answer, words, lasting = FAULTS[fault]
    configure(agents={"planner": {"max_retries": 0}})
    edge.faults = [answer] * 3

    with pytest.raises(ModelFailed) as caught:
        asyncio.run(plan("Orbit plant"))

    assert all(word in str(caught.value) for word in words) and caught.value.lasting == lasting
    part = next(part for part in health.check_components() if part.name == "model")
    assert part.state == ("critical" if lasting else "degraded") and words[0] in part.reason
    (alert,) = alerts.list_alerts()
    assert alert["severity"] == ("critical" if lasting else "warning")
    assert words[0] in alert["summary"]


def test_an_answer_ends_the_fault_and_its_alert(edge, in_step):
    edge.faults = [error(401, "Incorrect API key provided")]
    with pytest.raises(ModelFailed):
        asyncio.run(plan("Orbit plant"))

    asyncio.run(plan("Orbit plant"))

    assert alerts.list_alerts() == [] and fault_log.find_standing("openai:gpt-4o") is None
    assert health._model().state == "healthy"


def test_an_answer_without_choices_is_asked_again(edge, in_step):
    edge.faults = [no_choices]

    assert asyncio.run(plan("Orbit plant")).output.queries and len(edge.requests) == 2


@pytest.mark.parametrize(
    ("path", "hint"),
    [("", "has no /v1 at its end: try {url}/v1"), ("/v1/chat/completions", "try {url}/v1")],
)
def test_an_address_that_is_not_the_one_for_models_is_answered_with_the_right_one(
    edge, in_step, monkeypatch, path, hint
):
    monkeypatch.setenv("OPENAI_BASE_URL", edge.url + path)
    edge.faults = [page(404)] * 3

    with pytest.raises(ModelFailed) as caught:
        asyncio.run(plan("Orbit plant"))

    assert hint.format(url=edge.url) in str(caught.value)


def test_a_server_that_is_not_there_is_named(in_step, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")

    with pytest.raises(ModelFailed, match=r"no server answers at http://127\.0\.0\.1:1/v1"):
        asyncio.run(plan("Orbit plant"))


def test_a_missing_key_is_a_fault_too(in_step, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY")
    config.reload()

    with pytest.raises(BadSetting, match="needs OPENAI_API_KEY"):
        asyncio.run(plan("Orbit plant"))

    assert "needs OPENAI_API_KEY" in alerts.list_alerts()[0]["summary"]


def test_a_text_that_ends_with_its_tokens_is_used_and_said_to_be_cut(edge, in_step):
    def cut(handler, _):
        handler.message({"role": "assistant", "content": "The Orbit plant in Le"}, "length")
        return True

    edge.faults = [cut]

    assert asyncio.run(write("Orbit plant", EVIDENCE)).output == "The Orbit plant in Le"
    (told,) = db.fetch_all("SELECT message FROM run_event WHERE event = 'error'")
    assert "was cut at 2000 tokens" in told["message"]


def test_the_name_of_an_answer_is_that_of_the_model_that_gave_it(edge, in_step, configure):
    configure(
        run_usd="0.05",
        agents={"planner": {"cheaper_model": "openai:gpt-4o-mini"}},
    )
    edge.usage = {"prompt_tokens": 1000, "completion_tokens": 3500, "total_tokens": 4500}

    assert asyncio.run(plan("Orbit plant")).model == "openai:gpt-4o"
    assert asyncio.run(plan("Another plant")).model == "openai:gpt-4o-mini"


def test_the_most_tokens_of_an_answer_are_those_of_the_setting(edge, in_step, configure):
    configure(max_output_tokens=700)

    asyncio.run(plan("Orbit plant"))

    assert edge.requests[0]["max_completion_tokens"] == 700
