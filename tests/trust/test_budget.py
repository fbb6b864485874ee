from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BudgetExceeded, NotFound
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.trust import budget, spend


def priced(amount: float) -> Price:
    return Price(usd(amount), "test", "2026-11-21")


def reserve(run_id: str, usd: float, user: str = "ada") -> str:
    return budget.reserve(run_id, user, "writer", "openai:gpt-4o", usd, "research")


def totals(scope: str) -> tuple[float, float]:
    row = db.fetch_one(
        "SELECT sum(reserved_usd) AS reserved, sum(spent_usd) AS spent FROM budget WHERE scope"
        " = %s",
        [scope],
    )
    assert row is not None
    return float(row["reserved"]), float(row["spent"])


def test_what_is_settled_replaces_the_reserve(database):
    run_id = str(uuid4())
    usage_id = reserve(run_id, 1.0)
    budget.mark_sent(usage_id)

    budget.settle(usage_id, priced(0.25), {"input": 10}, {"parts": []})

    assert totals("run") == (0, 0.25)
    assert totals("user_day") == (0, 0.25)
    assert spend.cost_of(run_id) == usd("0.25")


def test_a_call_over_the_limit_of_a_run_takes_nothing_from_the_day(database):
    run_id = str(uuid4())
    reserve(run_id, 4.5)

    with pytest.raises(BudgetExceeded, match=r"has \$0\.50 of \$5\.00 left"):
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
    db.execute(
        "INSERT INTO run (id, flow, pipeline) VALUES (%s, 'x', %s)",
        [run_id, db.jsonb({"budget": {"run_usd": 0.5}})],
    )

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

    found = budget.find_settled(run_id, "s", "writer", "h")
    assert (
        found is not None
        and found.cost_usd == usd("0.1")
        and found.response == {"kind": "response"}
    )
    assert budget.find_settled(run_id, "other", "writer", "h") is None

    budget.forget_answers([usage_id])
    assert budget.find_settled(run_id, "s", "writer", "h") is None
    assert spend.cost_of(run_id) == usd("0.1")


def test_threads_never_overspend_and_stop_when_a_person_is_to_be_asked(database):
    run_id = str(uuid4())

    def spend_one(_: int) -> int:
        try:
            usage_id = reserve(run_id, 0.1)
            budget.mark_sent(usage_id)
            budget.settle(usage_id, priced(0.1))
        except BudgetExceeded:
            return 0
        finally:
            db.close()
        return 1

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(spend_one, range(100)))

    assert 45 <= done <= 50
    assert spend.cost_of(run_id) == usd("0.1") * done
    assert totals("run") == (0, pytest.approx(0.1 * done))


def test_what_was_never_sent_is_released_and_what_was_sent_is_settled_at_its_reserve(database):
    run_id = str(uuid4())
    reserved, sent = reserve(run_id, 0.4), reserve(run_id, 0.3)
    budget.mark_sent(sent)

    assert budget.charge_reserve(reserved) and budget.charge_reserve(sent)

    found = db.fetch_all(
        "SELECT id::text, state, cost_usd, price_source FROM usage WHERE run_id = %s", [run_id]
    )
    by_id = {row.pop("id"): row for row in found}
    assert by_id[reserved]["state"] == "released" and by_id[reserved]["cost_usd"] == 0
    assert by_id[reserved]["price_source"] != "reserve"
    assert by_id[sent] == {"state": "settled", "cost_usd": usd("0.3"), "price_source": "reserve"}
    assert totals("run") == (0, pytest.approx(0.3)) and spend.cost_of(run_id) == usd("0.3")


def test_only_a_reservation_can_be_marked_as_sent_and_no_other_row_changes(database):
    run_id = str(uuid4())
    sent, waiting = reserve(run_id, 0.1), reserve(run_id, 0.1)
    budget.mark_sent(sent)

    for usage_id in (sent, str(uuid4())):
        with pytest.raises(NotFound, match="no reserved usage"):
            budget.mark_sent(usage_id)

    found = db.fetch_all("SELECT id::text, state FROM usage WHERE run_id = %s", [run_id])
    assert {row["id"]: row["state"] for row in found} == {sent: "sent", waiting: "reserved"}


def test_what_was_charged_as_lost_is_corrected_by_an_answer_that_comes_after_all(database):
    run_id = str(uuid4())
    usage_id = reserve(run_id, 0.4)
    budget.mark_sent(usage_id)
    budget.charge_reserve(usage_id)

    assert budget.settle(usage_id, priced(0.1), {"input": 7})

    assert totals("run") == (0, pytest.approx(0.1)) and spend.cost_of(run_id) == usd("0.1")
