"""What belongs to another flow, namespace, day or run is not taken for the run's own."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from f.millrace.core import db
from f.millrace.research import candidates, due, postpone, said_before, time_windows
from f.millrace.research import open as opening
from tests.digest.conftest import DAY, NOW, OpenRun, put

pytestmark = pytest.mark.usefixtures("database")


def set_columns(run: OpenRun, **columns: Any) -> None:
    for name, value in columns.items():
        db.execute(f"UPDATE run SET {name} = %s WHERE id = %s", [value, run.id])


def digest(run: OpenRun, status: str = "sent", **changes: Any) -> str:
    """Note a digest of the run and its delivery, and return the digest's id."""
    key = {
        "flow": "daily_research",
        "namespace": "main",
        "edition": "daily",
        "local_day": DAY,
        "number": 1,
        "window_until": NOW,
        **changes,
    }
    recipient = key.pop("recipient", "ada@home.example")
    digest_id = str(uuid4())
    put(
        "digest",
        id=digest_id,
        run_id=run.id,
        recipients=[recipient],
        subject="",
        html="",
        plain="",
        **key,
    )
    put(
        "delivery",
        run_id=run.id,
        digest_id=digest_id,
        recipient=recipient,
        status=status,
        message_id=digest_id,
        **key,
    )
    return digest_id


def told(
    text: str,
    days_ago: int = 1,
    status: str | None = "sent",
    share_keys: tuple[str, ...] = (),
    **columns: Any,
) -> OpenRun:
    """Make a run of earlier that told a sentence of one topic, named as the sentence."""
    run = OpenRun()
    day = DAY - timedelta(days=days_ago)
    set_columns(run, **{"namespace": "main", "local_day": day, **columns})
    item = run.item(text)
    run.topic(
        text,
        {"findings": [{"text": text}], "summary": f"About {text}."},
        share_keys=list(share_keys),
        item_ids=[item],
    )
    if status:
        digest(run, status, local_day=day, number=days_ago + 1, recipient=f"{text}@x.example")
    return run


def test_what_somebody_was_told_within_a_month_is_not_said_again():
    told("yesterday")
    told("before", 2, "outbox")
    told("first", 30)
    told("too old", 31)
    told("today", 0)
    told("not sent", 1, "failed")
    told("no mail", 1, None)
    told("another flow", flow="weekly")
    told("another house", namespace="house")
    told("a note", 3, share_keys=("source:notes",))
    run = OpenRun()

    assert said_before.findings(run.plan) == ["yesterday", "before", "first"]
    assert said_before.findings(run.plan, private=True) == [
        "yesterday",
        "before",
        "a note",
        "first",
    ]


def story() -> str:
    story_id = str(uuid4())
    columns = db.fetch_all(
        "SELECT column_name AS name, data_type AS kind FROM information_schema.columns WHERE"
        " table_name = 'story' AND is_nullable = 'NO' AND column_default IS NULL"
    )
    plain: dict[str, Any] = {"text": "x", "date": DAY, "timestamp with time zone": NOW}
    values = {row["name"]: plain.get(row["kind"], "x") for row in columns}
    put("story", **{**values, "id": story_id, "namespace": "main"})
    return story_id


def test_the_pages_of_a_storys_earlier_topics_are_known():
    one, other = story(), story()
    earlier = {
        name: told(name, days, status, **columns)
        for name, days, status, columns in [
            ("yesterday", 1, "sent", {}),
            ("before", 2, "outbox", {}),
            ("today", 0, "sent", {}),
            ("failed", 1, "failed", {}),
            ("weekly", 1, "sent", {"flow": "weekly"}),
            ("other", 1, "sent", {}),
            ("house", 1, "sent", {}),
        ]
    }
    run = OpenRun()
    own = run.item("own")
    run.topic("topic", item_ids=[own, "before"])
    assert len(earlier) == 7
    db.execute("UPDATE topic SET story_id = %s", [one])
    db.execute("UPDATE topic SET story_id = %s WHERE id = 'other'", [other])
    db.execute("UPDATE topic SET namespace = 'house' WHERE id = 'house'")

    assert said_before.pages(run.plan, "topic") == ["https://yesterday.example/1"]
    assert said_before.pages(run.plan, "none") == []


def test_the_background_of_a_topic_is_what_was_said_of_it_first():
    told("cranes")
    later = OpenRun()
    put(
        "research_result",
        run_id=later.id,
        topic_id="cranes",
        title="x",
        summary="Later.",
        created_at=datetime(2099, 1, 1, tzinfo=UTC),
    )

    assert said_before.find_background("cranes") == "About cranes."
    assert said_before.find_background("ships") == ""


def test_the_background_of_a_story_says_what_still_holds():
    first, last = OpenRun(), OpenRun()
    held = "The port of Lindholm bought six cranes in May."
    first.topic("first", {"findings": [{"text": "We like the six cranes of it."}, {"text": held}]})
    last.topic("last", {"findings": [{"text": "The cranes fell a few hours ago in Lindholm."}]})
    put("story", id=(story := uuid4()), namespace="main", title="Cranes", first_day=DAY,
        last_day=DAY)  # fmt: skip
    db.execute("UPDATE topic SET story_id = %s", [story])
    db.execute("UPDATE topic SET created_at = created_at - interval '1 day' WHERE id = 'first'")

    assert said_before.find_background("last") == held

    db.execute("UPDATE topic SET private = true, share_keys = '{notes}' WHERE id = 'first'")

    assert said_before.find_background("last") != held
    assert said_before.find_background("last", private=True) == held


def succeeded(at: datetime, **changes: Any) -> OpenRun:
    run = OpenRun(decision=changes.pop("decision", "run"))
    columns = {
        "namespace": "main",
        "status": "done",
        "scheduled_for": at,
        "result": db.jsonb({"topics": 1}),
        **changes,
    }
    set_columns(run, **columns)
    return run


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"status": "partly_failed"}, True),
        ({"decision": "catch_up"}, True),
        ({"status": "failed"}, False),
        ({"status": "running"}, False),
        ({"decision": "already_done"}, False),
        ({"decision": "too_late"}, False),
        ({"dry_run": True}, False),
        ({"result": None}, False),
        ({"flow": "weekly"}, False),
        ({"namespace": "sample"}, False),
    ],
    ids=str,
)
def test_the_latest_run_that_did_its_work_is_the_days(changes, counts):
    succeeded(NOW - timedelta(days=2))
    latest = succeeded(NOW, **changes)

    found = due.last_success("daily_research", "main", str(uuid4()))

    assert found == (NOW if counts else NOW - timedelta(days=2))
    assert due.last_success("daily_research", "main", latest.id) == NOW - timedelta(days=2)


def test_without_a_run_nothing_was_done():
    assert due.last_success("daily_research", "main", str(uuid4())) is None


def test_the_times_of_a_start_are_read_in_its_zone(configure):
    pipeline = {"timezone": "Europe/Berlin", "schedule": {"cron": "0 0 8 * * *"}}

    def moment(text: str) -> datetime:
        return due.decide(pipeline, text, NOW, None).scheduled_for

    assert moment(" 2026-11-18T08:30:00 ") == datetime(2026, 11, 18, 7, 30, tzinfo=UTC)
    assert moment("2026-11-18T07:30:00+00:00") == datetime(2026, 11, 18, 7, 30, tzinfo=UTC)
    assert due.schedule_of(pipeline) == ("0 0 8 * * *", "Europe/Berlin", timedelta(hours=12), True)
    assert due.schedule_of({}) == ("", "UTC", timedelta(hours=12), True)
    configure(schedule_zone="Asia/Tokyo")
    assert due.schedule_of(pipeline)[1] == "Asia/Tokyo"


def test_a_start_of_windmills_schedule_has_the_time_that_was_due(monkeypatch):
    pipeline = {"timezone": "UTC", "schedule": {"cron": "0 0 6 * * *"}}
    assert due.decide(pipeline, "", NOW, None).scheduled_for == NOW

    monkeypatch.setenv("WM_SCHEDULE_PATH", "f/x")

    assert due.decide(pipeline, "", NOW, None).scheduled_for == NOW.replace(hour=6)
    assert due.decide({"timezone": "UTC"}, "", NOW, None).scheduled_for == NOW


BESIDE: list[dict[str, Any]] = [
    {"flow": "weekly"},
    {"namespace": "sample"},
    {"edition": "sample"},
    {"local_day": DAY - timedelta(days=1)},
]


@pytest.mark.parametrize("beside", BESIDE, ids=str)
def test_only_what_waits_of_the_same_flow_namespace_edition_and_day_is_taken_over(clock, beside):
    same, other, run = OpenRun(), OpenRun(), OpenRun()
    own = {"namespace": "main", "edition": "daily", "local_day": DAY}
    for one, columns in ((same, own), (other, {**own, **beside}), (run, own)):
        set_columns(one, **columns)
        postpone.postpone(one.id, one.plan, "no model")

    postpone.take_over(run.id, run.plan)

    found = {str(row["id"]): row["status"] for row in db.fetch_all("SELECT id, status FROM run")}
    assert found == {same.id: "failed", other.id: "waiting", run.id: "waiting"}


def test_a_day_that_is_done_shows_its_latest_digest():
    first, second, third = OpenRun(), OpenRun(), OpenRun()
    digest(first, number=1)
    digest(third, number=3, recipient="ben@x.example")
    digest(second, number=2, recipient="eva@x.example")
    for number, beside in enumerate(BESIDE, 4):
        digest(OpenRun(), number=number, recipient="kim@x.example", **beside)

    assert opening._digest_of_day(first.plan) == third.id
    later = OpenRun(day=DAY + timedelta(days=5))
    assert opening._digest_of_day(later.plan) == ""


@pytest.mark.parametrize("beside", [*BESIDE[:3], {"recipient": "ben@x.example"}], ids=str)
def test_a_readers_last_digest_is_that_of_the_flow_namespace_and_edition(beside):
    digest(OpenRun(), window_until=NOW - timedelta(days=1), number=1)
    digest(OpenRun(), window_until=NOW, number=2, **beside)

    found = time_windows.last_delivered("daily_research", "main", "daily")

    assert found["ada@home.example"] == NOW - timedelta(days=1)


def test_a_further_edition_of_a_day_begins_where_the_day_before_ended():
    digest(OpenRun(), window_until=NOW - timedelta(days=1), local_day=DAY - timedelta(days=1))
    digest(OpenRun(), window_until=NOW)

    def last(before: date | None) -> dict[str, datetime]:
        return time_windows.last_delivered("daily_research", "main", "daily", before)

    assert last(None) == {"ada@home.example": NOW}
    assert last(DAY) == {"ada@home.example": NOW - timedelta(days=1)}
    assert last(DAY + timedelta(days=1)) == {"ada@home.example": NOW}


def test_windows_are_apart_for_owners_and_for_what_is_shared():
    notes, house = {"source:notes": "eva"}, {"namespace:house": "eva"}

    found = time_windows.windows(
        ["plain", "own", "a", "b", "c"],
        dict.fromkeys(["plain", "own", "a", "b", "c"], NOW),
        ["own"],
        {"a": notes, "b": house, "c": dict(notes)},
    )

    assert [(one.recipients, one.private, one.shared) for one in found] == [
        (["own"], True, {}),
        (["b"], False, house),
        (["a", "c"], False, notes),
        (["plain"], False, {}),
    ]


def test_common_words_are_those_of_public_titles_of_the_namespace():
    run = OpenRun()
    run.item("older", first_seen_at=NOW - timedelta(days=1))
    run.item("newer")
    run.item("private", share_keys=["source:notes"])
    run.item("elsewhere", namespace="house")

    assert candidates._background(run.plan) == ["newer", "older"]
