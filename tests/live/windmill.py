"""A recording server: as much of Windmill's API as the real CLI, a deployment and a worker's job
need, and as strict.

It keeps what was pushed, as the server would, and every request, so that tests can look at the
payloads. Limits, rights and texts are those of the server's source (1.788, community edition).
Flows are kept as they were sent: the server's own rewriting of them (`parallelism`, branch
defaults) is not imitated.
"""

import contextlib
import email
import hashlib
import io
import json
import re
import threading
import urllib.parse
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.live import relocks

WORKSPACE = "tests"
TOKEN = "recording-token"
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

Runner = Callable[[str, dict[str, Any]], tuple[bool, Any]]
Query = dict[str, str]


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
class Recorded:
    """The state of the workspace, and the requests that made it."""

    url: str = ""
    scripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    flows: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    http_triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    dependencies: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    resource_types: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    run: Runner | None = None
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

    def writes(self) -> list[str]:
        """Return what was asked to change, without the read requests."""
        return [
            f"{method} {path}"
            for method, path in self.requests
            if method != "GET" and path != "/api/workspaces/exists"
        ]

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

    def answer(self, method: str, path: str, query: Query, body: Any) -> tuple[int, Any]:
        """Return status and body for one request below the workspace."""
        try:
            if method == "GET":
                return self._get(path, query)
            if method == "DELETE":
                return self._delete(path)
            return self._post(path, query, body)
        except Refused as refused:
            return refused.status, refused.text

    def answer_other(self, method: str, path: str, query: Query, body: Any) -> tuple[int, Any]:
        """Return status and body for one request outside of the workspace."""
        if path == "/api/users/whoami":
            return 200, {
                "email": EMAIL,
                "login_type": "password",
                "super_admin": self.is_superadmin,
            }
        if path == "/api/workspaces/exists":
            return 200, body["id"] == WORKSPACE
        if path == "/api/workspaces/list":
            return 200, [{"id": WORKSPACE, "name": WORKSPACE}]
        if path == "/api/workers/list":
            return 200, self.listed_workers()
        named = re.fullmatch(r"/api/w/([^/]+)/(.*)", path)
        if named is None:
            return 404, "not found"
        if not self.is_superadmin:
            return 401, "Not authorized: Unauthorized"
        if named[2] == "users/whoami":
            return 200, {
                **self._user(),
                "is_admin": True,
                "is_super_admin": True,
                "non_member": True,
            }
        if named[2] == "workspaces/tarball":
            return 200, Recorded().archive({})
        if method == "GET":
            return (
                (200, [])
                if named[2].endswith("/list") or "/list?" in named[2]
                else (404, "not found")
            )
        return 400, (
            "SqlErr: error returned from database: insert or update on table violates foreign key"
            " constraint "
            f'"{named[2].split("/")[0].rstrip("s")}_workspace_id_fkey" @utils.rs:290:14'
        )

    def raw(self, path: str) -> tuple[int, str]:
        """Return what a job's import gets: the text, the folder mark, or 404."""
        if path in self.stale:
            return 200, self.stale[path]
        if path in self.scripts:
            return 200, self.scripts[path]["content"]
        if any(name.startswith(path + "/") for name in self.scripts):
            return 200, "WINDMILL_IS_FOLDER"
        return 404, "not found"

    def archive(self, query: Query) -> bytes:
        """Return the workspace as a pull gets it."""
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            for name, text in self._files(query):
                archive.writestr(name, text)
        return memory.getvalue()

    def _files(self, query: Query) -> Iterator[tuple[str, str]]:
        def wanted(name: str) -> bool:
            return query.get(f"include_{name}") == "true"

        def skipped(name: str) -> bool:
            return query.get(f"skip_{name}") == "true"

        for name, row in self.folders.items():
            yield f"f/{name}/folder.meta.json", _exported(row)
        for path, row in self.scripts.items():
            yield f"{path}.py", row["content"]
            fields = ("summary", "description", "schema", "lock", "kind")
            noted = {"has_preprocessor": True} if row.get("has_preprocessor") else {}
            yield (
                f"{path}.script.json",
                json.dumps({**{key: row.get(key) for key in fields}, **noted}, indent=2),
            )
        if not skipped("resources"):
            for path, row in self.resources.items():
                if row["resource_type"] not in ("state", "cache"):
                    yield f"{path}.resource.json", _exported(row)
        if not skipped("resource_types"):
            for name, row in self.resource_types.items():
                yield f"{name}.resource-type.json", _exported(row)
        for path, row in self.flows.items():
            yield (
                f"{path}.flow.json",
                _exported(
                    {key: row.get(key) for key in ("summary", "description", "value", "schema")}
                ),
            )
        if not skipped("variables"):
            for path, row in self.variables.items():
                if not (skipped("secrets") and row["is_secret"]):
                    yield f"{path}.variable.json", _exported(row)
        if wanted("workspace_dependencies") and self.is_admin:
            for name, row in self.dependencies.items():
                yield _dependencies_path(name), row["content"]
        for path, row in self.apps.items():
            yield (
                f"{path}.raw_app.json",
                json.dumps({name: row[name] for name in ("summary", "value", "policy")}),
            )
        if wanted("schedules"):
            for path, row in self.schedules.items():
                yield f"{path}.schedule.json", _exported(row)
        if wanted("triggers"):
            for path, row in self.http_triggers.items():
                # With what is not set, unlike the other items.
                yield (
                    f"{path}.http_trigger.json",
                    json.dumps({key: row[key] for key in row if key not in METADATA}, indent=2),
                )

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

    def _get(self, path: str, query: Query) -> tuple[int, Any]:
        if path == "workspace_dependencies/list":
            return 200, list(self.dependencies.values())
        lists = {
            "scripts/list": self.scripts,
            "flows/list": self.flows,
            "schedules/list": self.schedules,
            "apps/list": self.apps,
            "http_triggers/list": self.http_triggers,
        }
        if path in lists:
            rows = [
                row
                for name, row in lists[path].items()
                if name.startswith(query.get("path_start", ""))
            ]
            if path == "scripts/list" and query.get("include_without_main") != "true":
                rows = [row for row in rows if relocks.MAIN.search(row["content"])]
            size = int(query.get("per_page", "30"))
            start = (int(query.get("page", "1")) - 1) * size
            return 200, rows[start : start + size]
        if path == "users/whoami":
            return 200, self._user()
        if path == "workspaces/tarball":
            return 200, self.archive(query)
        if path.startswith("scripts/raw/p/"):
            return self.raw(path.removeprefix("scripts/raw/p/").removesuffix(".py"))
        if path.startswith("workspace_dependencies/get_latest/"):
            return 200, self.dependencies.get(query.get("name", ""))
        if path.startswith("jobs_u/completed/get_result_maybe/"):
            return 200, self.jobs[path.rsplit("/", 1)[1]]
        for kind, start, rows in self._kinds():
            if path.startswith(start) and "/exists/" in start:
                return 200, path.removeprefix(start) in rows
            if path.startswith(start):
                return 200, self._found(kind, path.removeprefix(start), rows)
        if path.startswith("variables/get_value/"):
            return (
                200,
                self._found("Variable", path.removeprefix("variables/get_value/"), self.variables)[
                    "value"
                ],
            )
        if path.startswith("resources/get_value/"):
            return (
                200,
                self._found("Resource", path.removeprefix("resources/get_value/"), self.resources)[
                    "value"
                ],
            )
        if path.startswith("resources/get_value_interpolated/"):
            return self._interpolated(path.removeprefix("resources/get_value_interpolated/"))
        if path.endswith("/list") or path.startswith("workspaces/"):
            return 200, []
        return 404, "not found"

    def _kinds(self) -> list[tuple[str, str, dict[str, dict[str, Any]]]]:
        return [
            ("Script", "scripts/get/p/", self.scripts),
            ("Script", "scripts/exists/p/", self.scripts),
            ("Flow", "flows/get/", self.flows),
            ("Flow", "flows/exists/", self.flows),
            ("Schedule", "schedules/get/", self.schedules),
            ("Schedule", "schedules/exists/", self.schedules),
            ("App", "apps/get/p/", self.apps),
            ("App", "apps/exists/", self.apps),
            ("Trigger", "http_triggers/get/", self.http_triggers),
            ("Trigger", "http_triggers/exists/", self.http_triggers),
            ("Folder", "folders/get/", self.folders),
            ("Folder", "folders/exists/", self.folders),
            ("ResourceType", "resources/type/get/", self.resource_types),
            ("ResourceType", "resources/type/exists/", self.resource_types),
            ("Resource", "resources/get/", self.resources),
            ("Resource", "resources/exists/", self.resources),
            ("Variable", "variables/get/", self.variables),
            ("Variable", "variables/exists/", self.variables),
        ]

    def _found(self, kind: str, path: str, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
        if path not in rows:
            raise Refused(404, f"Not found: {kind} not found at path {path}")
        return rows[path]

    def _post(self, path: str, query: Query, body: Any) -> tuple[int, Any]:
        creators: dict[str, Callable[[Any], Any]] = {
            "scripts/create": self._create_script,
            "flows/create": self._create_flow,
            "schedules/create": self._create_schedule,
            "http_triggers/create": self._create_trigger,
            "resources/create": self._create_resource,
            "variables/create": self._create_variable,
            "resources/type/create": self._create_type,
            "folders/create": self._create_folder,
            "workspace_dependencies/create": self._create_dependencies,
        }
        if path in creators:
            return 201, creators[path](body)
        if path == "apps/create_raw" or path.startswith("apps/update_raw/"):
            return 201, self._keep_app(path, body)
        kind, update, name = path.partition("/update/")
        rows = {
            "flows": self.flows,
            "schedules": self.schedules,
            "http_triggers": self.http_triggers,
            "resources": self.resources,
            "variables": self.variables,
        }
        if update and kind == "folders":
            self._found("Folder", name, self.folders).update(body)
            return 200, f"Updated folder {name}"
        if update and kind in rows:
            return 200, self._update(kind, name, rows[kind], body)
        if path.startswith("schedules/setenabled/"):
            name = path.removeprefix("schedules/setenabled/")
            self._found("Schedule", name, self.schedules)["enabled"] = body["enabled"]
            return 200, f"succesfully updated schedule at path {name} to status {body['enabled']}"
        if path.startswith("scripts/archive/p/"):
            self._found("Script", path.removeprefix("scripts/archive/p/"), self.scripts)
            self.scripts.pop(path.removeprefix("scripts/archive/p/"))
        elif path.startswith("flows/archive/"):
            self._found("Flow", path.removeprefix("flows/archive/"), self.flows)
            self.flows.pop(path.removeprefix("flows/archive/"))
        elif path.startswith("workspace_dependencies/"):
            self._require_admin()
            self.dependencies.pop(query.get("name", ""), None)
        elif path.startswith("jobs/run/p/"):
            return self._start(path.removeprefix("jobs/run/p/"), body)
        elif path == "jobs/run/preview_flow":
            return self._start_approval()
        elif path.startswith("jobs_u/flow/resume_suspended/"):
            return self._answer_approval(path.rsplit("/", 1)[1], body)
        return 200, "done"

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
        for call in (app["value"].get("runnables") or {}).values():
            call["type"] = "runnableByPath" if call["type"] == "path" else call["type"]
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
        self.relocked += relocks.importers(codes, _dependencies_path(name))
        self.dependencies[name] = body
        return "1"

    def _update(self, kind: str, path: str, rows: dict[str, dict[str, Any]], body: Any) -> str:
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

    def _delete(self, path: str) -> tuple[int, Any]:
        for kind, start, rows in (
            ("Schedule", "schedules/delete/", self.schedules),
            ("Flow", "flows/delete/", self.flows),
            ("App", "apps/delete/", self.apps),
            ("Trigger", "http_triggers/delete/", self.http_triggers),
            ("Variable", "variables/delete/", self.variables),
            ("Resource", "resources/delete/", self.resources),
        ):
            if path.startswith(start):
                self._found(kind, path.removeprefix(start), rows)
                rows.pop(path.removeprefix(start))
                return 200, "deleted"
        return 404, "not found"

    def _start(self, path: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        if path not in self.scripts:
            raise Refused(404, f"Not found: script not found at name {path} (jobs.rs:1)")
        job = str(uuid.uuid4())
        self.jobs[job] = {"completed": False}
        if self.run is not None:
            success, result = self.run(path, arguments)
            self.jobs[job] = {"completed": True, "success": success, "result": result}
        return 201, job

    def _start_approval(self) -> tuple[int, Any]:
        job = str(uuid.uuid4())
        self.jobs[job] = {"completed": False, "waits": self.run is not None}
        return 201, job

    def _answer_approval(self, job: str, body: Any) -> tuple[int, Any]:
        if not self.jobs[job].get("waits"):
            raise Refused(400, "Bad request: Flow is not suspended")
        self.jobs[job] = {
            "completed": True,
            "success": True,
            "result": {"approved": body["approved"]},
        }
        return 201, ""

    def _interpolated(self, path: str) -> tuple[int, Any]:
        row = self._found("Resource", path, self.resources)
        return 200, {name: self._value(value) for name, value in row["value"].items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$var:"):
            return self._found("Variable", value.removeprefix("$var:"), self.variables)["value"]
        if isinstance(value, dict):
            return {name: self._value(inner) for name, inner in value.items()}
        return value


def _dependencies_path(name: str) -> str:
    return f"dependencies/{name + '.' if name else ''}requirements.in"


def _exported(row: dict[str, Any]) -> str:
    return json.dumps(
        {key: value for key, value in row.items() if key not in METADATA and value is not None},
        indent=2,
    )


class _Handler(BaseHTTPRequestHandler):
    recorded: Recorded

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the requests are recorded."""

    def _serve(self, method: str) -> None:
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parts.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        below = path.removeprefix(f"/api/w/{WORKSPACE}/")
        self.recorded.requests.append((method, below))
        query = dict(urllib.parse.parse_qsl(parts.query))
        if path == "/api/version":  # the CLI asks without a token
            status, answer = 200, self.recorded.version
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}" or self.recorded.token_expired:
            status, answer = 401, "Not authorized: Unauthorized"
        elif below == path:
            status, answer = self.recorded.answer_other(method, path, query, _json(text))
        else:
            body = (
                _form(text, str(self.headers["Content-Type"]))
                if b"form-data; name=" in text[:400]
                else _json(text)
            )
            status, answer = self.recorded.answer(method, below, query, body)
        self._send(status, answer)

    def _send(self, status: int, answer: Any) -> None:
        is_text = isinstance(answer, str)
        data = (
            answer
            if isinstance(answer, bytes)
            else (answer if is_text else json.dumps(answer)).encode()
        )
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return {}


def _form(text: bytes, content_type: str) -> dict[str, Any]:
    """Return the parts of a multipart form by name; JSON is read, files are text."""
    message = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + text
    )
    parts: dict[str, Any] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if name:
            content = bytes(part.get_payload(decode=True) or b"").decode()  # pyright: ignore[reportArgumentType]
            parts[str(name)] = json.loads(content) if name == "app" else content
    return parts


@contextlib.contextmanager
def recording() -> Iterator[Recorded]:
    """Serve an empty workspace on a free port."""
    recorded = Recorded()
    handler = type("Handler", (_Handler,), {"recorded": recorded})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    recorded.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
