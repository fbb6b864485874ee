# no_postinstall
# requirements: millrace_core

"""Show the settings.

The effective ones: each value, where it comes from and what it means, secrets masked.

scripts/millrace step ops/show_settings
"""

import json
from typing import Any

from f.millrace.core import all_settings, config, redaction


def main(only_set: bool = False) -> dict:
    """Show the settings that hold here, as a table.
    It makes no run of its own and asks no database.

    Args:
        only_set: Leave out the settings that have their default.

    Returns:
        table-row-object: A row a setting, what somebody has set first: setting, value, from,
        meaning.
    """
    found = sorted(rows(), key=lambda row: row["from"] == "default")
    shown = [
        {
            "setting": row["name"],
            "value": _text(row["value"]),
            "from": row["from"],
            "meaning": row["description"],
        }
        for row in found
        if not only_set or row["from"] != "default"
    ]
    # Windmill shows an object with this key alone as a table; its first row says the order of the
    # columns.
    return {"table-row-object": [["setting", "value", "from", "meaning"], *shown]}


def rows() -> list[dict[str, Any]]:
    """Return each setting: name, effective value as JSON has it,
    where it comes from, what it means.
    """
    values = config.as_json(all_settings.NAMES, exact=False)
    return [
        {
            "name": name,
            "value": redaction.redact(values[name]),
            "from": config.origin(name),
            "description": all_settings.declared(name)[1].description,
        }
        for name in all_settings.NAMES
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
