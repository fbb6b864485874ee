"""Databases of tests: copies of the migrated template, emptied and used again where that is safe.

To copy and drop one takes 40 ms, to empty one 10 ms. That is done three tests later, under a new
name: a thread that outlived its test finds it no more. It is dropped instead when the owner was let
in, when tables, functions or rules changed, when it grew, or when vectors were stored, whose index
keeps what was deleted.
"""

import os
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

# Postgres looks every 100 ms whether the last connection is gone.
WAITS = 3
MOST_BYTES = 300_000
CATALOGUES = ("pg_class", "pg_proc", "pg_trigger", "pg_constraint", "pg_attrdef", "pg_policy")
OWN = 16_384  # the first number of what is not Postgres's own
SCHEMA = ", ".join(
    f"(SELECT count(*) || '.' || coalesce(max(xmin::text::bigint), 0) FROM {name}"
    f" WHERE oid >= {OWN})"
    for name in CATALOGUES
)
TABLES = f"""
SELECT format('%I.%I', n.nspname, c.relname), pg_relation_size(c.oid), EXISTS (
    SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam
    WHERE i.indrelid = c.oid AND a.amname = 'hnsw')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.oid >= {OWN} AND pg_relation_size(c.oid) > 0
"""
SEQUENCES = "format('%I.%I', schemaname, sequencename)"
LAST_VALUES = f"SELECT {SEQUENCES}, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
RESTART = (
    f"SELECT setval({SEQUENCES}, start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL"
)


class Fresh(NamedTuple):
    """What a copy of the template holds: its schema, the rows of the tables that have any, and the
    last numbers of its sequences.
    """

    schema: str
    rows: dict[str, str]
    numbers: dict[str, int]


class Databases:
    """The databases of one process, each for one test."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self.place = url.rsplit("/", 1)[0]
        self.connection = connection
        self.names = (f"t{os.getpid()}_{number}" for number in count())
        self.used: list[str] = []
        self.ended: list[str] = []
        self.fresh: Fresh | None = None

    def take(self) -> str:
        """Return the name of an empty, migrated database."""
        while len(self.used) > WAITS:
            name = next(self.names)
            try:
                self._run("ALTER DATABASE {} RENAME TO {}", self.used[0], name)
            except psycopg.errors.ObjectInUse:
                self.ended.append(self.used.pop(0))
                continue
            del self.used[0]
            if self._empty(name):
                return name
            self.ended.append(name)
        name = next(self.names)
        self._run("CREATE DATABASE {} TEMPLATE template_millrace STRATEGY file_copy", name)
        if self.fresh is None:
            self.fresh = self._describe(name)
        return name

    def end(self, name: str, *, is_reusable: bool) -> None:
        """Cut its connections off, and drop those that ended some tests ago."""
        self.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        (self.used if is_reusable else self.ended).append(name)
        while len(self.ended) > WAITS:
            self._drop(self.ended.pop(0))

    def drop_all(self) -> None:
        """Drop what is left, whoever is connected."""
        for name in self.used + self.ended:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        quoted = [sql.Identifier(name).as_string() for name in names]
        _run(self.connection, statement.format(*quoted))

    def _describe(self, name: str) -> Fresh:
        with psycopg.connect(f"{self.place}/{name}", autocommit=True) as connection:
            schema, filled = _look(connection)
            rows = {table: _read_rows(connection, table) for table, _, _ in filled}
            return Fresh(schema, rows, dict(_run(connection, LAST_VALUES).fetchall()))

    def _empty(self, name: str) -> bool:
        """Make a database what a copy is; False when it cannot be."""
        assert self.fresh is not None
        with psycopg.connect(f"{self.place}/{name}", autocommit=True) as connection:
            schema, filled = _look(connection)
            if schema != self.fresh.schema or any(
                size > MOST_BYTES or has_vectors for _, size, has_vectors in filled
            ):
                return False
            statements = ["SET session_replication_role = replica"]
            for table, _, _ in filled:
                rows = self.fresh.rows.get(table)
                if rows is None or rows != _read_rows(connection, table):
                    statements.append(f"DELETE FROM {table}")
                    statements += [_insert(table, rows)] if rows is not None else []
            statements.append(RESTART)
            statements += [
                f"SELECT setval({_quote(name)}, {last})"
                for name, last in self.fresh.numbers.items()
            ]
            _run(connection, ";".join(statements))
        return True


def _look(connection: psycopg.Connection) -> tuple[str, list[tuple[str, int, bool]]]:
    """Return a mark of the schema, and each table that has or had rows: its name, its size, and
    whether it has an index of vectors.
    """
    row = _run(connection, f"SELECT concat_ws(' ', {SCHEMA})").fetchone()
    assert row is not None
    return row[0], _run(connection, TABLES).fetchall()


def _read_rows(connection: psycopg.Connection, table: str) -> str:
    row = _run(
        connection,
        f"SELECT coalesce(jsonb_agg(t ORDER BY t::text), '[]')::text FROM {table} t",
    ).fetchone()
    assert row is not None
    return row[0]


def _insert(table: str, rows: str) -> str:
    given = f"jsonb_populate_recordset(NULL::{table}, {_quote(rows)})"
    return f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {given}"


def _quote(text: str) -> str:
    return sql.Literal(text).as_string()


def _run(connection: psycopg.Connection, statement: str) -> psycopg.Cursor[Any]:
    return connection.execute(statement)  # type: ignore[arg-type]
