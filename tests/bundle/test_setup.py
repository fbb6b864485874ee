"""`scripts/setup`, where it must not do its work."""

import shutil
import subprocess
from pathlib import Path

from scripts.paths import ROOT


def test_an_environment_of_another_checkout_is_not_cleared(tmp_path: Path) -> None:
    other, here = tmp_path / "other/venv", tmp_path / "here"
    (other / "bin").mkdir(parents=True)
    (other / "bin/python").write_text("")
    (here / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/setup", here / "scripts/setup")
    (here / "scripts/requirements.txt").write_text("uv==0\n")
    (here / ".millrace").mkdir()
    (here / ".millrace/venv").symlink_to(other)

    done = subprocess.run([here / "scripts/setup"], capture_output=True, text=True)

    assert done.returncode == 2 and "rm .millrace/venv" in done.stderr
    assert str(other) in done.stderr and (other / "bin/python").exists()


def test_a_link_to_an_environment_with_the_same_libraries_serves(tmp_path: Path) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    (here / "scripts").mkdir(parents=True)
    other.mkdir()
    shutil.copy(ROOT / "scripts/setup", here / "scripts/setup")
    for place in (here / "scripts/requirements.txt", other / "pins"):
        place.write_text("uv==0\n")
    (here / ".millrace").mkdir()
    (here / ".millrace/venv").symlink_to(other)

    assert subprocess.run([here / "scripts/setup"]).returncode == 0
