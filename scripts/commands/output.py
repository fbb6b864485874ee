"""How values are printed."""

import contextlib
import json
from pathlib import Path
from typing import Any

from scripts.paths import ROOT


def relative(path: str | Path) -> str:
    """Return a path as a person would type it from the checkout."""
    with contextlib.suppress(ValueError):
        return str(Path(path).resolve().relative_to(ROOT))
    return str(path)


def dump(value: Any) -> str:
    """Return JSON as the command line prints it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
