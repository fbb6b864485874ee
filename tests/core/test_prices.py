import socket
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core import config
from f.millrace.core.errors import BadSetting, BudgetExceeded
from f.millrace.core.money import dollars, number, usd
from f.millrace.core.prices import Tokens, most_tokens, price

AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def set_prices(monkeypatch):
    def change(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"MILLRACE_{name.upper()}", value)
        config.reload()

    return change


def test_the_table_prices_cached_tokens_apart():
    plain = price("openai:gpt-4o", Tokens(1000, 200), AT)
    cached = price("openai:gpt-4o", Tokens(1000, 200, cache_read=800), AT)

    assert plain.usd == usd("0.0045") and plain.known and plain.source.startswith("genai-prices ")
    assert cached.usd == usd("0.0035")


def test_the_table_prices_what_becomes_cached_apart():
    plain = price("anthropic:claude-3-5-haiku-latest", Tokens(1000, 200), AT)
    cached = price("anthropic:claude-3-5-haiku-latest", Tokens(1000, 200, cache_write=1000), AT)

    # Anthropic asks a quarter more for what it puts into its cache: 0.8 and 1 USD a million.
    assert (plain.usd, cached.usd) == (usd("0.0016"), usd("0.0018"))


def test_own_prices_go_before_the_table_and_keep_their_date(set_prices):
    set_prices(
        prices=(
            '{"openai:gpt-4o": {"input": 1, "output": 0.3, "cache_read": 0.1, "date":'
            ' "2026-11-01"}}'
        )
    )

    found = price("openai:gpt-4o", Tokens(1_000_000, 1_000_000, cache_read=400_000), AT)

    assert (found.usd, found.source, found.date) == (usd("0.94"), "settings", "2026-11-01")


def test_what_becomes_cached_has_a_price_of_its_own(set_prices):
    set_prices(prices='{"openai:lune": {"input": 1, "output": 1, "cache_write": 3}}')

    assert price("openai:lune", Tokens(1_000_000, cache_write=1_000_000), AT).usd == usd("3")


def test_prices_in_another_currency_come_with_their_rate(set_prices):
    set_prices(
        prices='{"openai:lune": {"input": 2, "output": 4, "currency": "EUR", "usd_per_unit": 1.1}}'
    )

    found = price("openai:lune", Tokens(1_000_000), AT)

    assert (found.usd, found.source) == (usd("2.2"), "settings (EUR at 1.1 USD)")


@pytest.mark.parametrize(
    "own",
    [
        '{"input": 1}',
        '{"input": -1, "output": 1}',
        '{"input": 1, "output": 1, "currency": "EUR"}',
        '{"input": "much", "output": 1}',
    ],
)
def test_a_price_that_is_none_is_refused(set_prices, own):
    set_prices(prices=f'{{"openai:lune": {own}}}')

    with pytest.raises(BadSetting, match="prices"):
        config.settings()


def test_an_unknown_price_is_capped_or_refused_by_setting(set_prices):
    capped = price("anthropic:never-heard-of", Tokens(1000, 100), AT)
    assert (capped.usd, capped.known, capped.source) == (usd("0.014"), False, "cautious guess")

    set_prices(unknown_prices="refuse")
    with pytest.raises(
        BudgetExceeded,
        match="nobody knows the price of anthropic:never-heard-of; add it to the setting prices",
    ):
        price("anthropic:never-heard-of", Tokens(1000, 100), AT)


def test_models_of_this_machine_cost_nothing(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")

    assert [
        price(name, Tokens(1000, 1000), AT).usd
        for name in ("offline", "ollama:qwen3", "openai:my-own")
    ] == [0, 0, 0]


@pytest.mark.parametrize(
    "host",
    [
        "host.docker.internal:1234",
        "nas.lan",
        "studio.local",
        "ollama.models.svc",
        "vllm.models.svc.cluster.local",
        "box.home.arpa",
        "10.0.0.7:8000",
    ],
)
def test_a_server_inside_ones_network_costs_nothing(host, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{host}/v1")

    for name in ("openai:qwen3-8b", "openai:gpt-4o"):
        assert price(name, Tokens(100_000, 10_000), AT).usd == 0


def test_a_gateway_of_ones_own_costs_what_the_setting_says(set_prices, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gateway.lan/v1")
    set_prices(prices='{"openai:gpt-4o": {"input": 3, "output": 12}}')

    found = price("openai:gpt-4o", Tokens(1_000_000, 1_000_000), AT)

    assert (found.usd, found.source) == (usd("15"), "settings")


def test_a_name_that_stands_for_an_address_of_ones_own_costs_nothing(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://models.example.org/v1")
    answers = {"models.example.org": "192.168.1.9"}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, _port: [(2, 1, 6, "", (answers[host], 0))]
    )

    assert price("openai:qwen3-8b", Tokens(100_000, 10_000), AT).usd == 0
    answers["other.example.org"] = "93.184.216.34"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://other.example.org/v1")
    assert price("openai:qwen3-8b", Tokens(100_000, 10_000), AT).usd > 0


@given(st.text(max_size=300))
def test_the_reserve_counts_at_least_a_token_for_every_byte_that_is_no_letter(text):
    letters = sum(char.isascii() and (char.isalpha() or char == " ") for char in text)

    assert (
        len(text.encode("utf-8", "replace")) - letters
        <= most_tokens(text)
        <= len(text.encode("utf-8", "replace")) + 200
    )


@given(st.lists(st.decimals("0", "1000", places=9), max_size=30))
def test_amounts_add_up_without_drift(amounts):
    assert sum(map(usd, amounts), usd(0)) == sum(amounts, Decimal(0))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0.015", "$0.02"), (0.015, "$0.02"), ("0.00185", "$0.0019"), (2.675, "$2.68"), (0, "$0.00")],
)
def test_a_sum_is_shown_in_one_way_whatever_holds_it(amount, shown):
    assert dollars(amount) == shown == dollars(number(amount))


@pytest.mark.parametrize("name", ["openai:gpt-4o", "anthropic:never-heard-of", "openai:my-own"])
def test_no_count_of_tokens_is_too_large_for_a_price(name):
    assert price(name, Tokens(10**30, 10**30), AT).usd >= 0


def test_a_server_of_ones_own_is_free_whatever_it_speaks_and_whatever_its_model_is_called(
    monkeypatch, set_prices
):
    for provider in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{provider}_BASE_URL", "http://nas.lan:8000/v1")
    tokens = Tokens(100_000, 10_000)
    own = ("openai:gpt-oss-20b", "openai:gpt-4o", "anthropic:claude-sonnet-4-5")

    assert [price(name, tokens, AT).usd for name in own] == [0, 0, 0]
    assert {price(name, tokens, AT).source for name in own} == {"local"}
    set_prices(prices='{"openai:gpt-oss-20b": {"input": 1, "output": 2}}')
    assert price("openai:gpt-oss-20b", tokens, AT).usd == usd("0.12")
