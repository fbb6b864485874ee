"""What the language refuses, and what it says then."""

import json

import jsonschema
import pytest
import yaml

from scripts.compiler import spec, specs_schema
from scripts.compiler.problems import SpecInvalid

DO = "run: work/do"
ONE = f"  - {{id: one, summary: One, {DO}}}\n"


def test_a_circle_of_steps_is_named(workshop):
    problems = workshop.problems(
        f"steps:\n  - {{id: a, summary: A, {DO}, depends_on: [c]}}\n  - {{id: b, summary: B, {DO},"
        f" from: {{a: results.a.x}}}}\n  - {{id: c, summary: C, {DO}, depends_on: [b]}}\n"
    )

    assert problems[0].startswith("4: steps wait for each other: a -> c -> b -> a")


def test_an_unknown_dependency_is_refused(workshop):
    assert (
        "3: "
        not in workshop.problems(
            f"steps:\n{ONE}  - {{id: two, summary: Two, {DO}, depends_on: [ones]}}\n"
        )[0]
    )
    assert (
        "no step beside it (did you mean 'one'?)"
        in workshop.problems(
            f"steps:\n{ONE}  - {{id: two, summary: Two, {DO}, depends_on: [ones]}}\n"
        )[0]
    )


def test_the_result_of_a_step_that_may_be_skipped_cannot_be_read(workshop):
    problems = workshop.problems(
        "inputs: {fast: {type: boolean, description: Fast.}}\n"
        f"steps:\n{ONE}  - {{id: two, summary: Two, {DO}, skip_if: flow_input.fast}}\n"
        f"  - {{id: three, summary: Three, {DO}, from: {{a: results.two.x}}}}\n"
    )

    assert problems == [
        "7: step 'three': path 'results.two.x' cannot be read: it may be skipped, and then Windmill"
        " gives the previous step's result; visible here are one"
    ]


def test_the_result_of_a_choice_without_otherwise_cannot_be_read(workshop):
    [problem] = workshop.problems(
        "inputs: {fast: {type: boolean, description: Fast.}}\nsteps:\n  - id: pick\n   "
        " summary: Pick\n    choose:\n      - {when: flow_input.fast, steps: [{id: one, summary:"
        f" One, {DO}}}]}}\n  - {{id: two, summary: Two, {DO}, from: {{a: results.pick.x}}}}\n"
    )

    assert "it has no `otherwise`" in problem


@pytest.mark.parametrize("around", ["for_each: results.one.list\n    steps:", "branches:\n      -"])
def test_an_approval_inside_a_loop_or_branches_is_refused(workshop, around):
    text = (
        f"steps:\n{ONE}  - id: many\n    summary: Many\n    {around}"
        " [{id: ask, summary: Ask, approval: {action: results.one.id, timeout: 60}}]\n"
    )

    assert any(
        "an approval waits for the whole flow" in problem for problem in workshop.problems(text)
    )


def test_stopping_the_flow_from_inside_a_loop_is_refused(workshop):
    [problem] = workshop.problems(
        f"steps:\n{ONE}  - id: each\n    summary: Each\n    for_each: results.one.list\n"
        f"    steps: [{{id: two, summary: Two, {DO}, stop_if: results.two.done}}]\n"
    )

    assert "stop_if ends the whole flow" in problem


def test_a_negated_path_belongs_only_where_a_condition_is_asked_for(workshop):
    [problem] = workshop.problems(
        f"steps:\n{ONE}  - {{id: two, summary: Two, {DO}, from: {{a: not results.one.x}}}}\n"
    )

    assert "'not results.one.x' is not a path" in problem


@pytest.mark.parametrize("timeout", ["0", "-5", "soon", "1.5s", "true", "30d"])
def test_a_bad_timeout_is_refused(workshop, timeout):
    assert (
        len(workshop.problems(f"steps: [{{id: one, summary: One, {DO}, timeout: {timeout}}}]\n"))
        == 1
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "text", "summary: [1", "\tsummary: x", "42", "null", "a: &x [*x]"]
)
def test_a_file_that_is_no_spec_is_refused_without_a_stack_trace(tmp_path, text):
    (tmp_path / "flows").mkdir()
    path = tmp_path / "flows" / "odd.yaml"
    path.write_text(text)

    with pytest.raises(SpecInvalid, match=r"flows/odd\.yaml:\d+: "):
        spec.load(path)


def test_a_script_spec_needs_a_schedule_and_takes_no_inputs(workshop):
    problems = workshop.problems("run: work/do\ninputs: {a: {type: string, description: A.}}\n")

    assert any("needs a `schedule`" in problem for problem in problems)
    assert any("'inputs' belongs to a flow" in problem for problem in problems)


def test_a_scheduled_start_needs_a_value_for_every_input(workshop):
    [problem] = workshop.problems(
        'schedule: {cron: "0 0 8 * * *", timezone: UTC}\ninputs: {topic: {type: string,'
        " description: What.}}\n" + "steps:\n" + ONE
    )

    assert "a scheduled start has no value for topic" in problem


def test_the_schema_for_editors_accepts_what_the_compiler_accepts(workshop):
    schema = json.loads(specs_schema.text())
    text = (
        "summary: A\narea: research\nbudget: {run_usd: 1}\nschedule: {cron: '0 0 8 * * *',"
        f" timezone: UTC, misfire_grace: 12h}}\nsteps:\n{ONE}  - {{id: ask, summary: Ask, approval:"
        " {action: results.one.x, timeout: 1h}}\n  - {id: each, summary: Each, for_each:"
        f" results.one.l, steps: [{{id: two, summary: Two, {DO}}}]}}\n"
    )

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(text), schema)


@pytest.mark.parametrize(
    "wrong",
    [
        "steps: []",
        "steps: [{id: one, summary: One}]",
        "steps: [{id: one, summary: One, run: a/b, x: 1}]",
        "run: work/do",
        "inputs: {a: {type: int, description: A.}}\nsteps: [{id: o, summary: O, run: a/b}]",
    ],
)
def test_the_schema_for_editors_refuses_what_the_compiler_refuses(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            yaml.safe_load(f"summary: A\narea: research\n{wrong}\n"), specs_schema.schema()
        )


READER = (
    "def preprocessor(event: dict) -> dict:\n    return {}\n\n\ndef main(event: dict) -> dict:\n   "
    " return {}\n"
)
CHAT = "inputs: {user_message: {type: string, description: The message.}}\nchat: true\n"


def test_a_preprocessor_an_early_answer_and_a_chat_become_settings_of_the_flow(workshop):
    workshop.write("f/millrace/work/read_event.py", READER)

    value = workshop.compile(
        f"preprocessor: {{run: work/read_event}}\nearly_return: one\n{CHAT}steps:\n{ONE}"
    )["value"]

    assert value["preprocessor_module"]["id"] == "preprocessor"
    assert value["preprocessor_module"]["value"] == {
        "type": "script", "input_transforms": {}, "path": "f/millrace/work/read_event",
    }  # fmt: skip
    assert (value["early_return"], value["chat_input_enabled"]) == ("one", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "preprocessor: {run: work/do}\n",
            "3: preprocessor: work/do has no function preprocessor(event), which Windmill calls",
        ),
        ("preprocessor: {run: work/dont}\n", "3: preprocessor: there is no step 'work/dont'"),
        (
            "preprocessor: {run: work/do, with: {b: x}}\n",
            "3: preprocessor: it is given the event alone",
        ),
        (
            "early_return: ones\n",
            "3: early_return 'ones' is no step at the top level (did you mean 'one'?)",
        ),
        ("chat: true\n", "1: chat: true needs an input user_message"),
        (
            "inputs: {user_message: {type: integer, description: A.}}\nchat: true\n",
            "1: chat: true needs an input user_message",
        ),
    ],
)
def test_what_a_flow_s_entrance_lacks_is_said(workshop, text, said):
    assert any(problem.startswith(said) for problem in workshop.problems(f"{text}steps:\n{ONE}"))


def test_a_scheduled_script_has_no_entrance(workshop):
    problems = workshop.problems(
        "schedule: {cron: '0 0 8 * * *', timezone: UTC}\nrun: work/do\nchat: true\n"
    )

    assert "5: 'chat' belongs to a flow; a scheduled script has `run` and `with`" in problems
