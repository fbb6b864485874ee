"""Inline scripts of a flow that was edited on Windmill: they run here as they are, and become steps
by the import.
"""

from pathlib import Path

import pytest

from f.millrace.core.errors import BadInput
from scripts.compiler import code, imports, sources
from scripts.importer import flow, inline
from scripts.runner.openflow import load_flow
from scripts.runner.run import start

STEP = "f/millrace/news/double.py"
INLINE = """\
summary: Double
value:
  modules:
    - id: double
      summary: Double it
      value:
        type: rawscript
        content: {named}
        input_transforms:
          number: {{type: static, value: 1e-7}}
        language: python3
schema: {{type: object, properties: {{}}}}
"""


def with_inline_script(root: Path, named: str) -> Path:
    file = root / "f/millrace/news/double__flow/flow.yaml"
    file.parent.mkdir()
    file.write_text(INLINE.format(named=named))
    (file.parent / "double_it.inline_script.py").write_text(
        "def main(number: float):\n    return {'twice': 2 * number}\n"
    )
    return file


@pytest.mark.parametrize(
    "named", ["'!inline double_it.inline_script.py'", "!inline double_it.inline_script.py"]
)
def test_an_inline_script_of_the_editor_runs_here_and_becomes_a_step(
    root: Path, database: str, named: str
):
    file = with_inline_script(root, named)

    outcome = start(
        load_flow("f/millrace/news/double", root), "double", {}, isolation="inline", root=root
    )
    imported = flow.read_flow(file, root)

    assert (outcome.status, outcome.result) == ("done", {"twice": 2e-7})
    assert imported.complete, [*imported.not_expressible, *imported.problems]
    written = flow.write_spec(imported, root)
    assert {"flows/double.yaml", STEP, STEP.replace(".py", ".script.yaml")} <= set(written)
    assert (
        "inline" not in file.read_text()
        and not (file.parent / "double_it.inline_script.py").exists()
    )
    again = start(
        load_flow("f/millrace/news/double", root), "double", {}, isolation="inline", root=root
    )
    assert (again.status, again.result) == ("done", {"twice": 2e-7})


def test_the_step_has_what_a_step_needs(root: Path):
    flow.write_spec(
        flow.read_flow(with_inline_script(root, "!inline double_it.inline_script.py"), root), root
    )

    files = sources.bundle(root)
    assert (
        (root / STEP).read_text().startswith("# no_postinstall\n# requirements: millrace_core\n\n")
    )
    assert [each for each in code.check(files, root) if each.file == STEP] == []
    assert imports.check(files, root) == []


@pytest.mark.parametrize(
    ("written", "header"),
    [
        ("import httpx2\n\ndef main() -> str:\n    return ''\n", "# requirements: millrace_web\n"),
        (
            "#requirements:\n#httpx2==1\nimport httpx2\ndef main(): return {}\n",
            "# requirements: millrace_web\n",
        ),
        ("def main(a: str = 'x:y'):\n    return {}\n", "# requirements: millrace_core\n"),
    ],
)
def test_code_takes_the_shortest_list_that_has_its_libraries(root: Path, written: str, header: str):
    for name, pins in (("core", "pydantic==2.0\n"), ("web", "httpx2==2.0\npydantic==2.0\n")):
        (root / "dependencies").mkdir(exist_ok=True)
        (root / f"dependencies/millrace_{name}.requirements.in").write_text(pins)

    text = inline.as_step(written, "Fetch it", "double", root)

    assert header in text and "#httpx2" not in text
    assert text.count("def main(") == 1 and " -> " in text and '"""Fetch it.' in text
    compile(text, "step", "exec")


def test_a_step_that_the_editor_numbered_is_named_by_its_summary(root: Path):
    file = with_inline_script(root, "!inline double_it.inline_script.py")
    file.write_text(file.read_text().replace("id: double", "id: a"))

    imported = flow.read_flow(file, root)

    assert (
        list(imported.steps) == ["f/millrace/news/double_it.py"]
        and "run: news/double_it" in imported.text
    )


@pytest.mark.parametrize("written", ["def main(", "x = 1\n", ""])
def test_what_is_no_python_with_a_main_stays_inline(root: Path, written: str):
    assert inline.as_step(written, "Fetch it", "double", root) == ""


@pytest.mark.parametrize(
    "named", ["'!inline gone.inline_script.py'", "'!inline ../../../../flows/base.yaml'"]
)
def test_an_inline_script_that_is_not_beside_its_flow_is_told(root: Path, named: str):
    with_inline_script(root, named)

    with pytest.raises(BadInput, match="not beside it; pull the flow again"):
        load_flow("f/millrace/news/double", root)


def test_a_flow_file_without_a_flow_is_told_before_it_runs(root: Path):
    file = with_inline_script(root, "x")
    file.write_text("")

    with pytest.raises(BadInput, match="is no flow"):
        load_flow("f/millrace/news/double", root)
