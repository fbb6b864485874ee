"""One redactor for all that leaves the process: events, logs, spans, memory, digests, errors."""

import functools
import re
from typing import Any

from pydantic import SecretStr

from f.millrace.core.config import settings

MASK = "[redacted]"
SHORTEST = 6
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


def _own_secrets() -> list[str]:
    return _secrets_of(id(settings()))


@functools.lru_cache(maxsize=4)
def _secrets_of(_identity: int) -> list[str]:
    import os
    from urllib.parse import unquote, urlsplit

    found = set()
    for name in type(settings()).model_fields:
        value = getattr(settings(), name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            secret = value.get_secret_value()
            found.add(urlsplit(secret).password or "" if "://" in secret else secret)
            if "://" in secret:
                found.add(unquote(urlsplit(secret).password or ""))
    for name, value in os.environ.items():
        if name.endswith(("_API_KEY", "_TOKEN", "_PASSWORD", "_SECRET")) and name != "WM_MOCKED_API_FILE":
            found.add(value)
    return sorted((secret for secret in found if len(secret) >= SHORTEST), key=len, reverse=True)
