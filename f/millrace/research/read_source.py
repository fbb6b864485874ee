# no_postinstall
# requirements: millrace_sources

"""Read one source.

What is there since it was last read.

scripts/millrace step research/read_source run_id=RUN source=hackernews
"""

from __future__ import annotations

import time

from f.millrace.core import errors, redaction
from f.millrace.digest import run_plan
from f.millrace.research import intake
from f.millrace.telemetry import events, spans
from f.millrace.tools import fetch_state, sources
from f.millrace.trust import fallback


def main(run_id: str, source: str, max_items: int = 50) -> dict:
    """Read one source.

    Args:
        run_id: The run that was opened.
        source: Name of the source, as in the setting `sources`.
        max_items: Read at most this many items (1 to 500).
    """
    with spans.step("research.read_source", run_id, source=source) as span:
        if not 1 <= max_items <= 500:
            raise errors.BadInput(f"max_items is {max_items}; it must be from 1 to 500")
        started = time.monotonic()
        events.emit("source", f"Reading {source}…", source=source, status="reading")
        answer = _read(run_id, source, max_items, started)
        span.set(answer)
        words = {
            "ok": "{items} items, {new} new",
            "unchanged": "nothing new",
            "failed": "failed: {error}",
        }
        events.emit("source", f"{source}: {words[answer['status']].format(**answer)}", **answer)
        return dict(answer)


def _read(run_id: str, source: str, max_items: int, started: float) -> intake.StoredReading:
    if source in fallback.options_of(run_id).get("skip_sources", []):
        return _store_reading(
            run_id, source, "failed", 0, 0, "left out: the run got stuck at it twice", started
        )
    opened = run_plan.load(run_id)
    if opened.until is not None and (stored := intake.find_reading(run_id, source)):
        # The topics are chosen: a run that goes on does not read again.
        return stored
    state = fetch_state.FetchState(
        opened.namespace, run_plan.allowed_addresses(opened), source=source
    )
    try:
        items = sources.SOURCES[source].read(max_items, state)[:max_items]
    except (errors.FetchRefused, errors.BadSetting) as error:
        # Trying again would end the same way.
        return _store_reading(run_id, source, "failed", 0, 0, str(error), started)
    except errors.SourceFailed as error:
        _store_reading(run_id, source, "failed", 0, 0, str(error), started)
        raise
    new = intake.store(items, opened.namespace, opened.lasting, run_id)
    state.save()
    status = "unchanged" if not items and state.unchanged else "ok"
    return _store_reading(
        run_id, source, status, len(items), new, "; ".join(state.problems), started
    )


def _store_reading(
    run_id: str, source: str, status: str, items: int, new: int, error: str, started: float
) -> intake.StoredReading:
    error = redaction.redact(error)[:500]
    intake.note(run_id, source, status, items, new, error, time.monotonic() - started)
    return {"source": source, "status": status, "items": items, "new": new, "error": error}
