"""What is said of a database that cannot be reached."""

import contextlib

import psycopg
import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import DatabaseUnavailable, SchemaMismatch


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://steps:hunter2@127.0.0.1:1/notes", "Postgres at 127.0.0.1:1/notes"),
        ("postgresql:///notes?host=/nowhere&port=1", "Postgres at socket:5432/notes"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(url: str, place: str):
    with pytest.raises(DatabaseUnavailable) as caught:
        db.open_connection(url)

    assert place in str(caught.value) and "MILLRACE_DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_statement_that_takes_too_long_is_no_lost_database(database: str) -> None:
    db.execute("SET statement_timeout = 10")

    with pytest.raises(psycopg.errors.QueryCanceled):
        db.fetch_one("SELECT pg_sleep(30)")

    db.execute("SET statement_timeout = 0")
    assert db.fetch_one("SELECT 1 AS one") == {"one": 1}


def connections() -> int:
    """Return how many connections this database has, as one of them sees it."""
    row = db.fetch_one(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()"
    )
    assert row is not None
    return row["n"]


def test_a_connection_that_was_opened_inside_is_closed_at_the_end(database: str) -> None:
    db.close()

    with db.scoped():
        db.execute("SET application_name = 'inside'")
        assert db.fetch_one("SHOW application_name") == {"application_name": "inside"}

    assert db.fetch_one("SHOW application_name") != {"application_name": "inside"}


def test_a_connection_that_was_open_before_stays(database: str) -> None:
    db.execute("SET application_name = 'before'")

    with db.scoped():
        assert db.fetch_one("SELECT 1 AS one") == {"one": 1}

    assert db.fetch_one("SHOW application_name") == {"application_name": "before"}
    assert connections() == 1


def test_a_thread_uses_one_connection_and_a_closed_one_is_opened_again(database: str) -> None:
    with db.connect() as first, db.connect() as second:
        assert first is second
    first.close()
    with db.connect() as third:
        assert third is not first and not third.closed

    db.close()
    db.close()
    assert third.closed and connections() == 1


def test_another_address_opens_another_connection_and_closes_the_old_one(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.connect() as first:
        pass
    monkeypatch.setenv("MILLRACE_DATABASE_URL", database + "?application_name=other")
    config.reload()

    assert db.fetch_one("SHOW application_name") == {"application_name": "other"}
    assert first.closed


def test_without_an_address_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_DATABASE_URL", raising=False)
    config.reload()

    with pytest.raises(DatabaseUnavailable, match="set MILLRACE_DATABASE_URL or start one"):
        db.fetch_one("SELECT 1")


def test_a_table_that_is_not_there_means_that_a_migration_is_missing(database: str) -> None:
    with pytest.raises(SchemaMismatch, match=r"nowhere.*run scripts/millrace db migrate"):
        db.fetch_one("SELECT * FROM nowhere")


def test_a_lost_connection_is_told_and_the_next_statement_has_a_new_one(database: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="went away in the middle"):
        db.fetch_one("SELECT pg_terminate_backend(pg_backend_pid())")

    assert db.fetch_one("SELECT 1 AS one") == {"one": 1}


def test_a_transaction_inside_another_is_undone_alone(database: str) -> None:
    db.execute("CREATE TEMPORARY TABLE said (word text)")

    with db.transaction():
        db.execute("INSERT INTO said VALUES ('kept')")
        with contextlib.suppress(ValueError), db.transaction():
            db.execute("INSERT INTO said VALUES ('undone')")
            raise ValueError

    assert db.fetch_all("SELECT word FROM said") == [{"word": "kept"}]
    assert db.execute("DELETE FROM said") == 1


def test_no_text_of_a_json_value_holds_a_nul(database: str) -> None:
    value = {"a\x00": ["b\x00", ("c\x00", 1, None)], "d": {"e": "\x00"}}

    row = db.fetch_one("SELECT %s AS value", [db.jsonb(value)])

    assert row == {"value": {"a": ["b", ["c", 1, None]], "d": {"e": ""}}}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("53100", "the disk of the database is full .* make room in /data/here"),
        ("53200", "cannot do it .53200: it broke.; scripts/millrace health"),
        ("58P01", "cannot do it"),
        ("58030", "cannot do it"),
        ("XX001", "cannot do it"),
        ("25006", "cannot do it"),
        ("57P02", "went away in the middle"),
    ],
)
def test_what_the_database_cannot_do_is_said_in_words(database, monkeypatch, state, said):
    monkeypatch.setenv(config.DATABASE_FOLDER, "/data/here")

    with pytest.raises(DatabaseUnavailable, match=said):
        db.execute(
            "DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '" + state + "', MESSAGE = 'it broke';"
            " END$$"
        )


def test_a_mistake_of_a_statement_stays_what_it_is(database):
    with pytest.raises(psycopg.errors.DivisionByZero):
        db.fetch_one("SELECT 1 / 0")
