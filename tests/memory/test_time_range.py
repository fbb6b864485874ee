"""Dates in questions: whole local days, relative to a given now, across zones and clock changes."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core.errors import BadInput
from f.millrace.memory.date_parser import MONTHS
from f.millrace.memory.time_range import parse_time_range

# Clocks change at midnight, at one, by half an hour, twice a day's length apart, or never.
ZONES = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Asia/Beirut",
]
instants = st.datetimes(datetime(1995, 1, 1), datetime(2037, 12, 31)).map(
    lambda at: at.replace(tzinfo=UTC)
)
zones = st.sampled_from(ZONES)
NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


@given(instants, zones)
def test_a_moment_lies_in_its_own_local_day_and_in_no_other(at, zone):
    of = at.astimezone(ZoneInfo(zone)).date()

    found = parse_time_range(
        f"what happened on {of.day} {MONTHS[of.month - 1]} {of.year}?", NOW, zone
    )
    before = parse_time_range(f"what happened on {of - timedelta(days=1)}?", NOW, zone)
    after = parse_time_range(f"what happened on {of + timedelta(days=1)}?", NOW, zone)

    assert found.since <= at < found.until
    assert before.until == found.since and found.until == after.since


@given(instants, zones)
def test_yesterday_today_and_tomorrow_follow_each_other(now, zone):
    days = [
        parse_time_range(f"what happened {name}", now, zone)
        for name in ("yesterday", "today", "tomorrow")
    ]

    assert days[0].until == days[1].since and days[1].until == days[2].since
    assert days[1].since <= now < days[1].until
    # A zone that crosses the date line drops a whole day; else no day is shorter or longer than a
    # change of clocks.
    assert all(one.until - one.since <= timedelta(hours=25) for one in days)


@given(instants, zones, st.sampled_from(["week", "month", "year"]))
def test_last_this_and_next_follow_each_other(now, zone, unit):
    spans = [
        parse_time_range(f"what happened {which} {unit}", now, zone)
        for which in ("last", "this", "next")
    ]

    assert spans[0].until == spans[1].since and spans[1].until == spans[2].since
    assert spans[1].since <= now < spans[1].until
    if unit == "week":
        assert spans[1].since.astimezone(ZoneInfo(zone)).weekday() in (0, 1)


@given(instants, zones, st.dates(date(1995, 1, 1), date(2037, 12, 31)))
def test_a_day_without_a_year_is_the_latest_that_has_come(now, zone, of):
    found = parse_time_range(f"what happened on {MONTHS[of.month - 1]} {of.day}?", now, zone)

    assert found.since <= now or (of.month, of.day) == (2, 29)
    assert now - found.since < timedelta(days=8 * 366 + 2)


@given(st.text(max_size=60), instants, zones)
def test_any_text_has_a_span_or_none_or_an_error_in_words(text, now, zone):
    with contextlib.suppress(BadInput):
        found = parse_time_range(text, now, zone)
        assert found is None or found.since < found.until


@pytest.mark.parametrize(
    ("question", "since", "until", "rest"),
    [
        ("what happened on 3 May", "2026-05-03", "2026-05-04", "what happened"),
        ("what happened on May 3rd, 2024?", "2024-05-03", "2024-05-04", "what happened"),
        ("news of 2026-11-01", "2026-11-01", "2026-11-02", "news"),
        ("what did Ana do in June?", "2026-06-01", "2026-07-01", "what did Ana do"),
        ("what did Ana do in December?", "2025-12-01", "2026-01-01", "what did Ana do"),
        ("in March 2023 who moved?", "2023-03-01", "2023-04-01", "who moved"),
        ("what happened last week?", "2026-11-09", "2026-11-16", "what happened"),
        ("what happened on Monday?", "2026-11-16", "2026-11-17", "what happened"),
        ("who called last Wednesday", "2026-11-11", "2026-11-12", "who called"),
        ("what happened two weeks ago?", "2026-11-02", "2026-11-09", "what happened"),
        ("what happened nine weeks ago?", "2026-09-14", "2026-09-21", "what happened"),
        ("what happened on 18 November?", "2026-11-18", "2026-11-19", "what happened"),
        ("what happened on 19 November?", "2025-11-19", "2025-11-20", "what happened"),
        ("what happened between 1 May and 3 May?", "2026-05-01", "2026-05-04", "what happened"),
        (
            "who called between August 11 and August 15 2023?",
            "2023-08-11",
            "2023-08-16",
            "who called",
        ),
        (
            "who called from 20 December to 5 January 2024?",
            "2023-12-20",
            "2024-01-06",
            "who called",
        ),
        ("what happened in 2024?", "2024-01-01", "2025-01-01", "what happened"),
        ("what happened between 3 and 9 May?", "2026-05-03", "2026-05-10", "what happened"),
        ("what happened 3-9 May 2025?", "2025-05-03", "2025-05-10", "what happened"),
        ("what happened May 3 to 9?", "2026-05-03", "2026-05-10", "what happened"),
        ("what happened in Q2?", "2026-04-01", "2026-07-01", "what happened"),
        ("what happened in Q2 and Q3 2025?", "2025-04-01", "2025-10-01", "what happened"),
        ("what happened in the second half of 2025?", "2025-07-01", "2026-01-01", "what happened"),
        ("what happened last quarter?", "2026-07-01", "2026-10-01", "what happened"),
        (
            "what happened between June and August 2025?",
            "2025-06-01",
            "2025-09-01",
            "what happened",
        ),
        ("what happened in March and April?", "2026-03-01", "2026-05-01", "what happened"),
        ("what happened from Monday to Wednesday?", "2026-11-16", "2026-11-19", "what happened"),
        ("what is due next Monday?", "2026-11-23", "2026-11-24", "what is due"),
        ("what happened on Tuesday, 10 November?", "2026-11-10", "2026-11-11", "what happened"),
        ("what happened on 2026-05-03T14:00Z?", "2026-05-03", "2026-05-04", "what happened"),
        ("what happened in 2026-05?", "2026-05-01", "2026-06-01", "what happened"),
        ("what happened on 13.05.2026 at 3 pm?", "2026-05-13", "2026-05-14", "what happened"),
        ("what happened on 5 Sept 2025?", "2025-09-05", "2025-09-06", "what happened"),
        ("what happened a fortnight ago?", "2026-11-02", "2026-11-09", "what happened"),
        ("what happened eight days ago?", "2026-11-10", "2026-11-11", "what happened"),
        ("what happened in early June?", "2026-06-01", "2026-06-11", "what happened"),
        ("what happened at the end of June?", "2026-06-21", "2026-07-01", "what happened"),
        ("what happened in the first week of June?", "2026-06-01", "2026-06-08", "what happened"),
        ("what happened in the week of 5 May 2026?", "2026-05-04", "2026-05-11", "what happened"),
        ("what happened last summer?", "2026-06-01", "2026-09-01", "what happened"),
        ("what happened this May?", "2026-05-01", "2026-06-01", "what happened"),
        ("WHAT HAPPENED FROM MARCH TO JUNE", "2026-03-01", "2026-07-01", "WHAT HAPPENED"),
        ("what happened last November?", "2025-11-01", "2025-12-01", "what happened"),
        ("what happened in the 1990s?", "1990-01-01", "2000-01-01", "what happened"),
    ],
)
def test_the_span_that_is_meant(question, since, until, rest):
    found = parse_time_range(question, NOW)

    assert (found.since.date().isoformat(), found.until.date().isoformat(), found.rest) == (
        since,
        until,
        rest,
    )


@given(
    st.sampled_from(
        ["this may be", "in may", "Q2 and MAY", "from MARCH to may", "To March On", "late MAY"]
    ),
    instants,
)
def test_case_tells_nothing(question, now):
    spans = {
        (found.since, found.until) if (found := parse_time_range(text, now)) else None
        for text in (question, question.upper(), question.lower())
    }

    assert len(spans) == 1


@pytest.mark.parametrize(
    ("question", "since", "until"),
    [
        ("what happened yesterday evening?", "2026-11-17T17", "2026-11-18T00"),
        ("what happened on 5 May in the morning?", "2026-05-05T05", "2026-05-05T12"),
        ("what happened in the afternoon of 5 May?", "2026-05-05T12", "2026-05-05T18"),
        ("what happened last night?", "2026-11-17T20", "2026-11-18T05"),
    ],
)
def test_a_part_of_a_day_lies_in_its_day(question, since, until):
    found = parse_time_range(question, NOW)

    assert (found.since.isoformat()[:13], found.until.isoformat()[:13], found.rest) == (
        since,
        until,
        "what happened",
    )
    assert (
        found.around is not None
        and found.around[0] <= found.since
        and found.around[1] - found.around[0] == timedelta(days=1)
    )


def test_hours_reach_back_from_now():
    assert parse_time_range("what happened in the last 24 hours", NOW).since == NOW - timedelta(
        hours=24
    )
    assert (
        parse_time_range("what happened 3 hours ago", NOW).since
        <= NOW - timedelta(hours=3)
        < parse_time_range("what happened 3 hours ago", NOW).until
    )


def test_a_long_text_is_read_from_end_to_end():
    assert parse_time_range("in 1 the 5 may to " * 1000 + "between ", NOW) is not None
    assert parse_time_range("in the 1 a " * 1800, NOW) is None


def test_since_and_before_are_open_at_one_end():
    assert parse_time_range("what is new since 1 October?", NOW).until.year == 9999
    assert parse_time_range("what was known before October 2020", NOW).until == datetime(
        2020, 10, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "question",
    [
        "may I ask about march music",
        "the top 10 of 5",
        "sodium batteries",
        "",
        "room 2024",
        "a 50 day trip",
        "this may be so",
        "from 3 to 9 people",
        "on 3/5/2026",
    ],
)
def test_no_date_is_read_where_none_is_named(question):
    assert parse_time_range(question, NOW) is None


@pytest.mark.parametrize(
    "question",
    [
        "what happened on 31 February?",
        "on 2026-13-01",
        "on 2026-02-30",
        "on 0 May",
        "29-31 February",
    ],
)
def test_a_date_that_does_not_exist_is_refused_in_words(question):
    with pytest.raises(BadInput, match="there is no"):
        parse_time_range(question, NOW)


def test_an_unknown_zone_is_refused_in_words():
    with pytest.raises(BadInput, match="zone 'Mars/Olympus' is unknown"):
        parse_time_range("today", NOW, "Mars/Olympus")


@pytest.mark.parametrize(
    ("words", "since", "until"),
    [
        ("in the 1st quarter of 2025", "2025-01-01", "2025-04-01"),
        ("in the 2nd quarter of 2025", "2025-04-01", "2025-07-01"),
        ("in the third quarter of 2025", "2025-07-01", "2025-10-01"),
        ("in the 3rd quarter of 2025", "2025-07-01", "2025-10-01"),
        ("in the 4th quarter of 2025", "2025-10-01", "2026-01-01"),
        ("in the fourth quarter of 2025", "2025-10-01", "2026-01-01"),
        ("in the 1st half of 2025", "2025-01-01", "2025-07-01"),
        ("in the 2nd half of 2025", "2025-07-01", "2026-01-01"),
        ("in H2", "2026-07-01", "2027-01-01"),
        ("in Q4", "2026-10-01", "2027-01-01"),
        ("on 15.12.2025", "2025-12-15", "2025-12-16"),
        ("on 5/13/2025", "2025-05-13", "2025-05-14"),
        ("on 13/5/2025", "2025-05-13", "2025-05-14"),
        ("on 5/5/2025", "2025-05-05", "2025-05-06"),
        ("on 5.6.2025", "2025-06-05", "2025-06-06"),
        ("a year ago", "2025-01-01", "2026-01-01"),
        ("two years ago", "2024-01-01", "2025-01-01"),
        ("three months ago", "2026-08-01", "2026-09-01"),
        ("eleven months ago", "2025-12-01", "2026-01-01"),
        ("twelve months ago", "2025-11-01", "2025-12-01"),
        ("a week ago", "2026-11-09", "2026-11-16"),
        ("three days ago", "2026-11-15", "2026-11-16"),
        ("a couple of days ago", "2026-11-16", "2026-11-17"),
        ("several days ago", "2026-11-15", "2026-11-16"),
        ("the day before yesterday", "2026-11-16", "2026-11-17"),
        ("last night", "2026-11-17", "2026-11-18"),
        ("last weekend", "2026-11-14", "2026-11-16"),
        ("previous week", "2026-11-09", "2026-11-16"),
        ("the coming week", "2026-11-23", "2026-11-30"),
        ("the coming weekend", "2026-11-28", "2026-11-30"),
        ("in the current month", "2026-11-01", "2026-12-01"),
        ("on 5 Sept 2025", "2025-09-05", "2025-09-06"),
        ("on 5 Jun 2025", "2025-06-05", "2025-06-06"),
        ("on 5 Mar 2025", "2025-03-05", "2025-03-06"),
        ("this weekend", "2026-11-21", "2026-11-23"),
        ("next quarter", "2027-01-01", "2027-04-01"),
        ("last winter", "2025-12-01", "2026-03-01"),
        ("in winter 2024", "2024-12-01", "2025-03-01"),
        ("next summer", "2027-06-01", "2027-09-01"),
        ("this autumn", "2026-09-01", "2026-12-01"),
        ("last autumn", "2025-09-01", "2025-12-01"),
        ("next March", "2027-03-01", "2027-04-01"),
        ("next December", "2026-12-01", "2027-01-01"),
    ],
)
def test_each_form_of_a_date_names_its_span(words, since, until):
    found = parse_time_range(f"what happened {words}?", NOW)

    assert (found.since.date().isoformat(), found.until.date().isoformat()) == (since, until)


@pytest.mark.parametrize("words", ["on 3/5/2025", "on 12/11/2025", "on 13.13.2025"])
def test_numbers_of_which_nobody_knows_the_month_are_no_date(words):
    assert parse_time_range(f"what happened {words}?", NOW) is None


@pytest.mark.parametrize(
    ("day", "since"),
    [("2026-03-15", "2025-12-01"), ("2026-02-15", "2024-12-01"), ("2026-12-15", "2025-12-01")],
)
def test_last_winter_is_the_latest_that_is_over(day, since):
    now = datetime.fromisoformat(day).replace(tzinfo=UTC)

    found = parse_time_range("what happened last winter?", now)

    assert found.since.date().isoformat() == since


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ("in the last 30 minutes", "2026-11-18T15:00"),
        ("in the last two hours", "2026-11-18T13:30"),
        ("in the last 7 days", "2026-11-11T00:00"),
        ("in the past two weeks", "2026-11-04T00:00"),
        ("in the past week", "2026-11-11T00:00"),
        ("in the last 3 months", "2026-08-18T00:00"),
        ("in the last 11 months", "2025-12-18T00:00"),
        ("in the last 12 months", "2025-11-18T00:00"),
        ("in the past year", "2025-11-18T00:00"),
        ("in the last two years", "2024-11-18T00:00"),
    ],
)
def test_the_last_days_and_months_end_with_now(words, since):
    found = parse_time_range(f"what happened {words}?", NOW)

    assert found.since == datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert found.until - NOW == timedelta(microseconds=1)


def test_an_hour_ago_is_the_hour_around_that_moment():
    found = parse_time_range("what happened two hours ago?", NOW)

    assert (found.since, found.until) == (
        datetime(2026, 11, 18, 13, 0, tzinfo=UTC),
        datetime(2026, 11, 18, 14, 0, tzinfo=UTC),
    )


def test_the_calendar_ends_with_the_year_9998():
    found = parse_time_range("what happened in May 9998?", NOW)

    assert found.since.year == 9998
    with pytest.raises(BadInput, match="the year 9999 is outside the calendar"):
        parse_time_range("what happened in May 9999?", NOW)


@pytest.mark.parametrize(
    ("words", "since", "until"),
    [
        ("early in June", "2026-06-01", "2026-06-11"),
        ("in mid June", "2026-06-11", "2026-06-21"),
        ("in the middle of June", "2026-06-11", "2026-06-21"),
        ("at the start of June", "2026-06-01", "2026-06-11"),
        ("at the beginning of 2025", "2025-01-01", "2025-05-02"),
        ("in late 2025", "2025-09-01", "2026-01-01"),
        ("in late February 2025", "2025-02-19", "2025-03-01"),
        ("in early 2024", "2024-01-01", "2024-05-02"),
        # Neither a day nor ten years have a beginning that has a name.
        ("early on 3 May", "2026-05-03", "2026-05-04"),
        ("in the early 1990s", "1990-01-01", "2000-01-01"),
        ("in the second week of June", "2026-06-08", "2026-06-15"),
        ("in the fourth week of February 2025", "2025-02-22", "2025-03-01"),
        ("in the last week of June", "2026-06-24", "2026-07-01"),
        ("in the first week of 2025", "2025-01-01", "2026-01-01"),
        ("in the week of 4 May 2026", "2026-05-04", "2026-05-11"),
        ("in the week of 10 May 2026", "2026-05-04", "2026-05-11"),
        ("in the week of May 2026", "2026-05-01", "2026-06-01"),
    ],
)
def test_words_before_a_span_make_it_narrower(words, since, until):
    found = parse_time_range(f"what happened {words}?", NOW)

    assert (found.since.date().isoformat(), found.until.date().isoformat()) == (since, until)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Asia/Kolkata"])
def test_a_span_that_ends_with_the_first_day_of_the_calendar_is_refused_in_words(zone):
    with pytest.raises(BadInput, match="ends before it begins"):
        parse_time_range("what happened from 20 December to 1 January 0001?", NOW, zone)
