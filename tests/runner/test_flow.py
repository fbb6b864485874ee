"""Each rule of Windmill that LangGraph or Python would decide otherwise, on both sides."""

from typing import Any

import pytest

from f.millrace.core.errors import BadInput
from scripts.runner.modules import Engine
from scripts.runner.retries import delay_before
from scripts.runner.worker import ForkWorker


def loop(name: str, expr: str, body: list[Any], **more: Any) -> dict[str, Any]:
    value = {
        "type": "forloopflow",
        "iterator": {"type": "javascript", "expr": expr},
        "modules": body,
        "skip_failures": False,
    }
    options = {key: more.pop(key) for key in list(more) if key.startswith("stop_")}
    return {"id": name, "value": value | more, **options}


def raw(
    name: str, content: str, expr: dict[str, str] | None = None, **options: Any
) -> dict[str, Any]:
    transforms = {key: {"type": "javascript", "expr": value} for key, value in (expr or {}).items()}
    value = {
        "type": "rawscript",
        "language": "python3",
        "content": content,
        "input_transforms": transforms,
    }
    return {"id": name, "value": value, **options}


def test_steps_hand_on_results_inputs_and_environment(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [
            module("a", expr={"value": "flow_input.x"}),
            raw(
                "b",
                "def main(one, two, three, four=9): return [one, two, three, four]",
                {
                    "one": "results.a",
                    "two": "previous_result",
                    "three": "flow_env.pipeline.budget",
                    "four": "results.none",
                },
            ),
        ],
        args={"x": {"y": 1}},
        flow_env={"pipeline": {"budget": 5, "pattern": "stateful"}},
    )

    assert (outcome.status, outcome.result) == ("done", [{"y": 1}, {"y": 1}, 5, 9])
    row = bundle.rows("SELECT status, finished_at IS NULL, pattern, args, result FROM run")[0]
    assert row == ("done", False, "stateful", {"x": {"y": 1}}, [{"y": 1}, {"y": 1}, 5, 9])
    assert bundle.rows("SELECT status FROM attempt") == [("done",)]


def test_a_step_knows_its_place_as_on_a_worker(bundle: Any) -> None:
    body = """
import os
def main():
    return {k: os.environ[k] for k in (
        "WM_ROOT_JOB_ID", "WM_JOB_ID", "WM_FLOW_JOB_ID", "WM_FLOW_STEP_ID", "WM_FLOW_PATH",
        "WM_WORKSPACE", "WM_TOKEN", "MILLRACE_STEP")}
"""
    outcome = bundle.run(
        [
            raw("top", body),
            loop("each", "[1, 2]", [raw("inner", body)], parallel=True),
            raw("end", "def main(a, b): return [a] + b", {"a": "results.top", "b": "results.each"}),
        ]
    )

    top, first, second = outcome.result
    assert {each["WM_ROOT_JOB_ID"] for each in outcome.result} == {outcome.run_id}
    assert len({each["WM_JOB_ID"] for each in outcome.result}) == 3
    assert (top["WM_FLOW_JOB_ID"], top["WM_FLOW_STEP_ID"], top["MILLRACE_STEP"]) == (
        outcome.run_id,
        "top",
        "top",
    )
    assert (top["WM_WORKSPACE"], top["WM_TOKEN"]) == ("local", "")
    assert [each["MILLRACE_STEP"] for each in (first, second)] == ["each[0].inner", "each[1].inner"]
    assert second["WM_FLOW_PATH"].endswith("/forloop-1")
    assert first["WM_FLOW_JOB_ID"] not in (outcome.run_id, second["WM_FLOW_JOB_ID"])


def test_a_failed_step_ends_the_run(bundle: Any, module: Any) -> None:
    outcome = bundle.run([module("a", "f/t/fail"), module("b", with_={"value": "after"})])

    assert (outcome.status, outcome.error["name"], outcome.error["step_id"]) == (
        "failed",
        "ValueError",
        "a",
    )
    assert outcome.result == {"error": outcome.error}
    assert bundle.calls() == ["fail"]
    assert bundle.rows("SELECT status, error FROM run") == [("failed", "ValueError: broken")]
    assert bundle.rows("SELECT path, name, status, error FROM step") == [
        ("a", "t.fail", "failed", "ValueError: broken")
    ]


def test_continue_on_error_hands_on_the_error(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [
            module("a", "f/t/fail", continue_on_error=True),
            module("b", expr={"value": "results.a.error.message"}),
        ]
    )

    assert (outcome.status, outcome.result) == ("partly_failed", "broken")


def test_a_step_without_retry_runs_once_and_one_with_retry_as_often_as_it_says(
    bundle: Any, module: Any
) -> None:
    flaky = module("a", "f/t/flaky", with_={"good_at": 3})

    assert bundle.run([flaky]).status == "failed"
    assert bundle.calls() == ["flaky"]
    outcome = bundle.run([{**flaky, "retry": {"constant": {"attempts": 2, "seconds": 0}}}])
    assert (outcome.status, outcome.result) == ("done", 3)
    assert bundle.kinds("a") == [
        "step_started",
        "step_failed",
        "step_retry",
        "step_started",
        "step_finished",
    ]


def test_retries_end(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [module("a", "f/t/fail", retry={"constant": {"attempts": 2, "seconds": 0}})]
    )

    assert outcome.status == "failed"
    assert bundle.calls() == ["fail"] * 3


def test_any_fault_is_retried_unless_retry_if_says_no(bundle: Any, module: Any) -> None:
    # LangGraph's default would not retry a ValueError.
    always = {"constant": {"attempts": 1, "seconds": 0}}

    bundle.run([module("a", "f/t/fail", retry=always)])
    assert bundle.calls() == ["fail"] * 2
    bundle.run(
        [
            module(
                "a",
                "f/t/fail",
                retry={**always, "retry_if": {"expr": "error.message !== 'broken'"}},
            )
        ]
    )
    assert bundle.calls() == ["fail"] * 3
    bundle.run(
        [
            module(
                "a",
                "f/t/fail",
                retry={**always, "retry_if": {"expr": "error.name === 'ValueError'"}},
            )
        ]
    )
    assert bundle.calls() == ["fail"] * 5


def test_constant_waits_come_before_exponential_ones_whose_seconds_are_the_base() -> None:
    retry = {
        "constant": {"attempts": 2, "seconds": 7},
        "exponential": {"attempts": 2, "multiplier": 3, "seconds": 2},
    }

    assert [delay_before(retry, n) for n in range(5)] == [7, 7, 24, 48, None]
    assert delay_before({"exponential": {"attempts": 9, "multiplier": 1, "seconds": 1}}, 5) == 1
    assert (
        delay_before({"exponential": {"attempts": 99, "multiplier": 1, "seconds": 10}}, 50)
        == 6 * 3600
    )
    assert delay_before(None, 0) is None
    spread = {"exponential": {"attempts": 9, "multiplier": 100, "seconds": 1, "random_factor": 50}}
    assert all(50 <= (delay_before(spread, 0) or 0) <= 150 for _ in range(100))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the runner has waited so far, without the waiting."""
    noted: list[float] = []
    monkeypatch.setattr(Engine, "wait", lambda self, seconds: noted.append(seconds))
    return noted


def test_the_wait_between_tries_is_kept(bundle: Any, module: Any, waits: list[float]) -> None:
    bundle.run(
        [
            module(
                "a",
                "f/t/flaky",
                with_={"good_at": 2},
                retry={"constant": {"attempts": 1, "seconds": 40}},
            )
        ]
    )

    assert waits == [40]


def test_a_skipped_step_has_the_result_of_the_one_before_it(bundle: Any, module: Any) -> None:
    steps = [
        module("a", with_={"value": "first"}),
        module("b", with_={"value": "second"}, skip_if={"expr": "flow_input.skip"}),
        raw("c", "def main(b, p): return [b, p]", {"b": "results.b", "p": "previous_result"}),
    ]

    assert bundle.run(steps, args={"skip": True}).result == ["first", "first"]
    assert bundle.run(steps, args={"skip": False}).result == ["second", "second"]


def test_a_skipped_first_step_has_the_flows_inputs(bundle: Any, module: Any) -> None:
    outcome = bundle.run([module("a", skip_if={"expr": "true"})], args={"x": 1})

    assert (outcome.result, bundle.kinds("a")) == ({"x": 1}, ["step_skipped"])


def test_a_condition_must_be_a_boolean(bundle: Any, module: Any) -> None:
    outcome = bundle.run([module("a", skip_if={"expr": "flow_input.missing"})])

    assert outcome.status == "failed"
    assert "expected a boolean value, found: null" in outcome.error["message"]


def test_an_early_stop_ends_the_run_well_with_that_steps_result(bundle: Any, module: Any) -> None:
    steps = [
        module(
            "a",
            with_={"value": {"skip": True}},
            stop_after_if={"expr": "result.skip", "skip_if_stopped": False},
        ),
        module("b"),
    ]

    outcome = bundle.run(steps)

    assert (outcome.status, outcome.result) == ("done", {"skip": True})
    assert len(bundle.calls()) == 1


def test_an_early_stop_with_a_message_is_a_failure_unless_it_is_labelled_skipped(
    bundle: Any, module: Any
) -> None:
    stop = {"expr": "true", "error_message": "enough", "skip_if_stopped": False}

    outcome = bundle.run([module("a", stop_after_if=stop)])
    assert (outcome.status, outcome.error["name"], outcome.error["message"]) == (
        "failed",
        "EarlyStopError",
        "enough",
    )
    assert (
        bundle.run([module("a", stop_after_if={**stop, "skip_if_stopped": True})]).status == "done"
    )


@pytest.mark.parametrize("parallel", [True, False])
def test_an_empty_list_gives_an_empty_result_and_the_flow_goes_on(
    bundle: Any, module: Any, parallel: bool
) -> None:
    outcome = bundle.run(
        [
            loop("each", "[]", [module("inner")], parallel=parallel),
            module("b", expr={"value": "results.each"}),
        ]
    )

    assert (outcome.status, outcome.result) == ("done", [])


@pytest.mark.parametrize("items", ["flow_input.missing", "flow_input.text"])
def test_a_loop_over_something_else_than_a_list_is_an_error(
    bundle: Any, module: Any, items: str
) -> None:
    outcome = bundle.run([loop("each", items, [module("inner")])], args={"text": "abc"})

    assert "needs a list" in outcome.error["message"]


@pytest.mark.parametrize("parallel", [True, False])
def test_a_failed_item_becomes_an_error_in_its_place_when_failures_are_skipped(
    bundle: Any, parallel: bool
) -> None:
    body = [raw("inner", "def main(x): return 10 // x", {"x": "flow_input.iter.value"})]

    outcome = bundle.run([loop("each", "[1, 0, 5]", body, parallel=parallel, skip_failures=True)])

    assert outcome.status == "partly_failed"
    assert [outcome.result[0], outcome.result[2]] == [10, 2]
    assert outcome.result[1]["error"]["name"] == "ZeroDivisionError"
    assert outcome.result[1]["error"]["step_id"] == "inner"


def test_without_skipping_failures_a_sequential_loop_ends_at_the_fault_and_a_parallel_one_after_all(
    bundle: Any,
) -> None:
    bundle.script("div", "def main(x):\n    note(x)\n    return 10 // x\n")
    body = [
        {
            "id": "inner",
            "value": {
                "type": "script",
                "path": "f/t/div",
                "input_transforms": {"x": {"type": "javascript", "expr": "flow_input.iter.value"}},
            },
        }
    ]

    outcome = bundle.run([loop("each", "[1, 0, 5]", body)])
    assert (outcome.status, outcome.error["name"], bundle.calls()) == (
        "failed",
        "ZeroDivisionError",
        ["1", "0"],
    )
    outcome = bundle.run([loop("each", "[2, 0, 7]", body, parallel=True)])
    assert (outcome.status, sorted(bundle.calls()[2:])) == ("failed", ["0", "2", "7"])


def test_omitted_skip_failures_means_true_for_a_for_loop(bundle: Any) -> None:
    each = loop("each", "[0]", [raw("inner", "def main(): return 1 // 0")])
    del each["value"]["skip_failures"]

    assert bundle.run([each]).status == "partly_failed"


def test_a_stop_inside_a_sequential_loop_ends_the_loop_only(bundle: Any) -> None:
    inner = raw(
        "inner",
        "def main(x): return x",
        {"x": "flow_input.iter.value"},
        stop_after_if={"expr": "result === 2"},
    )

    outcome = bundle.run(
        [
            loop("each", "[1, 2, 3]", [inner]),
            raw("end", "def main(l): return {'l': l}", {"l": "results.each"}),
        ]
    )

    assert outcome.result == {"l": [1, 2]}


def test_a_stop_inside_a_parallel_loop_ends_no_other_iteration(bundle: Any) -> None:
    inner = raw(
        "inner",
        "def main(x): return x",
        {"x": "flow_input.iter.value"},
        stop_after_if={"expr": "result === 2"},
    )

    outcome = bundle.run(
        [
            loop(
                "each",
                "[1, 2, 3]",
                [inner, raw("more", "def main(): return 'more'")],
                parallel=True,
            )
        ]
    )

    assert outcome.result == ["more", 2, "more"]


def test_a_loops_own_stop_looks_at_each_iteration_and_the_other_at_all(bundle: Any) -> None:
    inner = [raw("inner", "def main(x): return x", {"x": "flow_input.iter.value"})]
    end = raw("end", "def main(l): return {'l': l}", {"l": "results.each"})

    assert bundle.run(
        [loop("each", "[1, 2, 3]", inner, stop_after_if={"expr": "result === 2"}), end]
    ).result == {"l": [1, 2]}
    stop = {"expr": "result.length === 3"}
    assert bundle.run(
        [loop("each", "[1, 2, 3]", inner, parallel=True, stop_after_all_iters_if=stop), end]
    ).result == [1, 2, 3]


def test_steps_inside_a_parallel_loop_are_not_visible_outside_those_of_a_sequential_one_are(
    bundle: Any,
) -> None:
    inner = [raw("inner", "def main(x): return x", {"x": "flow_input.iter.value"})]
    end = raw("end", "def main(x=None): return {'x': x}", {"x": "results.inner"})

    assert bundle.run([loop("each", "[1, 2]", inner, parallel=True), end]).result == {"x": None}
    assert bundle.run([loop("each", "[1, 2]", inner), end]).result == {"x": 2}


def test_nested_loops_see_the_inner_iteration_and_outer_results(bundle: Any) -> None:
    inner = raw(
        "leaf",
        "def main(*, i, v, o): return [i, v, o]",
        {"i": "flow_input.iter.index", "v": "flow_input.iter.value", "o": "results.outer_step"},
    )
    outer_step = raw("outer_step", "def main(v): return v", {"v": "flow_input.iter.value"})

    outcome = bundle.run(
        [loop("outer", "['a', 'b']", [outer_step, loop("inner", "[1]", [inner])], parallel=True)]
    )

    assert outcome.result == [[[0, 1, "a"]], [[0, 1, "b"]]]
    assert "outer[1].inner[0].leaf" in {event["step"] for event in bundle.events}


def test_a_while_loop_goes_on_until_a_step_stops_it_and_carries_results(bundle: Any) -> None:
    body = [
        raw(
            "grow",
            "def main(before=0, i=0): return before + i + 1",
            {"before": "results.grow", "i": "flow_input.iter.value"},
            stop_after_if={"expr": "result > 5"},
        )
    ]

    outcome = bundle.run(
        [
            {
                "id": "again",
                "value": {"type": "whileloopflow", "modules": body, "skip_failures": False},
            }
        ]
    )

    assert outcome.result == [1, 3, 6]


def branch(
    name: str, default: list[Any], *branches: tuple[str, list[Any]], **options: Any
) -> dict[str, Any]:
    made = [
        {"expr": expr, "modules": steps, "summary": "", "skip_failure": True, "parallel": True}
        for expr, steps in branches
    ]
    return {
        "id": name,
        "value": {"type": "branchone", "branches": made, "default": default},
        **options,
    }


def test_the_first_true_branch_is_taken_else_the_default(bundle: Any, module: Any) -> None:
    one = branch("b", [module("d", with_={"value": "default"})],
                 ("flow_input.n === 1", [module("x", with_={"value": "one"})]),
                 ("flow_input.n < 3", [module("y", with_={"value": "less"})]))  # fmt: skip

    assert [bundle.run([one], args={"n": n}).result for n in (1, 2, 3)] == [
        "one",
        "less",
        "default",
    ]


def test_an_empty_branch_has_the_result_of_the_step_before_it(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [module("a", with_={"value": 1}), branch("b", []), module("c", expr={"value": "results.b"})]
    )

    assert outcome.result == 1


def test_steps_of_the_branch_that_was_taken_are_visible_later(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [
            branch("b", [module("d", with_={"value": 5}), module("e")]),
            module("c", expr={"value": "results.d"}),
        ]
    )

    assert outcome.result == 5


def test_a_stop_inside_a_branch_ends_the_flow(bundle: Any, module: Any) -> None:
    stopping = module("d", with_={"value": 5}, stop_after_if={"expr": "true"})

    assert bundle.run([branch("b", [stopping]), module("c", with_={"value": 6})]).result == 5


def all_of(skips: list[bool], *bodies: list[Any], parallel: bool = True) -> dict[str, Any]:
    branches = [
        {"modules": body, "skip_failure": skip, "summary": ""}
        for body, skip in zip(bodies, skips, strict=True)
    ]
    return {"id": "all", "value": {"type": "branchall", "branches": branches, "parallel": parallel}}


@pytest.mark.parametrize("parallel", [True, False])
def test_all_branches_give_a_list_and_their_steps_are_visible(
    bundle: Any, module: Any, parallel: bool
) -> None:
    both = all_of(
        [False, False],
        [module("x", with_={"value": 1})],
        [module("y", with_={"value": 2})],
        parallel=parallel,
    )

    assert bundle.run([both]).result == [1, 2]
    assert bundle.run([both, module("c", expr={"value": "results.y"})]).result == 2


@pytest.mark.parametrize("parallel", [True, False])
def test_a_branch_that_may_fail_leaves_an_error_and_one_that_may_not_fails_the_flow(
    bundle: Any, module: Any, parallel: bool
) -> None:
    bodies = [module("x", "f/t/fail")], [module("y", with_={"value": 2})]

    outcome = bundle.run([all_of([True, False], *bodies, parallel=parallel)])
    assert (outcome.status, outcome.result[0]["error"]["name"], outcome.result[1]) == (
        "partly_failed",
        "ValueError",
        2,
    )
    assert bundle.run([all_of([False, True], *bodies, parallel=parallel)]).status == "failed"


def test_the_failure_module_sees_the_fault_and_the_run_still_fails(
    bundle: Any, module: Any
) -> None:
    failure = module("failure", expr={"value": "error"})

    outcome = bundle.run([loop("each", "[1]", [module("inner", "f/t/fail")])], failure=failure)

    assert outcome.status == "failed"
    assert (outcome.result["name"], outcome.result["message"], outcome.result["step_id"]) == (
        "ValueError",
        "broken",
        "inner",
    )
    assert bundle.rows("SELECT status FROM run") == [("failed",)]


def test_a_failure_module_is_not_called_for_faults_that_the_flow_goes_on_after(
    bundle: Any, module: Any
) -> None:
    bundle.run(
        [module("a", "f/t/fail", continue_on_error=True)],
        failure=module("failure", with_={"value": "called"}),
    )

    assert bundle.calls() == ["fail"]


def test_a_failure_module_that_fails_itself_does_not_hide_the_fault(
    bundle: Any, module: Any
) -> None:
    outcome = bundle.run(
        [module("a", "f/t/fail")], failure=module("failure", "f/t/fail", with_={"message": "worse"})
    )

    assert outcome.error["message"] == "broken"


def test_a_failure_module_may_recover(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [module("a", "f/t/fail")], failure=module("failure", with_={"value": {"recover": True}})
    )

    assert outcome.status == "partly_failed"


def test_a_mocked_step_does_not_run(bundle: Any, module: Any) -> None:
    outcome = bundle.run(
        [module("a", "f/t/fail", mock={"enabled": True, "return_value": {"n": 1}})]
    )

    assert (outcome.result, bundle.calls()) == ({"n": 1}, [])
    assert (
        bundle.run([module("a", "f/t/fail", mock={"enabled": False, "return_value": 1})]).status
        == "failed"
    )


def test_identity_hands_on_and_sleep_waits(bundle: Any, module: Any, waits: list[float]) -> None:
    outcome = bundle.run([module("a", with_={"value": 3}, sleep={"type": "static", "value": 40}),
                          {"id": "i", "value": {"type": "identity"}}])  # fmt: skip

    assert outcome.result == 3
    assert waits == [40]


def test_a_called_flow_has_inputs_and_results_of_its_own(bundle: Any, module: Any) -> None:
    import yaml

    folder = bundle.root / "f" / "t" / "other__flow"
    folder.mkdir(parents=True)
    inner = [
        raw(
            "inner",
            "def main(x, y=None, z=None): return [x, y, z]",
            {"x": "flow_input.q", "y": "results.a", "z": "flow_env.e"},
            stop_after_if={"expr": "true"},
        )
    ]
    (folder / "flow.yaml").write_text(
        yaml.safe_dump({"value": {"modules": inner, "flow_env": {"e": "env"}}})
    )
    call = {"id": "call", "value": {"type": "flow", "path": "f/t/other",
            "input_transforms": {"q": {"type": "javascript", "expr": "results.a"}}}}  # fmt: skip

    outcome = bundle.run(
        [
            module("a", with_={"value": 8}),
            call,
            raw("end", "def main(r): return {'r': r}", {"r": "results.call"}),
        ]
    )

    assert outcome.result == {"r": [8, None, "env"]}


def test_what_cannot_run_here_is_refused_before_anything_runs_all_in_one_go(
    bundle: Any, module: Any
) -> None:
    steps = [module("a"), module("b", "f/t/missing"), {"id": "c", "value": {"type": "aiagent"}},
             {"id": "d", "value": {"type": "rawscript", "language": "bun"}}, module("a"),
             {"id": "e", "value": {"type": "flow", "path": "f/t/none"}}]  # fmt: skip

    with pytest.raises(BadInput) as raised:
        bundle.run(steps)

    for text in (
        "f/t/missing.py",
        "'aiagent'",
        "bun",
        "'a' is missing or used twice",
        "'f/t/none'",
    ):
        assert text in str(raised.value)
    assert bundle.rows("SELECT count(*) FROM run") == [(0,)]


def test_an_expression_that_cannot_run_here_names_the_step_and_itself(
    bundle: Any, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "quickjs", None)

    outcome = bundle.run([module("a", expr={"value": "flow_input.x + 1"})])

    assert outcome.status == "failed"
    assert "step 'a'" in outcome.error["message"] and "flow_input.x + 1" in outcome.error["message"]


def test_a_result_that_a_step_has_stored_is_kept(bundle: Any) -> None:
    bundle.script("close", """
        def main():
            with psycopg.connect(os.environ["MILLRACE_DATABASE_URL"], autocommit=True) as c:
                c.execute("UPDATE run SET result = '{\\"rich\\": 1}', status = 'partly_failed'")
            return {"small": 1}
    """)  # fmt: skip

    outcome = bundle.run(
        [{"id": "close", "value": {"type": "script", "path": "f/t/close", "input_transforms": {}}}]
    )

    assert (outcome.status, outcome.result) == ("partly_failed", {"small": 1})
    assert bundle.rows("SELECT status, result FROM run") == [("partly_failed", {"rich": 1})]


def test_in_processes_steps_time_out_and_events_arrive(bundle: Any, module: Any) -> None:
    slow = raw(
        "slow",
        "import time\ndef main():\n"
        '    print(\'MILLRACE_EVENT: {"event": "progress", "message": "hi"}\')\n'
        "    time.sleep(60)",
        timeout=1,
        retry={"constant": {"attempts": 1, "seconds": 0}},
        continue_on_error=True,
    )

    outcome = bundle.run(
        [slow, module("b", expr={"value": "results.slow.error.name"})],
        ForkWorker(bundle.root, light=(), heavy=()),
    )

    assert (outcome.status, outcome.result) == ("partly_failed", "Timeout")
    assert bundle.kinds("slow") == [
        "step_started",
        "event",
        "step_failed",
        "step_retry",
        "step_started",
        "event",
        "step_failed",
    ]
    assert [event["message"] for event in bundle.events if event["kind"] == "event"] == ["hi", "hi"]
    assert bundle.rows("SELECT path, status, tries FROM step") == [("slow", "timed_out", 2)]


def test_a_process_that_dies_ends_the_rows_of_all_parts_that_it_had_begun(bundle, module):
    bundle.script(
        "parts",
        """
        def main():
            with psycopg.connect(os.environ["MILLRACE_DATABASE_URL"], autocommit=True) as c:
                for part, status in (("a", "done"), ("b", "running"), ("c", "running")):
                    c.execute("INSERT INTO step (run_id, path, name, job_id, status)"
                              " VALUES (%s, %s, 't.parts', %s, %s)",
                              [os.environ["WM_ROOT_JOB_ID"], f"[{part}].parts",
                               os.environ["WM_JOB_ID"], status])
            os._exit(3)
        """,
    )

    outcome = bundle.run(
        [module("parts", "f/t/parts")], ForkWorker(bundle.root, light=("psycopg",), heavy=())
    )

    assert outcome.status == "failed"
    rows = bundle.rows("SELECT path, status, error LIKE '%exit code 3%' FROM step ORDER BY path")
    assert rows == [
        ("[a].parts", "done", None),
        ("[b].parts", "killed", True),
        ("[c].parts", "killed", True),
    ]
