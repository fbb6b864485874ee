"""All mistakes in the settings, in one go: where each stands, what it says and what is allowed.

scripts/millrace settings check
"""

import copy
import difflib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from f.millrace.core import all_settings, config, providers, secret, setting_types
from f.millrace.core.errors import BadInput, BadSetting
from f.millrace.core.redaction import redact
from f.millrace.tools import mail
from f.millrace.tools.servers import FURTHER, SERVERS
from f.millrace.tools.sources import SOURCES
from f.millrace.trust import recipients, risk
from scripts.compiler.yamlread import Node, YamlMistake, read
from scripts.settings import schema

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One wrong value: the file and line or the variable that holds it, its key, and what is
    allowed instead.
    """

    place: str
    line: int
    key: str
    value: str
    allowed: str

    def __str__(self) -> str:
        where = f"{self.place}:{self.line}" if self.line else self.place
        if not self.key:
            return f"{where}: {self.allowed}"
        said = f"{self.key} is {self.value}" if self.value else f"unknown key {self.key}"
        return f"{where}: {said}; {'' if self.allowed.endswith('?') else 'allowed: '}{self.allowed}"


def check(file: Path) -> list[Mistake]:
    """Return every mistake of a settings file and of the environment, those of the file first, by
    line.
    """
    return _Checker(file).run()


class _Checker:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.name = file.name
        self.root: Node | None = None
        self.origins: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.mistakes: list[Mistake] = []

    def run(self) -> list[Mistake]:
        places = (self.read_defaults(), self.read_file(), self.read_environment())
        # Each by itself: a variable hides a value of the file, not its mistake.
        whole: dict[str, Any] = {}
        for values, origins in places:
            self.values, self.origins = values, origins
            whole |= self.drop_wrong()
        self.values, self.origins = (
            whole,
            {name: place for _, origins in places for name, place in origins.items()},
        )
        settings = config.validate(whole)
        for look in DEEPER:
            for path, allowed in look(settings):
                self.wrong(path, allowed)
        return sorted(
            set(self.mistakes), key=lambda one: (one.line == 0, one.line, one.place, one.key)
        )

    def read_file(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the file says, each under its name."""
        if not self.file.is_file():
            return {}, {}
        try:
            text = self.file.read_text(encoding="utf-8")
            self.root = read(text) if _says_something(text) else None
        except YamlMistake as mistake:
            self.mistakes.append(Mistake(self.name, mistake.line, "", "", mistake.what))
        except UnicodeDecodeError as error:
            self.mistakes.append(
                Mistake(self.name, 1, "", "", f"not UTF-8: {error.reason} at byte {error.start}")
            )
        if self.root is not None and not isinstance(self.root.value, dict):
            self.mistakes.append(
                Mistake(
                    self.name,
                    self.root.line,
                    "",
                    "",
                    f"it holds {self.root.kind()}; write name: value lines",
                )
            )
            self.root = None
        values = {
            name: config.replace_none(name, value)
            for name, value in (self.root.plain() if self.root else {}).items()
        }
        return values, dict.fromkeys(values, self.name)

    def read_defaults(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the variable of the installation's own defaults says."""
        try:
            values = config.from_defaults(os.environ.get(config.DEFAULTS, ""))
        except BadSetting as error:
            self.mistakes.append(Mistake(config.DEFAULTS, 0, "", "", str(error)))
            values = {}
        return {
            name: config.replace_none(name, value) for name, value in values.items()
        }, dict.fromkeys(values, config.DEFAULTS)

    def read_environment(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the environment says."""
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for variable in sorted(config.variables()):
            name, value = variable.removeprefix(config.PREFIX).lower(), os.environ[variable]
            try:
                values[name] = config.replace_none(name, config.from_text(name, value))
                origins[name] = variable
            except BadSetting:
                allowed = f"JSON, {schema.describe_values(schema.field_of((name,)))}"
                self.mistakes.append(Mistake(variable, 0, name, repr(redact(value))[:200], allowed))
        return values, origins

    def drop_wrong(self) -> dict[str, Any]:
        """Return the values without those wrong in themselves; each of these is a mistake."""
        kept = copy.deepcopy(self.values)
        for path in [*_flags(kept, schema.schema()), *_none_such(kept)]:
            self.wrong(path, *_instead(path))
            _drop(kept, path)
        while True:
            try:
                config.validate(kept)
                return kept
            except ValidationError as error:
                details = error.errors()
            for detail in details:
                self.of_pydantic(detail)
            for detail in details:
                _drop(kept, _place(detail))

    def of_pydantic(self, detail: Any) -> None:
        path = _place(detail)
        if detail["type"] == "extra_forbidden":
            self.wrong(path, *_instead(path))
        elif detail["type"] == "missing":
            needed = detail["loc"][-1]
            self.wrong(
                path,
                f"{needed!r} is needed in it:"
                f" {schema.describe_values(schema.field_of((*path, needed)))}",
            )
        elif path[0] == "mcp" and detail["type"] == "string_pattern_mismatch":
            self.wrong(path[:2], "an address that begins with http:// or https://")
        elif detail["type"] == "value_error":
            self.wrong(path, str(detail["ctx"]["error"]))
        else:
            self.wrong(path, schema.describe_values(schema.field_of(path)))

    def wrong(self, path: Path_, allowed: str, unknown: bool = False) -> None:
        """Note a mistake, where the value stands."""
        name = str(path[0])
        place = self.origins.get(name, "default")
        key = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in path
        ).removeprefix(".")
        value = "" if unknown else self.format_value(path)
        self.mistakes.append(
            Mistake(place, self.line(path) if place == self.name else 0, key, value, allowed)
        )

    def line(self, path: Path_) -> int:
        node, line = self.root, 0
        for part in path:
            inner = node.value if node else None
            if isinstance(inner, dict) and str(part) in inner:
                node = inner[str(part)]
                line = node.key_line
            elif isinstance(inner, list) and isinstance(part, int) and part < len(inner):
                node = inner[part]
                line = node.line
            else:
                break
        return line

    def format_value(self, path: Path_) -> str:
        name = str(path[0])
        if name in all_settings.NAMES and secret.Secret.__name__ in str(
            all_settings.declared(name)[0]
        ):
            return "a secret that does not fit"
        value: Any = self.values
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                break
        return repr(redact(value))[:200]


def _place(detail: Any) -> Path_:
    """Return the keys to the value that is wrong; of what is missing, to where it should stand."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    return path[:-1] if detail["type"] == "missing" else path


def _drop(values: dict[str, Any], path: Path_) -> None:
    """Take a wrong value out; of a list, or of what is no mapping, the whole of it: places of
    others stay what they are.
    """
    inner: dict[Any, Any] = values
    last = path[0]
    for part in path[1:]:
        below = inner.get(last)
        if not isinstance(below, dict) or part not in below:
            break
        inner, last = below, part
    inner.pop(last, None)


def _instead(path: Path_) -> tuple[str, bool]:
    """Return what may stand there, and whether the key itself is what is wrong."""
    known = schema.field_of(path[:-1]).get("properties") or {}
    if path[-1] in known or not known:
        return schema.describe_values(schema.field_of(path)), False
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return (f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"), True


def _none_such(values: dict[str, Any]) -> Iterator[Path_]:
    """Yield the agents that do not exist, and what an agent does not have."""
    agents = values.get("agents")
    for name, own in list(agents.items()) if isinstance(agents, dict) else []:
        if name not in setting_types.AGENTS:
            yield "agents", name
        elif isinstance(own, dict):
            known = schema.field_of(("agents", name))["properties"]
            yield from (("agents", name, key) for key in list(own) if key not in known)


def _says_something(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _flags(value: Any, field: dict[str, Any], path: Path_ = ()) -> Iterator[Path_]:
    """Yield where true or false stands for a number: Python would take it for 1 or 0."""
    if isinstance(value, bool) and field.get("type") in ("integer", "number"):
        yield path
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        below = (
            (field.get("properties") or {}).get(key) or field.get("additionalProperties")
            if isinstance(key, str)
            else field.get("items")
        )
        if isinstance(below, dict):
            yield from _flags(each, below, (*path, key))


Found = Iterator[tuple[Path_, str]]


def _models(settings: all_settings.Settings) -> Found:
    named: dict[Path_, str | None] = {
        ("model",): settings.model,
        ("fallback_model",): settings.fallback_model,
    }
    for name, own in settings.agents.items():
        named |= {
            ("agents", name, "model"): own.model,
            ("agents", name, "cheaper_model"): own.cheaper_model,
        }
    for path, model in named.items():
        try:
            providers.split(model or "offline")
        except BadSetting:
            yield path, providers.ALLOWED


# complexipy: ignore (an unknown source, an unknown owner of settings, a wrong value)
def _sources(settings: all_settings.Settings) -> Found:
    for place, name in enumerate(settings.sources):
        try:
            _ = SOURCES[name]
        except BadSetting as error:
            yield ("sources", place), str(error).rpartition("; ")[2]
    for name, given in settings.source_options.items():
        known = schema.field_of(("source_options",))["properties"]
        kind = SOURCES[name].options if name in known else None
        if kind is None:
            yield ("source_options", name), f"a source with settings of its own: {', '.join(known)}"
            continue
        try:
            kind.model_validate(given)
        except ValidationError as error:
            for path in (("source_options", name, *each["loc"]) for each in error.errors()):
                yield path, _instead(path)[0]


def _addresses(settings: all_settings.Settings) -> Found:
    given: list[tuple[Path_, str]] = [
        (("recipients", place), one) for place, one in enumerate(settings.recipients)
    ]
    given += [(("operator",), settings.operator)] if settings.operator else []
    for path, address in [*given, (("mail_from",), settings.mail_from)]:
        try:
            recipients.check_address(address)
        except BadInput:
            yield path, "a mail address like name@host"


def _urls(settings: all_settings.Settings) -> Found:
    names = [name for name in all_settings.NAMES if name.endswith(("_url", "_endpoint"))]
    given: list[tuple[Path_, str]] = [
        ((name,), str(getattr(settings, name)))
        for name in names
        if isinstance(getattr(settings, name), str)
    ]
    given += [(("feeds", place), one) for place, one in enumerate(settings.feeds)]
    given += [(("mcp", name), one.url) for name, one in settings.mcp.items()]
    for path, url in given:
        if url and not _is_web(url):
            yield path, "an address that begins with http:// or https://"
    smtp = settings.smtp_url.get_secret_value()
    if smtp:
        try:
            mail.server_of(smtp)
        except BadSetting:
            yield ("smtp_url",), "smtp://user:password@host:587 or smtps://user:password@host:465"


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _tools(settings: all_settings.Settings) -> Found:
    known = [*SERVERS, *settings.mcp]
    served = [*known, *FURTHER]
    named: list[tuple[Path_, str, list[str]]] = [
        (("mcp_serve", place), name, served) for place, name in enumerate(settings.mcp_serve)
    ]
    for agent, own in settings.agents.items():
        named += [
            (("agents", agent, "tools", place), name, known)
            for place, name in enumerate(own.tools or [])
        ]
    for path, name, allowed in named:
        if name.partition(".")[0] not in allowed:
            yield path, f"a server or server.tool; servers are {', '.join(allowed)}"
    for name in settings.mcp_tokens:
        if name not in settings.mcp:
            yield ("mcp_tokens", name), "the name of a server in the setting mcp"


def _risk(settings: all_settings.Settings) -> Found:
    for pattern, wanted in settings.risk_policy.items():
        for tool, (least, why) in risk.KNOWN.items():
            if pattern == tool and least == "high" and wanted != "high":
                yield ("risk_policy", pattern), f"high only: {why}"


def _order(settings: all_settings.Settings) -> Found:
    if settings.confidence_review > settings.confidence_silent:
        yield (
            ("confidence_review",),
            f"at most confidence_silent, which is {settings.confidence_silent}",
        )


DEEPER: tuple[Callable[[all_settings.Settings], Found], ...] = (
    _models,
    _sources,
    _addresses,
    _urls,
    _tools,
    _risk,
    _order,
)
