# requirements:

"""Conversations of `ask`: what is kept of them, and what of that a model sees again.

A turn is one question with all that answered it. What is loaded begins at a turn's question, so
that no tool's answer stands without its call. The session's name comes from code, never from a
model.
"""

import itertools
import re
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)

from f.millrace.core import errors, run_context
from f.millrace.memory import conversation_store, messages

MOST_TURNS = 8
MOST_CHARACTERS = 24_000
# A turn with tools has a few messages; more than these are read only when no turn begins among
# them.
WINDOW = 50 * MOST_TURNS
ATTEMPTS = 20

T = TypeVar("T")


def load(
    session: str, most_turns: int = MOST_TURNS, most_characters: int = MOST_CHARACTERS
) -> list[ModelMessage]:
    """Return the last whole turns of a conversation that fit, oldest first; [] for a new one. The
    last turn always fits.
    """
    store = conversation_store.PostgresConversationStore()
    for limit in (WINDOW, None):
        conversation = _now(store.load(messages.key(session), limit=limit))
        if conversation is None:
            return []
        kept = truncate(conversation.messages, most_turns, most_characters)
        if kept:
            break
    return kept


def truncate(
    messages: Sequence[ModelMessage], most_turns: int, most_characters: int
) -> list[ModelMessage]:
    """Return the last whole turns that fit, at least the last one; what comes before the first turn
    is left out.
    """
    starts = [
        place for place, message in enumerate(messages) if conversation_store.begins_turn(message)
    ]
    bounds = list(itertools.pairwise([*starts, len(messages)]))
    kept: list[ModelMessage] = []
    left = most_characters
    for start, end in bounds[::-1][: max(most_turns, 1)]:
        turn = list(messages[start:end])
        left -= len(ModelMessagesTypeAdapter.dump_json(turn))
        if kept and left < 0:
            break
        kept = turn + kept
    return kept


def append(
    session: str, said: Sequence[ModelMessage], metadata: dict[str, Any] | None = None
) -> None:
    """Store messages at the end of a conversation,
    after whatever another writer has stored meanwhile.
    """
    store, name = conversation_store.PostgresConversationStore(metadata), messages.key(session)
    for attempt in range(ATTEMPTS):
        record = _now(store.read_record(name)) or ConversationRecord(
            conversation_id=name, head_id=None, revision="", scope=run_context.user_id()
        )
        expected, entries, parent = record.revision or None, [], record.head_id
        for message in said:
            entries.append(ConversationEntry(parent_id=parent, message=message))
            parent = entries[-1].id
        saved = replace(record, head_id=parent, revision=str(uuid4()), updated_at=datetime.now(UTC))
        try:
            return _now(store.write_record(saved, new_entries=entries, expected_revision=expected))
        except ConversationConflict:
            if attempt == ATTEMPTS - 1:
                raise


def remember_turn(
    session: str, question: str, answer: str, metadata: dict[str, Any] | None = None
) -> None:
    """Store one question and its answer."""
    request = ModelRequest(parts=[UserPromptPart(question)])
    append(session, [request, ModelResponse(parts=[TextPart(answer)])], metadata)


def turns(session: str, most_turns: int = MOST_TURNS) -> list[tuple[str, str]]:
    """Return the last questions and answers as text, oldest first."""
    found: list[tuple[str, str]] = []
    for message in load(session, most_turns):
        if conversation_store.begins_turn(message):
            found.append((conversation_store.text_of(message), ""))
        elif found and isinstance(message, ModelResponse):
            found[-1] = (
                found[-1][0],
                f"{found[-1][1]} {conversation_store.text_of(message)}".strip(),
            )
    return found


def last_session() -> str:
    """Return the name of the user's conversation of this namespace that was saved last; NotFound
    when there is none.
    """
    store = conversation_store.PostgresConversationStore()
    records = _now(store.read_records(scope=run_context.user_id(), limit=1))
    if not records:
        raise errors.NotFound("there is no conversation to continue; ask something first")
    return re.split("[/:]", records[0].conversation_id)[-1]


def forget(session: str) -> int:
    """Delete a conversation; how many messages it had."""
    store, name = conversation_store.PostgresConversationStore(), messages.key(session)
    count = len(_now(store.load_entries(name)) or [])
    _now(store.delete(name))
    return count


def _now(answer: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine of the store,
    which never waits for a loop: its database calls block.
    """
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the conversation store waited for an event loop")
