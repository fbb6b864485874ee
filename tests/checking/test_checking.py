"""scripts/check: every tool runs, all mistakes are told, and what did not change is not checked
again.
"""

import sys
from pathlib import Path

import pytest

from scripts.checking import complexity, dead_code, stamps, tools, types
from scripts.checking.__main__ import main

FILES = {
    "pyproject.toml": (
        '[tool.basedpyright]\ninclude = ["f", "scripts"]\ntypeCheckingMode = "basic"\n'
    ),
    "scripts/requirements.txt": "",
    "f/lower.py": "def number() -> int:\n    return 1\n",
    "f/upper.py": "from f import lower\n\nvalue: int = lower.number()\n",
    "f/alone.py": "name: str = 'x'\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CI", raising=False)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_no_mistake_keeps_another_tool_from_telling_its_own(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "f/alone.py").write_text("import os\nname:   str = 5\n")
    wanted = [tool for tool in tools.TOOLS if tool.name in ("lint", "format", "types")]

    status = main(tree, tuple(wanted))

    said = capsys.readouterr().out
    assert status == 1
    assert "`os` imported but unused" in said
    assert "File would be reformatted" in said
    assert 'is not assignable to "str"' in said
    assert said.endswith("mistakes in: lint, format, types\n")


def test_a_tool_that_cannot_run_is_a_mistake(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "scripts/requirements.txt").unlink()

    assert main(tree, tuple(tool for tool in tools.TOOLS if tool.name == "types")) == 1
    assert "requirements.txt" in capsys.readouterr().out


@pytest.mark.long
def test_types_are_checked_again_where_a_change_reaches(tree: Path) -> None:
    assert types.check(tree) == ([], "3 of 3 files")
    assert types.check(tree) == ([], "3 files are as they were")
    (tree / "f/lower.py").write_text("def number() -> str:\n    return ''\n")

    for _ in range(2):  # what is wrong stays wrong until it is mended
        mistakes, looked_at = types.check(tree)

        assert [line.split(":")[0] for line in mistakes] == ["f/upper.py"]
    assert looked_at == "1 of 3 files"


@pytest.mark.parametrize("name", ["pyproject.toml", "scripts/requirements.txt"])
def test_other_rules_or_libraries_change_every_stamp(tree: Path, name: str) -> None:
    before = types.current_stamps(tree)
    (tree / name).write_text("# other\n")

    after = types.current_stamps(tree)

    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_a_command_runs_again_only_after_a_change(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "notes").mkdir()
    log = tree / ".millrace" / "log"
    log.parent.mkdir()
    command = [sys.executable, "-c", f"open({str(log)!r}, 'a').write('x')"]
    run = tools.when_changed("noting", command)

    for _ in range(3):
        run(tree)
    assert log.read_text() == "x"

    (tree / "notes/new.md").write_text("")
    run(tree)
    assert log.read_text() == "xx"

    monkeypatch.setenv("CI", "true")
    run(tree)
    assert log.read_text() == "xxx"


def test_a_command_that_fails_runs_again(tree: Path) -> None:
    run = tools.when_changed("failing", [sys.executable, "-c", "raise SystemExit('broken')"])

    assert [run(tree).mistakes for _ in range(2)] == ["broken", "broken"]


def test_a_stamp_that_was_cut_off_counts_for_nothing(tree: Path) -> None:
    stamps.write(tree, "types", {"a": "b"})
    (tree / stamps.FOLDER / "types.json").write_text('{"a": ')

    assert stamps.read(tree, "types") == {}


USED = "def used() -> int:\n    return 1\n\n\nprint(used())\n"


@pytest.fixture
def code(tree: Path) -> Path:
    """A bundle in which everything is read."""
    for name in FILES:
        if name.endswith(".py"):
            (tree / name).unlink()
    (tree / "u").mkdir()
    (tree / "f/used.py").write_text(USED)
    return tree


def test_dead_code_is_found_also_when_a_test_calls_it(code: Path) -> None:
    (code / "tests").mkdir()
    (code / "tests/test_it.py").write_text("from f import used\n\nused.forgotten()\n")
    (code / "f/used.py").write_text(f"def forgotten() -> None: ...\n\n\n{USED}")

    found = dead_code.find(code, {})

    assert [line.split(" is never read")[0] for line in found] == [
        "f/used.py:1: function 'forgotten'"
    ]


def test_what_is_kept_without_need_is_a_mistake(code: Path) -> None:
    (code / "f/used.py").write_text(f"def called() -> None: ...\n\n\n{USED}")

    assert dead_code.find(code, {"a library calls it": "called"}) == []
    (line,) = dead_code.find(code, {"a library calls it": "called used"})
    assert "KEPT has 'used'" in line


def test_the_keys_of_a_typed_dict_are_no_dead_code(code: Path) -> None:
    (code / "f/kinds.py").write_text(
        "from typing import TypedDict\n\n\nclass Pot(TypedDict):\n    lid: str\n"
    )
    (code / "f/used.py").write_text(
        "from f import kinds\n\n\nclass TeaPot(kinds.Pot):\n    spout: str\n\n\nclass Cup:\n"
        f"    handle: str = ''\n\n\npot: TeaPot = {{'spout': ''}}\nprint(pot, Cup)\n{USED}"
    )

    found = dead_code.find(code, {})

    assert [line.split(" is never read")[0] for line in found] == ["f/used.py:9: variable 'handle'"]


NESTED = """
def find(rows):
    for row in rows:
        for cell in row:
            if cell:
                for letter in cell:
                    if letter and rows or cell:
                        return letter
"""


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("", "f/used.py:2: find() has a cognitive complexity of 17; allowed are 15"),
        ("# complexipy: ignore", "f/used.py:3: find() is excused without a reason"),
        ("# complexipy: ignore (no)", "f/used.py:3: find() is excused without a reason"),
        ("# complexipy: ignore (a table has rows of cells)", ""),
        ("# The first letter.\n# complexipy: ignore (a table has rows of cells)\n@cached", ""),
    ],
)
def test_a_function_that_asks_too_much_of_a_reader_says_why(
    code: Path, comment: str, said: str
) -> None:
    (code / "f/used.py").write_text(
        NESTED.replace("\ndef", f"\n{comment}\ndef" if comment else "\ndef")
    )

    found = complexity.find(code, {})

    assert [line.split(":  ")[0][: len(said)] for line in found] == ([said] if said else [])


def test_an_exception_for_what_is_simple_enough_is_a_mistake(code: Path) -> None:
    (code / "f/used.py").write_text(f"# complexipy: ignore (it was long once)\n{USED}")

    assert [line.split(" is ")[0] for line in complexity.find(code, {})] == ["f/used.py:2: used()"]


def test_what_is_still_to_be_split_is_named_until_it_is(code: Path) -> None:
    (code / "f/used.py").write_text(NESTED)

    assert complexity.find(code, {"f/used.py": "find"}) == []
    (code / "f/used.py").write_text(USED)
    assert [line.split(",")[0] for line in complexity.find(code, {"f/used.py": "find"})] == [
        "scripts/checking/complexity.py: TO_SPLIT has find of f/used.py"
    ]
