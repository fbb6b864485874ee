# no_postinstall
# requirements: millrace_memory

"""Embed new memories.

Memories that have no vector get one, so that they are found by meaning too; by their words they are
found at once.

scripts/millrace step ops/embed_memory
"""

from f.millrace.memory import vectors
from f.millrace.telemetry import spans


def main(namespace: str = "", most: int = 5000) -> dict:
    """Give vectors to memories that have none.

    Args:
        namespace: Only memories of this namespace; empty for all.
        most: Embed at most so many; the next run goes on.
    """
    with spans.step("ops.embed_memory") as span:
        answer = {
            "embedded": vectors.embed_missing(namespace or None, most),
            "model": vectors.active().name,
        }
        span.set(answer)
        return answer
