# requirements:

"""Why a model gave no answer, for the person who has to act: the provider's own words, and what to
do next.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from pydantic_ai.exceptions import (
    IncompleteToolCall,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelTimeoutError,
    OutputTokenLimitExceeded,
    UnexpectedModelBehavior,
)

from f.millrace.core import config, errors, providers, redaction, tls

LONGEST = 300
PAGE = re.compile(r"\s*(?:<!doctype|<html|<head|<body)", re.IGNORECASE)
TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,200})", re.IGNORECASE)
MORE_TOKENS = "raise MILLRACE_MAX_OUTPUT_TOKENS (now {limit}), or choose a model that reasons less"


@dataclass(frozen=True)
class Fault:
    """One fault of a model.

    Attributes:
        kind: key, quota, rate, model, address, server, timeout, cut, reasoning, request, answer.
        reason: What happened, with the provider's own words: "401: the key of … was refused (…)".
        step: What to do about it.
        lasting: Asking again soon ends the same way.
    """

    kind: str
    reason: str
    step: str = ""
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.reason}; {self.step}" if self.step else self.reason


def explain(error: BaseException, model: str) -> Fault:
    """Return the fault behind an exception of a request to `model` (its name in the settings)."""
    if isinstance(error, errors.BadSetting):
        return Fault("setting", str(error), lasting=True)
    provider = model.partition(":")[0]
    found = providers.VARIABLES.get(provider)
    if found is None:
        return Fault("answer", _short(str(error)) or type(error).__name__)
    if isinstance(error, ModelHTTPError | ModelQuotaExceededError):
        return _explain_status(error, model, found)
    if isinstance(error, ModelConnectionError):
        return _explain_connection(error, provider, found)
    return _explain_answer(error, provider, found)


def said_by(body: object) -> str:
    """Return a provider's own words out of the body of its answer, in one line; empty when it has
    none. Of a web page that came instead it is the title.
    """
    if isinstance(body, str):
        if PAGE.match(body):
            title = TITLE.search(body)
            return f"a web page, {_short(title[1])!r}" if title else "a web page"
        try:
            body = json.loads(body)
        except ValueError:
            return _short(str(body))
    found = body
    for name in ("error", "message", "detail", "msg"):
        if isinstance(found, dict) and cast("dict[str, Any]", found).get(name):
            found = cast("dict[str, Any]", found)[name]
    if isinstance(found, str):
        return _short(found)
    return _short(json.dumps(found, ensure_ascii=False, default=str)) if found else ""


def cut_text() -> Fault:
    """Return the fault of a text that ended with its tokens."""
    limit = config.settings().max_output_tokens
    return Fault(
        "cut",
        f"the answer was cut at {limit} tokens; what came before its end is used",
        MORE_TOKENS.format(limit=limit),
    )


def _explain_status(error: ModelAPIError, model: str, found: providers.Variables) -> Fault:
    status = getattr(error, "status_code", 0)
    said = said_by(error.body)
    words = f" ({said})" if said else ""
    provider, name = providers.split(model)
    address = providers.address(provider)
    if isinstance(error, ModelAuthenticationError) or status in (401, 403):
        step = f"set {found.key} to a key of this provider that may use {name}"
        return Fault("key", f"{status}: the key of {found.key} was refused{words}", step, True)
    if isinstance(error, ModelQuotaExceededError) or status == 402:
        step = f"add credit to the account of {found.key}, or choose another model"
        return Fault("quota", f"{status}: the provider's quota is used up{words}", step, True)
    if isinstance(error, ModelRateLimitError) or status == 429:
        step = "wait, or ask the provider for a higher limit"
        return Fault("rate", f"429: too many requests{words}", step)
    if isinstance(error, ModelNotFoundError) or status == 404:
        if _is_about(said, name):
            step = f"correct the model's name: {provider}:NAME with a name that {address} has"
            return Fault("model", f"404: {address} has no model {name!r}{words}", step, True)
        reason = f"404: nothing answers for models at {address}{words}"
        return Fault("address", reason, _address_step(found, address), True)
    if status >= 500 or status in (408, 409, 425):
        return Fault("server", f"{status}: the provider failed{words}", "try again later")
    if status in (301, 302, 307, 308, 405):
        reason = f"{status}: nothing answers for models at {address}{words}"
        return Fault("address", reason, _address_step(found, address), True)
    step = f"see what it says; the model is {model!r}, its server {address}"
    return Fault("request", f"{status}: the request was refused{words}", step, True)


def _explain_connection(
    error: ModelConnectionError, provider: str, found: providers.Variables
) -> Fault:
    address = providers.address(provider)
    if error.in_stream:
        return Fault("cut", "the answer was cut before its end", "try again later")
    if isinstance(error, ModelTimeoutError):
        return Fault("timeout", f"{address} gave no answer in time", "try again later")
    said = f"{error}{error.__cause__ or ''}{getattr(error.__cause__, '__cause__', '') or ''}"
    step = f"start its server, or correct {found.base_url}{tls.advise(said)}"
    return Fault("server", f"no server answers at {address} ({_short(str(error))})", step, True)


def _explain_answer(error: BaseException, provider: str, found: providers.Variables) -> Fault:
    limit = config.settings().max_output_tokens
    more = MORE_TOKENS.format(limit=limit)
    if isinstance(error, IncompleteToolCall):
        return Fault("cut", f"the answer was cut at {limit} tokens", more)
    if isinstance(error, OutputTokenLimitExceeded):
        reason = f"all {limit} tokens were spent on reasoning, none was left for the answer"
        return Fault("reasoning", reason, more)
    if isinstance(error.__cause__, LookupError):
        return Fault("answer", "its answer held nothing: no choices", "try another model")
    said = str(error)
    if isinstance(error, UnexpectedModelBehavior) and "expected JSON data" in said:
        address = providers.address(provider)
        reason = f"{address} answered with something else than JSON (a web page?)"
        return Fault("address", reason, _address_step(found, address), True)
    if isinstance(error, UnexpectedModelBehavior) and "output retries" in said:
        return Fault(
            "answer", "its answers had not the form that was asked for", "try another model"
        )
    return Fault("answer", f"its answer cannot be read ({_short(said)})", "try another model")


def _is_about(said: str, name: str) -> bool:
    """Tell whether the provider speaks of the model, and not of the address."""
    return name.lower() in said.lower() or "model" in said.lower()


def _address_step(found: providers.Variables, address: str) -> str:
    parts = urlsplit(address)
    if parts.path.strip("/") == "" and found.base_url != "ANTHROPIC_BASE_URL":
        fuller = urlunsplit(parts._replace(path="/v1"))
        return f"{found.base_url} has no /v1 at its end: try {fuller}"
    if parts.path.rstrip("/").endswith("/chat/completions"):
        shorter = urlunsplit(parts._replace(path=parts.path.rpartition("/chat/")[0]))
        return f"{found.base_url} is the address before /chat/completions: try {shorter}"
    return f"correct {found.base_url}"


def _short(text: str) -> str:
    line = " ".join(redaction.redact(str(text)).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
