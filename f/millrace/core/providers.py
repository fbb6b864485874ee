# requirements:

"""A model's name: `provider:name`, or `offline`."""

from f.millrace.core import errors

ALLOWED = "openai:NAME, anthropic:NAME, ollama:NAME or offline"
PROVIDERS = ("openai", "anthropic", "ollama")


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
