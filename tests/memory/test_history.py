import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai import Agent
from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import ConversationConflict
from pydantic_ai.messages import (
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.test import TestModel

from f.millrace.core import db
from f.millrace.core.errors import BadInput
from f.millrace.core.run_context import change
from f.millrace.memory import conversation_store, history
from f.millrace.memory.conversation_store import PostgresConversationStore
from f.millrace.memory.messages import conversation as said

pytestmark = pytest.mark.usefixtures("database")


@st.composite
def dialogues(draw):
    """Turns with chains of tool calls; a result may come together with the next question, as after
    an approval.
    """
    messages, number, pending = [], 0, []
    for _ in range(draw(st.integers(1, 8))):
        parts = [ToolReturnPart("look", "late", tool_call_id=call) for call in pending]
        pending = []
        messages.append(
            ModelRequest(parts=[*parts, UserPromptPart("x" * draw(st.integers(1, 400)))])
        )
        for _ in range(draw(st.integers(0, 3))):
            calls = [f"call-{number + extra}" for extra in range(draw(st.integers(1, 2)))]
            number += len(calls)
            messages.append(
                ModelResponse(
                    parts=[ToolCallPart("look", {"at": "it"}, tool_call_id=call) for call in calls]
                )
            )
            answer = draw(st.sampled_from(["result", "retry", "later"]))
            if answer == "later":
                pending = calls
                break
            outcome = "success" if answer == "result" else "retried"
            messages.append(
                ModelRequest(
                    parts=[
                        ToolReturnPart(
                            "look",
                            "y" * draw(st.integers(1, 400)),
                            tool_call_id=call,
                            outcome=outcome,
                        )
                        for call in calls
                    ]
                )
            )
        if not pending:
            messages.append(ModelResponse(parts=[TextPart("z" * draw(st.integers(1, 400)))]))
    return messages


@given(dialogues(), st.integers(1, 9), st.integers(0, 6_000))
def test_truncation_keeps_whole_turns_and_no_result_loses_its_call(
    messages, most_turns, most_characters
):
    kept = history.truncate(messages, most_turns, most_characters)

    assert kept and kept == messages[len(messages) - len(kept) :]
    assert isinstance(kept[0].parts[0], UserPromptPart)
    called = set()
    for message in kept:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                called.add(part.tool_call_id)
            elif not isinstance(part, UserPromptPart | TextPart):
                assert part.tool_call_id in called
    assert sum(conversation_store.begins_turn(message) for message in kept) <= most_turns


def test_an_agent_goes_on_with_its_stored_conversation_tools_and_all():
    store, agent = PostgresConversationStore(), Agent(TestModel())

    @agent.tool_plain
    def look(at: str) -> str:
        return f"saw {at}"

    async def talk():
        first = await agent.run("What is there?", conversation=Conversation(conversation_id="desk"))
        await store.save(first)
        loaded = await store.load("desk")
        second = await agent.run("And then?", conversation=loaded)
        await store.save(second)
        return loaded, await store.load("desk"), second

    loaded, stored, second = asyncio.run(talk())

    assert [type(part).__name__ for message in loaded.messages for part in message.parts] == [
        "UserPromptPart", "ToolCallPart", "ToolReturnPart", "TextPart",
    ]  # fmt: skip
    assert (
        stored.messages == second.conversation.messages
        and stored.usage == second.conversation.usage
    )
    assert [row["turn"] for row in db.fetch_all("SELECT turn FROM chat_message ORDER BY id")] == [
        1,
        1,
        1,
        1,
        2,
        2,
    ]


def test_of_two_who_save_one_conversation_the_second_is_told_and_appending_waits_its_turn():
    store = PostgresConversationStore()
    history.remember_turn("desk", "One?", "One.")

    async def twice():
        one, other = await store.load("desk"), await store.load("desk")
        one.messages.append(ModelRequest(parts=[UserPromptPart("Two?")]))
        other.messages.append(ModelRequest(parts=[UserPromptPart("Three?")]))
        await store.save(one)
        await store.save(other)

    with pytest.raises(ConversationConflict):
        asyncio.run(twice())
    history.remember_turn("desk", "Four?", "Four.")

    assert [question for question, _ in history.turns("desk")] == ["One?", "Two?", "Four?"]


def test_branches_and_forks_stand_on_the_messages_they_share():
    store = PostgresConversationStore()
    for number in ("One", "Two", "Three"):
        history.remember_turn("desk", f"{number}?", f"{number}.")

    async def split():
        loaded = await store.load("desk")
        await store.fork("desk", at=4, new_conversation_id="fork")
        await store.branch("desk", at=2, expected_revision=loaded.revision)
        await store.delete("desk")
        return (
            [record.conversation_id for record in await store.list_conversations()],
            await store.load("fork"),
            await store.load("desk"),
        )

    listed, fork, gone = asyncio.run(split())

    assert listed == ["fork"] and gone is None and len(fork.messages) == 4
    assert db.fetch_one("SELECT count(*) AS n FROM chat_message") == {"n": 4}


def test_a_secret_and_a_nul_do_not_get_into_the_tables_and_long_foreign_texts_do():
    long = "שלום 你好 " * 60_000 + "."
    history.remember_turn("desk", "my key is sk-abcdefghijklmnopqrstuvwx\x00", long)

    stored = db.fetch_one(
        "SELECT string_agg(content || metadata::text, ' ') AS text FROM chat_message"
    )

    assert "sk-abcdef" not in stored["text"] and history.turns("desk")[0][1] == long
    assert len(history.load("desk")) == 2


def test_what_was_said_is_found_by_words_and_as_of_a_time_in_its_namespace(clock):
    clock("2026-05-01")
    history.remember_turn("desk", "What about Kestrel?", "It waits for parts.")
    clock("2026-05-02")
    history.remember_turn("other", "And Heron?", "It flies.")
    with change(namespace="sample"):
        history.remember_turn("desk", "A sample of Kestrel?", "Yes.")
    clock("2026-05-03")

    assert [row["text"] for row in said(about="kestrel")] == [
        "What about Kestrel?",
        "It waits for parts.",
    ]
    assert [row["session"] for row in said(about="kestrel", namespace="sample")] == ["desk", "desk"]
    assert (
        len(said()) == 4
        and len(said(known_at="2026-05-01T12:00")) == 2
        and len(said("other", since="2026-05-02")) == 2
    )


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "x" * 81, "a\x00b"])
def test_a_session_has_a_plain_name(name):
    with pytest.raises(BadInput, match="session's name"):
        history.load(name)


def test_truncation_leaves_out_only_what_does_not_fit():
    def turn(letters):
        return [
            ModelRequest(parts=[UserPromptPart("?")]),
            ModelResponse(parts=[TextPart("x" * letters)]),
        ]

    turns = [turn(number) for number in (100, 200, 300)]
    sizes = [len(ModelMessagesTypeAdapter.dump_json(one)) for one in turns]

    def kept(most_turns, most_characters):
        return (
            len(history.truncate([*turns[0], *turns[1], *turns[2]], most_turns, most_characters))
            // 2
        )

    assert [kept(most, 9_999) for most in (0, 1, 2, 3, 4)] == [1, 1, 2, 3, 3]
    assert kept(9, sum(sizes)) == 3 and kept(9, sum(sizes) - 1) == 2
    assert kept(9, sum(sizes[1:])) == 2 and kept(9, sum(sizes[1:]) - 1) == 1
    assert kept(9, 0) == 1


def test_what_many_append_at_once_is_all_there():
    def work(name):
        for number in range(3):
            history.remember_turn("desk", f"{name}{number}", "yes")
        db.close()

    threads = [threading.Thread(target=work, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    asked = [question for question, _ in history.turns("desk", 99)]
    assert sorted(asked) == [f"{name}{number}" for name in "abcd" for number in range(3)]
    assert all(
        [one for one in asked if one.startswith(name)] == [f"{name}{n}" for n in range(3)]
        for name in "abcd"
    )


def test_the_messages_before_one_are_read_up_to_a_limit_and_an_unknown_one_is_an_error():
    store = PostgresConversationStore()
    for number in ("One", "Two"):
        history.remember_turn("desk", f"{number}?", f"{number}.")

    async def read():
        record = await store.read_record("desk")
        assert record is not None
        head = record.head_id
        counts = [
            len(await store.read_history(head, limit=limit)) for limit in (None, 0, 1, 3, 4, 5)
        ]
        none, (last,) = await store.read_history(None), await store.read_history(head, limit=1)
        return counts, none, last.id == head

    assert asyncio.run(read()) == ([4, 0, 1, 3, 4, 4], [], True)
    for unknown in (store.read_history("nobody"), store.read_entry("nobody")):
        with pytest.raises(LookupError, match="nobody"):
            asyncio.run(unknown)
