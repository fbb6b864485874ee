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


def put_run(minutes: float = 1, **values: object) -> str:
    """Make a run that counts in every figure of runs, but for what is given."""
    run_id = str(uuid.uuid4())
    row = {
        "flow": "ask",
        "namespace": "main",
        "status": "done",
        "scheduled": "true",
        "days_ago": 1,
        **values,
    }
    db.execute(
        "INSERT INTO run (id, flow, namespace, status, pipeline, started_at, finished_at) VALUES"
        " (%(id)s, %(flow)s, %(namespace)s, %(status)s, jsonb_build_object('opened',"
        " jsonb_build_object('scheduled', %(scheduled)s::text)), clock_timestamp() -"
        " make_interval(days => %(days_ago)s), clock_timestamp() - make_interval(days =>"
        " %(days_ago)s) + make_interval(secs => 60 * %(minutes)s))",
        {**row, "id": run_id, "minutes": minutes},
    )
    return run_id


def put_action(run_id: str, asked: bool) -> None:
    db.execute(
        "INSERT INTO action (key, run_id, tool, arguments, digest, risk, asked_at) VALUES (%s, %s,"
        " 'x', '{}', '', 'high', CASE WHEN %s THEN clock_timestamp() END)",
        [str(uuid.uuid4()), run_id, asked],
    )


def put_step(run_id: str, name: str, status: str = "done", minutes: float = 1, **more: int) -> None:
    db.execute(
        "INSERT INTO step (run_id, path, name, status, tries, started_at, finished_at) VALUES (%s,"
        " %s, %s, %s, %s, clock_timestamp() - make_interval(days => %s), clock_timestamp() -"
        " make_interval(days => %s) + make_interval(secs => 60 * %s))",
        [
            run_id,
            str(uuid.uuid4()),
            name,
            status,
            more.get("tries", 1),
            more.get("days_ago", 1),
            more.get("days_ago", 1),
            minutes,
        ],
    )


def test_scheduled_runs_that_ended_are_counted_and_alone_are_those_that_asked_nobody() -> None:
    put_run()
    put_action(put_run(status="partly_failed"), asked=False)
    put_action(put_run(), asked=True)
    put_run(status="failed")
    put_run(status="waiting")
    for beside in (
        {"status": "running"},
        {"status": "cancelled"},
        {"scheduled": "false"},
        {"namespace": "other"},
        {"days_ago": 40},
    ):
        put_run(**beside)

    found = score("runs_alone")

    assert (found.n, found.value) == (5, 40)


def test_the_time_of_a_question_is_the_median_of_those_that_were_answered() -> None:
    for minutes in (1, 2, 9):
        put_run(minutes)
    for beside in (
        {"flow": "daily_research"},
        {"status": "failed"},
        {"namespace": "other"},
        {"days_ago": 40},
    ):
        put_run(99, **beside)

    found = score("latency_simple")

    assert (found.n, found.value, found.met) == (3, 120, None)


def test_a_time_is_met_when_it_is_at_most_the_target() -> None:
    for _ in range(5):
        put_run(0.5)
    assert (score("latency_simple").value, score("latency_simple").met) == (30, True)

    for _ in range(6):
        put_run(0.6)

    assert score("latency_simple").met is False


def test_the_time_of_research_is_the_median_of_its_steps() -> None:
    run_id, other = put_run(), put_run(namespace="other")
    for minutes in (1, 2, 9):
        put_step(run_id, "research.investigate", minutes=minutes)
    put_step(run_id, "research.investigate", "failed", 99)
    put_step(run_id, "research.compose", minutes=99)
    put_step(run_id, "research.investigate", minutes=99, days_ago=40)
    put_step(other, "research.investigate", minutes=99)

    found = score("latency_research")

    assert (found.n, found.value) == (3, 120)


def test_confidence_is_compared_with_what_persons_said_of_judgements() -> None:
    for confidence, outcome, more in [
        (90, "approved", {}),
        (80, "approved", {}),
        (40, "corrected", {}),
        (30, "refused", {}),
        (20, "undone", {}),
        (1, "silent_success", {}),
        (1, "approved", {"kind": "action"}),
        (1, "approved", {"namespace": "other"}),
        (1, "approved", {"days_ago": 40}),
        (1, None, {}),
    ]:
        put_decision(outcome, **more)
        db.execute(
            "UPDATE decision SET confidence = %s WHERE confidence IS NULL",
            [confidence],
        )

    found = score("confidence_true")

    assert found.n == 5 and found.value is not None and found.value > 0.95
    assert (found.met, found.least_n) == (None, 10)


def put_reply(verb: str, topic: str, recipient: str = "ada", hours: int = 1, **more: str) -> None:
    db.execute(
        "INSERT INTO reply (namespace, flow, recipient, message_id, run_id, verb, topic_id, way,"
        " at) VALUES (%s, 'x', %s, %s, %s, %s, %s, 'mail', clock_timestamp() - make_interval(hours"
        " => %s))",
        [
            more.get("namespace", "main"),
            recipient,
            str(uuid.uuid4()),
            str(uuid.uuid4()),
            verb,
            topic,
            hours,
        ],
    )


def test_of_what_a_reader_said_of_a_topic_the_last_counts() -> None:
    one, two, three = (str(uuid.uuid4()) for _ in range(3))
    put_reply("less", one, hours=3)
    put_reply("more", one, hours=1)
    put_reply("more", two, hours=3)
    put_reply("less", two, hours=1)
    put_reply("more", two, "ben")
    put_reply("untrue", one, hours=0)
    put_reply("less", one, namespace="other")
    put_reply("less", three, hours=24 * 40)

    found = score("topics_wanted")

    assert (found.n, found.value) == (3, 66.667)


def test_steps_that_failed_count_and_are_recovered_when_a_further_try_succeeded() -> None:
    run_id, other = put_run(), put_run(namespace="other")
    put_step(run_id, "a", "done", tries=2)
    put_step(run_id, "b", "failed", tries=3)
    put_step(run_id, "c", "failed")
    put_step(run_id, "d", "killed")
    put_step(run_id, "e", "done", tries=1)
    for status in ("running", "waiting", "cancelled"):
        put_step(run_id, "f", status, tries=2)
    put_step(run_id, "approvals.ask", "timed_out", tries=2)
    put_step(run_id, "blocks.ask_approval", "timed_out", tries=2)
    put_step(run_id, "g", "failed", days_ago=40)
    put_step(other, "h", "failed")

    found = score("failures_recovered")

    assert (found.n, found.value) == (4, 25)


def put_request(run_id: str, request: str, *tries: str, days_ago: int = 1, **more: str) -> None:
    """Note tries of one request: settled, released, lost (charged at the reserve) or sent."""
    for state in tries:
        db.execute(
            "INSERT INTO usage (id, run_id, step, agent, model, kind, state, price_source,"
            " request_hash, reserved_at) VALUES (%s, %s, %s, %s, 'm', %s, %s, %s, %s,"
            " clock_timestamp() - make_interval(days => %s))",
            [
                str(uuid.uuid4()),
                run_id,
                more.get("step", "plan"),
                more.get("agent", "writer"),
                more.get("kind", "model"),
                "settled" if state == "lost" else state,
                "reserve" if state == "lost" else "list",
                request,
                days_ago,
            ],
        )


def test_requests_that_were_sent_again_count_once_and_are_recovered_when_one_was_answered() -> None:
    run_id, other = put_run(), put_run(namespace="other")
    put_request(run_id, "answered", "settled")
    put_request(run_id, "again", "released", "lost", "settled")
    put_request(run_id, "lost", "lost")
    put_request(run_id, "refused", "released", "released")
    put_request(run_id, "refused", "released", agent="planner")
    put_request(run_id, "refused", "settled", step="judge")
    put_request(run_id, "open", "sent")
    put_request(run_id, "tool", "released", kind="tool")
    put_request(run_id, "old", "released", days_ago=40)
    put_request(other, "refused", "released")

    found = score("failures_recovered")

    assert (found.n, found.value) == (4, 25)


def test_each_score_is_told_with_its_verdict_in_words() -> None:
    for _ in range(5):
        put_decision("approved")
        put_call("error")

    told = {one["name"]: one["verdict"] for one in scorecard.to_dicts(scorecard.scorecard())}

    assert (told["decisions_right"], told["tools_succeed"]) == ("met", "missed")
    assert told["latency_simple"] == "not enough data"
