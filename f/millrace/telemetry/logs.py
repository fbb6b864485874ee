# requirements:

"""Structured logs: one JSON object a line, with run, step and trace; words in a terminal."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from f.millrace.core import all_settings, config, errors, redaction, run_context
from f.millrace.telemetry import spans


def structured_log(
    level: str, message: str, context: dict[str, Any] | None = None, tags: Sequence[str] = ()
) -> None:
    """Write one line to standard error; nothing below the setting `log_level`. BadInput for a level
    that is none.
    """
    if level not in all_settings.LEVELS:
        raise errors.BadInput(
            f"there is no log level {level!r}; there are {', '.join(all_settings.LEVELS)}"
        )
    if all_settings.LEVELS.index(level) < all_settings.LEVELS.index(config.settings().log_level):
        return
    place = run_context.current()
    line = {
        "at": run_context.now().isoformat(),
        "level": level,
        "message": redaction.redact(message),
        "run_id": place.run_id,
        "step": place.step,
        "trace_id": place.trace_id,
        "span_id": spans.span_id(),
        "context": redaction.redact(context or {}),
        "tags": redaction.redact(list(tags)),
    }
    # One write a line: lines of parallel steps do not mix.
    sys.stderr.write(
        (
            _format_line(line)
            if sys.stderr.isatty()
            else json.dumps(line, ensure_ascii=False, default=_text)
        )
        + "\n"
    )
    sys.stderr.flush()


def _text(value: Any) -> str:
    return str(redaction.redact(str(value)))


def _format_line(line: dict[str, Any]) -> str:
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
