# no_postinstall
# requirements: millrace_core

"""Export and tidy traces.

Sends the traces that are left to the collector,
closes what dead steps left open, deletes what is old.

scripts/millrace step ops/export_traces
"""

from f.millrace.telemetry import export, logs, recorder, upkeep


def main(limit: int = 200) -> dict:
    """Send, close, delete. It makes no run of its own:
    telemetry about telemetry would fill the store.

    Args:
        limit: Send at most this many runs.
    """
    killed = recorder.close_killed()
    sent = export.export_runs(limit)
    if sent.fault:
        logs.structured_log("warning", sent.fault, {"runs_sent": sent.runs}, ["traces"])
    return {
        "runs": sent.runs,
        "spans": sent.spans,
        "left_out": sent.left_out,
        "fault": sent.fault,
        "closed_as_killed": killed,
        "deleted": upkeep.prune(),
    }
