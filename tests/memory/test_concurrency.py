"""Writers in processes of their own, and a database that goes away."""

import multiprocessing
import os

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BadInput
from f.millrace.memory.store import Draft, remember, remember_all
from f.millrace.memory.supersede import supersede

pytestmark = pytest.mark.usefixtures("database")
WRITERS = 4


def _together(function, *arguments) -> list:
    """Call a function in several processes at the same moment; what each returned."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(WRITERS), context.Queue()
    url = config.settings().database_url.get_secret_value()
    processes = [
        context.Process(target=_child, args=(url, barrier, answers, function, number, arguments))
        for number in range(WRITERS)
    ]
    for process in processes:
        process.start()
    found = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    return found


def _child(url, barrier, answers, function, number, arguments) -> None:
    os.environ["MILLRACE_DATABASE_URL"] = url
    config.reload()
    db.fetch_one("SELECT 1")
    barrier.wait()
    try:
        answers.put(function(number, *arguments))
    except BadInput as error:
        answers.put(f"refused: {error}")
    db.close()


def _say(number: int) -> list[str]:
    drafts = [
        Draft("fact", f"the {name} bridge of Lindholm opens for ships every morning at the bell")
        for name in ("old", "new")
    ]
    # Nearly the same, each writer in words of its own, and in an order of its own.
    drafts += [
        Draft(
            "fact",
            "The harbour master of Lindholm counts the ships every day at noon"
            f" sharp{'!' * number}",
        )
    ]
    return [
        remember_all(drafts[:: 1 if number % 2 else -1], namespace="main") and "",
        *sorted(set(remember_all(drafts))),
    ]


def _replace(number: int, item: str) -> str:
    return supersede(item, f"the bridge is painted in colour {'abcd'[number]}")


@pytest.mark.long
def test_writers_of_the_same_items_make_one_of_each():
    answers = _together(_say)

    assert len({tuple(answer) for answer in answers}) == 1
    assert db.fetch_one("SELECT count(*) AS n FROM memory_item") == {"n": 3}
    assert db.fetch_one("SELECT count(*) AS n FROM memory_belief") == {"n": 3}


@pytest.mark.long
def test_of_two_writers_who_supersede_one_item_the_first_wins_and_the_others_are_told():
    item = remember("fact", "the bridge is painted red")

    answers = _together(_replace, item)

    won = [answer for answer in answers if not answer.startswith("refused")]
    assert len(won) == 1 and db.fetch_one(
        "SELECT superseded_by FROM memory_item WHERE id = %s", [item]
    ) == {"superseded_by": won[0]}
    assert all(
        won[0] in answer and "supersede that one" in answer
        for answer in answers
        if answer not in won
    )
    assert db.fetch_one("SELECT count(*) AS n FROM memory_item") == {"n": 2}


def test_a_connection_that_is_cut_in_the_middle_loses_nothing_and_leaves_no_half():
    kept = remember("fact", "what was acknowledged")
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        _cut_off("what was not acknowledged")

    remember("fact", "what came after")

    texts = [
        row["text"]
        for row in db.fetch_all(
            "SELECT raw_text ->> 'text' AS text FROM memory_item ORDER BY created_at"
        )
    ]
    assert texts == ["what was acknowledged", "what came after"] and kept
    assert db.fetch_one("SELECT count(*) AS n FROM memory_belief") == {"n": 2}


def _cut_off(text: str) -> None:
    with db.transaction() as connection:
        remember("fact", text)
        row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
        with db.open_connection() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [row["pid"]])
        connection.execute("SELECT 1")
