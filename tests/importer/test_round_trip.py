"""Spec, compile, import, compile: the same; and any pipeline can be edited into any other."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from scripts.compiler import semantics, spec, write
from scripts.compiler.sources import bundle
from scripts.importer import flow
from scripts.importer.merge_text import merge
from tests.importer.conftest import bundle_of
from tests.importer.strategies import specs

LOOSE = (
    '"""Anything."""\n\n\ndef main(a: str = "", b: str = "", c=None, d=None) -> dict:\n    return'
    " {}\n"
)
# Shrinking a whole pipeline takes minutes and shows little.
FEW = settings(
    max_examples=300 if os.environ.get("PROVE") else 30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def place() -> Path:
    """A bundle whose scripts take anything."""
    root = bundle_of(Path(tempfile.mkdtemp(prefix="millrace-round-trip-")))
    for name in ("any", "other"):
        (root / f"f/millrace/news/{name}.py").write_text(LOOSE)
    (root / "flows").mkdir()
    return root


def compiled(place: Path, text: str) -> dict[str, str]:
    """Write a spec that must be valid and return what the compiler makes of it."""
    file = place / "flows/base.yaml"
    file.write_text(text)
    files = bundle(place)
    loaded, problems = spec.parse(file)
    assert loaded is not None and problems == [], (problems, text)
    # Steps side by side may read only what is finished then; the generator does not know the
    # levels.
    assume(not semantics.check(loaded, files))
    texts = write.expected(loaded, files)
    (place / "f/millrace/news/base.schedule.yaml").unlink(missing_ok=True)
    for name, each in texts.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(each)
    return texts


@pytest.mark.long
@FEW
@given(specs())
def test_import_of_an_unedited_flow_changes_no_letter_of_the_spec(place: Path, plain: Json):
    text = merge(plain, None)
    compiled(place, text)

    imported = flow.read_flow(place / "f/millrace/news/base__flow/flow.yaml", place)

    assert imported.text == text
    assert imported.complete


@pytest.mark.long
@FEW
@given(specs())
def test_a_flow_without_its_spec_compiles_to_the_same(place: Path, plain: Json):
    texts = compiled(place, merge(_without_nulls(plain), None))
    (place / "flows/base.yaml").unlink()

    imported = flow.read_flow(place / "f/millrace/news/base__flow/flow.yaml", place)

    assert imported.complete, imported
    assert compiled(place, imported.text) == texts


@pytest.mark.long
@FEW
@given(specs(), specs(), st.integers(0, 40))
def test_any_pipeline_can_be_edited_into_any_other(
    place: Path, before: Json, after: Json, line: int
):
    texts = compiled(place, merge(_without_nulls(after), None))
    lines = merge(before, None).splitlines()
    old = "\n".join([*lines[: line % len(lines)], "# a remark", *lines[line % len(lines) :]]) + "\n"
    try:
        same = yaml.safe_load(old) == yaml.safe_load("\n".join(lines))
    except yaml.YAMLError:
        same = False
    assume(same)
    (place / "flows/base.yaml").write_text(old)
    loaded, problems = spec.parse(place / "flows/base.yaml")
    assume(loaded is not None and not problems)

    imported = flow.read_flow(place / "f/millrace/news/base__flow/flow.yaml", place)

    assert imported.complete, imported
    assert compiled(place, imported.text) == texts


def _without_nulls(part: Any) -> Any:
    """Return a spec without constants that are null: the form shows them as empty fields, which are
    not imported.
    """
    if isinstance(part, list):
        return [_without_nulls(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _without_nulls(each) for key, each in part.items()}
    if "run" in part and "with" in part:
        kept["with"] = {key: each for key, each in part["with"].items() if each is not None}
    return kept


def test_a_step_that_became_another_kind_keeps_no_word_of_the_old_one():
    before = (
        "summary: S\narea: news\nsteps:\n  - id: ada\n    summary: A\n    for_each:"
        " flow_input.list\n    parallel: false\n    steps:\n      - {id: ben, summary: B, run:"
        " news/any}\n"
    )

    text = merge(
        {
            "summary": "S",
            "area": "news",
            "steps": [{"id": "ada", "summary": "A", "run": "news/any"}],
        },
        before,
    )

    assert yaml.safe_load(text)["steps"] == [{"id": "ada", "summary": "A", "run": "news/any"}]
