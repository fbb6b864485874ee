"""A row that leaves the function that read it has a type; the check tells where one has none."""

from pathlib import Path

import pytest

from scripts.compiler import row_types
from scripts.compiler.sources import bundle
from scripts.paths import ROOT

HEAD = """\
from typing import Any

Row = dict[str, Any]


"""


def mistakes(root: Path, code: str) -> list[int]:
    path = root / "f/millrace/a/one.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + code)
    return [one.line - HEAD.count("\n") for one in row_types.check(bundle(root))]


def test_no_row_of_the_bundle_is_handed_on_without_a_type():
    assert row_types.check(bundle(ROOT)) == []


@pytest.mark.parametrize(
    "code",
    [
        "def read() -> dict[str, Any]:\n    return db.fetch_one(SQL)\n",
        "def read() -> list[dict]:\n    return db.fetch_all(SQL)[::-1]\n",
        "def read() -> list[Row]:\n    return db.fetch_all(SQL)\n",
        "def read():\n    return sorted(db.fetch_all(SQL), key=id)\n",
        "def read() -> Any:\n    return transaction.execute(SQL).fetchone()\n",
        "def read():\n    keep(db.fetch_one(SQL))\n",
        "def read():\n    work = lambda: db.fetch_all(SQL)\n",
        "def read():\n    yield db.fetch_one(SQL)\n",
        "def read():\n    return {**(db.fetch_one(SQL) or {})}\n",
    ],
)
def test_a_row_that_goes_on_at_once_is_a_mistake(tmp_path, code):
    assert mistakes(tmp_path, code) == [2]


@pytest.mark.parametrize(
    "use",
    [
        "return row",
        "keep(row)",
        "keep(first=row)",
        "self.row = row",
        "return {'row': row}",
        "return [row, row]",
        "return {**row, 'more': 1}",
        "return keep(row) if row else None",
        "yield row",
    ],
)
def test_a_row_that_goes_on_by_its_name_is_a_mistake(tmp_path, use):
    assert mistakes(tmp_path, f"def read(self):\n    row = db.fetch_one(SQL)\n    {use}\n") == [2]


@pytest.mark.parametrize(
    "use",
    [
        "for row in found:\n        keep(row)",
        "return [row for row in found]",
        "return {row['id']: row for row in found}",
        "return found[0]",
        "return next(iter(found))",
        "by_id = {row['id']: row for row in found}\n    keep(by_id.get(1))",
        "by_id = {row['id']: row for row in found}\n    return list(by_id.values())",
        "return [convert(row) for row in found if row['id']]",
    ],
)
def test_rows_that_go_on_one_by_one_are_a_mistake(tmp_path, use):
    assert mistakes(tmp_path, f"def read():\n    found = db.fetch_all(SQL)\n    {use}\n") == [2]


def test_a_type_that_says_nothing_of_the_columns_is_none(tmp_path):
    code = "def read():\n    row: {} = db.fetch_one(SQL)\n    keep(row)\n"
    untyped = ("dict[str, Any]", "dict[str, Any] | None", "Row | None", "Any", "Mapping[str, int]")

    assert [mistakes(tmp_path, code.format(kind)) for kind in untyped] == [[2]] * len(untyped)


@pytest.mark.parametrize(
    "code",
    [
        "def read() -> rows.Run | None:\n    return db.fetch_one(SQL)\n",
        "def read():\n    row: rows.Run | None = db.fetch_one(SQL)\n    keep(row)\n",
        "def read():\n    found: list[Pot] = db.fetch_all(SQL)\n    return found[0]\n",
        "def read():\n    row: Pot | None = db.fetch_one(SQL)\n    row = row or db.fetch_one(SQL)\n"
        "    return row\n",
    ],
)
def test_a_row_with_a_type_may_go_anywhere(tmp_path, code):
    assert mistakes(tmp_path, code) == []


@pytest.mark.parametrize(
    "use",
    [
        "return row['id'] if row else 0",
        "return (row and row['id']) or 0",
        "return row is not None",
        "assert row\n    keep(row['id'], row.get('more'))",
        "return not row",
    ],
)
def test_a_row_that_is_read_by_its_columns_needs_no_type(tmp_path, use):
    assert mistakes(tmp_path, f"def read():\n    row = db.fetch_one(SQL)\n    {use}\n") == []


@pytest.mark.parametrize(
    "use",
    [
        "return [row['id'] for row in found]",
        "return len(found)",
        "return found[0]['id']",
        "by_id = {row['id']: row for row in found}\n    return by_id.get(1)['name']",
        "by_id = {row['id']: row for row in found}\n    return sorted(by_id.keys())",
        "for row in found:\n        keep(row['id'])",
        "return {row['id'] for row in found if row['open']}",
    ],
)
def test_rows_that_are_read_by_their_columns_need_no_type(tmp_path, use):
    assert mistakes(tmp_path, f"def read():\n    found = db.fetch_all(SQL)\n    {use}\n") == []


def test_a_statement_whose_rows_are_gone_through_at_once_counts(tmp_path):
    untyped = "def read():\n    for row in connection.execute(SQL):\n        keep(row)\n"
    columns = "def read():\n    return [row['id'] for row in connection.execute(SQL)]\n"

    assert mistakes(tmp_path, untyped) == [2]
    assert mistakes(tmp_path, columns) == []
