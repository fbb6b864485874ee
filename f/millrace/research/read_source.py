# no_postinstall
# requirements: millrace_ingest

"""Read one source since it was last read.

scripts/millrace step research/read_source run_id=RUN source=hackernews
"""

import time
from urllib.parse import urlsplit

from f.millrace.core.config import settings
from f.millrace.core.errors import BadInput, BadSetting, FetchRefused, SourceFailed
from f.millrace.core.redaction import redact
from f.millrace.research.intake import note, store
from f.millrace.research.opening import Opening, opening
from f.millrace.telemetry.events import emit
from f.millrace.telemetry.spans import step
from f.millrace.tools.fetch_state import FetchState
from f.millrace.tools.sources import SOURCES
from f.millrace.trust import detour

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(run_id: str, source: str, max_items: int = 50) -> dict:
    """Read one source.

    Args:
        run_id: The run that was opened.
        source: Name of the source, as in the setting `sources`.
        max_items: Read at most this many items (1 to 500).
    """
    with step("research.read_source", run_id, source=source) as span:
        if not 1 <= max_items <= 500:
            raise BadInput(f"max_items is {max_items}; it must be from 1 to 500")
        started = time.monotonic()
        emit("source", f"Reading {source}…", source=source, status="reading")
        answer = _read(run_id, source, max_items, started)
        span.set(answer)
        words = {"ok": "{items} items, {new} new", "unchanged": "nothing new", "failed": "failed: {error}"}
        emit("source", f"{source}: {words[answer['status']].format(**answer)}", **answer)
        return answer


def _read(run_id: str, source: str, max_items: int, started: float) -> dict:
    if source in detour.of(run_id).get("skip_sources", []):
        return _noted(run_id, source, "failed", 0, 0, "left out: the run got stuck at it twice", started)
    opened = opening(run_id)
    state = FetchState(opened.namespace, _allowed(opened))
    try:
        items = SOURCES[source].read(max_items, state)[:max_items]
    except (FetchRefused, BadSetting) as error:
        # Trying again would end the same way.
        return _noted(run_id, source, "failed", 0, 0, str(error), started)
    except SourceFailed as error:
        _noted(run_id, source, "failed", 0, 0, str(error), started)
        raise
    new = store(items, opened.namespace, opened.lasting, run_id)
    state.save()
    status = "unchanged" if not items and state.unchanged else "ok"
    return _noted(run_id, source, status, len(items), new, "; ".join(state.problems), started)


def _noted(run_id: str, source: str, status: str, items: int, new: int, error: str, started: float) -> dict:
    error = redact(error)[:500]
    note(run_id, source, status, items, new, error, time.monotonic() - started)
    return {"source": source, "status": status, "items": items, "new": new, "error": error}


def _allowed(opened: Opening) -> list[str]:
    """Return the sample server's own address, for the sample edition only."""
    if opened.edition != "sample":
        return []
    known = settings()
    urls = [known.hackernews_url, known.arxiv_url, known.mastodon_url, *known.feeds]
    return sorted({urlsplit(url).netloc for url in urls if urlsplit(url).hostname in LOOPBACK})
