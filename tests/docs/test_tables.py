"""The page of the tables, beside the database itself."""

from pathlib import Path

import psycopg

from scripts.compiler.sources import bundle
from scripts.docs import tables

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'schema_migration'
"""
COMMENTS = """
SELECT relname, obj_description(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_migration'
"""


def test_the_page_has_the_tables_and_columns_of_the_database(owner: psycopg.Connection):
    found: dict[str, set[str]] = {}
    for table, column in owner.execute(COLUMNS).fetchall():
        found.setdefault(table, set()).add(column)

    read, _ = tables.read(ROOT)

    assert {name: set(columns) for name, columns in read.items()} == found


def test_every_table_says_in_the_database_what_it_holds(owner: psycopg.Connection):
    assert dict(owner.execute(COMMENTS).fetchall()) == tables.read(ROOT)[1]


def test_a_table_is_written_by_the_modules_that_have_a_statement_for_it():
    written = tables.writers(bundle(ROOT))

    assert written["memory_link"]
    assert all((ROOT / "f/millrace" / path).is_file() for each in written.values() for path in each)
    assert set(written) <= {*tables.read(ROOT)[0], "schema_migration"}
