"""A recording server: as much of Windmill's API as the real CLI, a deployment and a worker's job
need, and as strict.

It keeps what was pushed, as the server would, and every request, so that tests can look at the
payloads.
"""

import contextlib
import email
import json
import re
import threading
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.live import export, relocks
from tests.live.workspace import EMAIL, WORKSPACE, Refused, Rows, Workspace

TOKEN = "recording-token"
Query = dict[str, str]


@dataclass
class Recorded(Workspace):
    """The workspace behind the API, and the requests that made it."""

    def writes(self) -> list[str]:
        """Return what was asked to change, without the read requests."""
        return [
            f"{method} {path}"
            for method, path in self.requests
            if method != "GET" and path != "/api/workspaces/exists"
        ]

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
            return 200, export.archive(Recorded(), {})
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
            return 200, self._page(path, lists[path], query)
        if path.startswith("jobs_u/"):
            return 200, self._read_job(path)
        if path == "users/whoami":
            return 200, self._user()
        if path == "workspaces/tarball":
            return 200, export.archive(self, query)
        if path.startswith("scripts/raw/p/"):
            return self.raw(path.removeprefix("scripts/raw/p/").removesuffix(".py"))
        if path.startswith("workspace_dependencies/get_latest/"):
            return 200, self.dependencies.get(query.get("name", ""))
        for kind, start, rows in self._kinds():
            if path.startswith(start) and "/exists/" in start:
                return 200, path.removeprefix(start) in rows
            if path.startswith(start):
                return 200, self._found(kind, path.removeprefix(start), rows)
        for kind, start, rows in (
            ("Variable", "variables/get_value/", self.variables),
            ("Resource", "resources/get_value/", self.resources),
        ):
            if path.startswith(start):
                return 200, self._found(kind, path.removeprefix(start), rows)["value"]
        if path.startswith("resources/get_value_interpolated/"):
            return self._interpolated(path.removeprefix("resources/get_value_interpolated/"))
        if path.endswith("/list") or path.startswith("workspaces/"):
            return 200, []
        return 404, "not found"

    def _read_job(self, path: str) -> Any:
        logs = path.startswith("jobs_u/get_logs/")
        return self.log if logs else self.jobs[path.rsplit("/", 1)[1]]

    def _page(self, path: str, rows: Rows, query: Query) -> list[dict[str, Any]]:
        """Return a page of the rows below a path; of scripts only those that can be run."""
        found = [row for name, row in rows.items() if name.startswith(query.get("path_start", ""))]
        if path == "scripts/list" and query.get("include_without_main") != "true":
            found = [row for row in found if relocks.MAIN.search(row["content"])]
        size = int(query.get("per_page", "30"))
        start = (int(query.get("page", "1")) - 1) * size
        return found[start : start + size]

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
