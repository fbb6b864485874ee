"""Summaries are as long as Windmill shows them, and descriptions read well in the browser."""

from pathlib import Path

import pytest

from scripts.compiler import metadata, summaries, write
from scripts.compiler.sources import bundle, read
from scripts.paths import ROOT

SPEC = "summary: {title}\narea: {area}\nsteps: [{{id: one, summary: {step}, run: blocks/do}}]\n"
SCRIPT = '"""{summary}."""\n\n\ndef main() -> dict:\n    """Do."""\n    return {{}}\n'
SHORT, LONG = "Read the documents", "Read the documents that are new"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, ""),
        (
            {"step": LONG},
            (
                "step 'one' is summarised in 31 characters: 'Read the documents that are new';"
                " Windmill shows 25"
            ),
        ),
        ({"block": LONG}, "the docstring's first line is summarised in 31 characters"),
        ({"block": "Read the documents, all of"}, "Windmill shows 25"),
        ({"verb": "Read the documents, all of"}, ""),
        ({"verb": LONG}, "Windmill shows 30"),
        ({"title": LONG}, "the flow, which is a block, is summarised in 31 characters"),
        ({"title": LONG, "area": "research"}, ""),
    ],
)
def test_a_summary_that_windmill_would_cut_is_named(
    tmp_path: Path, changed: dict[str, str], problem: str
):
    given = {
        "title": SHORT,
        "area": "blocks",
        "step": SHORT,
        "block": SHORT,
        "verb": SHORT,
        **changed,
    }
    for name, text in {
        "flows/one.yaml": SPEC.format(**given),
        "f/millrace/blocks/do.py": SCRIPT.format(summary=given["block"]),
        "f/millrace/research/do.py": SCRIPT.format(summary=given["verb"]),
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    files = bundle(tmp_path)
    specs, mistakes = write.check(tmp_path, files)

    found = [each.what for each in summaries.check(specs, files)]

    assert mistakes == []
    assert [problem in each for each in found] == ([True] if problem else [])


def test_a_drawing_in_a_docstring_is_no_part_of_the_description(tmp_path: Path):
    file = tmp_path / "f/millrace/core/faults.py"
    file.parent.mkdir(parents=True)
    file.write_text('"""Faults.\n\nFault\n├── Small\n└── Large\n\nRead it top\nto bottom.\n"""\n')

    assert metadata.description(read(tmp_path, file)) == "Read it top to bottom."


def test_no_description_of_the_bundle_holds_a_drawing_or_a_broken_line():
    for module in bundle(ROOT).modules.values():
        told = metadata.description(module).partition("Result:\n")[0]
        assert not metadata.DRAWN.search(told), module.path
        assert "\n" not in told.replace("\n\n", ""), module.path
