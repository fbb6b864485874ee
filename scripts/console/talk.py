"""The page Talk: conversations of the person who asks, each a run, and the run that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

from starlette.responses import RedirectResponse, Response

from f.millrace.agents import registry
from f.millrace.core import config, contracts, db, errors, visible_text
from f.millrace.ingest import formats
from f.millrace.memory import messages, ownership
from f.millrace.trust import audit, decisions
from scripts.console import flow_view, pages, question_view, run_view
from scripts.runner import stop

if TYPE_CHECKING:
    from f.millrace.core import rows
    from scripts.console.routes import PageRequest

# What can be talked to: the flow, what it is called, what its input is called, how long it may be.
FLOWS = {
    "chat": ("Ask", "user_message", contracts.LONGEST_QUESTION),
    "do_task": ("Do a task", "task", contracts.LONGEST_TASK),
}
# An agent that somebody made is chosen as `agent/NAME`, and asked by one flow for all of them.
AGENT = "agent/"
WAY = "console"
SESSIONS_A_PAGE = 40
MOST_TURNS = 30
TITLE = 80
# A conversation is known by its messages, or by a run that has not ended yet; the newest first.
SESSIONS = """
WITH told AS (
    SELECT regexp_replace(s.id, '^.*[/:]', '') AS session, s.updated_at AS at,
        (SELECT content FROM chat_message m WHERE m.session_id = s.id AND m.role = 'user'
         ORDER BY m.id LIMIT 1) AS title
    FROM chat_session s WHERE s.user_id = %(user)s AND s.namespace = %(namespace)s
), ran AS (
    SELECT session, max(started_at) AS at,
        (array_agg(coalesce(args ->> 'user_message', args ->> 'task', args ->> 'subject',
            CASE WHEN jsonb_typeof(args -> 'paths') = 'array' THEN
                (SELECT string_agg(regexp_replace(path, '^.*/', ''), ', ')
                 FROM jsonb_array_elements_text(args -> 'paths') AS path) END, flow)
            ORDER BY started_at))[1] AS title,
        (array_agg(status ORDER BY started_at DESC))[1] AS status
    FROM run WHERE user_id = %(user)s AND namespace = %(namespace)s AND session <> '' GROUP BY 1
)
SELECT coalesce(ran.session, told.session) AS session, greatest(ran.at, told.at) AS at,
    coalesce(told.title, ran.title, '') AS title, coalesce(ran.status, 'done') AS status
FROM told FULL JOIN ran ON ran.session = told.session
ORDER BY at DESC, session LIMIT %(limit)s OFFSET %(offset)s
"""
OWN_MODEL = """
SELECT definition ->> 'model' AS model FROM agent_version
WHERE agent = %s AND %s IN (0, version) ORDER BY version DESC LIMIT 1
"""
SAID = """
SELECT m.metadata ->> 'run_id' AS run_id, min(m.created_at) AS at,
    string_agg(m.content, ' ' ORDER BY m.id) FILTER (WHERE m.role = 'user') AS asked,
    string_agg(m.content, ' ' ORDER BY m.id) FILTER (WHERE m.role = 'assistant') AS told
FROM chat_message m WHERE m.session_id = %s GROUP BY 1, m.turn ORDER BY at DESC LIMIT %s
"""


def show_new(asked: PageRequest) -> Response:
    """Show the page with a new conversation."""
    return _show(asked, "", [])


def show(asked: PageRequest) -> Response:
    """Show one conversation of the person's own."""
    session = asked.path("session")
    if asked.is_redrawn:
        # Of an open page the run is followed by itself.
        return _show(asked, session, [])
    turns = load_turns(asked, session)
    if not turns:
        raise errors.NotFound("there is no such conversation of yours")
    return _show(asked, session, turns)


def _show(asked: PageRequest, session: str, turns: list[dict[str, Any]]) -> Response:
    page = asked.page()
    found = db.fetch_all(
        SESSIONS,
        {
            "user": asked.person.id,
            "namespace": asked.console.namespace,
            "limit": SESSIONS_A_PAGE + 1,
            "offset": (page - 1) * SESSIONS_A_PAGE,
        },
    )
    sessions = found[:SESSIONS_A_PAGE]
    last = turns[-1] if turns else None
    return asked.show(
        "talk.html",
        session=session,
        turns=turns,
        sessions=pages.group_by_day(sessions, "at"),
        page=page,
        has_more=len(found) > SESSIONS_A_PAGE,
        flows={name: words for name, (words, _, _) in FLOWS.items()},
        kinds=",".join(sorted(formats.KINDS)),
        agents=registry.list_agents(person_of(asked)),
        chosen=asked.given("flow", _chosen(last)),
        title=_title(turns),
        model=model_of(last["run"]) if last and last["run"] else _chosen_model(asked),
        run=last["run"] if last else None,
        beside=load_beside(last["run"], last["view"]["facts"]) if last and last["run"] else None,
        suggestions=[] if turns or asked.is_redrawn else suggest(asked),
        stats=_memory_size(asked.console.namespace),
    )


def _chosen(last: dict[str, Any] | None) -> str:
    run = last["run"] if last else None
    if run and run["flow"] == registry.FLOW:
        return f"{AGENT}{run['args'].get('agent', '')}"
    return run["flow"] if run and run["flow"] in FLOWS else "chat"


def model_of(run: rows.Run) -> str:
    """Return the model that a run asks unless it says otherwise: its agent's own, or the usual."""
    made = run["args"].get("agent") if run["flow"] == registry.FLOW else None
    row = db.fetch_one(OWN_MODEL, [made, run["args"].get("version") or 0]) if made else None
    return (row["model"] if row else "") or config.settings().model


def _chosen_model(asked: PageRequest) -> str:
    name = asked.given("flow").removeprefix(AGENT)
    found = registry.list_agents(person_of(asked)) if name != asked.given("flow") else []
    return next((one.definition.model for one in found if one.name == name), "") or (
        config.settings().model
    )


def say(asked: PageRequest) -> Response:
    """Take a message: a run of the chosen flow starts in a child, and the page follows it."""
    session = asked.form.get("session") or make_session()
    flow, message = asked.form.get("flow", "chat"), asked.form.get("message", "").strip()
    run_id = start(asked, flow, message, session)
    chosen = f"&{urlencode({'flow': flow})}" if flow != "chat" else ""
    return RedirectResponse(f"/talk/{session}?run={run_id}{chosen}#end", 303)


def make_session() -> str:
    """Return the name of a new conversation."""
    return f"console-{uuid4().hex[:12]}"


def person_of(asked: PageRequest) -> registry.Person:
    """Return who asks, as agents know people."""
    return registry.Person(asked.person.id, asked.person.role)


def start(asked: PageRequest, flow: str, message: str, session: str) -> str:
    """Start a run that answers a message of a conversation, and return its id; `flow` is one of
    FLOWS, or `agent/NAME`.
    """
    found: registry.Agent | None = None
    if flow.startswith(AGENT):
        found = registry.find_ready(flow.removeprefix(AGENT), person_of(asked))
        flow, name, longest = registry.FLOW, "task", contracts.LONGEST_TASK
    elif flow in FLOWS:
        _, name, longest = FLOWS[flow]
    else:
        raise errors.BadInput(f"{visible_text.line(flow)[:80]!r} cannot be talked to")
    if not message:
        raise errors.BadInput("the message is empty; write what you want to know")
    if len(message) > longest:
        raise errors.BadInput(
            f"the message has {len(message)} characters; at most {longest} are taken. Put a long"
            " text in a file and ingest it: scripts/millrace ingest FILE"
        )
    refuse_busy(asked, session)
    args: dict[str, Any] = {name: message}
    if found is not None:
        args |= {"agent": found.name, "version": found.version}
    used = {"agent": found.name, "version": found.version} if found else {}
    return begin(asked, flow, args, session, **used)


def begin(asked: PageRequest, flow: str, args: dict[str, Any], session: str, **used: Any) -> str:
    """Have a child start a run of a conversation, and return its id."""
    run_id = asked.console.children.start(flow, args, session)
    audit.append(asked.person.id, "run.started", flow, run_id, way=WAY, **used)
    return run_id


def refuse_busy(asked: PageRequest, session: str) -> None:
    """Let one turn follow another: a question may lean on the answer before it. BadInput for what
    cannot be the name of a conversation.
    """
    messages.key(session)
    row = db.fetch_one(
        "SELECT id FROM run WHERE user_id = %s AND session = %s AND status = 'running' LIMIT 1",
        [asked.person.id, session],
    )
    if row is not None:
        raise errors.NotAllowed(
            "this conversation is still being answered; wait for it, or stop it first"
        )


def load_turns(asked: PageRequest, session: str) -> list[dict[str, Any]]:
    """Return the turns of a conversation, oldest first: what was asked, by which run, and what
    stands in the rows of that run.
    """
    try:
        key = messages.key(session)
    except errors.BadInput:
        return []
    told = db.fetch_all(SAID, [key, MOST_TURNS])
    ran: list[rows.Run] = db.fetch_all(
        "SELECT * FROM run WHERE user_id = %s AND namespace = %s AND ((session = %s AND session <>"
        " '') OR id::text = ANY(%s)) ORDER BY started_at DESC LIMIT %s",
        [
            asked.person.id,
            asked.console.namespace,
            session,
            [row["run_id"] for row in told if row["run_id"]],
            MOST_TURNS,
        ],
    )
    by_run = {str(row["id"]): row for row in ran}
    turns = [_turn(row["asked"] or "", row["told"] or "", by_run.pop(row["run_id"] or "", None),
                   row["at"]) for row in told]  # fmt: skip
    turns += [
        _turn(run_view.say_asked(row["args"], row["flow"]), "", row, row["started_at"])
        for row in by_run.values()
    ]
    turns = sorted(turns, key=lambda turn: turn["at"])[-MOST_TURNS:]
    wanted = asked.given("run")
    if not run_view.ID.fullmatch(wanted) or any(_is_of(turn, wanted) for turn in turns):
        return turns
    # Its child has not made the row yet.
    children = asked.console.children
    message = children.find_started(wanted, asked.person.id)
    if message is None:
        return turns
    problem = children.problems.get(wanted, "")
    turn = _turn(message, "", None, None)
    return [*turns, turn | {"starting": wanted, "problem": problem}]


def _is_of(turn: dict[str, Any], run_id: str) -> bool:
    return turn["run"] is not None and str(turn["run"]["id"]) == run_id


def _turn(asked: str, told: str, run: rows.Run | None, at: Any) -> dict[str, Any]:
    return {
        "asked": asked,
        "at": at,
        "run": run,
        "flow": run["flow"] if run else "",
        "starting": "",
        "problem": "",
        "view": load_answer(run) if run else {"plain": told, "lines": []},
    }


def load_answer(run: rows.Run) -> dict[str, Any]:
    """Return what the rows of a run say as an answer: checked sentences while it is written, then
    the whole of it with its sources.
    """
    run_id = str(run["id"])
    kept = (run["pipeline"] or {}).get("answer") or {}
    is_open = run["status"] in run_view.OPEN
    answers = run_view.load_answers(run) if not is_open or kept else []
    told = any(answer.sentences for answer in answers)
    return {
        "run_id": run_id,
        "status": run["status"],
        "error": run["error"] or "",
        "answers": answers if told else [],
        "plain": "" if told else str(kept.get("text") or ""),
        "draft": run_view.load_draft(run_id) if is_open and not kept else [],
        "lines": run_view.load_lines(run_id),
        "facts": run_view.load_facts(run),
        "gaps": kept.get("gaps") or [],
        "questions": question_view.of_run(run_id),
        "verdict": _verdict(run_id),
    }


def _verdict(run_id: str) -> str:
    row = db.fetch_one(
        "SELECT outcome FROM decision WHERE run_id = %s AND kind = 'judgement' AND outcome_by <>"
        " '' AND outcome IS NOT NULL ORDER BY outcome_at DESC LIMIT 1",
        [run_id],
    )
    return {"approved": "right", "refused": "wrong"}.get(row["outcome"], "") if row else ""


def load_beside(run: rows.Run, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what stands beside a conversation: the flow of its last run, and its state."""
    return {
        "run": run,
        "flow": flow_view.load(run),
        "facts": facts,
        "usual": _usual_seconds(run["flow"]),
    }


def _usual_seconds(flow: str) -> float | None:
    row = db.fetch_one(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at -"
        " started_at))::float AS seconds, count(*) AS n FROM (SELECT * FROM run WHERE flow = %s AND"
        " status = 'done' ORDER BY started_at DESC LIMIT 20) AS lately",
        [flow],
    )
    return row["seconds"] if row and row["n"] >= 3 else None


def judge(asked: PageRequest) -> Response:
    """Keep what the person thinks of an answer of theirs."""
    row = run_view.find(asked.path("run"), asked.person)
    verdict = asked.form.get("verdict", "")
    if verdict not in ("right", "wrong"):
        raise errors.BadInput("say whether the answer was right or wrong")
    words = asked.form.get("words", "").strip()[:1000]
    decisions.give(
        str(row["id"]),
        "approved" if verdict == "right" else "refused",
        asked.person.id,
        words,
        None,
    )
    return asked.back(f"/talk/{row['session']}" if row["session"] else f"/runs/{row['id']}")


def stop_run(asked: PageRequest) -> Response:
    """Stop a run of the person's own: its runner and all that it started end."""
    row = run_view.find(asked.path("run"), asked.person)
    stop.stop(str(row["id"]), asked.person.id)
    return asked.back(f"/runs/{row['id']}")


def suggest(asked: PageRequest) -> list[str]:
    """Return up to three questions that memory can answer: about what it learned last."""
    readers = ownership.readers()
    found = db.fetch_all(
        "SELECT title FROM memory_item WHERE namespace = %s AND title <> '' AND NOT isempty(valid)"
        " AND (%s::text[] IS NULL OR user_id = ANY(%s)) AND type IN ('finding', 'topic',"
        " 'summary', 'passage', 'note') GROUP BY title ORDER BY max(created_at) DESC LIMIT 3",
        [asked.console.namespace, readers, readers],
    )
    return [f"What do we know of “{row['title'][:150].rstrip('.?!')}”?" for row in found]


def _memory_size(namespace: str) -> int:
    readers = ownership.readers()
    row = db.fetch_one(
        "SELECT count(*) AS n FROM memory_item WHERE namespace = %s AND (%s::text[] IS NULL OR"
        " user_id = ANY(%s))",
        [namespace, readers, readers],
    )
    return row["n"] if row else 0


def _title(turns: list[dict[str, Any]]) -> str:
    first = next((turn["asked"] for turn in turns if turn["asked"]), "")
    return first[:TITLE] or "New conversation"
