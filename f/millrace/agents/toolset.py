# requirements:

"""The toolbox as a model sees it: each listed tool a function, each call through the toolbox's
rules.

What a tool answers is shown between marks that say whose words it is; what was not done is answered
in words.
"""

import functools
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic_ai.tools import RunContext
from pydantic_ai.tools import Tool as FunctionTool
from pydantic_ai.toolsets import FunctionToolset

from f.millrace.agents import missing_tools, progress, tool_judge
from f.millrace.core import errors
from f.millrace.evidence import prompt
from f.millrace.tools import client, toolbox

LONGEST_ANSWER = 12_000


def toolset(
    tools: toolbox.Toolbox, topic_id: str = "", extra: Sequence[FunctionTool[Any]] = ()
) -> FunctionToolset[Any]:
    """Return the tools of the toolbox as functions of a model, and with them what the agent brings.

    A model that goes in circles is told once to try another way; then its work ends (AgentStuck).
    """
    watch = progress.Progress()
    uses = Counter(tool.function_name for tool in tools.listed.values())
    functions = [
        _function(
            tools,
            watch,
            tool,
            topic_id,
            tool.function_name if uses[tool.function_name] == 1 else tool.distinct_name,
        )
        for tool in tools.listed.values()
    ]
    return FunctionToolset([*functions, *extra])


def _function(
    tools: toolbox.Toolbox,
    progress: progress.Progress,
    tool: client.Tool,
    topic_id: str,
    name: str,
) -> FunctionTool[Any]:
    return FunctionTool.from_schema(
        functools.partial(_call, tools, progress, tool, topic_id),
        name=name,
        description=tool.description,
        json_schema=tool.input_schema,
        takes_ctx=True,
    )


async def _call(
    tools: toolbox.Toolbox,
    progress: progress.Progress,
    tool: client.Tool,
    topic_id: str,
    context: RunContext[Any],
    **arguments: Any,
) -> str:
    request = context.run_step
    advice = progress.calling(request, tool.name, arguments)
    if advice:
        return f"Not done: {advice}"
    news = not tool.read_only
    try:
        answer = await tools.call(tool.name, arguments, topic_id)
        text = json.dumps(answer, ensure_ascii=False, default=str)[:LONGEST_ANSWER]
        told = prompt.foreign(text, source=tool.name, trust=tools.words(tool, answer))
    except errors.MillraceError as error:
        told = f"Not done: {prompt.safe(str(error))}"
        # A further proposal for a person is a step forward; a further fault is none.
        news = isinstance(error, errors.NeedsApproval)
    advice = progress.note_answer(request, tool.name, told, news)
    return f"{told}\n\n{advice}" if advice else told


def report_gap(
    run_id: str, tools: toolbox.Toolbox, made: list[dict[str, Any]]
) -> FunctionTool[Any]:
    """Return the function by which a model reports a tool that it lacks; a report that does not
    hold is answered with why.
    """

    async def report_missing_tool(report: missing_tools.GapReport) -> str:
        """Report that no tool can do what the task needs, after a look at all that there are."""
        try:
            listed = list(tools.listed.values())
            judged = await tool_judge.judge(report.missing_tools, listed)
            stored = missing_tools.report(run_id, report, listed, judged)
        except errors.BadInput as error:
            return f"Not accepted: {error}"
        made.append(stored)
        doubts = stored["existing_tools_checked"][len(report.existing_tools_checked) :]
        told = "".join(f" {doubt.removeprefix(missing_tools.MARK)}." for doubt in doubts)
        return f"Stored. Go on with what can be done.{told}"

    return FunctionTool(report_missing_tool, takes_ctx=False)
