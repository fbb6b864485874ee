"""Conversations: Pydantic AI messages, kept turn by turn.

A turn is one question with all that answered it. What is loaded begins at a turn's question, so that no tool's answer
stands without its call.
"""

from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, ModelResponse, TextPart, UserPromptPart

from f.millrace.core import db
from f.millrace.core.context import current
from f.millrace.core.redaction import redact

MOST_TURNS = 8
MOST_CHARACTERS = 24_000


def load(session: str, most_turns: int = MOST_TURNS, most_characters: int = MOST_CHARACTERS) -> list[ModelMessage]:
    """Return the last whole turns of a conversation that fit, oldest first; [] for a new one."""
    rows = db.all(
        "SELECT turn, metadata -> 'message' AS message FROM chat_message WHERE session_id = %s "
        "AND turn > (SELECT coalesce(max(turn), 0) - %s FROM chat_message WHERE session_id = %s) ORDER BY id",
        [_key(session), most_turns, _key(session)],
    )
    turns: dict[int, list[Any]] = {}
    for row in rows:
        turns.setdefault(row["turn"], []).append(row["message"])
    kept: list[Any] = []
    for turn in sorted(turns, reverse=True):
        if kept and len(str(turns[turn])) + len(str(kept)) > most_characters:
            break
        kept = turns[turn] + kept
    return ModelMessagesTypeAdapter.validate_python(kept)


def append(session: str, messages: Sequence[ModelMessage], metadata: dict[str, Any] | None = None) -> int:
    """Store the messages of one turn and return its number."""
    plain = redact(ModelMessagesTypeAdapter.dump_python(list(messages), mode="json"))
    with db.transaction() as connection:
        connection.execute(
            "INSERT INTO chat_session (id, namespace) VALUES (%s, %s) "
            "ON CONFLICT (id) DO UPDATE SET updated_at = clock_timestamp()",
            [_key(session), current().namespace],
        )
        row = connection.execute(
            "SELECT coalesce(max(turn), 0) + 1 AS turn FROM chat_message WHERE session_id = %s", [_key(session)]
        ).fetchone()
        turn = int(row["turn"]) if row else 1
        for message, stored in zip(messages, plain, strict=True):
            connection.execute(
                "INSERT INTO chat_message (session_id, turn, role, content, metadata) VALUES (%s, %s, %s, %s, %s)",
                [
                    _key(session),
                    turn,
                    "user" if isinstance(message, ModelRequest) else "assistant",
                    redact(_text(message)),
                    db.jsonb({**(metadata or {}), "message": stored, "run_id": current().run_id}),
                ],
            )
    return turn


def remember_turn(session: str, question: str, answer: str, metadata: dict[str, Any] | None = None) -> int:
    """Store one question and its answer."""
    request = ModelRequest(parts=[UserPromptPart(question)])
    return append(session, [request, ModelResponse(parts=[TextPart(answer)])], metadata)


def turns(session: str, most_turns: int = MOST_TURNS) -> list[tuple[str, str]]:
    """Return the last questions and answers as text, oldest first."""
    found: list[tuple[str, str]] = []
    for message in load(session, most_turns):
        text = _text(message)
        if isinstance(message, ModelRequest):
            found.append((text, ""))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {text}".strip())
    return found


def forget(session: str) -> int:
    """Delete a conversation; how many messages it had."""
    row = db.one("SELECT count(*) AS messages FROM chat_message WHERE session_id = %s", [_key(session)])
    db.execute("DELETE FROM chat_session WHERE id = %s", [_key(session)])
    return int(row["messages"]) if row else 0


def _key(session: str) -> str:
    """Conversations of a namespace stay in it."""
    return session if current().namespace == "main" else f"{current().namespace}/{session}"


def _text(message: ModelMessage) -> str:
    parts = (getattr(part, "content", "") for part in message.parts)
    return " ".join(part for part in parts if isinstance(part, str))
