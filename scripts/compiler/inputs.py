"""The inputs of a flow: what a person may set when starting it, as JSON Schema."""

from typing import Any

from scripts.compiler.reader import WORD, Reader, closest, format_list
from scripts.compiler.yamlread import Node

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
KEYS = (
    "type",
    "title",
    "description",
    "placeholder",
    "default",
    "enum",
    "minimum",
    "maximum",
    "pattern",
    "format",
    "items",
    "showExpr",
)


def fits(value: Any, kind: str) -> bool:
    """Return whether a constant is of a JSON Schema type; true and false are not numbers."""
    return isinstance(value, TYPES.get(kind, (object,))) and not (
        isinstance(value, bool) and kind in ("integer", "number")
    )


def read_inputs(reader: Reader, node: Node | None) -> dict[str, dict[str, Any]]:
    """Return the inputs by name, in the order of the form."""
    found: dict[str, dict[str, Any]] = {}
    for name, child in (reader.mapping(node, "inputs") if node else {}).items():
        if not WORD.fullmatch(name):
            reader.wrong(
                child.key_line,
                f"input {name!r} must be a word of small letters, digits and underscores",
            )
        parts = reader.mapping(child, f"input {name!r}", KEYS)
        _check(reader, name, child.key_line, parts)
        found[name] = {key: part.plain() for key, part in parts.items()}
    return found


# complexipy: ignore (the rules of an input in the order in which they are told)
def _check(reader: Reader, name: str, line: int, parts: dict[str, Node]) -> None:
    what = f"input {name!r}"
    kind = reader.text(parts.get("type"), f"{what}: type")
    if kind not in TYPES:
        found = f"type {kind!r} is unknown{closest(kind, TYPES)}" if kind else "it has no type"
        reader.wrong(
            parts["type"].line if "type" in parts else line,
            f"{what}: {found}; allowed are {format_list(TYPES)}",
        )
        return
    if not reader.text(parts.get("description"), f"{what}: description").strip():
        reader.wrong(line, f"{what} has no description; it is the help text of the form")
    if "default" not in parts:
        return
    default = parts["default"]
    value = default.plain()
    if value is not None and not fits(value, kind):
        reader.wrong(
            default.line, f"{what}: default {value!r} is {default.kind()}; its type is {kind}"
        )
        return
    choices = parts["enum"].plain() if "enum" in parts else None
    if choices and value is not None and value not in choices:
        reader.wrong(
            default.line, f"{what}: default {value!r} is not among {format_list(map(str, choices))}"
        )
    for key, beyond in (
        ("minimum", lambda limit: value < limit),
        ("maximum", lambda limit: value > limit),
    ):
        limit = reader.typed(parts.get(key), f"{what}: {key}", (int, float), "a number")
        if limit is not None and isinstance(value, (int, float)) and beyond(limit):
            reader.wrong(default.line, f"{what}: default {value} is beyond its {key} {limit}")
