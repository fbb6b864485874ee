# requirements:

"""A model whose every request is an account entry: reserved before, marked when it leaves, settled
after, repeated here.

A request that the same step of the same run has had answered comes back from its row, unpaid. Near
the end of the money a cheaper model answers, for the agents that have one in the settings.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import (
    CompletedStreamedResponse,
    Model,
    ModelRequestParameters,
    StreamedResponse,
)
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext
from pydantic_ai.usage import RequestUsage

from f.millrace.core import (
    config,
    errors,
    ids,
    money,
    prices,
    providers,
    redaction,
    run_context,
)
from f.millrace.models import faults, thoughts, token_limit
from f.millrace.telemetry import events, spans
from f.millrace.trust import budget, limits, policy, spend

FIRST_WAIT_SECONDS = 0.4
# A provider may ask for minutes; a digest does not wait that long.
LONGEST_WAIT_SECONDS = 15.0
# What differs between two tries of the same request and says nothing about it.
PASSING = frozenset(
    {
        "timestamp",
        "run_id",
        "conversation_id",
        "usage",
        "provider_response_id",
        "provider_details",
        "provider_url",
        "metadata",
    }
)

# What a library raises of an answer that has not the form of one: no choices, null where a text is.
MOST_FAILED_STREAMS = 2
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
REASONING = ("reasoning_tokens", "thoughts_tokens", "thinking_tokens")

# Runs and models of which it was said that they are counted as free.
_told_free: set[tuple[str, str]] = set()
# Runs and models whose tokens nobody counts.
_told_uncounted: set[tuple[str, str]] = set()
# No model reads or writes as much in one request; a count beyond it is a mistake.
MOST_TOKENS = 20_000_000

TokenListener = Callable[[str], None]


@dataclass
class Account:
    """What one call has used so far; `answered_by` is the model of the latest answer, `most_usd`
    what the call may cost.
    """

    agent: str
    model: str
    run_id: str
    answered_by: str = ""
    usage_ids: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    cost_usd: Decimal = Decimal(0)
    tokens: dict[str, int] = field(default_factory=dict)
    replayed: int = 0
    most_usd: Decimal | None = None

    def refuse_beyond(self, usd: Decimal) -> None:
        """Raise BudgetExceeded when a request of this price could cost more than the call may."""
        if self.most_usd is not None and self.cost_usd + usd > self.most_usd:
            raise errors.BudgetExceeded(
                f"{self.agent}: the next request to {self.model} can cost {money.dollars(usd)};"
                f" {money.dollars(self.cost_usd)} of {money.dollars(self.most_usd)} is spent. Raise"
                " the agent's limits.usd, or give it a cheaper model"
            )

    def add(self, usage_id: str, cost_usd: Decimal, tokens: prices.Tokens) -> None:
        """Count one answered request."""
        self.usage_ids.append(usage_id)
        self.cost_usd += cost_usd
        for name, count in tokens.counts().items():
            self.tokens[name] = self.tokens.get(name, 0) + count


@dataclass
class Choice:
    """A model that may answer: its name in the settings, and the model once it is needed."""

    name: str
    make: Callable[[], Model]
    made: Model | None = None

    @property
    def model(self) -> Model:
        """The model, with its connections."""
        self.made = self.made or self.make()
        return self.made


@dataclass
class _Prepared:
    """What a request is known by, and the most tokens that it can use; `stored` is the answer that
    this step has had already, and the model that gave it.
    """

    step: str
    hashes: dict[str, str]
    prompt_hash: str
    most: prices.Tokens
    stored: tuple[budget.SettledCall, str] | None = None


@dataclass
class _Entry:
    """The account entry of one request that has left."""

    account: Account
    usage_id: str
    choice: Choice
    most: prices.Tokens
    messages: list[ModelMessage]
    span: spans.Span
    settled: bool = False
    cost_usd: Decimal = Decimal(0)

    def settle(self, response: ModelResponse) -> None:
        """Count an answer that came whole, with what was reserved in place of counts that are
        missing or cannot be.
        """
        model = self.choice.name
        told = _tokens(response.usage)
        tokens = _fill_in(told, self.most, bool(response.parts))
        price = prices.price(model, tokens, run_context.now())
        if tokens != told:
            response.usage = _to_usage(tokens)
            self._tell_uncounted(told, tokens)
        stored = ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]
        budget.settle(self.usage_id, price, tokens.counts(), stored)
        self.settled, self.cost_usd = True, price.usd
        self.account.add(self.usage_id, price.usd, tokens)
        self.account.answered_by = model
        self._tell_cut(response)
        self._tell_free(price)
        self.span.set(_attributes(response, tokens, price))
        if config.settings().trace_content:
            asked = ModelMessagesTypeAdapter.dump_python(self.messages, mode="json")
            self.span.content({"gen_ai.input.messages": asked, "gen_ai.output.messages": [stored]})

    def tell_spent(self) -> None:
        """Tell what the answer cost, where it cost anything."""
        if self.cost_usd:
            spent = spend.cost_of(self.account.run_id)
            events.emit(
                "budget",
                f"{self.account.agent}: {self.cost_usd:.4f} USD",
                cost_usd=float(self.cost_usd),
                spent_usd=float(spent),
            )

    def _tell_cut(self, response: ModelResponse) -> None:
        """Say that a text ends where the tokens ended; what came before its end is used."""
        has_text = any(isinstance(part, TextPart) and part.content for part in response.parts)
        if response.finish_reason == "length" and has_text:
            said = f"{self.choice.name} ({self.account.agent}): {faults.cut_text()}."
            events.emit("error", said, for_digest=True)

    def _tell_uncounted(self, told: prices.Tokens, tokens: prices.Tokens) -> None:
        """Say once in a run that a server does not count its tokens, or not as anybody could."""
        key = (self.account.run_id, self.choice.name)
        if key in _told_uncounted:
            return
        _told_uncounted.add(key)
        events.emit(
            "budget",
            f"{self.choice.name} says it used {told.input} tokens in and {told.output} out, which"
            f" cannot be: counted as {tokens.input} and {tokens.output}, the most that was"
            " reserved",
            agent=self.account.agent,
        )

    def _tell_free(self, price: prices.Price) -> None:
        """Say once in a run that a model of one's own server is counted as free."""
        key = (self.account.run_id, self.choice.name)
        if (
            price.source != prices.LOCAL
            or providers.split(self.choice.name)[0] == "offline"
            or key in _told_free
        ):
            return
        _told_free.add(key)
        events.emit(
            "budget",
            f"{self.choice.name} is counted as free, its server is on this network; the setting"
            " prices gives it a price",
            agent=self.account.agent,
        )


class BilledModel(WrapperModel):
    """A model whose every request is reserved before, marked when it leaves and settled after."""

    def __init__(
        self,
        wrapped: Model,
        account: Account,
        retries: int,
        on_token: TokenListener | None,
        on_restart: Callable[[], None] | None,
        cheaper: Choice | None = None,
    ) -> None:
        super().__init__(wrapped)
        self._first = Choice(account.model, lambda: wrapped, wrapped)
        self._cheaper = cheaper
        self._account = account
        self._retries = retries
        self._on_token = on_token
        self._on_restart = on_restart
        # After two streams that failed, or one that brought nothing, the answer is asked for whole.
        self._failed_streams = 0

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        prepared = self._prepare(messages, model_settings, model_request_parameters)
        if prepared.stored is not None:
            return self._replay(*prepared.stored)
        # One more than the retries: the other name of the most tokens is no retry.
        for attempt in range(self._retries + 2):
            usage_id, choice = self._reserve(prepared)
            try:
                sent = token_limit.rename(choice.name, model_settings)
                shown = _as_it_may_leave(choice.name, messages)
                with self._open_entry(usage_id, choice, prepared, shown) as entry:
                    response = await self._send(choice.model, shown, sent, model_request_parameters)
                    entry.settle(response)
                return response
            except (ModelAPIError, UnexpectedModelBehavior, ConnectionError) as error:
                await self._go_on_after(error, attempt, choice.name)
        raise AssertionError("the loop returns or raises")

    @contextlib.asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Yield the answer as it comes, billed as `request` is. One that its reader leaves, or that
        is cut, counts in full as reserved; a repeated request is replayed unpaid.

        Raises:
            ModelConnectionError: The stream ended before the answer did.
        """
        prepared = self._prepare(messages, model_settings, model_request_parameters)
        if prepared.stored is not None:
            yield CompletedStreamedResponse(
                self._replay(*prepared.stored),
                model_request_parameters=model_request_parameters,
                replay_events=True,
            )
            return
        async with contextlib.AsyncExitStack() as stack:
            entry, stream = await self._open_stream(
                stack, prepared, messages, model_settings, model_request_parameters, run_context
            )
            yield stream
            response = stream.get()
            if response.state == "complete":
                _refuse_cut(entry.choice.model, response)
                entry.settle(response)

    async def _open_stream(
        self,
        stack: contextlib.AsyncExitStack,
        prepared: _Prepared,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        context: RunContext[Any] | None,
    ) -> tuple[_Entry, StreamedResponse]:
        """Return an open stream and its entry; both are closed with the stack. What fails before
        anything was read is asked for again, as in `request`.
        """
        for attempt in range(self._retries + 2):
            usage_id, choice = self._reserve(prepared)
            try:
                async with contextlib.AsyncExitStack() as opening:
                    sent = token_limit.rename(choice.name, model_settings)
                    shown = _as_it_may_leave(choice.name, messages)
                    entry = opening.enter_context(
                        self._open_entry(usage_id, choice, prepared, shown)
                    )
                    with _reading():
                        stream = await opening.enter_async_context(
                            choice.model.request_stream(shown, sent, parameters, context)
                        )
                    stack.push_async_exit(opening.pop_all())
                    return entry, stream
            except (ModelAPIError, UnexpectedModelBehavior, ConnectionError) as error:
                await self._go_on_after(error, attempt, choice.name)
        raise AssertionError("the loop returns or raises")

    def _prepare(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> _Prepared:
        """Return what a request is known by, and its answer when this step has it already."""
        account, step = self._account, run_context.current().step
        plain = _to_json(ModelMessagesTypeAdapter.dump_python(messages, mode="json"))
        prompt_hash = _prompt_hash(account.agent, messages, parameters)
        policy.note_prompt(account.agent, prompt_hash)
        choices = [self._first, *([self._cheaper] if self._cheaper else [])]
        hashes = {
            choice.name: ids.digest_of(
                [choice.name, prompt_hash, plain, dict(model_settings or {})]
            )
            for choice in choices
        }
        # The same request twice in one call is asked twice: each has an answer of its own.
        seen = account.seen[hashes[self._first.name]] = (
            account.seen.get(hashes[self._first.name], 0) + 1
        )
        text = str(plain) + str(
            [tool.parameters_json_schema for tool in parameters.tool_defs.values()]
        )
        most = prices.Tokens(prices.most_tokens(text), _most_output(model_settings))
        prepared = _Prepared(step, hashes, prompt_hash, most)
        for choice in choices:
            hashes[choice.name] = ids.digest_of([hashes[choice.name], seen])
            stored = budget.find_settled(account.run_id, step, account.agent, hashes[choice.name])
            if stored is not None:
                prepared.stored = (stored, choice.name)
                break
            budget.settle_lost(account.run_id, step, account.agent, hashes[choice.name])
        return prepared

    async def _go_on_after(self, error: Exception, attempt: int, model: str) -> None:
        """Wait before the request is sent again; raise the error where that cannot help."""
        if attempt <= self._retries and token_limit.note_refusal(model, error):
            return
        if attempt >= self._retries or not _is_transient(error):
            raise error
        await self._pause(error, attempt)

    def _reserve(self, prepared: _Prepared) -> tuple[str, Choice]:
        """Reserve the most that the request can cost; with the cheaper model when the money is near
        its end.
        """
        account, user = self._account, run_context.user_id()

        def reserve(choice: Choice) -> tuple[str, Choice]:
            most_usd = prices.price(choice.name, prepared.most, run_context.now()).usd
            account.refuse_beyond(most_usd)
            usage_id = budget.reserve(
                account.run_id,
                user,
                account.agent,
                choice.name,
                most_usd,
                prepared.step,
                request_hash=prepared.hashes[choice.name],
                prompt_hash=prepared.prompt_hash,
            )
            return usage_id, choice

        if self._cheaper is None:
            return reserve(self._first)
        if not limits.is_near(account.run_id, user):
            try:
                return reserve(self._first)
            except errors.BudgetHeld:
                raise
            except errors.BudgetExceeded:
                pass
        events.emit(
            "budget",
            f"{account.agent}: {self._cheaper.name} takes over, the money is near its end",
            agent=account.agent,
        )
        return reserve(self._cheaper)

    @contextlib.contextmanager
    def _open_entry(
        self, usage_id: str, choice: Choice, prepared: _Prepared, messages: list[ModelMessage]
    ) -> Generator[_Entry]:
        """Mark the request as sent; one that is not settled inside of the block counts in full as
        reserved, but for a refusal, which is not billed.
        """
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": choice.model.system,
            "gen_ai.request.model": choice.name,
            "gen_ai.agent.name": self._account.agent,
            "millrace.usage_id": usage_id,
            "millrace.prompt_hash": prepared.prompt_hash,
        }
        with spans.span(
            f"chat {choice.model.model_name}", attributes, kind="client", scope="millrace.agents"
        ) as handle:
            entry = _Entry(self._account, usage_id, choice, prepared.most, messages, handle)
            budget.mark_sent(usage_id)
            try:
                yield entry
            except BaseException as error:
                # Of anything but a refusal that ends a request that has left nobody knows.
                if not entry.settled:
                    _ = (
                        budget.release(usage_id)
                        if _is_unbilled(error)
                        else budget.charge_reserve(usage_id)
                    )
                raise
            if not entry.settled:
                budget.charge_reserve(usage_id)
        entry.tell_spent()

    async def _send(
        self,
        model: Model,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        if self._on_token is None or not parameters.allow_text_output:
            with _reading():
                response = await model.request(messages, model_settings, parameters)
            _strip_thoughts(response)
            return response
        if self._failed_streams >= MOST_FAILED_STREAMS:
            with _reading():
                response = await model.request(messages, model_settings, parameters)
            _strip_thoughts(response)
            for part in response.parts:
                if isinstance(part, TextPart):
                    self._on_token(part.content)
            return response
        heard: list[str] = []
        try:
            return await self._stream(model, messages, model_settings, parameters, heard)
        except (ModelAPIError, UnexpectedModelBehavior, ConnectionError):
            # A server that does not stream answers with one piece of JSON; nothing of it is heard.
            self._failed_streams += 1 if heard else MOST_FAILED_STREAMS
            raise

    async def _stream(
        self,
        model: Model,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        heard: list[str],
    ) -> ModelResponse:
        """Return a streamed answer, each piece of its text handed to the listener; `heard` gets the
        pieces too, and those of a stream that breaks.
        """
        assert self._on_token is not None
        listener = thoughts.ThoughtFilter(self._on_token, self._on_restart)
        async with contextlib.AsyncExitStack() as stack:
            with _reading():
                opened = model.request_stream(messages, model_settings, parameters)
                stream = await stack.enter_async_context(opened)
            arriving = aiter(stream)
            while True:
                with _reading():
                    event = await anext(arriving, None)
                if event is None:
                    break
                piece = _text_of(event)
                if piece:
                    heard.append(piece)
                    listener.hear(piece)
            response = stream.get()
        _refuse_cut(model, response)
        listener.end()
        _strip_thoughts(response)
        return response

    def _replay(self, stored: budget.SettledCall, model: str) -> ModelResponse:
        response = ModelMessagesTypeAdapter.validate_python([stored.response])[0]
        assert isinstance(response, ModelResponse)
        self._account.add(stored.usage_id, stored.cost_usd, _tokens(response.usage))
        self._account.replayed += 1
        self._account.answered_by = model
        if self._on_token is not None:
            for part in response.parts:
                if isinstance(part, TextPart):
                    self._on_token(part.content)
        return response

    async def _pause(self, error: Exception, attempt: int) -> None:
        asked = getattr(error, "retry_after", None)
        wait = (
            asked
            if asked is not None
            else FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.8, 1.2)
        )
        wait = min(max(0.0, wait), LONGEST_WAIT_SECONDS)
        events.emit(
            "progress",
            f"{self._account.model}: {faults.explain(error, self._account.model).reason}; asking"
            f" again in {wait:.1f} s",
            agent=self._account.agent,
        )
        if self._on_restart is not None:
            self._on_restart()
        await asyncio.sleep(wait)


def _refuse_cut(model: Model, response: ModelResponse) -> None:
    """Raise ModelConnectionError of a stream that ended before its answer: a connection that just
    closes looks like an end; a provider that has finished says so.
    """
    said_why = (response.provider_details or {}).get(
        "finish_reason"
    ) or response.finish_reason == "content_filter"
    if response.state == "incomplete" or (
        model.system in ("openai", "anthropic", "ollama") and not said_why
    ):
        raise ModelConnectionError(
            model.model_name, "the stream was cut before it ended", phase="read", in_stream=True
        )


def _text_of(event: Any) -> str:
    """Return the text that an event of a stream brings."""
    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _strip_thoughts(response: ModelResponse) -> None:
    """Take what the model thought aloud out of the first text of its answer."""
    first = next((part for part in response.parts if isinstance(part, TextPart)), None)
    if first is not None:
        first.content = thoughts.strip(first.content)


@contextlib.contextmanager
def _reading() -> Generator[None]:
    """Turn what a library raises of an answer without the form of one into a fault of the model."""
    try:
        yield
    except UNREADABLE as error:
        raise UnexpectedModelBehavior(f"{type(error).__name__}: {error}") from error


def _is_transient(error: Exception) -> bool:
    """Tell whether asking again can help."""
    if isinstance(error, ModelQuotaExceededError | ModelRequestRejectedError):
        return False
    if isinstance(error, ModelHTTPError):
        return error.status_code in (408, 409, 425, 429) or error.status_code >= 500
    return True


def _is_unbilled(error: BaseException) -> bool:
    if isinstance(error, ModelHTTPError | ModelRateLimitError):
        return not getattr(error, "in_stream", False)
    return (
        isinstance(error, ModelConnectionError)
        and not isinstance(error, ModelTimeoutError)
        and error.phase in ("pool", "connect")
    )


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value)
        return {key: _to_json(inner) for key, inner in entries.items() if key not in PASSING}
    if isinstance(value, list):
        return [_to_json(inner) for inner in cast("list[Any]", value)]
    return value


def _as_it_may_leave(model: str, messages: list[ModelMessage]) -> list[ModelMessage]:
    """Return the messages as a provider may see them: one's own documents may hold secrets."""
    if prices.stays_here(model, run_context.now()):
        return messages
    return [
        replace(message, parts=[_masked(part) for part in message.parts]) for message in messages
    ]


def _masked(part: Any) -> Any:
    # What a model thought is signed by its provider, and what it asked of tools is its own.
    if part.part_kind in ("thinking", "tool-call") or not hasattr(part, "content"):
        return part
    content = _masked_content(part.content)
    return part if content == part.content else replace(part, content=content)


def _masked_content(content: Any) -> Any:
    """Return texts and JSON masked, and files as they are."""
    if isinstance(content, list):
        return [_masked_content(one) for one in cast("list[Any]", content)]
    return redaction.redact(content) if isinstance(content, str | dict) else content


def _prompt_hash(
    agent: str, messages: list[ModelMessage], parameters: ModelRequestParameters
) -> str:
    """Return the fingerprint of what is written in code: instructions and output forms, not the
    question.
    """
    instructions = next(
        (
            message.instructions
            for message in messages
            if isinstance(message, ModelRequest) and message.instructions
        ),
        "",
    )
    outputs = [[tool.name, tool.parameters_json_schema] for tool in parameters.output_tools]
    return ids.digest_of([agent, instructions, outputs])


def _most_output(model_settings: ModelSettings | None) -> int:
    given = (model_settings or {}).get("max_tokens")
    return int(given or config.settings().max_output_tokens)


def _attributes(
    response: ModelResponse, tokens: prices.Tokens, price: prices.Price
) -> dict[str, Any]:
    reason = response.finish_reason
    return {
        "gen_ai.response.model": response.model_name,
        "gen_ai.response.finish_reasons": [reason] if reason else None,
        "gen_ai.usage.input_tokens": tokens.input,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cache_read or None,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write or None,
        "operation.cost": float(price.usd),
        "millrace.cost.currency": "USD",
        "millrace.cost.source": price.source,
    }


def _tokens(usage: RequestUsage) -> prices.Tokens:
    """Return the counts; reasoning is told by providers in their own words."""
    reasoning = next((usage.details[name] for name in REASONING if usage.details.get(name)), 0)
    return prices.Tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        reasoning,
    )


def _to_usage(tokens: prices.Tokens) -> RequestUsage:
    return RequestUsage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        details={REASONING[0]: tokens.reasoning} if tokens.reasoning else {},
    )


def _fill_in(told: prices.Tokens, most: prices.Tokens, answered: bool) -> prices.Tokens:
    """Return the counts, with what was reserved in place of one that is missing or cannot be: what
    a model thought is in no answer, so the answer's length says nothing of it.
    """
    is_input = 0 < told.input <= MOST_TOKENS
    is_output = (0 < told.output <= MOST_TOKENS) or (told.output == 0 and not answered)
    cached = told.cache_read + told.cache_write
    is_cached = is_input and min(told.cache_read, told.cache_write) >= 0 and cached <= told.input
    return prices.Tokens(
        told.input if is_input else most.input,
        told.output if is_output else most.output,
        told.cache_read if is_cached else 0,
        told.cache_write if is_cached else 0,
        told.reasoning if is_output and 0 <= told.reasoning <= MOST_TOKENS else 0,
    )
