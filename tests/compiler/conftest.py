"""Specs as text, compiled against steps that take anything their spec gives them."""

from pathlib import Path
from typing import Any

import pytest

from scripts.compiler import openflow, semantics, spec
from scripts.compiler.sources import bundle

STEP = '''"""Do one thing."""


def main(a: {kind} = {default}, b: str = "", needed: str = "") -> dict:
    """Do one thing."""
    return {{}}
'''
APPROVALS = {
    "ask": "action_id: str, timeout: int = 60",
    "record": (
        "action_id: str | None = None, asked: bool = True, resume: dict | None = None, resumes:"
        " list | None = None, approvers: list | None = None"
    ),
}
HEAD = "summary: A flow for a test\narea: research\n"


class Workshop:
    """A folder with one spec, `flow`, and a step `work/do`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for verb, signature in APPROVALS.items():
            self.write(
                f"f/millrace/approvals/{verb}.py",
                f"def main({signature}) -> dict:\n    return {{}}\n",
            )
        self.write("f/millrace/work/do.py", STEP.format(kind="str", default='""'))
        self.write(
            "f/millrace/ops/report.py",
            "def main(error: dict, pipeline: dict, note: str = '') -> dict:\n    return {}\n",
        )

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def problems(self, text: str) -> list[str]:
        """Return the mistakes of a spec as `line: what`."""
        loaded, found = spec.parse(self.write("flows/flow.yaml", HEAD + text))
        found += semantics.check(loaded, bundle(self.root)) if loaded else []
        return [f"{problem.line}: {problem.what}" for problem in found]

    def compile(self, text: str) -> dict[str, Any]:
        """Return the OpenFlow of a spec that must be free of mistakes."""
        assert self.problems(text) == []
        return openflow.compile_flow(spec.load(self.root / "flows/flow.yaml"), bundle(self.root))

    def modules(self, text: str) -> list[dict[str, Any]]:
        """Return the modules of a spec's steps."""
        return self.compile(text)["value"]["modules"]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "workshop")
