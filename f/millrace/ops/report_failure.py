# no_postinstall
# requirements: millrace_core

"""Report a failure.

A step of a flow gave up: the run says so, and the operator gets one mail. One iteration of a loop
that gave up is noted: whether the run has failed decides what holds the loop.

scripts/millrace step ops/report_failure message="the disk is full"
"""

from typing import Any

from f.millrace.core import ids, redaction, run_context
from f.millrace.ops import notices
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import audit


def main(
    message: str = "",
    name: str = "",
    step_id: str = "",
    run_id: str = "",
    error: dict | None = None,
) -> dict:
    """Report the failure.

    Args:
        message: What went wrong, in words.
        name: The kind of fault.
        step_id: The step that gave up.
        run_id: The run; empty means the flow that this step belongs to.
        error: The fault as the flow gives it, instead of the three above.
    """
    fault: dict[str, Any] = error or {}
    message = redaction.redact(
        str(message or fault.get("message") or "a step gave up without a message")
    )[:2000]
    step_id = str(step_id or fault.get("step_id") or "")
    name = str(name or fault.get("name") or "")
    with spans.step("ops.report_failure", run_id or None, failed_step=step_id):
        run_id = run_context.current().run_id
        said = f"{step_id}: {message}" if step_id else message
        events.emit("error", said, step_id=step_id, name=name)
        answer = {"run_id": run_id, "step_id": step_id, "message": message}
        if run_context.is_in_iteration():
            # Windmill starts this for each of them, also where the loop goes on without.
            return {**answer, "mailed": False}
        changed = runs.fail(run_id, said)
        if changed:
            audit.append(
                "millrace",
                "run.failed",
                run_context.current().flow,
                run_id,
                step_id=step_id,
                name=name,
                message=ids.digest_of(message),
            )
        return {**answer, "mailed": _tell(run_id, step_id, message)}


def _tell(run_id: str, step_id: str, message: str) -> bool:
    subject = f"Millrace: {run_context.current().flow} failed at {step_id or 'a step'}"
    text = (
        f"{message}\n\nRun {run_id}\n\n  scripts/millrace show {run_id}\n  scripts/millrace resume"
        f" {run_id}\n"
    )
    return notices.tell_operator(f"failed:{step_id}", run_id, subject, text, "a run failed")
