"""What a workspace needs once beside the bundle: resource type, secret variables, settings, tables. Never overwritten."""

import os
from typing import Any

from pydantic import SecretStr

from f.millrace.core.config import PREFIX, RESOURCE, Settings
from f.millrace.core.config import settings as effective
from f.millrace.core.db import OWNER_VARIABLE
from scripts.deployment.server import DeployFailed, Server

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
    existing = bool(server.get(f"resources/exists/{RESOURCE}"))
    given = _given()
    references = {}
    for name, value in _secrets(given).items():
        path = f"f/millrace/{name}"
        if not server.get(f"variables/exists/{path}"):
            description = Settings.model_fields[name].description
            server.post(
                "variables/create", {"path": path, "value": value, "is_secret": True, "description": f"Millrace: {description}"}
            )
            made.append(
                f"secret variable {path}"
                + (f" (add it to {RESOURCE} as $var:{path})" if existing and path != OWNER_VARIABLE else "")
            )
        # ops/migrate asks for the owner's address itself; other steps are not given it with their settings.
        if path != OWNER_VARIABLE:
            references[name] = f"$var:{path}"
    if not existing:
        value = {**{name: value for name, value in given.items() if name not in _secrets(given)}, **references}
        body = {"path": RESOURCE, "value": value, "resource_type": RESOURCE_TYPE, "description": "Settings of Millrace."}
        server.post("resources/create", body)
        made.append(f"resource {RESOURCE} with " + (", ".join(sorted(value)) or "no values: every setting has its default"))
    return made


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


def resource_type() -> dict[str, Any]:
    """Return the resource type: one field a setting, as Windmill's forms know them."""
    declared = Settings.model_json_schema()
    properties = {
        name: _form_field(_resolved(field, declared.get("$defs", {}))) for name, field in declared["properties"].items()
        if name not in LOCAL_ONLY
    }  # fmt: skip
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
        "description": "Settings of the Millrace bundle; empty fields keep their defaults.",
    }


def _form_field(field: dict[str, Any]) -> dict[str, Any]:
    known = {key: field[key] for key in ("type", "description", "enum", "minimum", "maximum", "items") if key in field}
    known.setdefault("type", "object")
    if field.get("format") == "password":
        known["password"] = True
    default = field.get("default")
    if default not in (None, "", [], {}) and "description" in known:
        shown = ", ".join(default) if isinstance(default, list) else default
        known["description"] += f" Default: {shown}"
    return known


def _resolved(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    alternatives = [option for option in field.get("anyOf", []) if option.get("type") != "null"]
    if alternatives:
        field = {**alternatives[0], **{key: value for key, value in field.items() if key != "anyOf"}}
    if "$ref" in field:
        field = {**definitions[field["$ref"].rsplit("/", 1)[1]], **field}
    return field


def _given() -> dict[str, Any]:
    """Return the settings that this machine's environment names, checked, secrets in the clear."""
    known = effective()
    given: dict[str, Any] = {}
    for name in Settings.model_fields:
        if name in LOCAL_ONLY or not os.environ.get(PREFIX + name.upper()):
            continue
        value = getattr(known, name)
        given[name] = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(given.get("agents", {}), dict):
        raise DeployFailed("MILLRACE_AGENTS must be a JSON object")
    return {name: _plain(value) for name, value in given.items()}


def _secrets(given: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in given.items() if Settings.model_fields[name].annotation is SecretStr}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value
