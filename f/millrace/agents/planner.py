# requirements:

"""Planner: a question in, searches out."""

from collections.abc import Sequence

from pydantic import BaseModel, Field
from pydantic_ai import Agent, ToolOutput

from f.millrace.core import run_context
from f.millrace.evidence import prompt
from f.millrace.models import call

INSTRUCTIONS = f"""\
You plan the research of one question. Write searches that a search engine can answer: names,
figures, dates, no filler.
The most important comes first; do not repeat what was asked already or is known. Choose a tool only
from those listed.
{prompt.UNTRUSTED}"""


class Query(BaseModel):
    """One search."""

    text: str = Field(description="What to search for, a few words.", max_length=300)
    tool: str = Field(
        default="", description="Name of the tool to ask; empty: the first that searches."
    )


class Plan(BaseModel):
    """What to search for."""

    queries: list[Query] = Field(
        description="The most important first; three at most.", max_length=6
    )


agent = Agent(
    output_type=ToolOutput(Plan, name="plan", description="The searches."),
    instructions=INSTRUCTIONS,
)


async def plan(
    question: prompt.Body,
    *,
    known: Sequence[str] = (),
    tools: Sequence[str] = (),
    earlier: Sequence[str] = (),
    **options: object,
) -> call.Answer:
    """Return the searches for a question, given what is known, the tools there are and the
    conversation so far.
    """
    text = prompt.compose(
        {
            "Question": question,
            "Today": run_context.now().date().isoformat(),
            "Earlier questions": list(earlier),
            "Known already": prompt.Foreign(list(known)),
            "Tools": prompt.Foreign(list(tools)),
        }
    )
    return await call.call("planner", agent, text, **options)  # type: ignore[arg-type]
