"""Which digests the archive lists and finds."""

from datetime import UTC, date, datetime

import pytest

from f.millrace.core import db
from f.millrace.core.errors import NotFound
from f.millrace.digest import archive, digest_content, digest_html

pytestmark = pytest.mark.usefixtures("database")
DAY = date(2026, 11, 18)


def put(
    subject, day="2026-11-18", number=1, status="sent", namespace="main", flow="daily_research",
    private=False, html="",
):  # fmt: skip
    run = db.fetch_one(
        "INSERT INTO run (id, flow) VALUES (gen_random_uuid(), %s) RETURNING id", [flow]
    )
    until = datetime(2026, 11, 18, 8, tzinfo=UTC)
    digest = db.fetch_one(
        "INSERT INTO digest (run_id, flow, namespace, edition, local_day, number, window_until,"
        " recipients, subject, html, plain, private) VALUES (%s, %s, %s, 'daily', %s, %s, %s,"
        " '{ada}', %s, %s, '', %s) RETURNING id",
        [run["id"], flow, namespace, day, number, until, subject, html, private],
    )
    db.execute(
        "INSERT INTO delivery (run_id, digest_id, flow, namespace, edition, local_day, number,"
        " recipient, window_until, status, message_id) VALUES (%s, %s, %s, %s, 'daily', %s, %s, %s,"
        " %s, %s, gen_random_uuid()::text)",
        [run["id"], digest["id"], flow, namespace, day, number, subject, until, status],
    )


def found(*asked, **more):
    return [row["subject"] for row in archive.find(*asked, **more)]


def test_the_digests_of_a_day_are_found_with_the_last_edition_first():
    put("first")
    put("second", number=2)
    put("second, own", number=2, private=True)
    put("the day before", day="2026-11-17")
    put("elsewhere", namespace="sample")

    assert found(DAY) == ["second", "second, own", "first"]
    assert found(DAY, 1) == ["first"] and found(DAY, 2) == ["second", "second, own"]
    assert found(DAY, namespace="sample") == ["elsewhere"]


@pytest.mark.parametrize("status", ["waiting", "sending", "denied", "expired", "failed", "unknown"])
def test_what_nobody_got_is_in_no_archive(status):
    put("kept", status="outbox", day="2026-11-17")
    put("lost", status=status)

    assert [row["subject"] for row in archive.list_digests()] == ["kept"]
    with pytest.raises(NotFound, match="there is no digest of 2026-11-18; scripts/millrace"):
        archive.find(DAY)
    with pytest.raises(NotFound, match="no digest of 2026-11-17, edition 2"):
        archive.find(date(2026, 11, 17), 2)


def test_digests_are_listed_newest_first_by_namespace_and_flow():
    for number in (1, 2):
        put(f"edition {number}", number=number)
    put("own", number=2, private=True)
    put("old", day="2026-11-16")
    put("elsewhere", namespace="sample")
    put("weekly", flow="weekly")

    def listed(*asked):
        return [row["subject"] for row in archive.list_digests(*asked)]

    assert listed() == ["edition 2", "own", "edition 1", "old"]
    assert listed("sample") == ["elsewhere"] and listed("main", "weekly") == ["weekly"]
    assert archive.list_digests()[0]["topics"] == 0


def page(*titles):
    told = [
        digest_content.Section(title, rank, findings=[("It opened on Monday.", [])])
        for rank, title in enumerate(titles, 1)
    ]
    return digest_html.page(
        digest_content.Content("daily", 1, DAY, "UTC", "offline", 0.0, "run_1", "", told, [], [])
    )


def test_each_digest_says_how_many_topics_its_own_readers_are_told():
    put("others", html=page("Quay", "Ferry"))
    put("own", private=True, html=page("Quay", '<p class="reply">3</p>', "A note of mine"))
    put("nothing", number=2, html=page())

    counted = {row["subject"]: row["topics"] for row in archive.list_digests()}

    assert counted == {"others": 2, "own": 3, "nothing": 0}
