# requirements:

"""Approved calls: what an agent asked for inside its step and a person allowed afterwards,
performed once.

A flow asks about all the calls of its run in one question (`ask_together`); on the command line
each can be answered alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pydantic

from f.millrace.core import db, errors, ids, run_context
from f.millrace.tools import client, servers
from f.millrace.trust import actions, approvals, limits

if TYPE_CHECKING:
    from f.millrace.core import rows

CALL = "call:"
TOGETHER = "agent.calls"
MAIL = "mail.send"


def key_of(run_id: str, topic_id: str, tool: str, arguments: dict[str, Any]) -> str:
    """Return the key of a call that waits for a person: one for a call and a topic."""
    return f"{CALL}{run_id}:{topic_id}:{tool}:{ids.digest_of(arguments)[:16]}"


def is_call(action: rows.Action) -> bool:
    """Return whether an action is a call that an agent asked for; anything else its own flow
    performs.
    """
    return action["key"].startswith(CALL)


def ask_together(run_id: str) -> rows.Action | None:
    """Propose one question about all calls of a run that wait for a person, and return it; None
    when none waits.

    That the rest of the money may be used is asked with them.
    """
    waiting = _calls(run_id, "proposed")
    if not waiting:
        return None
    calls = [
        {"tool": row["tool"], "arguments": row["arguments"], "_note": row["reason"]}
        for row in waiting
    ]
    reason = (
        waiting[0]["reason"]
        if len(waiting) == 1
        else "an agent got to these calls inside its step, where nobody is asked"
    )
    return actions.propose(
        TOGETHER, {"calls": calls}, f"calls:{run_id}", reason=reason, run_id=run_id, at_least="high"
    )


def perform_together(whole: rows.Action) -> list[rows.Action]:
    """Carry the answer about a run's calls over to each of them, make those that were approved, and
    return them all.
    """
    run_id, given = str(whole["run_id"]), approvals.find_answer(str(whole["id"]))
    parts = approvals.parts_of(whole)

    def make() -> dict[str, Any]:
        return _perform_parts(whole, [row for row in _calls(run_id) if row["digest"] in parts])

    try:
        # A crash between leaves it undone: every call knows for itself whether it was made.
        actions.perform(whole["key"], whole["arguments"], make, check=lambda: False)
    except errors.NeedsApproval as error:
        waiting = [row for row in _calls(run_id, "proposed") if row["digest"] in parts]
        _decline(waiting, whole["key"], given, str(error))
    return [row for row in _calls(run_id) if row["digest"] in parts]


def _decline(calls: list[rows.Action], key: str, given: rows.Approval | None, reason: str) -> None:
    """Carry a refusal over to each call, or that nobody answered in time."""
    decision = "denied" if given and given["decision"] == "denied" else "expired"
    by, how = (given["decided_by"], given["how"]) if given else ("millrace", reason)
    for row in calls:
        words = f"{approvals.PART_OF}{key}: {how}"
        approvals.decide(str(row["id"]), row["digest"], decision, by, words)


def _perform_parts(whole: rows.Action, calls: list[rows.Action]) -> dict[str, Any]:
    allowed = [
        actions.get_by_id(str(row["id"])) for row in calls if approvals.approve_as_part(row, whole)
    ]
    # An approved limit is used by the next call that needs it.
    done = [perform(row) if is_call(row) else row for row in allowed]
    return {"calls": [{"action_id": str(row["id"]), "state": row["state"]} for row in done]}


def _calls(run_id: str, state: str | None = None) -> list[rows.Action]:
    return db.fetch_all(
        "SELECT * FROM action WHERE run_id = %s AND (starts_with(key, %s) OR tool = %s) AND"
        " (%s::text IS NULL OR state = %s) ORDER BY created_at, key",
        [run_id, CALL, limits.TOOL, state, state],
    )


def list_open(run_id: str) -> list[rows.Action]:
    """Return the calls of a run that were approved and are not done, oldest first."""
    return db.fetch_all(
        "SELECT * FROM action WHERE run_id = %s AND starts_with(key, %s) AND state IN ('approved',"
        " 'performing') ORDER BY created_at",
        [run_id, CALL],
    )


def perform(action: rows.Action) -> rows.Action:
    """Make the call of an approved action, once, and return the action with what came of it."""
    if not is_call(action):
        raise errors.BadInput(
            f"action {action['key']} is no call of an agent; its own flow performs it"
        )
    server, _, name = action["tool"].partition(".")
    function = (
        next((made for own, made, _ in servers.SERVERS[server]() if own == name), None)
        if server in servers.SERVERS
        else None
    )
    if function is None:
        return actions.perform(
            action["key"], action["arguments"], lambda: asyncio.run(_ask(action))
        )
    arguments = dict(action["arguments"])
    if action["tool"] == MAIL:
        # A mail needs a name, so that the same one is never sent twice.
        arguments.setdefault(
            "message_id", f"call-{ids.digest_of(str(action['id']))[:24]}@millrace.local"
        )
    return actions.perform(
        action["key"],
        action["arguments"],
        lambda: _run(action["tool"], function, arguments),
        lambda: _look(action["tool"], arguments),
    )


def _run(tool: str, function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Call one of our own tools: as a function, for over MCP its faults come back as words only."""
    from f.millrace.tools import mail

    try:
        answer = pydantic.validate_call(function)(**arguments)
    except mail.DeliveryUnknown as error:
        raise actions.OutcomeUnknown(str(error)) from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise errors.ToolFailed(
            f"{tool} does not take {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
    import pydantic_core  # nothing more to load: pydantic has

    plain = pydantic_core.to_jsonable_python(answer)
    return cast("dict[str, Any]", plain) if isinstance(plain, dict) else {"answer": plain}


def _look(tool: str, arguments: dict[str, Any]) -> dict[str, Any] | bool | None:
    """Return what became of an earlier try that died; to read, or to write the same again, changes
    nothing.
    """
    from f.millrace.tools import mail

    found = mail.look(arguments["message_id"]) if tool == MAIL else False
    return found.to_json() if isinstance(found, mail.Sent) else found


async def _ask(action: rows.Action) -> dict[str, Any]:
    """Call a tool of others, which is held when it is no longer the one that was enabled."""
    if run_context.current().dry_run:
        raise errors.ToolFailed(f"{action['tool']} is not called in a dry run")
    async with client.open_tools([action["tool"]]) as tools:
        try:
            return await tools.call(action["tool"], action["arguments"])
        except client.CallOutcomeUnknown as error:
            raise actions.OutcomeUnknown(str(error)) from error
        except errors.BadInput as error:
            raise errors.ToolFailed("; ".join([str(error), *tools.problems])) from error
