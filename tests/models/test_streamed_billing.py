"""Requests whose answer is read as it comes are reserved, settled and replayed like any other."""

import asyncio
from decimal import Decimal

import pytest
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelConnectionError
from pydantic_ai.models.function import FunctionModel

from f.millrace.core import db, errors
from f.millrace.core import run_context as context
from f.millrace.models import billing

MODEL = "openai:gpt-4o"
WORDS = ["The plant ", "in Leeds ", "opened on ", "Monday."]


class Provider:
    """Streams `WORDS`; refuses the first `refusals` requests, and breaks after `breaks_after`."""

    def __init__(self, refusals=0, breaks_after=None):
        self.asked, self.refusals, self.breaks_after = 0, refusals, breaks_after

    async def stream(self, messages, info):
        self.asked += 1
        if self.asked <= self.refusals:
            raise ModelConnectionError(MODEL, "connection refused", phase="connect")
        for place, word in enumerate(WORDS):
            if place == self.breaks_after:
                raise ModelConnectionError(MODEL, "reset", phase="read", in_stream=True)
            yield word


def billed(provider, retries=0):
    account = billing.Account("helper", MODEL, context.current().run_id)
    model = FunctionModel(stream_function=provider.stream)
    return billing.BilledModel(model, account, retries, None, None), account


async def read(model, events_read=None):
    """Read an answer's events, all or the first of them; return its text."""
    heard = []
    async with Agent().run_stream_events("When?", model=model) as events:
        async for event in events:
            heard.append(event)
            if len(heard) == events_read:
                return ""
    return heard[-1].result.output


def rows():
    return db.fetch_all(
        "select state, cost_usd, reserved_usd from usage where run_id = %s",
        [context.current().run_id],
    )


def test_a_streamed_answer_is_settled_at_what_it_used(in_step):
    model, account = billed(Provider())

    assert asyncio.run(read(model)) == "".join(WORDS)

    (row,) = rows()
    assert row["state"] == "settled"
    assert 0 < row["cost_usd"] < row["reserved_usd"]
    assert account.cost_usd == row["cost_usd"]


def test_the_same_request_again_is_replayed_with_its_events_and_costs_nothing(in_step):
    provider = Provider()
    asyncio.run(read(billed(provider)[0]))
    model, account = billed(provider)

    assert asyncio.run(read(model)) == "".join(WORDS)

    assert (provider.asked, account.replayed, len(rows())) == (1, 1, 1)


def test_an_answer_that_its_reader_leaves_counts_in_full(in_step):
    model, _ = billed(Provider())

    asyncio.run(read(model, events_read=2))

    (row,) = rows()
    assert row["state"] == "settled"
    assert row["cost_usd"] == row["reserved_usd"]


def test_a_stream_that_breaks_counts_in_full_and_is_an_error(in_step):
    model, _ = billed(Provider(breaks_after=2))

    with pytest.raises(ModelConnectionError, match="reset"):
        asyncio.run(read(model))

    assert [row["cost_usd"] == row["reserved_usd"] for row in rows()] == [True]


def test_a_refused_connection_is_tried_again_and_not_billed(in_step):
    provider = Provider(refusals=1)

    assert asyncio.run(read(billed(provider, retries=1)[0])) == "".join(WORDS)

    assert provider.asked == 2
    assert sorted(row["state"] for row in rows()) == ["released", "settled"]


def test_no_stream_is_opened_beyond_the_budget(in_step, configure):
    configure(run_usd=Decimal("0.000001"))
    provider = Provider()

    with pytest.raises(errors.BudgetExceeded):
        asyncio.run(read(billed(provider)[0]))

    assert provider.asked == 0
