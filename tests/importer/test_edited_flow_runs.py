"""A flow that was edited on Windmill runs on this machine as it is, before any import."""

import shutil
from pathlib import Path

import pytest
import yaml

from f.millrace.core.errors import BadInput
from scripts.importer import flow
from scripts.runner.openflow import load_flow
from scripts.runner.run import start
from tests.importer.conftest import FLOW, HERE


@pytest.mark.parametrize(
    "name", ["opened_form", "other_ways_to_write_a_path", "new_choice", "renamed_camel", "retry_removed_timeout_set"]
)
def test_an_edited_flow_runs_here_as_it_is(root: Path, database: str, name: str):
    shutil.copy(HERE / "edited" / name / "flow.yaml", root / FLOW)
    answers = {
        "news/open": {"skip": False, "sources": ["a", "b"], "long": True},
        "news/write": {"text": "a note"},
        "news/propose": {"action_id": "x", "agreed": True},
        "approvals/record_by_policy": {"approved": True},  # in flows as earlier versions compiled them
        "news/publish": {"done": True},
    }
    for verb, answer in answers.items():
        (root / f"f/millrace/{verb}.py").write_text(f"def main(**given):\n    return {answer!r} | {{'given': given}}\n")

    outcome = start(
        yaml.safe_load((root / FLOW).read_text()), "base", {"topic": "sodium", "most": 3}, isolation="inline", root=root
    )

    assert outcome.status == "done", outcome.error
    assert outcome.result.get("given", {"approved": True}).get("approved", True) is True


INLINE = """\
summary: Double
value:
  modules:
    - id: double
      summary: Double it
      value:
        type: rawscript
        content: {named}
        input_transforms:
          number: {{type: static, value: 1e-7}}
        language: python3
schema: {{type: object, properties: {{}}}}
"""


def with_inline_script(root: Path, named: str) -> Path:
    file = root / "f/millrace/news/double__flow/flow.yaml"
    file.parent.mkdir()
    file.write_text(INLINE.format(named=named))
    (file.parent / "double_it.inline_script.py").write_text("def main(number):\n    return {'twice': 2 * number}\n")
    return file


@pytest.mark.parametrize("named", ["'!inline double_it.inline_script.py'", "!inline double_it.inline_script.py"])
def test_an_inline_script_of_the_editor_runs_here_and_is_named_by_the_import(root: Path, database: str, named: str):
    file = with_inline_script(root, named)

    outcome = start(load_flow("f/millrace/news/double", root), "double", {}, isolation="inline", root=root)
    imported = flow.read_flow(file, root)

    assert (outcome.status, outcome.result) == ("done", {"twice": 2e-7})
    assert any(each.step == "double" and "an inline script" in each.what for each in imported.unsaid)


@pytest.mark.parametrize("named", ["'!inline gone.inline_script.py'", "'!inline ../../../../flows/base.yaml'"])
def test_an_inline_script_that_is_not_beside_its_flow_is_told(root: Path, named: str):
    with_inline_script(root, named)

    with pytest.raises(BadInput, match="not beside it; pull the flow again"):
        load_flow("f/millrace/news/double", root)


def test_a_flow_file_without_a_flow_is_told_before_it_runs(root: Path):
    file = with_inline_script(root, "x")
    file.write_text("")

    with pytest.raises(BadInput, match="is no flow"):
        load_flow("f/millrace/news/double", root)
