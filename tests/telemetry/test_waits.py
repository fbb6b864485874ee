"""What people take to answer is in no figure of how long a run takes, and raises no alert of a
digest that is late.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core import db
from f.millrace.telemetry.catalogue import CATALOGUE
from f.millrace.telemetry.rollup import roll
from f.millrace.telemetry.samples import collect
from scripts.commands.__main__ import main
from tests.telemetry.conftest import RUN

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def asked(database: str) -> None:
    """A run of 2 hours: 10 s of work, 5 s between two steps, a question that is answered after
    6,980 s, 5 s of work.
    """
    db.execute(
        "INSERT INTO run (id, flow, status, started_at, finished_at) VALUES (%s, 'daily_research',"
        " 'done', %s, %s)",
        [RUN, at(0), at(7200)],
    )
    for name, begun, ended in (("open", 0, 10), ("ask", 15, 20), ("deliver_rest", 7195, 7200)):
        db.execute(
            "INSERT INTO step (run_id, path, name, status, started_at, finished_at) VALUES (%s, %s,"
            " %s, 'done', %s, %s)",
            [RUN, name, name, at(begun), at(ended)],
        )
    row = db.fetch_one(
        "INSERT INTO action (key, run_id, tool, arguments, digest, risk, state, asked_at) "
        "VALUES ('mail', %s, 'mail.send', '{}', 'd', 'high', 'approved', %s) RETURNING id",
        [RUN, at(18)],
    )
    assert row is not None
    db.execute(
        "INSERT INTO approval (action_id, digest, decision, decided_by, decided_at) VALUES (%s,"
        " 'd', 'approved', 'ada', %s)",
        [row["id"], at(7000)],
    )


def value(name: str) -> float:
    roll(CATALOGUE.values())
    ((_, found),) = collect([CATALOGUE[name]])
    return sum(figure.value for figure in found)


def test_a_run_took_what_its_work_and_its_engine_took(
    asked: None, capsys: pytest.CaptureFixture[str]
) -> None:
    # 7,200 s, without those from the end of the step that asked (20 s) to the answer (7,000 s).
    assert value("workflow_duration_seconds") == value("request_duration_seconds") == 220
    # Of these 20 s were steps.
    assert value("workflow_overhead_seconds_total") == 200

    assert main(["runs", "--json"]) == 0
    assert [row["seconds"] for row in json.loads(capsys.readouterr().out)["runs"]] == [220]


def test_a_question_that_is_left_open_is_not_counted_either(asked: None) -> None:
    db.execute("DELETE FROM approval")

    assert value("workflow_duration_seconds") == 25


def test_a_call_that_waits_while_the_run_works_on_takes_nothing_off(asked: None) -> None:
    db.execute("UPDATE step SET started_at = %s WHERE name = 'deliver_rest'", [at(20)])

    assert value("workflow_duration_seconds") == 7200


@pytest.mark.parametrize(
    ("status", "state", "overdue"),
    [("waiting", "proposed", 0), ("waiting", "expired", 1), ("failed", "proposed", 1)],
)
def test_a_digest_that_waits_for_a_person_is_not_overdue(
    asked: None, configure: Callable[..., None], status: str, state: str, overdue: int
) -> None:
    now = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
    configure(now=now.isoformat())
    db.execute(
        "UPDATE run SET status = %s, scheduled_for = %s, local_day = %s, pipeline = %s",
        [
            status,
            now - timedelta(hours=1),
            now.date(),
            db.jsonb({"schedule": {"timezone": "Europe/London"}}),
        ],
    )
    db.execute("UPDATE action SET state = %s", [state])

    assert value("digest_overdue") == overdue
