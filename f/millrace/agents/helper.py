"""Helper: one task in; done with whatever tools there are, and an answer out.

The research loop searches and reads by itself; the helper is for tools of other shapes, those of others' servers above
all. Whatever it is talked into by what it reads, its calls go through the toolbox.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent

from f.millrace.agents import offline, prompt
from f.millrace.agents.call import Answer, call, wait
from f.millrace.agents.toolbox import Toolbox
from f.millrace.agents.toolset import report_gap, toolset
from f.millrace.core.config import settings
from f.millrace.core.contracts import Trust
from f.millrace.core.errors import AgentStuck, BadInput, BudgetExceeded
from f.millrace.core.run_context import current, now
from f.millrace.core.setting_types import AgentSettings
from f.millrace.telemetry.events import emit
from f.millrace.tools import snapshot
from f.millrace.tools.client import open_tools
from f.millrace.trust import authority, inert, taint

INSTRUCTIONS = f"""\
You do one task with the tools that you have. Use only what the task needs. Try also when no tool fits: say what you know
and what is missing, and report the missing tool once. A call that is answered "Not done" is not repeated.
Answer in a few sentences of plain text, without links and images.
{prompt.UNTRUSTED}"""
NO_TOOLS = "The offline model calls no tools; set another one with MILLRACE_MODEL and run the task again."

agent = Agent(output_type=str, instructions=INSTRUCTIONS)


@dataclass
class Help:
    """What the helper came to."""

    text: str
    answer: Answer | None
    gaps: list[dict[str, Any]] = field(default_factory=list)
    stopped_because: str = ""  # why it is not finished; empty when it is
    escalated: bool = False  # it was stuck, also on another way: a person should look


def do_task(run_id: str, task: str) -> Help:
    """Do a user's task with the tools that the settings allow the helper; what the money does not reach for is told."""
    own = settings().agents.get("helper") or AgentSettings()
    if not own.enabled:
        raise BadInput("the helper is switched off; set agents.helper.enabled in the settings")
    with authority.agent("helper"):
        return wait(_do(run_id, task, own))


async def _do(run_id: str, task: str, own: AgentSettings) -> Help:
    await snapshot.take(run_id)
    async with open_tools(own.tools) as connected:
        # A fault that leaves this block would come out wrapped in groups by the task groups of the connections.
        try:
            listed = await connected.list_tools()
            for problem in connected.problems:
                emit("error", problem)
            tools = Toolbox(connected, listed, own.risk_threshold or "medium", taint.Heard(task))
            help = await help_with(task, tools, seconds=settings().topic_seconds)
        except BudgetExceeded as error:
            emit("budget", str(error), for_digest=True)
            return Help(f"Not finished: {error}", None, stopped_because=str(error))
        except Exception as error:
            fault = error
        else:
            offline_model = help.answer is not None and help.answer.model == offline.NAME
            return Help(NO_TOOLS, help.answer, stopped_because="the offline model calls no tools") if offline_model else help
    raise fault


async def help_with(task: str, tools: Toolbox, *, trust: Trust = "own", topic_id: str = "", **options: Any) -> Help:
    """Do the task and return the answer; `trust` says whether the user wrote the task or a stranger did."""
    made: list[dict[str, Any]] = []
    section: prompt.Body = task if trust == "own" else prompt.Foreign(task)
    functions = toolset(tools, topic_id, [report_gap(current().run_id, tools, made)])
    text = prompt.compose({"Task": section, "Today": now().date().isoformat()})
    try:
        answer = await call("helper", agent, text, toolsets=[functions], **options)
    except AgentStuck as error:
        emit("escalation", str(error))
        return Help(f"Not finished: {error}", None, made, stopped_because=str(error), escalated=True)
    return Help(inert.text(str(answer.output)), answer, made)
