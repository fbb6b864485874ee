"""The tools that look at the repository, each with what it reads."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.checking import stamps, types

# What no tool reads: it is made here, or fetched.
UNREAD = {".git", ".millrace", "__pycache__", "node_modules", ".ruff_cache", ".pytest_cache"}
UNREAD |= {".hypothesis", "dist"}


@dataclass(frozen=True)
class Outcome:
    """What a tool says: its mistakes, as it prints them, and in short what it looked at."""

    mistakes: str
    looked_at: str = ""


@dataclass(frozen=True)
class Tool:
    """One tool, by the name under which its mistakes are told."""

    name: str
    run: Callable[[Path], Outcome]


def python(*arguments: str) -> list[str]:
    """Return a command of this environment's Python."""
    return [sys.executable, *arguments]


def _program(command: list[str]) -> Callable[[Path], Outcome]:
    def run(root: Path) -> Outcome:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        said = f"{done.stdout}{done.stderr}".strip()
        return Outcome(
            "" if done.returncode == 0 else said or f"{command} ended with {done.returncode}"
        )

    return run


def when_changed(name: str, command: list[str]) -> Callable[[Path], Outcome]:
    """Run a command unless every file, and the environment, is as it was when it was content."""

    def run(root: Path) -> Outcome:
        hashes = stamps.file_hashes(root, _files(root))
        now = {"all": stamps.combine(sys.version, *command, *hashes, *hashes.values())}
        if stamps.read(root, name) == now:
            return Outcome("", "nothing changed")
        outcome = _program(command)(root)
        stamps.write(root, name, {} if outcome.mistakes else now)
        return outcome

    return run


def _types(root: Path) -> Outcome:
    mistakes, looked_at = types.check(root)
    return Outcome("\n".join(mistakes), looked_at)


def _files(root: Path) -> Iterator[Path]:
    for path in root.iterdir():
        if path.name in UNREAD:
            continue
        yield from _files(path) if path.is_dir() and not path.is_symlink() else [path]


# ruff keeps a cache of its own.
TOOLS = (
    Tool("lint", _program(python("-m", "ruff", "check", "--quiet", "."))),
    Tool("format", _program(python("-m", "ruff", "format", "--quiet", "--check", "."))),
    Tool("types", _types),
    Tool("dead", when_changed("dead", python("-m", "scripts.checking.dead_code"))),
    Tool("complex", when_changed("complex", python("-m", "scripts.checking.complexity"))),
    Tool("bundle", when_changed("bundle", python("-m", "scripts.commands", "check"))),
)
