# requirements:

"""Judge: evidence in; what it says, what contradicts and what is missing out."""

from collections.abc import Sequence

from pydantic import BaseModel, Field
from pydantic_ai import Agent, ToolOutput

from f.millrace.core import contracts, run_context
from f.millrace.evidence import prompt
from f.millrace.models import call

INSTRUCTIONS = f"""\
You judge evidence about one question. State the key claims that it makes, each with the ids of all
evidence that says so.
Report every contradiction between sources with both sides, also when one is more likely. Say
whether the evidence is enough to answer, and if not, which searches would help; do not repeat what
was asked already.
Different things may share a name (two towns, two films): then their facts do not contradict; say
which one each claim is about.
{prompt.UNTRUSTED}"""


class Judgement(BaseModel):
    """What the evidence is worth."""

    enough: bool = Field(description="Whether it answers the question from more than one source.")
    claims: list[contracts.Finding] = Field(
        default_factory=list, description="Key claims, the most important first."
    )
    missing: list[str] = Field(default_factory=list, description="Searches for what is missing.")
    conflicts: list[contracts.ProposedConflict] = Field(default_factory=list)


agent = Agent(
    output_type=ToolOutput(Judgement, name="judge", description="The judgement."),
    instructions=INSTRUCTIONS,
)


async def judge(
    question: prompt.Body,
    evidence: Sequence[contracts.Evidence],
    *,
    asked: Sequence[str] = (),
    own: Sequence[str] = (),
    **options: object,
) -> call.Answer:
    """Return the judgement of the evidence; `own` are the ids of what a news story's own pages
    say.
    """
    sections = {
        "Question": question,
        "Today": run_context.now().date().isoformat(),
        "Asked already": list(asked),
        "Own pages": list(own),
    }
    return await call.call("judge", agent, prompt.compose(sections, evidence), **options)  # type: ignore[arg-type]
