"""What a step's signature becomes: forms as Windmill's own parser infers them, summaries, locks."""

import hashlib
from pathlib import Path

import pytest
import yaml

from scripts.compiler import code, locks, metadata, types
from scripts.compiler.sources import arguments, bundle

SIGNATURE = """\
from typing import Any, Literal, Optional

def main(a: str, b: int = 5, c: float = 1.5, d: bool = False, e: list = [],
         f: list[str] | None = None, g: dict | None = None, h: Literal["x", "y"] = "x",
         i: Optional[int] = None, j: list[dict] | None = None, k: list[int] | None = None,
         *, l: dict[str, int]) -> dict:
    return {}
"""


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_forms_are_what_windmills_parser_infers(tmp_path):
    write(tmp_path, "f/millrace/work/do.py", SIGNATURE)
    schema = metadata.schema(bundle(tmp_path).modules["f/millrace/work/do.py"])
    shapes = {
        name: {key: value for key, value in parts.items() if key not in ("default", "description")}
        for name, parts in schema["properties"].items()
    }

    assert schema["required"] == ["a", "l"]
    assert shapes == {
        "a": {"type": "string", "originalType": "string"},
        "b": {"type": "integer"},
        "c": {"type": "number"},
        "d": {"type": "boolean"},
        "e": {"type": "array", "items": {"type": "string"}, "originalType": "string[]"},
        "f": {"type": "array", "items": {"type": "string"}, "originalType": "string[]"},
        "g": {"type": "object", "properties": {}},
        "h": {"type": "string", "enum": ["x", "y"], "originalType": "enum"},
        "i": {"type": "integer"},
        "j": {"type": "array", "items": {"type": "object"}, "originalType": "record[]"},
        "k": {"type": "array", "items": {"type": "number"}, "originalType": "number[]"},
        "l": {"type": "object", "properties": {}},
    }


@pytest.mark.parametrize(
    "annotation",
    ["Any", "set", "tuple[int]", "int | str", "Path", "Literal[1, 2]", "object", "list | None"],
)
def test_types_that_a_form_cannot_show_are_refused(tmp_path, annotation):
    write(
        tmp_path, "f/millrace/work/do.py", f"def main(a: {annotation}) -> dict:\n    return {{}}\n"
    )
    [parameter] = bundle(tmp_path).modules["f/millrace/work/do.py"].parameters

    assert types.schema_of(parameter) is None


def test_the_docstring_gives_summary_description_and_help(tmp_path):
    text = (
        '"""Read one source.\n\nTwice is fine:\nit writes once.\n\n    scripts/millrace step'
        ' work/do\n"""\n\n'
    )
    text += (
        'def main(a: str) -> dict:\n    """Read.\n\n    Args:\n        a: The source,\n           '
        " by name. Example: feeds\n\n    Returns:\n        x: What it\n            found.\n   "
        ' """\n'
    )
    write(tmp_path, "f/millrace/work/do.py", text)

    written = yaml.safe_load(metadata.expected(tmp_path)["f/millrace/work/do.script.yaml"])

    assert list(written) == ["summary", "description", "lock", "kind", "schema"]
    assert written["summary"] == "Read one source"
    assert (
        written["description"] == "Twice is fine: it writes once.\n\nResult:\n- `x`: What it found."
    )
    assert written["lock"] == "!inline f/millrace/work/do.script.lock"
    assert written["schema"]["properties"]["a"]["description"] == "The source, by name."
    assert written["schema"]["properties"]["a"]["placeholder"] == "feeds"


def test_the_script_that_asks_is_an_approval(tmp_path):
    write(tmp_path, "f/millrace/approvals/ask.py", "def main() -> dict:\n    return {}\n")

    assert (
        yaml.safe_load(metadata.expected(tmp_path)["f/millrace/approvals/ask.script.yaml"])["kind"]
        == "approval"
    )


def test_help_texts_may_go_over_several_lines():
    assert arguments("Do.\n\nArgs:\n    a: One\n        two.\n    b (int): Three.\n") == {
        "a": "One two.",
        "b": "Three.",
    }


def test_a_lock_is_byte_for_byte_what_the_server_keeps(tmp_path):
    pinned = "annotated-types==0.8.0\npydantic==2.14.3\n"
    write(tmp_path, "dependencies/millrace_core.requirements.in", pinned)
    write(
        tmp_path,
        "f/millrace/work/do.py",
        "# no_postinstall\n# requirements: millrace_core\n\ndef main() -> dict:\n    return {}\n",
    )
    write(tmp_path, "f/millrace/core/text.py", '"""Texts."""\n')

    assert locks.write(tmp_path) == [
        "f/millrace/core/text.script.lock",
        "f/millrace/work/do.script.lock",
    ]
    assert (
        tmp_path / "f/millrace/core/text.script.lock"
    ).read_text() == "# workspace-dependencies-mode: manual\n# py: 3.12\n"
    sha256 = hashlib.sha256(pinned.encode()).hexdigest()
    assert (tmp_path / "f/millrace/work/do.script.lock").read_text() == (
        "# workspace-dependencies-mode: manual\n"
        f"# workspace-dependencies: millrace_core:{sha256}\n"
        "# py: 3.12\nannotated-types==0.8.0\npydantic==2.14.3"
    )


def test_a_list_may_contain_another(tmp_path):
    write(
        tmp_path,
        "pyproject.toml",
        '[tool.millrace.dependencies]\ncore = ["pydantic"]\nagents = ["{core}", "mcp"]\n',
    )

    assert locks.groups(tmp_path) == {"core": ["pydantic"], "agents": ["mcp", "pydantic"]}


def test_two_files_that_pin_different_versions_are_found(tmp_path):
    write(
        tmp_path,
        "pyproject.toml",
        '[tool.millrace.dependencies]\ncore = ["pydantic"]\nagents = ["{core}"]\n',
    )
    write(tmp_path, "dependencies/millrace_core.requirements.in", "pydantic==2.14.3\n")
    write(tmp_path, "dependencies/millrace_agents.requirements.in", "pydantic==2.14.2\n")

    [problem] = locks.check(tmp_path)

    assert (
        "pins pydantic==2.14.2, but dependencies/millrace_core.requirements.in pins 2.14.3"
        in problem.what
    )


def test_an_upgrade_keeps_other_pins_and_gives_all_lists_one_version(tmp_path, monkeypatch):
    write(
        tmp_path,
        "pyproject.toml",
        '[tool.millrace.dependencies]\ncore = ["pydantic"]\nagents = ["{core}", "mcp"]\nlocal ='
        ' ["{agents}"]\n',
    )
    write(tmp_path, "scripts/requirements.txt", "mcp==2.0.0\npydantic==2.0.0\n")
    (tmp_path / "f/millrace").mkdir(parents=True)
    asked = []

    def resolve(lines: list[str], constraints: str) -> str:
        asked.append((lines, constraints))
        held = locks.pins(constraints)
        return "".join(f"{line}=={held.get(line, '9.9.9')}\n" for line in lines)

    monkeypatch.setattr(locks, "_resolve", resolve)
    changed = locks.upgrade(tmp_path, ["mcp"])

    assert asked[0] == (["mcp", "pydantic"], "pydantic==2.0.0")
    assert locks.pins((tmp_path / "dependencies/millrace_agents.requirements.in").read_text()) == {
        "mcp": "9.9.9",
        "pydantic": "2.0.0",
    }
    assert changed == [
        "dependencies/millrace_core.requirements.in",
        "dependencies/millrace_agents.requirements.in",
        "scripts/requirements.txt",
    ]


def test_own_quotes_inside_an_fstring_are_seen_where_python_itself_accepts_them():
    text = 'x = f"{a["b"]}"\ny = f"{a[\'b\']}"\n'

    assert code.nested_quotes(text) in ([1], [])
