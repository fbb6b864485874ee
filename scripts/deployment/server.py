"""The Windmill server that is deployed to: the few calls of its API that a deployment needs, with
faults in words.
"""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from f.millrace.core.errors import BadInput, MillraceError

SECONDS = 30
POLL_SECONDS = 0.5
PER_PAGE = 1000
# What a worker writes into a job's log when uv installs a package, and the causes that uv names.
FAILED_INSTALLATION = re.compile(
    r"Error while installing (?P<package>\S+?): *\nStderr:\n(?P<report>[\s\S]*?)\n\nStdout:"
)
CAUSE = re.compile(r"(?m)^ *(?:×|[├╰]─▶) (.+)$")
CERTIFICATES = (
    "; set NATIVE_CERT=true in the environment of the workers, so that they trust the certificates"
    " of the machine"
)


class DeployFailed(MillraceError):
    """The server or the CLI refused; the message says what and how to go on."""


class NotFound(DeployFailed):
    """The server does not know the path."""


class InvalidToken(DeployFailed):
    """The server does not know the token, for this workspace or at all."""


class Server:
    """One workspace of one Windmill server, seen with one token."""

    def __init__(self, base_url: str, workspace: str, token: str) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(
                f"--base-url {base_url!r} is not an address like https://windmill.example.org"
            )
        self.base_url = base_url.rstrip("/")
        self.workspace = workspace
        self.token = token

    def version(self) -> str:
        """Return the server's version, e.g. `CE v1.788.0`."""
        return str(self._request("GET", "/api/version")).strip()

    def user(self) -> dict[str, Any]:
        """Return who the token belongs to in the workspace."""
        return self.get("users/whoami")

    def token_is_known(self) -> bool:
        """Tell whether the server knows the token in any workspace."""
        try:
            self._request("GET", "/api/users/whoami")
        except InvalidToken:
            return False
        return True

    def workspace_exists(self) -> bool:
        """Tell whether the server has the workspace."""
        return bool(self._request("POST", "/api/workspaces/exists", {"id": self.workspace}))

    def workspaces(self) -> list[str]:
        """Return the ids of the workspaces that the token's user is in."""
        return [str(row["id"]) for row in self._request("GET", "/api/workspaces/list")]

    def workers(self) -> list[dict[str, Any]]:
        """Return the workers of the last minutes;
        none when the server does not show them to this user.
        """
        try:
            return list(self._request("GET", f"/api/workers/list?per_page={PER_PAGE}"))
        except InvalidToken:  # a token of one workspace only
            return []

    def get(self, path: str, missing: Any = None) -> Any:
        """Return the answer of a GET below the workspace; `missing`,
        when given, stands for an unknown path.
        """
        try:
            return self._request("GET", self._below(path))
        except NotFound:
            if missing is None:
                raise
            return missing

    def post(self, path: str, body: Any = None) -> Any:
        """Return the answer of a POST below the workspace."""
        return self._request("POST", self._below(path), body if body is not None else {})

    def delete(self, path: str) -> Any:
        """Return the answer of a DELETE below the workspace."""
        return self._request("DELETE", self._below(path))

    def pages(self, path: str) -> list[dict[str, Any]]:
        """Return every row of a list, page after page."""
        rows: list[dict[str, Any]] = []
        joint = "&" if "?" in path else "?"
        for page in range(1, 1000):
            answer = self.get(f"{path}{joint}per_page={PER_PAGE}&page={page}")
            rows += answer
            if len(answer) < PER_PAGE:
                break
        return rows

    def run_script(self, path: str, arguments: dict[str, Any], seconds: float) -> Any:
        """Run a script, wait for it, and return its result;
        DeployFailed with the job's error when it failed.
        """
        job = str(self.post(f"jobs/run/p/{path}", arguments)).strip().strip('"')
        return self.wait(job, path, seconds)

    def wait(self, job: str, name: str, seconds: float) -> Any:
        """Return a job's result when it has ended; DeployFailed with its error when it failed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.get(f"jobs_u/completed/get_result_maybe/{job}")
            if state.get("completed"):
                if state.get("success"):
                    return state.get("result")
                message = _message(state.get("result")) + self._installation_failure(job)
                raise DeployFailed(f"{name} failed: {message} (job {job})")
            time.sleep(POLL_SECONDS)
        raise DeployFailed(
            f"{name} has not ended after {seconds:.0f} s (job {job}); is a worker running?"
        )

    def _installation_failure(self, job: str) -> str:
        """Return why a worker could not install a package, as the job's log says; else nothing."""
        found = FAILED_INSTALLATION.search(str(self.get(f"jobs_u/get_logs/{job}")))
        if found is None:
            return ""
        reasons = CAUSE.findall(found["report"]) or [found["report"].strip()]
        advice = CERTIFICATES if "UnknownIssuer" in found["report"] else ""
        return f": {found['package']} could not be installed: {': '.join(reasons)}{advice}"

    def _below(self, path: str) -> str:
        return f"/api/w/{urllib.parse.quote(self.workspace)}/{path}"

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.base_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                text = response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(method, path, error) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise DeployFailed(
                f"no Windmill answers at {self.base_url} ({reason}); is it started?"
            ) from None
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    def _refusal(self, method: str, path: str, error: urllib.error.HTTPError) -> DeployFailed:
        said = error.read().decode(errors="replace").strip()[:300]
        if error.code == 403 or "write permission" in said or "row-level security" in said:
            return DeployFailed(f"the token's user may not {method} {path}: {said}")
        if error.code == 401:
            return InvalidToken(
                f"{self.base_url} does not accept the token (wrong, expired, or of another"
                " workspace); make a new one in the UI under Account settings, Tokens"
            )
        fault = NotFound if error.code == 404 else DeployFailed
        return fault(f"{self.base_url} answered {error.code} to {method} {path}: {said}")


def _message(result: Any) -> str:
    if isinstance(result, dict) and isinstance(result.get("error"), dict):
        return str(result["error"].get("message", result["error"]))
    return str(result)
