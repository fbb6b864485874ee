# requirements:

"""Documents that were read into memory (`scripts/millrace ingest`): the source."""

from __future__ import annotations

from datetime import UTC, datetime

from f.millrace.memory import documents
from f.millrace.tools import fetch_state, items, sources
from f.millrace.trust import shares

NAMESPACE = "main"


def read(limit: int, state: fetch_state.FetchState) -> list[items.SourceItem]:
    """Return the documents, last read first; one whose content changed is a new item."""
    namespace = "sample" if state.namespace == "sample" else NAMESPACE
    return [_item(row, namespace) for row in documents.list_newest(namespace, limit)]


def _item(row: documents.NewDocument, namespace: str) -> items.SourceItem:
    changed = datetime.fromtimestamp(row["changed_ns"] / 1e9, UTC)
    return items.make_item(
        "documents",
        f"{row['id']} {row['sha256'][:16]}",
        row["title"],
        row["dated_at"] or changed,
        url=f"document:{row['id']}",
        text=row["body"],
        author=row["author"],
        trust=row["trust"],
        share_keys=(
            shares.key_of("source", "documents"),
            shares.key_of("namespace", namespace),
        ),
        extra={"kind": row["kind"], "path": row["path"]},
    )


SOURCE = sources.Source("documents", "Your own documents", read, complete=True, chosen=True)
