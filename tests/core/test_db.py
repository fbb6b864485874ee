"""What is said of a database that cannot be reached."""

import psycopg
import pytest

from f.millrace.core import db
from f.millrace.core.errors import DatabaseUnavailable


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
