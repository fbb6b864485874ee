"""Which values of a spec say the same: defaults that are written out,
durations, line breaks of a description.
"""

import re
import textwrap
from typing import Any

from f.millrace.core.errors import BadInput
from f.millrace.core.schedules import parse_duration
from scripts.compiler.model import ORCHESTRATORS, PATTERNS

Json = dict[str, Any]
DEFAULTS: dict[str, Any] = {
    "keep_going": False,
    "pattern": PATTERNS[0],
    "orchestrator": ORCHESTRATORS[0],
    "agents": [],
    "budget": {},
    "description": "",
    "from": {},
    "with": {},
    "args": {},
    "inputs": {},
    "enabled": True,
    "catch_up": True,
    "chat": False,
}


def is_default(key: str, value: Any, around: Json) -> bool:
    """Tell whether an entry only writes out what would hold without it."""
    if key == "parallel":
        return value is ("branches" in around)
    if key == "summary" and "id" not in around and "steps" in around and "area" not in around:
        return bool(around["steps"]) and value in ("", around["steps"][0].get("summary"))
    if key == "depends_on":
        return False
    return key in DEFAULTS and (value is None or value == DEFAULTS[key])


def is_same(key: str, old: Any, new: Any) -> bool:
    """Tell whether two values of an entry say the same."""
    return _with_types(normalise(key, old)) == _with_types(normalise(key, new))


# complexipy: ignore (a case for each key of the language whose value has two forms)
def normalise(key: str, value: Any) -> Any:
    """Return a value without what makes no difference."""
    if key in ("timeout", "misfire_grace") and not isinstance(value, bool):
        try:
            return parse_duration(value).total_seconds()
        except (BadInput, TypeError):
            return value
    if key == "description" and isinstance(value, str):
        return join_paragraphs(value)
    if key == "depends_on":
        return (
            [value]
            if isinstance(value, str)
            else sorted(map(str, value if isinstance(value, list) else []))
        )
    if key in ("when", "skip_if", "stop_if") and isinstance(value, str):
        return " ".join(value.split())
    if key == "retry" and isinstance(value, dict):
        return {"seconds": 0, **value}
    if key == "inputs" and isinstance(value, dict):
        # Their order is the order of the form.
        return [[name, normalise(name, each)] for name, each in value.items()]
    if isinstance(value, dict):
        return _normalise_mapping(key, value)
    return [normalise("", each) for each in value] if isinstance(value, list) else value


def _normalise_mapping(key: str, value: Json) -> Any:
    # Constants of a step are whatever they are: nothing in them is a word of the language.
    if key in ("with", "args", "default"):
        return value
    kept = {
        name: normalise(name, each)
        for name, each in value.items()
        if not is_default(name, each, value)
    }
    # A branch is its steps, unless it has more to say.
    return kept["steps"] if list(kept) == ["steps"] and key == "" else kept


def _with_types(value: Any) -> Any:
    """Return a value in which 1 and true differ, which are equal in Python, and 5.0 is 5, as in
    JSON.
    """
    if isinstance(value, dict):
        return {key: _with_types(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_types(each) for each in value]
    return ("flag", value) if isinstance(value, bool) else value


def format_duration(seconds: int) -> str:
    """Return seconds as people write them: 2h, 90s."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def join_paragraphs(text: str) -> str:
    """Return a description as the compiler writes it: a paragraph is one line."""
    return re.sub(r"(?<!\n)\n(?![\n\-*])", " ", text.strip())


def wrap(text: str, width: int) -> list[str]:
    """Return a description in lines for a person, if the compiler makes the same of them."""
    lines = [
        part
        for line in text.split("\n")
        for part in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        or [""]
    ]
    return lines if join_paragraphs("\n".join(lines)) == join_paragraphs(text) else text.split("\n")
