"""What a workspace needs once beside the bundle: resource type, secret variables, settings, tables.
Never overwritten.
"""

import os
import re
from typing import Any

from pydantic import BaseModel

from f.millrace.core import all_settings, config, settings_model
from f.millrace.core.all_settings import NAMES
from f.millrace.core.config import NONE, PREFIX, RESOURCE
from f.millrace.core.config import settings as effective
from f.millrace.core.db import OWNER_VARIABLE
from f.millrace.core.secret import Secret
from scripts.deployment.server import Server

RESOURCE_TYPE = "c_millrace_settings"
MIGRATE = "f/millrace/ops/migrate"
MIGRATE_SECONDS = 300
# They name places of the deploying machine, or are for tests.
LOCAL_ONLY = frozenset({"notes_dir", "outbox_dir", "events_file", "now"})


def run(server: Server) -> list[str]:
    """Make what is missing; return a line for each thing that was made."""
    made = []
    if not server.get(f"resources/type/exists/{RESOURCE_TYPE}"):
        server.post("resources/type/create", resource_type())
        made.append(f"resource type {RESOURCE_TYPE}")
    given = _environment_settings()
    secrets: dict[str, str] = {}
    # A field that is empty there would be one that nobody has set.
    value = {
        name: _with_references(name, inner, secrets) if _has_value(inner) else _none(inner)
        for name, inner in given.items()
    }
    for path, secret in secrets.items():
        if not server.get(f"variables/exists/{path}"):
            description = f"Millrace: {_description_of(path)}"
            server.post(
                "variables/create",
                {"path": path, "value": secret, "is_secret": True, "description": description},
            )
            made.append(f"secret variable {path}")
    # ops/migrate asks for the owner's address itself; other steps are not given it with their
    # settings.
    value = {name: inner for name, inner in value.items() if inner != f"$var:{OWNER_VARIABLE}"}
    return [*made, *_add_settings(server, value)]


def _add_settings(server: Server, value: dict[str, Any]) -> list[str]:
    """Make the resource of the settings, or add those that it does not set."""
    if not server.get(f"resources/exists/{RESOURCE}"):
        body = {
            "path": RESOURCE,
            "value": value,
            "resource_type": RESOURCE_TYPE,
            "description": "Settings of Millrace.",
        }
        server.post("resources/create", body)
        names = ", ".join(sorted(value)) or "no values: every setting has its default"
        return [f"resource {RESOURCE} with {names}"]
    known = server.get(f"resources/get_value/{RESOURCE}") or {}
    missing = {name: value[name] for name in sorted(value.keys() - config.drop_empty(known).keys())}
    if not missing:
        return []
    server.post(f"resources/update/{RESOURCE}", {"value": {**known, **missing}})
    return [f"{', '.join(missing)} in the resource {RESOURCE}"]


def migrate(server: Server) -> str:
    """Run the bundle's own migration step on a worker and return what it did, in words."""
    result = server.run_script(MIGRATE, {}, MIGRATE_SECONDS)
    applied = result.get("applied") if isinstance(result, dict) else None
    if applied is None:
        return f"tables: {result}"
    return "tables: " + (f"applied {', '.join(applied)}" if applied else "up to date")


def configured(server: Server) -> bool:
    """Tell whether the workspace was bootstrapped."""
    return bool(server.get(f"resources/exists/{RESOURCE}"))


def schedule_zone(server: Server) -> str:
    """Return the setting `schedule_zone` of the workspace, or before it has settings that of this
    machine, which they are made of.
    """
    if not configured(server):
        return effective().schedule_zone
    value = server.get(f"resources/get_value/{RESOURCE}")
    return str((value if isinstance(value, dict) else {}).get("schedule_zone") or "")


def resource_type() -> dict[str, Any]:
    """Return the resource type: one field a setting, as Windmill's forms know them."""
    declared = settings_model.make_model().model_json_schema()
    properties = {
        name: _form_field(_resolve(field, declared.get("$defs", {})))
        for name, field in declared["properties"].items()
        if name not in LOCAL_ONLY
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": [],
        "order": list(properties),
    }
    return {
        "name": RESOURCE_TYPE,
        "schema": schema,
        "description": (
            f"Settings of the Millrace bundle; empty fields keep their defaults, the word {NONE}"
            " empties one."
        ),
    }


def _form_field(field: dict[str, Any]) -> dict[str, Any]:
    known = {
        key: field[key]
        for key in ("type", "description", "enum", "minimum", "maximum", "items")
        if key in field
    }
    known.setdefault("type", "object")
    if field.get("format") == "password":
        known["password"] = True
    default = field.get("default")
    if default not in (None, "", [], {}) and "description" in known:
        shown = ", ".join(default) if isinstance(default, list) else default
        known["description"] += f" Default: {shown}"
        if isinstance(default, list):
            known["description"] += f". For none of them, add the word {NONE} as the only entry."
        elif known["type"] == "string" and "enum" not in known and "pattern" not in field:
            known["description"] += f". The word {NONE} leaves it empty."
    return known


def _resolve(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    alternatives = [option for option in field.get("anyOf", []) if option.get("type") != "null"]
    if alternatives:
        field = {
            **alternatives[0],
            **{key: value for key, value in field.items() if key != "anyOf"},
        }
    if "$ref" in field:
        field = {**definitions[field["$ref"].rsplit("/", 1)[1]], **field}
    return field


def _environment_settings() -> dict[str, Any]:
    """Return the settings that this machine's environment names,
    checked; secrets are still wrapped.
    """
    known = effective()
    names = [
        name for name in NAMES if name not in LOCAL_ONLY and os.environ.get(PREFIX + name.upper())
    ]
    return {name: getattr(known, name) for name in names}


def _has_value(value: Any) -> bool:
    return value not in ("", [], {}, Secret(""))


def _none(empty: Any) -> Any:
    return [NONE] if isinstance(empty, list) else NONE


def _with_references(name: str, value: Any, secrets: dict[str, str]) -> Any:
    """Return a value as the resource holds it; each secret in it becomes a variable, added to
    `secrets` by its path.
    """
    if isinstance(value, Secret):
        path = f"f/millrace/{re.sub(r'[^A-Za-z0-9]+', '_', name).lower()}"
        secrets[path] = value.get_secret_value()
        return f"$var:{path}"
    if isinstance(value, BaseModel):
        plain = value.model_dump(mode="json", exclude_none=True)
        return {
            key: (
                _with_references(f"{name}_{key}", getattr(value, key), secrets)
                if _is_nested(getattr(value, key))
                else plain[key]
            )
            for key in plain
        }
    if isinstance(value, dict):
        return {
            key: _with_references(f"{name}_{key}", inner, secrets) for key, inner in value.items()
        }
    return value


def _is_nested(value: Any) -> bool:
    return isinstance(value, Secret | BaseModel | dict)


def _description_of(path: str) -> str:
    """Return what the setting is that a variable belongs to."""
    name = path.rpartition("/")[2]
    field = max((known for known in NAMES if name.startswith(known)), key=len)
    return all_settings.declared(field)[1].description
