# requirements:

"""Postgres: one connection a thread, rows as dictionaries, faults in words.

A row's type is said where it is asked for: `row: rows.Run | None = db.fetch_one("SELECT * …")`, or
by what a function returns. A row that is read column by column next to its statement needs none;
one that is handed on does (scripts/compiler/row_types).
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import psycopg
import psycopg.sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from f.millrace.core import config, errors, windmill

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from f.millrace.core import rows

    Row = TypeVar("Row", default=dict[str, Any])

CONNECT_SECONDS = 10
# What Postgres says when a connection ends: shutdown, crash, database dropped, idle too long.
GONE = ("57P01", "57P02", "57P03", "57P04", "57P05")
# Too little of something, faults of the system, faults of Postgres itself.
BEYOND_A_STATEMENT = ("53", "58", "XX")
READ_ONLY = "25006"
# Any fixed number will do; every migrator of this bundle takes the same.
MIGRATION_LOCK = 7_241_180_033
OWNER_VARIABLE = "f/millrace/owner_url"

# It says of a pipeline that broke what the raised error says, without anybody having asked.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

# A statement on a connection says as little of its rows as `fetch_one` does.
Connection = psycopg.Connection[Any]
# The parameters of a statement by their names.
Values = dict[str, Any]
Params = Sequence[Any] | Mapping[str, Any] | None

_local = threading.local()


def database_url() -> str:
    """Return the address from the settings; DatabaseUnavailable when none is set."""
    url = config.settings().database_url.get_secret_value()
    if not url:
        way = (
            f"set database_url in the resource {config.RESOURCE}"
            if windmill.on_worker()
            else "set MILLRACE_DATABASE_URL or start one with scripts/millrace db start"
        )
        raise errors.DatabaseUnavailable(f"no database: {way}")
    return url


def open_connection(url: str | None = None) -> Connection:
    """Return a new connection (autocommit, rows as dictionaries)."""
    url = url or database_url()
    try:
        return Connection.connect(
            url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
        )  # pyright: ignore[reportArgumentType, reportReturnType]
    except psycopg.OperationalError as error:
        parts = urlsplit(url)
        reason = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
        place = f"{parts.hostname or 'socket'}:{parts.port or 5432}{parts.path}"
        raise errors.DatabaseUnavailable(
            f"Postgres at {place} cannot be reached ({reason}); check MILLRACE_DATABASE_URL"
        ) from error


@contextlib.contextmanager
def connect() -> Generator[Connection, None, None]:
    """Yield this thread's connection, opening it at first use and again when it was lost."""
    connection = getattr(_local, "connection", None)
    url = database_url()
    if connection is None or connection.closed or _local.url != url:
        if connection is not None:
            connection.close()
        connection = open_connection(url)
        _local.connection, _local.url = connection, url
    try:
        with in_words():
            yield connection
    except errors.DatabaseUnavailable:
        # Told to go in the middle of a pipeline it is not broken yet, and of no use any more.
        if connection.broken or connection.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF:
            connection.close()
        raise


@contextlib.contextmanager
def in_words() -> Generator[None, None, None]:
    """Turn what the database cannot do into a fault that says what to do about it; a mistake of a
    statement stays what it is.
    """
    try:
        yield
    except psycopg.Error as error:
        fault = explain(error)
        if fault is None:
            raise
        raise fault from error


def explain(error: Exception) -> errors.MillraceError | None:
    """Return a fault of the database in words; None when it is another one."""
    if not isinstance(error, psycopg.Error):
        return None
    reason = error.diag.message_primary or (str(error).strip() or "no reason given").splitlines()[0]
    if isinstance(error, psycopg.errors.UndefinedTable):
        # the largest file of all, of which a step whose tables are there needs nothing
        from f.millrace.core import schema

        return errors.SchemaMismatch(
            f"the database has not the tables of version {len(schema.MIGRATIONS)} ({reason}); run"
            " scripts/millrace db migrate"
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return errors.DatabaseUnavailable(
            f"the disk of the database is full ({reason}); make room{_where()}, then do it again:"
            " what was not acknowledged was not stored"
        )
    state = error.sqlstate or ""
    if state in GONE or (not state and isinstance(error, psycopg.OperationalError)):
        return errors.DatabaseUnavailable(
            f"Postgres went away in the middle ({reason}); what was not acknowledged was not"
            " stored, so do it again"
        )
    if state[:2] in BEYOND_A_STATEMENT or state == READ_ONLY:
        return errors.DatabaseUnavailable(
            f"Postgres cannot do it ({state}: {reason}); scripts/millrace health says how its parts"
            f" are, and the log of Postgres{_where()} what happened"
        )
    return None


def _where() -> str:
    """Return where the embedded database keeps its files, if it is the one."""
    folder = os.environ.get(config.DATABASE_FOLDER, "")
    return f" in {folder}" if folder else ""


@contextlib.contextmanager
def transaction() -> Generator[Connection, None, None]:
    """Yield this thread's connection inside a transaction (a savepoint when one is open)."""
    with connect() as connection, connection.transaction():
        yield connection


def close() -> None:
    """Close this thread's connection."""
    connection = getattr(_local, "connection", None)
    if connection is not None:
        connection.close()
        _local.connection = None


@contextlib.contextmanager
def scoped() -> Generator[None, None, None]:
    """Close this thread's connection at the end if it was opened inside: a thread of a pool would
    keep it for good.
    """
    had = getattr(_local, "connection", None) is not None
    try:
        yield
    finally:
        if not had:
            close()


def fetch_one(sql: str, params: Params = None) -> Row | None:  # pyright: ignore[reportInvalidTypeVarUse]  # the caller says which
    """Return the first row, or None."""
    with connect() as connection:
        return connection.execute(sql, params).fetchone()  # type: ignore[arg-type]


def fetch_all(sql: str, params: Params = None) -> list[Row]:  # pyright: ignore[reportInvalidTypeVarUse]  # the caller says which
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
        return {
            _without_nul(key): _without_nul(inner)
            for key, inner in cast("dict[Any, Any]", value).items()
        }
    if isinstance(value, list | tuple):
        return [_without_nul(inner) for inner in cast("Iterable[Any]", value)]
    return value


def owner_url() -> str:
    """Return the address that may change tables: the setting `owner_url`, or the only one there is.

    On a worker it is a variable that the settings do not name,
    so that it is not in every step's hands.
    """
    own = config.settings().owner_url.get_secret_value()
    if not own and windmill.on_worker():
        own = str(windmill.get(f"variables/get_value/{OWNER_VARIABLE}") or "")
    return own or database_url()


def migrate(url: str | None = None) -> list[str]:
    """Apply what is missing, in order, under one lock; return the names of what was applied.

    Raises SchemaMismatch when the database is newer than this code or a migration was edited after
    it was applied.
    """
    from f.millrace.core import schema

    owner = url or owner_url()
    own = url is None and owner != database_url()
    with in_words(), open_connection(owner) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        found = connection.execute("SELECT to_regclass('schema_migration') AS there").fetchone()
        applied: list[rows.SchemaMigration] = (
            connection.execute("SELECT * FROM schema_migration").fetchall()
            if found and found["there"]
            else []
        )
        by_number = {row["number"]: row for row in applied}
        _refuse_foreign(by_number)
        missing = [
            migration for migration in schema.MIGRATIONS if migration.number not in by_number
        ]
        try:
            _apply(connection, missing)
        except psycopg.errors.InsufficientPrivilege as error:
            raise errors.SchemaMismatch(
                f"{missing[0].name} is missing and this role may not change tables; run"
                " scripts/millrace db migrate with MILLRACE_OWNER_URL set to the owner's address"
            ) from error
        if own:
            grant_role(connection, database_url(), repeat=bool(missing))
    return [migration.name for migration in missing]


def _apply(connection: Connection, missing: Sequence[Any]) -> None:
    if missing:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (number integer PRIMARY KEY, name text NOT"
            " NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    for migration in missing:
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.sha256],
        )


def grant_role(connection: Connection, url: str, repeat: bool = True) -> None:
    """Make the role of an address when it is missing, and give it what steps need: rows, no tables,
    an audit log to add to.

    With `repeat` also a role that is there gets its rights again.
    """
    parts = urlsplit(url)
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    owner = connection.execute("SELECT current_user AS name").fetchone()
    if not name or (owner and owner["name"] == name):
        return
    role = psycopg.sql.Identifier(name)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        make = psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
            role, psycopg.sql.Literal(password)
        )
        connection.execute(make)
    elif not repeat:
        return
    # From 17 on there is a right to vacuum without owning, by which `memory forget` has deleted
    # rows leave the disk.
    lines = (*RIGHTS, MAINTAIN) if connection.info.server_version >= 170_000 else RIGHTS
    for line in lines:
        connection.execute(psycopg.sql.SQL(line).format(role=role))


MAINTAIN = "GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {role}"
RIGHTS = (
    "GRANT USAGE ON SCHEMA public, checkpoint TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, checkpoint TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public, checkpoint TO {role}",
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public, checkpoint GRANT SELECT, INSERT, UPDATE, DELETE"
        " ON TABLES TO {role}"
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public, checkpoint GRANT USAGE, SELECT ON SEQUENCES TO"
        " {role}"
    ),
    "REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_head, schema_migration FROM {role}",
)


def _refuse_foreign(applied: dict[int, rows.SchemaMigration]) -> None:
    from f.millrace.core import schema

    known = {migration.number: migration for migration in schema.MIGRATIONS}
    newer = sorted(set(applied) - set(known))
    if newer:
        raise errors.SchemaMismatch(
            f"the database has migration {newer[-1]}, this code knows {len(known)}; update this"
            " checkout, or set MILLRACE_DATABASE_URL to another database"
        )
    for number, row in applied.items():
        if known[number].sha256 != row["sha256"]:
            raise errors.SchemaMismatch(
                f"migration {row['name']} was edited after it was applied; write a new one instead"
            )
