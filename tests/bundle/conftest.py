"""A small bundle that is in order, for tests to break one thing at a time."""

from pathlib import Path

import pytest

from scripts.compiler import metadata, write

STEP = '''# no_postinstall
# requirements: millrace_core

"""{summary}.

    scripts/millrace step {verb}
"""

{imports}

def main({signature}) -> dict:
    """{summary}.

    Args:
{help}
    """
    return {{}}
'''
SPEC = """\
summary: Answer the questions of the day
description: |
  Opens a run
  and answers.
area: research
agents: [writer]
budget: {run_usd: 1.5}
schedule: {cron: "0 30 7 * * *", timezone: Europe/Paris, misfire_grace: 2h}
inputs:
  limit: {type: integer, default: 3, minimum: 1, maximum: 9, description: How many questions.}
steps:
  - id: open
    summary: Open the run
    run: research/open
    from: {pipeline: flow_env.pipeline}
    stop_if: results.open.skip
  - id: answers
    summary: Answer each question
    for_each: results.open.questions
    parallel: true
    keep_going: true
    steps:
      - id: answer
        summary: Answer one question
        run: research/answer
        from: {question: flow_input.iter.value, limit: flow_input.limit}
        with: {style: short}
        retry: {attempts: 2, seconds: 5}
        timeout: 2m
  - id: approve
    summary: Ask a person
    approval: {action: results.open.action_id, when: not results.open.trusted, timeout: 1h}
  - id: close
    summary: Close the run
    run: research/answer
    from: {question: results.approve.by}
on_failure: {run: ops/report_failure}
"""


class SmallBundle:
    """A checkout in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        assert old in self.read(name), f"{old!r} is not in {name}"
        self.write(name, self.read(name).replace(old, new, 1))

    def step(
        self, verb: str, signature: str, imports: str = "", summary: str = "Do one thing"
    ) -> None:
        """Write a step whose parameters are all described."""
        names = [part.split(":")[0].strip() for part in signature.split(", ") if ":" in part]
        help_lines = "\n".join(f"        {name}: What {name} means." for name in names)
        text = STEP.format(
            summary=summary, verb=verb, signature=signature, help=help_lines, imports=imports
        )
        self.write(f"f/millrace/{verb}.py", text)

    def generate(self) -> None:
        write.compile_all(self.root)
        metadata.write(self.root)


@pytest.fixture
def small(tmp_path: Path) -> SmallBundle:
    """A bundle without a mistake: two steps, library, approval, failure handler, one spec."""
    bundle = SmallBundle(tmp_path / "checkout")
    bundle.write("pyproject.toml", '[tool.millrace.dependencies]\ncore = ["pydantic"]\n')
    bundle.write(
        "dependencies/millrace_core.requirements.in", "pydantic==2.14.3\npydantic-core==2.50.4\n"
    )
    bundle.write(
        "f/millrace/core/text.py",
        '# requirements:\n\n"""Texts."""\n\nimport pydantic\n\nLIMIT = 3\n\n\ndef shorten() ->'
        " str:\n    return pydantic.VERSION\n",
    )
    bundle.step(
        "research/open",
        "pipeline: dict, again: bool = False",
        "from f.millrace.core import text\n\ntext.shorten()\n",
    )
    bundle.step("research/answer", 'question: str, limit: int = 3, style: str = "long"')
    bundle.step("approvals/ask", "action_id: str, timeout: int = 60")
    bundle.step(
        "approvals/record",
        "action_id: str, asked: bool = True, resume: dict | None = None, resumes: list[dict] | None"
        " = None",
    )
    bundle.step("ops/report_failure", "error: dict | None = None")
    bundle.write("flows/daily.yaml", SPEC)
    bundle.generate()
    return bundle
