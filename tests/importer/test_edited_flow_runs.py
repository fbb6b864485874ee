"""A flow that was edited on Windmill runs on this machine as it is, before any import."""

import shutil
from pathlib import Path

import pytest
import yaml

from scripts.runner.run import start
from tests.importer.conftest import FLOW, HERE


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "opened_form",
        "other_ways_to_write_a_path",
        "new_choice",
        "renamed_camel",
        "retry_removed_timeout_set",
    ],
)
def test_an_edited_flow_runs_here_as_it_is(root: Path, database: str, name: str):
    shutil.copy(HERE / "edited" / name / "flow.yaml", root / FLOW)
    answers = {
        "news/open": {"skip": False, "sources": ["a", "b"], "long": True},
        "news/write": {"text": "a note"},
        "news/propose": {"action_id": "x", "agreed": True},
        # in flows as earlier versions compiled them
        "approvals/record_by_policy": {"approved": True},
        "news/publish": {"done": True},
    }
    for verb, answer in answers.items():
        (root / f"f/millrace/{verb}.py").write_text(
            f"def main(**given):\n    return {answer!r} | {{'given': given}}\n"
        )

    outcome = start(
        yaml.safe_load((root / FLOW).read_text()),
        "base",
        {"topic": "sodium", "most": 3},
        isolation="inline",
        root=root,
    )

    assert outcome.status == "done", outcome.error
    assert outcome.result.get("given", {"approved": True}).get("approved", True) is True
