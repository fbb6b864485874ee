"""For whom a digest is: what is marked as theirs, and times in their zone."""

from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.digest import run_plan
from f.millrace.digest.digest_reader import Reader
from tests.digest.conftest import DAY, NOW

SHARED = {"source:notes": "ada@home.example"}


def reader(private: bool = False, timezone: str = "UTC", until: datetime | None = NOW) -> Reader:
    opened = run_plan.RunPlan(
        day=DAY, scheduled_for=NOW - timedelta(hours=1), until=until, timezone=timezone
    )
    return Reader(opened, run_plan.Window(recipients=[], private=private, shared=SHARED))


@pytest.mark.parametrize(
    ("hours", "age"),
    [
        (0, "less than an hour ago"),
        (0.99, "less than an hour ago"),
        (1, "1 hour ago"),
        (23.9, "23 hours ago"),
        (24, "1 day ago"),
        (47.9, "1 day ago"),
        (48, "2 days ago"),
        (167.9, "6 days ago"),
        (168, "11 Nov 2026"),
    ],
)
def test_an_age_is_told_in_hours_for_a_day_and_in_days_for_a_week(hours, age):
    assert reader().age(NOW - timedelta(hours=hours)) == age


def test_an_age_counts_from_when_items_were_read_or_else_from_when_the_run_was_due():
    assert reader(until=None).age(NOW - timedelta(hours=2)) == "1 hour ago"
    assert reader().age(None) == "" == reader().date(None) == reader().stamp(None)


def test_days_and_minutes_are_those_of_the_readers_zone():
    late = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)

    assert reader().date(late) == "18 Nov 2026" and reader().stamp(late) == "18 Nov 2026, 23:30"
    berlin = reader(timezone="Europe/Berlin")
    assert berlin.date(late) == "19 Nov 2026" and berlin.stamp(late) == "19 Nov 2026, 00:30"


@pytest.mark.parametrize(
    ("source", "own", "others"),
    [
        ("notes", "from your notes", "from the notes"),
        ("documents", "from your documents", "from the documents"),
        ("private_feeds", "from a feed of yours", "from a private feed"),
        ("else", "from what is yours", "from what is private"),
    ],
)
def test_what_is_private_says_why_it_is_shown(source, own, others):
    keys = ["source:notes"]

    assert reader(private=True).own(keys, source) == f"Only in your digest: {own}"
    assert reader().own(keys, source) == f"Shared by ada@home.example: {others}"
    assert reader().own([], source) == "" == reader(private=True).own([], source)


def test_in_a_list_the_sources_name_says_it_already():
    keys = ["source:notes"]

    assert reader(private=True).mark(keys, "notes") == ""
    assert reader(private=True).mark(keys, "private_feeds") == "only in your digest"
    assert reader().mark(keys, "notes") == "shared by ada@home.example"
    assert (
        reader().mark([], "private_feeds") == "" == reader(private=True).mark([], "private_feeds")
    )


def test_a_site_is_named_with_the_file():
    assert reader(private=True).site("Your notes", {"path": "a/b.md"}) == "Your notes, b.md"
    assert reader().site("Your notes", {"path": "b.md"}) == "Notes, b.md"
    assert reader().site("Courier", {}) == "Courier" == reader().site("Courier", None)
