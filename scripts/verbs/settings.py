"""`settings`: the effective values and where each comes from."""

import argparse
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.table import Table

from f.millrace.core import config
from scripts.verbs.output import dump


def add(verbs: Any) -> None:
    """Declare `settings`."""
    parser = verbs.add_parser("settings", help="show the effective settings, secrets masked")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(function=show)


def show(options: argparse.Namespace) -> int:
    """Print every setting: name, value, origin, meaning."""
    effective, origins = config.settings(), config.sources()
    rows = [
        {
            "name": name,
            "value": _shown(getattr(effective, name)),
            "from": origins[name][1] if name in origins else "default",
            "description": field.description,
        }
        for name, field in config.Settings.model_fields.items()
    ]
    if options.json:
        print(dump({"settings": rows}))
        return 0
    table = Table("setting", "value", "from", "meaning", box=None)
    for row in rows:
        table.add_row(row["name"], str(row["value"]), row["from"], row["description"])
    Console(highlight=False).print(table)
    return 0


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else ""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, BaseModel):
        return _shown(value.model_dump(exclude_none=True))
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items()}
    return value
