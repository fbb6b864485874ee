# requirements:

"""Which model answers: `openai:…`, `anthropic:…`, `ollama:…` or `offline`.

A provider's SDK is imported when it is chosen and not before. Its own retries are off, so that one
request is one billed call; models/call repeats, and keeps the account.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from f.millrace.core import errors, providers

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionChunk
    from pydantic_ai.models import Model
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.usage import RequestUsage

REQUEST_SECONDS = 90.0


def model(
    name: str, *, offline: Callable[[], Model] | None = None, seconds: float = REQUEST_SECONDS
) -> Model:
    """Return the model `name`, with the provider's usual environment variables and without retries
    of its own.

    `offline` makes the model that needs no service; it lives a layer above this one.
    """
    provider, model_name = providers.split(name)
    if provider == "offline":
        if offline is None:
            raise errors.BadSetting(
                "the offline model is not available here; run it through models/call"
            )
        return offline()
    return _PROVIDERS[provider](model_name, seconds)


async def close(model: Model) -> None:
    """Close the connections of a model from here; they belong to the event loop that made them."""
    client = getattr(getattr(model, "provider", None), "client", None)
    if client is not None:
        await client.close()


def _openai(model_name: str, seconds: float) -> Model:
    base_url = os.environ.get("OPENAI_BASE_URL") or None
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key and base_url is None:
        raise _missing_setting(
            f"openai:{model_name}",
            "OPENAI_API_KEY",
            " (or OPENAI_BASE_URL for a server without keys)",
        )
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key=key or "none", base_url=base_url, max_retries=0, timeout=seconds)
    made = _with_cumulative_usage(OpenAIChatModel)
    return made(model_name, provider=OpenAIProvider(openai_client=client))


def _ollama(model_name: str, seconds: float) -> Model:
    from openai import AsyncOpenAI
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    base_url = providers.address("ollama")
    key = os.environ.get("OLLAMA_API_KEY") or "none"
    client = AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=seconds)
    made = _with_cumulative_usage(OllamaModel)
    return made(model_name, provider=OllamaProvider(openai_client=client))


def _with_cumulative_usage(model_class: type[OpenAIChatModel]) -> type[OpenAIChatModel]:
    """Return the class of model to which the tokens that a stream tells are the total so far: some
    servers tell it in each chunk, and added up it would be many times what was used.
    """
    from pydantic_ai.models.openai import OpenAIStreamedResponse

    class CumulativeUsageStream(OpenAIStreamedResponse):
        def _add_usage(
            self,
            usage: RequestUsage,
            *,
            reported: bool,
            cumulative: bool = True,  # noqa: ARG002
        ) -> None:
            if reported and usage.total_tokens >= self._usage.total_tokens:
                super()._add_usage(usage, reported=True, cumulative=True)

        def _map_usage(self, response: ChatCompletionChunk) -> RequestUsage:
            _drop_broken_usage(response)
            return super()._map_usage(response)

    class CumulativeUsageModel(model_class):
        def _validate_completion(self, response: ChatCompletion) -> Any:
            _drop_broken_usage(response)
            return super()._validate_completion(response)

        @property
        def _streamed_response_cls(self) -> type[OpenAIStreamedResponse]:
            return CumulativeUsageStream

    return CumulativeUsageModel


def _drop_broken_usage(response: ChatCompletion | ChatCompletionChunk) -> None:
    """Take out counts of tokens that are none: an answer is not worse for them, and is billed by
    what was reserved.
    """
    used: Any = response.usage
    if used is None:
        return
    counts: list[Any] = [
        getattr(used, name, None) for name in ("prompt_tokens", "completion_tokens")
    ]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        response.usage = None
        return
    if not isinstance(used.total_tokens, int):
        used.total_tokens = sum(counts)
    for details in ("prompt_tokens_details", "completion_tokens_details"):
        given: Any = getattr(used, details, None)
        values: dict[str, Any] = dict(vars(given)) if given is not None else {}  # pyright: ignore[reportUnknownArgumentType]
        if not all(value is None or isinstance(value, int) for value in values.values()):
            setattr(used, details, None)


def _anthropic(model_name: str, seconds: float) -> Model:
    key = os.environ.get("ANTHROPIC_API_KEY", "")
    if not key:
        raise _missing_setting(f"anthropic:{model_name}", "ANTHROPIC_API_KEY")
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(api_key=key, max_retries=0, timeout=seconds)
    return AnthropicModel(model_name, provider=AnthropicProvider(anthropic_client=client))


_PROVIDERS: dict[str, Callable[[str, float], Model]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "ollama": _ollama,
}


def _missing_setting(name: str, variable: str, more: str = "") -> errors.BadSetting:
    return errors.BadSetting(
        f"model {name!r} needs {variable}{more}; set it, or use the model 'offline'"
    )
