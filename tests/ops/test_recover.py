import asyncio
import json
import uuid
from datetime import UTC, datetime

import pytest

from f.millrace.core import config, db, errors, windmill
from f.millrace.models import call
from f.millrace.ops import recover_runs
from f.millrace.research import read_source
from f.millrace.telemetry import rollup
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.trust import (
    actions,
    answers,
    approvals,
    audit,
    budget,
    fallback,
    recovery,
    scorecard,
)
from scripts.commands.__main__ import main as command_line

pytestmark = pytest.mark.usefixtures("database")
PIPELINE = {"name": "daily_research", "area": "research", "timeouts": {"investigate": 300}}


def put_run(
    minutes_ago, orchestrator="windmill", status="running", openflow=None, pipeline=PIPELINE
):
    run_id = str(uuid.uuid4())
    db.execute(
        "INSERT INTO run (id, flow, orchestrator, status, openflow, pipeline, args, started_at)"
        " VALUES (%s, 'daily_research', %s, %s, %s, %s, %s, clock_timestamp() - make_interval(mins"
        " => %s))",
        [
            run_id,
            orchestrator,
            status,
            db.jsonb(openflow) if openflow is not None else None,
            db.jsonb(pipeline),
            db.jsonb({"max_topics": 3}),
            minutes_ago,
        ],
    )
    return run_id


def put_step(run_id, path, minutes_ago):
    db.execute(
        "INSERT INTO step (run_id, path, name, started_at) VALUES (%s, %s, %s, clock_timestamp() -"
        " make_interval(mins => %s))",
        [run_id, path, path, minutes_ago],
    )


@pytest.fixture
def server(worker):
    """Windmill, on which every job is still there to run."""
    worker.other_jobs = {"type": "QueuedJob", "running": True, "canceled": False}
    return worker


def test_a_run_without_progress_beyond_its_steps_time_out_is_stalled():
    slow, quick = put_run(60), put_run(60)
    put_step(slow, "research[0].investigate", 6)
    put_step(quick, "research[0].investigate", 4)

    assert [str(row["id"]) for row in recovery.stalled_runs()] == [slow]


def test_a_run_between_two_steps_has_the_time_of_the_setting(monkeypatch):
    put_run(20)
    assert recovery.stalled_runs() == []

    monkeypatch.setenv("MILLRACE_STALLED_SECONDS", "600")
    config.reload()

    assert len(recovery.stalled_runs()) == 1


def test_a_run_that_waits_for_a_person_is_not_stalled():
    put_run(6000, status="waiting")

    assert recovery.stalled_runs() == []


def test_any_sign_of_life_is_progress():
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 30)
    db.execute("INSERT INTO run_event (run_id, event) VALUES (%s, 'progress')", [run_id])

    assert recovery.stalled_runs() == []


def test_a_stalled_run_is_continued_then_tried_another_way_then_given_up(server):
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 30)

    def look_again():
        db.execute("UPDATE attempt SET started_at = started_at - interval '1 day'")
        db.execute("UPDATE run_event SET at = at - interval '1 day'")
        return [one["measure"] for one in recover_runs.main()["recovered"]]

    assert look_again() == ["continue"]
    assert server.posted == [
        (f"jobs_u/queue/cancel/{run_id}", {"reason": recover_runs.RESTARTED}),
        ("jobs/run/f/f/millrace/research/daily_research", {"max_topics": 3, "run_id": run_id}),
    ]
    assert look_again() == ["alternative"]
    assert server.posted[2][0] == f"jobs_u/queue/cancel/{server.next_job}", (
        "the latest attempt's job is the one that hangs"
    )
    assert fallback.options_of(run_id) == {"model": "offline"}
    assert look_again() == ["escalate"]
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [run_id]) == {"status": "failed"}
    assert look_again() == [] and len(server.posted) == 4


@pytest.mark.parametrize(("word", "address"), [("approve", "resume"), ("deny", "cancel")])
def test_an_answer_on_the_command_line_is_handed_to_the_flow_that_waits_on_windmill(
    server, capsys, word, address
):
    run_id = put_run(60, status="waiting")
    db.execute(
        "INSERT INTO step (run_id, path, name, job_id, status) VALUES (%s, 'ask', 'approvals.ask',"
        " 'job', 'done')",
        [run_id],
    )
    action = actions.propose(
        "mail.send", {"to": ["ada@home.example"], "mails": []}, "send:1", run_id=run_id
    )
    db.execute(
        "UPDATE action SET asked_at = clock_timestamp(), expires_at = clock_timestamp() + interval"
        " '1 day'"
    )
    assert command_line(["approvals", "show", str(action["id"])]) == 0
    assert "Answer on Windmill's approval page, or on the command line:" in capsys.readouterr().out
    base = "https://windmill.example/api/w/main/jobs_u"
    server.urls = {each: f"{base}/{each}/job/1/signed" for each in ("resume", "cancel")}
    assert recover_runs.main()["answers_handed_over"] == []

    assert command_line(["approvals", word, str(action["id"])]) == 0
    done = recover_runs.main()

    assert "recover_runs hands the answer over" in capsys.readouterr().out and done[
        "answers_handed_over"
    ] == [run_id]
    ((path, body),) = server.posted
    assert path == f"jobs_u/{address}/job/1/signed" and body["action_digest"] == action["digest"]
    given = answers.read(
        action["digest"],
        body if word == "approve" else {"error": {"name": "SuspendedDisapproved"}},
        [body],
    )
    assert given[0] == {"approve": "approved", "deny": "denied"}[word]
    server.refused.add(path)
    assert recover_runs.main()["answers_handed_over"] == []


def test_the_other_way_leaves_out_the_source_that_it_hung_at(server):
    opened = {
        "opened": {
            "day": "2026-11-18",
            "scheduled_for": "2026-11-18T08:00:00Z",
            "sources": ["hackernews", "arxiv"],
        }
    }
    run_id = put_run(60, pipeline={**PIPELINE, **opened})
    put_step(run_id, "collect[1].read_source", 40)
    recover_runs.main()
    db.execute("UPDATE attempt SET started_at = started_at - interval '1 day'")
    db.execute("UPDATE run_event SET at = at - interval '1 day'")

    recover_runs.main()

    assert fallback.options_of(run_id) == {"skip_sources": ["arxiv"]}
    assert "left out" in read_source.main(run_id, "arxiv")["error"]


def test_the_other_way_uses_the_other_model(monkeypatch):
    run_id = put_run(1, pipeline={**PIPELINE, "alternative": {"model": "ollama:small"}})
    used = []
    monkeypatch.setattr(
        call.llm,
        "model",
        lambda name, offline: used.append(name) or (_ for _ in ()).throw(KeyError),
    )
    with call_context(run_id), pytest.raises(KeyError):
        asyncio.run(call.call("writer", None, "x"))

    assert used == ["ollama:small"]


def call_context(run_id):
    from f.millrace.core.run_context import Context, use

    return use(Context(run_id=run_id))


def test_the_operator_is_told_once(monkeypatch, tmp_path):
    monkeypatch.setenv("MILLRACE_OPERATOR", "op@home.example")
    config.reload()
    row = {**db.fetch_one("SELECT * FROM run WHERE id = %s", [put_run(60)]), "running": ["compose"]}

    for _ in range(2):
        recover_runs.escalate(row)

    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1


def test_only_looking_changes_nothing(server):
    run_id = put_run(6000)

    assert recover_runs.main(look_only=True) == {"stalled": [run_id], "count": 1}
    assert server.posted == [] and audit.rows() == []


def test_a_local_run_without_its_runner_is_marked_at_once_and_frees_its_day():
    dead, held = put_run(1, "local", openflow={}), put_run(1, "local", openflow={})
    with db.open_connection() as runner:
        runner.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [held])

        assert recovery.mark_dead() == [dead]

    assert [row["status"] for row in db.fetch_all("SELECT status FROM run ORDER BY status")] == [
        "killed",
        "running",
    ]
    assert [str(row["id"]) for row in recovery.resumable_runs()] == [dead]


def test_the_sweep_frees_reservations_and_closes_old_questions():
    run_id = put_run(1)
    budget.reserve(run_id, "op", "writer", "m", 1.0)
    db.execute("UPDATE usage SET reserved_at = reserved_at - interval '1 day'")
    action = actions.propose("mail.send", {"to": "a@b.example"}, "send:1", run_id=run_id)
    db.execute("UPDATE action SET expires_at = clock_timestamp() - interval '1 hour'")

    swept = recovery.sweep()

    assert (swept.expired, swept.reservations) == (1, 1)
    assert approvals.find_answer(str(action["id"]))["decision"] == "expired"
    assert json.loads(json.dumps(recover_runs.main()))["killed"] == []


def completed(**changes):
    """Return a job as the server gives it once it has ended."""
    job = {
        "type": "CompletedJob",
        "success": False,
        "canceled": False,
        "completed_at": "2026-11-18T09:00:00Z",
        "result": None,
    }
    return job | changes


CANCELLED = completed(canceled=True, canceled_by="eve", canceled_reason="not today")


def run_row(run_id):
    return db.fetch_one("SELECT status, error, finished_at FROM run WHERE id = %s", [run_id])


def test_a_run_that_a_person_cancelled_on_windmill_is_cancelled_here(server, monkeypatch, tmp_path):
    monkeypatch.setenv("MILLRACE_OPERATOR", "op@home.example")
    config.reload()
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 30)
    budget.reserve(run_id, "op", "writer", "m", 1.0)
    db.execute("UPDATE usage SET reserved_at = reserved_at - interval '10 minutes'")
    server.jobs[run_id] = CANCELLED

    done = recover_runs.main()

    assert done["ended_on_server"] == [
        {
            "run_id": run_id,
            "status": "cancelled",
            "reason": "cancelled on Windmill by eve: not today",
        }
    ]
    assert run_row(run_id) == {
        "status": "cancelled",
        "error": "cancelled on Windmill by eve: not today",
        "finished_at": datetime(2026, 11, 18, 9, tzinfo=UTC),
    }
    assert db.fetch_one("SELECT status FROM step WHERE run_id = %s", [run_id]) == {
        "status": "cancelled"
    }
    assert db.fetch_all("SELECT state FROM usage") == [{"state": "released"}]
    assert db.fetch_one("SELECT sum(reserved_usd)::float AS usd FROM budget") == {"usd": 0.0}
    assert (
        done["recovered"],
        server.posted,
        db.fetch_all("SELECT 1 FROM outbox"),
        db.fetch_all("SELECT 1 FROM alert"),
    ) == (
        [],
        [],
        [],
        [],
    )
    assert [
        (row["actor"], row["kind"]) for row in audit.rows() if str(row["run_id"]) == run_id
    ] == [("eve", "run.cancelled")]
    assert recover_runs.main()["ended_on_server"] == []


def test_a_cancelled_run_that_waited_asks_nobody_any_more(server, capsys):
    run_id = put_run(60, status="waiting")
    action = actions.propose("mail.send", {"to": "ada@home.example"}, "send:1", run_id=run_id)
    db.execute(
        "UPDATE action SET asked_at = clock_timestamp(), expires_at = clock_timestamp() + interval"
        " '1 day'"
    )
    server.jobs[run_id] = {
        "type": "QueuedJob",
        "running": True,
        "canceled": True,
        "canceled_by": "eve",
    }

    recover_runs.main()

    answer = approvals.find_answer(str(action["id"]))
    assert (answer["decision"], answer["how"]) == ("expired", "cancelled on Windmill by eve")
    assert run_row(run_id)["status"] == "cancelled" and approvals.list_pending() == []
    assert command_line(["show", run_id]) == 0
    assert "cancelled on Windmill by eve" in capsys.readouterr().out
    assert command_line(["runs"]) == 0
    assert "cancelled" in capsys.readouterr().out


def test_a_run_that_moved_a_moment_ago_is_not_asked_about(server):
    run_id = put_run(60)
    put_step(run_id, "compose", 0)
    server.jobs[run_id] = CANCELLED

    assert recover_runs.main()["ended_on_server"] == [] and run_row(run_id)["status"] == "running"


def test_the_job_of_the_latest_attempt_counts_and_our_own_cancelling_is_nobodys_wish(server):
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 30)
    assert [one["measure"] for one in recover_runs.main()["recovered"]] == ["continue"]
    server.jobs[run_id] = CANCELLED | {"canceled_reason": recover_runs.RESTARTED}
    db.execute("UPDATE attempt SET started_at = started_at - interval '1 day'")
    db.execute("UPDATE run_event SET at = at - interval '1 day'")

    assert recover_runs.main()["ended_on_server"] == []
    server.jobs[server.next_job] = CANCELLED
    db.execute("UPDATE attempt SET started_at = started_at - interval '1 day'")
    db.execute("UPDATE run_event SET at = at - interval '1 day'")

    assert [one["status"] for one in recover_runs.main()["ended_on_server"]] == ["cancelled"]
    assert {row["status"] for row in db.fetch_all("SELECT status FROM attempt")} == {"cancelled"}


@pytest.mark.parametrize("by", ["us", "the server"])
def test_a_job_that_was_cancelled_by_no_person_is_started_again(server, by):
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 30)
    own = {"canceled_reason": recover_runs.RESTARTED} if by == "us" else {"canceled_by": "monitor"}
    server.jobs[run_id] = CANCELLED | own

    done = recover_runs.main()

    assert done["ended_on_server"] == [] and [one["measure"] for one in done["recovered"]] == [
        "continue"
    ]


def test_a_run_that_failed_on_the_server_is_not_started_again_and_the_operator_is_told(
    server, monkeypatch
):
    monkeypatch.setenv("MILLRACE_OPERATOR", "op@home.example")
    config.reload()
    run_id = put_run(60)
    put_step(run_id, "compose", 40)
    server.jobs[run_id] = completed(
        result={"error": {"name": "ExitCode", "message": "out of memory"}}
    )

    recover_runs.main()

    assert (run_row(run_id)["status"], run_row(run_id)["error"]) == (
        "failed",
        "failed on Windmill: out of memory",
    )
    assert db.fetch_one("SELECT status FROM step WHERE run_id = %s", [run_id]) == {
        "status": "killed"
    }
    assert db.fetch_one("SELECT subject FROM outbox") == {
        "subject": "Millrace: daily_research failed on Windmill"
    }
    assert server.posted == []


def test_a_run_that_ended_well_on_the_server_is_done(server):
    run_id = put_run(60)
    put_step(run_id, "compose", 40)
    server.jobs[run_id] = completed(success=True, result={})

    recover_runs.main()

    assert (run_row(run_id)["status"], run_row(run_id)["error"], server.posted) == (
        "done",
        None,
        [],
    )


def test_a_run_that_the_server_does_not_know_is_given_up_in_words_once_it_stands_still(server):
    server.other_jobs = None
    still, quiet = put_run(60), put_run(10)
    asks, asked, asks_nobody, answered, old = (
        put_run(minutes, status="waiting") for minutes in (60, 60, 60, 60, 4 * 24 * 60)
    )
    for run_id, is_asked in ((asks, True), (asks_nobody, False), (answered, True)):
        action = actions.propose(
            "mail.send", {"to": "ada@home.example"}, f"send:{run_id}", run_id=run_id
        )
        if is_asked:
            actions.ask(action["id"])
    row = actions.get_by_key(f"send:{answered}")
    approvals.decide(str(row["id"]), row["digest"], "denied", "ada")

    recover_runs.main()

    runs = {
        still: "failed",
        quiet: "running",
        asks: "waiting",
        asked: "failed",
        asks_nobody: "failed",
        answered: "failed",
        old: "waiting",
    }
    assert {run_id: run_row(run_id)["status"] for run_id in runs} == runs
    assert f"Windmill does not know job {still} of this run" in run_row(still)["error"]


def test_while_the_server_cannot_be_asked_nothing_is_started_again(server, monkeypatch):
    put_run(60)
    monkeypatch.setenv("BASE_INTERNAL_URL", "http://127.0.0.1:9")

    monkeypatch.setattr(windmill, "resource", lambda path: {})
    assert recover_runs.main()["recovered"] == []


def test_away_from_the_server_its_runs_are_left_alone(database):
    run_id = put_run(60)

    assert recover_runs.main()["recovered"] == [] and run_row(run_id)["status"] == "running"


def test_a_cancelled_run_is_no_fault_in_the_metrics(server):
    run_id = put_run(60, pipeline={**PIPELINE, "opened": {"scheduled": True}})
    put_step(run_id, "compose", 40)
    server.jobs[run_id] = CANCELLED
    recover_runs.main()

    by_state = {}
    rollup.roll(CATALOGUE.values())
    for row in db.fetch_all(
        "SELECT labels, value FROM metric_hour WHERE metric = 'workflow_runs_total'"
    ):
        by_state[row["labels"]["status"]] = row["value"]

    assert by_state.get("cancelled") == 1.0
    assert (
        db.fetch_all(
            "SELECT 1 FROM metric_hour WHERE metric = 'errors_total' AND labels ->> 'place' = 'run'"
            " AND value > 0"
        )
        == []
    )
    counted = {figure.name: figure.n for figure in scorecard.scorecard()}
    assert (counted["runs_alone"], counted["failures_recovered"]) == (0, 0)


def test_runs_that_died_or_whose_question_expired_are_gone_on_with_while_they_are_recent():
    dead = put_run(60, "local", "killed", openflow={})
    asked = put_run(50, "local", "waiting", openflow={})
    other = put_run(40, "local", "waiting", openflow={})
    actions.propose("mail.send", {"to": ["ada@home.example"]}, "send:1", run_id=other)
    put_run(60, "local", "killed")
    put_run(60, "local", "running", openflow={})
    put_run(60, "local", "done", openflow={})
    put_run(4 * 24 * 60, "local", "killed", openflow={})
    put_run(4 * 24 * 60, "local", "waiting", openflow={})

    assert [str(row["id"]) for row in recovery.resumable_runs()] == [dead, asked]


def test_what_was_done_about_one_run_does_not_count_for_another():
    one, other = put_run(60), put_run(60)
    rows = {str(row["id"]): row for row in recovery.stalled_runs()}
    audit.append("ada", "run.resumed", "daily_research", one)

    measures = [recovery.decide(rows[one]) for _ in range(4)]

    assert measures == ["continue", "alternative", "escalate", "escalate"]
    assert recovery.next_measure(other) == "continue"


def test_the_other_way_is_gone_only_when_going_on_did_not_help():
    run_id = put_run(60)
    (row,) = recovery.stalled_runs()

    found = []
    for _ in range(3):
        measure = recovery.decide(row)
        found.append((measure, fallback.options_of(run_id)))
        db.execute("UPDATE run SET pipeline = pipeline - 'alternative'")

    other = {"model": config.settings().fallback_model}
    assert found == [("continue", {}), ("alternative", other), ("escalate", {})]
    told = [row for row in audit.rows(run_id) if row["kind"] == "run.recovered"]
    assert [row["detail"]["measure"] for row in told] == [measure for measure, _ in found]
    assert told[0]["detail"]["at"] == "between two steps" and told[0]["detail"]["idle"] >= 3600


@pytest.mark.parametrize(
    ("sources", "running", "other"),
    [
        (
            ["a", "b"],
            ["collect[0].read_source", "collect[1].read_source"],
            {"skip_sources": ["a", "b"]},
        ),
        (["a"], ["collect[1].read_source"], None),
        (["a"], ["collect.read_source"], None),
        (["a"], ["collect[0].investigate"], None),
    ],
)
def test_the_other_way_leaves_out_what_it_hung_at_and_else_asks_another_model(
    sources, running, other
):
    run_id = put_run(60, pipeline={**PIPELINE, "opened": {"sources": sources}})
    for path in running:
        put_step(run_id, path, 50)
    (row,) = recovery.stalled_runs()

    for _ in range(2):
        recovery.decide(row)

    expected = other or {"model": config.settings().fallback_model}
    assert fallback.options_of(run_id) == expected


def test_of_several_running_steps_the_slowest_is_waited_for():
    both, one = (
        put_run(60, pipeline={**PIPELINE, "timeouts": {"quick": 300, "slow": 1200}})
        for _ in range(2)
    )
    put_step(both, "quick", 10)
    put_step(both, "slow", 10)
    put_step(one, "quick", 10)

    assert [str(row["id"]) for row in recovery.stalled_runs()] == [one]


def test_a_step_without_a_time_of_its_own_has_that_of_the_setting():
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 20)
    put_step(run_id, "research[1].other", 20)

    assert recovery.stalled_runs() == []


@pytest.mark.parametrize(
    "sign",
    [
        "INSERT INTO attempt (run_id, started_at) VALUES (%s, clock_timestamp())",
        "UPDATE step SET finished_at = clock_timestamp() WHERE run_id = %s",
        "UPDATE usage SET settled_at = clock_timestamp() WHERE run_id = %s",
        "UPDATE usage SET sent_at = clock_timestamp() WHERE run_id = %s",
        "UPDATE usage SET reserved_at = clock_timestamp() WHERE run_id = %s",
    ],
)
def test_each_sign_of_life_is_progress(sign):
    run_id = put_run(60)
    put_step(run_id, "research[0].investigate", 30)
    budget.reserve(run_id, "op", "writer", "m", 0.01)
    db.execute("UPDATE usage SET reserved_at = reserved_at - interval '30 minutes'")
    db.execute("UPDATE run_event SET at = at - interval '1 day'")
    assert [str(row["id"]) for row in recovery.stalled_runs()] == [run_id]

    db.execute(sign, [run_id])

    assert recovery.stalled_runs() == []


def test_a_run_is_ended_once_with_its_money_and_questions_and_no_others():
    ended, other = put_run(60), put_run(60)
    for run_id in (ended, other):
        budget.reserve(run_id, "op", "writer", "m", 0.5)
        actions.propose("mail.send", {"to": "a@b.example"}, f"send:{run_id}", run_id=run_id)
    row = {"id": ended, "flow": "daily_research", "job_id": "job"}

    assert recovery.end(row, "cancelled", "not today", "eve")
    assert not recovery.end(row, "failed", "again", "eve")

    assert (run_row(ended)["status"], run_row(other)["status"]) == ("cancelled", "running")
    states = db.fetch_all("SELECT run_id, state FROM usage")
    assert {str(row["run_id"]): row["state"] for row in states} == {
        ended: "released",
        other: "reserved",
    }
    assert [row["key"] for row in approvals.list_pending()] == [f"send:{other}"]
    told = [row["kind"] for row in audit.rows(ended) if row["kind"].startswith("run.")]
    assert told == ["run.cancelled"]


def asked_action(run_id, key, asked_at):
    row = actions.propose("mail.send", {"to": ["ada@home.example"]}, key, run_id=run_id)
    db.execute(
        "UPDATE action SET asked_at = %s, expires_at = now() + interval '1 day' WHERE id = %s",
        [asked_at, row["id"]],
    )
    return row


def test_the_answer_to_the_last_question_outlives_whoever_died_while_giving_it():
    run_id = put_run(60, "local", "killed", openflow={})
    run = {"id": run_id, "status": "killed"}
    assert recovery.stored_answer(run) is None
    first = asked_action(run_id, "send:1", "2026-01-01T10:00Z")
    approvals.decide(str(first["id"]), first["digest"], "approved", "ada")

    assert recovery.stored_answer(run) == {
        "approved": True,
        "body": {"action_digest": first["digest"]},
        "by": "ada",
    }
    assert recovery.stored_answer({**run, "status": "failed"}) is None
    # It is no answer to the next question.
    asked_action(run_id, "send:2", "2026-01-01T11:00Z")
    assert recovery.stored_answer(run) is None


def test_a_question_that_is_answered_at_the_same_moment_is_not_closed_again():
    run_id = put_run(60, "local", "running", openflow={})
    row = asked_action(run_id, "send:1", "2026-01-01T10:00Z")
    db.execute("UPDATE action SET state = 'performed' WHERE id = %s", [row["id"]])

    assert approvals._close(row, "late") is False


def test_one_run_that_cannot_be_started_again_does_not_keep_the_others(server, monkeypatch):
    runs_ = [put_run(60), put_run(60)]
    plain = recover_runs._start_again

    def start_again(row):
        if str(row["id"]) == runs_[0]:
            raise errors.BadInput("no such flow")
        return plain(row)

    monkeypatch.setattr(recover_runs, "_start_again", start_again)

    told = {one["run_id"]: one for one in recover_runs.main()["recovered"]}

    assert told[runs_[0]]["measure"] == "none" and told[runs_[0]]["error"] == "no such flow"
    assert told[runs_[1]]["measure"] == "continue"
