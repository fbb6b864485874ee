import asyncio
import json
import os
import time

import pytest
from pydantic_ai import models
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

from f.millrace.agents.planner import plan
from f.millrace.agents.writer import write
from f.millrace.core import db, llm, providers
from f.millrace.core.contracts import Evidence
from f.millrace.core.errors import BadSetting, BudgetExceeded, BudgetHeld, ModelFailed
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.trust import approvals, budget

EVIDENCE = [
    Evidence(
        id="ev_0123456789abcdef",
        text="The Orbit plant in Leeds opened on Monday. It employs 400 people.",
    )
]


@pytest.fixture(autouse=True)
def openai(edge, configure):
    configure(model="openai:gpt-4o")


def ask_plan(question="Orbit plant", **options):
    return asyncio.run(plan(question, **options))


def ask_write(**options):
    return asyncio.run(write("Orbit plant", EVIDENCE, **options))


def rows():
    return db.fetch_all("SELECT * FROM usage ORDER BY reserved_at")


def states():
    return [row["state"] for row in rows()]


SECRET = "Zq81" + "harbour"


# A server of one's own may pass on a provider's model; one that no provider has stays there.
@pytest.mark.parametrize(("model", "is_told"), [("gpt-4o", False), ("own-7b", True)])
def test_a_provider_is_told_no_secret_and_ones_own_model_is(
    edge, in_step, configure, model, is_told
):
    configure(model=f"openai:{model}")

    ask_plan(f"what opens password={SECRET} at the crane?")

    assert (SECRET in json.dumps(edge.requests)) is is_told


@pytest.mark.parametrize(("model", "is_told"), [("gpt-4o", False), ("own-7b", True)])
def test_a_provider_is_told_no_secret_of_an_earlier_turn(edge, in_step, configure, model, is_told):
    configure(model=f"openai:{model}")
    earlier = [
        ModelRequest(parts=[UserPromptPart([f"is it password={SECRET}?"])]),
        ModelResponse(parts=[TextPart(f"it is password={SECRET}")]),
    ]

    ask_plan("and today?", history=earlier)

    assert json.dumps(edge.requests).count(SECRET) == (2 if is_told else 0)


def test_a_call_is_one_row_with_its_price_and_the_span_says_what_it_used(edge, in_step):
    answer = ask_plan()

    (row,) = rows()
    assert answer.output.queries[0].text == "orbit sodium plant"
    assert (row["state"], row["agent"], row["model"], row["step"]) == (
        "settled",
        "planner",
        "openai:gpt-4o",
        "step",
    )
    assert float(row["cost_usd"]) == pytest.approx(1000 * 2.5e-6 + 200 * 1e-5) == answer.cost_usd
    assert row["price_source"] == "settings" and len(row["prompt_hash"]) == 64
    assert float(row["reserved_usd"]) > float(row["cost_usd"])


def test_the_same_request_of_the_same_step_is_not_paid_twice(edge, in_step):
    first = ask_plan()
    again = ask_plan()

    assert len(edge.requests) == 1
    assert again.output == first.output and again.replayed == 1 and again.cost_usd == first.cost_usd
    assert states() == ["settled"]


def test_429_is_repeated_after_the_time_asked_for_and_not_billed(edge, in_step, monkeypatch):
    edge.faults = [
        lambda handler, _: handler.answer(429, "{}", "application/json", retry_after="7") or True
    ]
    waits, sleep = [], asyncio.sleep

    async def note(seconds, *more):
        waits.append(seconds)
        return await sleep(0, *more)

    monkeypatch.setattr(asyncio, "sleep", note)

    ask_plan()

    assert [seconds for seconds in waits if seconds >= 1] == [7]
    assert states() == ["released", "settled"]
    assert [float(row["cost_usd"]) > 0 for row in rows()] == [False, True]


def test_500_is_repeated_few_times_and_then_said_in_words(edge, in_step):
    edge.faults = [lambda handler, _: handler.answer(500, "{}", "application/json") or True] * 9

    with pytest.raises(
        ModelFailed,
        match="planner: the model openai:gpt-4o gave no usable answer: 500: the provider failed",
    ):
        ask_plan()

    assert len(edge.requests) == 3
    assert states() == ["released"] * 3


def test_a_refused_key_is_not_repeated(edge, in_step):
    edge.faults = [lambda handler, _: handler.answer(401, "{}", "application/json") or True]

    with pytest.raises(ModelFailed, match="401"):
        ask_plan()

    assert len(edge.requests) == 1


def test_invalid_json_is_repaired_by_asking_again_and_both_are_paid(edge, in_step):
    edge.faults = [lambda handler, _: handler.tool_call("plan", '{"queries": [{"te') or True]

    answer = ask_plan()

    assert answer.output.queries and len(edge.requests) == 2
    assert states() == ["settled", "settled"]
    assert answer.cost_usd == pytest.approx(sum(float(row["cost_usd"]) for row in rows()))


def test_an_unknown_tool_is_answered_and_asked_again(edge, in_step):
    edge.faults = [lambda handler, _: handler.tool_call("launch_rocket", {"to": "moon"}) or True]

    assert ask_plan().output.queries
    assert len(edge.requests) == 2


def test_answers_that_led_nowhere_are_not_replayed_but_stay_paid(edge, in_step):
    edge.faults = [lambda handler, _: handler.tool_call("plan", "no json") or True] * 3
    with pytest.raises(ModelFailed):
        ask_plan()

    answer = ask_plan()

    assert answer.replayed == 0 and len(edge.requests) == 4
    assert states() == ["settled"] * 4


def test_a_stream_that_is_cut_begins_again(edge, in_step):
    edge.faults = [
        lambda handler, body: handler.stream("The Orbit plant in Leeds op" * 3, cut=True) or True
    ]
    tokens, restarts = [], []

    answer = ask_write(on_token=tokens.append, on_restart=lambda: restarts.append(len(tokens)))

    assert answer.output == "The Orbit plant in Leeds opened on Monday. [ev_0123456789abcdef]"
    assert len(restarts) == 1
    assert "".join(tokens[restarts[0] :]) == answer.output
    assert states() == ["settled", "settled"] and rows()[0]["price_source"] == "reserve"


def test_garbage_instead_of_json_is_repeated(edge, in_step):
    edge.faults = [lambda handler, _: handler.answer(200, "<html>oops</html>", "text/html") or True]

    assert ask_plan().output.queries


def test_nothing_is_sent_when_the_money_is_spent(edge, in_step, configure):
    configure(run_usd="0.001")

    with pytest.raises(BudgetExceeded, match="run_usd"):
        ask_plan()

    assert edge.requests == []


def test_a_call_that_takes_too_long_is_given_up_and_charged(edge, in_step):
    edge.faults = [
        lambda handler, _: time.sleep(2) or handler.answer(500, "{}", "application/json") or True
    ]

    with pytest.raises(ModelFailed, match="no answer within"):
        asyncio.run(plan("Orbit", seconds=0.5))

    assert rows()[0]["price_source"] == "reserve"


def test_requests_can_be_forbidden(edge, in_step, monkeypatch):
    monkeypatch.setattr(models, "ALLOW_MODEL_REQUESTS", False)

    with pytest.raises(RuntimeError, match="Model requests are not allowed"):
        ask_plan()

    assert edge.requests == []


@pytest.mark.parametrize("ending", [KeyboardInterrupt, MemoryError, ValueError])
def test_whatever_ends_a_request_that_has_left_the_provider_may_bill_it(edge, in_step, ending):
    def heard(_):
        raise ending

    with pytest.raises(ending):
        ask_write(on_token=heard)

    assert states() == ["settled"] and rows()[0]["price_source"] == "reserve"
    assert rows()[0]["cost_usd"] == rows()[0]["reserved_usd"] > 0


def test_settings_of_one_agent_go_before(edge, in_step, configure):
    configure(
        agents={"planner": {"model": "offline"}, "writer": {"temperature": 0.3, "max_retries": 0}}
    )

    assert ask_plan().model == "offline" and edge.requests == []
    edge.faults = [lambda handler, _: handler.answer(500, "{}", "application/json") or True]
    with pytest.raises(ModelFailed):
        ask_write()
    assert len(edge.requests) == 1 and edge.requests[0]["temperature"] == 0.3


@pytest.mark.parametrize("name", ["gpt-4o", "closedai:x", "openai:"])
def test_an_unknown_model_says_what_is_allowed(name):
    with pytest.raises(
        BadSetting, match="allowed: openai:NAME, anthropic:NAME, ollama:NAME or offline"
    ):
        providers.split(name)


def test_a_missing_key_names_the_variable(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")

    with pytest.raises(BadSetting, match="OPENAI_API_KEY"):
        llm.model("openai:gpt-4o")
    with pytest.raises(BadSetting, match="ANTHROPIC_API_KEY"):
        llm.model("anthropic:claude-sonnet-4-5")


@pytest.mark.long
def test_the_offline_closure_loads_no_provider():
    import subprocess
    import sys

    code = (
        "import sys, f.millrace.agents.researcher\nassert not {'openai', 'anthropic'} &"
        " set(sys.modules), 'provider loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": "."})


def spend_share(run_id, amount):
    usage_id = budget.reserve(run_id, "operator", "planner", "m", amount)
    budget.mark_sent(usage_id)
    budget.settle(usage_id, Price(usd(amount), "test", "2026-11-21"))


def test_near_the_end_of_the_money_the_cheaper_model_answers_where_the_role_has_one(
    edge, in_step, configure
):
    configure(agents={"planner": {"cheaper_model": "openai:gpt-4o-mini"}})
    ask_plan("first")
    spend_share(in_step, 3.6)

    ask_plan("second")
    ask_write()
    again = ask_plan("first")

    assert [request["model"] for request in edge.requests] == ["gpt-4o", "gpt-4o-mini", "gpt-4o"]
    assert [row["model"] for row in rows() if row["model"] != "m"] == [
        "openai:gpt-4o",
        "openai:gpt-4o-mini",
        "openai:gpt-4o",
    ]
    assert again.replayed == 1


def test_what_only_the_cheaper_model_can_still_pay_it_answers(edge, in_step, configure):
    configure(run_usd="0.01", agents={"planner": {"cheaper_model": "openai:gpt-4o-mini"}})

    assert ask_plan().output.queries

    assert [request["model"] for request in edge.requests] == ["gpt-4o-mini"]


def test_one_detail_of_the_usage_that_is_no_number_does_not_cost_the_answer(edge, in_step):
    edge.usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "total_tokens": 1200,
        "prompt_tokens_details": {"cached_tokens": "some", "audio_tokens": 0},
    }

    assert ask_plan().output.queries

    assert rows()[0]["tokens"]["input"] == 1000


def test_at_90_percent_nothing_is_sent_and_a_question_is_left(edge, in_step):
    spend_share(in_step, 4.6)

    with pytest.raises(BudgetHeld, match="a person has to allow the rest"):
        ask_plan()

    assert edge.requests == [] and len(approvals.list_pending()) == 1


def test_reasoning_and_cached_tokens_are_counted(edge, in_step):
    def answer(handler, _):
        arguments = '{"queries": [{"text": "orbit"}]}'
        call = {"id": "c", "type": "function", "function": {"name": "plan", "arguments": arguments}}
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": None, "tool_calls": [call]},
            "finish_reason": "tool_calls",
        }
        details = {
            "prompt_tokens_details": {"cached_tokens": 600},
            "completion_tokens_details": {"reasoning_tokens": 150},
        }
        usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200, **details}
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o",
            "choices": [choice],
            "usage": usage,
        }
        handler.answer(200, json.dumps(body), "application/json")
        return True

    edge.faults = [answer]

    ask_plan()

    assert rows()[0]["tokens"] == {
        "input": 1000,
        "output": 200,
        "cache_read": 600,
        "reasoning": 150,
    }
    assert rows()[0]["cost_usd"] == usd("0.00375")


@pytest.mark.long
def test_a_model_whose_price_nobody_knows_is_refused_when_the_settings_say_so(
    edge, in_step, configure, monkeypatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-0123456789")
    configure(model="anthropic:never-heard-of", unknown_prices="refuse")

    with pytest.raises(BudgetExceeded, match="nobody knows the price"):
        ask_plan()


def tell_usage_so_far(handler, body):
    """Stream an answer whose every chunk tells the tokens used so far."""
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("connection", "close")
    handler.end_headers()
    text = "The Orbit plant in Leeds opened on Monday. [ev_0123456789abcdef]"
    pieces = [text[at : at + 16] for at in range(0, len(text), 16)]
    for number, piece in enumerate([*pieces, ""], 1):
        used = 40 * number if piece else 200
        chunk = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": piece} if piece else {},
                    "finish_reason": None if piece else "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 1000,
                "completion_tokens": used,
                "total_tokens": 1000 + used,
            },
        }
        handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
    handler.wfile.write(b"data: [DONE]\n\n")
    handler.close_connection = True
    return True


def test_usage_that_each_chunk_tells_so_far_is_not_added_up(edge, in_step):
    edge.faults = [tell_usage_so_far]

    ask_write(on_token=lambda _: None, on_restart=lambda: None)

    (row,) = rows()
    assert float(row["cost_usd"]) == pytest.approx(1000 * 2.5e-6 + 200 * 1e-5)


UNCOUNTED = {
    "no usage": (None, (True, True)),
    "empty": ({}, (True, True)),
    "null": ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": 9}, (True, True)),
    "text": ({"prompt_tokens": "many", "completion_tokens": 200, "total_tokens": 9}, (True, True)),
    "below 0": ({"prompt_tokens": -5, "completion_tokens": 200, "total_tokens": 9}, (True, True)),
    "zeros": ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (True, True)),
    "only input": (
        {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 0},
        (False, True),
    ),
    "only output": (
        {"prompt_tokens": 0, "completion_tokens": 200, "total_tokens": 0},
        (True, False),
    ),
    "1e30": (
        {"prompt_tokens": 10**30, "completion_tokens": 10**30, "total_tokens": 0},
        (True, True),
    ),
    "too many": (
        {"prompt_tokens": 1000, "completion_tokens": 10**9, "total_tokens": 0},
        (False, True),
    ),
    "more cached than read": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 200,
            "total_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 10**12},
        },
        (False, False),
    ),
}


@pytest.mark.parametrize("case", UNCOUNTED)
@pytest.mark.parametrize("streamed", [False, True])
def test_tokens_that_nobody_counts_are_settled_at_what_was_reserved(edge, in_step, case, streamed):
    usage, missing = UNCOUNTED[case]
    edge.usage = usage

    if streamed:
        ask_write(on_token=lambda _: None, on_restart=lambda: None)
    else:
        ask_plan()

    row = rows()[-1]
    most = float(row["reserved_usd"])
    whole = {"input": 1000 * 2.5e-6, "output": 200 * 1e-5}
    output = 2000 * 1e-5
    expected = (most - output if missing[0] else whole["input"]) + (
        output if missing[1] else whole["output"]
    )
    assert len(rows()) == 1 and float(row["cost_usd"]) == pytest.approx(expected)
    told = db.fetch_all("SELECT message FROM run_event WHERE message LIKE '%%which cannot be%%'")
    assert len(told) == int(any(missing) or case == "more cached than read")


def refuse(parameter):
    words = f"Unsupported parameter: '{parameter}' is not supported with this model."

    def fault(handler, body):
        if parameter not in body:
            return False
        answer = {"error": {"message": words, "code": "unsupported_parameter", "param": parameter}}
        return handler.answer(400, json.dumps(answer), "application/json") or True

    return fault


def test_a_server_that_refuses_one_name_of_the_most_tokens_is_asked_with_the_other(
    edge, in_step, configure
):
    configure(max_output_tokens=700)
    edge.faults = [refuse("max_completion_tokens")] * 2

    answer = ask_plan()

    assert answer.output.queries
    assert [request.get("max_tokens") for request in edge.requests] == [None, 700]
    assert "max_completion_tokens" not in edge.requests[1]
    assert states() == ["released", "settled"]


def test_a_most_that_is_too_large_is_no_refused_name(edge, in_step):
    words = "max_completion_tokens is too large: 9000"
    body = json.dumps({"error": {"message": words, "code": "invalid_value"}})
    edge.faults = [lambda handler, _: handler.answer(400, body, "application/json") or True]

    with pytest.raises(ModelFailed, match="too large"):
        ask_plan()

    assert len(edge.requests) == 1


def test_a_model_of_an_own_server_is_free_and_that_is_said_once(edge, in_step, configure):
    configure(model="openai:lune-8b")

    ask_plan()
    ask_write()

    assert [float(row["cost_usd"]) for row in rows()] == [0, 0]
    said = db.fetch_all("SELECT message FROM run_event WHERE message LIKE '%%counted as free%%'")
    assert len(said) == 1 and "openai:lune-8b" in said[0]["message"]


def test_a_model_of_an_own_server_costs_what_the_setting_says(edge, in_step, configure):
    configure(model="openai:lune-8b", prices={"openai:lune-8b": {"input": 1, "output": 2}})

    ask_plan()

    (row,) = rows()
    assert float(row["cost_usd"]) == pytest.approx(1000 * 1e-6 + 200 * 2e-6)
    assert not db.fetch_all("SELECT 1 FROM run_event WHERE message LIKE '%%counted as free%%'")
