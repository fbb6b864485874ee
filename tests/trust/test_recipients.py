from datetime import UTC, datetime, timedelta

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadInput, NotFound
from f.millrace.trust import audit, recipients, risk, standing_approvals
from scripts.commands.__main__ import main as command_line

pytestmark = pytest.mark.usefixtures("database")


def test_adding_a_recipient_grants_a_standing_approval_once():
    recipients.add("ada@home.example", interests=["batteries"], by="eva")
    recipients.add("ada@home.example", by="eva")

    held = standing_approvals.list_standing("daily_research", "main")
    assert list(held) == ["ada@home.example"] and held["ada@home.example"]["granted_by"] == "eva"
    assert recipients.list_recipients()[0]["interests"] == ["batteries"] and audit.verify() == []


def test_revoking_takes_both_away_and_adding_brings_them_back():
    recipients.add("ada@home.example")
    recipients.revoke("ada@home.example")

    assert standing_approvals.list_standing("daily_research", "main") == {}
    assert [row["address"] for row in recipients.list_recipients()] == ["me@localhost"]
    recipients.add("ada@home.example")
    assert "ada@home.example" in standing_approvals.list_standing("daily_research", "main")


def test_a_standing_approval_ends_on_its_day_and_a_person_is_asked_again(monkeypatch, capsys):
    day = datetime.now(UTC) + timedelta(days=30)
    assert (
        command_line(["recipients", "add", "ada@home.example", "--until", f"{day:%Y-%m-%d}"]) == 0
    )
    assert command_line(["recipients", "list"]) == 0
    assert f"until {day:%Y-%m-%d}" in capsys.readouterr().out
    assert "ada@home.example" in standing_approvals.list_standing("daily_research", "main")

    monkeypatch.setenv("MILLRACE_NOW", day.isoformat())
    config.reload()

    assert standing_approvals.list_standing("daily_research", "main") == {}
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


def test_who_is_configured_has_the_standing_approval_that_was_given_to_them(configure):
    configure(recipients="ada@home.example,ben@home.example", owners="ben@home.example")
    until = datetime.now(UTC) + timedelta(days=30)
    standing_approvals.grant("ada@home.example", expires_at=until)

    for flow in (None, recipients.FLOW):
        ada, ben = recipients.list_recipients(flow)
        assert ada["standing"] is not None and ada["until"] == until
        assert (ben["standing"], ben["until"]) == (None, None)
        assert (ada["flow"], ada["configured"], ada["owner"]) == (recipients.FLOW, True, False)
        assert ben["owner"] is True
    assert recipients.list_recipients("weekly")[0]["standing"] is None
    assert recipients.list_recipients(namespace="sample") == []


def test_recipients_are_those_of_one_flow_and_namespace():
    recipients.add("ada@home.example")
    recipients.add("ben@home.example", flow="weekly")
    recipients.add("eva@home.example", namespace="sample", owner=True)

    def addresses(*asked):
        return [
            row["address"] for row in recipients.list_recipients(*asked) if not row["configured"]
        ]

    assert addresses() == ["ada@home.example", "ben@home.example"]
    assert addresses("weekly") == ["ben@home.example"]
    assert addresses(None, "sample") == ["eva@home.example"]
    assert recipients.list_recipients(None, "sample")[0]["owner"] is True


def test_who_unsubscribed_is_listed_until_they_are_added_again(configure):
    configure(recipients="ada@home.example")
    recipients.unsubscribe("ada@home.example")
    recipients.unsubscribe("ben@home.example", flow="weekly")

    assert recipients.is_unsubscribed("ada@home.example")
    assert not recipients.is_unsubscribed("ada@home.example", flow="weekly")
    assert not recipients.is_unsubscribed("ada@home.example", namespace="sample")
    assert [row["address"] for row in recipients.list_unsubscribed()] == [
        "ada@home.example",
        "ben@home.example",
    ]
    assert recipients.list_recipients() == []
    recipients.add("ada@home.example")
    assert not recipients.is_unsubscribed("ada@home.example")


def test_interests_stay_until_others_are_given():
    recipients.add("ada@home.example", interests=["tides"])
    recipients.add("ada@home.example")
    assert recipients.describe("ada@home.example")["interests"] == ["tides"]

    recipients.add("ada@home.example", interests=["cranes", "ports"], owner=True)

    found = recipients.describe("ada@home.example")
    assert (found["interests"], found["owner"]) == (["cranes", "ports"], True)


def test_somebody_whom_nobody_knows_is_told_with_the_way_out():
    for ask in (recipients.describe, recipients.revoke):
        with pytest.raises(NotFound, match="is no recipient of daily_research"):
            ask("eva@home.example")
    standing_approvals.grant("eva@home.example")
    recipients.revoke("eva@home.example")
    with pytest.raises(NotFound):
        recipients.revoke("eva@home.example")


def test_who_is_only_configured_is_described_too(configure):
    configure(recipients="ada@home.example", owners="ada@home.example")

    found = recipients.describe("ada@home.example")

    assert (found["configured"], found["standing"], found["owner"]) == (True, None, True)
    assert (found["unsubscribed_at"], found["digests"]) == (None, [])


def test_who_unsubscribed_or_was_taken_away_is_still_described():
    recipients.add("ada@home.example", interests=["tides"])
    recipients.unsubscribe("ada@home.example")

    found = recipients.describe("ada@home.example")

    assert found["unsubscribed_at"] is not None and found["interests"] == ["tides"]
    assert (found["standing"], found["digests"]) == (None, [])
