"""Conversations and runs belong to their user; others neither read nor continue them."""

import asyncio

import pytest

from f.millrace.core import db, run_context
from f.millrace.core.errors import NotFound
from f.millrace.memory import history, messages, recall
from f.millrace.telemetry import events, spans

pytestmark = pytest.mark.usefixtures("database")


def as_user(user):
    return run_context.change(user_id=user)


def test_a_session_of_the_same_name_is_another_ones_conversation():
    for user in ("ana", "bo"):
        with as_user(user):
            history.remember_turn("batteries", f"What does {user} ask?", "An answer.")

    with as_user("ana"):
        assert history.turns("batteries") == [("What does ana ask?", "An answer.")]
        assert [row["text"] for row in messages.conversation("batteries") if row["role"] == "user"]
        assert "bo ask" not in str(messages.conversation())
        assert history.last_session() == "batteries"
    with as_user("eve"):
        assert history.turns("batteries") == []
        assert messages.conversation() == []
        with pytest.raises(NotFound):
            history.last_session()


def test_what_one_said_is_not_recalled_for_another():
    with as_user("ana"):
        history.remember_turn("secret", "What did I say about the zeppelin?", "It is grey.")
        asked = "What did we say about the zeppelin?"
        assert "zeppelin" in str(recall.recall(asked))
    with as_user("bo"):
        assert "grey" not in str(recall.recall(asked))


def test_a_run_and_what_it_spends_belong_to_its_user():
    with as_user("ana"), spans.step("bench.of_ana"):
        run_id = run_context.current().run_id
        assert run_context.user_id() == "ana"
    # A step in another process finds the user by the run's row.
    with spans.step("bench.later", run_id=run_id):
        assert run_context.user_id() == "ana"

    assert db.fetch_one("SELECT user_id FROM run WHERE id = %s", [run_id])["user_id"] == "ana"


def test_a_watcher_hears_its_own_work_and_nobody_elses():
    heard = {"ana": [], "bo": []}

    async def work(user):
        with events.watch(lambda line: heard[user].append(line["message"])):
            for _ in range(3):
                await asyncio.sleep(0)
                await asyncio.to_thread(events.emit, "progress", f"of {user}")

    async def both():
        await asyncio.gather(work("ana"), work("bo"))

    asyncio.run(both())

    assert heard == {"ana": ["of ana"] * 3, "bo": ["of bo"] * 3}
