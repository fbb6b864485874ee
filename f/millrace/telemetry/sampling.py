# requirements:

"""Which traces are exported, decided when a run has ended: nothing interesting is missed."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from f.millrace.core import config, db
from f.millrace.telemetry import runs

if TYPE_CHECKING:
    from f.millrace.core import rows

OUT = "out"
NEW_FLOW_DAYS = 14
ADAPTIVE_RATIO = 0.1

INTERESTING = """
SELECT EXISTS (
           SELECT FROM span WHERE trace_id = %(trace)s AND status IN ('error', 'killed')
       ) AS error,
       EXISTS (SELECT FROM action WHERE run_id = %(run)s AND risk = 'high') AS high_risk,
       NOT EXISTS (
           SELECT FROM run WHERE flow = %(flow)s
           AND started_at < %(started)s - make_interval(days => %(days)s)
       ) AS new_flow
"""


def decide(run: rows.Run) -> str:
    """Return why the run's trace is exported (all, error, high_risk, new_flow, ratio), or `out`."""
    rule = config.settings().trace_sampling
    if rule in ("all", "none"):
        return "all" if rule == "all" else OUT
    if rule == "adaptive" and (reason := _interest_reason(run)):
        return reason
    ratio = config.settings().trace_ratio if rule == "ratio" else ADAPTIVE_RATIO
    if rule == "adaptive" and run["flow"].startswith(runs.MAINTENANCE):
        return OUT
    return "ratio" if _is_sampled(run, ratio) else OUT


def is_exported(scope: str, service: str) -> bool:
    """Tell whether spans of that instrumentation scope and service are exported: the setting
    `trace_exclude` names others.
    """
    return not any(
        fnmatch.fnmatchcase(name, pattern)
        for pattern in config.settings().trace_exclude
        for name in (scope, service)
    )


def _interest_reason(run: rows.Run) -> str:
    trace_id = str(run["id"]).replace("-", "")
    values = {
        "trace": trace_id,
        "run": run["id"],
        "flow": run["flow"],
        "started": run["started_at"],
        "days": NEW_FLOW_DAYS,
    }
    row = db.fetch_one(INTERESTING, values)
    assert row is not None
    if run["status"] in ("failed", "killed", "partly_failed") or row["error"]:
        return "error"
    if row["high_risk"]:
        return "high_risk"
    return "new_flow" if row["new_flow"] and not run["flow"].startswith(runs.MAINTENANCE) else ""


def _is_sampled(run: rows.Run, ratio: float) -> bool:
    # The last 56 bits are random in every kind of id; the first ones of Windmill's are a clock.
    return int(str(run["id"]).replace("-", "")[-14:], 16) < ratio * 2**56
