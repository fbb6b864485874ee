# no_postinstall
# requirements: millrace_core

"""Close the run.

Its result is the answer, what became of each call that needed a person, and which tools were
missing.

scripts/millrace step assist/close run_id=RUN
"""

from f.millrace.core import db, money, run_context
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import audit, decisions, markdown, spend

# What of an answer stays in the run's row: its sentences with what they cite, for the console.
DETAILS = "details"
LONGEST_TITLE = 200


def main(run_id: str) -> dict:
    """Close the run.

    Args:
        run_id: The run whose task was done, or whose question was answered.
    """
    with spans.step("assist.close", run_id) as span:
        result = finish(run_id)
        span.set({"millrace.run.status": result["status"]})
        return markdown.as_page(result, _page(result))


def make_details(task: str, findings: list[dict], writer: str) -> dict:
    """Return what of an agent's answer stays in the run's row for the console."""
    return {
        "topic_id": "task",
        "title": task[:LONGEST_TITLE],
        "findings": findings,
        "conflicts": [],
        "confidence": {},
        "written_by": [writer],
    }


def finish(run_id: str) -> dict:
    """End the run with its answer, and return that; a run that has ended stays as it is."""
    row = (
        db.fetch_one("SELECT pipeline -> 'answer' AS answer FROM run WHERE id = %s", [run_id]) or {}
    )
    made = db.fetch_all(
        "SELECT tool, state, outcome FROM action WHERE run_id = %s AND starts_with(key, 'call:')"
        " ORDER BY created_at, key",
        [run_id],
    )
    calls = [
        {"tool": one["tool"], "state": one["state"], "error": (one["outcome"] or {}).get("error")}
        for one in made
    ]
    answer = {name: value for name, value in (row.get("answer") or {}).items() if name != DETAILS}
    failed = answer.get("stopped_because") or any(
        one["state"] in ("failed", "unknown") for one in made
    )
    status = "partly_failed" if failed else "done"
    cost = spend.run_cost_usd(run_id)
    labels = [f"cost:{money.dollars(cost)}", *([status] if status != "done" else [])]
    result = {**answer, "calls": calls, "status": status, "cost_usd": cost, "wm_labels": labels}
    if runs.close(run_id, status, result):
        audit.append(
            "millrace",
            "run.closed",
            run_context.current().flow,
            run_id,
            status=status,
            calls=len(calls),
        )
    if status == "done":
        decisions.close(run_id)
    events.emit("progress", f"Run {status.replace('_', ' ')}", status=status)
    return result


def _page(result: dict) -> str:
    """Return the answer, and what became of the calls that needed a person, as a page."""
    parts = [markdown.paragraphs(str(result.get("text") or "No answer."))]
    if result["calls"]:
        lines = [
            f"- {markdown.one_line(call['tool'])}: {call['state']}"
            + (f". {markdown.one_line(str(call['error']))}" if call["error"] else "")
            for call in result["calls"]
        ]
        parts.append("#### Calls that needed a person\n\n" + "\n".join(lines))
    if result.get("gaps"):
        parts.append(f"#### Tools that were missing: {len(result['gaps'])}")
    if result.get("stopped_because"):
        parts.append(f"Stopped: {markdown.one_line(str(result['stopped_because']))}")
    return "\n\n".join([*parts, f"It cost {money.dollars(result['cost_usd'])}."]) + "\n"
