"""Spans by the OpenTelemetry SDK, kept as rows first.

The processor writes what has ended, and what is still open as `pending`, every second and when the step ends;
so nothing is lost when the process is, and no step waits for a collector. A run's trace id is its id.
"""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from f.millrace.core import db
from f.millrace.core.context import current, use
from f.millrace.core.redaction import redact
from f.millrace.telemetry import runs

SERVICE = "millrace"
FLUSH_SECONDS = 1.0
KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER}


class Span:
    """The open span, as the code inside the block sees it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: dict[str, Any] | None = None, **more: Any) -> None:
        """Add attributes; values that OpenTelemetry cannot hold become JSON text."""
        for name, value in {**(attributes or {}), **more}.items():
            if value is not None:
                self._span.set_attribute(name, _attribute(value))


@contextlib.contextmanager
def span(name: str, attributes: dict[str, Any] | None = None, *, kind: str = "internal", **more: Any) -> Iterator[Span]:
    """Record the block as a span below the current one; an exception marks it as an error and goes on."""
    with _tracer().start_as_current_span(
        name, kind=KINDS[kind], record_exception=False, set_status_on_exception=False
    ) as otel_span:
        handle = Span(otel_span)
        handle.set(attributes, **more)
        with use(replace(current(), span_id=f"{otel_span.get_span_context().span_id:016x}")):
            try:
                yield handle
            except BaseException as error:
                otel_span.set_attribute("error.type", type(error).__name__)
                otel_span.set_status(Status(StatusCode.ERROR, redact(str(error))[:500]))
                raise


@contextlib.contextmanager
def step(name: str, run_id: str | None = None, **attributes: Any) -> Iterator[Span]:
    """Run the block as the step `name` (`area.verb`) of a run: its rows, its context, its span.

    A step that is started alone makes a run of its own. All rows are written when the block ends.
    """
    alone = run_id is None and runs.alone()
    row = runs.ensure(run_id, name)
    context = runs.context_of(row, name.rsplit(".", 1)[-1])
    runs.begin_step(context, name, os.environ.get("WM_JOB_ID", ""))
    parent = trace.set_span_in_context(_root(context.run_id), OtelContext())
    token = _attach(parent)
    try:
        with use(context), span(name, {"workflow.id": context.run_id, "phase": name, **attributes}) as handle:
            yield handle
    except BaseException as error:
        words = str(error) or type(error).__name__
        runs.end_step(context, "failed", words)
        if alone:
            runs.end_alone(context, "failed", words)
        raise
    else:
        runs.end_step(context, "done")
        if alone:
            runs.end_alone(context, "done")
    finally:
        _detach(token)
        flush()


def root_span_id(run_id: str) -> str:
    """Return the id of the run's root span: the low 64 bits of the run's id, 16 hex digits."""
    return f"{_low_bits(run_id):016x}"


def flush() -> None:
    """Write what was recorded in this process."""
    if _recorder is not None:
        _recorder.flush()


def _low_bits(run_id: str) -> int:
    return UUID(run_id).int & (2**64 - 1) or 1


def _root(run_id: str) -> NonRecordingSpan:
    identity = SpanContext(UUID(run_id).int, _low_bits(run_id), is_remote=True, trace_flags=TraceFlags(1))
    return NonRecordingSpan(identity)


def _attach(context: OtelContext) -> Any:
    from opentelemetry.context import attach

    return attach(context)


def _detach(token: Any) -> None:
    from opentelemetry.context import detach

    detach(token)


def _attribute(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return [redact(part) for part in value]
    return redact(json.dumps(value, default=str))


class _Recorder(SpanProcessor):
    """Keeps open and ended spans until they are rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, SdkSpan] = {}
        self._ended: list[ReadableSpan] = []
        self._timer: threading.Thread | None = None

    def on_start(self, span: SdkSpan, parent_context: OtelContext | None = None) -> None:
        with self._lock:
            self._open[span.get_span_context().span_id] = span
            if self._timer is None:
                self._timer = threading.Thread(target=self._tick, daemon=True)
                self._timer.start()

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            identity = span.get_span_context()
            assert identity is not None
            self._open.pop(identity.span_id, None)
            self._ended.append(span)

    def flush(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
            pending = list(self._open.values())
        rows = [_row(span, pending=False) for span in ended] + [_row(span, pending=True) for span in pending]
        if not rows:
            return
        try:
            with db.transaction() as connection, connection.cursor() as cursor:
                cursor.executemany(UPSERT, rows)
        except Exception:
            with self._lock:
                self._ended = ended + self._ended
            raise

    def _tick(self) -> None:
        while True:
            threading.Event().wait(FLUSH_SECONDS)
            with self._lock:
                if not self._open and not self._ended:
                    self._timer = None
                    break
            # A lost connection must not end the ticking; the spans are kept for the next time.
            with contextlib.suppress(Exception):
                self.flush()
        db.close()


UPSERT = """
INSERT INTO span (trace_id, span_id, parent_id, run_id, name, kind, status, scope, attributes, events, started_at, finished_at)
VALUES (%(trace_id)s, %(span_id)s, %(parent_id)s, (SELECT id FROM run WHERE id = %(run_id)s), %(name)s, %(kind)s, %(status)s,
        %(scope)s, %(attributes)s, %(events)s, %(started_at)s, %(finished_at)s)
ON CONFLICT (trace_id, span_id) DO UPDATE SET status = excluded.status, attributes = excluded.attributes,
    events = excluded.events, finished_at = excluded.finished_at
WHERE span.status = 'pending'
"""


def _row(span: ReadableSpan, pending: bool) -> dict[str, Any]:
    identity = span.get_span_context()
    assert identity is not None and span.start_time is not None
    ok = "error" if span.status.status_code is StatusCode.ERROR else "ok"
    attributes = dict(span.attributes or {})
    if span.status.description:
        attributes["error.message"] = span.status.description
    return {
        "trace_id": f"{identity.trace_id:032x}",
        "span_id": f"{identity.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "run_id": str(UUID(int=identity.trace_id)),
        "name": span.name,
        "kind": span.kind.name.lower(),
        "status": "pending" if pending else ok,
        "scope": span.instrumentation_scope.name if span.instrumentation_scope else SERVICE,
        "attributes": db.jsonb(attributes),
        "events": db.jsonb([{"name": event.name, "attributes": dict(event.attributes or {})} for event in span.events]),
        "started_at": _time(span.start_time),
        "finished_at": _time(span.end_time) if span.end_time and not pending else None,
    }


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


_recorder: _Recorder | None = None
_provider: TracerProvider | None = None


def _tracer() -> trace.Tracer:
    global _recorder, _provider
    if _provider is None:
        _recorder = _Recorder()
        _provider = TracerProvider(resource=Resource({"service.name": SERVICE}), shutdown_on_exit=False)
        _provider.add_span_processor(_recorder)
    return _provider.get_tracer(SERVICE)
