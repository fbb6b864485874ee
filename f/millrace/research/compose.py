# no_postinstall
# requirements: millrace_digest

"""Write the digests.

One for each group of recipients to whom the same is new.

scripts/millrace step research/compose run_id=RUN
"""

from f.millrace.core import db, run_context
from f.millrace.digest import content_loader, digest_mail, run_plan
from f.millrace.models import fault_log
from f.millrace.research import postpone
from f.millrace.telemetry import events, spans


def main(run_id: str) -> dict:
    """Compose the digests.

    Args:
        run_id: The run whose topics were researched.
    """
    with spans.step("research.compose", run_id) as span:
        opened = run_plan.load(run_id)
        fault = _model_fault(run_id)
        if fault and postpone.may_wait(run_id, opened):
            said = postpone.postpone(run_id, opened, fault)
            return {"digests": [], "stop": True, "reason": said, "wm_labels": ["waiting"]}
        digests = [_to_dict(run_id, opened, window) for window in opened.windows]
        span.set(digests=len(digests), bytes=sum(digest["bytes"] for digest in digests))
        return {"digests": digests, "stop": False, "reason": ""}


def _model_fault(run_id: str) -> str:
    """Return what the models failed at when not one topic was researched for it; else nothing."""
    row = db.fetch_one(
        "SELECT (SELECT count(*) FROM topic WHERE run_id = %s) AS topics, (SELECT count(*) FROM"
        " research_result WHERE run_id = %s) AS results",
        [run_id, run_id],
    )
    assert row is not None
    if not row["topics"] or row["results"]:
        return ""
    return "; ".join(fault_log.describe(one) for one in fault_log.of_run(run_id))


def _to_dict(run_id: str, opened: run_plan.RunPlan, window: run_plan.Window) -> dict:
    row = _find_digest(run_id, window)
    if row is None:
        digest = digest_mail.render(content_loader.load(run_id, opened, window))
        # What was composed first is what is proposed and sent: a repeat of the step changes
        # nothing.
        db.execute(
            "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_since,"
            " window_until, private, recipients, subject, html, plain) VALUES (%s, %s, %s, %s, %s,"
            " %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                run_id,
                opened.flow,
                opened.namespace,
                opened.edition,
                opened.day,
                opened.number,
                window.since,
                window.until or opened.until or run_context.now(),
                window.private,
                window.recipients,
                digest.subject,
                digest.html,
                digest.plain,
            ],
        )
        row = _find_digest(run_id, window)
        assert row is not None
        events.emit(
            "progress", f"Composed: {row['subject']}", bytes=row["bytes"], digest_id=str(row["id"])
        )
    return {
        "digest_id": str(row["id"]),
        "window": {
            "since": window.since.isoformat() if window.since else None,
            "until": row["window_until"].isoformat(),
        },
        "recipients": row["recipients"],
        "bytes": row["bytes"],
    }


def _find_digest(run_id: str, window: run_plan.Window) -> dict | None:
    return db.fetch_one(
        "SELECT id, subject, recipients, window_until, octet_length(html) AS bytes FROM digest "
        "WHERE run_id = %s AND window_since IS NOT DISTINCT FROM %s AND private = %s",
        [run_id, window.since, window.private],
    )
