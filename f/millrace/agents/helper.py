"""Helper: one task in; done with whatever tools there are, and an answer out.

The research loop searches and reads by itself; the helper is for tools of other shapes, those of others' servers above
all. Whatever it is talked into by what it reads, its calls go through the toolbox.
"""

from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent

from f.millrace.agents import prompt
from f.millrace.agents.call import Answer, call
from f.millrace.agents.toolbox import Toolbox
from f.millrace.agents.toolset import report_gap, toolset
from f.millrace.core.context import current, now
from f.millrace.core.contracts import Trust
from f.millrace.trust import inert

INSTRUCTIONS = f"""\
You do one task with the tools that you have. Use only what the task needs. Try also when no tool fits: say what you know
and what is missing, and report the missing tool once. A call that is answered "Not done" is not repeated.
Answer in a few sentences of plain text, without links and images.
{prompt.UNTRUSTED}"""

agent = Agent(output_type=str, instructions=INSTRUCTIONS)


@dataclass
class Help:
    """What the helper came to."""

    text: str
    answer: Answer
    gaps: list[dict[str, Any]] = field(default_factory=list)


async def help_with(task: str, toolbox: Toolbox, *, trust: Trust = "own", topic_id: str = "", **options: Any) -> Help:
    """Do the task and return the answer; `trust` says whether the user wrote the task or a stranger did."""
    made: list[dict[str, Any]] = []
    section: prompt.Body = task if trust == "own" else prompt.Foreign(task)
    functions = toolset(toolbox, topic_id, [report_gap(current().run_id, toolbox, made)])
    text = prompt.compose({"Task": section, "Today": now().date().isoformat()})
    answer = await call("helper", agent, text, toolsets=[functions], **options)
    return Help(inert.text(str(answer.output)), answer, made)
