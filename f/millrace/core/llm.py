"""Which model answers, and what it costs: `openai:…`, `anthropic:…`, `ollama:…` or `offline`.

A provider's SDK is imported when it is chosen and not before. Its own retries are off, so that one request is one
billed call; agents/call repeats, and keeps the account.
"""

from __future__ import annotations

import functools
import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from f.millrace.core.errors import BadSetting

if TYPE_CHECKING:
    from pydantic_ai.models import Model

ALLOWED = "openai:NAME, anthropic:NAME, ollama:NAME or offline"
OLLAMA_URL = "http://127.0.0.1:11434/v1"
REQUEST_SECONDS = 90.0
# A model without a known price on a paid service is counted at this, so that a budget still ends it. USD per million.
CAUTIOUS_INPUT_USD = 10.0
CAUTIOUS_OUTPUT_USD = 40.0


@dataclass(frozen=True)
class Tokens:
    """Tokens of one request."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class Price:
    """What tokens cost, and who says so; `known` is false for a cautious guess."""

    usd: float
    source: str
    date: str
    known: bool


def split(name: str) -> tuple[str, str]:
    """Return provider and model; BadSetting when the name has another form."""
    provider, _, model_name = name.strip().partition(":")
    if name.strip() == "offline":
        return "offline", ""
    if provider not in _PROVIDERS:
        raise BadSetting(f"model {name!r} has an unknown provider {provider!r}; allowed: {ALLOWED}")
    if not model_name:
        raise BadSetting(f"model {name!r} names no model; allowed: {ALLOWED}")
    return provider, model_name


def model(name: str, *, offline: Callable[[], Model] | None = None, seconds: float = REQUEST_SECONDS) -> Model:
    """Return the model `name`, with the provider's usual environment variables and without retries of its own.

    `offline` makes the model that needs no service; it lives a layer above this one.
    """
    provider, model_name = split(name)
    if provider == "offline":
        if offline is None:
            raise BadSetting("the offline model is not available here; run it through agents/call")
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
        raise _missing(f"openai:{model_name}", "OPENAI_API_KEY", " (or OPENAI_BASE_URL for a server without keys)")
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key=key or "none", base_url=base_url, max_retries=0, timeout=seconds)
    return OpenAIChatModel(model_name, provider=OpenAIProvider(openai_client=client))


def _ollama(model_name: str, seconds: float) -> Model:
    from openai import AsyncOpenAI
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    base_url = os.environ.get("OLLAMA_BASE_URL") or OLLAMA_URL
    key = os.environ.get("OLLAMA_API_KEY") or "none"
    client = AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=seconds)
    return OllamaModel(model_name, provider=OllamaProvider(openai_client=client))


def _anthropic(model_name: str, seconds: float) -> Model:
    key = os.environ.get("ANTHROPIC_API_KEY", "")
    if not key:
        raise _missing(f"anthropic:{model_name}", "ANTHROPIC_API_KEY")
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(api_key=key, max_retries=0, timeout=seconds)
    return AnthropicModel(model_name, provider=AnthropicProvider(anthropic_client=client))


_PROVIDERS: dict[str, Callable[[str, float], Model]] = {"openai": _openai, "anthropic": _anthropic, "ollama": _ollama}


def _missing(name: str, variable: str, more: str = "") -> BadSetting:
    return BadSetting(f"model {name!r} needs {variable}{more}; set it, or use the model 'offline'")


def price(name: str, tokens: Tokens, at: datetime) -> Price:
    """Return what `tokens` of the model cost at that time, from the price table that ships with genai-prices."""
    date = at.date().isoformat()
    provider, model_name = split(name)
    if provider in ("offline", "ollama"):
        return Price(0.0, "local", date, known=True)
    found = _table_price(provider, model_name, tokens, at)
    if found is not None:
        return Price(found, f"genai-prices {_table_version()}", date, known=True)
    if provider == "openai" and _is_local(os.environ.get("OPENAI_BASE_URL", "")):
        return Price(0.0, "local", date, known=True)
    guess = (tokens.input * CAUTIOUS_INPUT_USD + tokens.output * CAUTIOUS_OUTPUT_USD) / 1e6
    return Price(guess, "cautious guess", date, known=False)


def estimate(name: str, characters: int, most_output_tokens: int, at: datetime) -> Price:
    """Return the most that a request of that length can cost: what has to be reserved before it is sent."""
    # Three characters a token is below the usual four, so that the reserve is rarely too small.
    return price(name, Tokens(input=characters // 3 + 200, output=most_output_tokens), at)


def _table_price(provider: str, model_name: str, tokens: Tokens, at: datetime) -> float | None:
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read or None,
        cache_write_tokens=tokens.cache_write or None,
    )
    try:
        found: Any = calc_price(usage, model_ref=model_name, provider_id=provider, genai_request_timestamp=at)
    except LookupError:
        return None
    return float(found.total_price)


@functools.cache
def _table_version() -> str:
    from importlib.metadata import version

    return version("genai-prices")


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or (bool(host) and "." not in host)
