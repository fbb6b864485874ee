# requirements:

"""What tokens cost, at whose word: the setting `prices`,
then the table that ships with genai-prices.

A model without a price is counted at a cautious rate, or refused,
as the setting `unknown_prices` says.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from f.millrace.core import config, errors, money, providers

# Who says that a model of one's own server costs nothing.
LOCAL = "local"
MILLION = Decimal(1_000_000)
# Models in a provider's list of prices that anybody may run.
OPEN_WEIGHTS = ("gpt-oss",)
# Names for use inside a network: RFC 6761, 6762 and 8375, ICANN's `internal`, what routers and
# clusters hand out.
LOCAL_NAMES = (
    ".localhost",
    ".local",
    ".internal",
    ".lan",
    ".home",
    ".home.arpa",
    ".localdomain",
    ".svc",
)


@dataclass(frozen=True)
class Tokens:
    """Tokens of one request; cached ones are part of `input`, reasoning is part of `output`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def counts(self) -> dict[str, int]:
        """Return the counts that are not zero, by name."""
        return {name: count for name, count in vars(self).items() if count}


@dataclass(frozen=True)
class Price:
    """What was or may be billed, and who says so; `known` is false for a cautious guess."""

    usd: Decimal
    source: str
    date: str
    known: bool = True


def price(name: str, tokens: Tokens, at: datetime) -> Price:
    """Return what `tokens` of the model cost at that time; BudgetExceeded when nobody knows and the
    settings refuse that.
    """
    date = at.date().isoformat()
    provider, model_name = providers.split(name)
    own = config.settings().prices.get(name)
    if own is not None:
        rates = (own.input, own.output, own.cache_read, own.cache_write)
        foreign = "" if own.currency == "USD" else f" ({own.currency} at {own.usd_per_unit} USD)"
        return Price(
            _cost_by_rates(tokens, *rates) * own.usd_per_unit,
            f"settings{foreign}",
            own.date or date,
        )
    if provider in ("offline", "ollama"):
        return Price(Decimal(0), LOCAL, date)
    # Whatever the model is called: who runs a gateway to a provider says its price in the settings.
    if _is_local(os.environ.get(f"{provider.upper()}_BASE_URL", "")):
        return Price(Decimal(0), LOCAL, date)
    found = _table_price(provider, model_name, tokens, at)
    if found is not None:
        return Price(found, f"genai-prices {_table_version()}", date)
    if config.settings().unknown_prices == "refuse":
        raise errors.BudgetExceeded(
            f"nobody knows the price of {name}; add it to the setting prices, or set unknown_prices"
            " to cap"
        )
    guess = _cost_by_rates(
        tokens, config.settings().unknown_input_usd, config.settings().unknown_output_usd
    )
    return Price(guess, "cautious guess", date, known=False)


def most_tokens(text: str) -> int:
    """Return more tokens than the text has: prose has a token in four letters, nothing has more
    than one a byte.
    """
    letters = sum(char.isascii() and (char.isalpha() or char == " ") for char in text)
    return letters // 2 + (len(text.encode("utf-8", "replace")) - letters) + 200


def _cost_by_rates(
    tokens: Tokens,
    input_usd: Decimal,
    output_usd: Decimal,
    read: Decimal | None = None,
    write: Decimal | None = None,
) -> Decimal:
    """Return the cost by rates for a million tokens; cached tokens count as any other where they
    have no rate.
    """
    plain = max(0, tokens.input - tokens.cache_read - tokens.cache_write)
    cached = tokens.cache_read * (input_usd if read is None else read) + tokens.cache_write * (
        input_usd if write is None else write
    )
    return money.usd((plain * input_usd + cached + tokens.output * output_usd) / MILLION)


def _table_price(provider: str, model_name: str, tokens: Tokens, at: datetime) -> Decimal | None:
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read or None,
        cache_write_tokens=tokens.cache_write or None,
    )
    try:
        found: Any = calc_price(
            usage, model_ref=model_name, provider_id=provider, genai_request_timestamp=at
        )
    except LookupError:
        return None
    return money.usd(found.total_price)


@functools.cache
def _table_version() -> str:
    from importlib.metadata import version

    return version("genai-prices")


def stays_here(name: str, at: datetime) -> bool:
    """Tell whether what a model is told stays on one's own machines. A server of one's own may pass
    on what only its provider has, so a model with a provider's price leaves.
    """
    provider, model_name = providers.split(name)
    if provider == "offline":
        return True
    address = os.environ.get(f"{provider.upper()}_BASE_URL", "")
    if provider == "ollama":
        return not address or _is_local(address)
    if not _is_local(address):
        return False
    is_open = model_name.startswith(OPEN_WEIGHTS)
    return is_open or _table_price(provider, model_name, Tokens(), at) is None


def _is_local(url: str) -> bool:
    """Tell whether a server is one's own: by its address, by a name that no public server has, or
    by what the name stands for.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if not host:
        return False
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(LOCAL_NAMES) or _stands_for_local(host)


@functools.cache
def _stands_for_local(host: str) -> bool:
    try:
        found = {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and not any(ipaddress.ip_address(one).is_global for one in found)
