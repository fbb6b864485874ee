"""A workspace as a pull gets it: one archive of files."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from tests.live.workspace import Workspace, dependencies_path

# What the server leaves out of an exported item.
METADATA = (
    "workspace_id",
    "path",
    "name",
    "created_at",
    "edited_at",
    "edited_by",
    "permissioned_as",
    "archived",
    "error",
)

Query = dict[str, str]


def archive(workspace: Workspace, query: Query) -> bytes:
    """Return the archive, with what was asked for."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as made:
        for name, text in _files(workspace, query):
            made.writestr(name, text)
    return memory.getvalue()


def _files(workspace: Workspace, query: Query) -> Iterator[tuple[str, str]]:
    def wanted(name: str) -> bool:
        return query.get(f"include_{name}") == "true"

    def skipped(name: str) -> bool:
        return query.get(f"skip_{name}") == "true"

    for name, row in workspace.folders.items():
        yield f"f/{name}/folder.meta.json", _exported(row)
    yield from _code(workspace)
    if not skipped("resources"):
        yield from _resources(workspace)
    if not skipped("resource_types"):
        for name, row in workspace.resource_types.items():
            yield f"{name}.resource-type.json", _exported(row)
    if not skipped("variables"):
        yield from _variables(workspace, with_secrets=not skipped("secrets"))
    if wanted("workspace_dependencies") and workspace.is_admin:
        for name, row in workspace.dependencies.items():
            yield dependencies_path(name), row["content"]
    if wanted("schedules"):
        for path, row in workspace.schedules.items():
            yield f"{path}.schedule.json", _exported(row)
    if wanted("triggers"):
        for path, row in workspace.http_triggers.items():
            # With what is not set, unlike the other items.
            kept = {key: row[key] for key in row if key not in METADATA}
            yield f"{path}.http_trigger.json", json.dumps(kept, indent=2)


def _code(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Return scripts, flows and apps."""
    for path, row in workspace.scripts.items():
        yield f"{path}.py", row["content"]
        fields = ("summary", "description", "schema", "lock", "kind")
        noted = {"has_preprocessor": True} if row.get("has_preprocessor") else {}
        said = {**{key: row.get(key) for key in fields}, **noted}
        yield f"{path}.script.json", json.dumps(said, indent=2)
    for path, row in workspace.flows.items():
        fields = ("summary", "description", "value", "schema")
        yield f"{path}.flow.json", _exported({key: row.get(key) for key in fields})
    for path, row in workspace.apps.items():
        kept = {name: row[name] for name in ("summary", "value", "policy")}
        yield f"{path}.raw_app.json", json.dumps(kept)


def _resources(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for path, row in workspace.resources.items():
        if row["resource_type"] not in ("state", "cache"):
            yield f"{path}.resource.json", _exported(row)


def _variables(workspace: Workspace, with_secrets: bool) -> Iterator[tuple[str, str]]:
    for path, row in workspace.variables.items():
        if with_secrets or not row["is_secret"]:
            yield f"{path}.variable.json", _exported(row)


def _exported(row: dict[str, Any]) -> str:
    return json.dumps(
        {key: value for key, value in row.items() if key not in METADATA and value is not None},
        indent=2,
    )
