"""Inputs as people type them: `key=value` words and JSON files, checked against a JSON Schema."""

import difflib
import json
from pathlib import Path
from typing import Any

from f.millrace.core.errors import BadInput

TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def read(words: list[str], file: str | None, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of `--input FILE` and then of `key=value`; BadInput names what is wrong and
    what is allowed.
    """
    known = schema.get("properties", {})
    values: dict[str, Any] = _from_file(file) if file else {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise BadInput(f"{word!r} is not an input; write it as name=value")
        values[name] = _typed(name, text, known.get(name, {}))
    for name, value in values.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)
            raise BadInput(f"unknown input {name!r}; {hint}")
        _check(name, value, known[name])
    missing = [
        name
        for name in schema.get("required", [])
        if name not in values and known.get(name, {}).get("default") is None
    ]
    if missing:
        raise BadInput(
            "missing input " + ", ".join(repr(name) for name in missing) + "; write name=value"
        )
    return values


def _from_file(file: str) -> dict[str, Any]:
    try:
        values = json.loads(Path(file).read_text())
    except OSError as error:
        raise BadInput(f"cannot read {file!r}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{file!r} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadInput(f"{file!r} must hold a JSON object, not a {type(values).__name__}")
    return values


def _typed(name: str, text: str, schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
        if kind == "array" and _is_listing(text, schema):
            return [word.strip() for word in text.split(",") if word.strip()]
        if kind in ("object", "array"):
            return json.loads(text)
    except ValueError as error:
        example = {
            "array": f"; write it as JSON: {name}='[…]'",
            "object": f"; write it as JSON: {name}='{{…}}'",
        }.get(str(kind), "")
        raise BadInput(f"input {name!r} must be {kind}, not {text!r}{example}") from error
    if kind == "boolean":
        if text.lower() not in TRUE | FALSE:
            raise BadInput(f"input {name!r} must be true or false, not {text!r}")
        return text.lower() in TRUE
    return text


def _is_listing(text: str, schema: dict[str, Any]) -> bool:
    """Tell whether a list of texts is given as in the settings: words with commas between, and no
    JSON.
    """
    return (schema.get("items") or {}).get(
        "type", "string"
    ) == "string" and not text.lstrip().startswith(("[", "{", '"'))


def _check(name: str, value: Any, schema: dict[str, Any]) -> None:
    kinds = {
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "string": str,
        "array": list,
        "object": dict,
    }
    kind = schema.get("type")
    wanted = kinds.get(kind) if isinstance(kind, str) else None
    if wanted and (
        not isinstance(value, wanted) or (kind in ("integer", "number") and isinstance(value, bool))
    ):
        raise BadInput(f"input {name!r} must be {kind}, not {value!r}")
    for limit, wrong in (
        ("minimum", lambda low: value < low),
        ("maximum", lambda high: value > high),
    ):
        if limit in schema and wrong(schema[limit]):
            span = f"{schema.get('minimum', '…')} to {schema.get('maximum', '…')}"
            raise BadInput(f"input {name!r} is {value}; allowed is {span}")
    if "enum" in schema and value not in schema["enum"]:
        raise BadInput(
            f"input {name!r} is {value!r}; allowed: {', '.join(map(str, schema['enum']))}"
        )
