import json

import pytest

from f.millrace.core import config
from f.millrace.core.errors import BadSetting, NotAllowed
from f.millrace.trust import (
    actions,
    approvals,
    audit,
    authority,
    recipients,
    risk,
    standing_approvals,
)

READS = {"readOnlyHint": True}


@pytest.fixture
def policy(monkeypatch):
    """Set the policy."""

    def set_policy(**values):
        for name, value in values.items():
            monkeypatch.setenv("MILLRACE_" + name.upper(), value)
        config.reload()

    return set_policy


@pytest.mark.parametrize(
    ("tool", "annotations", "expected"),
    [
        ("mail.send", READS, "high"),
        ("shop.buy_item", READS, "high"),
        ("wiki.deletePage", READS, "high"),
        ("blog.publish", {"destructiveHint": False}, "high"),
        ("plugins.install", READS, "high"),
        ("wiki.get_post", READS, "low"),
        ("any.read", READS, "low"),
        ("any.read", {"readOnlyHint": "yes"}, "high"),
        ("any.tool", None, "high"),
        ("any.write", {"destructiveHint": False}, "medium"),
        ("any.write", {"destructiveHint": False, "openWorldHint": False}, "medium"),
        ("web.search", READS, "medium"),
        ("web.search", {"destructiveHint": True}, "high"),
        ("", None, "high"),
    ],
)
def test_the_stricter_of_the_house_and_the_tools_word_decides(tool, annotations, expected):
    assert risk.assess(tool, annotations).risk == expected


def test_high_asks_whatever_the_threshold_and_medium_by_policy(policy):
    assert risk.needs_approval(risk.assess("mail.send"), "high")
    assert not risk.needs_approval(risk.assess("web.search")) and risk.needs_approval(
        risk.assess("web.search"), "low"
    )
    assert not risk.needs_approval(risk.assess("any.read", READS), "low")

    policy(risk_medium="ask")

    assert risk.needs_approval(risk.assess("web.search"), "medium")


def test_the_settings_raise_a_class_and_the_longest_pattern_wins(policy):
    policy(risk_policy='{"wiki.*": "high", "wiki.read": "low"}')

    assert risk.assess(
        "wiki.list", READS
    ).risk == "high" and "setting risk_policy 'wiki.*'" in risk.explain("wiki.list", READS)
    assert risk.assess("wiki.read").risk == "low"


@pytest.mark.parametrize("pattern", ["mail.send", "*", "mail.*"])
def test_what_always_asks_cannot_be_lowered_by_the_settings(policy, pattern):
    policy(risk_policy=json.dumps({pattern: "low"}))

    with pytest.raises(BadSetting, match="always high"):
        risk.assess("mail.send")


def test_a_note_to_the_operator_is_low_only_when_it_goes_to_the_operator(policy):
    policy(operator="op@home.example")

    assert risk.assess("mail.ask_operator", None, {"to": "op@home.example"}).risk == "low"
    assert risk.assess("mail.ask_operator", None, {"to": "mallory@evil.example"}).risk == "high"


@pytest.mark.usefixtures("database")
def test_a_caller_can_raise_its_class_and_never_lower_it():
    assert (
        actions.propose("mail.send", {"to": "a@b.example"}, "1", at_least="low")["risk"] == "high"
    )
    assert (
        actions.propose("any.read", {"x": 1}, "2", at_least="medium", annotations=READS)["risk"]
        == "medium"
    )


@pytest.mark.usefixtures("database")
def test_an_agent_cannot_answer_grant_or_settle():
    action = actions.propose("mail.send", {"to": "a@b.example"}, "1")
    action_id = str(action["id"])
    tries = [
        lambda: approvals.decide(action_id, action["digest"], "approved", "eva"),
        lambda: (
            approvals.approve_by_standing(action, "daily_research")
            or standing_approvals.grant("a@b.example")
        ),
        lambda: standing_approvals.revoke("a@b.example"),
        lambda: recipients.add("mallory@evil.example"),
        lambda: actions.reconcile_by_person(action_id, True, "eva"),
    ]

    for attempt in tries:
        with (
            authority.agent("researcher"),
            pytest.raises(NotAllowed, match="researcher is an agent"),
        ):
            attempt()

    assert (
        actions.get_by_id(action_id)["state"] == "proposed"
        and recipients.list_recipients()[0]["configured"]
    )
    assert sum(row["kind"] == "authority.refused" for row in audit.rows()) == len(tries)
    assert authority.acting_agent() == ""


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_patterns_the_longer_wins_in_whatever_order_they_stand(policy, reverse):
    patterns = [("*", "medium"), ("wiki.*", "high"), ("wiki.read_*", "low")]
    policy(risk_policy=json.dumps(dict(reversed(patterns) if reverse else patterns)))

    assert risk.assess("wiki.read_page", READS).risk == "low"
    assert risk.assess("wiki.list", READS).risk == "high"
    assert risk.assess("calendar.list", READS).risk == "medium"
