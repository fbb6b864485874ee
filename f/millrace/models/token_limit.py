# requirements:

"""The name under which a server takes the most tokens of an answer: `max_completion_tokens`, or
the older `max_tokens`.

Which one is known only when a server refuses one; it is then asked with the other, as long as the
process lives.
"""

import re
from typing import cast

from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.settings import ModelSettings

from f.millrace.core import providers
from f.millrace.models import faults

# What a server says of a parameter that it does not take, and not of a value.
REFUSES = re.compile(
    r"(?i)unsupported|not supported|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed"
    r"|does not (?:accept|support)|extra inputs?|no such|instead"
)
NAMES = ("max_completion_tokens", "max_tokens")

_taken: dict[tuple[str, str], str] = {}


def rename(model: str, settings: ModelSettings | None) -> ModelSettings | None:
    """Return the settings with the most tokens under the name that the server of the model takes;
    as they are while it has refused none.
    """
    taken = _taken.get(_server(model))
    if taken is None or settings is None or "max_tokens" not in settings:
        return settings
    most = settings["max_tokens"]
    rest = {name: value for name, value in settings.items() if name != "max_tokens"}
    body = cast("dict[str, object]", settings.get("extra_body") or {})
    return cast("ModelSettings", {**rest, "extra_body": {**body, taken: most}})


def note_refusal(model: str, error: BaseException) -> bool:
    """Note which name a server refuses; tell whether the request is worth sending with the
    other.
    """
    if not isinstance(error, ModelHTTPError) or error.status_code not in (400, 422):
        return False
    server = _server(model)
    refused = _refused(faults.said_by(error.body))
    if refused is None or server in _taken:
        return False
    _taken[server] = NAMES[1 - NAMES.index(refused)]
    return True


def _refused(said: str) -> str | None:
    """Return the name that a refusal speaks of first: what to use instead comes behind it."""
    if not REFUSES.search(said):
        return None
    places = {name: said.find(name) for name in NAMES}
    named = [name for name, place in places.items() if place >= 0]
    return min(named, key=lambda name: places[name], default=None)


def _server(model: str) -> tuple[str, str]:
    provider = providers.split(model)[0]
    return model, providers.address(provider) if provider in providers.VARIABLES else ""
