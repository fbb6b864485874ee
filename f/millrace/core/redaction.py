"""One redactor for all that leaves the process: events, logs, spans, memory, digests, errors."""

import functools
import os
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from f.millrace.core.config import Settings, on_reload, settings
from f.millrace.core.errors import BadSetting

MASK = "[redacted]"
SHORTEST = 6
SECRET_VARIABLES = ("_API_KEY", "_TOKEN", "_PASSWORD", "_SECRET")
PATTERNS = [
    re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"),
    re.compile(r"\b(?:ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{20,}"),
    re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    re.compile(r"\bxox[abpr]-[A-Za-z0-9-]{10,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{12,}=*"),
    re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
]
KEYS = re.compile(r"(?i)(password|passwd|secret|api[_-]?key|authorization|access[_-]?token|private[_-]?key)")


def redact(value: Any) -> Any:
    """Return `value` (text or JSON) with every known secret and all that looks like one masked."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(key, str) and KEYS.search(key) and isinstance(inner, str) and inner else redact(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    return value


def _text(text: str) -> str:
    for secret in _own_secrets():
        if secret in text:
            text = text.replace(secret, MASK)
    for pattern in PATTERNS:
        text = pattern.sub(MASK, text)
    return text


@functools.cache
def _own_secrets() -> list[str]:
    found = {value for name, value in os.environ.items() if name.endswith(SECRET_VARIABLES)}
    try:
        values = [getattr(settings(), name) for name in Settings.model_fields]
    except BadSetting:  # the message about a bad setting is redacted too
        values = []
    for value in values:
        if isinstance(value, SecretStr):
            secret = value.get_secret_value()
            password = urlsplit(secret).password or "" if "://" in secret else secret
            found |= {password, unquote(password)}
    return sorted((secret for secret in found if len(secret) >= SHORTEST), key=len, reverse=True)


on_reload(_own_secrets.cache_clear)
