# requirements:

"""Writer: evidence in, cited sentences out.

Its output is plain text, one sentence a line with the ids that it cites, so that a line can be
checked and shown as soon as it is there; evidence/citations turns it into findings.
"""

from collections.abc import Sequence

from pydantic_ai import Agent

from f.millrace.core import contracts, run_context
from f.millrace.evidence import prompt
from f.millrace.models import call

INSTRUCTIONS = f"""\
You answer one question from the evidence, for a busy reader. Write two to six lines. Each line is
one sentence that the evidence states, in its words where you can, and ends with the ids it stands
on, like [ev_0123456789abcdef].
The first line answers the question. Keep figures and dates as they are in the evidence. Where
sources disagree, give both.
No headings, no bullets, no links. When the evidence does not answer the question, write only:
NO EVIDENCE
{prompt.UNTRUSTED}"""

agent = Agent(output_type=str, instructions=INSTRUCTIONS)


async def write(
    question: prompt.Body,
    evidence: Sequence[contracts.Evidence],
    *,
    claims: Sequence[str] = (),
    conflicts: Sequence[str] = (),
    earlier: Sequence[str] = (),
    **options: object,
) -> call.Answer:
    """Return the answer as text, one cited sentence a line."""
    sections = {
        "Question": question,
        "Today": run_context.now().date().isoformat(),
        "Earlier questions": list(earlier),
        "Checked claims": prompt.Foreign(list(claims)),
        "Sources disagree": prompt.Foreign(list(conflicts)),
    }
    return await call.call("writer", agent, prompt.compose(sections, evidence), **options)  # type: ignore[arg-type]
