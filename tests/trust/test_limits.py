import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BudgetExceeded, BudgetHeld
from f.millrace.core.money import usd
from f.millrace.core.prices import Price
from f.millrace.telemetry import alerts
from f.millrace.telemetry.spans import step
from f.millrace.trust import approvals, audit, budget, limits, spend

ROOT = Path(__file__).resolve().parents[2]


def reserve(run_id, amount, user="ada", flow=""):
    return budget.reserve(run_id, user, "writer", "openai:gpt-4o", amount, "research", flow=flow)


def spend_now(run_id, amount, user="ada", flow=""):
    usage_id = reserve(run_id, amount, user, flow)
    budget.mark_sent(usage_id)
    budget.settle(usage_id, Price(usd(amount), "test", "2026-11-21"))


def row_of(run_id):
    return db.fetch_one("SELECT * FROM budget WHERE scope = 'run' AND key = %s", [run_id])


def test_a_warning_at_70_percent_is_a_row_and_an_event_and_comes_once(database):
    with step("test.step"):
        from f.millrace.core.run_context import current

        run_id = current().run_id
        spend_now(run_id, "3.49")
        assert db.fetch_all("SELECT * FROM budget_alert") == []

        spend_now(run_id, "0.01")
        spend_now(run_id, "0.01")

    assert [
        (row["scope"], row["percent"], row["spent_usd"])
        for row in db.fetch_all("SELECT * FROM budget_alert")
    ] == [("run", 70, usd("3.5"))]
    events = db.fetch_all("SELECT message, metadata FROM run_event WHERE event = 'budget'")
    assert [event["metadata"]["percent"] for event in events] == [70]
    assert events[0]["message"].startswith("70 % of the budget is used: $3.50 of the $5.00 of run")


def test_at_90_percent_nothing_starts_until_a_person_allows_the_rest(database):
    run_id = str(uuid4())
    spend_now(run_id, "4.5")

    with pytest.raises(
        BudgetHeld, match=r"\$4.50 of the \$5.00 .* a person has to allow the rest .*raise run_usd"
    ):
        reserve(run_id, "0.1")
    with pytest.raises(BudgetHeld):
        reserve(run_id, "0.1")

    (question,) = approvals.list_pending()
    assert (question["tool"], question["risk"], question["arguments"]["limit_usd"]) == (
        "budget.allow",
        "high",
        "5",
    )
    assert row_of(run_id)["reserved_usd"] == 0

    approvals.decide(str(question["id"]), question["digest"], "approved", "ada")
    spend_now(run_id, "0.3")
    with pytest.raises(BudgetExceeded, match=r"has \$0\.20 of \$5\.00 left"):
        reserve(run_id, "0.3")
    assert [
        row["percent"] for row in db.fetch_all("SELECT percent FROM budget_alert ORDER BY 1")
    ] == [70, 90, 100]
    assert audit.verify() == []


def test_a_no_holds_and_the_question_is_not_asked_again(database):
    run_id = str(uuid4())
    spend_now(run_id, "4.6")
    with pytest.raises(BudgetHeld):
        reserve(run_id, "0.1")
    (question,) = approvals.list_pending()
    approvals.decide(str(question["id"]), question["digest"], "denied", "ada")

    with pytest.raises(BudgetHeld, match="a person refused the rest"):
        reserve(run_id, "0.1")

    assert approvals.list_pending() == []


def test_what_costs_nothing_goes_on_after_the_end(database):
    run_id = str(uuid4())
    spend_now(run_id, "4.9")

    assert reserve(run_id, 0)


def test_a_flow_has_a_day_of_its_own_over_runs_and_users(database, monkeypatch):
    monkeypatch.setenv("MILLRACE_FLOW_DAILY_USD", '{"digest": 2}')
    config.reload()
    spend_now(str(uuid4()), "1.5", "ada", "digest")

    with pytest.raises(BudgetExceeded, match=r"flow and day 'digest .* raise flow_daily_usd"):
        reserve(str(uuid4()), "0.6", "bob", "digest")
    assert reserve(str(uuid4()), "0.6", "bob", "other")


def test_of_the_pipelines_budget_and_the_settings_the_lower_holds(database, monkeypatch):
    run_id = str(uuid4())
    own = {"budget": {"run_usd": 9, "daily_usd": 1.25}}
    db.execute(
        "INSERT INTO run (id, flow, pipeline) VALUES (%s, 'digest', %s)", [run_id, db.jsonb(own)]
    )
    monkeypatch.setenv("MILLRACE_FLOW_DAILY_USD", '{"digest": 2}')
    config.reload()

    under = {scope: limit for (scope, _), limit in limits.limits_of(run_id, "ada").items()}

    assert under == {"run": usd(5), "user_day": usd(50), "flow_day": usd("1.25")}


CHILD = """
import os, signal, sys
from f.millrace.trust import budget
usage_id = budget.reserve(sys.argv[1], "ada", "writer", "m", "3")
if sys.argv[2] == "sent":
    budget.mark_sent(usage_id)
os.kill(os.getpid(), signal.SIGKILL)
"""


def die(run_id, when):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    died = subprocess.run([sys.executable, "-c", CHILD, run_id, when], env=environment, timeout=60)
    assert died.returncode == -signal.SIGKILL


def test_a_holder_that_dies_before_sending_frees_its_reservation_for_the_next(database):
    run_id = str(uuid4())
    die(run_id, "reserved")
    assert row_of(run_id)["reserved_usd"] == 3

    assert reserve(run_id, "4")

    assert (row_of(run_id)["reserved_usd"], row_of(run_id)["spent_usd"]) == (4, 0)


def test_a_holder_that_dies_after_sending_is_charged_the_reserve_once(database):
    run_id = str(uuid4())
    die(run_id, "sent")
    assert spend.cost_of(run_id) == 3

    with pytest.raises(BudgetExceeded):
        reserve(run_id, "4")

    assert (row_of(run_id)["reserved_usd"], row_of(run_id)["spent_usd"]) == (0, 3)
    assert budget.sweep() == 0
    assert spend.cost_of(run_id) == 3


def test_the_living_are_not_swept(database):
    run_id = str(uuid4())
    reserve(run_id, "1")

    assert budget.sweep() == 0
    assert row_of(run_id)["reserved_usd"] == 1


def test_an_answer_that_comes_after_all_corrects_what_was_charged(database):
    run_id = str(uuid4())
    usage_id = reserve(run_id, "1")
    budget.mark_sent(usage_id)
    assert budget.charge_reserve(usage_id)
    assert row_of(run_id)["spent_usd"] == 1

    assert budget.settle(usage_id, Price(usd("0.4"), "test", "2026-11-21"))
    assert not budget.settle(usage_id, Price(usd("0.9"), "test", "2026-11-21"))

    assert (row_of(run_id)["reserved_usd"], row_of(run_id)["spent_usd"]) == (0, usd("0.4"))
    assert [row["detail"]["usd"] for row in audit.rows()] == ["1", "0.4"]


@pytest.mark.parametrize(
    ("scope", "key", "spent", "percent", "said"),
    [
        (
            "run",
            "0123456789ab",
            "3.5",
            70,
            "70 % of the budget is used: $3.50 of the $5.00 of run 01234567; cheaper models take"
            " over where they are set (setting run_usd (or the pipeline's budget)).",
        ),
        (
            "user_day",
            "ada 2026-11-21",
            "4.5",
            90,
            "90 % of the budget is used: $4.50 of the $5.00 of user and day 'ada 2026-11-21'; a"
            " person is asked before more is started (setting daily_budget_usd).",
        ),
        (
            "flow_day",
            "ask 2026-11-21",
            "5",
            100,
            "100 % of the budget is used: $5.00 of the $5.00 of flow and day 'ask 2026-11-21';"
            " nothing more is started (setting flow_daily_usd (or the pipeline's budget)).",
        ),
        (
            "user_day",
            "ada 2026-11-21",
            "4.99",
            100,
            "The budget is at its end: $4.99 of the $5.00 of user and day 'ada 2026-11-21' is"
            " used, the next call may need more; nothing more is started (setting"
            " daily_budget_usd).",
        ),
    ],
)
def test_a_limit_is_described_by_whose_it_is_what_is_used_and_what_follows(
    scope, key, spent, percent, said
):
    assert limits.describe(scope, key, usd(5), usd(spent), percent) == said


def test_a_limit_is_near_from_70_percent_on(database):
    run_id = str(uuid4())
    assert not limits.is_near(run_id, "ada")
    spend_now(run_id, "3.49")
    assert not limits.is_near(run_id, "ada")
    spend_now(run_id, "0.01")

    assert limits.is_near(run_id, "ada")
    assert not limits.is_near(str(uuid4()), "ada")


def test_each_step_of_a_limit_is_told_once_and_the_worst_alert_stands(database):
    run_id = str(uuid4())
    spend_now(run_id, "3.5")
    spend_now(run_id, "1")
    with pytest.raises(BudgetExceeded, match=r"has \$0.50 of \$5.00 left; raise run_usd"):
        reserve(run_id, "0.51")
    with pytest.raises(BudgetExceeded):
        reserve(run_id, "0.51")

    told = db.fetch_all("SELECT percent FROM budget_alert ORDER BY percent")
    assert [row["percent"] for row in told] == [70, 90, 100]
    (alert,) = [row for row in alerts.list_alerts() if row["labels"]["scope"] == "run"]
    assert (alert["name"], alert["severity"]) == (limits.ALERT, "critical")


def test_alerts_about_limits_of_days_that_are_over_end(database, configure):
    configure(now="2026-11-21T12:00:00Z", daily_budget_usd="5")
    spend_now(str(uuid4()), "4.5")
    assert len(alerts.list_alerts()) == 2 and limits.resolve_old() == []

    configure(now="2026-11-22T00:00:00Z")

    assert len(limits.resolve_old()) == 2 and limits.resolve_old() == []
    assert alerts.list_alerts() == []


def test_a_yes_lets_its_limit_be_spent_and_a_higher_one_is_asked_about_after_that(
    database, configure
):
    run_id = str(uuid4())
    spend_now(run_id, "4.5")
    with pytest.raises(BudgetHeld):
        reserve(run_id, "0.1")
    (question,) = approvals.list_pending()
    approvals.decide(str(question["id"]), question["digest"], "approved", "eva")
    spend_now(run_id, "0.4")
    configure(run_usd="5.2")
    spend_now(run_id, "0.1")

    with pytest.raises(BudgetHeld, match=r"\$5.00 of the \$5.20"):
        reserve(run_id, "0.1")


def test_a_yes_that_was_not_used_in_time_allows_nothing(database):
    run_id = str(uuid4())
    spend_now(run_id, "4.5")
    with pytest.raises(BudgetHeld):
        reserve(run_id, "0.1")
    (question,) = approvals.list_pending()
    approvals.decide(str(question["id"]), question["digest"], "approved", "eva")
    db.execute("UPDATE action SET created_at = created_at - interval '100 hours'")

    with pytest.raises(BudgetHeld, match="nobody allowed the rest in time"):
        reserve(run_id, "0.1")
    assert row_of(run_id)["allowed_usd"] == 0
