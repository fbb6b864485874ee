from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.core.errors import BadInput
from f.millrace.core.schedules import decide, last_due, next_due, parse_cron, parse_duration

GRACE = timedelta(hours=12)
EIGHT = "0 0 8 * * *"
ZONES = [
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
]
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2032, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def judge(due, now, last=None, zone="Europe/London", cron=EIGHT, grace=GRACE, catch_up=False):
    return decide(
        at(due) if due else None, at(now), at(last) if last else None, zone, cron, grace, catch_up
    )


def test_a_start_by_hand_runs_for_the_local_day():
    assert judge(None, "2026-07-01T23:30:00+00:00").day == date(2026, 7, 2)


def test_a_start_in_time_runs():
    found = judge("2026-11-18T08:00+00:00", "2026-11-18T08:00:07+00:00", "2026-11-17T08:00+00:00")

    assert (found.verdict, found.day, found.missed) == ("run", date(2026, 11, 18), 0)


def test_a_second_start_of_one_time_does_nothing():
    assert (
        judge("2026-11-18T08:00+00:00", "2026-11-18T08:01+00:00", "2026-11-18T08:00+00:00").verdict
        == "already_done"
    )


def test_a_late_start_is_too_late_or_caught_up():
    late = ("2026-11-18T08:00+00:00", "2026-11-18T21:00+00:00")

    assert judge(*late).verdict == "too_late"
    assert ", 13 h 0 min ago; the grace is 12 h 0 min" in judge(*late).reason
    assert "45 min" in judge(*late, grace=timedelta(minutes=45)).reason
    assert judge(*late, catch_up=True).verdict == "catch_up"


def test_missed_days_are_done_as_one_for_the_latest():
    found = judge("2026-11-15T08:00+00:00", "2026-11-18T09:00+00:00", "2026-11-14T08:00+00:00")

    assert (found.verdict, found.day, found.missed) == ("catch_up", date(2026, 11, 18), 3)


def test_a_clock_set_back_keeps_the_day_of_the_scheduled_time():
    found = judge("2026-11-18T08:00+00:00", "2026-11-17T20:00+00:00")

    assert (found.verdict, found.day) == ("run", date(2026, 11, 18))


@pytest.mark.parametrize(
    ("day", "zone", "cron", "expected"),
    [
        # The clock skips 01:00-02:00: the time comes an hour later.
        (date(2026, 3, 29), "Europe/London", "0 30 1 * * *", ["2026-03-29T01:30+00:00"]),
        # It repeats 01:00-02:00: once.
        (date(2026, 10, 25), "Europe/London", "0 30 1 * * *", ["2026-10-25T00:30+00:00"]),
        # Lord Howe changes by half an hour.
        (date(2026, 10, 4), "Australia/Lord_Howe", "0 15 2 * * *", ["2026-10-03T15:45+00:00"]),
        (date(2026, 1, 1), "Asia/Kolkata", "0 0 8 * * *", ["2026-01-01T02:30+00:00"]),
        (date(2028, 2, 29), "UTC", "0 0 8 29 2 *", ["2028-02-29T08:00+00:00"]),
        (date(2027, 2, 28), "UTC", "0 0 8 29 2 *", []),
    ],
)
def test_clock_changes_leap_days_and_half_hours(day, zone, cron, expected):
    assert parse_cron(cron).instants(day, ZoneInfo(zone)) == [at(text) for text in expected]


def test_an_hourly_schedule_runs_25_times_in_the_long_day():
    hours = parse_cron("0 0 * * * *")

    assert len(hours.instants(date(2026, 10, 25), ZoneInfo("Europe/London"))) == 25
    assert len(hours.instants(date(2026, 3, 29), ZoneInfo("Europe/London"))) == 23


def test_the_last_leap_day_is_found_from_far_away():
    found = last_due(parse_cron("0 0 8 29 2 *"), ZoneInfo("UTC"), at("2103-12-31T00:00+00:00"))

    assert found == at("2096-02-29T08:00+00:00")


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
def test_a_daily_time_is_due_once_in_every_local_day(moment, zone, hour, minute):
    info = ZoneInfo(zone)
    line = parse_cron(f"0 {minute} {hour} * * *")

    due = last_due(line, info, moment)

    assert due is not None and due <= moment < due + timedelta(hours=50)
    assert (
        due in line.instants(due.astimezone(info).date(), info) or due.astimezone(info).hour != hour
    )
    earlier = last_due(line, info, due - timedelta(seconds=1))
    assert earlier is not None and due - earlier <= timedelta(hours=48)
    assert due.astimezone(info).date() != earlier.astimezone(info).date()


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
def test_the_next_time_is_the_last_one_a_while_later(moment, zone, hour, minute):
    info = ZoneInfo(zone)
    line = parse_cron(f"0 {minute} {hour} * * *")

    due = next_due(line, info, moment)

    assert due is not None and moment < due <= moment + timedelta(hours=50)
    assert last_due(line, info, due) == due
    assert last_due(line, info, due - timedelta(seconds=1)) == last_due(line, info, moment)


@given(
    MOMENTS,
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.timedeltas(timedelta(0), timedelta(days=60)),
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_what_is_decided_holds_for_any_delay_and_outage(due, late, outage, zone, catch_up):
    line, info = parse_cron(EIGHT), ZoneInfo(zone)
    due = last_due(line, info, due)
    now, last = due + late, due - outage

    found = decide(due, now, last, zone, EIGHT, GRACE, catch_up)

    assert found.scheduled_for <= now and found.scheduled_for >= due
    assert found.day == found.scheduled_for.astimezone(info).date()
    assert not found.runs or found.scheduled_for > last
    if catch_up:
        assert found.verdict != "too_late"
    # Done once, the same start does nothing.
    after = decide(due, now, found.scheduled_for, zone, EIGHT, GRACE, catch_up)
    assert after.verdict == "already_done"


@given(
    st.lists(st.timedeltas(timedelta(0), timedelta(hours=70)), min_size=1, max_size=20),
    st.sampled_from(ZONES),
)
def test_no_day_is_done_twice_and_none_of_a_short_outage_is_lost(pauses, zone):
    now, last, days = at("2026-03-20T00:00+00:00"), None, []
    for pause in pauses:
        now += pause
        due = last_due(parse_cron(EIGHT), ZoneInfo(zone), now)
        found = decide(due, now, last, zone, EIGHT, GRACE, True)
        if found.runs:
            days.append(found.day)
            last = found.scheduled_for

    assert len(days) == len(set(days)) and days == sorted(days)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * *",
        "0 0 25 * * *",
        "0 0 8 * * fun",
        "0 0 8 32 * *",
        "0 0 8 0 * *",
        "0 0 8 * 13 *",
        "0 0 8 * 0 *",
        "0 0 8 * * 8",
        "0 60 8 * * *",
        "60 0 8 * * *",
        "0 0 24 * * *",
        "0 0 8-2 * * *",
        "0 */0 * * * *",
        "a b c d e f",
    ],
)
def test_a_bad_cron_line_is_refused_with_the_field(line):
    with pytest.raises(BadInput, match="cron line"):
        parse_cron(line)


def test_names_ranges_lists_and_steps():
    line = parse_cron("0 */20 8-10 * jan,JUL mon-fri")

    assert line.minutes == (0, 20, 40) and line.hours == (8, 9, 10)
    assert line.months == {1, 7} and line.weekdays == {1, 2, 3, 4, 5}
    assert parse_cron("0 0 8 * * 7").weekdays == {0}


def test_the_first_and_the_last_value_of_each_field_are_taken():
    last = parse_cron("59 59 23 31 12 6")
    first = parse_cron("0 0 0 1 1 0")

    assert (last.seconds, last.minutes, last.hours) == ((59,), (59,), (23,))
    assert (last.days, last.months, last.weekdays) == ({31}, {12}, {6})
    assert (first.seconds, first.minutes, first.hours) == ((0,), (0,), (0,))
    assert (first.days, first.months, first.weekdays) == ({1}, {1}, {0})


def test_a_star_is_the_whole_field():
    line = parse_cron("* * * * * *")

    assert (line.seconds, line.minutes) == (tuple(range(60)), tuple(range(60)))
    assert (line.hours, line.days) == (tuple(range(24)), set(range(1, 32)))
    assert (line.months, line.weekdays) == (set(range(1, 13)), set(range(7)))
    assert parse_cron("0 0 8 * * */3").weekdays == {0, 3, 6}


def test_a_step_goes_on_from_a_number_to_the_end_of_the_field_or_of_its_range():
    line = parse_cron("5/20 10-40/15 22/1 * * *")

    assert (line.seconds, line.minutes, line.hours) == ((5, 25, 45), (10, 25, 40), (22, 23))
    assert parse_cron("0 0 8 29/2 * 5-7").days == {29, 31}
    assert parse_cron("0 0 8 29/2 * 5-7").weekdays == {5, 6, 0}


def test_a_line_of_five_fields_fires_at_second_0():
    assert parse_cron("30 8 * * 1") == parse_cron("0 30 8 * * 1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("* * *", "'* * *' has 3 fields; it needs six: second, minute, hour,"),
        ("0 0 8 * * * *", "has 7 fields"),
        ("0 0 24 * * *", "hour '24' is not from 0 to 23"),
        ("0 0 8 0 * *", "day of month '0' is not from 1 to 31"),
        ("0 0 8 * foo *", "month 'foo' is not from 1 to 12"),
        ("0 0 8-2 * * *", "hour '8-2' is an empty range"),
        ("0 */0 * * * *", "minute '\\*/0' is an empty range"),
        ("0 1- * * * *", "minute '1-' is not a number, a range, a list or a step"),
    ],
)
def test_what_is_wrong_with_a_cron_line_is_said_with_what_is_allowed(line, said):
    with pytest.raises(BadInput, match=said):
        parse_cron(line)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        (" 30 m ", 1800),
        ("1.5h", 5400),
        ("1d", 86400),
        ("2w", 2 * 7 * 86400),
        (0.5, 0.5),
    ],
)
def test_a_duration_is_a_number_with_or_without_a_unit(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "h", "-1h", "1y", "1h30m", "1,5h"])
def test_what_is_no_duration_is_refused_in_words(text):
    with pytest.raises(BadInput, match="is not a number with s, m, h, d or w"):
        parse_duration(text)


def test_durations_in_words():
    assert parse_duration("12h") == timedelta(hours=12) and parse_duration(90) == timedelta(
        seconds=90
    )
    with pytest.raises(BadInput, match="soon"):
        parse_duration("soon")


@pytest.mark.parametrize(
    ("line", "days"),
    [
        # A day of the month and a weekday together mean either, as in every cron.
        ("0 0 8 13 * fri", [2, 9, 13, 16, 23, 30]),
        ("0 0 8 13 * *", [13]),
        ("0 0 8 ? * fri", [2, 9, 16, 23, 30]),
        ("0 0 8 1,2 oct fri", [1, 2, 9, 16, 23, 30]),
        ("0 0 8 13 nov fri", []),
    ],
)
def test_a_day_of_the_month_and_a_weekday_mean_either(line, days):
    cron = parse_cron(line)

    found = [day for day in range(1, 32) if cron.falls_on(date(2026, 10, day))]

    assert found == days


def test_a_start_at_the_end_of_the_grace_is_in_time():
    due = "2026-11-18T08:00+00:00"

    assert judge(due, "2026-11-18T20:00:00+00:00").verdict == "run"
    assert judge(due, "2026-11-18T20:00:01+00:00").verdict == "too_late"


@pytest.mark.parametrize(
    ("now", "ago"),
    [
        ("2026-11-18T08:59:59+00:00", "59 min ago"),
        ("2026-11-18T09:00:00+00:00", "1 h 0 min ago"),
        ("2026-11-18T10:30:00+00:00", "2 h 30 min ago"),
    ],
)
def test_how_late_a_start_is_is_said_in_hours_and_minutes(now, ago):
    found = judge("2026-11-18T08:00+00:00", now, grace=timedelta(minutes=5))

    assert found.reason == f"due at 2026-11-18 08:00 GMT, {ago}; the grace is 5 min"


def test_one_missed_start_in_time_is_caught_up_and_counted():
    found = judge("2026-11-18T08:00+00:00", "2026-11-18T08:01+00:00", "2026-11-16T08:00+00:00")

    assert (found.verdict, found.missed) == ("catch_up", 1) and found.runs
    assert found.reason == "due at 2026-11-18 08:00 GMT; 1 earlier missed, done as one"


def test_a_first_run_has_missed_nothing():
    found = judge("2026-11-18T08:00+00:00", "2026-11-18T08:01+00:00")

    assert (found.verdict, found.missed) == ("run", 0) and found.runs


def test_a_late_first_run_is_caught_up_only_when_it_is_wanted():
    late = ("2026-11-18T08:00+00:00", "2026-11-18T21:00+00:00")

    assert judge(*late, catch_up=True).runs and not judge(*late).runs


def test_missed_starts_are_counted_to_a_thousand():
    found = judge(
        "2026-11-18T08:00:00+00:00",
        "2026-11-18T08:00:00+00:00",
        "2026-11-17T08:00+00:00",
        cron="*/10 * * * * *",
    )

    assert (found.verdict, found.missed) == ("catch_up", 1000)


def test_without_a_cron_line_a_start_is_due_when_it_was_scheduled():
    due, now = "2026-11-18T08:00+00:00", "2026-11-19T07:00+00:00"

    assert judge(due, now, cron="", grace=timedelta(days=1)).scheduled_for == at(due)
    assert judge(due, now, due, cron="").verdict == "already_done"
    assert judge(due, now, due, cron="").reason == ("a run for 2026-11-18 08:00 GMT has succeeded")


def test_a_line_that_never_fires_is_never_due():
    line = parse_cron("0 0 8 30 2 *")

    assert last_due(line, ZoneInfo("UTC"), at("2026-11-18T08:00+00:00")) is None
    assert next_due(line, ZoneInfo("UTC"), at("2026-11-18T08:00+00:00")) is None


def test_the_next_leap_day_is_found_from_far_away():
    found = next_due(parse_cron("0 0 8 29 2 *"), ZoneInfo("UTC"), at("2096-02-29T08:00+00:00"))

    assert found == at("2104-02-29T08:00+00:00")


def test_a_moment_is_due_at_itself_and_next_after_it():
    line, moment = parse_cron(EIGHT), at("2026-11-18T08:00+00:00")

    assert last_due(line, ZoneInfo("UTC"), moment) == moment
    assert next_due(line, ZoneInfo("UTC"), moment) == moment + timedelta(days=1)
    assert next_due(line, ZoneInfo("UTC"), moment - timedelta(microseconds=1)) == moment
