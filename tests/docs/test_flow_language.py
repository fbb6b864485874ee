"""The words of the flow language: all are told, and each example compiles."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from scripts.compiler import inputs, openflow, semantics, spec, words
from scripts.compiler.sources import bundle
from scripts.docs import flow_language

ROOT = Path(__file__).resolve().parents[2]
# What a spec needs beside the example, and every example leaves to say.
REST = {
    "summary": "A flow for a test",
    "area": "research",
    "steps": [{"id": "overview", "summary": "Gather the overview", "run": "ops/overview"}],
}
EXAMPLES = [
    *((f"top-{name}", {**yaml.safe_load(word.example)}) for name, word in words.TOP.items()),
    *(
        (f"step-{name}", {"steps": yaml.safe_load(word.example)})
        for name, word in words.STEP.items()
    ),
]


def keys(value: object) -> set[str]:
    """Return every key anywhere in a value."""
    if isinstance(value, Mapping):
        return {*value, *(key for each in value.values() for key in keys(each))}
    return {key for each in value for key in keys(each)} if isinstance(value, list) else set()


def test_every_word_of_the_compiler_is_told_and_no_other():
    assert set(words.TOP) == set(spec.TOP)
    assert set(words.STEP) == {key for each in spec.KEYS.values() for key in each}
    assert tuple(words.SCHEDULE) == spec.SCHEDULE
    assert tuple(words.BUDGET) == spec.BUDGET
    assert tuple(words.INPUT) == inputs.KEYS


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_uses_its_word_and_compiles(tmp_path: Path, name: str, example: dict):
    rest = {key: value for key, value in REST.items() if key != "steps" or "run" not in example}
    file = tmp_path / "flows/example.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({**rest, **example}, sort_keys=False))

    loaded, problems = spec.parse(file)
    assert loaded is not None
    problems += semantics.check(loaded, bundle(ROOT))

    assert [str(problem) for problem in problems] == []
    assert name.split("-")[1] in keys(example)
    made = openflow.compile_schedule(loaded, bundle(ROOT)) if loaded.call else None
    assert made or openflow.compile_flow(loaded, bundle(ROOT))["value"]["modules"]


@pytest.mark.parametrize("word", ["schedule", "budget"])
def test_the_example_of_a_word_shows_the_words_inside_it(word: str):
    assert set(flow_language.INNER[word]) <= keys(yaml.safe_load(words.TOP[word].example))


def test_an_unknown_word_in_an_example_would_be_found(tmp_path: Path):
    file = tmp_path / "flows/example.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({**REST, "budgets": {"run_usd": 1}}))

    assert "no key 'budgets'" in str(spec.parse(file)[1][0])
