# no_postinstall
# requirements: millrace_core

"""Retract a source.

Withdraws what a poisoned source said, and what was derived from it.

scripts/millrace step ops/retract source="https://example.com/" reason="invented"
"""

from f.millrace.core import ids
from f.millrace.memory import retract
from f.millrace.telemetry import spans
from f.millrace.trust import audit


def main(source: str, reason: str = "", namespace: str = "main", because: str = "") -> dict:
    """Withdraw a source.

    Args:
        source: Its name, address or document; with / at the end all that lies below.
        reason: Why, in a few words.
        namespace: The namespace of the memories.
        because: The old name of reason, for forms that were saved with it; it goes with the next
            release.
    """
    if because:
        print("ops/retract: 'because' is now 'reason'; the old word goes with the next release")
        reason = reason or because
    with spans.step("ops.retract") as span:
        done = retract.retract(source, reason, namespace=namespace)
        counts = {
            "origins": done.origins,
            "withdrawn": len(done.withdrawn),
            "derived": len(done.derived),
            "kept": len(done.kept),
            "restored": len(done.restored),
        }
        audit.append("operator", "memory.retracted", ids.digest_of(source), counts=counts)
        span.set(counts)
        return {**counts, "ids": [*done.withdrawn, *done.derived][:100]}
