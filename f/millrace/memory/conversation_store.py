# requirements:

"""Pydantic AI's conversation store over `chat_session` and `chat_message`.

A record is a session's row, an entry a message's row. What the user and the assistant said stays
as it is, and is masked on its way out; what tools answered is redacted. Deleting a conversation
deletes its messages, but for those that a fork still stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import TypeAdapter
from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
    ConversationStore,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ToolReturnPart,
    UserPromptPart,
)

from f.millrace.core import db, redaction, run_context
from f.millrace.memory import bitemporal

if TYPE_CHECKING:
    from f.millrace.core import rows

    class Entry(TypedDict):
        """A message, with the one that it follows."""

        entry_id: str
        parent_id: str | None
        message: rows.Json


RECORD: TypeAdapter[ConversationRecord] = TypeAdapter(ConversationRecord)
# What a user and an assistant said, of the parts of a message.
SAID = frozenset({"user-prompt", "text"})
# What has a column of its own.
COLUMNS = {"conversation_id", "scope", "updated_at"}

HISTORY = """
WITH RECURSIVE line AS (
    SELECT m.*, 1 AS place FROM chat_message m WHERE m.entry_id = %(head)s
  UNION ALL
    SELECT m.*, line.place + 1 FROM line JOIN chat_message m ON m.entry_id = line.parent_id
    WHERE %(limit)s::integer IS NULL OR line.place < %(limit)s
)
SELECT entry_id, parent_id, metadata -> 'message' AS message FROM line ORDER BY place DESC
"""


class PostgresConversationStore(ConversationStore):
    """Conversations of the current namespace."""

    def __init__(self, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata or {}

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """Return where a conversation stands; None when there is none."""
        row: rows.ChatSession | None = db.fetch_one(
            "SELECT * FROM chat_session WHERE id = %s", [conversation_id]
        )
        return _record(row) if row else None

    async def read_records(
        self, *, scope: str | None = None, limit: int | None = None
    ) -> Sequence[ConversationRecord]:
        """Return the conversations of the namespace, last saved first."""
        found: list[rows.ChatSession] = db.fetch_all(
            "SELECT * FROM chat_session WHERE namespace = %s AND (%s::text IS NULL OR user_id = %s)"
            " ORDER BY updated_at DESC, id LIMIT %s",
            [run_context.current().namespace, scope, scope, limit],
        )
        return [_record(row) for row in found]

    async def write_record(
        self,
        record: ConversationRecord,
        *,
        new_entries: Sequence[ConversationEntry] = (),
        expected_revision: str | None,
    ) -> None:
        """Store a record and its new entries; ConversationConflict if another writer was first."""
        with db.transaction() as connection:
            # Both of two writers of a new conversation find no row to lock.
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [record.conversation_id]
            )
            _expect(connection, record.conversation_id, expected_revision)
            known = {entry.id for entry in new_entries}
            if (
                record.head_id is not None
                and record.head_id not in known
                and not _has(connection, record.head_id)
            ):
                raise ConversationConflict(record.conversation_id)
            rest = RECORD.dump_python(record, mode="json", exclude=COLUMNS)
            connection.execute(
                "INSERT INTO chat_session (id, user_id, namespace, metadata, created_at,"
                " updated_at) VALUES (%(id)s, %(scope)s, %(namespace)s, %(metadata)s,"
                " coalesce(%(now)s::timestamptz, clock_timestamp()), coalesce(%(now)s::timestamptz,"
                " clock_timestamp())) ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id,"
                " metadata = chat_session.metadata || excluded.metadata, updated_at ="
                " excluded.updated_at",
                {
                    "id": record.conversation_id,
                    "scope": record.scope or "",
                    "namespace": run_context.current().namespace,
                    "metadata": db.jsonb({"record": redaction.redact(rest)}),
                    "now": bitemporal.test_clock(),
                },
            )
            self._write_entries(connection, record.conversation_id, new_entries)

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """Delete a conversation and the messages that no other conversation stands on."""
        with db.transaction() as connection:
            _expect(connection, conversation_id, expected_revision)
            connection.execute(ADOPT, {"session": conversation_id})
            connection.execute("DELETE FROM chat_session WHERE id = %s", [conversation_id])

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """Return one message; LookupError when there is none."""
        row: Entry | None = db.fetch_one(
            "SELECT entry_id, parent_id, metadata -> 'message' AS message FROM chat_message WHERE"
            " entry_id = %s",
            [entry_id],
        )
        if row is None:
            raise LookupError(entry_id)
        return _entry(row)

    async def read_history(
        self, head_id: str | None, *, limit: int | None = None
    ) -> list[ConversationEntry]:
        """Return the messages up to `head_id`, oldest first, in one query."""
        if head_id is None or limit == 0:
            return []
        found: list[Entry] = db.fetch_all(HISTORY, {"head": head_id, "limit": limit})
        if not found:
            raise LookupError(head_id)
        return [_entry(row) for row in found]

    def _write_entries(
        self, connection: db.Connection, session: str, entries: Sequence[ConversationEntry]
    ) -> None:
        row = connection.execute(
            "SELECT coalesce(max(turn), 0) AS turn FROM chat_message WHERE session_id = %s",
            [session],
        ).fetchone()
        turn = int(row["turn"]) if row else 0
        for entry in entries:
            turn += begins_turn(entry.message)
            stored = ModelMessagesTypeAdapter.dump_python([entry.message], mode="json")[0]
            stored["parts"] = [
                part if part["part_kind"] in SAID else redaction.redact(part)
                for part in stored["parts"]
            ]
            connection.execute(
                "INSERT INTO chat_message (session_id, entry_id, parent_id, turn, role, content,"
                " metadata, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s,"
                " coalesce(%s::timestamptz, clock_timestamp()))",
                [
                    session,
                    entry.id,
                    entry.parent_id,
                    max(turn, 1),
                    "user" if isinstance(entry.message, ModelRequest) else "assistant",
                    _text_of_parts(stored["parts"]).replace("\x00", ""),
                    db.jsonb(
                        {**self.metadata, "message": stored, "run_id": run_context.current().run_id}
                    ),
                    bitemporal.test_clock(),
                ],
            )


# Entries that another conversation's head or branch leads to become that one's own.
ADOPT = """
WITH RECURSIVE reached AS (
    SELECT s.id AS session, m.entry_id, m.parent_id FROM chat_session s
    JOIN chat_message m ON m.entry_id = s.metadata -> 'record' ->> 'head_id'
      OR s.metadata -> 'record' -> 'branches' ? m.entry_id
    WHERE s.id <> %(session)s
  UNION
    SELECT reached.session, m.entry_id, m.parent_id FROM reached
    JOIN chat_message m ON m.entry_id = reached.parent_id
)
UPDATE chat_message m SET session_id = r.session
FROM (SELECT entry_id, min(session) AS session FROM reached GROUP BY entry_id) r
WHERE m.entry_id = r.entry_id AND m.session_id = %(session)s
"""


def begins_turn(message: ModelMessage) -> bool:
    """Tell whether a turn begins with this message: a person asks, and no tool's result is in it,
    whose call came before.
    """
    if not isinstance(message, ModelRequest):
        return False
    return any(isinstance(part, UserPromptPart) for part in message.parts) and not any(
        isinstance(part, ToolReturnPart) or getattr(part, "tool_name", None)
        for part in message.parts
    )


def text_of(message: ModelMessage) -> str:
    """Return what a person would read of a message."""
    parts = (getattr(part, "content", "") for part in message.parts)
    return " ".join(part for part in parts if isinstance(part, str))


def _text_of_parts(parts: Sequence[dict[str, Any]]) -> str:
    return " ".join(part["content"] for part in parts if isinstance(part.get("content"), str))


def _expect(connection: db.Connection, session: str, revision: str | None) -> None:
    row = connection.execute(
        "SELECT metadata -> 'record' ->> 'revision' AS revision FROM chat_session WHERE id = %s FOR"
        " UPDATE",
        [session],
    ).fetchone()
    if (row["revision"] if row else None) != revision:
        raise ConversationConflict(session)


def _has(connection: db.Connection, entry_id: str) -> bool:
    return (
        connection.execute("SELECT 1 FROM chat_message WHERE entry_id = %s", [entry_id]).fetchone()
        is not None
    )


def _record(row: rows.ChatSession) -> ConversationRecord:
    own = {
        "conversation_id": row["id"],
        "scope": row["user_id"] or None,
        "updated_at": row["updated_at"],
    }
    return RECORD.validate_python({"head_id": None, **row["metadata"].get("record", {}), **own})


def _entry(row: Entry) -> ConversationEntry:
    message = ModelMessagesTypeAdapter.validate_python([row["message"]])[0]
    return ConversationEntry(id=row["entry_id"], parent_id=row["parent_id"], message=message)
