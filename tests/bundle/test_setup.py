"""`scripts/setup`, where it must not do its work."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from scripts.paths import ROOT


def copy_scripts(checkout: Path) -> None:
    (checkout / "scripts").mkdir(parents=True)
    for name in ("setup", "state.sh"):
        shutil.copy(ROOT / "scripts" / name, checkout / "scripts" / name)


def test_an_environment_of_another_checkout_is_not_cleared(tmp_path: Path) -> None:
    other, here = tmp_path / "other/venv", tmp_path / "here"
    (other / "bin").mkdir(parents=True)
    (other / "bin/python").write_text("")
    copy_scripts(here)
    (here / "scripts/requirements.txt").write_text("uv==0\n")
    (here / ".millrace").mkdir()
    (here / ".millrace/venv").symlink_to(other)

    done = subprocess.run([here / "scripts/setup"], capture_output=True, text=True)

    assert done.returncode == 2 and f"rm {here}/.millrace/venv" in done.stderr
    assert str(other) in done.stderr and (other / "bin/python").exists()


def test_a_link_to_an_environment_with_the_same_libraries_serves(tmp_path: Path) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    (other / "bin").mkdir(parents=True)
    (other / "bin/python").symlink_to("/bin/true")
    copy_scripts(here)
    for place in (here / "scripts/requirements.txt", other / "pins"):
        place.write_text("uv==0\n")
    (here / ".millrace").mkdir()
    (here / ".millrace/venv").symlink_to(other)

    assert subprocess.run([here / "scripts/setup"]).returncode == 0


def make_ready(checkout: Path, python: str) -> None:
    """A checkout whose environment has the pinned libraries and this Python."""
    copy_scripts(checkout)
    (checkout / ".millrace/venv/bin").mkdir(parents=True)
    (checkout / ".millrace/venv/bin/python").symlink_to(python)
    for place in (checkout / "scripts/requirements.txt", checkout / ".millrace/venv/pins"):
        place.write_text("uv==0\n")


def set_up(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run setup with a Python that it refuses, so that it stops before it makes anything."""
    return subprocess.run(
        [checkout / "scripts/setup"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "MILLRACE_PYTHON": "/bin/false"},
    )


@pytest.mark.parametrize("python", ["gone/python3.11", "python3.10"])
def test_an_environment_whose_python_is_gone_or_another_one_is_made_anew(tmp_path, python):
    (tmp_path / "python3.10").write_text("#!/bin/sh\n")
    (tmp_path / "python3.10").chmod(0o755)
    make_ready(tmp_path / "here", str(tmp_path / python))

    done = set_up(tmp_path / "here")

    assert done.returncode == 2 and "Millrace needs Python 3.11" in done.stderr


def find_state(checkout: Path, user: int | None = None, **environment: str) -> list[str]:
    """Return what the scripts say: the folders of state and environment, or why there is none."""
    script = '. scripts/state.sh; find_state "$PWD"; echo "$state"; echo "$venv"'
    done = subprocess.run(
        ["bash", "-euc", script],
        capture_output=True,
        text=True,
        cwd=checkout,
        user=user,
        env={"PATH": os.environ["PATH"], **environment},
    )
    return (done.stdout + done.stderr).splitlines()


def test_state_lies_in_the_checkout_and_is_its_owners_alone(tmp_path):
    copy_scripts(tmp_path / "here")

    state, venv = find_state(tmp_path / "here")

    assert (state, venv) == (f"{tmp_path}/here/.millrace", f"{tmp_path}/here/.millrace/venv")
    assert Path(state).stat().st_mode & 0o777 == 0o700


@pytest.fixture
def read_only():
    """A checkout that a plain user may read and not write, and that user's home."""
    if os.geteuid() != 0:
        pytest.skip("only root can run something as another user")
    with tempfile.TemporaryDirectory() as folder:
        place, home = Path(folder), Path(folder) / "home"
        place.chmod(0o755)
        home.mkdir()
        os.chown(home, 65534, 65534)
        make_ready(place / "mill race", "/bin/sh")
        yield place / "mill race", home


def test_where_the_checkout_cannot_be_written_the_users_own_folder_has_the_state(read_only):
    checkout, home = read_only

    state, venv = find_state(checkout, user=65534, HOME=str(home))

    assert Path(state).parent == home / ".local/state/millrace" and "mill race-" in state
    assert Path(state).stat().st_mode & 0o777 == 0o700
    assert venv == f"{checkout}/.millrace/venv"


def test_an_environment_that_is_closed_to_the_user_is_made_in_their_own_folder(read_only):
    checkout, home = read_only
    (checkout / ".millrace").chmod(0o700)

    state, venv = find_state(checkout, user=65534, HOME=str(home))

    assert venv == f"{state}/venv" and state.startswith(str(home))


def test_a_database_that_cannot_be_written_is_not_replaced_by_an_empty_one(read_only):
    checkout, home = read_only
    (checkout / ".millrace/postgres").mkdir()
    (checkout / ".millrace/postgres/url").write_text("x")

    (said,) = find_state(checkout, user=65534, HOME=str(home))

    assert "holds the database of this checkout and cannot be written" in said


def test_where_nothing_can_be_written_the_way_out_is_said(read_only):
    checkout, _ = read_only

    (said,) = find_state(checkout, user=65534, HOME="/nonexistent")

    assert "cannot be written; set MILLRACE_STATE" in said
