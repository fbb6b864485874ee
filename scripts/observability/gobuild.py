"""A server of the Go world, built once from its module into the cache: pinned by the module's sum,
and by that its go.sum.
"""

import fcntl
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from f.millrace.core.errors import MillraceError
from scripts.deployment.cli import cache

BUILD_SECONDS = 3600


class NoProgram(MillraceError):
    """A program that is only needed to try something out is not here, and why."""


@dataclass(frozen=True)
class Source:
    """A module at a version, with the sums of itself and of its go.mod, and the command in it."""

    name: str
    module: str
    version: str
    sum: str
    mod_sum: str
    command: str
    replace: str = ""

    @property
    def sums(self) -> str:
        """The lines of go.sum for the module itself."""
        return (
            f"{self.module} v{self.version} {self.sum}\n{self.module} v{self.version}/go.mod"
            f" {self.mod_sum}\n"
        )


def build_program(source: Source) -> Path:
    """Return the program, built at the first call (minutes); NoProgram says what is missing."""
    home = cache() / f"{source.name}-{source.version}"
    program = home / source.name
    if program.exists():
        return program
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not Path(go).exists():
        raise NoProgram(
            f"{source.name} is built from source, and Go 1.24 or later is not installed"
        )
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(go, home, source)
    return program


def _build(go: str, home: Path, source: Source) -> None:
    for name in ("go.mod", "go.sum"):
        (home / name).unlink(missing_ok=True)
    required = f"{source.module}@v{source.version}"
    _go(source, go, home, "mod", "init", f"millrace.local/{source.name}")
    _go(
        source,
        go,
        home,
        "mod",
        "edit",
        f"-require={required}",
        *([f"-replace={source.replace}"] if source.replace else []),
    )
    (home / "go.sum").write_text(source.sums)
    module = json.loads(_go(source, go, home, "mod", "download", "-json", required))
    (home / "go.sum").write_text(source.sums + (Path(module["Dir"]) / "go.sum").read_text())
    part = f"{source.name}.part"
    _go(
        source,
        go,
        home,
        "build",
        "-mod=mod",
        "-trimpath",
        "-ldflags=-s -w",
        "-o",
        part,
        f"{source.module}/{source.command}",
    )
    (home / part).rename(home / source.name)


def _go(source: Source, go: str, home: Path, *arguments: str) -> str:
    # All sums are here: no question to a server of sums is needed.
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOSUMDB": "off",
        "GOFLAGS": "",
        "GOWORK": "off",
    }
    done = subprocess.run(
        [go, *arguments],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        env=environment,
    )
    if done.returncode:
        raise NoProgram(
            f"`go {arguments[0]}` failed for {source.name} {source.version}:"
            f" {done.stderr.strip()[-500:]}"
        )
    return done.stdout
