"""Structured logs: one JSON object a line, with run, step and trace; words in a terminal."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from f.millrace.core.config import LEVELS, settings
from f.millrace.core.errors import BadInput
from f.millrace.core.redaction import redact
from f.millrace.core.run_context import current, now
from f.millrace.telemetry.spans import span_id


def structured_log(level: str, message: str, context: dict[str, Any] | None = None, tags: Sequence[str] = ()) -> None:
    """Write one line to standard error; nothing below the setting `log_level`. BadInput for a level that is none."""
    if level not in LEVELS:
        raise BadInput(f"there is no log level {level!r}; there are {', '.join(LEVELS)}")
    if LEVELS.index(level) < LEVELS.index(settings().log_level):
        return
    place = current()
    line = {
        "at": now().isoformat(),
        "level": level,
        "message": redact(message),
        "run_id": place.run_id,
        "step": place.step,
        "trace_id": place.trace_id,
        "span_id": span_id(),
        "context": redact(context or {}),
        "tags": redact(list(tags)),
    }
    # One write a line: lines of parallel steps do not mix.
    sys.stderr.write((_words(line) if sys.stderr.isatty() else json.dumps(line, ensure_ascii=False, default=_text)) + "\n")
    sys.stderr.flush()


def _text(value: Any) -> str:
    return str(redact(str(value)))


def _words(line: dict[str, Any]) -> str:
    """Return the line as a person reads it."""
    pairs = [f"{name}={value}" for name, value in line["context"].items()]
    parts = [
        line["at"][11:19],
        f"{line['level']:<8}",
        line["step"],
        line["message"],
        *pairs,
        *(f"#{tag}" for tag in line["tags"]),
    ]
    # A message must not move the cursor or begin a line of its own.
    return "".join(char if char.isprintable() else " " for char in "  ".join(filter(None, parts)))
