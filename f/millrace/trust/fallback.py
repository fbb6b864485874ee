# requirements:

"""What a run that got stuck twice does another way; its steps look here."""

from typing import Any

from f.millrace.core import db
from f.millrace.telemetry import runs


def store(run_id: str, other: dict[str, Any]) -> None:
    """Have the run go another way: `model`, `skip_sources`."""
    runs.keep(run_id, {"alternative": other})


def options_of(run_id: str) -> dict[str, Any]:
    """Return what this run does another way; empty for a run that never got stuck twice."""
    if not run_id:
        return {}
    row = db.fetch_one("SELECT pipeline -> 'alternative' AS other FROM run WHERE id = %s", [run_id])
    return (row and row["other"]) or {}
