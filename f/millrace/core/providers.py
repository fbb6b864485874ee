# requirements:

"""A model's name: `provider:name`, or `offline`; and the variables that say how a provider is
reached.
"""

import os
from dataclasses import dataclass

from f.millrace.core import errors

ALLOWED = "openai:NAME, anthropic:NAME, ollama:NAME or offline"
PROVIDERS = ("openai", "anthropic", "ollama")


@dataclass(frozen=True)
class Variables:
    """The environment variables of a provider: of its key (`needs_key`: or no server answers) and
    of its address, with the address that holds when it is not set.
    """

    key: str
    base_url: str
    address: str
    needs_key: bool


VARIABLES = {
    "openai": Variables("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", True),
    "anthropic": Variables(
        "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com", True
    ),
    "ollama": Variables("OLLAMA_API_KEY", "OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1", False),
}


def split(name: str) -> tuple[str, str]:
    """Return provider and model; BadSetting when the name has another form."""
    provider, _, model_name = name.strip().partition(":")
    if name.strip() == "offline":
        return "offline", ""
    if provider not in PROVIDERS:
        raise errors.BadSetting(
            f"model {name!r} has an unknown provider {provider!r}; allowed: {ALLOWED}"
        )
    if not model_name:
        raise errors.BadSetting(f"model {name!r} names no model; allowed: {ALLOWED}")
    return provider, model_name


def address(provider: str) -> str:
    """Return the address at which the provider is asked."""
    found = VARIABLES[provider]
    return os.environ.get(found.base_url) or found.address


def missing_key(name: str) -> str:
    """Return the variable of the key that this model needs and that is not set; empty when nothing
    is missing. A server of one's own (OPENAI_BASE_URL) may do without.
    """
    provider, _ = split(name)
    found = VARIABLES.get(provider)
    if found is None or not found.needs_key or os.environ.get(found.key):
        return ""
    return "" if provider == "openai" and os.environ.get(found.base_url) else found.key
