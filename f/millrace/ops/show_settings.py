# no_postinstall
# requirements: millrace_core

"""Show the settings.

The effective ones: each value, where it comes from and what it means, secrets masked.

scripts/millrace step ops/show_settings
"""

import json
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, SecretStr

from f.millrace.core import config, redaction

MASKED = "********"


def main(only_set: bool = False) -> dict:
    """Show the settings that hold here. It makes no run of its own and asks no database.

    Args:
        only_set: Leave out the settings that have their default.
    """
    found = [row for row in rows() if not only_set or row["from"] != "default"]
    return {
        "settings": {row["name"]: {key: row[key] for key in ("value", "from", "description")} for row in found},
        # Windmill shows the text under `markdown` in place of the keys.
        "wm_renderer": "markdown",
        "markdown": _table(found),
    }


def rows() -> list[dict[str, Any]]:
    """Return each setting: name, effective value as JSON has it, where it comes from, what it means."""
    effective = config.settings()
    return [
        {
            "name": name,
            "value": redaction.redact(_plain(getattr(effective, name))),
            "from": config.origin(name),
            "description": field.description or "",
        }
        for name, field in config.model().model_fields.items()
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASKED if value.get_secret_value() else ""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(exclude_none=True))
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


def _table(found: list[dict[str, Any]]) -> str:
    """Return the settings as a table, what somebody has set first."""
    ordered = sorted(found, key=lambda row: row["from"] == "default")
    lines = ["| setting | value | from | meaning |", "|---|---|---|---|"]
    for row in ordered:
        value = row["value"] if isinstance(row["value"], str) else json.dumps(row["value"], ensure_ascii=False, default=str)
        shown = f"`{_cell(value)}`" if value else ""
        lines.append(f"| `{row['name']}` | {shown} | {_cell(row['from'])} | {_cell(row['description'])} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    # A pipe would end the cell, also inside of code; a backquote would end the code.
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")
