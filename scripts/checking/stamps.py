"""What was found in order, so that it is not checked again until it, or what checks it, changes.

A stamp is a hash of all that a check reads.
On CI (variable CI) there are none: everything is checked.
"""

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

FOLDER = ".millrace/checked"


def file_hashes(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Return the hash of each file's content, by its path in the repository."""
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
    }


def combine(*parts: str) -> str:
    """Return one stamp of several."""
    return sha256("\0".join(parts).encode()).hexdigest()


def read(root: Path, tool: str) -> dict[str, str]:
    """Return the stamps that the tool's last run left, by name; none on CI."""
    path = root / FOLDER / f"{tool}.json"
    if os.environ.get("CI") or not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # cut off while it was written
        return {}


def write(root: Path, tool: str, stamps: dict[str, str]) -> None:
    """Keep the stamps of what is in order."""
    path = root / FOLDER / f"{tool}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stamps), encoding="utf-8")
