"""Continuous integration runs the checks and all tests, on each Python that setup accepts."""

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from scripts.compiler import hashes
from scripts.paths import ROOT

FOLDER = ROOT / ".github/workflows"
FILES = sorted(path.name for path in FOLDER.glob("*.yml"))


def jobs(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())["jobs"]


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("name", FILES)
def test_actions_are_pinned_by_their_commit(name):
    used = re.findall(r"uses: (\S+)(.*)", (FOLDER / name).read_text())

    assert used
    for action, version in used:
        pinned = re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
        is_told = re.fullmatch(r" # v\d+\.\d+\.\d+", version)
        assert (pinned and is_told) or (ROOT / action).is_file(), action


def test_updates_are_proposed_each_week_and_only_after_the_tests():
    found = yaml.safe_load((FOLDER / "updates.yml").read_text())
    update, test, propose = commands(found["jobs"]["propose"])

    assert found[True]["schedule"], "`on` is read as true"
    assert "locks upgrade" in update and "pin_images" in update
    assert "scripts/check" in test and "scripts/test" in test and "gh pr create" in propose


def test_a_release_is_tested_and_lists_its_libraries():
    found = jobs("release.yml")

    assert found["release"]["needs"] == "test"
    assert any("scripts/sbom" in command for command in commands(found["release"]))


def test_images_get_the_digest_that_their_registry_tells(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/pin_images", tmp_path / "scripts")
    compose = tmp_path / "docker-compose.yml"
    compose.write_text("x:\n  image: one:1.2\ny:\n  image: two/three:1.2@sha256:00\n")
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\necho ${DIGEST-sha256:" + "7" * 64 + "}\n")
    docker.chmod(0o755)

    def run(**more):
        path = f"{docker.parent}:{os.environ['PATH']}"
        command = [str(tmp_path / "scripts/pin_images")]
        return subprocess.run(command, env={"PATH": path, **more}, capture_output=True, text=True)

    assert run().returncode == 0
    assert re.findall(r"image: (\S+)", compose.read_text()) == [
        f"one:1.2@sha256:{'7' * 64}",
        f"two/three:1.2@sha256:{'7' * 64}",
    ]
    failed = run(DIGEST="")
    assert failed.returncode == 1 and "tells no digest of one:1.2" in failed.stderr


def test_what_is_installed_outside_of_windmill_is_pinned_by_hashes():
    for pinned, hashed in hashes.FILES.items():
        assert (ROOT / pinned).is_file() and (ROOT / hashed).is_file()
    assert hashes.check(ROOT) == []
    assert "--require-hashes" in (ROOT / "docker-compose.yml").read_text()


def test_a_pin_without_its_hash_is_told(tmp_path):
    for pinned, hashed in hashes.FILES.items():
        for name in (pinned, hashed):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / pinned).write_text("a==1\nb==2\n")
        (tmp_path / hashed).write_text("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\nb==2\n")

    assert [each.what for each in hashes.check(tmp_path)] == [
        f"has no hashes for the pins of {pinned}, e.g. b==2; run scripts/millrace locks upgrade"
        for pinned in hashes.FILES
    ]


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
