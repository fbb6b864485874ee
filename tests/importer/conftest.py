"""A bundle of small scripts, the spec `base.yaml` over them, and flows as the editor and a pull
left them.
"""

import shutil
from pathlib import Path

import pytest

from scripts.compiler import write

HERE = Path(__file__).parent
FLOW = "f/millrace/news/base__flow/flow.yaml"
SCRIPTS = {
    "news/open": "pipeline: dict, topic: str, day: str = ''",
    "news/fetch": (
        "source: str, most: int = 5, language: str = '', tags: list[str] | None = None, deep: bool"
        " = False"
    ),
    "news/count": "found: list",
    "news/judge": "found: list, strict: bool = False, day: str = ''",
    "news/write": "words: int = 100, tone: str = ''",
    "news/propose": "text: str",
    "news/publish": "action_id: str, approved: bool = False",
    "news/tidy": "days: int = 7",
    "ops/report": "error: dict, pipeline: dict, note: str = ''",
    "approvals/ask": "action_id: str, timeout: int = 60",
    "approvals/record": (
        "action_id: str | None = None, asked: bool = True, resume: dict | None = None, resumes:"
        " list | None = None, approvers: list | None = None"
    ),
}


def bundle_of(root: Path) -> Path:
    """Write the scripts under a root, each with a docstring that says its name."""
    for verb, signature in SCRIPTS.items():
        file = root / f"f/millrace/{verb}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        body = "    given = dict(locals())\n    return given"
        file.write_text(
            f'"""{verb.replace("/", ": ").capitalize()}."""\n\n\ndef main({signature}) ->'
            f" dict:\n{body}\n"
        )
    return root


def with_base(root: Path, spec: str = "base") -> Path:
    """Put the base spec and its compiled flow under a root."""
    (root / "flows").mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / f"{spec}.yaml", root / "flows" / f"{spec}.yaml")
    write.compile_all(root, [spec])
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A bundle with the base spec, compiled."""
    return with_base(bundle_of(tmp_path / "bundle"))
