# requirements:

"""One redactor for all that leaves the process: events, logs, spans, memory, digests, errors.

Masked are the secrets that this process knows (settings and environment, in the spellings in which
they travel), values under names that say what they are, and texts of the shapes in which keys are
issued.

A known secret that is an ordinary word (`millrace`, `Postgres`) is masked only where it stands as a
value: after `=` or `:`, as a password in an address, or as a whole value under a name. Anywhere
else it is most likely the word.
"""

import base64
import functools
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import quote, quote_plus, unquote, urlsplit

from f.millrace.core import config, errors

MASK = "[redacted]"
SHORTEST = 6
SECRET_VARIABLE = (
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET(?:_?KEY)?|PRIVATE_?KEY|TOKEN"
    r"|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?|AUTH)$"
)
KEYS = (
    r"(?i)(password|passwd|passphrase|secret|credential|api[_-]?key|authorization|private[_-]?key|set-cookie|"
    r"(?:access|auth|refresh|bearer|session|id)[_-]?token|(?:^|[_-])token$|^cookie$)"
)
# Each alternative begins with something rare, so that plain text is passed over quickly.
SHAPES = (
    # OpenAI, Anthropic, Stripe
    r"(?s)\b(?:sk|pk|rk)[-_](?:live_|test_|proj-|ant-)?[A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[pousr]|github_pat|glpat|hf|npm|pypi|tvly|dop_v1|shpat|xapp)[_-][A-Za-z0-9_-]{16,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[0-9A-Za-z_-]{30,}"
    r"|\bya29\.[0-9A-Za-z_-]{20,}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bBSA[A-Za-z0-9_-]{20,}"
    r"|\b\d{8,10}:AA[A-Za-z0-9_-]{30,}"  # Telegram
    r"|\beyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*"
    r"|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}"
    r"|(?i:(?<=\bbearer )|(?<=\bbasic )|(?<=\btoken"
    r" ))(?=[^\s\"']*[0-9=_~+/])[A-Za-z0-9._~+/-]{12,}=*"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
# `password=hunter2`, `?token=…`, `"api_key": "…"`; after a colon only what has a figure or a sign
# in it, for prose has none.
NAMED = (
    r"(?i)(?:\b|(?<=_))((?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|token|sig|signature))"
    r"(\\*+[\"']?\s*+(?:=\s*+\\*+[\"']?|:\s*+\\*+[\"']?(?=[^\s\"',;]{0,200}[0-9_/+=-])))([^\s\"'&,;<>\\)\]}]{6,})"
)
# `=`, `:` or a telling name before a word that is a secret, and no more of a longer word or path
# behind it.
BEFORE_WORD = (
    r"([=:]\s*\\*[\"']?|(?i:\b(?:password|passwd|pwd|secret|token|key))\s+(?:is\s+)?\\*[\"']?)"
)
AFTER_WORD = r"(?![\w/-]|\.\w)"
# No shape without one of these; looked for as they are, since compiling the patterns takes a step
# longer (10 ms) than all else that it redacts.
IN_SHAPES = tuple(
    "sk- sk_ pk- pk_ rk- rk_ ghp gho ghu ghs ghr github_pat glpat hf_ hf- npm_ npm- pypi_ pypi-"
    " tvly dop_v1 shpat xapp xox AKIA ASIA AIza"
    " ya29. SG. BSA :AA eyJ hooks.slack.com PRIVATE".split()
)
BEFORE_TOKEN = ("bearer ", "basic ", "token ")
IN_NAMES = ("password", "passwd", "pwd", "secret", "key", "token", "sig")


def redact(value: Any) -> Any:
    """Return `value` (text or JSON) with every known secret and all that looks like one masked."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value)
        return {redact(key): _redact_value_of(key, inner) for key, inner in entries.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in cast("Iterable[Any]", value)]
    if isinstance(value, bytes):
        return _text(value.decode(errors="replace"))
    return value


def _is_texts(value: Any) -> bool:
    """Tell whether a value is a text or a list of texts."""
    parts = cast("Iterable[Any]", value) if isinstance(value, list | tuple) else [value]
    return all(isinstance(part, str) for part in parts)


def _redact_value_of(key: Any, value: Any) -> Any:
    if isinstance(key, str) and value and _compile(KEYS).search(key) and _is_texts(value):
        return MASK if isinstance(value, str) else [MASK for _ in value]
    words = _own_secrets().words
    if isinstance(value, str) and value in words:
        return MASK
    if words and isinstance(value, list | tuple):
        return [_redact_value_of(key, inner) for inner in cast("Iterable[Any]", value)]
    return redact(value)


def _text(text: str) -> str:
    own = _own_secrets()
    if own.anywhere is not None:
        text = own.anywhere.sub(MASK, text)
    if own.as_value is not None:
        text = own.as_value.sub(_mask_value, text)
    folded = text.casefold()
    if (
        ("://" in text and "@" in text)
        or any(part in text for part in IN_SHAPES)
        or any(part in folded for part in BEFORE_TOKEN)
    ):
        text = _compile(SHAPES).sub(MASK, text)
    if ("=" in text or ":" in text) and any(part in folded for part in IN_NAMES):
        text = _compile(NAMED).sub(_mask_named, text)
    return text


def _mask_value(match: "re.Match[str]") -> str:
    return match[1] + MASK


def _mask_named(match: "re.Match[str]") -> str:
    return match[0] if match[3].startswith("[redacted") else match[1] + match[2] + MASK


@functools.cache
def _compile(pattern: str) -> "re.Pattern[str]":
    """Return the pattern compiled, at its first use: together they would take a tenth of what a
    step's start may add.
    """
    return re.compile(pattern)


class _Own(NamedTuple):
    anywhere: "re.Pattern[str] | None"
    as_value: "re.Pattern[str] | None"
    words: frozenset[str]


@functools.cache
def _own_secrets() -> _Own:
    """Return the patterns for all secrets of this process, the longest first,
    and those that are ordinary words.
    """
    found = set(_environment_secrets())
    try:
        values = list(vars(config.settings()).values())
    except errors.BadSetting:  # the message about a bad setting is redacted too
        values = []
    for value in values:
        found.update(part for secret in _secrets(value) for part in _parts(secret))
    spellings = {
        spelling for secret in found if len(secret) >= SHORTEST for spelling in _spellings(secret)
    }
    words = frozenset(spelling for spelling in spellings if _is_word(spelling))
    anywhere, as_value = _any_of(spellings - words), _any_of(words)
    return _Own(
        re.compile(anywhere) if anywhere else None,
        re.compile(f"{BEFORE_WORD}(?:{as_value}){AFTER_WORD}") if as_value else None,
        words,
    )


def _is_word(secret: str) -> bool:
    return secret.isalpha() and (secret.islower() or secret.isupper() or secret.istitle())


def _any_of(spellings: Iterable[str]) -> str:
    return "|".join(re.escape(one) for one in sorted(spellings, key=len, reverse=True))


def _secrets(value: Any) -> Iterator[str]:
    """Yield the secrets of a setting: its own, those of its entries,
    and those of an entry's fields.
    """
    if isinstance(value, config.Secret):
        named = _compile(config.FROM_ENVIRONMENT).findall(value.get_secret_value())
        yield from [os.environ.get(name, "") for name in named] or [value.get_secret_value()]
    elif isinstance(value, dict):
        for inner in cast("dict[Any, Any]", value).values():
            yield from _secrets(inner)
    elif hasattr(value, "model_dump"):
        yield from _secrets(dict(value))


def _environment_secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if _compile(SECRET_VARIABLE).search(name.upper()):
            yield value
        if "://" in value and "@" in value:
            yield from _parts(value)


def _parts(secret: str) -> Iterator[str]:
    """Yield what is secret of a setting: all of it, or the password of an address."""
    if "://" not in secret:
        yield secret
        return
    try:
        password = urlsplit(secret).password or ""
    except ValueError:
        return
    yield from (password, unquote(password))


def _spellings(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote_plus(secret))
    if len(secret) >= 2 * SHORTEST:
        yield base64.b64encode(secret.encode()).decode().rstrip("=")


config.on_reload(_own_secrets.cache_clear)
