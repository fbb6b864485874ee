# requirements:

"""Which files there are: folders walked in order, hidden files and links left out."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from f.millrace.core import errors
from f.millrace.ingest import formats


@dataclass(frozen=True)
class File:
    """A file as the folder shows it."""

    path: str
    bytes: int
    changed_ns: int


@dataclass
class Crawl:
    """What was found under the given paths.

    Attributes:
        gone: Given paths that are not there although the folder around them is: what was in them
            was deleted.
        problems: Path and reason of what could not be looked at.
        skipped: How many files of which ending are no documents.
    """

    files: dict[str, File] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def crawl(paths: list[str], most_files: int) -> Crawl:
    """Return the documents under each path, a folder or one file."""
    found = Crawl()
    for given in paths:
        if not given.strip() or "\x00" in given:
            raise errors.BadInput(f"{given!r} is not a path")
        path = Path(os.path.abspath(os.path.expanduser(given)))
        if path.is_dir():
            found.roots.append(str(path))
            _folder(path, found, most_files)
        elif path.is_file():
            found.roots.append(str(path))
            _take(path, found)
        elif path.parent.is_dir() and not path.is_symlink() and not path.exists():
            found.roots.append(str(path))
            found.gone.append(str(path))
        else:
            found.problems.append(
                (
                    str(path),
                    "cannot be reached: the folder around it is not there, or it is no file",
                )
            )
    return found


def _folder(root: Path, found: Crawl, most_files: int) -> None:
    def cannot(error: OSError) -> None:
        found.problems.append((str(error.filename), f"cannot be opened: {error.strerror}"))

    for path in _walk(root, cannot):
        if not formats.is_supported(path.name):
            found.skipped[path.suffix.lower() or "no ending"] += 1
        elif len(found.files) >= most_files:
            raise errors.BadInput(
                f"{root} holds more than {most_files:,} documents; give folders inside it, or raise"
                " the setting documents_max_files"
            )
        else:
            _take(path, found)


def _walk(root: Path, cannot: object) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=cannot):  # type: ignore[arg-type]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            # Office programs leave `~$name` beside a document that is open.
            if not name.startswith((".", "~$")) and not os.path.islink(os.path.join(folder, name)):
                yield Path(folder, name)


def _take(path: Path, found: Crawl) -> None:
    try:
        status = path.stat()
        str(path).encode("utf-8")
    except OSError as error:
        found.problems.append((str(path), f"cannot be looked at: {error.strerror}"))
    except UnicodeEncodeError:
        found.problems.append(
            (
                os.fsencode(path).decode("utf-8", "replace"),
                "has a name that is not UTF-8; rename it",
            )
        )
    else:
        if path.is_file():
            found.files[str(path)] = File(str(path), status.st_size, status.st_mtime_ns)
