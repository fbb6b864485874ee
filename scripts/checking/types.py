"""Types: basedpyright over the files that a change can have touched.

That is each file that changed, and each that imports it, directly or through others.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.checking import stamps
from scripts.compiler.sources import Module, python_files

FOLDERS = ("f", "scripts")
# What decides besides the files: the checker and its rules, and the libraries whose types they use.
RULES = ("pyproject.toml", "scripts/requirements.txt")


def check(root: Path) -> tuple[list[str], str]:
    """Return the mistakes, and what was checked."""
    now = current_stamps(root)
    known = stamps.read(root, "types")
    changed = [path for path, stamp in now.items() if known.get(path) != stamp]
    if not changed:
        return [], f"{len(now)} files are as they were"
    # All of them by what pyproject.toml includes: a list would be too long for a command line.
    found = _run(root, [] if len(changed) == len(now) else changed)
    wrong = {_path(root, each) for each in found}
    stamps.write(root, "types", {path: now[path] for path in now if path not in wrong})
    return [_line(root, each) for each in found], f"{len(changed)} of {len(now)} files"


def current_stamps(root: Path) -> dict[str, str]:
    """Return the stamp of each file: of its text, and of the texts that it imports."""
    modules = {module.dotted: module for module in python_files(root, *FOLDERS)}
    hashes = stamps.file_hashes(root, [root / module.path for module in modules.values()])
    rules = [*stamps.file_hashes(root, [root / name for name in RULES]).values(), sys.version]
    imported = {name: _imported(module, modules) for name, module in modules.items()}
    made = {}
    for name, module in modules.items():
        reached = _reached(name, imported)
        texts = sorted(hashes[modules[each].path] for each in reached)
        made[module.path] = stamps.combine(module.path, hashes[module.path], *texts, *rules)
    return made


def _imported(module: Module, modules: dict[str, Module]) -> set[str]:
    names = {
        dotted
        for item in module.imports
        for dotted in (item.module, *(f"{item.module}.{name}" for name in item.names))
    }
    return names & modules.keys()


def _reached(start: str, imported: dict[str, set[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        fresh = imported[waiting.pop()] - seen
        seen |= fresh
        waiting += fresh
    return seen


def _run(root: Path, files: list[str]) -> list[dict[str, Any]]:
    program = Path(sys.executable).with_name("basedpyright")
    done = subprocess.run(
        [str(program), "--outputjson", "--pythonpath", sys.executable, *files],
        cwd=root,
        capture_output=True,
        text=True,
    )
    try:
        return json.loads(done.stdout)["generalDiagnostics"]
    except (ValueError, KeyError):
        raise RuntimeError(f"basedpyright failed: {done.stdout}{done.stderr}") from None


def _path(root: Path, found: dict[str, Any]) -> str:
    path = Path(found["file"])
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else found["file"]


def _line(root: Path, found: dict[str, Any]) -> str:
    start = found.get("range", {}).get("start", {"line": 0, "character": 0})
    rule = f" ({found['rule']})" if "rule" in found else ""
    return (
        f"{_path(root, found)}:{start['line'] + 1}:{start['character'] + 1}:"
        f" {found['severity']}: {found['message']}{rule}"
    )
