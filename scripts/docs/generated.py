"""The pages for readers and their pictures, as far as the code knows them.

scripts/millrace docs write
"""

from collections.abc import Mapping
from pathlib import Path

from scripts.docs import (
    architecture,
    command_line,
    flow_language,
    metrics,
    readme,
    settings,
    tables,
)

PAGES = (architecture, command_line, flow_language, metrics, settings, tables)


def expected(root: Path) -> dict[str, str]:
    """Return the text of every page and picture, by its path."""
    return readme.expected(root) | {page.FILE: page.text(root) for page in PAGES}


def write(root: Path, texts: Mapping[str, str] | None = None) -> list[str]:
    """Write what changed, of all pages or of these, and return the paths."""
    wanted = expected(root) if texts is None else texts
    changed = [path for path, text in wanted.items() if _read(root / path) != text]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(wanted[path], encoding="utf-8")
    return changed


def check(root: Path) -> list[str]:
    """Return a line for each page that has drifted from what it is generated from."""
    return [
        f"{path} has drifted; run scripts/millrace docs write"
        for path, text in expected(root).items()
        if _read(root / path) != text
    ]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
