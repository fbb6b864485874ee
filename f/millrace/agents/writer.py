# requirements:

"""Writer: evidence in, cited sentences out.

Its output is plain text, one sentence a line with the ids that it cites, so that a line can be
checked and shown as soon as it is there; evidence/citations turns it into findings.
"""

import re
from collections.abc import Mapping, Sequence

from pydantic_ai import Agent

from f.millrace.core import contracts, run_context
from f.millrace.evidence import citations, prompt
from f.millrace.models import call

MATTERS = "Why it matters:"
# The same as models write it: in bold, as a heading, as an entry of a list.
MATTERS_LINE = re.compile(r"(?i)[\s*_#>-]{0,9}why (?:it|this|that) matters\b[\s*_:.–—-]{0,9}")
INSTRUCTIONS = f"""\
You answer one question from the evidence, for a busy reader. Write two to six lines. Each line is
one sentence that the evidence states, in its words where you can, and ends with the ids it stands
on, like [ev_0123456789abcdef].
The first line answers the question. Keep figures and dates as they are in the evidence. Where
sources disagree, give both.
No headings, no bullets, no links. When the evidence does not answer the question, write only:
NO EVIDENCE
{prompt.UNTRUSTED}"""

REPORT = f"""\
You write one item of a morning digest from the evidence, for a busy reader. Write two to four
sentences that read as one paragraph of plain prose, in your own words, one sentence a line; each
states what the evidence states and ends with the ids it stands on, like [ev_0123456789abcdef].
The first sentence says what is new. Do not repeat the headline, nor anything under "Already told".
Keep figures, names and dates as they are in the evidence. Where sources disagree, give both.
Then, on a line of its own that begins with "{MATTERS}", write one sentence on what follows from it
for the reader, with its ids; leave it out when the evidence does not say.
No headings, no bullets, no links. When the evidence says nothing about it, write only:
NO EVIDENCE
{prompt.UNTRUSTED}"""

agent = Agent(output_type=str, instructions=INSTRUCTIONS)
reporter = Agent(output_type=str, instructions=REPORT)


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


async def report(
    headline: prompt.Body,
    evidence: Sequence[contracts.Evidence],
    *,
    claims: Sequence[str] = (),
    conflicts: Sequence[str] = (),
    own: Sequence[str] = (),
    already_told: Sequence[str] = (),
    **options: object,
) -> call.Answer:
    """Return an item of a digest as text, one cited sentence a line, and perhaps a line of why it
    matters.

    `own` are the ids of what the story's own pages say; `already_told` the reader knows.
    """
    sections = {
        "Headline": headline,
        "Today": run_context.now().date().isoformat(),
        "Own pages": list(own),
        "Already told": prompt.Foreign(list(already_told)),
        "Checked claims": prompt.Foreign(list(claims)),
        "Sources disagree": prompt.Foreign(list(conflicts)),
    }
    return await call.call("writer", reporter, prompt.compose(sections, evidence), **options)  # type: ignore[arg-type]


def split_reason(text: str, evidence: Mapping[str, contracts.Evidence]) -> tuple[str, str]:
    """Return the text without its line on why it matters, and that line when the evidence carries
    it.
    """
    told: list[str] = []
    rest: list[str] = []
    below = False
    for line in text.splitlines():
        found = MATTERS_LINE.match(line)
        (told if found or below else rest).append(line[found.end() :] if found else line)
        # As a heading it stands above its line.
        below = not line[found.end() :].strip() if found else below and not line.strip()
    checked = citations.verify("\n".join(told), evidence)
    return "\n".join(rest), checked.findings[0].text if checked.findings else ""
