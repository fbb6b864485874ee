# requirements:

"""Progress as it happens: to the run's rows, to a JSON lines file and to whoever watches."""

import contextlib
import contextvars
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from f.millrace.core import config, db, redaction, run_context

MARK = "MILLRACE_EVENT: "
Watcher = Callable[[dict[str, Any]], None]

# Of the running code and what it starts, not of the process: it may serve several people at once.
_watchers: contextvars.ContextVar[tuple[Watcher, ...]] = contextvars.ContextVar(
    "millrace_watchers", default=()
)


@contextlib.contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """Have `watcher` called with each event of what is done inside the block, also in its tasks and
    threads; of what else this process does it hears nothing.
    """
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


def emit(event: str, message: str = "", **metadata: Any) -> None:
    """Record one event of the running step; outside of a run it is only shown.

    Numbered by its row (`run_event.id`), so that a reader can go on from where it stopped.
    """
    context = run_context.current()
    message, metadata = redaction.redact(message), redaction.redact(metadata)
    line = {
        "event": event,
        "message": message,
        "trace_id": context.trace_id,
        "step": context.step,
        "at": run_context.now().isoformat(),
        "metadata": metadata,
    }
    for watcher in _watchers.get():
        watcher(line)
    if os.environ.get("MILLRACE_EVENTS_STDOUT"):
        print(MARK + json.dumps(line, default=str), flush=True)
    if config.settings().events_file:
        _append(config.settings().events_file, line, context)
    # Tokens come by the hundred a second; they are for the watcher, the answer itself is stored
    # elsewhere.
    if context.run_id and event != "token":
        db.execute(
            "INSERT INTO run_event (run_id, step, event, message, metadata) VALUES (%s, %s, %s,"
            " %s, %s)",
            [context.run_id, context.step, event, message, db.jsonb(metadata)],
        )


def _append(path: str, line: dict[str, Any], context: run_context.Context) -> None:
    """Add one object to the file.
    Outside of a conversation the run is the session and the step the turn.
    """
    kept = {
        "event": line["event"],
        "trace_id": line["trace_id"],
        "session_id": context.session_id or context.run_id,
        "turn_id": context.turn_id or context.step,
        "at": line["at"],
        "metadata": {"message": line["message"], "step": line["step"], **line["metadata"]},
    }
    data = json.dumps(kept, ensure_ascii=False, default=str).encode() + b"\n"
    # One write: lines of parallel steps do not mix.
    with open(path, "ab", buffering=0) as file:
        file.write(data)
