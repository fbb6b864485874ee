"""Pins with the hashes of their files, for what is installed outside of Windmill: the environment
of a checkout, and the exporter's container.

Windmill's own installer takes `name==version` and no hash, one package at a time; there the lock is
what holds.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from f.millrace.core.errors import BadInput
from scripts.compiler.problems import Problem

# The pins, and the same ones with hashes.
FILES = {
    "scripts/requirements.txt": "scripts/requirements.hashes.txt",
    "dependencies/millrace_metrics.requirements.in": "scripts/observability/exporter.hashes.txt",
}
PIN = re.compile(r"^([A-Za-z0-9][\w.\-]*==[^\s;\\]+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
LOWEST_PYTHON = "3.11"
WRITE = "run scripts/millrace locks upgrade"


def write(root: Path) -> list[str]:
    """Ask the index for the hashes of each pin, where the pins changed; return the paths."""
    changed = []
    for pinned, hashed in FILES.items():
        if (root / hashed).exists() and _difference(root, pinned, hashed):
            (root / hashed).write_text(_generate(root / pinned), encoding="utf-8")
            changed.append(hashed)
    return changed


def check(root: Path) -> list[Problem]:
    """Return which files with hashes do not hold the pins that they belong to."""
    return [
        Problem(hashed, 1, f"{told}; {WRITE}")
        for pinned, hashed in FILES.items()
        if (root / hashed).exists() and (told := _difference(root, pinned, hashed))
    ]


def _difference(root: Path, pinned: str, hashed: str) -> str:
    """Return in words how two files differ; empty when they do not."""
    wanted = set(PIN.findall((root / pinned).read_text(encoding="utf-8")))
    text = (root / hashed).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    found = {name for entry in entries for name in PIN.findall(entry) if HASH.search(entry)}
    if found == wanted:
        return ""
    odd = sorted(found ^ wanted)
    return f"has no hashes for the pins of {pinned}, e.g. {odd[0]}"


def _generate(pinned: Path) -> str:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise BadInput("uv is not installed; scripts/setup installs it")
    command = [uv, "pip", "compile", "-q", "--no-header", "--no-annotate", "--no-deps"]
    command += ["--generate-hashes", "--python-version", LOWEST_PYTHON, str(pinned)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadInput(f"uv found no hashes for {pinned.name}:\n{done.stderr.strip()}")
    return done.stdout
