# no_postinstall
# requirements: millrace_digest

"""Close the run.

Its result says how it ended, what it cost, and shows the digest.

scripts/millrace step research/close run_id=RUN
"""

from f.millrace.core import db, money
from f.millrace.research import digest_markdown, result
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import audit, decisions, markdown, spend


def main(run_id: str) -> dict:
    """Close the run.

    Args:
        run_id: The run whose digests are delivered.
    """
    with spans.step("research.close", run_id) as span:
        small = result.small_result(run_id)
        problems = _problems(run_id, small)
        status = "partly_failed" if problems else "done"
        cost = spend.run_cost_usd(run_id)
        small |= {
            "status": status,
            "problems": problems,
            "wm_labels": digest_markdown.labels(small, status, cost),
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
        return markdown.as_page(small, digest_markdown.page_of_run(run_id, small))


def _problems(run_id: str, small: dict) -> list[str]:
    problems = [
        f"source {source['name']}: {source['error']}"
        for source in small["sources"]
        if source["status"] == "failed"
    ]
    unresearched = db.fetch_all(
        "SELECT t.title FROM topic t WHERE t.run_id = %s AND NOT EXISTS (SELECT 1 FROM"
        " research_result r WHERE r.run_id = t.run_id AND r.topic_id = t.id) ORDER BY t.rank",
        [run_id],
    )
    problems += [f"topic {row['title']!r} was not researched" for row in unresearched]
    problems += [
        f"mail to {one['recipient']} {one['status']}"
        for one in small["deliveries"]
        if one["status"] in ("failed", "unknown")
    ]
    return problems
