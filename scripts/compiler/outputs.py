"""Writing generated files without losing what somebody changed in them.

A file is replaced when its text is what was generated here last, or what Git has. Any other text
was changed since, by hand or by `wmill sync pull`, and exists nowhere else.
"""

import hashlib
import json
import os
import subprocess
from pathlib import Path

from f.millrace.core.errors import BadInput
from scripts.compiler.reader import format_list

RECORD = ".millrace/generated.json"


def write(root: Path, texts: dict[str, str], way_out: str, overwrite: bool = False) -> list[str]:
    """Write the files whose text differs and return their paths; BadInput, and nothing written,
    when one was changed.

    `way_out` says in the error how the change is kept; `overwrite` replaces it.
    """
    known = _read(root)
    differing = [name for name, text in texts.items() if _text(root / name) != text]
    present = [
        name
        for name in differing
        if (root / name).exists() and known.get(name) != _digest(_text(root / name))
    ]
    changed = [] if overwrite or not present else _not_in_git(root, present)
    if changed:
        raise BadInput(
            f"changed since {'it was' if len(changed) == 1 else 'they were'} generated:"
            f" {format_list(changed)}; {way_out}, and --overwrite replaces it. Nothing was written"
        )
    for name in differing:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(texts[name], encoding="utf-8")
    current = {**known, **{name: _digest(text) for name, text in texts.items()}}
    if current != known:
        _keep(root, current)
    return differing


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _digest(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()[:16]


def _read(root: Path) -> dict[str, str]:
    try:
        known = json.loads((root / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _keep(root: Path, known: dict[str, str]) -> None:
    file = root / RECORD
    file.parent.mkdir(exist_ok=True)
    # Replaced as a whole: two commands may write at the same time.
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(known, indent=0, sort_keys=True), encoding="utf-8")
    draft.replace(file)


def _not_in_git(root: Path, names: list[str]) -> list[str]:
    """Return the files whose text Git does not have; all of them outside of a checkout."""
    command = [
        "git",
        "status",
        "--porcelain",
        "-z",
        "--untracked-files=all",
        "--ignored",
        "--",
        *names,
    ]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return names
    if done.returncode:
        return names
    prefix = subprocess.run(
        ["git", "rev-parse", "--show-prefix"], cwd=root, capture_output=True, text=True, check=False
    )
    shown = {
        entry[3:].removeprefix(prefix.stdout.strip())
        for entry in done.stdout.split("\0")
        if len(entry) > 3
    }
    return [name for name in names if name in shown]
