"""`scripts/prove mutations` tells a change that a test notices from one that none does."""

import json
import os
from pathlib import Path

import pytest

from scripts.mutations import __main__ as mutations
from scripts.mutations import line_coverage
from scripts.paths import ROOT

# It installs what makes the mutants.
needs_installing = pytest.mark.skipif("PROVE" not in os.environ, reason="scripts/prove runs it")
CODE = '''"""Two rules."""


def is_grown_up(age: int) -> bool:
    """Tell whether somebody is of age."""
    return age >= 18


def is_allowed(age: int, asked: bool) -> bool:
    """Tell whether somebody may come in."""
    return is_grown_up(age) and asked
'''
TESTS = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from f.millrace.trust import tiny


def test_at_eighteen_one_is_grown_up():
    assert tiny.is_grown_up(18) and not tiny.is_grown_up(17)


def test_a_grown_up_who_asked_is_allowed():
    assert tiny.is_allowed(30, True)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a module whose first rule is tested well and whose second is not."""
    for name, text in {"f/millrace/trust/tiny.py": CODE, "tests/trust/test_tiny.py": TESTS}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def prove(tree: Path, *arguments: str) -> int:
    common = ["--sample", "0", "--servers", "1", "--no-postgres", "--root", str(tree)]
    return mutations.main(["trust/tiny", *common, *arguments])


@needs_installing
def test_what_no_test_notices_is_told_with_its_place_and_its_change(tree, capsys):
    assert prove(tree) == 1

    told = capsys.readouterr().out
    _, _, report = told.rpartition("without a mutant")
    assert "f/millrace/trust/tiny.py:11: 1 tests pass (DropOperand)" in report
    assert "  -     return is_grown_up(age) and asked\n  +     return is_grown_up(age)\n" in report
    assert "tiny.py:6:" not in report and "age > 18" not in report
    assert "6 mutants: 3 killed (0 of them by time), 3 survived" in report
    assert "50.0% of 6 survived" in report
    assert (tree / "f/millrace/trust/tiny.py").read_text() == CODE


@needs_installing
def test_a_sample_is_the_same_for_the_same_seed(tree):
    def drawn(seed):
        sample = mutations.draw(tree, ["f/millrace/trust/tiny.py"], 3, seed)
        return [mutant.id for mutant in sample]

    prove(tree)

    assert drawn(1) == drawn(1) and len(drawn(1)) == 3
    assert len({tuple(drawn(seed)) for seed in range(8)}) > 1


@needs_installing
def test_a_survivor_with_a_reason_is_not_counted(tree, monkeypatch, capsys, tmp_path):
    excused = tmp_path / "equivalent.yaml"
    line = "    return is_grown_up(age) and asked"
    excused.write_text(
        "".join(
            f"- {{file: f/millrace/trust/tiny.py, line: '{line}', mutant: '{mutant}', why: x}}\n"
            for mutant in ("return is_grown_up(age)", "return asked")
        )
    )
    monkeypatch.setattr(mutations, "EQUIVALENT", excused)

    prove(tree)

    assert "1 survived (0 of them" in capsys.readouterr().out


@needs_installing
def test_a_change_that_cannot_be_made_is_left_out(tree):
    path = "f/millrace/trust/tiny.py"
    (tree / path).write_text(
        "import os\n\n\ndef read():\n    try:\n        return 1\n"
        "    except (os.error, os.PathLike):\n        return 2\n"
    )
    prove(tree)

    added = [line.strip() for mutant in mutations.draw(tree, [path], 0, 1) for line in mutant.added]
    assert set(added) == {"return 2", "return 0", "return 3", "return 1"}


def test_a_module_that_is_none_is_refused(tree):
    with pytest.raises(SystemExit, match="f/millrace/trust/tinny is neither"):
        mutations.chosen(tree, ["trust/tinny"])


def test_each_excused_line_is_still_in_its_file():
    for change in mutations.equivalents():
        path, removed, _ = json.loads(change)
        lines = [line.strip() for line in (ROOT / path).read_text().split("\n")]
        assert any(lines[at : at + len(removed)] == removed for at in range(len(lines))), change


MODULE = """\
LEAST = 3
RULE = f"at least {LEAST}"
OTHER = 4


def says(count, least=LEAST):
    if count < least:
        return RULE
    return ""


def other():
    return OTHER
"""


@pytest.mark.parametrize(
    ("line", "lines"),
    [(1, {7, 8, 9}), (2, {8}), (3, {13}), (6, {7, 8, 9}), (7, {7}), (13, {13})],
)
def test_what_is_bound_when_a_module_is_imported_is_tested_where_it_is_used(line, lines):
    assert line_coverage.using_lines(MODULE, line, line) == lines


def test_the_test_that_imports_a_module_first_is_not_the_test_of_its_constants():
    by_line = {"a.py": {1: {"imports"}, 6: {"imports"}, 13: {"other"}, 8: {"says"}}}
    coverage = line_coverage.Coverage(
        {"a.py": MODULE}, by_line, dict.fromkeys(("imports", "other", "says"), 1.0)
    )

    assert coverage.tests("a.py", 1, 1, 60) == ["says"]
    assert coverage.tests("a.py", 3, 3, 60) == ["other"]
    assert coverage.tests("a.py", 4, 4, 60) == ["imports", "other", "says"]
