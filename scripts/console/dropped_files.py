"""Files that are dropped into a conversation: kept, and read into memory by the flow that reads
folders.

A file is kept under its person and a hash of its content, so that one that is dropped again is the
same document, and no name of a browser's leads anywhere else.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from f.millrace.core import config, errors, visible_text
from f.millrace.ingest import formats
from scripts.console import talk

if TYPE_CHECKING:
    from starlette.datastructures import UploadFile

    from scripts.console.routes import PageRequest

FLOW = "ingest_documents"
# Bytes of a name that every file system takes.
LONGEST_NAME = 200


def take(asked: PageRequest) -> Response:
    """Keep the files that were sent, and start the run that reads them; nothing is kept when one of
    them cannot be read.
    """
    session = asked.form.get("session") or talk.make_session()
    files = [one for one in asked.files if one.filename]
    if not files:
        raise errors.BadInput("choose a file first, or drop one on the conversation")
    names = [check_name(one.filename or "") for one in files]
    empty = next((name for name, one in zip(names, files, strict=True) if not one.size), "")
    if empty:
        raise errors.BadInput(f"the file {empty} is empty; there is nothing to read in it")
    talk.refuse_busy(asked, session)
    folder = _folder_of(asked.person.id)
    paths = [_keep(folder, name, one) for name, one in zip(names, files, strict=True)]
    args = {"paths": paths, "namespace": asked.console.namespace}
    run_id = talk.begin(asked, FLOW, args, session)
    return RedirectResponse(f"/talk/{session}?run={run_id}#end", 303)


def check_name(given: str) -> str:
    """Return the name of a file without the folders before it; BadInput when nothing is read by
    such a name.
    """
    given = PurePosixPath(given.replace("\\", "/")).name
    name = visible_text.line(given)
    if not formats.is_supported(name) or name.startswith((".", "~$")):
        kinds = ", ".join(sorted(ending.removeprefix(".") for ending in formats.KINDS))
        raise errors.BadInput(f"the file {name[:80]} is of no kind that is read; these are {kinds}")
    size = len(given.encode(errors="replace"))
    if size > LONGEST_NAME:
        raise errors.BadInput(
            f"the name {name[:40]}… has {size} bytes, at most {LONGEST_NAME} are taken; rename the"
            " file"
        )
    return name


def _folder_of(person_id: str) -> Path:
    """Return where a person's files are kept: the same file of two people is two documents, each
    its person's.
    """
    whose = hashlib.sha256(person_id.encode()).hexdigest()[:16]
    return Path(config.settings().dropped_dir).absolute() / whose


def _keep(whose: Path, name: str, file: UploadFile) -> str:
    data = file.file.read()
    folder = whose / hashlib.sha256(data).hexdigest()[:32]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = Path(folder, name)
    if not path.exists():
        made = Path(folder, f".{os.getpid()}")
        made.write_bytes(data)
        made.replace(path)
    return str(path)
