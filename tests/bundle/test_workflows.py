"""Continuous integration runs the checks and all tests, on each Python that setup accepts."""

import re
from typing import Any

import pytest
import yaml

from scripts.paths import ROOT

FOLDER = ROOT / ".github/workflows"
FILES = sorted(path.name for path in FOLDER.glob("*.yml"))


def jobs(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())["jobs"]


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("name", FILES)
def test_actions_are_pinned_by_their_major_version(name):
    used = re.findall(r"uses: (\S+)", (FOLDER / name).read_text())

    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@v\d+", action) or (ROOT / action).is_file(), action


def test_checks_and_tests_run_on_every_python_that_setup_accepts():
    accepted = re.search(
        r"Python (3\.\d+), (3\.\d+) or (3\.\d+);", (ROOT / "scripts/setup").read_text()
    )
    assert accepted is not None

    job = jobs("test.yml")["test"]

    assert job["strategy"]["matrix"]["python"] == list(accepted.groups())
    assert commands(job) == ["scripts/check", "scripts/test --ignore tests/live"]


def test_what_the_other_jobs_leave_out_runs_too():
    assert commands(jobs("test.yml")["live"]) == ["scripts/test tests/live"]


def test_nothing_is_planned_or_deployed_before_the_tests():
    found = jobs("deploy.yml")

    assert found["test"]["uses"] == "./.github/workflows/test.yml"
    assert {name: job["needs"] for name, job in found.items() if name != "test"} == {
        "plan": "test",
        "deploy": "test",
    }
