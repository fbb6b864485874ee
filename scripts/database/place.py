"""Where the cluster of a checkout lies: in its state folder, or where root keeps it when that is
closed to the user who runs Postgres for root.
"""

import errno
import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

from f.millrace.core.errors import DatabaseUnavailable
from scripts.database import files, programs

FULL = (errno.ENOSPC, errno.EDQUOT)
# Root's own, which nobody else may write to.
ELSEWHERE = Path("/var/lib/millrace")
# Where versions before this one kept root's data, by the checkout's path.
EARLIER = Path("/var/tmp")


def locate_cluster(state: Path) -> Path:
    """Return the folder of the cluster; made when root needs another than the one in `state`."""
    own = state / "postgres"
    if os.geteuid() != 0:
        if state.is_dir():
            files.close_folder(state)
        return own
    noted = _noted(own / "place")
    if noted:
        return noted
    account = programs.choose_account(own / "data")
    assert account is not None
    if _opens_to(state, account) or (own / "data").exists():
        return own
    files.close_folder(state)
    earlier = EARLIER / f"millrace-postgres-0-{sha256(str(own).encode()).hexdigest()[:12]}"
    home = earlier if _is_roots(earlier) else _make_elsewhere()
    files.make_folder(own)
    files.write(own / "place", f"{home}\n")
    return home


def _noted(note: Path) -> Path | None:
    """Return the folder that was noted, if one was."""
    try:
        home = Path(note.read_text(errors="replace").strip())
    except FileNotFoundError:
        return None
    if home.is_dir() and _is_roots(home):
        return home
    raise DatabaseUnavailable(
        f"the database of this checkout was in {home}, which is gone or not root's own any more;"
        f" put it back, or remove {note} to begin with an empty database"
    )


def _opens_to(state: Path, account: programs.ServiceAccount) -> bool:
    """Let the account, and nobody else, go through the state folder, if it gets that far."""
    files.make_folder(state)
    if not account.reaches(state.resolve().parent):
        return False
    files.close_folder(state, None if state.stat().st_uid == account.uid else account.gid)
    return True


def _make_elsewhere() -> Path:
    for base in (ELSEWHERE, None):
        try:
            if base is not None:
                base.mkdir(mode=0o755, exist_ok=True)
                if not _is_roots(base):
                    continue
                home = base / secrets.token_hex(8)
                home.mkdir(mode=0o700)
                return home
            return Path(tempfile.mkdtemp(prefix="millrace-", dir=EARLIER))
        except OSError:
            continue
    raise DatabaseUnavailable(
        f"the checkout lies where the user who runs Postgres for root may not go, and neither"
        f" {ELSEWHERE} nor {EARLIER} can be written; move the checkout, or"
        f" {programs.OWN_DATABASE}"
    )


def _is_roots(folder: Path) -> bool:
    """Tell whether a folder is root's own, and others may not write to it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return (
        os.path.isdir(folder)
        and not folder.is_symlink()
        and (found.st_uid == 0 and not found.st_mode & 0o022)
    )
