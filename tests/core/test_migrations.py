"""The schema: applied once and in order, refused in words when database and code do not fit."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from f.millrace.core import db
from f.millrace.core.errors import SchemaMismatch
from f.millrace.core.schema import MIGRATIONS


@pytest.fixture
def empty(postgres_server: str):
    """The address of a database without a single table."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE unmigrated")
        yield postgres_server.rsplit("/", 1)[0] + "/unmigrated"
        connection.execute("DROP DATABASE unmigrated WITH (FORCE)")


def test_an_empty_database_gets_every_migration_once(empty: str) -> None:
    assert db.migrate(empty) == [migration.name for migration in MIGRATIONS]
    assert db.migrate(empty) == []


def test_migrators_that_start_together_apply_each_migration_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: db.migrate(empty), range(4)))

    assert sorted(applied, key=len)[:3] == [[], [], []]
    assert max(applied, key=len) == [migration.name for migration in MIGRATIONS]


def test_a_database_that_is_newer_than_the_code_is_refused(owner: psycopg.Connection) -> None:
    owner.execute(
        "INSERT INTO schema_migration (number, name, sha256) VALUES (9999, '9999_later', 'x')"
    )

    with pytest.raises(
        SchemaMismatch,
        match=r"the database has migration 9999, this code knows \d+; update this checkout",
    ):
        db.migrate()


def test_a_migration_that_was_edited_after_it_was_applied_is_refused(
    owner: psycopg.Connection,
) -> None:
    owner.execute("UPDATE schema_migration SET sha256 = 'other' WHERE number = 1")

    with pytest.raises(
        SchemaMismatch, match="was edited after it was applied; write a new one instead"
    ):
        db.migrate()


def test_a_database_without_tables_names_the_command_that_makes_them(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_DATABASE_URL", empty)

    with pytest.raises(SchemaMismatch, match="run scripts/millrace db migrate"):
        db.fetch_one("SELECT * FROM run")
    db.close()
