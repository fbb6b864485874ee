"""Requirements of the steps: short lists in pyproject.toml, pinned files in dependencies/, locks
beside the steps.

scripts/millrace locks upgrade pydantic-ai-slim
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection
from pathlib import Path

from f.millrace.core.errors import BadInput
from scripts.compiler import hashes
from scripts.compiler.problems import Problem
from scripts.compiler.reader import closest, format_list
from scripts.compiler.sources import Module, bundle

FOLDER = "dependencies"
PYTHON = "3.12"
PREFIX = "millrace_"
LOCAL = "local"
LOCAL_FILE = "scripts/requirements.txt"
PIN = re.compile(r"([A-Za-z0-9][\w.\-]*)==(\S+)")
WRITE = "run scripts/millrace metadata write"
UPGRADE = "run scripts/millrace locks upgrade"


def groups(root: Path) -> dict[str, list[str]]:
    """Return the short lists of pyproject.toml; `{core}` in a list stands for that list."""
    tables = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lists = tables.get("tool", {}).get("millrace", {}).get("dependencies", {})

    def whole(name: str, trail: tuple[str, ...] = ()) -> list[str]:
        if name in trail or name not in lists:
            raise BadInput(
                f"pyproject.toml: requirements list {name!r} is unknown or contains itself; lists"
                f" are {format_list(lists)}"
            )
        found = []
        for line in lists[name]:
            other = re.fullmatch(r"\{(\w+)\}", line)
            found += whole(other[1], (*trail, name)) if other else [line]
        return sorted(set(found))

    return {name: whole(name) for name in lists}


def file_of(name: str) -> str:
    """Return a list's pinned file; the local one is for a person's machine, not Windmill."""
    return LOCAL_FILE if name == LOCAL else f"{FOLDER}/{PREFIX}{name}.requirements.in"


def pins(text: str) -> dict[str, str]:
    """Return names and versions of a pinned file."""
    return {
        normal(found[1]): found[2]
        for line in text.splitlines()
        if (found := PIN.fullmatch(line.strip()))
    }


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


def lock_of(root: Path, module: Module) -> str | None:
    """Return a file's lock in the server's form; None when its requirements file is missing."""
    if module.main is None or module.requirements is None:
        return f"# workspace-dependencies-mode: manual\n# py: {PYTHON}\n"
    path = root / FOLDER / f"{module.requirements}.requirements.in"
    if not path.exists():
        return None
    content = path.read_bytes()
    lines = [line for line in content.decode().splitlines() if PIN.fullmatch(line.strip())]
    head = [
        "# workspace-dependencies-mode: manual",
        f"# workspace-dependencies: {module.requirements}:{hashlib.sha256(content).hexdigest()}",
        f"# py: {PYTHON}",
    ]
    return "\n".join(head + sorted(lines, key=lambda line: normal(line)))


def write(root: Path) -> list[str]:
    """Write the lock of every file under f/millrace that has changed; return the paths."""
    changed = []
    for module in bundle(root).modules.values():
        path = root / module.path.replace(".py", ".script.lock")
        lock = lock_of(root, module)
        if lock is not None and (not path.exists() or path.read_text(encoding="utf-8") != lock):
            path.write_text(lock, encoding="utf-8")
            changed.append(path.relative_to(root).as_posix())
    return changed


def check(root: Path) -> list[Problem]:
    """Return what disagrees between the short lists, the pinned files and the locks."""
    problems = []
    for name, wanted in groups(root).items():
        problems += _check_file(root, file_of(name), wanted)
    problems += _check_one_set(root) + hashes.check(root)
    for module in bundle(root).modules.values():
        problems += _check_lock(root, module)
    return problems


def _check_file(root: Path, file: str, wanted: list[str]) -> list[Problem]:
    path = root / file
    if not path.exists():
        return [Problem(file, 1, f"is missing; {UPGRADE}")]
    text = path.read_text(encoding="utf-8")
    problems = [
        Problem(
            file, number, f"{line.strip()!r} is not a pin; every line is name==version; {UPGRADE}"
        )
        for number, line in enumerate(text.splitlines(), 1)
        if not PIN.fullmatch(line.strip())
    ]
    found = pins(text)
    for line in wanted:
        name = normal(line)
        version = re.search(r"==\s*([^\s,;]+)", line)
        if name not in found:
            problems.append(
                Problem(file, 1, f"pins nothing for {line!r} of pyproject.toml; {UPGRADE} {name}")
            )
        elif version and version[1] != found[name]:
            problems.append(
                Problem(
                    file,
                    1,
                    f"pins {name}=={found[name]}, pyproject.toml asks for {line!r}; {UPGRADE}"
                    f" {name}",
                )
            )
    return problems


def _check_one_set(root: Path) -> list[Problem]:
    """Report a package that two files pin to different versions:
    one environment must hold them all.
    """
    seen: dict[str, tuple[str, str]] = {}
    problems = []
    for name in groups(root):
        path = root / file_of(name)
        for package, version in (
            pins(path.read_text(encoding="utf-8")) if path.exists() else {}
        ).items():
            other, where = seen.setdefault(package, (version, file_of(name)))
            if other != version:
                problems.append(
                    Problem(
                        file_of(name),
                        1,
                        f"pins {package}=={version}, but {where} pins {other}; {UPGRADE}",
                    )
                )
    return problems


def _check_lock(root: Path, module: Module) -> list[Problem]:
    file = module.path.replace(".py", ".script.lock")
    lock = lock_of(root, module)
    if lock is None:
        known = sorted(
            path.name.removesuffix(".requirements.in")
            for path in (root / FOLDER).glob("*.requirements.in")
        )
        wanted = str(module.requirements)
        return [
            Problem(
                module.path,
                2,
                f"there is no {FOLDER}/{wanted}.requirements.in{closest(wanted, known)}; there are"
                f" {format_list(known)}",
            )
        ]
    path = root / file
    if not path.exists():
        return [Problem(file, 1, f"is missing; {WRITE}")]
    found = path.read_text(encoding="utf-8")
    if found == lock:
        return []
    pairs = zip(found.split("\n"), lock.split("\n"), strict=False)
    line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 1)
    source = (
        f"{FOLDER}/{module.requirements}.requirements.in"
        if module.requirements
        else "the lock of a library"
    )
    return [Problem(file, line, f"has drifted from {source}; {WRITE}")]


def upgrade(root: Path, names: Collection[str] | None = None) -> list[str]:
    """Resolve the short lists again, all packages or only `names`; write pinned files and locks;
    return the paths.
    """
    lists = groups(root)
    known = set(pins(_old(root, LOCAL)) if LOCAL in lists else {}) | {
        normal(line) for lines in lists.values() for line in lines
    }
    for name in names or ():
        if normal(name) not in known:
            raise BadInput(
                f"no list needs {name!r}{closest(normal(name), known)}; add it to pyproject.toml"
                " first"
            )
    # One resolution for all lists: an environment that holds them all must exist.
    everything = sorted({line for lines in lists.values() for line in lines})
    old = _old(root, LOCAL if LOCAL in lists else next(iter(lists)))
    whole = _resolve(everything, _pins_to_keep(old, names))
    changed = []
    for name, lines in lists.items():
        text = _resolve(lines, whole)
        path = root / file_of(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(file_of(name))
    return changed + hashes.write(root) + write(root)


def _old(root: Path, name: str) -> str:
    path = root / file_of(name)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _pins_to_keep(old: str, names: Collection[str] | None) -> str:
    """Return the pins that must stay: none when everything is upgraded."""
    moving = {normal(name) for name in names or ()}
    return (
        "\n".join(f"{name}=={version}" for name, version in pins(old).items() if name not in moving)
        if names is not None
        else ""
    )


def _resolve(lines: list[str], constraints: str) -> str:
    """Return the pins that uv finds for Windmill's Python, in the server's form."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise BadInput("uv is not installed; scripts/setup installs it")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as limits:
        limits.write(constraints)
        limits.flush()
        command = [
            uv,
            "pip",
            "compile",
            "-q",
            "--no-header",
            "--strip-extras",
            "--no-annotate",
            "--python-version",
            PYTHON,
            "--constraints",
            limits.name,
            "-",
        ]
        done = subprocess.run(
            command, input="\n".join(lines), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise BadInput(f"uv could not resolve {format_list(lines)}:\n{done.stderr.strip()}")
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if PIN.fullmatch(line.strip()))
