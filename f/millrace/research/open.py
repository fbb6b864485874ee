# no_postinstall
# requirements: millrace_digest

"""Open the run.

Decides who gets it, what is new to them, which sources are on, and whether it is time.

scripts/millrace step research/open
"""

import os
from pathlib import Path

from f.millrace.core import all_settings, config, db, errors, run_context, windmill
from f.millrace.digest import delivery, readers, run_plan
from f.millrace.models import unchecked
from f.millrace.research import due, postpone, time_windows
from f.millrace.telemetry import events, runs, spans
from f.millrace.trust import audit, policy

# What a source reads, where that is a setting of its own that can be empty.
READ_BY = {"feeds": "feeds", "private_feeds": "private_feeds", "mastodon": "mastodon_tags"}


def main(
    pipeline: dict | None = None,
    again: bool = False,
    sample: bool = False,
    dry_run: bool = False,
    scheduled_for: str = "",
    run_id: str = "",
) -> dict:
    """Open the run.

    Args:
        pipeline: What the flow's spec says: name, schedule, budget, agents.
        again: Make a further, numbered edition of the day.
        sample: Run the sample edition, apart from real days; not on Windmill.
        dry_run: Leave nothing outside the run's own record.
        scheduled_for: When the run was due (ISO 8601); empty means now.
        run_id: Go on with this run instead of starting one.
    """
    if sample and windmill.on_worker():
        raise errors.BadInput(
            "the sample edition is not on Windmill: a worker would read the live sources under a"
            " heading that says they are invented; leave `sample` out here, and run scripts/demo on"
            " a machine of yours"
        )
    with spans.step(
        "research.open", run_id or None, again=again, sample=sample, dry_run=dry_run
    ) as span:
        run_id = run_context.current().run_id
        row = db.fetch_one("SELECT pipeline, dry_run FROM run WHERE id = %s", [run_id])
        assert row is not None
        # A continuation keeps what the first attempt decided.
        if row["pipeline"].get("opened"):
            return _to_dict(run_id, run_plan.RunPlan.from_json(row["pipeline"]["opened"]))
        opened = _open(
            run_id, pipeline or {}, again, sample, dry_run or row["dry_run"], scheduled_for
        )
        span.set(
            decision=opened.decision, recipients=len(opened.recipients), namespace=opened.namespace
        )
        return _to_dict(run_id, opened)


def _open(
    run_id: str, pipeline: dict, again: bool, sample: bool, dry_run: bool, scheduled_for: str
) -> run_plan.RunPlan:
    flow = str(pipeline.get("name") or run_plan.FLOW)
    lasting = "sample" if sample else "main"
    decision = due.decide(
        pipeline, scheduled_for, run_context.now(), due.last_success(flow, lasting, run_id)
    )
    opened = run_plan.RunPlan(
        flow=flow,
        edition="sample" if sample else "daily",
        namespace=f"dry-{run_id}" if dry_run else lasting,
        day=decision.day,
        timezone=due.schedule_of(pipeline)[1],
        decision=decision.verdict,
        reason=decision.reason,
        scheduled_for=decision.scheduled_for,
        scheduled=bool(scheduled_for.strip() or os.environ.get("WM_SCHEDULE_PATH")),
        sources=_sources(),
    )
    if opened.decision == "already_done" and again:
        opened.decision = "run"
    if not opened.skip:
        _require_sources(opened.sources)
        if not dry_run:
            postpone.take_over(run_id, opened)
        if interrupted := delivery.list_interrupted(opened):
            from f.millrace.digest import sending  # few runs die there

            sending.reconcile(opened, interrupted)
        opened = readers.resolve(opened, again)
        before = opened.day if again else None
        ends = {} if sample else time_windows.last_delivered(flow, lasting, opened.edition, before)
        opened.windows = time_windows.windows(opened.recipients, ends, opened.owners, opened.shared)
    elif opened.decision == "already_done":
        opened.same_as = _digest_of_day(opened)
    _record(run_id, pipeline, opened, dry_run)
    return opened


def _sources() -> list[str]:
    """Return the sources that are read; a private feed is one as soon as it is named."""
    known = config.settings()
    private = ["private_feeds"] if known.private_feeds else []
    return list(dict.fromkeys([*known.sources, *private]))


def _require_sources(sources: list[str]) -> None:
    """Refuse a run that could read nothing: it would end well, with an empty digest."""
    known = config.settings()
    empty = {
        name: READ_BY[name]
        for name in sources
        if name in READ_BY and not getattr(known, READ_BY[name])
    }
    if "notes" in sources and not Path(known.notes_dir).is_dir():
        empty["notes"] = "notes_dir"
    if any(name not in empty for name in sources):
        return
    said = [
        f"the setting {setting} is {getattr(known, setting)!r} (from {config.origin(setting)})"
        for setting in ("sources", *empty.values())
    ]
    raise errors.BadSetting(
        f"there is nothing to read: {', and '.join(said)}; name some of"
        f" {', '.join(all_settings.Settings.sources)} in sources, or take the emptied setting away"
        " there and its default holds"
    )


def _record(run_id: str, pipeline: dict, opened: run_plan.RunPlan, dry_run: bool) -> None:
    with db.transaction():
        runs.keep_spec(run_id, pipeline)
        runs.keep(
            run_id,
            run_plan.to_stored(opened),
            flow=opened.flow,
            namespace=opened.namespace,
            edition=opened.edition,
            pattern=str(pipeline.get("pattern") or "deterministic_pipeline"),
            dry_run=dry_run,
            scheduled_for=opened.scheduled_for,
            local_day=opened.day,
        )
    with run_context.change(
        namespace=opened.namespace, edition=opened.edition, flow=opened.flow, dry_run=dry_run
    ):
        events.emit(
            "decision",
            f"{opened.decision}: {opened.reason}",
            decision=opened.decision,
            day=str(opened.day),
        )
    policy.note()
    audit.append(
        run_context.user_id(),
        "run.opened",
        opened.flow,
        run_id,
        decision=opened.decision,
        reason=opened.reason,
        due=opened.scheduled_for.isoformat(),
        readers=opened.recipients,
        schedule=os.environ.get("WM_SCHEDULE_PATH", ""),
    )


def _digest_of_day(opened: run_plan.RunPlan) -> str:
    row = db.fetch_one(
        "SELECT run_id FROM digest WHERE flow = %s AND namespace = %s AND edition = %s AND"
        " local_day = %s ORDER BY number DESC, created_at DESC LIMIT 1",
        [opened.flow, opened.lasting, opened.edition, opened.day],
    )
    return str(row["run_id"]) if row else ""


def _to_dict(run_id: str, opened: run_plan.RunPlan) -> dict:
    answer = {
        "run_id": run_id,
        "edition": opened.edition,
        "namespace": opened.namespace,
        "day": opened.day.isoformat(),
        "sources": opened.sources,
        "recipients": opened.recipients,
        "windows": [window.to_json() for window in opened.windows],
        "decision": opened.decision,
        "reason": opened.reason,
        "skip": opened.skip,
        # Asking them takes a second, of which most is libraries.
        "models_checked": opened.skip or not unchecked.list_unchecked(run_id),
        "result": None,
    }
    if opened.skip:
        # Here only: a start that goes on does not load what it takes to tell a whole result.
        from f.millrace.digest import run_page, run_summary
        from f.millrace.trust import markdown

        # `done` also for a start that came too late: nothing went wrong, there was nothing to do.
        small = run_summary.small_result(run_id)
        runs.skip(run_id, small)
        labels = run_page.labels(small, "done", small["cost_usd"])
        return markdown.as_page(
            {**answer, "result": small, "wm_labels": labels},
            run_page.page_of_run(run_id, small),
        )
    return answer
