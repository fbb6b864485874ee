# no_postinstall
# requirements: millrace_memory

"""Embed new passages.

Passages that have no vector yet get one, so that they are found by meaning too.

scripts/millrace step ingest/embed namespace=main
"""

import time

from f.millrace.core import db, errors, run_context
from f.millrace.memory import vectors
from f.millrace.telemetry import events, spans


def main(run_id: str | None = None, namespace: str = "main", embed: bool = True) -> dict:
    """Embed what has no vector yet.

    Args:
        run_id: The run that read the documents; none means a run of its own.
        namespace: Where the documents are kept.
        embed: Off leaves it to `embed_memory`; until then passages are found by their words.
    """
    with spans.step("ingest.embed", run_id) as span, run_context.change(namespace=namespace):
        row = db.fetch_one(
            "SELECT count(*) AS n FROM memory_item WHERE namespace = %s AND embedding IS NULL",
            [namespace],
        )
        total = row["n"] if row else 0
        answer: dict = {"embedded": 0, "problem": ""}
        if total and embed:
            try:
                answer["embedded"] = vectors.embed_missing(
                    namespace, progress=_Progress(total).tell
                )
            except (errors.ModelFailed, errors.BadSetting, errors.BudgetExceeded) as error:
                # What was read stays: it is found by its words, and by its meaning once the model
                # answers.
                answer["problem"] = str(error)
                events.emit("error", f"{total} passages are found by their words only: {error}")
        answer["left"] = total - answer["embedded"]
        span.set({"ingest.embedded": answer["embedded"], "ingest.left": answer["left"]})
        return answer


class _Progress:
    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()

    def tell(self, done: int) -> None:
        passed = time.monotonic() - self._began
        left = passed / max(done, 1) * (self._total - done)
        speed = f" ({done / passed:.0f} a second)" if passed >= 1 else ""
        words = f"Embedded {done} of {self._total} passages{speed}" + (
            f", about {left:.0f} s left" if left >= 1 else ""
        )
        events.emit("progress", words, done=done, total=self._total, seconds_left=round(left, 1))
