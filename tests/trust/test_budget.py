import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BudgetExceeded
from f.millrace.core.llm import Price
from f.millrace.trust import budget

ROOT = Path(__file__).resolve().parents[2]


def priced(usd: float) -> Price:
    return Price(usd, "test", "2026-11-21", known=True)


def reserve(run_id: str, usd: float, user: str = "ada") -> str:
    return budget.reserve(run_id, user, "writer", "openai:gpt-4o", usd, "research")


def totals(scope: str) -> tuple[float, float]:
    row = db.one("SELECT sum(reserved_usd) AS reserved, sum(spent_usd) AS spent FROM budget WHERE scope = %s", [scope])
    assert row is not None
    return float(row["reserved"]), float(row["spent"])


def test_what_is_settled_replaces_the_reserve(database):
    run_id = str(uuid4())
    usage_id = reserve(run_id, 1.0)
    budget.mark_sent(usage_id)

    budget.settle(usage_id, priced(0.25), {"input": 10}, {"parts": []})

    assert totals("run") == (0, 0.25)
    assert totals("user_day") == (0, 0.25)
    assert budget.spent(run_id) == 0.25


def test_a_call_over_the_limit_of_a_run_takes_nothing_from_the_day(database):
    run_id = str(uuid4())
    reserve(run_id, 4.5)

    with pytest.raises(BudgetExceeded, match=r"0\.5000 of 5\.00 USD left"):
        reserve(run_id, 0.6)

    assert totals("user_day") == (4.5, 0)


def test_the_day_of_a_user_holds_over_runs(database, monkeypatch):
    monkeypatch.setenv("MILLRACE_DAILY_BUDGET_USD", "6")
    config.reload()
    reserve(str(uuid4()), 4)

    with pytest.raises(BudgetExceeded, match="daily_budget_usd"):
        reserve(str(uuid4()), 3)
    reserve(str(uuid4()), 3, user="bob")


def test_a_pipelines_own_budget_goes_before_the_setting(database):
    run_id = str(uuid4())
    db.execute("INSERT INTO run (id, flow, pipeline) VALUES (%s, 'x', %s)", [run_id, db.jsonb({"budget": {"run_usd": 0.5}})])

    with pytest.raises(BudgetExceeded):
        reserve(run_id, 0.6)


def test_a_row_ends_once(database):
    usage_id = reserve(str(uuid4()), 1.0)

    assert budget.release(usage_id)
    assert not budget.settle(usage_id, priced(1.0))
    assert not budget.release(usage_id)

    assert totals("run") == (0, 0)


def test_what_a_dead_try_left_is_charged_when_sent_and_given_back_when_not(database):
    run_id = str(uuid4())
    sent = budget.reserve(run_id, "ada", "writer", "m", 0.3, "s", request_hash="h")
    budget.mark_sent(sent)
    budget.reserve(run_id, "ada", "writer", "m", 0.4, "s", request_hash="h")

    assert budget.settle_lost(run_id, "s", "writer", "h") == 2

    assert totals("run") == (0, pytest.approx(0.3))


def test_a_settled_answer_is_found_again_and_a_forgotten_one_is_not(database):
    run_id = str(uuid4())
    usage_id = budget.reserve(run_id, "ada", "writer", "m", 0.3, "s", request_hash="h")
    budget.settle(usage_id, priced(0.1), {}, {"kind": "response"})

    found = budget.settled(run_id, "s", "writer", "h")
    assert found is not None and found.cost_usd == 0.1 and found.response == {"kind": "response"}
    assert budget.settled(run_id, "other", "writer", "h") is None

    budget.forget_answers([usage_id])
    assert budget.settled(run_id, "s", "writer", "h") is None
    assert budget.spent(run_id) == 0.1


def test_threads_never_overspend(database):
    run_id = str(uuid4())

    def spend(_: int) -> int:
        try:
            usage_id = reserve(run_id, 0.1)
        except BudgetExceeded:
            return 0
        finally:
            db.close()
        budget.mark_sent(usage_id)
        budget.settle(usage_id, priced(0.1))
        db.close()
        return 1

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(spend, range(100)))

    assert done == 50
    assert totals("run") == (0, pytest.approx(5.0))


CHILD = """
import sys
from f.millrace.core.errors import BudgetExceeded
from f.millrace.trust import budget
done = 0
for _ in range(40):
    try:
        usage_id = budget.reserve(sys.argv[1], "ada", "writer", "m", 0.07)
    except BudgetExceeded:
        continue
    done += 1
    if done % 3 == 0:
        budget.release(usage_id)
print(done)
"""


def test_processes_never_overspend(database):
    run_ids = [str(uuid4()), str(uuid4())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MILLRACE_DAILY_BUDGET_USD": "3"}

    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, run_ids[n % 2]], env=environment, stdout=subprocess.PIPE) for n in range(6)
    ]
    assert all(child.wait(60) == 0 for child in children)
    for child in children:
        assert child.stdout is not None
        child.stdout.close()

    reserved, _ = totals("user_day")
    held = db.one("SELECT coalesce(sum(reserved_usd), 0) AS usd FROM usage WHERE state = 'reserved'")
    assert held is not None
    assert reserved == pytest.approx(float(held["usd"]))
    assert 2.5 < reserved <= 3
