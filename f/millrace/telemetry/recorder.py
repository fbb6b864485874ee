# requirements:

"""Where spans go: into a list, and from there into rows, every second and when a step ends."""

import contextlib
import gc
import os
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import StatusCode

from f.millrace.core import db, redaction

SERVICE = "millrace"
# The bundle's version, as in pyproject.toml, which a worker does not see.
VERSION = "0.1.0"
FLUSH_SECONDS = 1.0
LONGEST_ERROR = 500

# One that was taken for dead and ends after all says so itself.
UPSERT = """
INSERT INTO span (trace_id, span_id, parent_id, run_id, name, kind, status, scope, service,
                  version, attributes, events, started_at, finished_at, seen_at)
SELECT trace_id, span_id, parent_id, (SELECT id FROM run WHERE id = s.run_id), name, kind, status,
       scope, %(service)s, %(version)s, attributes, events, started_at, finished_at,
       clock_timestamp()
FROM jsonb_to_recordset(%(spans)s) AS s (
    trace_id text, span_id text, parent_id text, run_id uuid, name text, kind text, status text,
    scope text, attributes jsonb, events jsonb, started_at timestamptz, finished_at timestamptz)
ON CONFLICT (trace_id, span_id) DO UPDATE SET
    status = excluded.status, attributes = excluded.attributes,
    events = excluded.events, finished_at = excluded.finished_at, seen_at = excluded.seen_at
WHERE span.status IN ('pending', 'killed')
"""
# A living process says so every second; a machine may sleep or be short of processor time for a
# while.
SILENT_SECONDS = 60
CLOSE = """
UPDATE span SET status = 'killed', finished_at = greatest(seen_at, started_at),
    seen_at = clock_timestamp()
WHERE status = 'pending' AND (%(run)s::uuid IS NULL OR run_id = %(run)s::uuid)
AND seen_at <= clock_timestamp() - make_interval(secs => %(silent)s)
"""


class Recorder(SpanProcessor):
    """Keeps open and ended spans until they are rows. Adding to a list or dictionary needs no lock
    of its own.
    """

    def __init__(self) -> None:
        self._open: dict[int, SdkSpan] = {}
        self._ended: list[ReadableSpan] = []
        # Held while rows are written: a step's end waits for what the other thread has in its
        # hands.
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._timer: threading.Thread | None = None

    def on_start(self, span: SdkSpan, parent_context: OtelContext | None = None) -> None:  # noqa: ARG002
        """Remember the span, and see to it that somebody writes it within a second."""
        self._open[span.get_span_context().span_id] = span
        if self._timer is None:
            with self._starting:
                if self._timer is None:
                    self._timer = threading.Thread(target=self._tick, daemon=True)
                    self._timer.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Take the span over from the open ones."""
        identity = span.get_span_context()
        assert identity is not None
        self._ended.append(span)
        self._open.pop(identity.span_id, None)

    def flush(self) -> None:
        """Write what there is; what cannot be written is kept for the next time."""
        with self._writing:
            count = len(self._ended)
            ended = self._ended[:count]
            closed = {identity.span_id for span in ended if (identity := span.get_span_context())}
            spans = [*ended, *(span for key, span in list(self._open.items()) if key not in closed)]
            if spans:
                rows = [_row(span) for span in spans]
                db.execute(
                    UPSERT, {"spans": db.jsonb(rows), "service": SERVICE, "version": VERSION}
                )
            del self._ended[:count]

    def _tick(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            with self._starting:
                if not self._open and not self._ended:
                    self._timer = None
                    break
            # A lost connection must not end the ticking.
            with contextlib.suppress(Exception):
                self.flush()
        db.close()


def _row(span: ReadableSpan) -> dict[str, Any]:
    identity = span.get_span_context()
    assert identity is not None and span.start_time is not None
    attributes = dict(span.attributes or {})
    if span.status.description:
        attributes["error.message"] = span.status.description[: 2 * LONGEST_ERROR]
    attributes = redaction.redact(attributes)
    if "error.message" in attributes:
        attributes["error.message"] = attributes["error.message"][:LONGEST_ERROR]
    status = "error" if span.status.status_code is StatusCode.ERROR else "ok"
    return {
        "trace_id": f"{identity.trace_id:032x}",
        "span_id": f"{identity.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "run_id": str(UUID(int=identity.trace_id)),
        "name": redaction.redact(span.name),
        "kind": span.kind.name.lower(),
        "status": status if span.end_time else "pending",
        "scope": span.instrumentation_scope.name if span.instrumentation_scope else SERVICE,
        "attributes": attributes,
        "events": [
            {"name": event.name, "attributes": redaction.redact(dict(event.attributes or {}))}
            for event in span.events
        ],
        "started_at": _time(span.start_time),
        "finished_at": _time(span.end_time) if span.end_time else None,
    }


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()


_recorder: Recorder | None = None
_provider: TracerProvider | None = None
_tracers: dict[str, trace.Tracer] = {}


def tracer(scope: str) -> trace.Tracer:
    """Return the tracer of an instrumentation scope; the SDK is set up at the first call."""
    global _recorder, _provider
    found = _tracers.get(scope)
    if found is None:
        if _provider is None:
            _recorder = Recorder()
            _provider = TracerProvider(
                ALWAYS_ON,
                Resource({"service.name": SERVICE, "service.version": VERSION}),
                shutdown_on_exit=False,
            )
            _provider.add_span_processor(_recorder)
            # What is loaded by now stays: the collector of garbage need not go through it again as
            # spans pile up.
            gc.freeze()
        found = _tracers[scope] = _provider.get_tracer(scope, VERSION)
    return found


def flush() -> None:
    """Write what was recorded in this process."""
    if _recorder is not None:
        _recorder.flush()


def close_killed(run_id: str | None = None) -> int:
    """Close the open spans of processes that are silent for a minute, or all of a run whose
    processes have ended.
    """
    return db.execute(CLOSE, {"run": run_id, "silent": 0 if run_id else SILENT_SECONDS})


def mark_exported(run_id: UUID, span_ids: list[str]) -> None:
    """Note that these spans of a run are with the collector, or are not meant for it."""
    db.execute(
        "UPDATE span SET exported_at = clock_timestamp() WHERE run_id = %s AND span_id = ANY(%s)",
        [run_id, span_ids],
    )


def _reset_after_fork() -> None:
    """Forget the parent's recorder: its spans are the parent's to write,
    and its thread is not in a forked child.
    """
    global _recorder, _provider
    _recorder = _provider = None
    _tracers.clear()


os.register_at_fork(after_in_child=_reset_after_fork)
