"""Which server a model is asked on, and with which key."""

from typing import Any

import pytest

from f.millrace.core import llm, providers, windmill
from f.millrace.core.errors import BadSetting


def client(name: str) -> Any:
    return llm.model(name).provider.client  # type: ignore[attr-defined]


def test_a_server_of_ones_own_needs_no_key_and_gets_the_one_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    found = client("openai:lune")
    assert (str(found.base_url), found.api_key) == ("http://127.0.0.1:9/v1/", "none")

    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-ones-own")
    assert client("openai:lune").api_key == "sk-of-ones-own"


def test_ollama_is_asked_on_this_machine_unless_another_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert str(client("ollama:lune").base_url) == f"{providers.address('ollama')}/"
    assert client("ollama:lune").api_key == "none"

    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OLLAMA_API_KEY", "mine")

    found = client("ollama:lune")
    assert (str(found.base_url), found.api_key) == ("http://127.0.0.1:9/v1/", "mine")


@pytest.mark.parametrize("name", ["openai:gpt-5", "ollama:lune"])
def test_the_library_does_not_repeat_requests_that_are_counted_and_billed_here(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-ones-own")

    assert (client(name).max_retries, client(name).timeout) == (0, llm.REQUEST_SECONDS)


def test_the_offline_model_is_made_by_who_has_it_and_asked_for_where_it_is() -> None:
    made: Any = object()

    assert llm.model("offline", offline=lambda: made) is made
    with pytest.raises(BadSetting, match="run it through models/call"):
        llm.model("offline")


@pytest.mark.parametrize("missing", ["BASE_INTERNAL_URL", "WM_TOKEN"])
def test_a_process_is_a_job_of_a_worker_when_both_the_address_and_the_token_are_there(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("BASE_INTERNAL_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WM_TOKEN", "token")
    assert windmill.on_worker()

    monkeypatch.delenv(missing)

    assert not windmill.on_worker()
