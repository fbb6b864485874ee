# requirements:

"""Readers: child processes that parse, because a broken file may hang, exhaust or crash a parser.

A reader that takes too long or dies costs its one file; the next file gets a new reader. Readers
are forked: a worker of Windmill has our modules only in the process that imported them.
"""

import contextlib
import hashlib
import multiprocessing
import os
import resource
import signal
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, NamedTuple

from f.millrace.ingest import parse, parsed_document

MEMORY = 4_000_000_000
READERS = 2


class Job(NamedTuple):
    """A file to read."""

    id: str
    path: str


@dataclass
class _Reader:
    process: Any
    pipe: Any
    job: Job
    ends: float


def read_all(
    jobs: Sequence[Job], limits: parse.Limits
) -> Iterator[tuple[Job, parse.Reading | str]]:
    """Yield each file with what is in it, or with the reason why it cannot be read, as they become
    ready.
    """
    waiting = list(reversed(jobs))
    busy: list[_Reader] = []
    idle: list[tuple[Any, Any]] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < min(READERS, os.cpu_count() or 1):
                process, pipe = idle.pop() if idle else _start(limits)
                busy.append(_send(process, pipe, waiting.pop(), limits))
            ready = wait(
                [reader.pipe for reader in busy],
                max(0.0, min(reader.ends for reader in busy) - time.monotonic()),
            )
            for reader in list(busy):
                if reader.pipe in ready:
                    busy.remove(reader)
                    yield reader.job, _received(reader, idle)
                elif time.monotonic() >= reader.ends:
                    busy.remove(reader)
                    _end(reader.process, reader.pipe)
                    words = (
                        f"was not read within {limits.seconds:g} seconds (setting document_seconds)"
                    )
                    yield reader.job, words
    finally:
        for process, pipe in [*((reader.process, reader.pipe) for reader in busy), *idle]:
            _end(process, pipe)


def _start(limits: parse.Limits) -> tuple[Any, Any]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(theirs, ours, limits), daemon=True
    )
    with warnings.catch_warnings():
        # The other threads of this process write spans; a reader makes none.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    return process, ours


def _send(process: Any, pipe: Any, job: Job, limits: parse.Limits) -> _Reader:
    with contextlib.suppress(OSError):  # a dead reader shows when it is asked for its answer
        pipe.send(job.path)
    return _Reader(process, pipe, job, time.monotonic() + limits.seconds)


def _received(reader: _Reader, idle: list[tuple[Any, Any]]) -> parse.Reading | str:
    try:
        answer = reader.pipe.recv()
    except (EOFError, OSError):
        reader.process.join(5)
        code = reader.process.exitcode
        _end(reader.process, reader.pipe)
        return f"ended its parser (signal {-code})" if code and code < 0 else "ended its parser"
    idle.append((reader.process, reader.pipe))
    return answer


def _end(process: Any, pipe: Any) -> None:
    pipe.close()
    process.kill()
    process.join()


def _serve(pipe: Any, other_end: Any, limits: parse.Limits) -> None:
    """Answer file after file until the parent closes the pipe."""
    other_end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        # The parent kills a late reader; without a parent the alarm does.
        signal.alarm(int(limits.seconds) + 10)
        pipe.send(_read_file(path, limits))
        signal.alarm(0)


def _read_file(path: str, limits: parse.Limits) -> parse.Reading | str:
    try:
        with open(path, "rb") as file:
            changed_ns = os.fstat(file.fileno()).st_mtime_ns
            data = file.read(limits.bytes + 1)
        if len(data) > limits.bytes:
            return f"is larger than {limits.bytes:,} bytes (setting document_max_bytes)"
        reading = parse.read(os.path.basename(path), data, limits)
        reading.sha256, reading.bytes, reading.changed_ns = (
            hashlib.sha256(data).hexdigest(),
            len(data),
            changed_ns,
        )
        return reading
    except parsed_document.Unreadable as error:
        return str(error)
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    except MemoryError:
        return f"needs more than {MEMORY // 10**9} GB of memory to be read"
    except Exception as error:  # a parser may fail in any way on a broken file
        return (
            f"cannot be read: {type(error).__name__}: {parsed_document.one_line(str(error))[:200]}"
        )
