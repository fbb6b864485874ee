"""What people typed keeps working: command lines of the README and of earlier ones, old names."""

import contextlib
import re
import shlex
from typing import Any

import pytest

from scripts.benchmarks import __main__ as benchmarks
from scripts.commands import old_names
from scripts.commands.__main__ import parse
from scripts.paths import ROOT

README = [
    found.rstrip()
    for found in re.findall(
        r"scripts/millrace ((?:[^\s`|#\\]+ ?)+)", (ROOT / "README.md").read_text()
    )
    if not found.startswith('"')
]
# Lines of earlier READMEs that today's may no longer show.
EARLIER = [
    "approvals list",
    'ask "What is new in sodium batteries?" --session batteries',
    "audit verify",
    "db migrate",
    "doctor --windmill --base-url http://127.0.0.1:8000 --workspace WORKSPACE --token TOKEN",
    "flows compile",
    "flows import",
    "health",
    "ingest ~/Documents",
    "mcp config",
    "mcp serve --http",
    'memory search "quay repair" --explain',
    "metadata write",
    "metrics serve",
    "metrics write",
    "recipients add you@example.org --flow f/millrace/assist/answer_question",
    "recipients add you@example.org --interests batteries,compilers",
    "run daily_research",
    "run daily_research --again",
    "schedule cron daily_research",
    "settings",
    "settings example",
    "show last",
    "spend --by model",
    "tools list",
    "trace last",
]
# An old line, and the line of today that means the same.
OLD = [
    ("approvals settle 018f happened", "approvals resolve 018f --outcome done"),
    ("approvals settle 018f not --json", "approvals resolve 018f --outcome not-done --json"),
    ("memory retract gossip --because invented", "memory retract gossip --reason invented"),
    ("memory retract gossip --because=invented", "memory retract gossip --reason=invented"),
    ("step ops/retract source=x because=y", "step ops/retract source=x reason=y"),
]


def words(line: str) -> list[str]:
    return shlex.split(line.partition(" > ")[0])


def test_the_readme_has_command_lines():
    assert len(README) > 10


def given(line: str) -> dict[str, Any]:
    """Return the options of a line; the function of some commands is made at each parsing."""
    options = vars(parse(words(line)))
    return options | {"function": options["function"].__module__}


def usage_mistake(line: str, capsys) -> str:
    """Return what is wrong with a line, empty when it would be run."""
    with contextlib.suppress(SystemExit):
        assert callable(parse(words(line)).function)
    return capsys.readouterr().err


@pytest.mark.parametrize("line", EARLIER)
def test_a_command_line_of_an_earlier_readme_is_taken(line, capsys):
    assert usage_mistake(line, capsys) == ""


@pytest.mark.parametrize("line", dict.fromkeys(README))
def test_a_command_of_the_readme_exists(line, capsys):
    mistake = usage_mistake(line, capsys)

    # In running text a command stands without its arguments.
    assert mistake == "" or "the following arguments are required" in mistake


def test_a_line_that_nobody_could_type_is_a_mistake(capsys):
    assert "unrecognized arguments" in usage_mistake("show last --brief", capsys)


@pytest.mark.parametrize(("old", "new"), OLD)
def test_an_old_line_means_what_the_new_one_means_and_says_so(old, new, capsys):
    today = given(new)
    assert capsys.readouterr().err == ""

    assert given(old) == today
    assert "the old word goes with the next release" in capsys.readouterr().err


def test_each_old_name_is_in_a_line_here(capsys):
    lines = [["bench", "strangers"], *(words(old) for old, _ in OLD)]
    for line in lines:
        old_names.translate(line[0] if line[0] == "bench" else "millrace", line)
    told = capsys.readouterr().err

    assert [name.old for name in old_names.NAMES if f"{name.old!r} is now" not in told] == []


def test_a_benchmark_is_found_by_its_old_name(capsys, monkeypatch):
    measured = []
    monkeypatch.setattr(
        benchmarks.importlib,
        "import_module",
        lambda name: type("Made", (), {"measure": lambda: measured.append(name)}),
    )

    assert benchmarks.main(["strangers"]) == 0
    assert measured == ["scripts.benchmarks.prompt_injection"]


def test_a_word_that_only_looks_old_is_left_alone(capsys):
    options = parse(["memory", "search", "--explain", "because"])

    assert options.query == "because"
    assert parse(["step", "blocks/recall", "question=not because=1"]).inputs == [
        "question=not because=1"
    ]
    assert capsys.readouterr().err == ""


def test_json_has_a_renamed_key_under_both_names():
    assert old_names.with_old_keys({"reason": "a time is named", "tried": []}) == {
        "reason": "a time is named",
        "because": "a time is named",
        "tried": [],
    }
