"""Agents that people make, for programs: made, changed, run and switched off over `/api`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from f.millrace.agents import registry
from f.millrace.core import db, errors
from f.millrace.memory import messages
from f.millrace.trust import spend
from scripts.console import question_view, run_view, talk

if TYPE_CHECKING:
    from scripts.console.routes import PageRequest

RUNS_A_PAGE = 50


def list_all(asked: PageRequest) -> Response:
    """Return the agents that this person may use; with `?off=1` also those that are switched
    off.
    """
    found = registry.list_agents(talk.person_of(asked), off=asked.given("off") == "1")
    return JSONResponse({"agents": [registry.describe(one) for one in found]})


def create(asked: PageRequest) -> Response:
    """Make an agent."""
    _refuse_gateway(asked)
    made = registry.create(asked.read_json(), talk.person_of(asked))
    return JSONResponse(
        registry.describe(made), 201, headers={"location": f"/api/agents/{made.name}"}
    )


def show(asked: PageRequest) -> Response:
    """Return an agent, or with `?version=` what it was then; with all its versions."""
    name, wanted = asked.path("agent"), asked.given("version")
    person = talk.person_of(asked)
    if wanted and not (wanted.isdigit() and len(wanted) < 7):
        raise errors.BadInput("version is a number")
    found = (
        registry.load_version(name, int(wanted), person) if wanted else registry.find(name, person)
    )
    versions = [
        {
            "version": row["version"],
            "changed_by": row["changed_by"],
            "changed_at": row["changed_at"].isoformat(),
        }
        for row in registry.list_versions(name, person)
    ]
    return JSONResponse({**registry.describe(found), "versions": versions})


def change(asked: PageRequest) -> Response:
    """Change parts of an agent: its next version."""
    _refuse_gateway(asked)
    changed = registry.change(asked.path("agent"), asked.read_json(), talk.person_of(asked))
    return JSONResponse(registry.describe(changed))


def switch_off(asked: PageRequest) -> Response:
    """Switch an agent off, and say how many runs are logged of it."""
    _refuse_gateway(asked)
    found = registry.switch_off(asked.path("agent"), talk.person_of(asked))
    return JSONResponse({"name": found.name, "state": found.state, "runs": found.runs})


def start_run(asked: PageRequest) -> Response:
    """Start a run of an agent with a message, and say where its answer will be."""
    body, name = asked.read_json(), asked.path("agent")
    unknown = sorted(set(body) - {"message", "session"})
    if unknown:
        raise errors.BadInput(
            f"{unknown[0][:60]!r} is no part of a run; there are message, session"
        )
    message, session = body.get("message"), body.get("session") or f"api-{uuid4().hex[:12]}"
    if not isinstance(message, str) or not isinstance(session, str):
        raise errors.BadInput("message and session are texts")
    messages.key(session)
    run_id = talk.start(asked, f"{talk.AGENT}{name}", message.strip(), session)
    place = f"/api/agents/{name}/runs/{run_id}"
    told = {"id": run_id, "state": "running", "session": session, "url": place}
    return JSONResponse(told, 202, headers={"location": place})


def list_runs(asked: PageRequest) -> Response:
    """Return the person's own runs of an agent, the newest first; for owners all."""
    name, person = asked.path("agent"), talk.person_of(asked)
    listed = registry.list_runs(name, person, RUNS_A_PAGE, (asked.page() - 1) * RUNS_A_PAGE)
    told = [_describe_run(row) for row in listed]
    return JSONResponse({"runs": told, "of_all": registry.find(name, person).runs})


def show_run(asked: PageRequest) -> Response:
    """Return one run of an agent with its answer and what it waits for; one whose row is not there
    yet is starting.
    """
    name, run_id = asked.path("agent"), asked.path("run")
    registry.find(name, talk.person_of(asked))
    children = asked.console.children
    is_new = run_view.ID.fullmatch(run_id) and db.fetch_one(
        "SELECT 1 FROM run WHERE id = %s", [run_id]
    ) is None  # fmt: skip
    if is_new and children.find_started(run_id, asked.person.id) is not None:
        problem = children.problems.get(run_id, "")
        state = "failed" if problem else "running"
        return JSONResponse({"id": run_id, "state": state, "error": problem or None})
    row = run_view.find(run_id, asked.person)
    if row["args"].get("agent") != name and all(
        one["agent"] != name for one in registry.list_uses(run_id)
    ):
        raise errors.NotFound(f"the agent {name} has no such run of yours")
    kept = (row["pipeline"] or {}).get("answer") or {}
    waiting = [
        {"id": one["id"], "tool": one["tool"], "question": one["sentence"]}
        for one in question_view.of_run(run_id)
        if one["state"] == "proposed"
    ]
    told = {
        "answer": kept.get("text"),
        "stopped_because": kept.get("stopped_because") or None,
        "sources": kept.get("sources") or [],
    }
    return JSONResponse({**_describe_run(row), **told, "waiting": waiting})


def _describe_run(row: Any) -> dict[str, Any]:
    used = (row["pipeline"] or {}).get("agent") or row["args"]
    return {
        "id": str(row["id"]),
        "state": row["status"],
        "agent": used.get("agent") or used.get("name"),
        "version": used.get("version"),
        "session": row["session"],
        "user": row["user_id"],
        "started_at": row["started_at"].isoformat(),
        "finished_at": row["finished_at"].isoformat() if row["finished_at"] else None,
        "cost_usd": spend.run_cost_usd(str(row["id"])),
        "error": row["error"],
    }


def _refuse_gateway(asked: PageRequest) -> None:
    """Whose words a gateway brings nobody here knows, and what an agent is told stays."""
    if asked.person.gateway:
        raise errors.NotAllowed(
            "a gateway's token cannot make or change agents; take one of your own:"
            " scripts/millrace tokens add ID NAME"
        )
