"""Postgres: one connection a thread, rows as dictionaries, faults in words."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from f.millrace.core.config import settings
from f.millrace.core.errors import DatabaseUnavailable, SchemaMismatch
from f.millrace.core.schema import MIGRATIONS

CONNECT_SECONDS = 10
# Any fixed number will do; every migrator of this bundle takes the same.
MIGRATION_LOCK = 7_241_180_033

Connection = psycopg.Connection[dict[str, Any]]
Params = Sequence[Any] | dict[str, Any] | None

_local = threading.local()


def database_url() -> str:
    """Return the address from the settings; DatabaseUnavailable when none is set."""
    url = settings().database_url.get_secret_value()
    if not url:
        raise DatabaseUnavailable("no database: set MILLRACE_DATABASE_URL or start one with scripts/millrace db start")
    return url


def open_connection(url: str | None = None) -> Connection:
    """Return a new connection (autocommit, rows as dictionaries)."""
    url = url or database_url()
    try:
        return Connection.connect(url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS)  # pyright: ignore[reportArgumentType, reportReturnType]
    except psycopg.OperationalError as error:
        parts = urlsplit(url)
        reason = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
        place = f"{parts.hostname or 'socket'}:{parts.port or 5432}{parts.path}"
        raise DatabaseUnavailable(f"Postgres at {place} cannot be reached ({reason}); check MILLRACE_DATABASE_URL") from error


@contextlib.contextmanager
def connect() -> Iterator[Connection]:
    """Yield this thread's connection, opening it at first use and again when it was lost."""
    connection = getattr(_local, "connection", None)
    url = database_url()
    if connection is None or connection.closed or _local.url != url:
        if connection is not None:
            connection.close()
        connection = open_connection(url)
        _local.connection, _local.url = connection, url
    try:
        yield connection
    except psycopg.errors.UndefinedTable as error:
        raise SchemaMismatch(
            f"the database has not the tables of version {len(MIGRATIONS)} ({error.diag.message_primary}); "
            "run scripts/millrace db migrate"
        ) from error


@contextlib.contextmanager
def transaction() -> Iterator[Connection]:
    """Yield this thread's connection inside a transaction (a savepoint when one is open)."""
    with connect() as connection, connection.transaction():
        yield connection


def close() -> None:
    """Close this thread's connection."""
    connection = getattr(_local, "connection", None)
    if connection is not None:
        connection.close()
        _local.connection = None


def one(sql: str, params: Params = None) -> dict[str, Any] | None:
    """Return the first row, or None."""
    with connect() as connection:
        return connection.execute(sql, params).fetchone()  # type: ignore[arg-type]


def all(sql: str, params: Params = None) -> list[dict[str, Any]]:
    """Return every row."""
    with connect() as connection:
        return connection.execute(sql, params).fetchall()  # type: ignore[arg-type]


def execute(sql: str, params: Params = None) -> int:
    """Run a statement and return the number of rows that it touched."""
    with connect() as connection:
        return connection.execute(sql, params).rowcount  # type: ignore[arg-type]


def jsonb(value: Any) -> Jsonb:
    """Wrap a JSON-able value for a jsonb column."""
    return Jsonb(_without_nul(value))


def _without_nul(value: Any) -> Any:
    # Postgres has no U+0000 in text; a page may have it.
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(inner) for inner in value]
    return value


def migrate(url: str | None = None) -> list[str]:
    """Apply what is missing, in order, under one lock; return the names of what was applied.

    Raises SchemaMismatch when the database is newer than this code or a migration was edited after it was applied.
    """
    with open_connection(url) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (number integer PRIMARY KEY, name text NOT NULL, "
            "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row["number"]: row for row in connection.execute("SELECT * FROM schema_migration").fetchall()}
        _refuse_foreign(applied)
        missing = [migration for migration in MIGRATIONS if migration.number not in applied]
        for migration in missing:
            connection.execute(migration.sql)  # type: ignore[arg-type]
            connection.execute(
                "INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)",
                [migration.number, migration.name, migration.sha256],
            )
    return [migration.name for migration in missing]


def _refuse_foreign(applied: dict[int, dict[str, Any]]) -> None:
    known = {migration.number: migration for migration in MIGRATIONS}
    newer = sorted(set(applied) - set(known))
    if newer:
        raise SchemaMismatch(
            f"the database has migration {newer[-1]}, this code knows {len(known)}; update this checkout, "
            "or set MILLRACE_DATABASE_URL to another database"
        )
    for number, row in applied.items():
        if known[number].sha256 != row["sha256"]:
            raise SchemaMismatch(f"migration {row['name']} was edited after it was applied; write a new one instead")
