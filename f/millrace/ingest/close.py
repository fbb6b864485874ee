# no_postinstall
# requirements: millrace_core

"""Close the ingestion.

Its result says what was read and what could not be.

scripts/millrace step ingest/close run_id=RUN
"""

from f.millrace.telemetry import events, runs, spans


def main(
    run_id: str, scanned: dict | None = None, read: dict | None = None, embedded: dict | None = None
) -> dict:
    """Close the ingestion.

    Args:
        run_id: The run that scanned and read.
        scanned: What the scan found.
        read: What the reading gave.
        embedded: What was embedded.
    """
    with spans.step("ingest.close", run_id):
        return finish(run_id, scanned or {}, read or {}, embedded or {})


def finish(run_id: str, scanned: dict, read: dict, embedded: dict) -> dict:
    """Store and tell the run's result."""
    known = list(scanned.get("problems", []))
    fresh = list(read.get("problems", []))
    result = {
        **{
            name: scanned.get(name, 0)
            for name in ("files", "unchanged", "moved", "withdrawn", "skipped")
        },
        **{name: read.get(name, 0) for name in ("read", "failed", "passages", "new_passages")},
        "embedded": embedded.get("embedded", 0),
        "to_embed": embedded.get("left", 0),
        "problems": fresh + known,
        "notes": read.get("notes", []),
    }
    # A file that could not be read before either is told again, but does not make every night a
    # failure.
    status = "partly_failed" if fresh else "done"
    result["status"] = status
    labels = [
        f"read:{result['read']}",
        *([f"unread:{len(result['problems'])}"] if result["problems"] else []),
    ]
    result["wm_labels"] = [*labels, *([status] if status != "done" else [])]
    runs.close(run_id, status, result, _format_problems(fresh))
    events.emit("progress", _format_result(result), status=status)
    return result


def _format_problems(problems: list) -> str | None:
    return "; ".join(f"{one['path']} {one['problem']}" for one in problems)[:2000] or None


def _format_result(result: dict) -> str:
    unread = f", {len(result['problems'])} could not be read" if result["problems"] else ""
    return f"Read {result['read']} documents, {result['new_passages']} new passages{unread}"


def format_skipped(skipped: dict[str, int]) -> str:
    """Return which kinds of files were left out and how many of each, the most first; empty for
    none.
    """
    kinds = sorted(skipped.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{count} {kind}" for kind, count in kinds)
