# requirements:

"""What models failed at, as rows: the run, its digest, `health` and `alerts` read it here.

Light, so that a step that only tells needs no library of models.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from f.millrace.core import db, redaction, run_context

if TYPE_CHECKING:
    from f.millrace.core import rows
    from f.millrace.models import faults

    class RunFault(TypedDict):
        """A fault of a run: the agents that met it, and how often."""

        model: str
        reason: str
        next_step: str
        kind: str
        lasting: bool
        n: int
        agents: list[str]


ALERT = "ModelFailed"
OFFLINE = "offline"
# The agent of the question whether a model can be used (models/check).
CHECK = "model_check"
# A fault stands until the model has answered again; one of yesterday says nothing about today.
STANDING = """
SELECT f.* FROM model_fault f
WHERE f.model = %s AND f.at > clock_timestamp() - interval '1 day' AND NOT EXISTS (
    SELECT FROM usage u
    WHERE u.model = f.model AND u.response IS NOT NULL AND u.settled_at > f.at
)
ORDER BY f.at DESC LIMIT 1
"""


def note_fault(agent: str, model: str, fault: faults.Fault) -> None:
    """Record that a model failed, and raise an alert until it has answered again."""
    # a step that only reads what failed tells nobody
    from f.millrace.telemetry import alerts, events

    context = run_context.current()
    db.execute(
        "INSERT INTO model_fault (run_id, step, agent, model, kind, reason, next_step, lasting)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            context.run_id or None,
            context.step,
            agent,
            model,
            fault.kind,
            redaction.redact(fault.reason),
            redaction.redact(fault.step),
            fault.lasting,
        ],
    )
    severity = "critical" if fault.lasting else "warning"
    alerts.raise_alert(ALERT, severity, "run", f"{model} failed: {fault}", _labels(model))
    events.emit("error", f"{model} failed: {fault}", agent=agent, model=model, fault=fault.kind)


def note_answer(model: str) -> None:
    """End the alert about a model: it has answered."""
    if model != OFFLINE:
        from f.millrace.telemetry import alerts

        alerts.resolve(ALERT, _labels(model))


def of_run(run_id: str, mended: bool = True) -> list[RunFault]:
    """Return the different faults of a run, the first first: model, reason, next_step, kind,
    lasting, agents and how often (n). `mended`: also those after which the model has answered.
    """
    return db.fetch_all(
        "SELECT model, reason, next_step, kind, lasting, count(*) AS n, array_agg(DISTINCT agent"
        " ORDER BY agent) AS agents FROM model_fault f WHERE run_id = %s AND NOT EXISTS (SELECT"
        " FROM usage u WHERE u.run_id = f.run_id AND u.model = f.model AND u.response IS NOT NULL"
        " AND u.settled_at > f.at AND (f.agent = %s OR NOT %s)) GROUP BY model, reason, next_step,"
        " kind, lasting ORDER BY min(id)",
        [run_id, CHECK, mended],
    )


def find_standing(model: str) -> rows.ModelFault | None:
    """Return the latest fault of the last day that no answer has followed."""
    return db.fetch_one(STANDING, [model])


def has_answered_since(model: str, moment: datetime) -> bool:
    """Tell whether the model has answered since then."""
    found = db.fetch_one(
        "SELECT 1 FROM usage WHERE model = %s AND response IS NOT NULL AND settled_at >= %s"
        " LIMIT 1",
        [model, moment],
    )
    return found is not None


def describe(row: RunFault | rows.ModelFault) -> str:
    """Return a fault in one line: what happened, and the next step."""
    return f"{row['model']} failed: {row['reason']}" + (
        f"; {row['next_step']}" if row["next_step"] else ""
    )


def _labels(model: str) -> dict[str, str]:
    return {"part": "model", "model": model}
