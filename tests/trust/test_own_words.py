"""Whether a value is the user's: it stands in his words, also as a date, a time or a number."""

import pytest

from f.millrace.trust.own_words import OwnWords


@pytest.fixture(autouse=True)
def on_a_wednesday(configure):
    configure(now="2026-11-18T08:00:00+00:00")


def says(request: str, value: object) -> bool:
    return OwnWords(request).contains(value)


@pytest.mark.parametrize(
    ("value", "is_his"),
    [
        ("ada brandel", True),
        ("Ada  BRANDEL!", True),
        ("brandel ada", False),
        ("brande", False),
        (None, True),
        (False, True),
        (True, False),
        ("", False),
        (7, False),
    ],
)
def test_a_value_stands_side_by_side_in_the_request(value, is_his):
    assert says("Write to Ada Brandel about the cranes", value) is is_his


@pytest.mark.parametrize(
    ("request_", "value", "is_his"),
    [
        ("list three mails", "3", True),
        ("list three mails", 3, True),
        ("list twelve mails", "12", True),
        ("list zero mails", "0", True),
        ("list 3 mails", "3", True),
        ("list three mails", "4", False),
    ],
)
def test_a_number_may_be_written_out(request_, value, is_his):
    assert says(request_, value) is is_his


@pytest.mark.parametrize(
    ("request_", "day"),
    [
        ("on 2026-05-18", "2026-05-18"),
        ("on 18.5.2026", "2026-05-18"),
        ("on 5/18/2026", "2026-05-18"),
        ("on May 18th", "2026-05-18"),
        ("on May 18th", "2027-05-18"),
        ("on May 18, 2027", "2027-05-18"),
        ("on the 18th of May", "2026-05-18"),
        ("on 18 May 2027", "2027-05-18"),
        ("am 18. Mai", "2026-05-18"),
        ("le 3 février", "2026-02-03"),
        ("le 3 décembre", "2026-12-03"),
        ("am 3. März", "2026-03-03"),
        ("le 3 août", "2026-08-03"),
        ("today", "2026-11-18"),
        ("tonight", "2026-11-18"),
        ("tomorrow", "2026-11-19"),
        ("yesterday", "2026-11-17"),
        ("on Friday", "2026-11-20"),
        ("on Friday", "2026-11-27"),
        ("on Wednesday", "2026-11-18"),
        ("on Wednesday", "2026-11-25"),
        ("am Montag", "2026-11-23"),
    ],
)
def test_a_day_may_be_named_in_words(request_, day):
    assert says(request_, day) and says(request_, f"{day}T00:00:00Z")


@pytest.mark.parametrize(
    ("request_", "day"),
    [
        ("on May 18, 2027", "2026-05-18"),
        ("on May 18th", "2026-05-19"),
        ("on Friday", "2026-11-21"),
        ("on Friday", "2026-12-04"),
        ("on Friday", "2026-11-13"),
        ("tomorrow", "2026-11-20"),
        ("on 18.5.2026", "2026-13-45"),
        ("on a day", "2026-11-18"),
    ],
)
def test_another_day_is_not_his(request_, day):
    assert not says(request_, day)


@pytest.mark.parametrize(
    ("request_", "value", "is_his"),
    [
        ("at 10am", "10:00", True),
        ("at 10 p.m.", "22:00", True),
        ("at 12am", "00:00", True),
        ("at 12pm", "12:00", True),
        ("at 14:30", "14:30", True),
        ("at 14:30", "14:30:00", True),
        ("um 9 Uhr", "09:00", True),
        ("at noon", "12:00", True),
        ("at midday", "12:00", True),
        ("at 14:30", "14:31", False),
        ("at 10:59 pm", "22:59", True),
        ("at 23:59", "23:59", True),
        ("at 9.30 am", "09:30", True),
        ("at 9h30", "09:30", True),
        ("at 1 a.m.", "01:00", True),
        ("at 10:75 pm", "22:75", False),
        ("at 25:30", "25:30", True),  # as it stands there
        ("in 10 days", "10:00", False),
        ("tomorrow at 10am", "2026-11-19T10:00:00Z", True),
        ("tomorrow at 10am", "2026-11-19 10:00", True),
        ("tomorrow at 10am", "2026-11-19T11:00:00Z", False),
        ("tomorrow at 10am", "2026-11-20T10:00:00Z", False),
        ("tomorrow at 10am", "2026-11-19T10:00:00+02:00", False),
    ],
)
def test_a_time_may_be_named_in_words(request_, value, is_his):
    assert says(request_, value) is is_his


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("Ada Brandel", True),
        ("new mail", False),
        ("the mail", False),
        ("Ed", False),
        ("cranes", True),
        ("tides", False),
        (12, False),
    ],
)
def test_a_name_says_something(value, names):
    own = OwnWords("Send the new mail of Ada Brandel and Ed about cranes")

    assert own.names(value) is names


def test_a_task_that_the_user_did_not_write_names_nothing():
    assert not OwnWords().contains("ada") and OwnWords().words == []


def test_of_a_long_request_the_beginning_counts():
    assert says("x" * 19_995 + " ada", "ada") and not says("x" * 19_998 + " ada", "ada")
