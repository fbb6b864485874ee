"""What is deployed: a clean copy of the checkout's tracked files,
and what its history says is ours.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from f.millrace.core.errors import BadInput

PARTS = ("wmill.yaml", "f/millrace", "dependencies")


def copy(root: Path, target: Path) -> list[str]:
    """Copy the tracked files that a push needs into `target`; return their paths."""
    paths = [
        path
        for path in _git(root, "ls-files", "-z", "--", *PARTS).split("\0")
        if path and (root / path).is_file()
    ]
    if "wmill.yaml" not in paths:
        raise BadInput(
            f"{root.name} is not a Git checkout of the bundle: wmill.yaml is not tracked; clone it"
            " with git"
        )
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, target / path)
    return paths


def list_changed(root: Path) -> list[str]:
    """Return the tracked files of the bundle whose contents are not committed."""
    return _git(root, "diff", "--name-only", "HEAD", "--", *PARTS).splitlines()


def list_untracked(root: Path) -> list[str]:
    """Return the files of the bundle that Git does not know (ignored ones apart):
    the copy would lack them.
    """
    return _git(root, "ls-files", "--others", "--exclude-standard", "--", *PARTS).splitlines()


@contextlib.contextmanager
def at(root: Path, revision: str) -> Iterator[Path]:
    """Check out another revision beside this one, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="millrace-rollback-") as name:
        folder = Path(name) / "checkout"
        _git(root, "worktree", "add", "--quiet", "--detach", str(folder), revision)
        try:
            yield folder
        finally:
            _git(root, "worktree", "remove", "--force", str(folder))


def revision(root: Path) -> str:
    """Return the short name of the commit, with a + when files differ from it."""
    return _git(root, "rev-parse", "--short", "HEAD").strip() + ("+" if list_changed(root) else "")


def ever_tracked(root: Path) -> set[str]:
    """Return every path that was ever deployed from this history;
    of a shallow clone, only what it has.
    """
    names = _git(
        root,
        "log",
        "--pretty=format:",
        "--name-only",
        "--diff-filter=ADR",
        "--no-renames",
        "--",
        *PARTS,
    )
    return {name for name in names.splitlines() if name}


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BadInput(
            "git is not installed; a deployment takes the tracked files of a checkout"
        ) from None
    if done.returncode != 0:
        raise BadInput(
            f"git {arguments[0]} failed: {done.stderr.strip()}; a deployment needs a Git checkout"
            " with a commit"
        )
    return done.stdout
