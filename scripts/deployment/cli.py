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
    """Return the program: WMILL, or `wmill` of the PATH when it is the tried release, or the pinned package from npm."""
    named = os.environ.get("WMILL")
    if named:
        found = shutil.which(named)
        if not found:
            raise DeployFailed(f"WMILL is {named!r}, which is no program")
        return Path(found)
    on_path = shutil.which("wmill")
    return Path(on_path) if on_path and _is_tried(on_path) else _installed()


def _is_tried(program: str) -> bool:
    release = PACKAGE.partition("@")[2].rpartition(".")[0]
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=INSTALL_SECONDS)
    return f"version: {release}." in done.stdout


def _installed() -> Path:
    home = cache() / PACKAGE.replace("@", "-")
    program = home / "node_modules" / ".bin" / "wmill"
    npm = shutil.which("npm")
    if not npm:
        raise DeployFailed(
            f"the wmill command line is missing, and so is npm: install Node.js 20 or later, or `npm install -g {PACKAGE}` "
            "elsewhere and set WMILL to the program"
        )
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _install(npm, home)
    if not program.exists():
        raise DeployFailed(f"{PACKAGE} has no program wmill in {home}; remove that folder and try again")
    return program


def _install(npm: str, home: Path) -> None:
    done = subprocess.run(
        [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), PACKAGE],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode != 0:
        raise DeployFailed(f"npm could not install {PACKAGE}: {_tail(done)}")


def push(folder: Path, server: Server, message: str) -> str:
    """Push the folder's bundle, deleting nothing on the server; return what the CLI printed."""
    apps.skip_package_install(folder)
    return _sync(folder, server, ["--yes", "--keep-deleted", "--skip-branch-validation", "--message", message])


def dry_run(folder: Path, server: Server) -> str:
    """Return what the CLI itself would push."""
    return _sync(folder, server, ["--dry-run", "--keep-deleted", "--skip-branch-validation"])


def _sync(folder: Path, server: Server, arguments: list[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="millrace-wmill-") as config:
        _write_profile(Path(config), server)
        done = subprocess.run(
            [str(wmill()), "sync", "push", *arguments, "--workspace", PROFILE, "--config-dir", config],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PUSH_SECONDS,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1", "CI": "true"},
        )
    if done.returncode != 0:
        raise DeployFailed(f"wmill sync push failed:\n{_tail(done).replace(server.token, '***')}")
    return done.stdout


def _write_profile(config: Path, server: Server) -> None:
    # A file that only this user can read: every user of the machine can read a command line.
    profile = {"remote": server.base_url + "/", "workspaceId": server.workspace, "name": PROFILE, "token": server.token}
    file = config / "windmill" / "remotes.ndjson"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(json.dumps(profile) + "\n")


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + "\n" + done.stderr)
    return "\n".join([line for line in text.splitlines() if line.strip()][-12:])
