# requirements:

"""Spans by the OpenTelemetry SDK, kept as rows first.

The recorder writes what has ended, and what is still open as `pending`, every second and when the
step ends; so nothing is lost when the process is, and no step waits for a collector. A run's trace
id is its id. Values are redacted on their way into a row; prompts and answers are kept only with
the setting `trace_content`.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.context import attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from f.millrace.core import config, redaction, run_context
from f.millrace.telemetry import recorder, runs

KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER}
# Attributes without a namespace; any other name without a dot gets the bundle's.
BARE = frozenset({"phase"})
# What OpenTelemetry holds as it is.
PLAIN = frozenset({str, int, float, bool})


class Span:
    """One block of a run, measured; outside of a run it is nothing."""

    __slots__ = ("_attributes", "_kind", "_name", "_scope", "_span", "_token")

    def __init__(self, name: str, attributes: dict[str, Any], kind: str, scope: str) -> None:
        self._name, self._attributes, self._kind, self._scope = name, attributes, kind, scope
        self._span: trace.Span | None = None

    def set(self, attributes: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Add attributes; values that OpenTelemetry cannot hold become JSON text."""
        if self._span is not None:
            self._span.set_attributes(_to_attributes({**(attributes or {}), **more}))

    def content(self, texts: dict[str, Any]) -> None:
        """Add what people, models or tools said, if the setting `trace_content` asks for it."""
        if self._span is not None and config.settings().trace_content:
            self.set(
                {
                    name: text if isinstance(text, str) else _json(text)
                    for name, text in texts.items()
                }
            )

    def __enter__(self) -> "Span":
        if run_context.current().run_id:
            tracer = recorder.tracer(self._scope)
            self._span = tracer.start_span(
                self._name, kind=KINDS[self._kind], attributes=_to_attributes(self._attributes)
            )
            self._token = attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if self._span is None:
            return
        detach(self._token)
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR, str(error)))
        self._span.end()


def span(
    name: str,
    attributes: dict[str, Any] | None = None,
    *,
    kind: str = "internal",
    scope: str = recorder.SERVICE,
    **more: Any,
) -> Span:
    """Record the block as a span below the current one;
    an exception marks it as an error and goes on.
    """
    return Span(name, {**attributes, **more} if attributes else more, kind, scope)


@contextlib.contextmanager
def step(name: str, run_id: str | None = None, part: str = "", **attributes: Any) -> Iterator[Span]:
    """Run the block as the step `name` (`area.verb`) of a run: its rows, its context, its span.

    A step that is started alone makes a run of its own. All rows are written when the block ends. A
    process that does several things gives each a `part`: then it has a row and a span of its own.
    """
    alone = run_id in (None, run_context.root_run_id()) and runs.is_alone()
    row = runs.begin_alone(name) if alone else runs.ensure(run_id, name)
    context = runs.context_of(row, name.rsplit(".", 1)[-1], part)
    about = runs.digest_of(attributes)
    if run_id and runs.is_outside_flow():
        context = context._replace(
            step=runs.path_of_repeat(context.run_id, name, about) or context.step
        )
    runs.begin_step(context, name, os.environ.get("WM_JOB_ID", ""), about)
    token = attach(trace.set_span_in_context(_root(context.run_id), OtelContext()))
    own = {
        "workflow.id": context.run_id,
        "phase": name,
        "millrace.step": context.step,
        "user.id": hashed_user(),
        **attributes,
    }
    try:
        with run_context.use(context), span(name, own) as handle:
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
        detach(token)
        recorder.flush()


def hashed_user() -> str:
    """Return the setting `user` as it may stand in a trace:
    the same for the same person, not the name.
    """
    return hashlib.sha256(f"millrace user {run_context.user_id()}".encode()).hexdigest()[:16]


def root_span_id(run_id: str) -> str:
    """Return the id of the run's root span: the low 64 bits of the run's id, 16 hex digits."""
    return f"{_low_bits(run_id):016x}"


def span_id() -> str:
    """Return the id of the span that the running code is in, 16 hex digits; or nothing."""
    identity = trace.get_current_span().get_span_context()
    return f"{identity.span_id:016x}" if identity.is_valid else ""


def traceparent() -> str:
    """Return where the running code is in its trace,
    as W3C's header says it; empty outside of a trace.
    """
    identity = trace.get_current_span().get_span_context()
    return f"00-{identity.trace_id:032x}-{identity.span_id:016x}-01" if identity.is_valid else ""


def _low_bits(run_id: str) -> int:
    return UUID(run_id).int & (2**64 - 1) or 1


def _root(run_id: str) -> NonRecordingSpan:
    identity = SpanContext(
        UUID(run_id).int, _low_bits(run_id), is_remote=True, trace_flags=TraceFlags(1)
    )
    return NonRecordingSpan(identity)


def _to_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name if "." in name or name in BARE else "millrace." + name: (
            value if type(value) in PLAIN else _attribute(value)
        )
        for name, value in attributes.items()
        if value is not None
    }


def _attribute(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return list(value)
    return _json(value)


def _json(value: Any) -> str:
    # Redacted before it is text: in JSON, what stands under a telling name is seen.
    return json.dumps(redaction.redact(value), ensure_ascii=False, default=str)
