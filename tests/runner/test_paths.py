from typing import Any

import pytest

from scripts.runner.paths import ExpressionError, condition, evaluate, value_of

SCOPE: dict[str, Any] = {
    "flow_input": {
        "x": 1,
        "name": "Ada",
        "iter": {"index": 2, "value": {"y": [10, 20]}},
        "a-b": 5,
        "none": None,
    },
    "flow_env": {"a": {"b": "deep"}},
    "results": {"step": {"a": [{"b": "found"}], "ok": False, "n": 3, "empty": []}, "nothing": None},
    "previous_result": {"x": 7},
    "resume": {"error": {"name": "SuspendedTimedOut"}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("flow_input.x", 1),
        ("flow_input.iter.value.y", [10, 20]),
        ("flow_input.iter.value.y[1]", 20),
        ("flow_input.iter.value.y.length", 2),
        ("flow_input.iter.index", 2),
        ('flow_input["a-b"]', 5),
        ("flow_env.a.b", "deep"),
        ("results.step.a[0].b", "found"),
        ("results?.step?.a?.[0]?.b", "found"),
        ('results["step"].n', 3),
        ("results['step']['n']", 3),
        ("previous_result.x", 7),
        ("resume.error.name", "SuspendedTimedOut"),
        ("results.unknown", None),
        ("results.unknown.deeper.still", None),
        ("results.nothing.x", None),
        ("approvers", None),
        ("flow_input.iter.value.y[9]", None),
        ("!results.step.ok", True),
        ("not results.step.ok", True),
        ("!results.step.empty", False),
        ("!results.unknown", True),
        ("results.step.n === 3", True),
        ("results.step.n == 3", True),
        ("results.step.n !== 3", False),
        ("flow_input.name === 'Ada'", True),
        ('flow_input.name !== "Ada"', False),
        ("results.step === null", False),
        ("results.nothing === null", True),
        ("flow_input.none == undefined", True),
        ("true === 1", False),
        ("results.step.n > 2 && !results.step.ok", True),
        ("results.step.n >= 4 || results.step.ok", False),
        ("flow_input.none ?? 'fallback'", "fallback"),
        ("flow_input.missing || flow_input.x", 1),
        ("(results.step.a)[0].b", "found"),
        ("[flow_input.x, 'two', null]", [1, "two", None]),
        ("[]", []),
        ("42", 42),
        ("-1.5", -1.5),
        ("'it\\'s \"x\"'", 'it\'s "x"'),
        ("null", None),
        ("  flow_input.x ; ", 1),
    ],
)
def test_paths_and_comparisons_need_no_javascript(expression: str, value: Any) -> None:
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize("value", ["flow_input.x", "results.unknown", "flow_input.name"])
def test_a_condition_that_is_not_a_boolean_is_an_error_as_on_windmill(value: str) -> None:
    with pytest.raises(ExpressionError, match="expected a boolean value"):
        condition(value, SCOPE)


@pytest.mark.parametrize(
    "expression",
    ["flow_input.x + 1", "results.step.a.map(x => x.b)", "`${flow_input.x}`", "window.x"],
)
def test_more_than_a_path_is_refused_without_quickjs(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "quickjs", None)

    with pytest.raises(ExpressionError, match="more than a path"):
        evaluate(expression, SCOPE)


def test_functions_of_the_server_are_refused_by_name() -> None:
    with pytest.raises(ExpressionError, match="asks a Windmill server"):
        evaluate("variable('f/x/secret')", SCOPE)


def test_references_to_server_resources_are_refused_by_name() -> None:
    with pytest.raises(
        ExpressionError, match=r"\$res:f/millrace/settings exists only on a Windmill server"
    ):
        value_of({"type": "static", "value": "$res:f/millrace/settings"}, SCOPE, "settings")


def test_other_expressions_run_in_quickjs() -> None:
    pytest.importorskip("quickjs")

    assert evaluate("flow_input.x + 1", SCOPE) == 2
    assert evaluate("const y = flow_input.iter.value.y; return y.map(v => v / 10)", SCOPE) == [1, 2]
    assert evaluate("undefined + 1 ? 1 : undefined", SCOPE) is None
    with pytest.raises(ExpressionError, match="TypeError"):
        evaluate("results.unknown.deeper.map(x => x)", SCOPE)
