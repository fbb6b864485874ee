"""How values are printed."""

import contextlib
import json
from pathlib import Path
from typing import Any

from f.millrace.core import visible_text
from scripts.paths import ROOT


def relative(path: str | Path) -> str:
    """Return a path as a person would type it from the checkout."""
    with contextlib.suppress(ValueError):
        return str(Path(path).resolve().relative_to(ROOT))
    return str(path)


def dump(value: Any) -> str:
    """Return JSON as the command line prints it: hidden characters by their number, which is the
    same to who reads it as JSON.
    """
    return escape_json(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def escape_json(text: str) -> str:
    """Return a JSON text with hidden characters by their number."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        char
        if char == "\n" or visible_text.make_characters_visible(char) == char
        else json.dumps(char)[1:-1]
        if char != "\x7f"
        else "\\u007f"
        for char in text
    )
