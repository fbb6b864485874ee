"""What a test run leaves out, and that it says so."""

import os
import subprocess
import sys

import pytest

from scripts.paths import ROOT
from tests import tiers

# Of all folders of tests only the live ones, so that nothing else is imported.
ONLY_LIVE = [f"--ignore-glob={ROOT}/tests/[a-km-z]*"]
LEFT_OUT = "left out: tests/live"


def collected(*arguments: str, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "PROVE")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.long
def test_the_live_tests_are_left_out_with_the_command_that_runs_them():
    said = collected("tests", *ONLY_LIVE)

    assert "test_push.py" not in said
    assert LEFT_OUT in said and "`scripts/prove live`" in said


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "variables"),
    [
        *tiers.pick(
            [("tests", {"CI": "true"})], [("tests", {"CI": "1"}), ("tests", {"PROVE": "1"})]
        ),
        ("tests/live/test_push.py", {}),
    ],
)
def test_on_ci_in_the_long_tier_and_by_name_they_run(path, variables):
    said = collected(path, *ONLY_LIVE, **variables)

    assert "test_push.py" in said
    assert LEFT_OUT not in said


LONG = "test_any_pipeline_can_be_edited_into_any_other"


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "variables", "runs"),
    [
        ("tests/importer", {}, False),
        ("tests/importer", {"PROVE": "1"}, True),
        ("tests/importer/test_round_trip.py", {}, True),
    ],
)
def test_long_tests_run_on_ci_in_the_long_tier_and_where_their_file_is_named(path, variables, runs):
    said = collected(path, **variables)

    assert (LONG in said) is runs
    assert ("`scripts/prove long`" in said) is not runs
