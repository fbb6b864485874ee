"""What the live tests need from the machine: they skip off CI when it is missing, and must run on
CI.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.deployment import checkout as bundle_checkout
from scripts.deployment import cli
from scripts.deployment.server import DeployFailed, Server
from tests.live.small import commit, git, small_bundle
from tests.live.windmill import TOKEN, WORKSPACE, Recorded, recording

ROOT = Path(__file__).resolve().parents[2]
CACHE = os.environ.get("MILLRACE_CACHE")


@pytest.fixture(autouse=True)
def same_cache(clean_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched is kept where the machine says, also when its other settings are away."""
    if CACHE:
        monkeypatch.setenv("MILLRACE_CACHE", CACHE)


def missing(reason: str) -> None:
    """Skip off CI with the reason; fail on CI."""
    if os.environ.get("CI"):
        pytest.fail(f"on CI this must run: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def wmill() -> Path:
    """The real CLI, fetched once into the cache."""
    try:
        return cli.wmill()
    except (DeployFailed, subprocess.TimeoutExpired) as error:
        missing(str(error))
        raise


@pytest.fixture(scope="session")
def python312() -> str:
    """A Python 3.12, as on a worker."""
    candidates = [
        shutil.which("python3.12"),
        *sorted(Path.home().glob(".pyenv/versions/3.12*/bin/python3.12"), reverse=True),
    ]
    candidates += sorted(
        Path.home().glob(".local/share/uv/python/cpython-3.12*/bin/python3.12"), reverse=True
    )
    # Beside the running Python, where version managers keep the others.
    candidates += sorted(Path(sys.base_prefix).parent.glob("3.12*/bin/python3.12"), reverse=True)
    for candidate in filter(None, candidates):
        seen = subprocess.run([str(candidate), "--version"], capture_output=True, text=True)
        if seen.returncode == 0 and seen.stdout.startswith("Python 3.12"):
            return str(candidate)
    missing("there is no Python 3.12 (`uv python install 3.12` brings one)")
    raise AssertionError


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a deployment would push."""
    folder = tmp_path_factory.mktemp("bundle")
    bundle_checkout.copy(ROOT, folder)
    return folder


@pytest.fixture(scope="session")
def pushed(wmill: Path, bundle: Path) -> Iterator[Recorded]:
    """A workspace to which the real CLI pushed the bundle."""
    with recording() as recorded:
        cli.push(bundle, Server(recorded.url, WORKSPACE, TOKEN), "tests")
        yield recorded


@pytest.fixture
def server() -> Iterator[Recorded]:
    """An empty workspace."""
    with recording() as recorded:
        yield recorded


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small bundle in Git: a script, a flow, a schedule."""
    root = small_bundle(tmp_path / "bundle")
    git(root, "init", "-q")
    return commit(root)
