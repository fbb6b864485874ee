import pytest
import yaml

from scripts.compiler import loading
from scripts.compiler.sources import bundle

STEP = """# no_postinstall
# requirements: millrace_core

\"\"\"Work.\"\"\"

{imports}


def main() -> dict:
    \"\"\"Work.\"\"\"
    return {{}}
"""


@pytest.fixture
def small(tmp_path):
    """A bundle of one step, beside a library of many modules."""
    for name in ("telemetry/spans", "core/text"):
        path = tmp_path / f"f/millrace/{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text("")
    library = tmp_path / "vast"
    library.mkdir()
    (library / "__init__.py").write_text(
        "".join(f"from vast import part{number}\n" for number in range(20))
    )
    for number in range(20):
        (library / f"part{number}.py").write_text("")
    step = tmp_path / "f/millrace/research/work.py"
    step.parent.mkdir()
    (tmp_path / "resources").mkdir()

    def imports(lines):
        step.write_text(STEP.format(imports=lines))
        return bundle(tmp_path)

    return imports


def faults(files):
    return [str(problem) for problem in loading.check(files)]


def test_a_step_that_begins_to_load_a_large_library_is_named(small):
    loading.write(small("import json"))

    found = faults(small("import json\n\nimport vast"))

    assert len(found) == 2 and all(
        fault.startswith("f/millrace/research/work.py:1: loads") for fault in found
    )
    assert "loads 21 modules of libraries, and may load 3" in found[0]
    assert "loads vast, which its line does not name" in found[1] and "imports write" in found[1]


def test_a_library_that_is_imported_in_a_function_is_not_loaded(small):
    loading.write(small("import json"))

    assert faults(small("def later():\n    import vast\n\n    return vast")) == []


def test_the_line_counts_modules_and_names_large_libraries(small):
    files = small("import vast\n\nfrom f.millrace.core import text")

    assert loading.write(files) == ["resources/imports.yaml"] and loading.write(files) == []

    written = yaml.safe_load((files.root / loading.FILE).read_text())
    assert written == {"research/work": {"own": 3, "foreign": 21, "libraries": ["vast"]}}


def test_a_step_without_a_line_and_a_line_without_a_step_are_named(small):
    files = small("import json")
    (files.root / loading.FILE).write_text("research/gone: {own: 1, foreign: 0, libraries: []}\n")

    assert sorted(fault.split(":")[0] for fault in faults(files)) == [
        "f/millrace/research/work.py",
        "resources/imports.yaml",
    ]


def test_a_step_that_cannot_be_imported_is_named(small):
    with pytest.raises(RuntimeError, match=r"f\.millrace\.research\.work cannot be imported"):
        loading.count(small("import nowhere"))
