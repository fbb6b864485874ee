# requirements:

"""Forget: a subject is really deleted, from every table and file,
and a scan of everything proves it.

Rows that are about content go; rows that record what happened (runs, money, deliveries) stay, with
the text blanked.
"""

import contextlib
import email
import email.policy
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from f.millrace.core import config, db, ids, private_files
from f.millrace.memory import documents, erase, forget_documents, subject_pattern

# Tables whose rows go as a whole.
CONTENT = frozenset(
    "memory_item memory_origin memory_retraction chat_session source_item evidence run_event"
    " feedback tool_gap fetch_state recipient standing_approval outbox reply".split()
)

# A mail, a digest's page and text, and the feed of digests.
MAILS = frozenset((".eml", ".html", ".txt", ".xml"))


@dataclass
class Forgetting:
    """What was forgotten: rows by table, files,
    and where the subject is still found ({} when the proof holds).
    """

    subject_hash: str
    deleted: dict[str, int] = field(default_factory=dict)
    blanked: dict[str, int] = field(default_factory=dict)
    files: int = 0
    columns_scanned: int = 0
    found: dict[str, int] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)

    @property
    def proved(self) -> bool:
        """No table and no file of ours mentions the subject any more."""
        return not self.found


def forget(subject: str, *, dry_run: bool = False) -> Forgetting:
    """Delete all that mentions the subject (a name, an address, an item's id), in every namespace,
    and what was derived from it.

    With `dry_run` nothing is deleted and `found` says what would be.
    """
    wanted = subject_pattern.pattern_of(subject)
    done = Forgetting(ids.digest_of(subject.casefold()), columns_scanned=len(erase.columns()))
    if dry_run:
        with db.transaction() as connection:
            files = len(list(_files(wanted))) + len(_dropped(connection, wanted))
        done.found = {**erase.scan(wanted), **_count_entry("files", files)}
        return done
    with db.transaction() as connection:
        done.elsewhere = _describe_exported(connection, wanted)
        dropped = _dropped(connection, wanted)
        passages = forget_documents.passages(connection)
        done.elsewhere += _on_disk(connection, wanted)
        done.deleted = _delete_rows(connection, wanted)
        documents = forget_documents.write_over(connection, passages, wanted)
        done.blanked = {**erase.blank(connection, wanted), **_count_entry("document", documents)}
    done.files = _delete_files(wanted) + _unlink(dropped)
    # Words that only the subject had leave the statistics too.
    db.execute("SELECT memory_tidy_statistics()")
    _vacuum([*done.deleted, *done.blanked])
    done.found = {**erase.scan(wanted), **_count_entry("files", len(list(_files(wanted))))}
    return done


ITEMS = """
WITH RECURSIVE gone AS (
    SELECT id FROM memory_item WHERE {mentions}
  UNION
    SELECT l.from_id FROM memory_link l JOIN gone ON gone.id = l.to_id
    WHERE l.relation = 'derived_from'
)
DELETE FROM memory_item WHERE id IN (SELECT id FROM gone) RETURNING namespace, thread, ordinal
"""


def _delete_rows(
    connection: db.Connection, subject: subject_pattern.SubjectPattern
) -> dict[str, int]:
    by_table: dict[str, list[erase.Column]] = {}
    for column in erase.columns():
        by_table.setdefault(column.place, []).append(column)
    deleted: dict[str, int] = {}
    for place, columns in by_table.items():
        table, condition = (
            columns[0].table,
            " OR ".join(erase.mentions(column) for column in columns),
        )
        if table == "memory_item":
            sql = ITEMS.format(mentions=condition)
        elif table in CONTENT:
            sql = f"DELETE FROM {place} WHERE {condition}"
        else:
            continue
        cursor = connection.execute(sql, erase.values(subject))  # type: ignore[arg-type]
        deleted[table] = cursor.rowcount
        if table == "memory_item":
            gone: list[forget_documents.DeletedItem] = cursor.fetchall()
            forget_documents.drop_stale_vectors(connection, gone)
    deleted["chat_message"] = _delete_turns(connection, subject)
    deleted["checkpoints"] = _delete_threads(connection, subject, by_table)
    # An item that only the forgotten source had said has nobody left who says it.
    deleted["memory_item"] += connection.execute(
        "DELETE FROM memory_item m WHERE NOT EXISTS (SELECT 1 FROM memory_origin o WHERE o.item_id"
        " = m.id)"
    ).rowcount
    return {table: count for table, count in deleted.items() if count}


def _delete_threads(
    connection: db.Connection,
    subject: subject_pattern.SubjectPattern,
    by_table: dict[str, list[erase.Column]],
) -> int:
    """Delete whole threads of checkpoints: one with a hole in it cannot be continued."""
    threaded = {
        place: columns
        for place, columns in by_table.items()
        if columns[0].schema == "checkpoint"
        and any(column.name == "thread_id" for column in columns)
    }
    if not threaded:
        return 0
    found = " UNION ".join(
        f"SELECT thread_id FROM {place} WHERE"
        f" {' OR '.join(erase.mentions(column) for column in columns)}"
        for place, columns in threaded.items()
    )
    threads = [
        row["thread_id"]
        for row in connection.execute(found, erase.values(subject)).fetchall()  # type: ignore[arg-type]
    ]
    return sum(
        connection.execute(f"DELETE FROM {place} WHERE thread_id = ANY(%s)", [threads]).rowcount  # type: ignore[arg-type]
        for place in threaded
    )


def _delete_turns(connection: db.Connection, subject: subject_pattern.SubjectPattern) -> int:
    """Delete the turns that mention the subject, and join what is left of their conversations."""
    condition = " OR ".join(
        erase.mentions(column) for column in erase.columns() if column.table == "chat_message"
    )
    gone = connection.execute(
        "DELETE FROM chat_message WHERE (session_id, turn) IN"  # type: ignore[arg-type]
        f" (SELECT session_id, turn FROM chat_message WHERE {condition})"
        " RETURNING entry_id, parent_id",
        erase.values(subject),
    ).fetchall()
    parents = {row["entry_id"]: row["parent_id"] for row in gone}
    if not parents:
        return 0
    for row in connection.execute(
        "SELECT id, parent_id FROM chat_message WHERE parent_id = ANY(%s)", [list(parents)]
    ).fetchall():
        connection.execute(
            "UPDATE chat_message SET parent_id = %s WHERE id = %s",
            [_nearest_remaining(row["parent_id"], parents), row["id"]],
        )
    for row in connection.execute(
        "SELECT id, metadata FROM chat_session WHERE metadata ? 'record' FOR UPDATE"
    ).fetchall():
        record = row["metadata"]["record"]
        heads = {
            name: _nearest_remaining(record.get(name), parents) for name in ("head_id", "forked_at")
        }
        branches = [
            left for tip in record.get("branches", []) if (left := _nearest_remaining(tip, parents))
        ]
        if {**record, **heads, "branches": branches} != {
            "branches": [],
            **record,
            **{n: record.get(n) for n in heads},
        }:
            connection.execute(
                "UPDATE chat_session SET metadata = jsonb_set(metadata, '{record}', %s) WHERE id"
                " = %s",
                [db.jsonb({**record, **heads, "branches": branches}), row["id"]],
            )
    return len(gone)


def _nearest_remaining(entry: str | None, parents: dict[str, str | None]) -> str | None:
    """Return the nearest entry before a deleted one that is still there."""
    while entry in parents:
        entry = parents[entry]
    return entry


def _describe_exported(
    connection: db.Connection, subject: subject_pattern.SubjectPattern
) -> list[str]:
    condition = " OR ".join(
        erase.mentions(column) for column in erase.columns() if column.table == "span"
    )
    row = connection.execute(
        f"SELECT count(*) AS n FROM span WHERE exported_at IS NOT NULL AND ({condition})",  # type: ignore[arg-type]
        erase.values(subject),
    ).fetchone()
    if not row or not row["n"]:
        return []
    return [
        f"{row['n']} span(s) were exported to the trace store, which deletes by its own retention"
        " only"
    ]


def _on_disk(connection: db.Connection, subject: subject_pattern.SubjectPattern) -> list[str]:
    """Name the files that were read into memory and mention the subject:
    only their owner deletes those.
    """
    return [
        f"the file {path} mentions it; delete or change it, or the next change of it is read again"
        for path, state in _read_files(connection, subject)
        if state != "withdrawn" and not documents.is_dropped(path)
    ]


def _dropped(connection: db.Connection, subject: subject_pattern.SubjectPattern) -> list[Path]:
    """Return the files that were dropped in the console and mention the subject: we keep them, so
    they go, too.
    """
    found = _read_files(connection, subject)
    return [Path(path) for path, _ in found if documents.is_dropped(path)]


def _read_files(
    connection: db.Connection, subject: subject_pattern.SubjectPattern
) -> list[tuple[str, str]]:
    """Return path and state of each document that mentions the subject."""
    condition = " OR ".join(
        erase.mentions(column) for column in erase.columns() if column.table == "document"
    )
    rows = connection.execute(
        f"SELECT path, state FROM document WHERE {condition} ORDER BY path",  # type: ignore[arg-type]
        erase.values(subject),
    ).fetchall()
    return [(row["path"], row["state"]) for row in rows]


def _unlink(paths: list[Path]) -> int:
    """Delete files that are still there; how many."""
    found = [path for path in paths if path.is_file()]
    for path in found:
        path.unlink()
    return len(found)


def _files(subject: subject_pattern.SubjectPattern) -> Iterable[Path]:
    """Yield the mails of the outbox and their copies,
    and the file of events, that mention the subject.
    """
    outbox, events = Path(config.settings().outbox_dir), config.settings().events_file
    for path in sorted(outbox.rglob("*")) if outbox.is_dir() else []:
        if path.suffix in MAILS and subject.is_in(_mail_text(path)):
            yield path
    if (
        events
        and Path(events).is_file()
        and subject.is_in(Path(events).read_text(errors="replace"))
    ):
        yield Path(events)


def _delete_files(subject: subject_pattern.SubjectPattern) -> int:
    found = list(_files(subject))
    for path in found:
        if path.suffix in MAILS:
            path.unlink()
        else:
            lines = path.read_text(errors="replace").splitlines(keepends=True)
            private_files.write(path, "".join(line for line in lines if not subject.is_in(line)))
    return len(found)


def _mail_text(path: Path) -> str:
    if path.suffix != ".eml":
        return path.name + "\n" + path.read_text(errors="replace")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    texts = [path.name, *(str(value) for value in message.values())]
    for part in message.walk():
        if part.get_content_maintype() == "text":
            with contextlib.suppress(LookupError, UnicodeError):
                texts.append(str(part.get_content()))
    return "\n".join(texts)


def _vacuum(tables: Iterable[str]) -> None:
    """Have Postgres give up the deleted rows' pages; not inside of a caller's transaction."""
    with db.connect() as connection:
        if connection.info.transaction_status.name != "IDLE":
            return
        for column in {column.place for column in erase.columns() if column.table in set(tables)}:
            connection.execute(f"VACUUM {column}")  # type: ignore[arg-type]


def _count_entry(name: str, count: int) -> dict[str, int]:
    return {name: count} if count else {}
