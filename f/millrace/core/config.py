# requirements:

"""The settings in effect: what an installation sets, and the default of everything else.

The first of these that sets a setting wins:

1. the environment: `MILLRACE_<NAME>`, lists separated by commas; an empty variable sets nothing
2. `millrace.yaml` in the working directory
3. on a worker, the Windmill resource `f/millrace/settings`; an empty field sets nothing, for the
  form writes all of them
4. `MILLRACE_DEFAULTS`, a JSON object of settings: by it an installation names its own servers
  (docker-compose.yml does)
5. the default that is declared in `all_settings`

The word `none`, as a text or as the only entry of a list,
empties what would have a value otherwise.
"""

import contextlib
import functools
import json
import math
import os
import re
import typing
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

from f.millrace.core import all_settings, errors, secret, windmill

if typing.TYPE_CHECKING:
    pass

PREFIX = "MILLRACE_"
FILE = "millrace.yaml"
RESOURCE = "f/millrace/settings"
DEFAULTS = PREFIX + "DEFAULTS"
# What says that a setting is empty on purpose, where a form or a variable cannot be left empty.
NONE = "none"
# Set by scripts and the runner for their own children; not settings.
INTERNAL = frozenset(
    {
        "STEP",
        "FLOW_PATH",
        "EVENTS_STDOUT",
        "NAMESPACE",
        "PYTHON",
        "HOME",
        "CACHE",
        "ROOT",
        "STATE",
        "DATABASE_FOLDER",
    }
)
# The command line says where the embedded database keeps its files.
DATABASE_FOLDER = "MILLRACE_DATABASE_FOLDER"


def validate(values: dict[str, Any]) -> all_settings.Settings:
    """Return settings with these values, the others as they are declared; pydantic's
    ValidationError says what is wrong.

    A step's start costs less without pydantic (80 ms), so it is asked only when a value is not
    plainly what is declared.
    """
    accepted = {name: _accept(name, value) for name, value in values.items()}
    if any(value is UNSURE for value in accepted.values()):
        from f.millrace.core import settings_model

        known = tuple(name for name in values if name in all_settings.NAMES)
        accepted = dict(settings_model.make_model(known).model_validate(values))
    return all_settings.Settings(**accepted)


# What `_accept` answers when pydantic has to look; no value of a setting.
UNSURE = object()


# complexipy: ignore (a case for each kind of value, in the order in which they are common)
def _accept(name: str, value: Any) -> Any:
    """Return the value of a setting as it is used, or UNSURE when it may need more than a look."""
    if name not in all_settings.NAMES:
        return UNSURE
    kind, option = all_settings.declared(name)
    if kind in (int, float, Decimal) and type(value) in (int, float):
        return _accept_number(kind, option, value)
    if kind is secret.Secret and type(value) is str:
        fits = option.pattern is None or re.search(option.pattern, value)
        return secret.Secret(value) if fits else UNSURE
    if typing.get_origin(kind) is Literal:
        return value if type(value) is str and value in typing.get_args(kind) else UNSURE
    if kind == list[str] and type(value) is list:
        parts = cast("list[Any]", value)
        return parts if all(type(part) is str for part in parts) else UNSURE
    if name == "schedule_zone" and value and not all_settings.is_zone(value):
        return UNSURE
    plain = kind in (str, bool) and type(value) is kind and option.pattern is None
    return value if plain else UNSURE


def _accept_number(kind: Any, option: all_settings.Option, value: float) -> Any:
    if (kind is int and type(value) is not int) or not math.isfinite(value):
        return UNSURE
    within = (
        (option.ge is None or value >= option.ge)
        and (option.gt is None or value > option.gt)
        and (option.le is None or value <= option.le)
    )
    return kind(str(value)) if within else UNSURE


def as_json(names: tuple[str, ...], *, exact: bool = True) -> dict[str, Any]:
    """Return some of the effective settings as JSON has them, secrets masked.

    `exact`, as digests need them: amounts as texts, and what is not set of a value as null. For a
    reader amounts are numbers, and what is not set is left out.
    """
    return {name: _to_json(getattr(settings(), name), exact) for name in names}


def _to_json(value: Any, exact: bool) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: _to_json(inner, exact) for key, inner in entries.items()}
    if isinstance(value, list):
        return [_to_json(inner, exact) for inner in cast("list[Any]", value)]
    if isinstance(value, Decimal):
        return str(value) if exact else float(value)
    if isinstance(value, secret.Secret):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=not exact)
    return value


@functools.cache
def settings() -> all_settings.Settings:
    """Return the effective settings; BadSetting names every mistake at once."""
    values = {name: value for name, (value, _) in sources().items()}
    try:
        return validate(values)
    except ValueError as error:  # pydantic's ValidationError is one
        details = getattr(error, "errors", None)
        if details is None:
            raise
        raise errors.BadSetting("\n".join(_mistake(detail) for detail in details())) from None


def reload() -> None:
    """Forget the settings that were read, so that the next call reads them again."""
    settings.cache_clear()
    sources.cache_clear()
    for forget in _on_reload:
        forget()


def on_reload(forget: Callable[[], None]) -> None:
    """Have `forget` called with each reload:
    for what other modules keep that depends on the settings.
    """
    _on_reload.append(forget)


_on_reload: list[Callable[[], None]] = []


@functools.cache
def sources() -> dict[str, tuple[Any, str]]:
    """Return each setting that is set: its value and where it comes from."""
    found: dict[str, tuple[Any, str]] = {}
    for values, origin in (
        (_defaults(), DEFAULTS),
        (_resource(), f"resource {RESOURCE}"),
        (_file(), FILE),
    ):
        found |= {name: (replace_none(name, value), origin) for name, value in values.items()}
    for key in variables():
        name = key.removeprefix(PREFIX).lower()
        found[name] = (replace_none(name, from_text(name, os.environ[key])), key)
    return found


def origin(name: str) -> str:
    """Return where the effective value of a setting comes from."""
    return sources()[name][1] if name in sources() else "default"


def variables() -> list[str]:
    """Return the environment's variables that set a setting each, known or not."""
    return [
        key
        for key, value in os.environ.items()
        if key.startswith(PREFIX)
        and value != ""
        and key != DEFAULTS
        and key.removeprefix(PREFIX) not in INTERNAL
    ]


def drop_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without those that are empty: Windmill's form writes "" and [] for what
    nobody has filled in.
    """
    entered: dict[str, Any] = {
        name: (
            [part for part in cast("list[Any]", value) if part not in ("", None)]
            if isinstance(value, list)
            else value
        )
        for name, value in values.items()
    }
    return {name: value for name, value in entered.items() if value not in ("", None, [], {})}


def replace_none(name: str, value: Any) -> Any:
    """Return the value, or the empty one of its kind when it is the word `none`."""
    if value not in (NONE, [NONE]):
        return value
    empty: dict[Any, Any] = {str: "", secret.Secret: "", list: [], dict: {}}
    return empty.get(_kind(name), value)


def from_defaults(text: str) -> dict[str, Any]:
    """Return the settings that MILLRACE_DEFAULTS holds; BadSetting when it is no JSON object."""
    try:
        values = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise errors.BadSetting(f"{DEFAULTS} must be a JSON object of settings: {error}") from error
    if not isinstance(values, dict):
        raise errors.BadSetting(
            f"{DEFAULTS} must be a JSON object of settings, not a {type(values).__name__}"
        )
    return drop_empty(cast("dict[str, Any]", values))


def _defaults() -> dict[str, Any]:
    return from_defaults(os.environ.get(DEFAULTS, ""))


def _resource() -> dict[str, Any]:
    return drop_empty(windmill.resource(RESOURCE)) if windmill.on_worker() else {}


def _file() -> dict[str, Any]:
    path = Path(FILE)
    if not path.is_file():
        return {}
    import yaml  # only here: most processes have no such file

    from f.millrace.core import yaml_text

    try:
        text = path.read_text(encoding="utf-8")
        yaml_text.check(text)
        content: Any = yaml.safe_load(text) or {}
    except yaml_text.TooLarge as error:
        raise errors.BadSetting(f"{FILE}:{error.line}: {error}") from error
    except yaml.YAMLError as error:
        raise errors.BadSetting(f"{FILE} is not YAML: {error}") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # a date that there is not, bytes that are no text
        raise errors.BadSetting(
            f"{FILE} holds a value that cannot be read: {error}; `scripts/millrace settings check`"
            " tells its line"
        ) from error
    if not isinstance(content, dict):
        raise errors.BadSetting(
            f"{FILE} must hold `name: value` lines, not a {type(content).__name__}"
        )
    return cast("dict[str, Any]", content)


def from_text(name: str, value: str) -> Any:
    """Return the value of a setting that the environment gives as text; BadSetting when it should
    be JSON and is not.
    """
    kind = _kind(name)
    if kind is dict and value != NONE:
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise errors.BadSetting(
                f"{PREFIX}{name.upper()} must be a JSON object: {error}"
            ) from error
    if kind is list:
        return _list_from_text(value)
    return value


def _list_from_text(value: str) -> Any:
    """Return a list that is written as JSON, or with commas; `[::1]:80` is no JSON."""
    if value.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _kind(name: str) -> Any:
    """Return the plain type of a setting: str, dict, Secret."""
    kind = all_settings.declared(name)[0] if name in all_settings.NAMES else None
    return typing.get_origin(kind) or kind


def _mistake(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    first = str(detail["loc"][0])
    where = sources().get(first, (None, ""))[1]
    if detail["type"] == "extra_forbidden":
        import difflib

        close = difflib.get_close_matches(first, all_settings.NAMES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`scripts/millrace settings` lists them"
        return f"unknown setting {name!r} (from {where}); {hint}"
    shown = "a secret" if _kind(first) is secret.Secret else repr(detail["input"])
    return (
        f"setting {name!r} (from {where}) is {shown}:"
        f" {detail['msg'][0].lower() + detail['msg'][1:]}"
    )
