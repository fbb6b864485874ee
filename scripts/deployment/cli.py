"""The real `wmill` command line, found or fetched once, and called for a push."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from scripts.deployment import apps
from scripts.deployment.server import DeployFailed, Server

PACKAGE = "windmill-cli@1.819.0"
PROFILE = "deployment"
INSTALL_SECONDS = 300
PUSH_SECONDS = 600


def cache() -> Path:
    """Return the folder outside the checkout where fetched programs are kept."""
    if os.environ.get("MILLRACE_CACHE"):
        return Path(os.environ["MILLRACE_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "millrace"


def wmill() -> Path:
    """Return the program: WMILL, or `wmill` of the PATH when it is the tried release, or the pinned
    package from npm.
    """
    named = os.environ.get("WMILL")
    if named:
        found = shutil.which(named)
        if not found:
            raise DeployFailed(f"WMILL is {named!r}, which is no program")
        return Path(found)
    on_path = shutil.which("wmill")
    return Path(on_path) if on_path and _is_tried(on_path) else _install_path()


def _is_tried(program: str) -> bool:
    release = PACKAGE.partition("@")[2].rpartition(".")[0]
    done = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    return f"version: {release}." in done.stdout


def _install_path() -> Path:
    home = cache() / PACKAGE.replace("@", "-")
    program = home / "node_modules" / ".bin" / "wmill"
    npm = shutil.which("npm")
    if not npm:
        raise DeployFailed(
            "the wmill command line is missing, and so is npm: install Node.js 20 or later, or"
            f" `npm install -g {PACKAGE}` elsewhere and set WMILL to the program"
        )
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _install(npm, home)
    if not program.exists():
        raise DeployFailed(
            f"{PACKAGE} has no program wmill in {home}; remove that folder and try again"
        )
    return program


def _install(npm: str, home: Path) -> None:
    done = subprocess.run(
        [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), PACKAGE],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode != 0:
        raise DeployFailed(f"npm could not install {PACKAGE}: {_tail(done.stdout + done.stderr)}")


def push(folder: Path, server: Server, message: str) -> str:
    """Push the folder's bundle, deleting nothing on the server; return what the CLI printed."""
    apps.skip_package_install(folder)
    return run(
        folder,
        server,
        "push",
        ["--yes", "--keep-deleted", "--skip-branch-validation", "--message", message],
    )


def dry_run(folder: Path, server: Server) -> str:
    """Return what the CLI itself would push."""
    return run(folder, server, "push", ["--dry-run", "--keep-deleted", "--skip-branch-validation"])


def run(folder: Path, server: Server, verb: str, arguments: list[str]) -> str:
    """Run `wmill sync` with a profile of its own in the folder; return what it printed."""
    with tempfile.TemporaryDirectory(prefix="millrace-wmill-") as config:
        _write_profile(Path(config), server)
        done = subprocess.run(
            [
                str(wmill()),
                "sync",
                verb,
                *arguments,
                "--workspace",
                PROFILE,
                "--config-dir",
                config,
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PUSH_SECONDS,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1", "CI": "true"},
        )
    if done.returncode != 0:
        raise DeployFailed(
            explain(f"{done.stdout}\n{done.stderr}".replace(server.token, "***"), server, verb)
        )
    return done.stdout


# What the CLI prints, mostly as a dump of the answer, and what it means. `{base_url}` and
# `{workspace}` are filled in.
FAILURES = (
    (
        r"Require Admin privileges",
        (
            "only an admin of workspace {workspace!r} may push workspace dependencies"
            " (dependencies/*.requirements.in): use an admin's token, or let an admin deploy once"
        ),
    ),
    (
        r"workers being behind|make sure all workers run at least",
        (
            "a worker is older than Windmill 1.587, which has no workspace dependencies: update the"
            " workers, or stop the old ones and wait 5 minutes"
        ),
    ),
    (
        r"row-level security|have write permission|Missing folder\.meta\.yaml",
        (
            "the token's user may not write the folder f/millrace of workspace {workspace!r}: its"
            " owner or an admin can allow it in the UI under Folders"
        ),
    ),
    (
        r"workspace_id_fkey|Workspace '[^']*' not found|no rows returned",
        "{base_url} has no workspace {workspace!r}: make it in the UI, or correct --workspace",
    ),
    (
        r"Could not connect|ECONNREFUSED|ENOTFOUND|ETIMEDOUT|fetch failed",
        "no Windmill answers at {base_url}: start it, or correct --base-url",
    ),
    (
        r"request tarball from API: 401",
        (
            "{base_url} does not let the token's user into workspace {workspace!r}: correct"
            " --workspace, or let an admin add the user"
        ),
    ),
    (
        r"\b401\b|Unauthorized|Could not authenticate",
        (
            "{base_url} does not accept the token (wrong, expired, or of another workspace): make a"
            " new one in the UI under Account settings, Tokens"
        ),
    ),
    (
        r"(?s)workspace_dependencies.*\b404\b|\b404\b.*workspace_dependencies",
        (
            "the server is too old for workspace dependencies: the bundle needs Windmill 1.587 or"
            " later"
        ),
    ),
    (
        r"exceeds its maximum length",
        "an item is too long for the server's database: shorten its description or path",
    ),
)


def explain(printed: str, server: Server, verb: str = "push") -> str:
    """Return in one sentence what a failed call of the CLI printed;
    its last lines when they are not known.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    for pattern, meaning in FAILURES:
        if re.search(pattern, text):
            return meaning.format(base_url=server.base_url, workspace=server.workspace)
    if "workspace_id does not match" in text:
        return (
            "the server refused the workspace dependencies: the token's user is no admin of the"
            " workspace, or a worker is older than Windmill 1.587"
        )
    return f"wmill sync {verb} failed:\n{_tail(text)}"


def _write_profile(config: Path, server: Server) -> None:
    # A file that only this user can read: every user of the machine can read a command line.
    profile = {
        "remote": server.base_url + "/",
        "workspaceId": server.workspace,
        "name": PROFILE,
        "token": server.token,
    }
    file = config / "windmill" / "remotes.ndjson"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(json.dumps(profile) + "\n")


def _tail(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-12:])
