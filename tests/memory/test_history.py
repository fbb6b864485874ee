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
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.test import TestModel

from f.millrace.core import db
from f.millrace.core.errors import BadInput, NotFound
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


def test_a_nul_does_not_get_into_the_tables_and_long_foreign_texts_do():
    long = "שלום 你好 " * 60_000 + "."
    history.remember_turn("desk", "my key\x00", long)

    stored = db.fetch_one(
        "SELECT string_agg(content || metadata::text, ' ') AS text FROM chat_message"
    )

    assert "my key" in stored["text"] and history.turns("desk")[0][1] == long
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


def test_what_was_said_names_who_said_it_the_turn_and_the_session():
    history.remember_turn("desk", "One?", "One.")
    history.remember_turn("desk", "Two?", "Two.")

    assert [(row["session"], row["turn"], row["role"], row["text"]) for row in said("desk")] == [
        ("desk", 1, "user", "One?"),
        ("desk", 1, "assistant", "One."),
        ("desk", 2, "user", "Two?"),
        ("desk", 2, "assistant", "Two."),
    ]


def test_a_question_begins_a_turn_also_beside_other_parts_and_a_tools_result_does_not():
    asked = UserPromptPart("What is there?")
    result = ToolReturnPart("look", "a desk", tool_call_id="1")

    assert conversation_store.begins_turn(ModelRequest(parts=[SystemPromptPart("Be brief"), asked]))
    assert not conversation_store.begins_turn(ModelRequest(parts=[result]))
    assert not conversation_store.begins_turn(ModelRequest(parts=[result, asked]))
    assert not conversation_store.begins_turn(ModelRequest(parts=[SystemPromptPart("Be brief")]))
    assert not conversation_store.begins_turn(ModelResponse(parts=[TextPart("A desk")]))


def test_messages_before_the_first_question_are_no_turn():
    history.append("desk", [ModelResponse(parts=[TextPart("Welcome")])])

    assert history.load("desk") == [] and history.turns("desk") == []
    history.remember_turn("desk", "One?", "One.")
    assert history.turns("desk") == [("One?", "One.")]


def test_a_turn_of_very_many_messages_is_read_from_its_question():
    calls = [
        message
        for number in range(history.WINDOW // 2 + 1)
        for message in (
            ModelResponse(parts=[ToolCallPart("look", {}, tool_call_id=str(number))]),
            ModelRequest(parts=[ToolReturnPart("look", "x", tool_call_id=str(number))]),
        )
    ]
    last = ModelResponse(parts=[TextPart("All seen.")])
    history.append("desk", [ModelRequest(parts=[UserPromptPart("Look")]), *calls, last])

    assert len(history.load("desk")) == len(calls) + 2
    assert history.turns("desk") == [("Look", "All seen.")]


def test_the_session_that_was_saved_last_is_gone_on_with(clock):
    with pytest.raises(NotFound, match="there is no conversation to continue"):
        history.last_session()
    clock("2026-05-01")
    history.remember_turn("desk", "One?", "One.")
    clock("2026-05-02")
    history.remember_turn("phone", "Two?", "Two.")
    with change(namespace="sample"):
        history.remember_turn("lab", "Three?", "Three.")
        assert history.last_session() == "lab"

    assert history.last_session() == "phone"
    clock("2026-05-03")
    history.remember_turn("desk", "Four?", "Four.")
    assert history.last_session() == "desk"


def test_a_forgotten_session_has_nothing_left_and_others_stay():
    history.remember_turn("desk", "One?", "One.")
    history.remember_turn("phone", "Two?", "Two.")

    assert history.forget("desk") == 2 and history.forget("desk") == 0
    assert history.load("desk") == [] and history.turns("phone") == [("Two?", "Two.")]


def test_what_was_said_is_cut_by_moments_that_are_inside_and_by_a_limit_from_its_end(clock):
    for day in (1, 2, 3):
        clock(f"2026-05-0{day}")
        history.remember_turn("desk", f"Question {day}?", f"Answer {day}.")

    def texts(**when):
        return [row["text"] for row in said("desk", **when)]

    assert texts(since="2026-05-03") == ["Question 3?", "Answer 3."]
    assert texts(until="2026-05-01") == ["Question 1?", "Answer 1."]
    assert texts(since="2026-05-02", until="2026-05-02") == ["Question 2?", "Answer 2."]
    assert texts(as_of="2026-05-01") == texts(known_at="2026-05-01") == texts(until="2026-05-01")
    assert texts(limit=3) == ["Answer 2.", "Question 3?", "Answer 3."]
    clock("2026-05-02")
    assert texts() == ["Question 1?", "Answer 1.", "Question 2?", "Answer 2."]


def test_what_was_said_about_something_is_told_by_its_words_or_its_letters():
    history.remember_turn("desk", "Do herons fly?", "They do.")
    history.remember_turn("desk", "And in the ünïversity?", "They walk.")

    assert [row["text"] for row in said("desk", about="heron flying")] == [
        "Do herons fly?",
        "They do.",
    ]
    assert [row["text"] for row in said("desk", about="ÏVERS")] == [
        "And in the ünïversity?",
        "They walk.",
    ]
    assert said("desk", about="kestrel") == [] and said("phone") == []


def test_a_conversation_keeps_what_was_said_and_no_secret_that_a_tool_answered():
    secret, told = "password=" + "Zq81harbour", "token=" + "Zq81tool9x"
    history.append(
        "desk",
        [
            ModelRequest(parts=[UserPromptPart(f"is it {secret}?")]),
            ModelResponse(parts=[ToolCallPart("look", {}, tool_call_id="1")]),
            ModelRequest(parts=[ToolReturnPart("look", f"it says {told}", tool_call_id="1")]),
            ModelResponse(parts=[TextPart(f"it is {secret}")]),
        ],
    )

    kept = str(db.fetch_all("SELECT content, metadata FROM chat_message"))
    assert history.turns("desk") == [(f"is it {secret}?", f"it is {secret}")]
    assert kept.count(secret) == 4 and told not in kept
