# requirements:

"""Helper: one task in; done with whatever tools there are, and an answer out.

The research loop searches and reads by itself; the helper is for tools of other shapes, those of
others' servers above all. Whatever it is talked into by what it reads, its calls go through the
toolbox.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.toolsets import FunctionToolset

from f.millrace.agents import answer_sources, toolset
from f.millrace.core import config, contracts, errors, run_context, setting_types
from f.millrace.evidence import prompt
from f.millrace.models import call, offline
from f.millrace.telemetry import events
from f.millrace.tools import client, snapshot, toolbox
from f.millrace.trust import authority, defang, taint

INSTRUCTIONS = f"""\
You do one task with the tools that you have. Use only what the task needs. Try also when no tool
fits: say what you know and what is missing, and report the missing tool once. A call that is
answered "Not done" is not repeated.
Answer in a few sentences of plain text, without links and images.
{prompt.UNTRUSTED}"""
NO_TOOLS = (
    "The offline model calls no tools; set another one with MILLRACE_MODEL and run the task again."
)

agent = Agent(output_type=str, instructions=INSTRUCTIONS)


@dataclass
class TaskResult:
    """What the helper came to."""

    text: str
    answer: call.Answer | None
    gaps: list[dict[str, Any]] = field(default_factory=list)
    stopped_because: str = ""  # why it is not finished; empty when it is
    escalated: bool = False  # it was stuck, also on another way: a person should look
    sources: list[dict[str, Any]] = field(default_factory=list)  # number, title, url
    findings: list[dict[str, Any]] = field(default_factory=list)  # sentences, with what they cite


def do_task(run_id: str, task: str) -> TaskResult:
    """Do a user's task with the tools that the settings allow the helper; what the money does not
    reach for is told.
    """
    own = config.settings().agents.get("helper") or setting_types.AgentSettings()
    if not own.enabled:
        raise errors.BadInput(
            "the helper is switched off; set agents.helper.enabled in the settings"
        )
    with authority.agent("helper"):
        return call.wait(_do(run_id, task, own))


async def _do(run_id: str, task: str, own: setting_types.AgentSettings) -> TaskResult:
    await snapshot.take(run_id)
    async with client.open_tools(own.tools) as connected:
        # A fault that leaves this block would come out wrapped in groups by the task groups of the
        # connections.
        try:
            listed = await connected.list_tools()
            for problem in connected.problems:
                events.emit("error", problem)
            tools = toolbox.Toolbox(
                connected,
                listed,
                own.risk_threshold or "medium",
                taint.TaintContext(task),
                counts_on=True,
            )
            help = await run_task(task, tools, seconds=config.settings().topic_seconds)
        except errors.BudgetExceeded as error:
            events.emit("budget", str(error), for_digest=True)
            return TaskResult(f"Not finished: {error}", None, stopped_because=str(error))
        except Exception as error:
            fault = error
        else:
            offline_model = help.answer is not None and help.answer.model == offline.MODEL
            return (
                TaskResult(
                    NO_TOOLS, help.answer, stopped_because="the offline model calls no tools"
                )
                if offline_model
                else help
            )
    raise fault


async def run_task(
    task: str,
    tools: toolbox.Toolbox,
    *,
    trust: contracts.Trust = "own",
    topic_id: str = "",
    **options: Any,
) -> TaskResult:
    """Do the task and return the answer; `trust` says whether the user wrote the task or it is
    untrusted text.
    """

    async def ask(text: str, functions: FunctionToolset[Any]) -> call.Answer:
        return await call.call("helper", agent, text, toolsets=[functions], **options)

    return await work_with(ask, task, tools, trust, topic_id)


async def work_with(
    ask: Callable[[str, FunctionToolset[Any]], Awaitable[call.Answer]],
    task: str,
    tools: toolbox.Toolbox,
    trust: contracts.Trust = "own",
    topic_id: str = "",
) -> TaskResult:
    """Have an agent do the task with the tools as functions; `ask` runs its model on the prompt."""
    made: list[dict[str, Any]] = []
    section: prompt.Body = task if trust == "own" else prompt.Foreign(task)
    functions = toolset.toolset(
        tools, topic_id, [toolset.report_gap(run_context.current().run_id, tools, made)]
    )
    text = prompt.compose({"Task": section, "Today": run_context.now().date().isoformat()})
    try:
        answer = await ask(text, functions)
    except errors.AgentStuck as error:
        events.emit("escalation", str(error))
        return TaskResult(
            f"Not finished: {error}", None, made, stopped_because=str(error), escalated=True
        )
    said = defang.defang(str(answer.output))
    return TaskResult(said, answer, made, findings=answer_sources.cite(said, task, tools))
