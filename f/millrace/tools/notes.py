# requirements:

"""Local notes, confined to one folder: the source, reading and writing.

Paths are opened one component at a time below the folder and no component may be a symbolic link,
so neither `..` nor a link, nor one that is swapped in meanwhile, gets out.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from f.millrace.core import config, errors, run_context
from f.millrace.tools import items, sources

if TYPE_CHECKING:
    from f.millrace.tools import fetch_state

SUFFIXES = (".md", ".markdown", ".txt")
MAX_BYTES = 1_000_000
MAX_FILES = 2_000
# Attributes in which browsers, wget, curl and macOS keep the address that a file was loaded from.
MARKS_OF_DOWNLOADS = frozenset(
    "xdg.origin.url xdg.referrer.url com.apple.metadata:kMDItemWhereFroms com.apple.quarantine"
    " Zone.Identifier".split()
)
HEADING = re.compile(r"^#{1,3}\s+(.+)$", re.MULTILINE)


class StoredNote(NamedTuple):
    """A note as it stands in its folder; `path` is below that."""

    path: str
    title: str
    text: str
    changed_at: datetime
    is_download: bool = False


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return the notes, last changed first; a folder that does not exist has none."""
    notes = sorted(
        all_notes(state.problems), key=lambda note: (note.changed_at, note.path), reverse=True
    )
    return [
        items.make_item(
            "notes",
            note.path,
            note.title,
            note.changed_at,
            url=f"note:{note.path}",
            text=note.text,
            trust="own",
            share_keys=("source:notes",),
            extra={"path": note.path},
        )
        for note in notes[:limit]
    ]


def load(path: str) -> StoredNote:
    """Return one note by its path below the notes folder."""
    with _open_file(path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
        return _note(path, descriptor)


def store(path: str, content: bytes) -> str:
    """Write a note whole or not at all; `created`, `replaced`, or `dry_run` when nothing was."""
    if len(content) > MAX_BYTES:
        raise errors.BadInput(
            f"the note has {len(content):,} bytes; at most {MAX_BYTES:,} are written"
        )
    parts = _parts(path)
    if run_context.current().dry_run:
        return "dry_run"
    _root().mkdir(parents=True, exist_ok=True)
    with _folder(parts[:-1], path, create=True) as folder:
        there = _is_file(parts[-1], folder, path)
        spare = f".{parts[-1]}.{os.getpid()}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(spare, flags, 0o644, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(spare, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
    return "replaced" if there else "created"


def _root() -> Path:
    return Path(config.settings().notes_dir)


def _parts(path: str) -> list[str]:
    pure = PurePosixPath(path)
    parts = list(pure.parts)
    if (
        "\x00" in path
        or pure.is_absolute()
        or not parts
        or any(part.startswith(".") for part in parts)
    ):
        raise errors.BadInput(f"{path[:200]!r} is not a path below the notes folder")
    if pure.suffix.lower() not in SUFFIXES:
        raise errors.BadInput(f"{path[:200]!r} is not a note; notes end in {', '.join(SUFFIXES)}")
    return parts


@contextlib.contextmanager
def _folder(parts: list[str], path: str, create: bool = False) -> Generator[int, None, None]:
    """Yield a descriptor of the folder below the notes folder, reached without following a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY
    try:
        descriptor = os.open(_root(), flags)
    except OSError as error:
        raise errors.NotFound(
            f"the notes folder {config.settings().notes_dir!r} cannot be opened (setting notes_dir)"
        ) from error
    try:
        for part in parts:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    except FileNotFoundError as error:
        raise errors.NotFound(f"there is no note {path[:200]!r}") from error
    except OSError as error:
        raise errors.BadInput(
            f"the note {path[:200]!r} cannot be used: {error.strerror} (links are not followed)"
        ) from error
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _open_file(path: str, flags: int) -> Generator[int, None, None]:
    parts = _parts(path)
    with _folder(parts[:-1], path) as folder:
        descriptor = os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise errors.BadInput(f"{path[:200]!r} is not a file")
            yield descriptor
        finally:
            os.close(descriptor)


def _is_file(name: str, folder: int, path: str) -> bool:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise errors.BadInput(f"{path[:200]!r} is not a file (links are not followed)")
    return True


def _note(path: str, descriptor: int) -> StoredNote:
    status = os.fstat(descriptor)
    if status.st_size > MAX_BYTES:
        raise errors.SourceFailed(
            f"the note {path!r} has {status.st_size:,} bytes; at most {MAX_BYTES:,} are read"
        )
    with os.fdopen(os.dup(descriptor), "rb") as file:
        text = items.normalise_text(file.read(MAX_BYTES).decode("utf-8", errors="replace"))
    heading = HEADING.search(text)
    title = (
        items.one_line(heading[1])
        if heading
        else PurePosixPath(path).stem.replace("-", " ").replace("_", " ")
    )
    return StoredNote(
        path=path,
        title=title,
        text=text,
        changed_at=datetime.fromtimestamp(status.st_mtime, UTC),
        is_download=_is_download(descriptor),
    )


def _is_download(descriptor: int) -> bool:
    """Tell whether a program that saved the file from somewhere noted that with it."""
    try:
        names = os.listxattr(descriptor) if hasattr(os, "listxattr") else []
    except OSError:  # a file system without attributes
        return False
    return any(name.removeprefix("user.") in MARKS_OF_DOWNLOADS for name in names)


def all_notes(problems: list[str]) -> Iterator[StoredNote]:
    """Yield every note, by path; what cannot be read is added to `problems`."""
    root, count = _root(), 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if (
                name.startswith(".")
                or not name.lower().endswith(SUFFIXES)
                or os.path.islink(os.path.join(folder, name))
            ):
                continue
            count += 1
            if count > MAX_FILES:
                problems.append(
                    f"the notes folder holds more than {MAX_FILES} notes; the rest was not read"
                )
                return
            path = Path(folder, name).relative_to(root).as_posix()
            try:
                yield load(path)
            except (errors.BadInput, errors.SourceFailed) as error:
                problems.append(str(error))


SOURCE = sources.Source("notes", "Your own notes", read, trust="own", complete=True, chosen=True)
