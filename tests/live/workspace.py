"""A workspace as the server keeps it: its items, and the server's rules for them.

Limits, rights and texts are those of the server's source (1.788, community edition). Flows are kept
as they were sent: the server's own rewriting of them (`parallelism`, branch defaults) is not
imitated.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.live import relocks

WORKSPACE = "tests"
EMAIL, OWNER = "tester@example.org", "u/tester"

VARIABLE_CHARACTERS, DESCRIPTION_CHARACTERS = 15_000, 10_000
PATH = re.compile(r"[ufg](/[\w-]+){2,}")
PATH_CHARACTERS = 255
PROPER_PATH = (
    "Invalid path: it must be of the form u/<user>/<name>, f/<folder>/<name> or g/<group>/<name>,"
    " where every segment contains only alphanumeric characters, '_' or '-'"
)
DEPENDENCIES_VERSION = (1, 587, 0)
BEHIND = (
    "Workspace dependencies is unavailable due to some workers being behind. Do not use the feature"
    " or make sure all workers run at least 1.587.0"
)
PREPROCESSOR = re.compile(r"(?m)^def preprocessor\(")

Runner = Callable[[str, dict[str, Any]], tuple[bool, Any]]
Rows = dict[str, dict[str, Any]]


class Refused(Exception):
    """The server's no: status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def worker(
    version: str = "v1.788.0",
    tags: tuple[str, ...] = ("deno", "python3", "flow", "dependency", "other"),
) -> dict[str, Any]:
    """Return a worker as the server lists it."""
    return {
        "worker": "wk-default-tests",
        "worker_group": "default",
        "last_ping": 1,
        "custom_tags": list(tags),
        "wm_version": version,
    }


@dataclass
class Workspace:
    """The state of the workspace, and what may be done to it."""

    url: str = ""
    scripts: Rows = field(default_factory=dict)
    flows: Rows = field(default_factory=dict)
    schedules: Rows = field(default_factory=dict)
    apps: Rows = field(default_factory=dict)
    http_triggers: Rows = field(default_factory=dict)
    dependencies: Rows = field(default_factory=dict)
    folders: Rows = field(default_factory=dict)
    resources: Rows = field(default_factory=dict)
    resource_types: Rows = field(default_factory=dict)
    variables: Rows = field(default_factory=dict)
    jobs: Rows = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    run: Runner | None = None
    log: str = ""  # of every job
    # The user and the server, as a test wants them.
    is_admin: bool = True
    is_superadmin: bool = False
    token_expired: bool = False
    version: str = "CE v1.788.0"
    workers: list[dict[str, Any]] | None = None
    # Code that jobs load until the server's cache notices a push, by path.
    stale: dict[str, str] = field(default_factory=dict)
    relocked: list[str] = field(default_factory=list)
    flow_dependency_jobs: list[str] = field(default_factory=list)
    _deployed: list[str] = field(default_factory=list)

    @property
    def dependency_jobs(self) -> list[str]:
        """The scripts that the server relocks: one entry a job, without the relocks that a relock
        starts in turn.

        Ten seconds after a push its importers are looked up, when all of the push is there.
        """
        codes = {path: script["content"] for path, script in self.scripts.items()}
        return [
            *self.relocked,
            *(each for path in self._deployed for each in relocks.importers(codes, path)),
        ]

    def listed_workers(self) -> list[dict[str, Any]]:
        """Return the workers: those that a test set, else one when jobs can run."""
        if self.workers is not None:
            return self.workers
        return [worker()] if self.run else []

    def raw(self, path: str) -> tuple[int, str]:
        """Return what a job's import gets: the text, the folder mark, or 404."""
        if path in self.stale:
            return 200, self.stale[path]
        if path in self.scripts:
            return 200, self.scripts[path]["content"]
        if any(name.startswith(path + "/") for name in self.scripts):
            return 200, "WINDMILL_IS_FOLDER"
        return 404, "not found"

    def _user(self) -> dict[str, Any]:
        writable = [name for name in self.folders if self._may_write(name)]
        return {
            "workspace_id": WORKSPACE,
            "username": "tester",
            "email": EMAIL,
            "is_admin": self.is_admin,
            "is_super_admin": self.is_superadmin,
            "operator": False,
            "folders": writable,
            "folders_read": writable,
            "folders_owners": writable,
            "non_member": False,
        }

    def _found(self, kind: str, path: str, rows: Rows) -> dict[str, Any]:
        if path not in rows:
            raise Refused(404, f"Not found: {kind} not found at path {path}")
        return rows[path]

    def _create_script(self, body: Any) -> str:
        for name in ("path", "summary", "content", "language"):
            if name not in body:
                raise Refused(
                    422,
                    "Failed to deserialize the JSON body into the target type: missing field"
                    f" `{name}` at line 1 column 2",
                )
        path = body["path"]
        self._check_place("script", path)
        if body.get("ws_error_handler_muted"):
            raise Refused(
                400,
                "Bad request: Muting the error handler for certain script is only available in"
                " enterprise version",
            )
        there = self.scripts.get(path)
        if there and not body.get("auto_parent") and body.get("parent_hash") != there["hash"]:
            raise Refused(
                400, f"Bad request: Path conflict for {path} with non-archived hash {there['hash']}"
            )
        lock = body.get("lock") or None
        kept = {
            **body,
            "lock": lock,
            "archived": False,
            "extra_perms": {},
            "description": body.get("description", ""),
        }
        kept["has_preprocessor"] = PREPROCESSOR.search(body["content"]) is not None
        for sent in ("parent_hash", "auto_parent", "deployment_message"):
            kept.pop(sent, None)
        parent = there["hash"] if there else ""
        kept["hash"] = hashlib.sha256(
            json.dumps([parent, kept], sort_keys=True).encode()
        ).hexdigest()[:16]
        self.scripts[path] = kept
        self._deployed.append(path)
        if lock is None:
            self.relocked.append(path)
        return kept["hash"]

    def _create_flow(self, body: Any) -> str:
        self._check_place("flow", body["path"])
        self._refuse_existing("Flow", body["path"], self.flows)
        self.flows[body["path"]] = {**body, "archived": False, "extra_perms": {}}
        self.flow_dependency_jobs.append(body["path"])
        return body["path"]

    def _create_schedule(self, body: Any) -> str:
        self._check_place("schedule", body["path"])
        self._refuse_existing("Schedule", body["path"], self.schedules)
        self.schedules[body["path"]] = {
            "workspace_id": WORKSPACE,
            "edited_by": "tester",
            "permissioned_as": OWNER,
            "email": EMAIL,
            "ws_error_handler_muted": False,
            **body,
        }
        return body["path"]

    def _create_trigger(self, body: Any) -> str:
        self._check_place("http_trigger", body["path"])
        self._refuse_existing("Trigger", body["path"], self.http_triggers)
        unset = {
            "authentication_resource_path": None,
            "static_asset_config": None,
            "mode": "enabled",
        }
        key = re.sub(r":[\w-]+", ":key", body["route_path"])
        self.http_triggers[body["path"]] = {**unset, **body, "route_path_key": key}
        return body["path"]

    def _keep_app(self, path: str, body: Any) -> str:
        app = {**body["app"], "js": body["js"], "css": body["css"], "raw_app": True}
        self._check_place("app", app["path"])
        if path == "apps/create_raw":
            self._refuse_existing("App", app["path"], self.apps)
        self.apps[app["path"]] = app
        return app["path"]

    def _create_resource(self, body: Any) -> str:
        self._check_proper(body["path"])
        if not re.fullmatch(r"[\w-]{1,50}", body["resource_type"]):
            raise Refused(
                400,
                "Bad request: Invalid resource type: it must be 1 to 50 alphanumeric characters,"
                " '_' or '-'",
            )
        self._check_rights("resource", body["path"])
        self._refuse_existing("Resource", body["path"], self.resources)
        self.resources[body["path"]] = body
        return body["path"]

    def _create_variable(self, body: Any) -> str:
        self._check_proper(body["path"])
        self._refuse_existing("Variable", body["path"], self.variables)
        self._check_rights("variable", body["path"])
        self._check_variable(body)
        self.variables[body["path"]] = body
        return body["path"]

    def _create_type(self, body: Any) -> str:
        self._refuse_existing("Resource type", body["name"], self.resource_types)
        self.resource_types[body["name"]] = body
        return body["name"]

    def _create_folder(self, body: Any) -> str:
        if not re.fullmatch(r"[a-zA-Z_0-9-]+", body["name"]):
            raise Refused(
                400,
                "Bad request: Folder name can only contain alphanumeric characters, underscores,"
                " and hyphens",
            )
        self._refuse_existing("Folder", body["name"], self.folders)
        owners = [
            *body.get("owners", []),
            *([OWNER] if OWNER not in body.get("owners", []) else []),
        ]
        perms = {**body.get("extra_perms", {}), **dict.fromkeys(owners, True)}
        self.folders[body["name"]] = {
            "name": body["name"],
            "display_name": body.get("display_name") or body["name"],
            "owners": owners,
            "extra_perms": perms,
            "summary": body.get("summary"),
        }
        return f"Created folder {body['name']}"

    def _create_dependencies(self, body: Any) -> str:
        self._require_admin()
        versions = [
            tuple(map(int, re.findall(r"\d+", row["wm_version"])[:3]))
            for row in self.listed_workers()
        ]
        if versions and min(versions) < DEPENDENCIES_VERSION:
            raise Refused(500, BEHIND)
        name = str(body.get("name") or "")
        codes = {path: script["content"] for path, script in self.scripts.items()}
        self.relocked += relocks.importers(codes, dependencies_path(name))
        self.dependencies[name] = body
        return "1"

    def _update(self, kind: str, path: str, rows: Rows, body: Any) -> str:
        singular = kind.removesuffix("s")
        held = self._found(singular.capitalize(), path, rows)
        self._check_rights(singular, path)
        if kind == "variables":
            self._check_variable({**held, **body})
        if kind == "flows":
            self.flow_dependency_jobs.append(path)
        held.update(
            {key: value for key, value in body.items() if key != "enabled" or kind != "schedules"}
        )
        return f"{singular} {path} updated"

    def _check_place(self, kind: str, path: str) -> None:
        if not PATH.fullmatch(path):
            raise Refused(
                400,
                f'SqlErr: error returned from database: new row for relation "{kind}" violates'
                f' check constraint "proper_id" @{kind}s.rs:1703:10',
            )
        if len(path) > PATH_CHARACTERS:
            raise Refused(
                400,
                "SqlErr: error returned from database: value too long for type character"
                f" varying({PATH_CHARACTERS})",
            )
        self._check_rights(kind, path)

    def _check_proper(self, path: str) -> None:
        if len(path) > PATH_CHARACTERS:
            raise Refused(400, "Bad request: Invalid path: it must be at most 255 characters")
        if not PATH.fullmatch(path):
            raise Refused(400, f"Bad request: {PROPER_PATH}")

    def _check_rights(self, kind: str, path: str) -> None:
        if (
            self.is_admin
            or path.startswith(OWNER + "/")
            or (path.startswith("f/") and self._may_write(path.split("/")[1]))
        ):
            return
        if kind in ("resource", "variable"):
            raise Refused(401, "Not authorized: You don't have write permission at this path")
        said = (
            "error returned from database: new row violates row-level security policy for table"
            f' "{kind}"'
        )
        if kind == "schedule":
            raise Refused(
                500, f"Internal: inserting schedule in {WORKSPACE}: {said} @lib.rs:418:18"
            )
        raise Refused(400, f"SqlErr: {said} @{kind}s.rs:1705:5")

    def _may_write(self, folder: str) -> bool:
        return self.is_admin or bool(self.folders.get(folder, {}).get("extra_perms", {}).get(OWNER))

    def _check_variable(self, body: Any) -> None:
        size = len(body["value"])
        if body.get("is_secret"):  # AES in blocks of 16, in base64
            size = 4 * ((16 * (len(body["value"].encode()) // 16 + 1) + 2) // 3)
        if (
            size > VARIABLE_CHARACTERS
            or len(body.get("description") or "") > DESCRIPTION_CHARACTERS
        ):
            raise Refused(400, "Bad request: A field exceeds its maximum length")

    def _require_admin(self) -> None:
        if not self.is_admin:
            raise Refused(403, "Require Admin privileges for tester")

    def _refuse_existing(self, kind: str, path: str, rows: dict[str, Any]) -> None:
        if path in rows:
            raise Refused(400, f"Bad request: {kind} {path} already exists")

    def _interpolated(self, path: str) -> tuple[int, Any]:
        row = self._found("Resource", path, self.resources)
        return 200, {name: self._value(value) for name, value in row["value"].items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$var:"):
            return self._found("Variable", value.removeprefix("$var:"), self.variables)["value"]
        if isinstance(value, dict):
            return {name: self._value(inner) for name, inner in value.items()}
        return value


def dependencies_path(name: str) -> str:
    """Return the file of a workspace dependency."""
    return f"dependencies/{name + '.' if name else ''}requirements.in"
