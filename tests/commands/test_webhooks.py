"""`webhooks` and `subscriptions` on the command line."""

import json

import pytest

from f.millrace.trust import subscriptions, webhooks
from scripts.commands.__main__ import main as command
from tests.tools.conftest import Reply, other_web  # noqa: F401

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def receiver(other_web, configure):  # noqa: F811
    configure(user="ada", webhook_allow=other_web.host)
    other_web["/hook"] = Reply("")
    return other_web


def test_a_webhook_is_added_tested_switched_and_removed(capsys, receiver):
    assert command(["webhooks", "add", "ada", "home", f"{receiver.address}/hook"]) == 0
    secret = capsys.readouterr().out.splitlines()[-1]
    assert secret == webhooks.get("ada", "home")["secret"]
    assert command(["webhooks", "test", "ada", "home"]) == 0
    assert json.loads(receiver.asked[0].body)["type"] == "webhook.test"

    assert command(["webhooks", "off", "ada", "home"]) == 0
    assert command(["webhooks", "list"]) == 0
    shown = capsys.readouterr().out
    assert "off: by" in shown and secret not in shown
    assert command(["webhooks", "on", "ada", "home"]) == 0
    assert command(["webhooks", "secret", "ada", "home"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] != secret
    assert command(["webhooks", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["webhooks"]
    assert row["name"] == "home" and "secret" not in row
    receiver["/hook"] = Reply("", 500)
    assert command(["webhooks", "test", "ada", "home"]) == 1
    assert "not taken" in capsys.readouterr().out
    assert command(["webhooks", "remove", "ada", "home"]) == 0
    assert command(["webhooks", "remove", "ada", "home"]) == 2


def test_what_a_person_is_told_is_chosen_and_shown(capsys, receiver):
    assert command(["subscriptions", "choose", "ada", "runs:page", "alerts:webhook"]) == 0
    assert subscriptions.list_chosen("ada") == {("runs", "page"), ("alerts", "webhook")}
    assert command(["subscriptions", "list", "ada"]) == 0
    assert "alerts:webhook, runs:page" in capsys.readouterr().out
    assert command(["subscriptions", "list", "ada", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["told"] == []
    assert command(["subscriptions", "choose", "ada"]) == 0
    assert subscriptions.list_chosen("ada") == set()


@pytest.mark.parametrize("wrong", ["runs", "runs:pigeon", "alerts:mail"])
def test_what_cannot_be_chosen_is_refused_with_the_way_out(capsys, receiver, wrong):
    assert command(["subscriptions", "choose", "ada", wrong]) == 2
    assert "millrace: " in capsys.readouterr().err
