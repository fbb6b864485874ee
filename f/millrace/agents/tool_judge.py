# requirements:

"""Tool judge: what is needed and the nearest tools in; the tool that does it, or none, out.

Where a model is set, it judges what the rules of tool_matching have ranked; without one, or when it
fails, the rules decide.
"""

from collections.abc import Sequence

from pydantic import BaseModel, Field
from pydantic_ai import Agent, ToolOutput

from f.millrace.agents import tool_matching
from f.millrace.core import config, errors
from f.millrace.evidence import prompt
from f.millrace.models import call, offline
from f.millrace.telemetry import events
from f.millrace.tools import client

MOST_SHOWN = 8
INSTRUCTIONS = f"""\
You are told what somebody needs a tool for, and which tools there are. Name the one tool that does
just that, or none.
A tool that does the opposite, works on another kind of thing, only reads where something has to be
changed, or needs an input that nobody has, does not do it. Other words for the same do.
{prompt.UNTRUSTED}"""


class Choice(BaseModel):
    """Which tool does it."""

    tool: str = Field(description="The name of the tool as it is listed; empty when none does it.")
    reason: str = Field(description="Why, in one short sentence.", max_length=300)


agent = Agent(
    output_type=ToolOutput(Choice, name="choose", description="The tool, or none."),
    instructions=INSTRUCTIONS,
)


async def judge(
    needs: Sequence[tool_matching.MissingTool], tools: Sequence[client.Tool], **options: object
) -> dict[str, tool_matching.Match | None]:
    """Return for each need, by its name, the tool that a model says meets it, or None; needs that
    no model judged are left out.
    """
    own = config.settings().agents.get("tool_judge")
    model = options.get("model") or (own and own.model) or config.settings().model
    if not tools or model == offline.MODEL:
        return {}
    judged: dict[str, tool_matching.Match | None] = {}
    for need in needs:
        try:
            judged[need.name] = await _judge_one(need, tools, **options)
        except (errors.ModelFailed, errors.BudgetExceeded) as error:
            events.emit("error", f"no model judged whether a tool does {need.name}: {error}")
    return judged


async def _judge_one(
    need: tool_matching.MissingTool, tools: Sequence[client.Tool], **options: object
) -> tool_matching.Match | None:
    shown = tool_matching.nearest(need, tools, MOST_SHOWN)
    text = prompt.compose(
        {
            "Needed": prompt.Foreign(need.model_dump_json()),
            "Tools": prompt.Foreign("\n".join(_line(tool) for tool in shown)),
        }
    )
    answer = await call.call("tool_judge", agent, text, **options)  # type: ignore[arg-type]
    choice: Choice = answer.output
    named = next(
        (tool for tool in shown if tool_matching.is_same_name(choice.tool, tool.name)), None
    )
    return (
        tool_matching.Match(named.name, f"the tool {named.name} does that ({choice.reason})")
        if named
        else None
    )


def _line(tool: client.Tool) -> str:
    required = ", ".join(map(str, tool.input_schema.get("required") or [])) or "nothing"
    changes = "only reads" if tool.read_only else "may change something"
    return f"{tool.name}: {tool.summary[:400]} Needs {required}; {changes}."
