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

from f.millrace.core import (
    all_settings,
    command_secrets,
    config,
    errors,
    named_secrets,
    secret,
    secret_formats,
    secret_names,
)

MASK = "[redacted]"
SHORTEST = 6
NAMES, VALUES = ("name", "key", "Name", "Key"), ("value", "Value", "val", "content")
SECRET_VARIABLE = (
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET(?:_?KEY)?|PRIVATE_?KEY|TOKEN"
    r"|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?|AUTH)$"
)
PATH_STARTS = ("/", "~/", "./", "../", "C:\\", "D:\\")
# `=`, `:` or a telling name before a word that is a secret, and no more of a longer word or path
# behind it.
BEFORE_WORD = (
    r"([=:]\s*\\*[\"']?|(?i:\b(?:password|passwd|pwd|secret|token|key))\s+(?:is\s+)?\\*[\"']?)"
)
AFTER_WORD = r"(?![\w/-]|\.\w)"


def redact(value: Any) -> Any:
    """Return `value` (text or JSON) with every known secret and all that looks like one masked."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return _entries(cast("dict[Any, Any]", value))
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in cast("Iterable[Any]", value)]
    if isinstance(value, bytes):
        return _text(value.decode(errors="replace"))
    return value


def _entries(entries: dict[Any, Any]) -> dict[Any, Any]:
    masked = {redact(key): _redact_value_of(key, inner) for key, inner in entries.items()}
    # `{"name": "api_key", "value": …}`
    named = next((entries[key] for key in NAMES if isinstance(entries.get(key), str)), "")
    if named and secret_names.is_secret_key(named):
        masked.update(
            {
                key: _mask(entries[key])
                for key in VALUES
                if entries.get(key) and _is_texts(entries[key])
            }
        )
    return masked


def _mask(value: Any) -> Any:
    return MASK if isinstance(value, str) else [MASK for _ in value]


def _is_texts(value: Any) -> bool:
    """Tell whether a value is a text or a list of texts."""
    parts = cast("Iterable[Any]", value) if isinstance(value, list | tuple) else [value]
    return all(isinstance(part, str) for part in parts)


def _redact_value_of(key: Any, value: Any) -> Any:
    if isinstance(key, str) and value and _is_texts(value) and secret_names.is_secret_key(key):
        return _mask(value)
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
    spans = sorted(_find(text))
    if not spans:
        return text
    kept: list[str] = []
    done = 0
    for start, end in spans:
        if start >= done:
            kept += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*kept, text[done:]])


def _find(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the text holds what looks like a secret."""
    folded = text.casefold()
    yield from secret_formats.find(text)
    yield from command_secrets.find(text, folded)
    if named_secrets.may_hold(folded):
        yield from named_secrets.find(text)


def _mask_value(match: "re.Match[str]") -> str:
    return match[1] + MASK


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
    if isinstance(value, secret.Secret):
        named = _compile(all_settings.FROM_ENVIRONMENT).findall(value.get_secret_value())
        yield from [os.environ.get(name, "") for name in named] or [value.get_secret_value()]
    elif isinstance(value, dict):
        for inner in cast("dict[Any, Any]", value).values():
            yield from _secrets(inner)
    elif hasattr(value, "model_dump"):
        yield from _secrets(dict(value))


def _environment_secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if _compile(SECRET_VARIABLE).search(name.upper()) and not _is_path(name, value):
            yield value
        if "://" in value and "@" in value:
            yield from _parts(value)


def _is_path(name: str, value: str) -> bool:
    """Tell whether a variable says where something is: a shell's `PWD`, the file of credentials."""
    if name.upper() == "PWD":
        return True
    return value.startswith(PATH_STARTS) and os.path.exists(os.path.expanduser(value))


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
