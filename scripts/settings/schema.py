"""JSON Schema of millrace.yaml, for editors and for words: what may be set, and to what.

The first line of a millrace.yaml that an editor checks while typing:

    # yaml-language-server: $schema=resources/windmill/settings.schema.json
"""

import json
from pathlib import Path
from typing import Any

from f.millrace.core import settings_model
from f.millrace.core.setting_types import AGENTS, TOOL_USERS
from f.millrace.tools.sources import SOURCES
from scripts.paths import ROOT

FILE = "resources/windmill/settings.schema.json"
LINE = f"# yaml-language-server: $schema={FILE}"
Json = dict[str, Any]


def write(root: Path) -> list[str]:
    """Write the schema if it has changed; return its path then."""
    if not check(root):
        return []
    (root / FILE).write_text(text(), encoding="utf-8")
    return [FILE]


def check(root: Path) -> list[str]:
    """Return a line when the committed schema is not that of the settings."""
    path = root / FILE
    current = path.is_file() and path.read_text(encoding="utf-8") == text()
    return (
        []
        if current
        else [f"{FILE} has drifted from core/all_settings; run scripts/millrace metadata write"]
    )


def text() -> str:
    """Return the schema as a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> Json:
    """Return the schema of all settings."""
    made = settings_model.make_model().model_json_schema()
    defs = made.pop("$defs")
    properties = {
        name: _simplify(_resolve(field, defs)) for name, field in made["properties"].items()
    }
    properties["agents"] = {
        "type": "object",
        "description": properties["agents"]["description"],
        "properties": {
            name: _agent(properties["agents"]["additionalProperties"], name) for name in AGENTS
        },
        "additionalProperties": False,
    }
    properties["source_options"] |= {
        "properties": {name: _options(name) for name in _sources_with_options()},
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Millrace",
        "description": (
            "Environment variables MILLRACE_<NAME> go before this file; what it leaves out has its"
            " default."
        ),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def field_of(path: tuple[str | int, ...]) -> Json:
    """Return one value's schema by the keys that lead to it; empty where anything may stand."""
    found: Json = schema()
    for key in path:
        if isinstance(key, int):
            found = found.get("items") or {}
        else:
            found = (
                (found.get("properties") or {}).get(key) or found.get("additionalProperties") or {}
            )
        if not isinstance(found, dict):
            return {}
    return found


def describe_values(field: Json) -> str:
    """Return what a value may be, as people say it."""
    if "enum" in field:
        return "one of " + ", ".join(str(each) for each in field["enum"])
    kind = field.get("type")
    if isinstance(kind, list):
        return " or ".join(describe_values({**field, "type": each}) for each in kind)
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _limits(field)
    if kind == "array":
        return "a list of " + _many(field.get("items") or {})
    if kind == "object":
        keys = [*(field.get("properties") or {})]
        return (
            f"keys {', '.join(keys)}"
            if keys
            else f"names with {describe_values(field.get('additionalProperties') or {})} each"
        )
    return {"boolean": "true or false", "string": "text"}.get(str(kind), "anything") + (
        ", a date" if field.get("format") == "date-time" else ""
    )


def _limits(field: Json) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high = field.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    parts = (
        [f"at least {low:g}"]
        if low is not None
        else [f"more than {above:g}"]
        if above is not None
        else []
    )
    parts += [f"at most {high:g}"] if high is not None else []
    return f", {' and '.join(parts)}" if parts else ""


def _many(items: Json) -> str:
    return {"string": "texts", "number": "numbers", "integer": "whole numbers"}.get(
        items.get("type", ""), "values"
    )


def _agent(settings: Json, name: str) -> Json:
    """Return what can be set for one agent: tools and threshold only if it calls tools."""
    kept = {
        key: field
        for key, field in settings["properties"].items()
        if name in TOOL_USERS or key not in ("tools", "risk_threshold")
    }
    return {**settings, "properties": kept}


def _sources_with_options() -> list[str]:
    """Return the names of the sources whose files define settings of their own."""
    files = sorted((ROOT / "f/millrace/tools").glob("*.py"))
    names = [path.stem for path in files if "\nSOURCE = " in path.read_text(encoding="utf-8")]
    return [name for name in names if SOURCES[name].options]


def _options(name: str) -> Json:
    kind = SOURCES[name].options
    assert kind is not None
    made = kind.model_json_schema()
    made.pop("title")
    made["description"] = SOURCES[name].summary
    return _simplify(_resolve(made, made.pop("$defs", {})))


def _resolve(part: Any, defs: Json) -> Any:
    """Return a part of the schema with its references filled in."""
    if isinstance(part, list):
        return [_resolve(each, defs) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return {
            **_resolve(defs[part["$ref"].rsplit("/", 1)[-1]], defs),
            **{key: each for key, each in part.items() if key != "$ref"},
        }
    return {
        key: " ".join(each.split()) if key == "description" else _resolve(each, defs)
        for key, each in part.items()
    }


# complexipy: ignore (it walks a JSON schema, whose parts are lists, mappings and values)
def _simplify(field: Any) -> Any:
    """Return a field without what editors show twice; empty or a number as text is one type."""
    if isinstance(field, list):
        return [_simplify(each) for each in field]
    if not isinstance(field, dict):
        return field
    names = field.get("properties")
    made = {
        key: _simplify(each)
        for key, each in field.items()
        if key not in ("title", "anyOf", "writeOnly")
    }
    if isinstance(names, dict):
        made["properties"] = {name: _simplify(each) for name, each in names.items()}
    # Of a number that may also be a text with digits only the number is offered.
    ways = [
        each
        for each in field.get("anyOf", [])
        if each.get("type") != "null" and not ("pattern" in each and "type" in each)
    ]
    for each in ways:
        made |= {key: part for key, part in _simplify(each).items() if key not in made}
    if len(ways) > 1:
        made["type"] = [each["type"] for each in ways]
    if field.get("default") is None:
        made.pop("default", None)
    elif made.get("type") == "number":
        made["default"] = float(made["default"])
    return made
