"""Files of the state that nobody else may read, replaced as a whole or not at all."""

import os
from pathlib import Path

from f.millrace.core import private_files


def write(path: Path, text: str) -> None:
    """Write a file so that it is never half there; it belongs to whom its folder belongs to."""
    private_files.write(path, text)
    match_owner(path, path)


def match_owner(file: int | Path, like: Path) -> None:
    """Give what root has made to whom the folder belongs that it lies in."""
    if os.geteuid() == 0:
        folder = like.parent.stat()
        if folder.st_uid != 0:
            os.chown(file, folder.st_uid, folder.st_gid)


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, with those above it that are missing."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    match_owner(path, path)


def close_folder(path: Path, group: int | None = None) -> None:
    """Take a folder of one's own away from others; who is of `group` may go through it."""
    found = path.stat()
    wanted = 0o700 if group is None else 0o710
    mine = found.st_uid == os.geteuid() or os.geteuid() == 0
    if not mine or (found.st_mode & 0o777 == wanted and group in (None, found.st_gid)):
        return
    if group is not None:
        os.chown(path, -1, group)
    path.chmod(wanted)
