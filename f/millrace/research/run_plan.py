# requirements:

"""What `open` decided about a run, kept with the run, so that every later step finds it by the
run's id.
"""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from f.millrace.core import contracts, db, errors
from f.millrace.research import time_windows

FLOW = "daily_research"


class RunPlan(contracts.Contract):
    """Who gets what from this run."""

    flow: str = FLOW
    edition: str = "daily"
    namespace: str = "main"
    day: date
    timezone: str = "UTC"
    number: int = 1
    decision: str = Field(
        default="run", description="run, catch_up, too_late, already_done or nothing."
    )
    reason: str = ""
    scheduled_for: datetime
    scheduled: bool = Field(
        default=False, description="Whether a schedule started it, and not a person."
    )
    sources: list[str] = Field(default_factory=list)
    recipients: list[str] = Field(default_factory=list)
    interests: list[str] = Field(default_factory=list)
    windows: list[time_windows.Window] = Field(default_factory=list)
    until: datetime | None = Field(
        default=None, description="Up to when items count; set once they are read."
    )
    same_as: str = Field(default="", description="The run whose digest is there already.")

    @property
    def skip(self) -> bool:
        """Whether the run ends here."""
        return self.decision not in ("run", "catch_up")

    @property
    def lasting(self) -> str:
        """The namespace whose deliveries and recipients count: a dry run looks at the real one."""
        if not self.namespace.startswith("dry-"):
            return self.namespace
        return "sample" if self.edition == "sample" else "main"


def load(run_id: str) -> RunPlan:
    """Return what was decided about the run; NotFound when it was never opened."""
    row = db.fetch_one("SELECT pipeline -> 'opened' AS opened FROM run WHERE id = %s", [run_id])
    if row is None or row["opened"] is None:
        raise errors.NotFound(f"run {run_id} has no opening; its first step is research/open")
    return RunPlan.model_validate(row["opened"])


def keep(run_id: str, opened: RunPlan, **columns: Any) -> None:
    """Store the opening with the run."""
    names = "".join(f", {name} = %s" for name in columns)
    db.execute(
        f"UPDATE run SET pipeline = pipeline || %s{names} WHERE id = %s",
        [db.jsonb({"opened": opened.model_dump(mode="json")}), *columns.values(), run_id],
    )
