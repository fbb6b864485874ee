"""Each check of the bundle finds the one thing that a test breaks, and says where and what is
allowed.
"""

from pathlib import Path

import pytest

from scripts.compiler.checks import run_checks

SPEC = "flows/daily.yaml"
FLOW = "f/millrace/research/daily__flow/flow.yaml"


def found(root: Path) -> list[str]:
    return [str(problem) for problem in run_checks(root)]


def test_a_bundle_in_order_has_no_problems(small):
    assert found(small.root) == []


MISTAKES_IN_A_SPEC = {
    "unknown step": (
        "run: research/open\n",
        "run: research/opn\n",
        14,
        "did you mean 'research/open'",
    ),
    "wrong input name": (
        "{question: flow_input",
        "{qestion: flow_input",
        26,
        "has no input 'qestion' (did you mean 'question'",
    ),
    "missing required input": (
        "{question: flow_input.iter.value, ",
        "{",
        25,
        "research/answer needs question",
    ),
    "constant of the wrong type": (
        "{style: short}",
        "{style: 5}",
        27,
        "research/answer takes string there",
    ),
    "unknown result": (
        "results.open.questions",
        "results.opened.questions",
        19,
        "there is no such step (did you mean 'open'",
    ),
    "result of a later step": (
        "results.open.questions",
        "results.close.questions",
        19,
        "it has not run yet",
    ),
    "result inside a loop": (
        "results.approve.by",
        "results.answer.text",
        36,
        "inside 'answers' and not visible outside",
    ),
    "unknown flow input": (
        "flow_input.limit",
        "flow_input.limits",
        26,
        "names no input (did you mean 'limit'?); inputs are limit",
    ),
    "item outside a loop": (
        "results.approve.by",
        "flow_input.iter.value",
        36,
        "known only inside for_each",
    ),
    "unknown environment": (
        "flow_env.pipeline",
        "flow_env.pipe",
        15,
        "has no 'pipe'; known there are pipeline",
    ),
    "unknown root": (
        "flow_env.pipeline",
        "previous_result",
        15,
        "starts with results, flow_input, flow_env",
    ),
    "code for a path": (
        "results.open.questions",
        "results.open.questions.slice(1)",
        19,
        "is not a path",
    ),
    "cron of five fields": ("0 30 7 * * *", "30 7 * * *", 8, "has 5 fields; Windmill needs six"),
    "cron out of range": ("0 30 7 * * *", "0 30 27 * * *", 8, "cannot be read"),
    "unknown zone": ("Europe/Paris", "Europe/Pariss", 8, "time zone 'Europe/Pariss' is unknown"),
    "bad grace": ("misfire_grace: 2h", "misfire_grace: soon", 8, "misfire_grace"),
    "unknown key": (
        "timeout: 2m",
        "timout: 2m",
        29,
        "has no key 'timout' (did you mean 'timeout'?); allowed are id",
    ),
    "unknown pattern": (
        "area: research",
        "area: research\npattern: chain",
        6,
        "allowed are deterministic_pipeline",
    ),
    "reserved id": ("id: close", "id: failure", 33, "reserved by Windmill"),
    "id used twice": ("id: close", "id: open", 33, "used twice; the first is in line 12"),
    "two kinds in one step": (
        "for_each: results",
        "run: research/open\n    for_each: results",
        17,
        "exactly one of run, for_each",
    ),
    "default out of range": ("default: 3", "default: 30", 10, "default 30 is beyond its maximum 9"),
    "default of the wrong type": ("default: 3", "default: three", 10, "its type is integer"),
    "unknown type": ("type: integer", "type: int", 10, "allowed are string, integer"),
    "long summary": (
        "summary: Answer the questions of the day",
        "summary: " + "very " * 14 + "long",
        1,
        "at most 70",
    ),
    "stop on another's result": (
        "stop_if: results.open.skip",
        "stop_if: flow_input.limit",
        16,
        "must read this step's own result",
    ),
    "negative budget": ("run_usd: 1.5", "run_usd: -1", 7, "must be more than 0"),
    "said twice": (
        "area: research",
        "area: research\narea: ops",
        6,
        "stands twice; the first is in line 5",
    ),
    "not YAML": ("steps:\n", "steps: [\n", 12, "not YAML"),
}


@pytest.mark.parametrize("name", MISTAKES_IN_A_SPEC)
def test_a_mistake_in_a_spec_is_found_with_its_line(small, name):
    old, new, line, message = MISTAKES_IN_A_SPEC[name]
    small.change(SPEC, old, new)

    problems = found(small.root)

    assert any(
        problem.startswith(f"{SPEC}:{line}:") and message in problem for problem in problems
    ), problems


def test_all_mistakes_of_a_spec_come_at_once(small):
    small.change(SPEC, "run: research/open\n", "run: research/opn\n")
    small.change(SPEC, "Europe/Paris", "Nowhere")
    small.change(SPEC, "flow_input.limit", "flow_input.limits")

    assert len([problem for problem in found(small.root) if problem.startswith(SPEC)]) == 3


CALLS = (
    "from f.millrace.research import {name}\n\n\ndef test_it():\n    assert {name}.main() == {{}}\n"
)
MENTIONS = "from f.millrace.research import open\n\n\ndef test_it():\n    assert open.HEADER\n"


def test_a_step_whose_main_no_test_calls_is_found(small):
    small.write("tests/research/test_answer.py", CALLS.format(name="answer"))
    small.write("tests/research/test_open.py", MENTIONS)
    small.write(
        "tests/ops/test_failure.py",
        "from f.millrace.ops.report_failure import main as run\n\nrun()\n",
    )

    untested = {line.split(":")[0] for line in found(small.root) if "without a test" in line}

    assert "f/millrace/research/open.py" in untested
    assert not untested & {"f/millrace/research/answer.py", "f/millrace/ops/report_failure.py"}


def test_a_dead_step_and_a_dead_library_are_found(small):
    small.step("research/forgotten", "topic: str")
    small.write("f/millrace/core/unused.py", '# requirements:\n\n"""Unused."""\n')
    small.generate()

    assert [problem.split(":")[0] for problem in found(small.root)] == [
        "f/millrace/core/unused.py",
        "f/millrace/research/forgotten.py",
    ]


def test_a_drifted_flow_is_found(small):
    small.change(FLOW, "expr: results.open.questions", "expr: results.open.other")

    assert any(
        problem.startswith(f"{FLOW}:") and "flows compile" in problem
        for problem in found(small.root)
    )


def test_a_flow_without_a_spec_is_found(small):
    (small.root / SPEC).rename(small.root / "flows/nightly.yaml")

    problems = found(small.root)

    assert f"{FLOW}:1: no spec makes this file; run scripts/millrace flows compile" in problems
    assert any("nightly__flow/flow.yaml:1: is missing" in problem for problem in problems)


def test_a_drifted_schema_is_found(small):
    small.change("f/millrace/research/answer.py", "limit: int = 3", "limit: int = 4")

    assert any(
        "answer.script.yaml" in problem and "metadata write" in problem
        for problem in found(small.root)
    )


def test_metadata_without_a_step_is_found(small):
    small.write("f/millrace/research/gone.script.yaml", "summary: Gone\n")

    assert "gone.script.yaml:1: belongs to no Python file" in "\n".join(found(small.root))


def test_a_drifted_lock_is_found(small):
    small.change("f/millrace/research/answer.script.lock", "pydantic==2.14.3", "pydantic==2.14.2")

    assert any("answer.script.lock:4: has drifted" in problem for problem in found(small.root))


def test_a_changed_requirements_file_drifts_every_lock_of_its_steps(small):
    small.change(
        "dependencies/millrace_core.requirements.in", "pydantic==2.14.3", "pydantic==2.14.4"
    )

    assert (
        len([problem for problem in found(small.root) if "script.lock:2: has drifted" in problem])
        == 5
    )


def test_a_short_list_that_is_not_pinned_is_found(small):
    small.change("pyproject.toml", '"pydantic"', '"pydantic", "httpx2"')

    assert any("pins nothing for 'httpx2'" in problem for problem in found(small.root))


def test_a_line_that_is_no_pin_is_found(small):
    small.write(
        "dependencies/millrace_core.requirements.in", "pydantic>=2\npydantic-core==2.50.4\n"
    )

    assert any(
        "requirements.in:1: 'pydantic>=2' is not a pin" in problem for problem in found(small.root)
    )


def test_an_unknown_requirements_list_is_found(small):
    small.change("f/millrace/research/answer.py", "millrace_core", "millrace_cor")

    assert any(
        "millrace_cor.requirements.in (did you mean 'millrace_core'" in problem
        for problem in found(small.root)
    )


ANSWER = "f/millrace/research/answer.py"
MISTAKES_IN_A_STEP = {
    "type Windmill cannot show": (
        "question: str",
        "question: set[str]",
        "parameter 'question' has set[str], which Windmill cannot show",
    ),
    "no type": ("question: str", "question", "has no type, which Windmill cannot show"),
    "computed default": ("limit: int = 3", "limit: int = len('abc')", "has a computed default"),
    "parameter not described": (
        "        limit: What limit means.\n",
        "",
        "parameter 'limit' is not described",
    ),
    "async main": ("def main(", "async def main(", "main() is async"),
    "no summary": (
        '"""Do one thing.\n\n    scripts/millrace step research/answer\n"""',
        "",
        "has no docstring",
    ),
    "annotation order": (
        "# no_postinstall\n# requirements: millrace_core",
        "# requirements: millrace_core\n# no_postinstall",
        "a step starts with `# no_postinstall`",
    ),
    "import that does not resolve": (
        "\ndef main(",
        "from f.millrace.cor import text\n\ndef main(",
        "imports f.millrace.cor, which does not exist (did you mean 'f.millrace.core.text'",
    ),
    "module that does not resolve": (
        "\ndef main(",
        "from f.millrace.core import txt\n\ndef main(",
        "imports f.millrace.core.txt, which does not exist (did you mean 'f.millrace.core.text'",
    ),
    "name that does not resolve": (
        "\ndef main(",
        "from f.millrace.core import text\n\nX = text.shortn\n\ndef main(",
        "uses 'shortn' of f.millrace.core.text, which has no such name (did you mean 'shorten'",
    ),
    "import of a name": (
        "\ndef main(",
        "from f.millrace.core.text import shorten\n\ndef main(",
        "in a form that Windmill tracks; write from f.millrace.core import text",
    ),
    "import of a dotted module": (
        "\ndef main(",
        "import f.millrace.core.text as text\n\ndef main(",
        "in a form that Windmill tracks; write from f.millrace.core import text",
    ),
    "library outside the requirements": (
        "\ndef main(",
        "import httpx2\n\ndef main(",
        "requirements.in does not pin it",
    ),
    "owner of a library": (
        "\ndef main(",
        "import psycopg\n\ndef main(",
        "imports psycopg, which belongs to core.db",
    ),
    "relative import": (
        "\ndef main(",
        "from .open import main as other\n\ndef main(",
        "relative import",
    ),
    "import of scripts": (
        "\ndef main(",
        "import scripts.paths\n\ndef main(",
        "a worker sees only f/",
    ),
    "another pipeline": (
        "\ndef main(",
        "from f.millrace.ops import report_failure\n\ndef main(",
        "a pipeline (research) never imports another pipeline (ops)",
    ),
    "syntax error": ("def main(", "def main((", "does not parse"),
    "secret": ("return {}", 'return {"key": "sk-' + "a1B2" * 8 + '"}', "looks like a secret"),
    "machine path": (
        "return {}",
        'return {"path": "/home/' + 'someone/notes"}',
        "is a path of one machine",
    ),
}


@pytest.mark.parametrize("name", MISTAKES_IN_A_STEP)
def test_a_mistake_in_a_step_is_found(small, name):
    old, new, message = MISTAKES_IN_A_STEP[name]
    small.change(ANSWER, old, new)

    problems = found(small.root)

    assert any(problem.startswith(ANSWER) and message in problem for problem in problems), problems


def test_a_library_of_a_library_outside_the_requirements_is_found(small):
    small.change("f/millrace/core/text.py", "import pydantic", "import trafilatura")

    message = (
        "f/millrace/core/text.py:5: imports trafilatura, which f/millrace/research/open.py needs"
    )
    assert any(problem.startswith(message) for problem in found(small.root))


def test_a_layer_that_climbs_is_found(small):
    small.write("f/millrace/tools/search.py", '# requirements:\n\n"""Search."""\n')
    small.change(
        "f/millrace/core/text.py",
        "import pydantic",
        "from f.millrace.tools import search\nimport pydantic",
    )
    small.generate()

    assert any(
        "core lies below tools; allowed for it are core" in problem for problem in found(small.root)
    )


def test_a_library_without_its_header_is_found(small):
    small.change("f/millrace/core/text.py", "# requirements:\n\n", "")

    assert any("core/text.py:1: a library starts with" in problem for problem in found(small.root))


def test_an_fstring_with_its_own_quotes_inside_is_found(small):
    small.change(ANSWER, "return {}", 'return {"text": f"{question["a"]}"}')

    assert any(problem.startswith(ANSWER) for problem in found(small.root))


FETCH = "\n\ndef fetch() -> str:\n    return httpx2.get('http://127.0.0.1').text\n"


def with_a_library(small) -> None:
    small.change("pyproject.toml", '"pydantic"', '"httpx2", "pydantic"')
    small.change(
        "dependencies/millrace_core.requirements.in", "pydantic==", "httpx2==2.16.1\npydantic=="
    )
    small.change("f/millrace/core/text.py", "import pydantic", "import httpx2\nimport pydantic")
    small.write("f/millrace/core/text.py", small.read("f/millrace/core/text.py") + FETCH)


def test_a_library_that_a_step_loads_and_does_not_use_is_found(small):
    with_a_library(small)
    small.change("f/millrace/research/open.py", "return {}", 'return {"short": text.shorten()}')
    small.generate()

    assert found(small.root) == [
        "f/millrace/core/text.py:5: imports httpx2, which research/open never uses; import it where"
        " it is needed, or split the file"
    ]


def test_a_library_that_a_step_uses_through_another_file_is_in_order(small):
    with_a_library(small)
    small.change("f/millrace/research/open.py", "return {}", 'return {"page": text.fetch()}')
    small.generate()

    assert found(small.root) == []


def test_a_hundred_specs_are_checked_at_once(small):
    text = small.read(SPEC)
    for number in range(100):
        small.write(f"flows/daily_{number}.yaml", text)
    small.generate()

    assert found(small.root) == []


@pytest.mark.parametrize(("folder", "allowed"), [("f", 60), ("scripts", 60), ("tests", 80)])
def test_a_function_that_is_too_long_is_found(small, folder, allowed):
    def function(lines):
        return "@decorated\ndef work():\n" + "    pass\n" * (lines - 2)

    small.write(f"{folder}/other/right.py", function(allowed))
    small.write(f"{folder}/other/wrong.py", "\n" + function(allowed + 1))

    lines = [problem for problem in found(small.root) if "work()" in problem]
    assert lines == [
        f"{folder}/other/wrong.py:3: work() has {allowed + 1} lines; allowed are {allowed}: split"
        " it by subject"
    ]
