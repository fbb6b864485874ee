# requirements:

"""Files that only their owner may read: mails, digests, what is exported.

A file is replaced as a whole or not at all, so that nobody finds half of one.
"""

import contextlib
import os
import secrets
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, with those above it that are missing; one that
    is there stays as it is.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def write(path: Path, content: str | bytes) -> None:
    """Write a file in place of the one that has its name."""
    data = content.encode() if isinstance(content, str) else content
    spare = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(spare, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(spare)
        raise
