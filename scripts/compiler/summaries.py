"""How long summaries may be: Windmill's graph and picker cut them,
and half a sentence says nothing.
"""

from collections.abc import Iterator

from scripts.compiler import metadata
from scripts.compiler.model import Spec
from scripts.compiler.problems import Problem
from scripts.compiler.sources import Bundle

IN_A_FLOW = 25
OF_A_STEP = 30
# What people pick for flows of their own.
BLOCKS = "blocks"


def check(specs: list[Spec], files: Bundle) -> list[Problem]:
    """Return every summary of a step, a script that is one, or a block that would be cut."""
    return [*_check_specs(specs), *_check_scripts(files)]


def _check_specs(specs: list[Spec]) -> Iterator[Problem]:
    for spec in specs:
        if spec.area == BLOCKS:
            yield from _too_long(
                spec.file, 1, "the flow, which is a block,", spec.summary, IN_A_FLOW
            )
        for step in spec.every_step():
            yield from _too_long(spec.file, step.line, f"step {step.id!r}", step.summary, IN_A_FLOW)


def _check_scripts(files: Bundle) -> Iterator[Problem]:
    for module in files.steps():
        most = IN_A_FLOW if module.verb.startswith(f"{BLOCKS}/") else OF_A_STEP
        yield from _too_long(
            module.path, 1, "the docstring's first line", metadata.summary(module), most
        )


def _too_long(file: str, line: int, what: str, summary: str, most: int) -> Iterator[Problem]:
    if len(summary) > most:
        yield Problem(
            file,
            line,
            f"{what} is summarised in {len(summary)} characters: {summary!r}; Windmill shows"
            f" {most}, say it in two to four words and the rest in the description",
        )
