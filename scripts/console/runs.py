"""The pages of runs: the list with its filters, one run, and doing it again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from f.millrace.agents import registry
from f.millrace.core import db, errors, run_context
from f.millrace.memory import documents
from f.millrace.telemetry import runs as run_rows
from f.millrace.trust import audit, spend
from scripts.console import flow_view, pages, question_view, run_view, talk
from scripts.paths import ROOT
from scripts.runner import continuation, openflow

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

A_PAGE = 50
STATUSES = ("running", "waiting", "done", "partly_failed", "failed", "stopped", "cancelled")
MOST_EVENTS = 500
MOST_READ = 20
# What is found first is cut to a page; only of those the money and the bars are counted.
FOUND = """
SELECT * FROM run WHERE namespace = %(namespace)s AND (%(all)s OR user_id = %(user)s)
  AND (%(flow)s = '' OR flow = %(flow)s) AND (%(status)s = '' OR status = %(status)s)
  AND (%(who)s = '' OR user_id = %(who)s) AND (%(maintenance)s OR NOT starts_with(flow, %(ops)s))
"""
A_LIST = f"""
{FOUND} AND (%(until)s::timestamptz IS NULL OR started_at <= %(until)s::timestamptz)
ORDER BY started_at DESC, id LIMIT %(limit)s OFFSET %(offset)s
"""
NEW = f"SELECT count(*) AS n FROM ({FOUND} AND started_at > %(until)s::timestamptz) AS fresh"
LIST = f"""
WITH found AS MATERIALIZED ({A_LIST})
SELECT r.id, r.flow, r.status, r.user_id, r.started_at, r.finished_at, r.error, r.orchestrator,
    r.args, r.session, r.edition,
    extract(epoch FROM coalesce(r.finished_at, clock_timestamp()) - r.started_at)::float AS seconds,
    (SELECT coalesce(sum({spend.COST}), 0)::float FROM usage WHERE usage.run_id = r.id) AS usd,
    (SELECT coalesce(json_agg(json_build_array(
        extract(epoch FROM s.started_at - r.started_at),
        extract(epoch FROM coalesce(s.finished_at, clock_timestamp()) - s.started_at),
        s.status) ORDER BY s.started_at), '[]')
     FROM (SELECT * FROM step WHERE run_id = r.id ORDER BY started_at LIMIT 60) s) AS bars
FROM found r ORDER BY r.started_at DESC, r.id
"""


def show_all(asked: PageRequest) -> Response:
    """Show the list; its filters stand in the address, and until when runs began: those that begin
    later are counted, so that no list moves while it is read.
    """
    wanted = {name: asked.given(name)[:100] for name in ("flow", "status", "who")}
    page, maintenance = asked.page(), asked.given("maintenance") == "1"
    is_owner = asked.person.has_role("owner")
    values = {
        **wanted,
        "namespace": asked.console.namespace,
        "all": is_owner,
        "user": asked.person.id,
        "maintenance": maintenance,
        "ops": run_rows.MAINTENANCE,
        "limit": A_PAGE + 1,
        "offset": (page - 1) * A_PAGE,
        "until": _moment(asked.given("until")),
    }
    found = db.fetch_all(LIST, values)
    new = db.fetch_one(NEW, values) if values["until"] else None
    shown = [{**row, "bars": _bars(row), "asked": _asked(row)} for row in found[:A_PAGE]]
    return asked.show(
        "runs.html",
        days=pages.group_by_day(shown, "started_at"),
        flows=_names(asked),
        statuses=STATUSES,
        people=_people() if is_owner else [],
        wanted=wanted,
        maintenance=maintenance,
        page=page,
        has_more=len(found) > A_PAGE,
        until=(values["until"] or _newest(shown if page == 1 else [])).isoformat(),
        new=new["n"] if new else 0,
    )


def _moment(text: str) -> datetime | None:
    """Return the moment that a text names with its zone; None when it names none."""
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        return None
    return found if found.tzinfo else None


def _newest(shown: list[dict[str, Any]]) -> datetime:
    return shown[0]["started_at"] if shown else run_context.now()


def _names(asked: PageRequest) -> list[str]:
    found = db.fetch_all(
        "SELECT flow FROM run WHERE namespace = %s AND (%s OR user_id = %s) AND NOT"
        " starts_with(flow, %s) GROUP BY flow ORDER BY flow LIMIT 50",
        [
            asked.console.namespace,
            asked.person.has_role("owner"),
            asked.person.id,
            run_rows.MAINTENANCE,
        ],
    )
    return [row["flow"] for row in found]


def _people() -> list[str]:
    return [row["user_id"] for row in db.fetch_all("SELECT DISTINCT user_id FROM run ORDER BY 1")]


def _asked(row: dict[str, Any]) -> str:
    return str(row["args"].get("user_message") or row["args"].get("task") or "")[:120]


def _bars(row: dict[str, Any]) -> list[tuple[float, float, str]]:
    """Return each step of a run as a place and a length in percent, and how it looks."""
    bars = row["bars"]
    last = max((start + length for start, length, _ in bars), default=0.0) or 1.0
    return [
        (
            round(100 * max(0, start) / last, 2),
            round(max(1.5, 100 * length / last), 2),
            pages.choose_look(status),
        )
        for start, length, status in bars
    ]


def show_one(asked: PageRequest) -> Response:
    """Show one run: its flow with times, what each step said, what it found, its money."""
    row = run_view.find(asked.path("run"), asked.person)
    run_id, chosen = str(row["id"]), asked.given("step")
    step = {
        "run": row,
        "chosen": chosen,
        "can_go_on": _can_go_on(row),
        "can_continue": _can_continue(row),
        **_steps(row, chosen),
    }
    if chosen and asked.given("part"):
        return pages.render("step_part.html", me=asked.person, step=step)
    return asked.show(
        "run.html",
        run=row,
        flow=flow_view.load(row),
        facts=run_view.load_facts(row),
        answers=run_view.load_answers(row),
        plain=str(((row["pipeline"] or {}).get("answer") or {}).get("text") or ""),
        lines=run_view.load_lines(run_id),
        questions=question_view.of_run(run_id),
        chosen=chosen,
        step=step,
        spent=spend.group_spending("agent", run_id=run_id),
        audit=audit.rows(run_id),
        before=_run_before(row),
        continued=_continued(row),
        can_go_on=step["can_go_on"],
        can_repeat=_is_flow(row["flow"]) and asked.person.has_role("member"),
        summary=_summary(row),
        used=registry.list_uses(run_id),
    )


def _steps(row: rows.Run, chosen: str) -> dict[str, Any]:
    """Return the steps of the chosen card, each with what it said and what it called, and the
    passages that were read while they ran.
    """
    if not chosen:
        return {"steps": [], "read": []}
    found = [step for step in flow_view.load_steps(row) if flow_view.is_of(chosen, step["path"])]
    said = db.fetch_all(
        "SELECT id, event, message, metadata, step, at FROM run_event WHERE run_id = %s AND step ="
        " ANY(%s) AND event <> ALL(%s) ORDER BY id LIMIT %s",
        [row["id"], [step["path"] for step in found], list(run_view.UNSHOWN), MOST_EVENTS],
    )
    spent = db.fetch_all(
        f"SELECT step, sum({spend.COST})::float AS usd, count(*) AS calls FROM usage WHERE run_id ="
        " %s GROUP BY 1",
        [row["id"]],
    )
    usd = {one["step"]: one for one in spent}
    inputs = _inputs(row, found)
    steps = [
        {
            "step": step,
            "item": flow_view.iteration(step["path"]),
            "seconds": (
                (step["finished_at"] - step["started_at"]).total_seconds()
                if step["finished_at"]
                else None
            ),
            "said": [one for one in said if one["step"] == step["path"]],
            "usd": usd.get(step["path"], {"usd": 0.0, "calls": 0}),
            "span": inputs.get(step["path"], {}),
        }
        for step in found
    ]
    return {"steps": steps, "read": _read_meanwhile(row, found)}


def _read_meanwhile(row: rows.Run, steps: list[rows.Step]) -> list[dict[str, Any]]:
    if not steps:
        return []
    ends = [step["finished_at"] or run_context.now() for step in steps]
    return db.fetch_all(
        "SELECT id, title, url, source FROM evidence WHERE run_id = %s AND created_at BETWEEN %s"
        " AND %s ORDER BY created_at, id LIMIT %s",
        [row["id"], min(step["started_at"] for step in steps), max(ends), MOST_READ],
    )


def _inputs(row: rows.Run, steps: list[rows.Step]) -> dict[str, dict[str, Any]]:
    """Return what the spans of steps hold: with what they were called and what they counted."""
    found = db.fetch_all(
        "SELECT attributes ->> 'millrace.step' AS path, attributes FROM span WHERE run_id = %s AND"
        " name = ANY(%s) AND attributes ->> 'millrace.step' = ANY(%s) ORDER BY started_at",
        [row["id"], list({step["name"] for step in steps}), [step["path"] for step in steps]],
    )
    return {one["path"]: one["attributes"] for one in found}


def _run_before(row: rows.Run) -> dict[str, Any] | None:
    """Return the last good run of the same flow before this one: what it is compared with."""
    return db.fetch_one(
        "SELECT id, started_at, extract(epoch FROM finished_at - started_at)::float AS seconds,"
        f" (SELECT coalesce(sum({spend.COST}), 0)::float FROM usage WHERE usage.run_id = run.id) AS"
        " usd FROM run WHERE flow = %s AND namespace = %s AND user_id = %s AND status = 'done' AND"
        " started_at < %s ORDER BY started_at DESC LIMIT 1",
        [row["flow"], row["namespace"], row["user_id"], row["started_at"]],
    )


def _continued(row: rows.Run) -> dict[str, Any] | None:
    """Return the run that this one continues, and what was spent on it: of the same limit."""
    if row["continues"] is None:
        return None
    return db.fetch_one(
        f"SELECT id, started_at, (SELECT coalesce(sum({spend.COST}), 0)::float FROM usage WHERE"
        " usage.run_id = run.id) AS usd FROM run WHERE id = %s",
        [row["continues"]],
    )


def _summary(row: rows.Run) -> str:
    return str((row["openflow"] or {}).get("summary") or "")


def _is_flow(name: str) -> bool:
    return any(
        path.parent.name.removesuffix("__flow") == name
        for path in (ROOT / "f/millrace").glob("*/*__flow/flow.yaml")
    )


def _can_go_on(row: rows.Run) -> bool:
    is_ended = row["status"] in ("failed", "killed", "stopped", "partly_failed")
    return is_ended and row["orchestrator"] == "local" and bool(row["openflow"])


def go_on(asked: PageRequest) -> Response:
    """Go on with a run that failed or was stopped, from the step where it stands."""
    row = run_view.find(asked.path("run"), asked.person)
    if not _can_go_on(row):
        raise errors.BadInput(
            f"this run is {pages.name_state(row['status'])} and cannot go on here; run it again"
            " instead"
        )
    audit.append(asked.person.id, "run.resumed", row["flow"], str(row["id"]))
    asked.console.children.resume(str(row["id"]), row["session"])
    return asked.back(f"/runs/{row['id']}")


def repeat(asked: PageRequest) -> Response:
    """Start a run of the same flow with the same inputs; from a step on, where one is given."""
    row = run_view.find(asked.path("run"), asked.person)
    step = asked.form.get("step", "")[:500]
    if step:
        run_id = _repeat_from(asked, row, step)
    elif _is_flow(row["flow"]):
        run_id = asked.console.children.start(row["flow"], row["args"], row["session"])
    else:
        raise errors.BadInput(f"{row['flow']} is no flow of this installation")
    audit.append(asked.person.id, "run.repeated", row["flow"], run_id, of=str(row["id"]), step=step)
    if row["flow"] in talk.FLOWS and row["session"]:
        return RedirectResponse(f"/talk/{row['session']}?run={run_id}#end", 303)
    return RedirectResponse(f"/runs?started={run_id}", 303)


def _repeat_from(asked: PageRequest, row: rows.Run, step: str) -> str:
    flow = row["openflow"]
    if not flow or not _can_continue(row):
        raise errors.BadInput(
            f"this run is {pages.name_state(row['status'])}, and a run goes on here from a step of"
            " one that ran on this machine and has ended; run the whole flow again instead"
        )
    modules = openflow.value(flow).get("modules") or []
    place = continuation.find_place(modules, step)
    # Before a child is asked, so that the page can say what is wrong.
    continuation.find_start_time(str(row["id"]), place.path)
    said = run_view.say_asked(row["args"], row["flow"])
    return asked.console.children.repeat(str(row["id"]), step, said, row["session"])


def _can_continue(row: rows.Run) -> bool:
    is_ended = row["status"] not in run_view.OPEN
    return is_ended and row["orchestrator"] == "local" and bool(row["openflow"])


def show_passage(asked: PageRequest) -> Response:
    """Show one source of a run: the passage as it was read, and where it stands."""
    row = run_view.find(asked.path("run"), asked.person)
    piece: rows.Evidence | None = db.fetch_one(
        "SELECT * FROM evidence WHERE run_id = %s AND id = %s", [row["id"], asked.path("evidence")]
    )
    if piece is None:
        raise errors.NotFound("this passage is not kept any more")
    values = {
        "piece": piece,
        "pieces": _mark_cited(row, piece),
        "number": asked.given("n")[:4],
        "document": _document(piece),
    }
    if asked.given("part"):
        return pages.render("passage_part.html", **values)
    return asked.show("passage.html", run=row, **values)


def _mark_cited(row: rows.Run, piece: rows.Evidence) -> list[tuple[str, bool]]:
    """Return a passage in pieces, those marked that the run's sentences are made of."""
    cited = {
        text
        for answer in run_view.load_answers(row)
        for text, numbers in answer.sentences
        for source in answer.sources
        if source.id == piece["id"] and source.number in numbers
    }
    pieces = [(piece["body"], False)]
    for sentence in sorted(cited, key=len, reverse=True):
        pieces = [part for text, marked in pieces for part in _split(text, marked, sentence)]
    return pieces


def _split(text: str, marked: bool, sentence: str) -> list[tuple[str, bool]]:
    before, found, after = text.partition(sentence)
    if marked or not found:
        return [(text, marked)]
    return [part for part in ((before, False), (found, True), (after, False)) if part[0]]


def _document(piece: rows.Evidence) -> dict[str, Any] | None:
    if not piece["url"].startswith("document:"):
        return None
    try:
        found = documents.open_citation(piece["url"])
    except (errors.NotFound, errors.BadInput):
        return None
    return {"id": found["id"], "path": found["path"], "place": found["place"]}
