from typing import Any

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput, NotFound


@pytest.fixture
def asking(bundle: Any, module: Any) -> Any:
    bundle.script("ask", """
        def main(value="sure?"):
            note("asked")
            return {"description": {"markdown": value}, "default_args": {"digest": "d1"}}
    """)  # fmt: skip
    bundle.script(
        "record",
        "def main(resume, resumes, approvers):\n    note('recorded')\n    return [resume, resumes,"
        " approvers]\n",
    )

    def steps(goes_on: bool = True, **suspend: Any) -> list[dict[str, Any]]:
        suspend = {
            "required_events": 1,
            "timeout": 3600,
            "continue_on_disapprove_timeout": goes_on,
            **suspend,
        }
        names = {name: name for name in ("resume", "resumes", "approvers")}
        return [
            module("before", with_={"value": "before"}),
            module("ask", "f/t/ask", suspend=suspend, summary="Ask"),
            module("record", "f/t/record", expr=names),
        ]

    return steps


def test_a_run_waits_asks_once_and_goes_on_with_the_answer(bundle: Any, asking: Any) -> None:
    outcome = bundle.run(asking())
    assert outcome.status == "waiting"
    asked = outcome.waiting[0]
    assert (asked["step"], asked["summary"], asked["description"]) == (
        "ask",
        "Ask",
        {"markdown": "sure?"},
    )
    assert bundle.rows("SELECT status, finished_at FROM run") == [("waiting", None)]

    assert bundle.resume(outcome.run_id).status == "waiting"
    assert bundle.resume(outcome.run_id).status == "waiting"
    outcome = bundle.resume(
        outcome.run_id, {"approved": True, "body": {"digest": "d1", "note": "ok"}, "by": "ada"}
    )

    assert (outcome.status, outcome.result) == (
        "done",
        [{"digest": "d1", "note": "ok"}, [{"digest": "d1", "note": "ok"}], ["ada"]],
    )
    assert bundle.calls() == ["before", "asked", "recorded"]
    assert bundle.rows("SELECT count(*) FROM attempt") == [(4,)]


def test_an_approval_without_a_body_posts_what_the_button_would(bundle: Any, asking: Any) -> None:
    run_id = bundle.run(asking()).run_id

    assert bundle.resume(run_id, {"approved": True}).result == [
        {"digest": "d1"},
        [{"digest": "d1"}],
        ["anonymous"],
    ]


def test_a_denial_goes_on_as_an_error_that_keeps_the_body(bundle: Any, asking: Any) -> None:
    run_id = bundle.run(asking()).run_id

    resume, resumes, _ = bundle.resume(
        run_id, {"approved": False, "body": {"decision": "yes"}, "by": "ada"}
    ).result

    assert resume["error"]["name"] == "SuspendedDisapproved"
    assert resumes == [{"decision": "yes"}, resume]


def test_a_denial_fails_the_run_when_it_is_not_to_go_on(bundle: Any, asking: Any) -> None:
    run_id = bundle.run(asking(goes_on=False)).run_id

    outcome = bundle.resume(run_id, {"approved": False, "by": "ada"})

    assert (outcome.status, outcome.error["name"]) == ("failed", "SuspendedDisapproved")
    assert bundle.calls() == ["before", "asked"]


@pytest.mark.parametrize("answer", [None, {"approved": True, "by": "late"}])
def test_after_its_time_a_question_has_timed_out_also_for_a_late_answer(
    bundle: Any, asking: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = bundle.run(asking(timeout=60)).run_id
    monkeypatch.setenv("MILLRACE_NOW", "2100-01-01T00:00:00Z")
    config.reload()

    outcome = bundle.resume(run_id, answer)

    assert outcome.result[0]["error"]["name"] == "SuspendedTimedOut"
    assert outcome.result[1:] == [[outcome.result[0]], []]


def test_several_answers_may_be_required(bundle: Any, asking: Any) -> None:
    run_id = bundle.run(asking(required_events=2)).run_id

    assert bundle.resume(run_id, {"approved": True, "body": 1, "by": "ada"}).status == "waiting"
    assert bundle.resume(run_id, {"approved": True, "body": 2, "by": "bob"}).result == [
        2,
        [1, 2],
        ["ada", "bob"],
    ]


def test_a_skipped_question_does_not_wait(bundle: Any, asking: Any) -> None:
    steps = asking()
    steps[1]["skip_if"] = {"expr": "true"}

    outcome = bundle.run(steps)

    # As on Windmill: no answer, and no list of an earlier question's answers.
    assert (outcome.status, outcome.result) == ("done", [None, [], []])
    assert bundle.calls() == ["before", "recorded"]


def test_the_answer_is_seen_by_the_next_step_only(bundle: Any, asking: Any, module: Any) -> None:
    run_id = bundle.run([*asking(), module("later", expr={"value": "resume"})]).run_id

    assert bundle.resume(run_id, {"approved": True}).result is None


def test_a_question_inside_a_branch_waits_and_its_record_is_the_branchs_result(
    bundle: Any, asking: Any, module: Any
) -> None:
    branch = {
        "type": "branchone",
        "default": [],
        "branches": [{"expr": "true", "modules": asking(), "summary": ""}],
    }
    steps = [
        module("first", with_={"value": "first"}),
        {"id": "approve", "value": branch},
        module("end", expr={"value": "results.approve[2]"}),
    ]

    outcome = bundle.run(steps)
    assert outcome.waiting[0]["step"] == "approve.ask"
    outcome = bundle.resume(outcome.run_id, {"approved": True, "by": "ada"})

    assert (outcome.status, outcome.result) == ("done", ["ada"])
    assert bundle.calls() == ["first", "before", "asked", "recorded", "['ada']"]


@pytest.mark.parametrize("parallel", [True, False])
def test_questions_inside_a_loop_are_answered_one_by_one_and_finished_items_stay(
    bundle: Any, asking: Any, parallel: bool
) -> None:
    body = asking()
    iterator = {"type": "static", "value": [1, 2, 3]}
    each = {
        "id": "each",
        "value": {
            "type": "forloopflow",
            "iterator": iterator,
            "modules": body,
            "parallel": parallel,
            "skip_failures": False,
        },
    }

    outcome = bundle.run([each])
    assert [asked["step"] for asked in outcome.waiting] == (
        [f"each[{n}].ask" for n in range(3)] if parallel else ["each[0].ask"]
    )
    if parallel:
        outcome = bundle.resume(
            outcome.run_id, {"approved": True, "by": "b", "step": "each[1].ask"}
        )
        assert [asked["step"] for asked in outcome.waiting] == ["each[0].ask", "each[2].ask"]
    for person in ("x", "y", "z"):
        if outcome.status == "waiting":
            outcome = bundle.resume(
                outcome.run_id, {"approved": True, "by": person, "step": outcome.waiting[0]["step"]}
            )

    assert outcome.status == "done"
    assert [item[2] for item in outcome.result] == (
        [["x"], ["b"], ["y"]] if parallel else [["x"], ["y"], ["z"]]
    )
    assert sorted(bundle.calls()) == ["asked"] * 3 + ["before"] * 3 + ["recorded"] * 3


def test_a_failed_run_goes_on_with_the_step_that_failed(bundle: Any, module: Any) -> None:
    flaky = module("b", "f/t/flaky", with_={"good_at": 2})
    each = {
        "id": "each",
        "value": {
            "type": "forloopflow",
            "iterator": {"type": "static", "value": [1]},
            "modules": [module("x"), flaky],
            "skip_failures": False,
            "parallel": True,
        },
    }
    first = bundle.run(
        [module("a", with_={"value": "a"}), each],
        failure=module("failure", with_={"value": "reported"}),
    )
    assert first.status == "failed"

    outcome = bundle.resume(first.run_id)

    assert (outcome.status, outcome.result) == ("done", [2])
    assert bundle.calls() == ["a", "None", "flaky", "reported", "flaky"]


def test_a_failed_first_step_is_tried_again_too(bundle: Any, module: Any) -> None:
    first = bundle.run(
        [module("b", "f/t/flaky", with_={"good_at": 2}), module("c", expr={"value": "results.b"})]
    )

    assert bundle.resume(first.run_id).result == 2


def test_resuming_a_run_that_is_done_does_nothing_and_gives_its_result(
    bundle: Any, module: Any
) -> None:
    first = bundle.run([module("a", with_={"value": 1})])

    assert bundle.resume(first.run_id).result == 1
    assert bundle.calls() == ["1"]


def test_a_resumed_run_keeps_the_flow_it_was_started_with(bundle: Any, asking: Any) -> None:
    run_id = bundle.run(asking()).run_id
    bundle.script("t__flow/other", "")

    assert bundle.resume(run_id, {"approved": True}).status == "done"


def test_unknown_and_foreign_runs_are_refused(bundle: Any, module: Any) -> None:
    import psycopg

    with pytest.raises(NotFound, match="there is no run"):
        bundle.resume("00000000-0000-0000-0000-000000000001")
    with pytest.raises(BadInput, match="not a run's id"):
        bundle.resume("nonsense")
    with psycopg.connect(bundle.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO run (id, flow) VALUES ('00000000-0000-0000-0000-000000000002', 'x')"
        )
    with pytest.raises(BadInput, match="not started by the local runner"):
        bundle.resume("00000000-0000-0000-0000-000000000002")
    first = bundle.run([module("a")])
    with pytest.raises(BadInput, match="exists already"):
        bundle.run([module("a")], run_id=first.run_id)
