"""The glossary: names of modules, tables, settings, metrics and commands use none of the words that
it says are not used.
"""

import re
from collections.abc import Iterable, Mapping

import pytest

from f.millrace.core import all_settings, schema
from f.millrace.telemetry.catalogue import CATALOGUE
from scripts.commands.__main__ import MODULES
from scripts.paths import ROOT

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.M)
TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")


def read_glossary(text: str) -> dict[str, list[str]]:
    """Return the words that are not used for each term."""
    return {
        term: [word.strip() for word in unused.split(",") if word.strip()]
        for term, meaning, unused in ROW.findall(text)
        if term != "term" and not set(meaning) <= {"-"}
    }


def find_unused_words(names: Iterable[str], glossary: Mapping[str, list[str]]) -> list[str]:
    """Return each name with a word that is not used, and the term to use."""
    return [
        f"{name}: not {word!r} but {term}"
        for name in names
        for term, words in glossary.items()
        for word in words
        if re.search(rf"(?:^|[_/.-]){re.escape(word)}(?:$|[_/.-])", name)
    ]


GLOSSARY = read_glossary((ROOT / "GLOSSARY.md").read_text())
MODULE_NAMES = [
    path.relative_to(ROOT).with_suffix("").as_posix()
    for folder in ("f", "u", "scripts", "tests")
    for path in (ROOT / folder).rglob("*.py")
]
NAMES = {
    "modules": MODULE_NAMES,
    "tables": [name for made in schema.MIGRATIONS for name in TABLE.findall(made.sql)],
    "settings": list(all_settings.NAMES),
    "metrics": list(CATALOGUE),
    "commands": list(MODULES),
}


@pytest.mark.parametrize("kind", NAMES)
def test_no_name_uses_a_word_that_the_glossary_rules_out(kind):
    assert NAMES[kind]
    assert find_unused_words(NAMES[kind], GLOSSARY) == []


@pytest.mark.parametrize(
    "name", ["f/millrace/research/letters", "leaves_house", "stranger_pages_total", "alarms"]
)
def test_a_name_with_such_a_word_is_found(name):
    assert find_unused_words([name], GLOSSARY)


def test_a_longer_word_that_holds_one_is_not_found():
    assert find_unused_words(["warehouse", "configured", "remark"], GLOSSARY) == []


def test_each_term_has_a_line_of_its_own_and_is_ruled_out_by_no_other():
    terms = [term for term, _, _ in ROW.findall((ROOT / "GLOSSARY.md").read_text())]
    ruled_out = {word for words in GLOSSARY.values() for word in words}
    lines = [term for term in terms if term != "term" and not set(term) <= {"-"}]

    assert len(lines) == len(set(lines)) == len(GLOSSARY)
    assert [term for term in lines if term in ruled_out] == []


def test_the_glossary_has_the_terms_that_tables_and_commands_are_named_by():
    for term in (
        "run", "step", "flow", "attempt", "item", "evidence", "claim", "finding", "citation",
        "conflict", "digest", "delivery", "recipient", "action", "approval", "policy", "taint",
        "budget", "span", "trace", "event", "metric", "sample", "alert", "tool", "setting",
    ):  # fmt: skip
        assert term in GLOSSARY
