"""A recording server: as much of Windmill's API as the real CLI, a deployment and a worker's job need.

It keeps what was pushed, as the server would, and every request, so that tests can look at the payloads.
"""

import contextlib
import email
import io
import json
import threading
import urllib.parse
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORKSPACE = "tests"
TOKEN = "recording-token"

Runner = Callable[[str, dict[str, Any]], tuple[bool, Any]]


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

    def writes(self) -> list[str]:
        """Return what was asked to change, without the read requests."""
        return [f"{method} {path}" for method, path in self.requests if method != "GET"]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Return status and body for one request below the workspace."""
        if method == "GET":
            return self._get(path, query)
        if method == "DELETE":
            return self._delete(path)
        return self._post(path, body)

    def raw(self, path: str) -> tuple[int, str]:
        """Return what a job's import gets: the text, the folder mark, or 404."""
        if path in self.scripts:
            return 200, self.scripts[path]["content"]
        if any(name.startswith(path + "/") for name in self.scripts):
            return 200, "WINDMILL_IS_FOLDER"
        return 404, "not found"

    def _get(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        start = query.get("path_start", "")
        lists = {
            "scripts/list": self.scripts,
            "flows/list": self.flows,
            "schedules/list": self.schedules,
            "apps/list": self.apps,
            "http_triggers/list": self.http_triggers,
            "workspace_dependencies/list": self.dependencies,
        }
        if path in lists:
            return 200, [row for name, row in lists[path].items() if name.startswith(start)]
        if path == "users/whoami":
            return 200, {"username": "tester", "email": "tester@example.org", "is_admin": True, "folders": []}
        if path == "workspaces/tarball":
            return 200, self._archive()
        if path.startswith("scripts/raw/p/"):
            return self.raw(path.removeprefix("scripts/raw/p/").removesuffix(".py"))
        if path.startswith("jobs_u/completed/get_result_maybe/"):
            return 200, self.jobs[path.rsplit("/", 1)[1]]
        for prefix, held in (
            ("scripts/get/p/", self.scripts),
            ("flows/get/", self.flows),
            ("schedules/get/", self.schedules),
            ("apps/get/p/", self.apps),
            ("http_triggers/get/", self.http_triggers),
        ):
            if path.startswith(prefix):
                found = held.get(path.removeprefix(prefix))
                return (200, found) if found is not None else (404, "not found")
        if path.startswith("variables/get_value/"):
            variable = self.variables.get(path.removeprefix("variables/get_value/"))
            return (200, variable["value"]) if variable else (404, "not found")
        for prefix, held in (
            ("resources/type/exists/", self.resource_types),
            ("resources/exists/", self.resources),
            ("variables/exists/", self.variables),
        ):
            if path.startswith(prefix):
                return 200, path.removeprefix(prefix) in held
        if path.startswith("resources/get_value_interpolated/"):
            return self._interpolated(path.removeprefix("resources/get_value_interpolated/"))
        if path.endswith("/list") or path.startswith("workspaces/"):
            return 200, []
        return 404, "not found"

    def _post(self, path: str, body: Any) -> tuple[int, Any]:
        created = {
            "scripts/create": self.scripts,
            "flows/create": self.flows,
            "schedules/create": self.schedules,
            "http_triggers/create": self.http_triggers,
            "resources/create": self.resources,
            "variables/create": self.variables,
        }
        if path in created:
            created[path][body["path"]] = body
            if path == "scripts/create":
                body["hash"] = uuid.uuid4().hex[:16]
        elif path == "apps/create_raw" or path.startswith("apps/update_raw/"):
            self.apps[body["app"]["path"]] = {**body["app"], "js": body["js"], "css": body["css"], "raw_app": True}
        elif path == "resources/type/create":
            self.resource_types[body["name"]] = body
        elif path == "folders/create":
            self.folders[body["name"]] = body
        elif path == "workspace_dependencies/create":
            self.dependencies[str(body.get("name"))] = body
        elif path.startswith(("flows/update/", "schedules/update/", "variables/update/", "http_triggers/update/")):
            kind, _, name = path.partition("/update/")
            held = created[f"{kind}/create"][name]
            held |= body
        elif path.startswith("schedules/setenabled/"):
            self.schedules[path.removeprefix("schedules/setenabled/")]["enabled"] = body["enabled"]
        elif path.startswith("scripts/archive/p/"):
            self.scripts.pop(path.removeprefix("scripts/archive/p/"), None)
        elif path.startswith("flows/archive/"):
            self.flows.pop(path.removeprefix("flows/archive/"), None)
        elif path.startswith("jobs/run/p/"):
            return self._start(path.removeprefix("jobs/run/p/"), body)
        return 201, "created"

    def _delete(self, path: str) -> tuple[int, Any]:
        for prefix, held in (
            ("schedules/delete/", self.schedules),
            ("flows/delete/", self.flows),
            ("apps/delete/", self.apps),
            ("http_triggers/delete/", self.http_triggers),
        ):
            if path.startswith(prefix):
                held.pop(path.removeprefix(prefix), None)
        return 200, "deleted"

    def _start(self, path: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        if self.run is None or path not in self.scripts:
            return 404, f"no script {path}"
        job = str(uuid.uuid4())
        success, result = self.run(path, arguments)
        self.jobs[job] = {"completed": True, "success": success, "result": result}
        return 201, job

    def _interpolated(self, path: str) -> tuple[int, Any]:
        if path not in self.resources:
            return 404, "not found"
        return 200, {name: self._value(value) for name, value in self.resources[path]["value"].items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$var:"):
            return self.variables[value.removeprefix("$var:")]["value"]
        if isinstance(value, dict):
            return {name: self._value(inner) for name, inner in value.items()}
        return value

    def _archive(self) -> bytes:
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            for name, row in self.dependencies.items():
                archive.writestr(f"dependencies/{name}.requirements.in", row["content"])
            for path, row in self.apps.items():
                exported = {name: row[name] for name in ("summary", "value", "policy")}
                archive.writestr(f"{path}.raw_app.json", json.dumps(exported))
        return memory.getvalue()


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
        if path == "/api/version":  # the CLI asks without a token
            status, answer = 200, "CE v1.788.0"
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = 401, "unauthorized"
        elif path == "/api/users/whoami":
            status, answer = 200, {"email": "tester@example.org", "login_type": "password", "super_admin": True}
        elif below == path:
            status, answer = 404, "not found"
        else:
            query = dict(urllib.parse.parse_qsl(parts.query))
            body = _form(text, str(self.headers["Content-Type"])) if b"form-data; name=" in text[:400] else _json(text)
            status, answer = self.recorded.answer(method, below, query, body)
        self._send(status, answer)

    def _send(self, status: int, answer: Any) -> None:
        is_text = isinstance(answer, str)
        data = answer if isinstance(answer, bytes) else (answer if is_text else json.dumps(answer)).encode()
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
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + text)
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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    recorded.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield recorded
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
