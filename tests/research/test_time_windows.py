"""What is new to whom."""

from datetime import UTC, date, datetime, timedelta

import pytest

from f.millrace.core import db
from f.millrace.digest.run_plan import Window
from f.millrace.research import time_windows

DAY = datetime(2026, 11, 18, 8, tzinfo=UTC)
EARLIER = DAY - timedelta(days=2)


def test_readers_of_one_last_digest_share_a_window_and_owners_have_their_own():
    last = {"ada": DAY, "ben": DAY, "eva": EARLIER, "own": DAY}

    found = time_windows.windows(["ada", "ben", "own", "eva", "new"], last, ["own"])

    assert [(one.since, one.recipients, one.private) for one in found] == [
        (None, ["new"], False),
        (EARLIER, ["eva"], False),
        (DAY, ["own"], True),
        (DAY, ["ada", "ben"], False),
    ]
    assert time_windows.windows([], last, []) == []


@pytest.mark.parametrize(
    ("sinces", "edition", "begins"),
    [
        ([DAY, EARLIER], "daily", EARLIER),
        ([DAY, None], "daily", DAY - timedelta(days=7)),
        ([DAY - timedelta(days=8), None], "daily", DAY - timedelta(days=8)),
        ([], "daily", DAY - timedelta(days=7)),
        ([DAY], "sample", None),
    ],
)
def test_items_are_read_from_where_the_longest_window_begins(sinces, edition, begins):
    among = [Window(since=since, recipients=["ada"]) for since in sinces]

    assert time_windows.earliest(among, DAY, edition) == begins


def test_a_window_holds_what_was_seen_after_it_began():
    window = Window(since=DAY, recipients=["ada"])

    assert not window.holds(DAY) and window.holds(DAY + timedelta(microseconds=1))
    assert Window(recipients=["ada"]).holds(EARLIER)


def put_delivery(recipient, day, until, status="sent", edition="daily", flow="daily_research"):
    run = db.fetch_one(
        "INSERT INTO run (id, flow) VALUES (gen_random_uuid(), %s) RETURNING id", [flow]
    )
    digest = db.fetch_one(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, window_until, recipients,"
        " subject, html, plain) VALUES (%s, %s, 'main', %s, %s, %s, %s, '', '', '') RETURNING id",
        [run["id"], flow, edition, day, until, [recipient]],
    )
    db.execute(
        "INSERT INTO delivery (run_id, digest_id, flow, namespace, edition, local_day, recipient,"
        " window_until, status, number, message_id) VALUES (%s, %s, %s, 'main', %s, %s, %s, %s, %s,"
        " 1, gen_random_uuid()::text)",
        [run["id"], digest["id"], flow, edition, day, recipient, until, status],
    )


def test_the_last_digest_that_came_through_ends_a_readers_window(database):
    put_delivery("ada", "2026-11-16", EARLIER)
    put_delivery("ada", "2026-11-18", DAY, "outbox")
    put_delivery("ben", "2026-11-16", EARLIER)
    put_delivery("ben", "2026-11-18", DAY, "failed")
    put_delivery("eva", "2026-11-18", DAY, edition="sample")
    put_delivery("kim", "2026-11-18", DAY, flow="weekly")

    def last(*before):
        return time_windows.last_delivered("daily_research", "main", "daily", *before)

    assert last() == {"ada": DAY, "ben": EARLIER}
    assert last(date(2026, 11, 18)) == {"ada": EARLIER, "ben": EARLIER}
    assert last(date(2026, 11, 16)) == {}
    assert time_windows.last_delivered("daily_research", "sample", "daily") == {}


def put_item(key, seen, namespace="main"):
    db.execute(
        "INSERT INTO source_item (id, namespace, source, source_key, title, body, first_seen_at,"
        " last_seen_at) VALUES (%s, %s, 'feeds', %s, 'x', '', %s, %s)",
        [key, namespace, key, seen, seen],
    )


def test_a_window_ends_now_or_with_the_last_item_when_the_clock_was_set_back(database, configure):
    configure(now=DAY.isoformat())

    def ends():
        with db.transaction() as connection:
            return time_windows.end_of_window(connection, "main")

    assert ends() == DAY
    put_item("early", EARLIER)
    put_item("elsewhere", DAY + timedelta(hours=2), "sample")
    assert ends() == DAY
    put_item("late", DAY + timedelta(hours=1))
    assert ends() == DAY + timedelta(hours=1)


def test_an_item_is_first_seen_after_each_window_that_has_ended(database, configure):
    configure(now=DAY.isoformat())

    def moment(namespace="main"):
        with db.transaction() as connection:
            return time_windows.next_moment(connection, namespace)

    assert moment() == DAY
    put_delivery("ada", "2026-11-16", EARLIER)
    assert moment() == DAY
    put_delivery("ada", "2026-11-18", DAY)
    assert moment() == DAY + timedelta(microseconds=1)
    db.execute(
        "INSERT INTO run (id, flow, local_day, pipeline) VALUES (gen_random_uuid(), 'x',"
        " '2026-11-18', %s)",
        [db.jsonb({"opened": {"until": (DAY + timedelta(hours=1)).isoformat()}})],
    )
    assert moment() == DAY + timedelta(hours=1, microseconds=1)
    assert moment("sample") == DAY
