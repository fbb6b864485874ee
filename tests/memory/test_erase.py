"""What stands where a subject stood, in each kind of column."""

from typing import Any

import psycopg
import pytest

from f.millrace.core import db
from f.millrace.memory import erase, subject_pattern
from f.millrace.memory.forget import forget

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def later(owner: psycopg.Connection) -> psycopg.Connection:
    """A table that somebody made later, with a column of each kind."""
    owner.execute(
        "CREATE TABLE later (id integer, words text, many text[], raw bytea, more jsonb, plain"
        " json, name text UNIQUE, key bytea UNIQUE, kind text CHECK (kind IN ('Ada Example', 'x')),"
        " loud text GENERATED ALWAYS AS (upper(words)) STORED)"
    )
    return owner


def row(number: int) -> dict[str, Any]:
    found = db.fetch_one("SELECT * FROM later WHERE id = %s", [number])
    assert found is not None
    return found


def put(number: int, **columns: Any) -> None:
    db.execute(
        f"INSERT INTO later (id, {', '.join(columns)}) VALUES (%s{', %s' * len(columns)})",
        [number, *columns.values()],
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("words", "with Ada Example in it", "[forgotten]"),
        ("words", "with Adam Example in it", "with Adam Example in it"),
        ("raw", b"\x00\xffAda Example\xfe", b"[forgotten]"),
        ("raw", b"\xffADA EXAMPLE\xfe", b"[forgotten]"),
        ("raw", b"\xffBen Sample\xfe", b"\xffBen Sample\xfe"),
        ("many", ["Ben", "Ada Example", "Eve"], ["Ben", "[forgotten]", "Eve"]),
        ("many", ["Ben", None, "Ada Example"], ["Ben", None, "[forgotten]"]),
        # Only together do the parts name the subject.
        ("many", ["Ada", "Example"], ["[forgotten]"]),
    ],
)
def test_a_text_is_blanked_and_of_a_list_its_part(later, name, before, after):
    put(1, **{name: before})

    forget("Ada Example")

    assert row(1)[name] == after


@pytest.mark.parametrize("name", ["more", "plain"])
def test_of_json_the_part_that_names_the_subject_is_blanked(later, name):
    put(
        1,
        **{
            name: db.jsonb(
                {
                    "Ada Example": 1,
                    "who": ["Ben", "Ada Example", 7, None, {"of": "ADA\nEXAMPLE", "n": 2}],
                    "text": '{"said": "\\nAda Example"}',
                }
            )
        },
    )

    forget("Ada Example")

    assert row(1)[name] == {
        "[forgotten]": 1,
        "who": ["Ben", "[forgotten]", 7, None, {"of": "[forgotten]", "n": 2}],
        "text": "[forgotten]",
    }


def test_json_that_names_the_subject_only_as_a_whole_goes_as_a_whole(later):
    put(1, more=db.jsonb(["Ada", "Example"]))

    forget("Ada Example")

    assert row(1)["more"] == "[forgotten]"


def test_what_has_to_be_unique_is_blanked_with_a_mark_of_its_own(later):
    put(1, name="Ada Example", key=b"Ada Example")
    put(2, name="Dr. Ada Example", key=b"Dr. Ada Example")

    forget("Ada Example")

    names, keys = {row(n)["name"] for n in (1, 2)}, {row(n)["key"] for n in (1, 2)}
    assert len(names) == len(keys) == 2
    assert all(name.startswith("[forgotten ") and len(name) == 28 for name in names)
    assert all(key.startswith(b"[forgotten ") for key in keys)


def test_what_is_made_of_a_blanked_column_follows_and_a_list_of_words_stays(later):
    put(1, words="Ada Example", kind="Ada Example")

    done = forget("Ada Example")

    assert (row(1)["loud"], row(1)["kind"]) == ("[FORGOTTEN]", "Ada Example")
    assert done.blanked == {"later": 1} and done.proved


def test_rows_and_columns_are_counted_where_the_subject_is_found(later):
    put(1, words="Ada Example", raw=b"Ada Example")
    put(2, words="Ada Example")
    put(3, words="Ben Sample")
    subject = subject_pattern.pattern_of("Ada Example")

    assert erase.scan(subject) == {"later.words": 2, "later.loud": 2, "later.raw": 1}
    with db.transaction() as connection:
        assert erase.blank(connection, subject)["later"] >= 3
    assert erase.scan(subject) == {}


def test_what_other_schemas_and_partitions_keep_is_found_once(owner):
    owner.execute("CREATE SCHEMA other")
    owner.execute("CREATE TABLE other.notes (words text, gone text) PARTITION BY LIST (words)")
    owner.execute("ALTER TABLE other.notes DROP COLUMN gone")
    owner.execute("CREATE TABLE other.part PARTITION OF other.notes DEFAULT")
    found = [(one.schema, one.table, one.name) for one in erase.columns() if one.schema == "other"]

    assert found == [("other", "notes", "words")]


@pytest.mark.parametrize(
    ("subject", "text", "named"),
    [
        ("Ada Example", "ada_example", True),
        ("Ada Example", "Ada -- Example", True),
        ("Ada Example", "Ada" + "." * 10 + "Example", True),
        ("Ada Example", "Ada" + "." * 11 + "Example", False),
        ("Ada Example", "Ada x Example", False),
        ("Ada Example", "Ada Examples", False),
        ("Ada Example", "Canada Example", False),
        ("Ada Example", r"Ada\nExample", True),
        ("Ada Example", r"said:\nAda Example", True),
        ("O'Brien", "O’Brien", True),
        ("O’Brien", "o&#x27;brien", True),
        ("Núñez", "n%C3%BA%C3%B1ez", True),
        ("Núñez", r"N\u00fa\u00f1ez", True),
        ("Núñez", "Nu\u0301n\u0303ez", True),
        ("Núñez", "Nunez", False),
        ("田中", "昨日田中さん", True),
        ("田中", "田さん", False),
        ("Bob田中", "xBob田中さん", False),
        ("Bob田中", "Bob田中さん", True),
    ],
)
def test_a_mention_is_the_words_in_a_row(subject, text, named):
    pattern = subject_pattern.pattern_of(subject)

    assert pattern.is_in(text) is named
    found = db.fetch_one(
        "SELECT %s ~* %s AS found", [text.replace(r"said:\n", ""), pattern.postgres]
    )
    assert found == {"found": named}


@pytest.mark.parametrize(
    ("subject", "allowed"),
    [("ab", False), ("abc", True), ("a b", False), ("a bc", True), ("田", False), ("田中", True)],
)
def test_a_subject_has_three_letters_or_two_of_a_script_without_spaces(subject, allowed):
    if allowed:
        assert subject_pattern.pattern_of(subject).subject == subject
        return
    with pytest.raises(subject_pattern.errors.BadInput, match="too short"):
        subject_pattern.pattern_of(subject)
