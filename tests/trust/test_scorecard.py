"""What a score counts, and what it leaves out."""

import uuid

import pytest

from f.millrace.core import db
from f.millrace.trust import scorecard

pytestmark = pytest.mark.usefixtures("database")


def put_decision(
    outcome: str | None,
    namespace: str = "main",
    days_ago: int = 1,
    kind: str = "judgement",
    escalated: bool = False,
) -> None:
    db.execute(
        "INSERT INTO decision (run_id, namespace, kind, subject, outcome, escalated, made_at)"
        " VALUES (%s, %s, %s, 'x', %s, %s, clock_timestamp() - make_interval(days => %s))",
        [str(uuid.uuid4()), namespace, kind, outcome, escalated, days_ago],
    )


def put_call(status: str, namespace: str = "main", days_ago: int = 1, **attributes: object) -> None:
    run_id = str(uuid.uuid4())
    db.execute("INSERT INTO run (id, flow, namespace) VALUES (%s, 'x', %s)", [run_id, namespace])
    db.execute(
        "INSERT INTO span (trace_id, span_id, run_id, name, status, attributes, started_at) VALUES"
        " (%s, %s, %s, 'execute_tool web.search', %s, %s, clock_timestamp() - make_interval(days =>"
        " %s))",
        [run_id, uuid.uuid4().hex[:16], run_id, status, db.jsonb(attributes), days_ago],
    )


def score(name: str, days: int = 30) -> scorecard.Score:
    return next(one for one in scorecard.scorecard(days) if one.name == name)


def test_only_decisions_of_the_namespace_and_the_days_that_have_an_outcome_count() -> None:
    for outcome in ("approved", "silent_success", "corrected", "refused"):
        put_decision(outcome)
    put_decision(None)
    put_decision("refused", namespace="other")
    put_decision("refused", days_ago=40)

    found = score("decisions_right")

    assert (found.n, found.value) == (4, 50)
    assert score("decisions_right", days=60).n == 5


def test_only_judgements_are_tasks_that_could_be_escalated() -> None:
    put_decision(None, escalated=True)
    for _ in range(3):
        put_decision("approved")
    put_decision("approved", kind="action", escalated=True)
    put_decision(None, namespace="other", escalated=True)
    put_decision(None, days_ago=40, escalated=True)

    found = score("tasks_unescalated")

    assert (found.n, found.value) == (4, 75)


def test_a_verdict_is_given_from_the_target_and_the_least_number_of_cases_on() -> None:
    for _ in range(scorecard.LEAST - 1):
        put_decision("approved")
    assert score("decisions_right").met is None

    put_decision("refused")

    found = score("decisions_right")
    assert (found.value, found.target, found.met) == (80, 80, True)
    put_decision("refused")
    assert score("decisions_right").met is False


def test_calls_of_tools_count_when_they_have_ended_and_gave_what_was_asked_for() -> None:
    put_call("ok")
    put_call("ok", **{"tool.success": True})
    put_call("ok", **{"tool.success": False})
    put_call("error")
    put_call("pending")
    put_call("error", namespace="other")
    put_call("error", days_ago=40)

    found = score("tools_succeed")

    assert (found.n, found.value) == (4, 50)


def test_a_call_that_was_repeated_until_it_worked_counts_as_recovered() -> None:
    put_call("ok")
    put_call("ok", **{"millrace.tool.tries": 1})
    put_call("ok", **{"millrace.tool.tries": 2})
    put_call("error")
    put_call("killed")
    put_call("error", namespace="other")
    put_call("error", days_ago=40)

    found = score("failures_recovered")

    assert (found.n, found.value) == (3, 33.333)
