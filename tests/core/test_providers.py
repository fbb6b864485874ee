"""A model's name, where its provider is asked, and which key it needs."""

import pytest

from f.millrace.core import contracts, providers, tls
from f.millrace.core.errors import BadSetting


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("openai:gpt-4o", ("openai", "gpt-4o")),
        (" ollama:llama3:8b ", ("ollama", "llama3:8b")),
        ("offline", ("offline", "")),
        (" offline ", ("offline", "")),
    ],
)
def test_a_models_name_has_a_provider_and_a_model(name, parts):
    assert providers.split(name) == parts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-4o", "model 'gpt-4o' has an unknown provider 'gpt-4o'; allowed: openai:NAME"),
        ("other:x", "model 'other:x' has an unknown provider 'other'"),
        ("openai:", "model 'openai:' names no model; allowed: openai:NAME"),
        ("openai", "model 'openai' names no model"),
        ("offline:x", "unknown provider 'offline'"),
    ],
)
def test_what_is_no_models_name_is_refused_with_what_is_allowed(name, said):
    with pytest.raises(BadSetting) as caught:
        providers.split(name)

    assert said in str(caught.value)


def test_a_provider_is_asked_at_its_own_address_unless_another_is_set(monkeypatch):
    assert providers.address("openai") == "https://api.openai.com/v1"
    assert providers.address("ollama") == "http://127.0.0.1:11434/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://own.invalid/v1")
    assert providers.address("openai") == "http://own.invalid/v1"


def test_a_key_is_missing_where_the_provider_needs_one(monkeypatch):
    names = ("openai:x", "anthropic:x", "ollama:x", "offline")
    assert [providers.missing_key(name) for name in names] == [
        "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "", "",
    ]  # fmt: skip
    # A server of one's own may do without.
    monkeypatch.setenv("OPENAI_BASE_URL", "http://own.invalid/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://own.invalid/v1")
    assert [providers.missing_key(name) for name in names[:2]] == ["", "ANTHROPIC_API_KEY"]
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
    assert providers.missing_key("anthropic:x") == ""


@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ("SSL: CERTIFICATE_VERIFY_FAILED", True),
        ("invalid peer certificate: UnknownIssuer", True),
        ("self-signed certificate in chain", True),
        ("connection refused", False),
    ],
)
def test_what_to_do_about_an_untrusted_certificate_is_told(said, is_told):
    assert ("SSL_CERT_FILE" in tls.advise(said)) is is_told


@pytest.mark.parametrize(
    ("about", "text", "told"),
    [
        ("", "It opened.", "It opened."),
        ("Osmo (Kiel)", "It opened.", "Osmo (Kiel): It opened."),
        ("Osmo", "Osmo opened.", "Osmo opened."),
    ],
)
def test_a_sentence_about_one_of_several_things_names_it(about, text, told):
    finding = contracts.Finding(text=text, citations=[], about=about)

    assert finding.text_with_subject == told
