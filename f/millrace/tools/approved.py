"""Approved calls: what an agent asked for inside its step and a person allowed afterwards, performed once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pydantic

from f.millrace.core import db
from f.millrace.core.context import current
from f.millrace.core.errors import BadInput, ToolFailed
from f.millrace.core.ids import digest_of
from f.millrace.tools.client import NoAnswer, open_tools
from f.millrace.tools.servers import SERVERS
from f.millrace.trust import actions

Row = dict[str, Any]
CALL = "call:"
MAIL = "mail.send"


def key_of(run_id: str, topic_id: str, tool: str, arguments: dict[str, Any]) -> str:
    """Return the key of a call that waits for a person: the same call about the same topic is one."""
    return f"{CALL}{run_id}:{topic_id}:{tool}:{digest_of(arguments)[:16]}"


def is_call(action: Row) -> bool:
    """Return whether an action is a call that an agent asked for; anything else its own flow performs."""
    return action["key"].startswith(CALL)


def left(run_id: str) -> list[Row]:
    """Return the calls of a run that were approved and are not done, oldest first."""
    return db.all(
        "SELECT * FROM action WHERE run_id = %s AND starts_with(key, %s) AND state IN ('approved', 'performing') "
        "ORDER BY created_at",
        [run_id, CALL],
    )


def perform(action: Row) -> Row:
    """Make the call of an approved action, once, and return the action with what came of it."""
    if not is_call(action):
        raise BadInput(f"action {action['key']} is no call of an agent; its own flow performs it")
    server, _, name = action["tool"].partition(".")
    function = next((made for own, made, _ in SERVERS[server]() if own == name), None) if server in SERVERS else None
    if function is None:
        return actions.perform(action["key"], action["arguments"], lambda: asyncio.run(_ask(action)))
    arguments = dict(action["arguments"])
    if action["tool"] == MAIL:
        # A mail needs a name, so that the same one is never sent twice.
        arguments.setdefault("message_id", f"call-{digest_of(str(action['id']))[:24]}@millrace.local")
    return actions.perform(
        action["key"],
        action["arguments"],
        lambda: _run(action["tool"], function, arguments),
        lambda: _look(action["tool"], arguments),
    )


def _run(tool: str, function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Call one of our own tools: as a function, for over MCP its faults come back as words only."""
    from f.millrace.tools.mail import DeliveryUnknown

    try:
        answer = pydantic.validate_call(function)(**arguments)
    except DeliveryUnknown as error:
        raise actions.OutcomeUnknown(str(error)) from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise ToolFailed(f"{tool} does not take {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return answer.model_dump(mode="json") if isinstance(answer, pydantic.BaseModel) else {"answer": answer}


def _look(tool: str, arguments: dict[str, Any]) -> dict[str, Any] | bool | None:
    """Return what became of an earlier try that died; to read, or to write the same again, changes nothing."""
    from f.millrace.tools import mail

    found = mail.look(arguments["message_id"]) if tool == MAIL else False
    return found.model_dump(mode="json") if isinstance(found, mail.Sent) else found


async def _ask(action: Row) -> dict[str, Any]:
    """Call a tool of others, which is held when it is no longer the one that was enabled."""
    if current().dry_run:
        raise ToolFailed(f"{action['tool']} is not called in a dry run")
    async with open_tools([action["tool"]]) as tools:
        try:
            return await tools.call(action["tool"], action["arguments"])
        except NoAnswer as error:
            raise actions.OutcomeUnknown(str(error)) from error
        except BadInput as error:
            raise ToolFailed("; ".join([str(error), *tools.problems])) from error
