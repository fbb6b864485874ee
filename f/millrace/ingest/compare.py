# requirements:

"""What changed since last time: files as they are beside documents as they are known.

A file of the same size and time of change is not opened. Any other is known again by the hash of
its content: at the same path it was only touched, at another path it was moved. What is new or
changed waits to be read; what is gone is withdrawn.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from f.millrace.core import db
from f.millrace.ingest import crawl, reader_version
from f.millrace.memory import documents, ownership

BLOCK = 1 << 20


@dataclass
class Difference:
    """How many documents are how."""

    unchanged: int = 0
    moved: int = 0
    withdrawn: int = 0
    waiting: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def compare(namespace: str, crawl: crawl.Crawl, most_bytes: int, again: bool = False) -> Difference:
    """Bring the documents of a namespace in line with the files, in one transaction, and return
    what was found.

    Args:
        namespace: Where the documents are.
        crawl: The files that there are.
        most_bytes: A larger file is not opened.
        again: Read everything again.
    """
    with db.transaction():
        documents.lock(namespace)
        return _Comparison(namespace, crawl, most_bytes, again).run()


class _Comparison:
    def __init__(self, namespace: str, crawl: crawl.Crawl, most_bytes: int, again: bool) -> None:
        self._namespace, self._crawl, self._most_bytes, self._again = (
            namespace,
            crawl,
            most_bytes,
            again,
        )
        self._readers = {reader_version.version_of_complete(), reader_version.version_of_partial()}
        rows = documents.list_all(namespace)
        self._live = {row["path"]: row for row in rows if row["state"] != "withdrawn"}
        self._withdrawn = {
            row["path"]: row for row in reversed(rows) if row["state"] == "withdrawn"
        }
        self._missing = [
            row
            for row in self._live.values()
            if row["path"] not in crawl.files and not os.path.lexists(row["path"])
        ]
        self._found = Difference(problems=list(crawl.problems))

    def run(self) -> Difference:
        for file in self._crawl.files.values():
            self._file(file)
        gone = _rows_under(self._crawl.roots, self._missing)
        for row in gone:
            documents.withdraw(row["id"])
            self._found.withdrawn += 1
        # A path that is not there and held nothing was mistyped rather than deleted.
        known = [*gone, *self._withdrawn.values()]
        self._found.problems += [
            (path, "is not there") for path in self._crawl.gone if not _rows_under([path], known)
        ]
        return self._found

    def _file(self, file: crawl.File) -> None:
        row = self._live.get(file.path)
        if (
            row is not None
            and self._is_read(row)
            and (row["bytes"], row["changed_ns"]) == (file.bytes, file.changed_ns)
        ):
            self._found.unchanged += 1
            if row["state"] == "failed":
                self._found.problems.append((file.path, row["problem"]))
            return
        if file.bytes > self._most_bytes:
            self._too_large(file, row)
            return
        digest = _sha256(file.path)
        if row is not None and digest and row["sha256"] == digest and self._is_read(row):
            documents.touch(row["id"], file.changed_ns)
            self._found.unchanged += 1
            return
        before = self._moved_from(digest) if row is None and digest else None
        if before is not None and self._is_read(before):
            self._missing.remove(before)
            documents.move(before["id"], file.path, file.changed_ns)
            self._found.moved += 1
            return
        if row is None and before is None:
            before = self._withdrawn.get(file.path)
        documents.expect(self._namespace, file.path, before["id"] if before else None)
        self._found.waiting += 1

    def _is_read(self, row: documents.ListedDocument) -> bool:
        return (
            row["state"] in ("read", "failed")
            and row["reader"] in self._readers
            and not self._again
        )

    def _moved_from(self, digest: str) -> documents.ListedDocument | None:
        own = ownership.whose()
        return next(
            (row for row in self._missing if (row["sha256"], row["user_id"]) == (digest, own)), None
        )

    def _too_large(self, file: crawl.File, row: documents.ListedDocument | None) -> None:
        problem = f"is larger than {self._most_bytes:,} bytes (setting document_max_bytes)"
        identity = documents.expect(self._namespace, file.path) if row is None else row["id"]
        documents.fail(
            identity,
            problem,
            size=file.bytes,
            changed_ns=file.changed_ns,
            reader=reader_version.version_of_partial(),
        )
        self._found.problems.append((file.path, problem))


def _rows_under(
    roots: list[str], rows: Iterable[documents.ListedDocument]
) -> list[documents.ListedDocument]:
    return [
        row
        for row in rows
        if any(
            row["path"] == root or row["path"].startswith(root.rstrip("/") + "/") for root in roots
        )
    ]


def _sha256(path: str) -> str:
    """Return the hash of a file's content; empty when it cannot be opened, which its reader will
    say.
    """
    found = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                found.update(block)
    except OSError:
        return ""
    return found.hexdigest()
