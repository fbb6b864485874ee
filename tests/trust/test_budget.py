from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from f.millrace.core import config, db, run_context
from f.millrace.core.errors import BudgetExceeded, BudgetHeld, NotFound
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.trust import audit, budget, people, spend


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


@pytest.mark.long
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


RUN, OTHER = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


@pytest.fixture
def spent(database):
    """Two runs of two flows: settled, sent, reserved and released calls."""
    db.execute(
        "INSERT INTO run (id, flow) VALUES (%s, 'daily_research'), (%s, 'ask')", [RUN, OTHER]
    )

    def call(run_id, agent, amount, kind="model", user="ada"):
        return budget.reserve(run_id, user, agent, "openai:a", amount, f"step.{agent}", kind=kind)

    settled = call(RUN, "writer", 1.0)
    budget.mark_sent(settled)
    budget.settle(settled, priced(0.25), {"input": 10, "output": 3, "reasoning": 2})
    sent = call(RUN, "planner", 0.5)
    budget.mark_sent(sent)
    call(RUN, "judge", 0.125)
    budget.release(call(RUN, "writer", 2.0))
    tool = call(OTHER, "web.search", 0.0625, "tool", "ben")
    budget.mark_sent(tool)
    budget.settle(tool, priced(0.0625))


def test_what_was_sent_counts_at_its_reserve_and_what_was_not_as_nothing(spent):
    assert spend.cost_of(RUN) == usd("0.75") and spend.run_cost_usd(RUN) == 0.75
    assert spend.cost_of(RUN, "step.writer") == usd("0.25")
    assert spend.cost_of(RUN, "step.judge") == spend.cost_of(RUN, "step.none") == usd(0)
    assert spend.cost_of(OTHER) == usd("0.0625") and spend.cost_of(None) == usd(0)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("run", [(RUN, 3, 0.75), (OTHER, 1, 0.0625)]),
        ("flow", [("daily_research", 3, 0.75), ("ask", 1, 0.0625)]),
        (
            "agent",
            [("planner", 1, 0.5), ("writer", 1, 0.25), ("web.search", 1, 0.0625), ("judge", 1, 0)],
        ),
        ("user", [("ada", 3, 0.75), ("ben", 1, 0.0625)]),
        ("model", [("openai:a", 4, 0.8125)]),
    ],
)
def test_spending_is_grouped_with_the_dearest_first(spent, by, groups):
    found = spend.group_spending(by)

    assert [(row[by], row["calls"], row["cost_usd"]) for row in found] == groups


def test_a_group_has_its_tokens_tools_reserves_and_prices(spent):
    (row,) = spend.group_spending("model")

    assert row["tokens"] == {
        "input": 10,
        "output": 3,
        "cache_read": 0,
        "cache_write": 0,
        "reasoning": 2,
    }
    assert (row["tools_usd"], row["reserved_usd"], row["currency"]) == (0.0625, 0.125, "USD")
    assert (row["price_sources"], row["price_date"]) == (["test"], "2026-11-21")


def test_spending_is_that_of_one_run_and_since_a_moment(spent):
    db.execute("UPDATE usage SET reserved_at = '2026-11-20T10:00Z' WHERE agent = 'writer'")
    since = datetime(2026, 11, 20, 10, tzinfo=UTC)

    assert [row["agent"] for row in spend.group_spending("agent", run_id=OTHER)] == ["web.search"]
    assert [row["day"] for row in spend.group_spending("day")][-1] == "2026-11-20"
    assert len(spend.group_spending("agent", since)) == 4
    assert len(spend.group_spending("agent", since + timedelta(microseconds=1))) == 3
    assert spend.total_spending()["cost_usd"] == 0.8125
    assert spend.total_spending(since + timedelta(seconds=1))["cost_usd"] == 0.5625
    assert spend.total_spending(run_id=OTHER)["cost_usd"] == 0.0625


def test_the_limits_of_today_are_told_with_how_far_they_are_used(spent, configure):
    today = run_context.now().date().isoformat()
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd) VALUES"
        " ('user_day', 'ada 2020-01-01', 1, 1), ('flow_day', %s, 0, 0)",
        [f"free {today}"],
    )

    found = {(row["scope"], row["key"]): row for row in spend.limits_today(RUN)}

    assert set(found) == {
        ("flow_day", f"free {today}"),
        ("run", RUN),
        ("user_day", f"ada {today}"),
        ("user_day", f"ben {today}"),
    }
    assert found["run", RUN]["percent"] == 5.0
    assert found["flow_day", f"free {today}"]["percent"] is None
    assert (found["run", RUN]["spent_usd"], found["run", RUN]["reserved_usd"]) == (0.25, 0.625)
    assert ("run", RUN) not in {(row["scope"], row["key"]) for row in spend.limits_today()}


def test_an_answer_is_found_by_its_run_step_agent_and_request(database):
    asked = {"run_id": RUN, "step": "research", "agent": "writer", "request_hash": "h"}

    def settled(amount, response, **other):
        given = {**asked, **other}
        usage_id = budget.reserve(
            given["run_id"], "ada", given["agent"], "m", amount, given["step"],
            request_hash=given["request_hash"],
        )  # fmt: skip
        budget.mark_sent(usage_id)
        budget.settle(usage_id, priced(amount), {}, response)
        return usage_id

    settled(0.5, None)
    first = settled(0.25, {"text": "one"})
    settled(0.125, {"text": "two"})

    found = budget.find_settled(**asked)
    assert found == budget.SettledCall(first, usd("0.25"), {"text": "one"})
    for name, other in (("run_id", OTHER), ("step", "x"), ("agent", "x"), ("request_hash", "x")):
        assert budget.find_settled(**{**asked, name: other}) is None


def test_ending_a_run_or_a_step_ends_only_its_open_calls(database):
    def call(run_id, agent, sent):
        usage_id = budget.reserve(run_id, "ada", agent, "m", 0.1, "research", request_hash="h")
        if sent:
            budget.mark_sent(usage_id)
        return usage_id

    calls = {
        name: call(*given)
        for name, given in {
            "sent": (RUN, "writer", True),
            "open": (RUN, "writer", False),
            "agent": (RUN, "judge", False),
            "other": (OTHER, "writer", True),
        }.items()
    }

    def states():
        rows = db.fetch_all("SELECT id::text, state FROM usage")
        by_id = {row["id"]: row["state"] for row in rows}
        return {name: by_id[usage_id] for name, usage_id in calls.items()}

    assert budget.settle_lost(RUN, "research", "writer", "h") == 2
    assert states() == {
        "sent": "settled",
        "open": "released",
        "agent": "reserved",
        "other": "sent",
    }
    assert budget.end_run(RUN) == 1 and budget.end_run(RUN) == 0
    assert (states()["agent"], states()["other"]) == ("released", "sent")


def test_what_ended_cannot_be_ended_again_and_says_so(database):
    usage_id = reserve(RUN, 0.5)

    assert budget.release(usage_id) and not budget.release(usage_id)
    assert not budget.charge_reserve(usage_id)
    assert not budget.settle(usage_id, priced(0.1))
    assert totals("run") == (0, 0)


def test_a_price_has_its_own_date_and_what_has_none_the_day_it_ended(database, configure):
    configure(now="2026-11-22T08:00:00Z")
    settled, lost, released = (reserve(RUN, 0.1) for _ in range(3))
    for usage_id in (settled, lost):
        budget.mark_sent(usage_id)
    budget.settle(settled, priced(0.05))
    budget.charge_reserve(lost)
    budget.release(released)

    rows = {str(row["id"]): row for row in db.fetch_all("SELECT * FROM usage")}
    assert [(rows[one]["price_source"], rows[one]["price_date"]) for one in (settled, lost)] == [
        ("test", "2026-11-21"),
        ("reserve", "2026-11-22"),
    ]
    assert rows[released]["price_date"] == "2026-11-22"
    assert (rows[lost]["cost_usd"], rows[released]["cost_usd"]) == (usd("0.1"), 0)


def test_a_settled_call_is_in_the_audit_log_and_one_that_cost_nothing_is_not(database):
    for amount in (0.5, 0.0):
        usage_id = reserve(RUN, 1.0)
        budget.mark_sent(usage_id)
        budget.settle(usage_id, priced(amount))

    told = [row["detail"] for row in audit.rows() if row["kind"] == "spend"]
    assert told == [{"usd": "0.5", "price": "test"}]


@pytest.mark.parametrize(
    ("settings", "most", "named"),
    [
        ({}, 6, "daily_budget_usd"),
        ({"role_daily_usd": '{"member": 2}'}, 2, "role_daily_usd"),
        ({"role_daily_usd": '{"approver": 2}'}, 6, "daily_budget_usd"),
        ({"role_daily_usd": '{"member": 2}', "user_daily_usd": '{"ada": 3}'}, 3, "user_daily_usd"),
        ({"user_daily_usd": '{"ada": 0}'}, 0, "user_daily_usd"),
    ],
)
def test_the_day_of_a_user_is_as_large_as_the_settings_say_of_them_or_their_role(
    database, configure, settings, most, named
):
    configure(daily_budget_usd=6, user="owner", **settings)
    people.establish("test")
    people.add("ada", "member", by="owner")
    for _ in range(most):
        reserve(str(uuid4()), 1)

    with pytest.raises(BudgetExceeded, match=rf"ada [\d-]+'.*raise {named}$"):
        reserve(str(uuid4()), 1)
    assert reserve(str(uuid4()), 1, "owner")


def test_the_last_cent_of_a_limit_is_a_question_and_not_a_refusal(database):
    reserve(RUN, 5.0)  # all at once, of nothing spent
    with pytest.raises(BudgetExceeded, match=r"has \$0\.00 of \$5\.00 left"):
        reserve(RUN, 0.01)
    usage_id = reserve(OTHER, 4.5, user="bob")
    budget.mark_sent(usage_id)
    budget.settle(usage_id, priced(4.5))

    with pytest.raises(BudgetHeld, match="a person has to allow the rest"):
        reserve(OTHER, 0.5, user="bob")
    with pytest.raises(BudgetExceeded) as refused:
        reserve(OTHER, 0.51, user="bob")
    assert not isinstance(refused.value, BudgetHeld)


def test_money_that_dead_processes_held_is_there_for_the_next_call(database):
    dead = reserve(RUN, 4.0)
    db.execute("UPDATE usage SET reserved_at = reserved_at - interval '1 day'")

    reserve(RUN, 3.0)

    row = db.fetch_one("SELECT state, cost_usd FROM usage WHERE id = %s", [dead])
    assert row == {"state": "released", "cost_usd": 0} and totals("run") == (3.0, 0)
