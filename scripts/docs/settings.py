"""docs/settings.md: what can be set, from the declarations in core/all_settings."""

import json
from pathlib import Path
from typing import Any

from f.millrace.core import all_settings, config, settings_model
from scripts.docs import markdown
from scripts.settings import schema

FILE = "docs/settings.md"
Json = dict[str, Any]


def text(root: Path) -> str:  # noqa: ARG001
    """Return the page."""
    fields: dict[str, Json] = schema.schema()["properties"]
    rows = [
        (f"`{name}`", field["description"], schema.describe_values(field), _default(name))
        for name, field in fields.items()
    ]
    return markdown.page(
        "Settings",
        "[f/millrace/core/all_settings.py](../f/millrace/core/all_settings.py)",
        f"{config.__doc__}",
        "`scripts/millrace settings` shows the effective values and where each comes from.\n",
        markdown.table(("setting", "meaning", "allowed", "default"), rows),
        *_nested(fields),
    )


def _default(name: str) -> str:
    if "Secret" in str(all_settings.declared(name)[0]):
        return ""
    value: Any = settings_model.make_model((name,))().model_dump(mode="json")[name]
    return markdown.code(json.dumps(value, ensure_ascii=False)) if value not in ("", None) else ""


def _nested(fields: dict[str, Json]) -> list[str]:
    """Return a table for each setting whose values have keys of their own."""
    parts = []
    for name, field in fields.items():
        inner = field.get("additionalProperties") or {}
        if name == "agents":
            inner = max(field["properties"].values(), key=lambda agent: len(agent["properties"]))
        if not isinstance(inner, dict) or "properties" not in inner:
            continue
        rows = [
            (f"`{key}`", part.get("description", ""), schema.describe_values(part))
            for key, part in inner["properties"].items()
        ]
        parts.append(f"## Keys of each entry in `{name}`\n\n{inner['description']}\n")
        parts.append(markdown.table(("key", "meaning", "allowed"), rows))
    return parts
