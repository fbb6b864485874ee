"""YAML in the command's own style. The expected texts were written by its YAML library."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scripts.compiler import serverform

TEXT = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=["Cs"],
        exclude_characters="\r\x85\u2028\u2029\ufeff\ufffe\uffff",
    ),
    max_size=60,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT.filter(lambda key: "\n" not in key), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_keys_come_in_the_servers_order():
    keys = ["zeta", "value", "retry", "summary", "id", "stop_after_if", "timeout", "suspend"]
    module = dict.fromkeys(keys, 1)
    script = {"path": "f/a/b", "input_transforms": {}, "type": "script"}
    schema = {"required": [], "$schema": "x", "properties": {}, "type": "object", "order": []}

    assert [line.split(":")[0] for line in serverform.dump(module).splitlines()] == [
        "id", "summary", "value", "retry", "stop_after_if", "suspend", "timeout", "zeta",
    ]  # fmt: skip
    assert list(yaml.safe_load(serverform.dump(script))) == ["type", "input_transforms", "path"]
    assert list(yaml.safe_load(serverform.dump(schema))) == [
        "$schema",
        "type",
        "order",
        "properties",
        "required",
    ]
    assert list(
        yaml.safe_load(
            serverform.dump(dict.fromkeys(["maxItems", "max_items", "b2", "b_c", "bc"], 1))
        )
    ) == [
        "b_c",
        "b2",
        "bc",
        "max_items",
        "maxItems",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "a: ''"),
        ("!inline f/a.lock", "a: '!inline f/a.lock'"),
        ("0 0 8 * * *", "a: 0 0 8 * * *"),
        ("12", "a: '12'"),
        ("true", "a: 'true'"),
        ("it's: so", 'a: "it\'s: so"'),
        ("day's", "a: day's"),
        (5.0, "a: 5"),
        (0.5, "a: 0.5"),
        (-0.00001, "a: -0.00001"),
        (1.5e-7, "a: 1.5e-7"),
        (2e21, "a: 2e+21"),
        (None, "a: null"),
        ([], "a: []"),
        ({}, "a: {}"),
        ("one\ntwo", "a: |-\n  one\n  two"),
        ("one\n\ntwo\n", "a: |\n  one\n\n  two"),
        (
            (
                "Choose the topics: group what was read into stories, drop copies and what was"
                " shown before"
            ),
            (
                "a: 'Choose the topics: group what was read into stories, drop copies and what\n "
                " was shown before'"
            ),
        ),
        ("word " * 15 + "end\n\nsecond", "a: |-\n  " + "word " * 15 + "end\n\n  second"),
        (
            "word " * 16 + "end\n\nsecond",
            "a: >-\n  " + "word " * 14 + "word\n  word end\n\n\n  second",
        ),
    ],
)
def test_a_value_is_written_as_the_command_writes_it(value, text):
    assert serverform.dump({"a": value}) == text + "\n"


@given(st.dictionaries(TEXT.filter(lambda key: "\n" not in key), VALUES, max_size=5))
def test_whatever_is_written_reads_back(value):
    assert yaml.safe_load(serverform.dump(value)) == value if value else True
