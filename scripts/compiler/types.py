"""What Windmill's form makes of the annotations of main(): JSON Schema,
or nothing for a type it cannot show.
"""

import ast
from typing import Any

from scripts.compiler.sources import Parameter

ALLOWED = (
    "str, int, float, bool, dict, list, list[str], list[int], list[float], list[dict], Literal of"
    " texts, bytes, and any of these | None (a list then with its kind)"
)
EXAMPLE = "Example:"
SIMPLE: dict[str, dict[str, Any]] = {
    "str": {"type": "string", "originalType": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "dict": {"type": "object", "properties": {}},
    "bytes": {"type": "string", "contentEncoding": "base64", "originalType": "bytes"},
    "list": {"type": "array", "items": {"type": "string"}, "originalType": "string[]"},
    "list[str]": {"type": "array", "items": {"type": "string"}, "originalType": "string[]"},
    "list[int]": {"type": "array", "items": {"type": "number"}, "originalType": "number[]"},
    "list[float]": {"type": "array", "items": {"type": "number"}, "originalType": "number[]"},
    "list[dict]": {"type": "array", "items": {"type": "object"}, "originalType": "record[]"},
}


def schema_of(parameter: Parameter) -> dict[str, Any] | None:
    """Return the JSON Schema of one parameter as Windmill infers it,
    or None when it cannot show the type.

    What stands behind `Example:` in the help text is shown in the empty field,
    as Windmill's placeholder.
    """
    found = _schema(parameter.annotation)
    if found is None:
        return None
    text, _, example = parameter.description.partition(EXAMPLE)
    return {
        **found,
        "description": text.strip(),
        **({"placeholder": example.strip()} if example else {}),
    }


def json_type(parameter: Parameter) -> str | None:
    """Return the JSON type that a parameter's constant must have; a bare list takes anything."""
    found = _schema(parameter.annotation)
    return found["type"] if found else None


def _schema(annotation: ast.expr | None) -> dict[str, Any] | None:
    if annotation is None:
        return None
    inner = _not_none(annotation)
    text = ast.unparse(inner)
    # Windmill's parser gives up on a bare list that may be None, and the form becomes one for an
    # object.
    if text == "list" and inner is not annotation:
        return None
    if text.startswith("dict["):
        return dict(SIMPLE["dict"])
    if text.startswith("list[dict["):
        return dict(SIMPLE["list[dict]"])
    if text in SIMPLE:
        return dict(SIMPLE[text])
    return _literal(inner)


def _not_none(annotation: ast.expr) -> ast.expr:
    """Return X of `X | None` and of `Optional[X]`."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [annotation.left, annotation.right]
        kept = [
            side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)
        ]
        return kept[0] if len(kept) == 1 else annotation
    if (
        isinstance(annotation, ast.Subscript)
        and ast.unparse(annotation.value).split(".")[-1] == "Optional"
    ):
        return annotation.slice
    return annotation


def _literal(annotation: ast.expr) -> dict[str, Any] | None:
    if (
        not isinstance(annotation, ast.Subscript)
        or ast.unparse(annotation.value).split(".")[-1] != "Literal"
    ):
        return None
    values = (
        annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    )
    texts = [
        value.value
        for value in values
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]
    return (
        {"type": "string", "enum": texts, "originalType": "enum"}
        if len(texts) == len(values)
        else None
    )
