"""What the last deployment left on the server, kept there,
so that every machine that deploys sees the same.

It is a resource: a variable holds 15,000 characters, and a hundred scripts need more. Its type
`state` is Windmill's own for what programs remember: it has no versions, and no pull brings it into
Git.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from scripts.deployment import apps
from scripts.deployment.server import Server

PATH = "f/millrace/deployment"
TYPE = "state"
KEPT_REVISIONS = 20
# What people switch on the server, and what the server changes by itself.
LEFT_OUT = (
    "enabled",
    "edited_by",
    "edited_at",
    "version_id",
    "lock_error_logs",
    "error",
    "paused_until",
)
FLOW = ("summary", "description", "value", "schema", "tag")
SCHEDULE = (
    "schedule",
    "timezone",
    "script_path",
    "is_flow",
    "args",
    "summary",
    "description",
    "no_flow_overlap",
    "cron_version",
    "tag",
    "retry",
    "on_failure",
    "on_recovery",
    "on_success",
)
HTTP_TRIGGER = (
    "script_path",
    "is_flow",
    "route_path",
    "request_type",
    "authentication_method",
    "http_method",
    "is_static_website",
    "workspaced_route",
    "wrap_body",
    "raw_string",
    "summary",
    "description",
)
Item = tuple[str, str]


@dataclass
class Record:
    """What was deployed.

    `revisions` are newest last; `items` has of each item what was pushed and how the server held it
    then; `waiting` has the schedules that are off only because there were no tables yet.
    """

    revisions: list[str] = field(default_factory=list)
    items: dict[str, dict[str, str]] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def of(self, item: Item) -> dict[str, str] | None:
        """Return `pushed` and `held` of an item, or nothing when it was never deployed."""
        return self.items.get(" ".join(item))


def read(server: Server) -> Record | None:
    """Return the record, or nothing when this workspace was never deployed to."""
    if server.get(f"resources/exists/{PATH}"):
        known = server.get(f"resources/get_value/{PATH}")
    # as it was kept until the first deployment that wrote the resource
    elif server.get(f"variables/exists/{PATH}"):
        known = server.get(f"variables/get_value/{PATH}")
    else:
        return None
    known = json.loads(known) if isinstance(known, str) else known or {}
    return Record(
        list(known.get("revisions", [])),
        dict(known.get("items", {})),
        list(known.get("waiting", [])),
    )


def write(server: Server, record: Record) -> None:
    """Keep the record on the server."""
    value = {
        "revisions": record.revisions[-KEPT_REVISIONS:],
        "items": record.items,
        "waiting": sorted(record.waiting),
    }
    description = (
        "Millrace: what scripts/deploy left here, to see what people changed since. Deleting it is"
        " safe."
    )
    if server.get(f"resources/exists/{PATH}"):
        server.post(f"resources/update/{PATH}", {"value": value})
    else:
        body = {"path": PATH, "value": value, "resource_type": TYPE, "description": description}
        server.post("resources/create", body)
    if server.get(f"variables/exists/{PATH}"):
        server.delete(f"variables/delete/{PATH}")


def items_on_server(server: Server) -> dict[Item, str]:
    """Return a mark for each of the bundle's items on the server; it changes with the item."""
    marks: dict[Item, str] = {}
    for row in server.pages("scripts/list?include_without_main=true&path_start=f/millrace/"):
        marks["script", str(row["path"])] = str(row.get("hash", ""))
    for row in server.pages("flows/list?path_start=f/millrace/"):
        marks["flow", str(row["path"])] = digest(pick(server.get(f"flows/get/{row['path']}"), FLOW))
    for row in server.pages("schedules/list?path_start=f/millrace/"):
        marks["schedule", str(row["path"])] = digest(pick(row, SCHEDULE))
    for row in server.pages("apps/list?path_start=f/millrace/"):
        if str(row["path"]).startswith("f/millrace/"):
            marks["app", str(row["path"])] = digest(
                apps.from_server(server.get(f"apps/get/p/{row['path']}"))
            )
    for row in server.pages("http_triggers/list?path_start=f/millrace/"):
        marks["HTTP trigger", str(row["path"])] = digest(pick(row, HTTP_TRIGGER))
    return {item: mark for item, mark in marks.items() if item[1].startswith("f/millrace/")}


def pick(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the parts of an item that a push sets, without the locks that the server fills in."""
    return _strip({key: row.get(key) for key in keys})


def digest(value: Any) -> str:
    """Return a short name of a JSON value or of bytes."""
    data = (
        value
        if isinstance(value, bytes)
        else json.dumps(value, sort_keys=True, default=str).encode()
    )
    return hashlib.sha256(data).hexdigest()[:16]


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _strip(each)
            for key, each in value.items()
            if each not in (None, "") and key not in LEFT_OUT
        }
    return [_strip(each) for each in value] if isinstance(value, list) else value
