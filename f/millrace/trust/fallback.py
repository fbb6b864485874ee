# requirements:

"""What a run that got stuck twice does another way; its steps look here."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db
from f.millrace.telemetry import runs

if TYPE_CHECKING:

    class FallbackOptions(TypedDict, total=False):
        """What a run does another way."""

        model: str
        skip_sources: list[str]


def store(run_id: str, other: FallbackOptions) -> None:
    """Have the run go another way: `model`, `skip_sources`."""
    runs.keep(run_id, {"alternative": other})


def options_of(run_id: str) -> FallbackOptions:
    """Return what this run does another way; empty for a run that never got stuck twice."""
    if not run_id:
        return {}
    row = db.fetch_one("SELECT pipeline -> 'alternative' AS other FROM run WHERE id = %s", [run_id])
    other: FallbackOptions | None = row["other"] if row else None
    return other or {}
