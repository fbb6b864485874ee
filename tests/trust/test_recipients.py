from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.trust import approvals, audit, recipients, risk
from scripts.commands.__main__ import main as command_line

pytestmark = pytest.mark.usefixtures("database")


def test_adding_a_recipient_grants_a_standing_approval_once():
    recipients.add("ada@home.example", interests=["batteries"], by="eva")
    recipients.add("ada@home.example", by="eva")

    held = approvals.list_standing("daily_research", "main")
    assert list(held) == ["ada@home.example"] and held["ada@home.example"]["granted_by"] == "eva"
    assert recipients.list_recipients()[0]["interests"] == ["batteries"] and audit.verify() == []


def test_revoking_takes_both_away_and_adding_brings_them_back():
    recipients.add("ada@home.example")
    recipients.revoke("ada@home.example")

    assert approvals.list_standing("daily_research", "main") == {}
    assert [row["address"] for row in recipients.list_recipients()] == ["me@localhost"]
    recipients.add("ada@home.example")
    assert "ada@home.example" in approvals.list_standing("daily_research", "main")


def test_a_standing_approval_ends_on_its_day_and_a_person_is_asked_again(monkeypatch, capsys):
    day = datetime.now(UTC) + timedelta(days=30)
    assert (
        command_line(["recipients", "add", "ada@home.example", "--until", f"{day:%Y-%m-%d}"]) == 0
    )
    assert command_line(["recipients", "list"]) == 0
    assert f"until {day:%Y-%m-%d}" in capsys.readouterr().out
    assert "ada@home.example" in approvals.list_standing("daily_research", "main")

    monkeypatch.setenv("MILLRACE_NOW", day.isoformat())
    config.reload()

    assert approvals.list_standing("daily_research", "main") == {}
    assert [
        row["standing"]
        for row in recipients.list_recipients()
        if row["address"] == "ada@home.example"
    ] == [None]


@pytest.mark.parametrize(
    ("day", "words"), [("tomorrow", "not a day like"), ("2020-01-31", "is over")]
)
def test_an_end_that_is_none_is_refused(day, words, capsys):
    assert command_line(["recipients", "add", "ada@home.example", "--until", day]) == 2
    assert words in capsys.readouterr().err and recipients.list_recipients()[0]["configured"]


def test_configured_recipients_have_no_standing_approval():
    row = recipients.list_recipients()[0]

    assert row["address"] == "me@localhost" and row["configured"] and row["standing"] is None


def test_an_unknown_recipient_cannot_be_revoked():
    with pytest.raises(NotFound, match="nobody@home"):
        recipients.revoke("nobody@home.example")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@home\r\nBcc: x@y.example",
        "a b@c.example",
        "<a@b.example>",
        "a@b.example,c@d.example",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadInput, match="mail address"):
        recipients.add(address)


def test_the_sample_has_one_reader_and_a_revoked_one_stays_revoked(monkeypatch):
    config.reload()
    assert [row["address"] for row in recipients.list_of_run("daily_research", "sample")] == [
        "reader@sample.example"
    ]
    recipients.revoke("reader@sample.example", namespace="sample")

    assert recipients.list_of_run("daily_research", "sample") == []


def test_the_stricter_of_house_rule_and_annotation_decides():
    assert risk.assess("mail.send", {"readOnlyHint": True}).risk == "high"
    assert risk.assess("web.search", {"destructiveHint": True}).risk == "high"
    assert risk.assess("any.read", {"readOnlyHint": True}).risk == "low"
    assert risk.assess("any.tool").risk == "high"
    assert risk.assess("any.write", {"destructiveHint": False}).risk == "medium"
    assert "always asks" in risk.explain("mail.send") and risk.is_above("high", "medium")
