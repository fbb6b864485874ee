# no_postinstall
# requirements: millrace_core

"""Delete old memories.

Those that are older than their type is kept.

scripts/millrace step ops/prune_memory
"""

from f.millrace.memory import retention
from f.millrace.telemetry import spans
from f.millrace.trust import audit


def main() -> dict:
    """Delete what the setting `memory_days` no longer keeps."""
    with spans.step("ops.prune_memory") as span:
        counts = retention.prune()
        if any(counts.values()):
            audit.append("millrace", "memory.pruned", "memory", counts=counts)
        answer = {"deleted": sum(counts.values()), "by_type": counts}
        span.set(answer)
        return answer
