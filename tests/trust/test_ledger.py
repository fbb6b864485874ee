"""The ledger under any order of events, and under many processes at once."""

import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from f.millrace.core import config, db
from f.millrace.core.errors import BudgetExceeded
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.trust import budget, spend

ROOT = Path(__file__).resolve().parents[2]
RUNS = ["00000000-0000-4000-8000-00000000000" + digit for digit in "123"]
AMOUNTS = st.decimals("0.000000001", "0.9", places=9)
PROCESSES = 64 if os.environ.get("PROVE") else 16
LIMITS = {"run": Decimal("1.000000001"), "user_day": Decimal("1.7")}


class Ledger(RuleBasedStateMachine):
    """Reserve, send, settle, release, lose and sweep in any order, beside a model of exact sums."""

    open = Bundle("open")
    ended = Bundle("ended")

    def __init__(self):
        super().__init__()
        for table in ("usage", "budget", "budget_alert", "action"):
            db.execute(f"DELETE FROM {table}")
        self.rows = {}

    @rule(
        target=open, run=st.sampled_from(RUNS), user=st.sampled_from(["ada", "bob"]), amount=AMOUNTS
    )
    def reserve(self, run, user, amount):
        try:
            usage_id = budget.reserve(run, user, "writer", "m", amount)
        except BudgetExceeded:
            return multiple()
        self.rows[usage_id] = {
            "run": run,
            "user": user,
            "reserved": amount,
            "spent": Decimal(0),
            "sent": False,
        }
        return usage_id

    @rule(usage_id=open)
    def send(self, usage_id):
        if not self.rows[usage_id]["sent"]:
            budget.mark_sent(usage_id)
            self.rows[usage_id]["sent"] = True

    @rule(target=ended, usage_id=consumes(open), share=st.integers(0, 100))
    def settle(self, usage_id, share):
        cost = usd(self.rows[usage_id]["reserved"] * share / 100)
        assert budget.settle(usage_id, Price(cost, "test", "2026-11-21"))
        self.rows[usage_id] |= {"reserved": Decimal(0), "spent": cost}
        return usage_id

    @rule(target=ended, usage_id=consumes(open))
    def release(self, usage_id):
        assert budget.release(usage_id)
        self.rows[usage_id] |= {"reserved": Decimal(0)}
        return usage_id

    @rule(target=ended, usage_id=consumes(open))
    def lose(self, usage_id):
        assert budget.charge_reserve(usage_id)
        row = self.rows[usage_id]
        row |= {"reserved": Decimal(0), "spent": row["reserved"] if row["sent"] else Decimal(0)}
        return usage_id

    @rule(usage_id=ended)
    def end_again(self, usage_id):
        assert not budget.release(usage_id)
        assert not budget.charge_reserve(usage_id)

    @rule()
    def sweep_the_dead(self):
        assert budget.sweep() == 0

    @invariant()
    def the_limits_hold_and_equal_the_rows(self):
        for row in db.fetch_all("SELECT * FROM budget"):
            own = [
                one
                for one in self.rows.values()
                if one["run"] == row["key"] or row["key"].startswith(one["user"] + " ")
            ]
            assert row["reserved_usd"] == sum(one["reserved"] for one in own)
            assert row["spent_usd"] == sum(one["spent"] for one in own)
            assert row["reserved_usd"] + row["spent_usd"] <= LIMITS[row["scope"]]


@pytest.mark.long
def test_in_any_order_of_events_the_limits_hold_and_no_fraction_of_a_cent_is_lost(
    database, monkeypatch
):
    monkeypatch.setenv("MILLRACE_RUN_USD", str(LIMITS["run"]))
    monkeypatch.setenv("MILLRACE_DAILY_BUDGET_USD", str(LIMITS["user_day"]))
    config.reload()

    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=1000 if os.environ.get("PROVE") else 40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# Forked from one process, so that all of them are there at once. A third of the calls is released,
# some are lost.
CHILDREN = """
import os, random, sys
from f.millrace.core.errors import BudgetExceeded
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.trust import budget

def child(number):
    rng = random.Random(number)
    for _ in range(30):
        try:
            amount = rng.randint(1, 900) / 10_000
            usage_id = budget.reserve(sys.argv[1 + number % 3], "ada", "writer", "m", amount)
        except BudgetExceeded:
            continue
        how = rng.randint(0, 5)
        if how == 0:
            budget.release(usage_id)
            continue
        if how == 1:
            os._exit(0)
        budget.mark_sent(usage_id)
        if how == 2:
            os._exit(0)
        budget.settle(usage_id, Price(usd(rng.randint(1, 100) / 10_000_000), "test", "2026-11-21"))

pids = []
for number in range(int(sys.argv[4])):
    pid = os.fork()
    if not pid:
        try:
            child(number)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    pids.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in pids))
"""


@pytest.mark.long
@pytest.mark.parametrize("limit", ["1", "0.05"])
def test_many_processes_at_once_never_overspend_by_a_cent(database, limit):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MILLRACE_DAILY_BUDGET_USD": limit,
        "MILLRACE_RUN_USD": "0.8",
    }
    children = subprocess.Popen(
        [sys.executable, "-c", CHILDREN, *RUNS, str(PROCESSES)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    most = Decimal(0)
    with psycopg.connect(database, autocommit=True) as watch:
        while children.poll() is None:
            row = watch.execute(
                "SELECT max(reserved_usd + spent_usd - limit_usd) FROM budget"
            ).fetchone()
            most = max(most, (row and row[0]) or Decimal(0))
            time.sleep(0.01)
    assert (children.wait(), children.communicate()[1]) == (0, "")
    budget.sweep()

    assert most == 0
    rows = db.fetch_all(f"SELECT run_id::text, sum({spend.COST}) AS spent FROM usage GROUP BY 1")
    held = {row["key"]: row for row in db.fetch_all("SELECT * FROM budget")}
    assert all(held[row["run_id"]]["spent_usd"] == row["spent"] for row in rows)
    (day,) = [row for key, row in held.items() if key.startswith("ada ")]
    assert day["spent_usd"] == sum(row["spent"] for row in rows) <= Decimal(limit)
    assert all(row["reserved_usd"] == 0 for row in held.values())
