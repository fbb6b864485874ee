# no_postinstall
# requirements: millrace_core

"""Forget a subject.

Really deletes all that mentions it, and proves it.

On Windmill the job's own arguments hold the subject until the workspace's retention ends; delete
the job there too.

scripts/millrace step ops/forget subject="Ada Example"
"""

from dataclasses import asdict

from f.millrace.memory import forget
from f.millrace.telemetry import spans
from f.millrace.trust import audit


def main(subject: str, dry_run: bool = False) -> dict:
    """Forget a subject in every namespace.

    Args:
        subject: A name, an address, a source or an item's id.
        dry_run: Only count what mentions it.
    """
    with spans.step("ops.forget") as span:
        done = forget.forget(subject, dry_run=dry_run)
        counts = {
            "deleted": sum(done.deleted.values()),
            "blanked": sum(done.blanked.values()),
            "files": done.files,
        }
        if not dry_run:
            audit.append(
                "operator", "memory.forgotten", done.subject_hash, counts=counts, proved=done.proved
            )
        span.set(counts)
        return {**asdict(done), "proved": done.proved}
