# no_postinstall
# requirements: millrace_documents

"""Read documents.

Text, headings and tables of those that wait, cut into passages and stored, each document in one go.

scripts/millrace step ingest/read namespace=main
"""

import os
import time

from f.millrace.core import config, run_context
from f.millrace.ingest import parse, reader_version, readers
from f.millrace.memory import documents
from f.millrace.telemetry import events, spans

SHOWN = 200
SECONDS_BETWEEN_EVENTS = 0.5


def main(run_id: str | None = None, namespace: str = "main") -> dict:
    """Read the documents that wait.

    Args:
        run_id: The run that scanned the folders; none means a run of its own.
        namespace: Where the documents are kept.
    """
    with spans.step("ingest.read", run_id) as span, run_context.change(namespace=namespace):
        waiting = documents.list_waiting(namespace)
        sizes = {row["id"]: _size(row["path"]) for row in waiting}
        progress = _Progress(len(waiting), sum(sizes.values()))
        answer: dict = {
            "read": 0,
            "passages": 0,
            "new_passages": 0,
            "failed": 0,
            "problems": [],
            "notes": [],
        }
        for job, reading in readers.read_all(
            [readers.Job(row["id"], row["path"]) for row in waiting], _limits()
        ):
            _keep(job, reading, answer)
            progress.tell(sizes[job.id])
        span.set(
            {
                f"ingest.{name}": answer[name]
                for name in ("read", "passages", "new_passages", "failed")
            }
        )
        return answer


def _limits() -> parse.Limits:
    chosen = config.settings()
    return parse.Limits(
        bytes=chosen.document_max_bytes,
        pages=chosen.document_max_pages,
        characters=chosen.document_max_characters,
        seconds=chosen.document_seconds,
        ocr_languages=chosen.ocr_languages,
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _keep(job: readers.Job, reading: parse.Reading | str, answer: dict) -> None:
    if isinstance(reading, str):
        documents.fail(
            job.id,
            reading,
            size=_size(job.path),
            changed_ns=_changed_ns(job.path),
            reader=reader_version.version_of_partial(),
        )
        answer["failed"] += 1
        path = documents.shown_path(job.path)
        events.emit("error", f"{path} {reading}", path=path, problem=reading)
        if len(answer["problems"]) < SHOWN:
            answer["problems"].append({"path": path, "problem": reading})
        return
    parsed = reading.parsed
    passages = [
        documents.Passage(piece.start, piece.end, piece.page, piece.heading)
        for piece in reading.chunks
    ]
    about = documents.Particulars(
        kind=reading.kind,
        title=parsed.title,
        author=parsed.author,
        dated_at=parsed.dated_at,
        language=parsed.language,
        unit=parsed.unit,
        pages=parsed.pages,
        headings=parsed.headings(),
        notes=parsed.notes,
        details=parsed.details,
    )
    fresh = documents.keep(
        job.id,
        parsed.text,
        passages,
        about,
        sha256=reading.sha256,
        size=reading.bytes,
        changed_ns=reading.changed_ns,
        reader=reader_version.version_of_partial()
        if parsed.unread_pages
        else reader_version.version_of_complete(),
        trust=config.settings().documents_trust,
    )
    if fresh is None:
        return
    answer["read"] += 1
    answer["passages"] += len(passages)
    answer["new_passages"] += fresh
    for note in parsed.notes:
        path = documents.shown_path(job.path)
        events.emit("decision", f"{path} {note}", path=path, note=note)
        if len(answer["notes"]) < SHOWN:
            answer["notes"].append({"path": path, "note": note})


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


class _Progress:
    """Tells how far it is and how long it will take, by the bytes that are left."""

    def __init__(self, documents: int, size: int) -> None:
        self._documents, self._bytes = documents, max(size, 1)
        self._done, self._bytes_done = 0, 0
        self._began = time.monotonic()
        self._told = 0.0

    def tell(self, size: int) -> None:
        self._done += 1
        self._bytes_done += size
        passed = time.monotonic() - self._began
        if passed - self._told < SECONDS_BETWEEN_EVENTS and self._done < self._documents:
            return
        self._told = passed
        left = passed * (self._bytes - self._bytes_done) / max(self._bytes_done, 1)
        speed = f" ({self._bytes_done / passed / 1e6:.1f} MB a second)" if passed >= 1 else ""
        words = f"Read {self._done} of {self._documents} documents{speed}" + (
            f", about {left:.0f} s left" if left >= 1 else ""
        )
        events.emit(
            "progress", words, done=self._done, total=self._documents, seconds_left=round(left, 1)
        )
