# no_postinstall
# requirements: millrace_digest

"""Close the run.

Its result says how it ended, what it cost, and shows the digest.

scripts/millrace step research/close run_id=RUN
"""

from __future__ import annotations

from f.millrace.core import money
from f.millrace.digest import findings, run_notices, run_page, run_plan, run_summary
from f.millrace.models import fault_log
from f.millrace.research import postpone
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import audit, decisions, deliveries, markdown, spend


def main(run_id: str) -> dict:
    """Close the run.

    Args:
        run_id: The run whose digests are delivered.
    """
    with spans.step("research.close", run_id) as span:
        small = run_summary.small_result(run_id)
        opened = run_plan.load(run_id)
        refused = deliveries.list_refused_for_now(run_id)
        if refused and postpone.may_wait(run_id, opened):
            said = postpone.postpone(run_id, opened, _format_refused(refused))
            small |= {"status": "waiting", "problems": [said], "wm_labels": ["waiting"]}
            return markdown.as_page(small, run_page.page_of_run(run_id, small))
        postpone.resolve(opened)
        problems = _problems(run_id, small)
        status = "partly_failed" if problems else "done"
        cost = spend.run_cost_usd(run_id)
        small |= {
            "status": status,
            "problems": problems,
            "wm_labels": run_page.labels(small, status, cost),
        }
        if runs.close(run_id, status, small, "; ".join(problems)[:2000] or None):
            audit.append(
                "millrace",
                "run.closed",
                small.get("edition", ""),
                run_id,
                status=status,
                cost_usd=cost,
            )
        decisions.close(run_id)
        events.emit(
            "progress",
            f"Run {status.replace('_', ' ')}, {money.dollars(cost)}",
            status=status,
            cost_usd=cost,
        )
        span.set({"millrace.run.status": status, "millrace.run.cost_usd": float(cost)})
        return markdown.as_page(small, run_page.page_of_run(run_id, small))


def _format_refused(refused: list[deliveries.DeferredMail]) -> str:
    """Return which mails did not go out yet, and why, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for row in refused:
        words = str(row["error"]).replace(f" for {row['recipient']}", "")
        by_reason.setdefault(words, []).append(str(row["recipient"]))
    told = "; ".join(f"{', '.join(to)} ({words})" for words, to in by_reason.items())
    return f"not delivered yet to {told}"


def _problems(run_id: str, small: dict) -> list[str]:
    problems = [
        f"source {source['name']}: {source['error']}"
        for source in small["sources"]
        if source["status"] == "failed"
    ]
    topics = findings.load(run_id).topics
    reasons = run_notices.failures(run_id)
    problems += [
        f"topic {row['title']!r} was not researched"
        + (f": {reasons[row['id']]}" if row["id"] in reasons else "")
        for row, result in topics
        if result is None
    ]
    problems += [
        f"topic {result['title']!r} was left undone: {result['stopped_because']}"
        for result in run_notices.without_money(topics)
    ]
    problems += [fault_log.describe(row) for row in run_notices.model_faults(run_id, topics)]
    problems += [
        f"mail to {one['recipient']} {one['status']}"
        + (f": {one['error']}" if one["error"] else "")
        for one in run_summary.deliveries(run_id)
        if one["status"] in ("failed", "unknown")
    ]
    return problems
