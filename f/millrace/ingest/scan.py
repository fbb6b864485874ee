# no_postinstall
# requirements: millrace_core

"""Find new documents.

Looks which are new, changed, moved or gone since they were last read.

scripts/millrace step ingest/scan paths='["documents"]'
"""

import re

from f.millrace.core import config, db, errors, run_context
from f.millrace.ingest import close, compare, crawl
from f.millrace.memory import documents
from f.millrace.telemetry import events, runs, spans

NAMESPACE = re.compile(r"[\w][\w.-]{0,79}")
SHOWN = 200


def main(paths: list[str] | None = None, namespace: str = "main", again: bool = False) -> dict:
    """Scan the folders.

    Args:
        paths: Folders and files; none means the setting documents_dirs.
        namespace: Where the documents are kept.
        again: Read every document again, also unchanged ones.
    """
    with spans.step("ingest.scan", again=again) as span:
        if not NAMESPACE.fullmatch(namespace):
            raise errors.BadInput(
                f"a namespace has letters, digits, '.', '_' and '-', at most 80; {namespace!r}"
                " has not"
            )
        run_id = run_context.current().run_id
        runs.move(run_id, namespace)
        with run_context.change(namespace=namespace):
            limits = config.settings()
            found = crawl.crawl(paths or limits.documents_dirs, limits.documents_max_files)
            if not paths:
                found.gone.clear()  # nobody has to have a folder of documents
            difference = compare.compare(namespace, found, limits.document_max_bytes, again)
            problems = [
                (documents.shown_path(path), problem)
                for path, problem in difference.problems[:SHOWN]
            ]
            for path, problem in problems:
                events.emit("error", f"{path} {problem}", path=path, problem=problem)
            answer = {
                "run_id": run_id,
                "namespace": namespace,
                "files": len(found.files),
                "unchanged": difference.unchanged,
                "moved": difference.moved,
                "withdrawn": difference.withdrawn,
                "waiting": difference.waiting,
                "problems": [{"path": path, "problem": problem} for path, problem in problems],
                "skipped": dict(found.skipped.most_common(20)),
            }
            events.emit(
                "progress",
                _format_counts(answer),
                **{
                    name: answer[name]
                    for name in ("files", "waiting", "unchanged", "moved", "withdrawn")
                },
            )
            span.set({"ingest.files": len(found.files), "ingest.waiting": difference.waiting})
            answer["finished"] = not difference.waiting and not _unembedded(namespace)
            # With nothing to read and nothing to embed the run ends here.
            return (
                {**answer, **close.finish(run_id, answer, {}, {})} if answer["finished"] else answer
            )


def _unembedded(namespace: str) -> bool:
    return (
        db.fetch_one(
            "SELECT 1 FROM memory_item WHERE namespace = %s AND embedding IS NULL LIMIT 1",
            [namespace],
        )
        is not None
    )


def _format_counts(answer: dict) -> str:
    return (
        f"{answer['files']} documents: {answer['waiting']} to read, {answer['unchanged']}"
        f" unchanged, {answer['moved']} moved, {answer['withdrawn']} withdrawn"
    )
