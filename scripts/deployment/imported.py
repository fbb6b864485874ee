"""Which edits on the server were brought into Git: an import notes them here, and a push over them
takes nothing away.
"""

import json
from pathlib import Path

from scripts.deployment import record

FILE = ".millrace/imported.json"


def note(root: Path, path: str, text: str) -> None:
    """Keep that the flow at `path` was imported as the server had it:
    `text`, in the form that the plan compares.
    """
    file = root / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        json.dumps({**_read(root), path: record.digest(text)}, indent=0, sort_keys=True),
        encoding="utf-8",
    )


def is_known(root: Path, path: str, text: str) -> bool:
    """Tell whether what the server has now is what was imported last."""
    return _read(root).get(path) == record.digest(text)


def _read(root: Path) -> dict[str, str]:
    try:
        known = json.loads((root / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
