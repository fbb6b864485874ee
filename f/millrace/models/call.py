# requirements:

"""The one way to run a model: reserves, sends, settles, repeats, and keeps each answer.

One row of `usage` is one billed request. A request that the same step of the same run has had
answered comes back from its row: a step that is repeated after a crash pays nothing twice. SDKs and
transports do not repeat on their own.
"""

import asyncio
import contextlib
import contextvars
import os
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from uuid import uuid4

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.exceptions import AgentRunError, UsageLimitExceeded, UserError
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings

from f.millrace.core import (
    config,
    db,
    errors,
    llm,
    providers,
    redaction,
    run_context,
    setting_types,
)
from f.millrace.models import billing, fault_log, faults, offline
from f.millrace.telemetry import spans
from f.millrace.trust import budget, fallback

# Its first run on a terminal prints an advertisement.
os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")

T = TypeVar("T")
MAX_RETRIES = 2
MOST_REQUESTS = 12


@dataclass
class Answer:
    """What an agent answered, what it cost, and the model that really answered."""

    output: Any
    cost_usd: float
    model: str
    usage: dict[str, int]
    messages: list[ModelMessage]
    replayed: int


async def call(
    agent_name: str,
    agent: Agent[Any, Any],
    prompt: str,
    *,
    deps: Any = None,
    history: Sequence[ModelMessage] = (),
    toolsets: Sequence[Any] = (),
    model: str | Model | None = None,
    seconds: float | None = None,
    on_token: billing.TokenListener | None = None,
    on_restart: Callable[[], None] | None = None,
    most_requests: int = MOST_REQUESTS,
    most_usd: Decimal | None = None,
) -> Answer:
    """Run the agent and return its answer; ModelFailed or BudgetExceeded says in words why there is
    none.

    `model` overrides the settings. With `on_token` the text is streamed; `on_restart` says that
    what came so far is void, because the stream was cut and begins again. `most_usd` is what this
    call may cost, under the limits that hold anyway.
    """
    own = config.settings().agents.get(agent_name) or setting_types.AgentSettings()
    name = _name_of(model, own)
    retries = MAX_RETRIES if own.max_retries is None else own.max_retries
    run_id = run_context.current().run_id or str(uuid4())
    account = billing.Account(agent_name, name, run_id, most_usd=most_usd)
    wrapped = model if isinstance(model, Model) else _make_model(agent_name, name)
    cheaper = _cheaper_model(own, name) if model is None else None
    accounted = billing.BilledModel(wrapped, account, retries, on_token, on_restart, cheaper)
    with _span(account) as handle:
        try:
            with _explained(account, seconds, most_requests):
                async with asyncio.timeout(seconds):
                    result = await agent.run(
                        prompt,
                        model=accounted,
                        deps=deps,
                        message_history=list(history) or None,
                        toolsets=list(toolsets) or None,
                        model_settings=_model_settings(own),
                        retries={"output": retries, "tools": retries},
                        usage_limits=UsageLimits(request_limit=most_requests),
                        infer_name=False,
                    )
        finally:
            if wrapped is not model:
                await llm.close(wrapped)
            if cheaper is not None and cheaper.made is not None:
                await llm.close(cheaper.made)
        handle.set(_spent(account))
    fault_log.note_answer(account.answered_by or name)
    return Answer(
        output=result.output,
        cost_usd=float(account.cost_usd),
        model=account.answered_by or name,
        usage=account.tokens,
        messages=result.new_messages(),
        replayed=account.replayed,
    )


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, also where an event loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    context = contextvars.copy_context()

    def in_thread() -> T:
        with db.scoped():
            return asyncio.run(work)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, in_thread).result()


def _model_settings(own: setting_types.AgentSettings) -> ModelSettings:
    chosen = ModelSettings(max_tokens=config.settings().max_output_tokens)
    if own.temperature is not None:
        chosen["temperature"] = own.temperature
    return chosen


def _make_model(agent_name: str, name: str) -> Model:
    try:
        return llm.model(name, offline=offline.OfflineModel)
    except errors.BadSetting as error:
        fault_log.note_fault(agent_name, name, faults.explain(error, name))
        raise


def _cheaper_model(own: setting_types.AgentSettings, name: str) -> billing.Choice | None:
    """Return the model that may take over near the end of the money, when the role has one."""
    other = own.cheaper_model
    if other is None or other == name:
        return None
    providers.split(other)
    return billing.Choice(other, lambda: llm.model(other, offline=offline.OfflineModel))


def _name_of(model: str | Model | None, own: setting_types.AgentSettings) -> str:
    """Return the name of the model that answers, for a caller's own one a name with a price."""
    if isinstance(model, str):
        return model
    if model is not None:
        offline_one = isinstance(model, offline.OfflineModel)
        return "offline" if offline_one else f"openai:{model.model_name}"
    other = fallback.options_of(run_context.current().run_id).get("model")
    return other or own.model or config.settings().model


def _span(account: billing.Account) -> spans.Span:
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": account.agent,
        "agent.id": account.agent,
        "gen_ai.request.model": account.model,
    }
    return spans.span(f"invoke_agent {account.agent}", attributes, scope="millrace.agents")


@contextlib.contextmanager
def _explained(
    account: billing.Account, seconds: float | None, most_requests: int
) -> Generator[None, None, None]:
    """Turn what ends an agent's run into an error in words; its answers are not used again."""
    try:
        yield
    except TimeoutError as error:
        fault = faults.Fault("timeout", f"no answer within {seconds:.0f} seconds")
        raise _model_failed(account, fault) from error
    except errors.MillraceError:
        budget.forget_answers(account.usage_ids)
        raise
    except UserError as error:
        fault = faults.Fault("setting", f"it cannot be used here: {error}", lasting=True)
        raise _model_failed(account, fault) from error
    except UsageLimitExceeded as error:
        budget.forget_answers(account.usage_ids)
        raise errors.AgentStuck(
            f"stalled: {account.agent} had no answer after {most_requests} requests to its model"
        ) from error
    except AgentRunError as error:
        raise _model_failed(account, faults.explain(error, account.model)) from error


def _spent(account: billing.Account) -> dict[str, Any]:
    return {
        "gen_ai.usage.input_tokens": account.tokens.get("input", 0),
        "gen_ai.usage.output_tokens": account.tokens.get("output", 0),
        "operation.cost": float(account.cost_usd),
        "millrace.cost.currency": "USD",
        "millrace.requests": len(account.usage_ids),
        "millrace.replayed": account.replayed,
    }


def _model_failed(account: billing.Account, fault: faults.Fault) -> errors.ModelFailed:
    # The account is kept; the answers led nowhere, and a repeat of the step has to ask again.
    budget.forget_answers(account.usage_ids)
    fault_log.note_fault(account.agent, account.model, fault)
    failed = errors.ModelFailed(
        redaction.redact(
            f"{account.agent}: the model {account.model} gave no usable answer: {fault}"
        )
    )
    failed.lasting = fault.lasting
    return failed
