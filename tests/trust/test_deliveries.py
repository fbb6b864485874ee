"""Which run a mail belongs to, and what becomes of its row."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from f.millrace.core import db
from f.millrace.trust import deliveries

pytestmark = pytest.mark.usefixtures("database")

UNTIL = datetime(2026, 11, 18, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 18, 20, tzinfo=UTC)
KEY = deliveries.Key("daily_research", "main", "daily", "ada@x.example", date(2026, 11, 18), 1)
BESIDE = [
    KEY._replace(flow="weekly"),
    KEY._replace(namespace="house"),
    KEY._replace(edition="dry"),
    KEY._replace(recipient="ben@x.example"),
    KEY._replace(local_day=date(2026, 11, 17)),
    KEY._replace(number=2),
]


def new_run(status: str = "running") -> str:
    run_id = str(uuid4())
    db.execute("INSERT INTO run (id, flow, status) VALUES (%s, 'x', %s)", [run_id, status])
    return run_id


def digest_of(run_id: str) -> Any:
    """Return the id of the run's one digest, made when it is asked for first."""
    found = db.fetch_one("SELECT id FROM digest WHERE run_id = %s", [run_id])
    if found:
        return found["id"]
    digest_id = uuid4()
    db.execute(
        "INSERT INTO digest (id, run_id, flow, namespace, edition, local_day, window_until,"
        " recipients, subject, html, plain) VALUES (%s, %s, 'daily_research', 'main', 'daily', %s,"
        " %s, '{}', '', '', '')",
        [digest_id, run_id, KEY.local_day, UNTIL],
    )
    return digest_id


def claim(run_id: str, key: deliveries.Key = KEY, until: datetime = UNTIL) -> None:
    deliveries.claim(key, run_id, digest_of(run_id), f"<{uuid4()}@x>", until)


def new_action(state: str) -> str:
    action_id = str(uuid4())
    db.execute(
        "INSERT INTO action (id, key, tool, arguments, digest, risk, state) VALUES (%s, %s,"
        " 'mail.send', '{}', '', 'high', %s)",
        [action_id, action_id, state],
    )
    return action_id


def row(key: deliveries.Key = KEY) -> dict[str, Any]:
    found = db.fetch_one(
        "SELECT * FROM delivery WHERE flow = %(flow)s AND namespace = %(namespace)s AND edition ="
        " %(edition)s AND recipient = %(recipient)s AND local_day = %(local_day)s AND number ="
        " %(number)s",
        key._asdict(),
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "holder", "moves"),
    [
        ("failed", "running", True),
        ("expired", "running", True),
        ("failed", "done", True),
        ("waiting", "running", False),
        ("waiting", "waiting", False),
        ("waiting", "killed", True),
        ("waiting", "failed", True),
        ("sending", "running", False),
        ("sending", "killed", True),
        ("sent", "killed", False),
        ("outbox", "done", False),
        ("unknown", "killed", False),
    ],
)
def test_a_mail_goes_to_another_run_when_nobody_can_send_or_has_sent_it(status, holder, moves):
    first, second = new_run(holder), new_run()
    claim(first)
    deliveries.mark(KEY, status, None, error="refused")

    claim(second, until=LATER)

    kept = row()
    assert str(kept["run_id"]) == (second if moves else first)
    if moves:
        assert (kept["status"], kept["error"], kept["window_until"]) == ("waiting", None, LATER)
    else:
        assert (kept["status"], kept["error"], kept["window_until"]) == (status, "refused", UNTIL)


@pytest.mark.parametrize(
    ("state", "moves"),
    [
        ("proposed", True),
        ("approved", True),
        ("failed", True),
        ("denied", True),
        ("performing", False),
        ("performed", False),
        ("unknown", False),
    ],
)
def test_a_mail_of_a_dead_run_stays_with_it_while_it_may_have_gone_out(state, moves):
    first, second = new_run("killed"), new_run()
    claim(first)
    new_action("performed")
    deliveries.mark(KEY, "sending", new_action(state))

    claim(second)

    assert str(row()["run_id"]) == (second if moves else first)
    assert (row()["action_id"] is None) is moves


def test_a_run_that_claims_its_own_mail_again_changes_nothing():
    run_id = new_run()
    claim(run_id)
    deliveries.mark(KEY, "failed", None, error="refused")

    claim(run_id, until=LATER)

    assert (row()["status"], row()["window_until"]) == ("failed", UNTIL)


def test_a_mail_is_marked_by_all_of_its_key_and_no_other_is():
    run_id = new_run()
    for key in (KEY, *BESIDE):
        claim(run_id, key)
    action_id = new_action("performed")

    deliveries.mark(KEY, "sent", action_id, path="a.eml")

    assert (row()["status"], str(row()["action_id"]), row()["path"]) == ("sent", action_id, "a.eml")
    assert {row(key)["status"] for key in BESIDE} == {"waiting"}


def test_tries_that_reached_a_server_are_counted():
    claim(new_run())
    for status, tries in [("sending", 0), ("failed", 1), ("sending", 1), ("outbox", 2)]:
        deliveries.mark(KEY, status, None)
        assert row()["tries"] == tries
    deliveries.mark(KEY, "sent", None)
    assert row()["tries"] == 3


def test_the_mails_of_a_run_that_were_refused_for_now_are_listed_by_recipient():
    run_id, other = new_run(), new_run()
    ben = KEY._replace(recipient="aaron@x.example")
    for key, holder in [(KEY, run_id), (ben, run_id), *((key, other) for key in BESIDE)]:
        claim(holder, key)
        deliveries.mark(key, "failed", None, error="busy", temporary=True)
    deliveries.mark(BESIDE[0], "failed", None, error="no such user")

    found = deliveries.list_refused_for_now(run_id)

    assert [(one["recipient"], one["error"], one["tries"]) for one in found] == [
        ("aaron@x.example", "busy", 1),
        ("ada@x.example", "busy", 1),
    ]
    deliveries.mark(ben, "failed", None, error="no such user")
    deliveries.mark(KEY, "waiting", None, temporary=True)
    assert deliveries.list_refused_for_now(run_id) == []


def test_what_waits_of_an_ended_run_expires_and_nothing_else():
    run_id = new_run()
    claim(run_id)
    claim(run_id, BESIDE[0])
    claim(new_run(), BESIDE[1])
    deliveries.mark(BESIDE[0], "sent", None)

    deliveries.expire(run_id, "the run has ended")

    assert (row()["status"], row()["error"]) == ("expired", "the run has ended")
    assert (row(BESIDE[0])["status"], row(BESIDE[1])["status"]) == ("sent", "waiting")


@pytest.mark.parametrize(("is_sent", "status"), [(True, "sent"), (False, "failed")])
def test_what_a_person_found_out_is_carried_over_to_the_mail_of_that_action(is_sent, status):
    action_id, other, run_id = new_action("unknown"), new_action("unknown"), new_run()
    for key, before, of in [
        (KEY, "unknown", action_id),
        (BESIDE[0], "sending", action_id),
        (BESIDE[1], "outbox", action_id),
        (BESIDE[2], "unknown", other),
    ]:
        claim(run_id, key)
        deliveries.mark(key, before, of, error="nobody knows")

    deliveries.record_outcome(row()["action_id"], is_sent)

    assert (row()["status"], row()["error"]) == (status, None)
    assert [row(key)["status"] for key in BESIDE[:3]] == [status, "outbox", "unknown"]
