# no_postinstall
# requirements: millrace_editions

"""Write the digests.

One for each group of recipients to whom the same is new.

scripts/millrace step research/compose run_id=RUN
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from f.millrace.core import db, run_context
from f.millrace.digest import (
    content_loader,
    digest_content,
    digest_mail,
    digest_markdown,
    run_plan,
)
from f.millrace.models import fault_log
from f.millrace.research import time_windows
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import shares

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    class StoredDigest(TypedDict):
        """A digest that is composed, without its texts."""

        id: UUID
        subject: str
        recipients: list[str]
        window_until: datetime
        bytes: int


def main(run_id: str) -> dict:
    """Compose the digests.

    Args:
        run_id: The run whose topics were researched.
    """
    with spans.step("research.compose", run_id) as span:
        opened = run_plan.load(run_id)
        fault = _model_fault(run_id)
        if fault:
            from f.millrace.research import postpone  # few runs are left without a result

            if postpone.may_wait(run_id, opened):
                said = postpone.postpone(run_id, opened, fault)
                return {"digests": [], "stop": True, "reason": said, "wm_labels": ["waiting"]}
        _drop_ended_shares(run_id, opened)
        digests = [_to_dict(run_id, opened, window) for window in opened.windows]
        span.set(digests=len(digests), bytes=sum(digest["bytes"] for digest in digests))
        return {"digests": digests, "stop": False, "reason": ""}


def _drop_ended_shares(run_id: str, opened: run_plan.RunPlan) -> None:
    """Take out of the windows what was unshared since the run was opened, before the first digest
    is composed; what has been composed is looked at again when it is sent.
    """
    if not any(opened.shared.values()) or db.fetch_one(
        "SELECT 1 FROM digest WHERE run_id = %s LIMIT 1", [run_id]
    ):
        return
    now = shares.of_recipients(opened.shared, opened.flow, opened.lasting)
    opened.shared = {
        address: {key: by for key, by in held.items() if key in now[address]}
        for address, held in opened.shared.items()
    }
    until = {window.since: window.until for window in opened.windows}
    ends = {one: window.since for window in opened.windows for one in window.recipients}
    opened.windows = time_windows.windows(
        opened.recipients,
        {one: since for one, since in ends.items() if since},
        opened.owners,
        opened.shared,
    )
    for window in opened.windows:
        window.until = until.get(window.since)
    runs.keep(run_id, run_plan.to_stored(opened))


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
        digest = digest_mail.render(_load(run_id, opened, window))
        # What was composed first is what is proposed and sent: a repeat of the step changes
        # nothing.
        db.execute(
            "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_since,"
            " window_until, private, shared, recipients, subject, html, plain, markdown) VALUES"
            " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
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
                db.jsonb(window.shared),
                window.recipients,
                digest.subject,
                digest.html,
                digest.plain,
                _markdown(run_id, opened, window),
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


def _markdown(run_id: str, opened: run_plan.RunPlan, window: run_plan.Window) -> str:
    """Return the page of the run, which shows its operator the first window; empty for others."""
    if window is not opened.windows[0]:
        return ""
    return digest_markdown.page(content_loader.load(run_id, opened, window, operator=True))


def _load(run_id: str, opened: run_plan.RunPlan, window: run_plan.Window) -> digest_content.Content:
    if not window.private:
        return content_loader.load(run_id, opened, window)
    from f.millrace.digest import related_notes  # loads what memory is searched with

    own = related_notes.OwnerTexts(opened.lasting)
    return content_loader.load(run_id, opened, window, find_related=own.find)


def _find_digest(run_id: str, window: run_plan.Window) -> StoredDigest | None:
    return db.fetch_one(
        "SELECT id, subject, recipients, window_until, octet_length(html) AS bytes FROM digest "
        "WHERE run_id = %s AND window_since IS NOT DISTINCT FROM %s AND private = %s AND shared ="
        " %s",
        [run_id, window.since, window.private, db.jsonb(window.shared)],
    )


def insert_copies(copies: list[dict[str, Any]]) -> None:
    """Store digests of another run, under ids of this one; this run continues that one."""
    db.execute(
        "INSERT INTO digest SELECT * FROM jsonb_populate_recordset(NULL::digest, %s)",
        [db.jsonb(copies)],
    )
