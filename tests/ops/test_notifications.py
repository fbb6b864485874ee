"""What people chose to be told: who is told what, signed, tried again, and switched off."""

# ruff: noqa: F811

import base64
import hashlib
import hmac
import json
import time
import uuid

import pytest

from f.millrace.core import db, errors, run_context
from f.millrace.ops import notifications, recover_runs
from f.millrace.telemetry import alerts, runs, upkeep
from f.millrace.trust import actions, audit, authority, people, subscriptions, webhooks
from tests.tools.conftest import Reply, other_web  # noqa: F401
from tests.tools.test_mail import smtp  # noqa: F401


@pytest.fixture
def folk(database, configure):
    """An owner, an approver, a member, and a reader whose id is an address."""
    configure(user="ana")
    people.establish("test")
    for person, role in (("bo", "approver"), ("cy", "member"), ("di@home.example", "reader")):
        people.add(person, role, by="ana")


@pytest.fixture
def receiver(other_web, configure):
    """A receiver on loopback that the settings allow; takes everything at /hook."""
    configure(webhook_allow=other_web.host)
    other_web.routes["/hook"] = Reply("")
    return other_web


@pytest.fixture
def hook(folk, receiver):
    """A webhook of cy, who wants to know of runs by it."""
    subscriptions.set_chosen("cy", [("runs", "webhook")], by="cy")
    return webhooks.add("cy", "home", f"{receiver.address}/hook?key=1", by="cy")


def end_run(person, status="done", flow="chat", **fields):
    run_id = str(uuid.uuid4())
    with run_context.change(user_id=person):
        runs.ensure(run_id, flow)
    for name, value in fields.items():
        db.execute(f"UPDATE run SET {name} = %s WHERE id = %s", [value, run_id])
    db.execute("UPDATE run SET status = %s WHERE id = %s", [status, run_id])
    return run_id


def told(person=""):
    return db.fetch_all(
        "SELECT * FROM notification WHERE %s = '' OR person_id = %s ORDER BY happened_at",
        [person, person],
    )


def make_due():
    db.execute("UPDATE notification SET due_at = clock_timestamp() WHERE state = 'waiting'")


def test_a_signature_is_that_of_standard_webhooks():
    signed = webhooks.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_end_of_a_run_is_told_signed(hook, receiver):
    run_id = end_run("cy", "failed", error="the model refused")
    end_run("bo")

    assert notifications.deliver_due() == (1, 0, 0)

    (asked,) = receiver.asked
    message = json.loads(asked.body)
    assert message["type"] == "run.ended" and message["timestamp"].endswith("+00:00")
    assert message["data"]["id"] == run_id and message["data"]["status"] == "failed"
    assert message["data"]["error"] == "the model refused"
    headers = {name.lower(): value for name, value in asked.headers.items()}
    name, seconds = headers["webhook-id"], headers["webhook-timestamp"]
    assert name.startswith("msg_") and abs(int(seconds) - time.time()) < 60
    key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{seconds}.".encode() + asked.body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    assert notifications.deliver_due() == (0, 0, 0) and len(receiver.asked) == 1


def test_maintenance_dry_runs_and_runs_that_go_on_are_not_told(hook):
    end_run("cy", flow="ops.check_health")
    end_run("cy", dry_run=True)
    end_run("cy", status="waiting")

    assert told() == []


@pytest.mark.parametrize("status", [500, 503, 404, 302])
def test_what_is_not_taken_is_tried_again_later_with_the_same_id(hook, receiver, status):
    receiver.routes["/hook"] = Reply("no", status, {"Location": "http://127.0.0.1:1/"})
    end_run("cy")

    assert notifications.deliver_due() == (0, 1, 0)
    assert notifications.deliver_due() == (0, 0, 0)
    (row,) = told()
    assert row["state"] == "waiting" and row["tries"] == 1 and row["error"]
    assert "key=1" not in row["error"]

    receiver.routes["/hook"] = Reply("")
    make_due()
    assert notifications.deliver_due() == (1, 0, 0)
    names = {asked.headers["webhook-id"] for asked in receiver.asked}
    assert len(receiver.asked) == 2 and len(names) == 1


def test_the_waits_grow(hook, receiver):
    receiver.routes["/hook"] = Reply("no", 500)
    end_run("cy")
    waits = []
    for _ in range(3):
        make_due()
        notifications.deliver_due()
        row = db.fetch_one(
            "SELECT extract(epoch FROM due_at - clock_timestamp())::float AS s FROM notification"
        )
        waits.append(round(row["s"] / 5) * 5)

    assert waits == list(subscriptions.WAITS[:3])


def test_after_three_days_the_webhook_is_switched_off(hook, receiver):
    receiver.routes["/hook"] = Reply("no", 500)
    end_run("cy")
    db.execute("UPDATE notification SET tries = %s", [len(subscriptions.WAITS)])

    assert notifications.deliver_due() == (0, 0, 1)

    row = webhooks.get("cy", "home")
    assert row["switched_off_at"] and "after 10 tries" in row["switched_off_why"]
    end_run("cy")
    assert len(told()) == 1


def test_gone_switches_off_at_once_and_on_again_by_hand(hook, receiver):
    receiver.routes["/hook"] = Reply("", 410)
    end_run("cy")
    end_run("cy")

    notifications.deliver_due()

    assert "410" in webhooks.get("cy", "home")["switched_off_why"]
    assert [row["state"] for row in told()] == ["failed", "failed"] and len(receiver.asked) == 1
    webhooks.switch("cy", "home", True, by="cy")
    receiver.routes["/hook"] = Reply("")
    end_run("cy")
    assert notifications.deliver_due() == (1, 0, 0)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/hook",
        "http://localhost:{port}/hook",
        "http://[::ffff:127.0.0.1]:{port}/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0:{port}/hook",
        "http://10.0.0.1/hook",
    ],
)
def test_what_is_not_public_is_told_nothing_unless_the_setting_names_it(
    folk,
    other_web,
    configure,
    url,
):
    port = other_web.host.rpartition(":")[2]
    configure(fetch_allow=other_web.host)
    webhooks.add("cy", "inside", url.format(port=port), by="cy")

    fault = notifications.try_out("cy", "inside")

    assert "webhook_allow" in fault and "fetch_allow" not in fault and other_web.asked == []


def test_a_webhook_that_is_off_drops_what_waits_for_it_and_for_no_other(hook, receiver):
    other = webhooks.add("cy", "other", f"{receiver.address}/hook", by="cy")
    end_run("cy")
    assert len(told()) == 2

    webhooks.switch("cy", "home", False, by="cy")
    end_run("cy")

    states = {(row["webhook_id"], row["state"], row["error"]) for row in told()}
    assert states == {
        (hook["id"], "failed", "the webhook was switched off"),
        (other["id"], "waiting", ""),
    }
    assert webhooks.get("cy", "home")["switched_off_why"] == "by cy"
    assert notifications.deliver_due() == (2, 0, 0)
    webhooks.remove("cy", "other", by="cy")
    sent = [row["state"] for row in told() if row["webhook_id"] == other["id"]]
    assert sent == ["sent", "sent"]


def test_an_agent_changes_nothing_of_who_is_told_what(hook):
    with authority.agent("helper"):
        for change in (
            lambda: webhooks.add("cy", "own", "https://a.example/", by="helper"),
            lambda: webhooks.renew_secret("cy", "home", by="helper"),
            lambda: webhooks.switch("cy", "home", False, by="helper"),
            lambda: webhooks.remove("cy", "home", by="helper"),
            lambda: subscriptions.set_chosen("cy", [], by="helper"),
        ):
            with pytest.raises(errors.NotAllowed, match="is an agent"):
                change()
    assert webhooks.list_webhooks() == [hook]
    assert subscriptions.list_chosen("cy") == {("runs", "webhook")}


def test_a_person_has_twenty_webhooks_at_most(hook):
    for number in range(webhooks.MOST - 1):
        webhooks.add("cy", f"hook-{number}", "https://a.example/", by="cy")

    with pytest.raises(errors.BadInput, match="cy has 20 webhooks"):
        webhooks.add("cy", "more", "https://a.example/", by="cy")
    webhooks.add("bo", "more", "https://a.example/", by="cy")


def test_an_address_has_two_thousand_characters_at_most(folk):
    url = "https://a.example/".ljust(2000, "x")

    assert webhooks.parse_url(f" {url}\n") == url
    with pytest.raises(errors.BadInput, match="at most 2000"):
        webhooks.parse_url(url + "x")


def test_what_a_person_was_told_is_listed_by_way_the_newest_first(hook, receiver):
    subscriptions.set_chosen("cy", [("runs", "page"), ("runs", "webhook")], by="cy")
    ids = [end_run("cy") for _ in range(2)]
    for number, run_id in enumerate(ids):
        db.execute(
            "UPDATE notification SET happened_at = now() + make_interval(secs => %s) WHERE"
            " subject = %s",
            [number, run_id],
        )

    assert [row["subject"] for row in subscriptions.list_told("cy", "page")] == ids[::-1]
    assert [row["subject"] for row in subscriptions.list_told("cy", limit=1)] == ids[1:]
    assert len(subscriptions.list_told("cy")) == 4 and subscriptions.list_told("bo") == []


def test_a_mail_that_one_process_sends_is_left_alone_by_others_for_ten_minutes(folk):
    subscriptions.set_chosen("di@home.example", [("alerts", "mail")], by="ana")
    alerts.raise_alert("Unhealthy", "critical", "health", "search is down", {"part": "search"})

    (row,) = subscriptions.claim_mails()
    assert subscriptions.claim_mails() == []
    db.execute("UPDATE notification SET due_at = due_at - interval '10 minutes'")
    assert [one["id"] for one in subscriptions.claim_mails()] == [row["id"]]
    subscriptions.close(row, "sent", "")
    subscriptions.close(row, "failed", "too late")
    assert [one["state"] for one in told()] == ["sent"]


@pytest.mark.parametrize(
    "url", ["", "ftp://a.example", "file:///etc/passwd", "https://", "x" * 3000, "http://a:0/",
            "http://[::1", "https://a.example/\x00", "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_address_is_refused(folk, url):
    with pytest.raises(errors.BadInput):
        webhooks.add("cy", "home", url, by="cy")


def test_a_name_is_of_one_webhook_and_free_again_when_it_is_removed(hook):
    with pytest.raises(errors.BadInput, match="already"):
        webhooks.add("cy", "home", "https://a.example/", by="cy")
    with pytest.raises(errors.BadInput, match="no name"):
        webhooks.add("cy", "my home", "https://a.example/", by="cy")
    with pytest.raises(errors.NotFound):
        webhooks.get("bo", "home")

    webhooks.remove("cy", "home", by="cy")

    again = webhooks.add("cy", "home", "https://a.example/", by="cy")
    assert again["secret"] != hook["secret"]
    assert audit.last("webhook.removed", str(hook["id"]))["actor"] == "cy"
    assert audit.verify() == []


def test_a_new_secret_signs_what_comes_next(hook, receiver):
    renewed = webhooks.renew_secret("cy", "home", by="cy")
    end_run("cy")
    notifications.deliver_due()

    (asked,) = receiver.asked
    name, seconds = asked.headers["webhook-id"], int(asked.headers["webhook-timestamp"])
    signed = asked.headers["webhook-signature"]
    assert signed == webhooks.sign(renewed["secret"], name, seconds, asked.body)
    assert signed != webhooks.sign(hook["secret"], name, seconds, asked.body)


def test_who_may_decide_and_who_asked_are_told_what_waits(folk):
    for person in ("ana", "bo", "cy", "di@home.example"):
        subscriptions.set_chosen(person, [("approvals", "page")], by=person)
    with run_context.change(user_id="cy"):
        run_id = str(uuid.uuid4())
        runs.ensure(run_id, "do_task")
    row = actions.propose("mail.send", {"to": ["eve@out.example"]}, "test:1", run_id=run_id)
    assert told() == []

    actions.ask(row["id"])
    actions.ask(row["id"])

    assert sorted(one["person_id"] for one in told()) == ["ana", "bo", "cy"]
    said = notifications.describe(told()[0])
    assert said["data"]["path"] == f"/waiting/{row['id']}" and said["data"]["risk"] == "high"
    assert "arguments" not in said["data"]


def test_an_alert_is_told_once(folk):
    subscriptions.set_chosen("di@home.example", [("alerts", "page")], by="ana")

    for _ in range(2):
        alerts.raise_alert("Unhealthy", "critical", "health", "search is down", {"part": "search"})

    (row,) = told()
    assert notifications.describe(row)["data"]["words"].startswith("Unhealthy (critical): search")


def test_mails_go_to_who_has_an_address_all_in_one(folk, configure, tmp_path):
    configure(outbox_dir=str(tmp_path))
    subscriptions.set_chosen("di@home.example", [("alerts", "mail")], by="ana")
    with pytest.raises(errors.BadInput, match="no mail address"):
        subscriptions.set_chosen("cy", [("alerts", "mail")], by="cy")
    alerts.raise_alert("Unhealthy", "critical", "health", "search is down", {"part": "search"})
    alerts.raise_alert("Unhealthy", "critical", "health", "mail is down", {"part": "mail"})

    assert notifications.deliver_due() == (2, 0, 0)
    assert notifications.deliver_due() == (0, 0, 0)

    (kept,) = tmp_path.rglob("*.eml")
    text = kept.read_text()
    assert "di@home.example" in text and "2 things happened" in text and "mail is down" in text


def test_what_is_taken_back_before_it_is_sent_is_not_mailed(folk, configure, tmp_path):
    configure(outbox_dir=str(tmp_path))
    subscriptions.set_chosen("di@home.example", [("alerts", "mail")], by="ana")
    alerts.raise_alert("Unhealthy", "critical", "health", "search is down", {"part": "search"})
    subscriptions.set_chosen("di@home.example", [], by="ana")

    assert notifications.deliver_due() == (0, 0, 1)
    assert list(tmp_path.rglob("*.eml")) == []


def test_nobody_who_was_removed_is_told(hook):
    people.remove("cy", by="ana")

    end_run("cy")

    assert told() == []


def test_what_was_told_is_forgotten_after_the_days_of_events(hook, configure):
    configure(event_days="2")
    end_run("cy")
    end_run("cy")
    db.execute("UPDATE notification SET happened_at = now() - interval '3 days'")
    db.execute("UPDATE notification SET state = 'sent' WHERE id = %s", [told()[0]["id"]])

    assert upkeep.prune()["notifications"] == 1

    assert [row["state"] for row in told()] == ["waiting"]


def test_the_job_that_recovers_runs_sends_what_is_due(hook, receiver):
    end_run("cy")

    found = recover_runs.main()

    assert found["told"] == {"sent": 1, "later": 0, "failed": 0} and len(receiver.asked) == 1


@pytest.mark.parametrize("wrong", [("runs", "pigeon"), ("gossip", "page"), ("", "")])
def test_what_cannot_be_chosen_is_refused(folk, wrong):
    with pytest.raises(errors.BadInput, match="cannot be chosen"):
        subscriptions.set_chosen("cy", [wrong], by="cy")


@pytest.fixture
def mail_of_alerts(folk, smtp):
    """A mail server, and somebody who is told of alerts by mail: returns how to raise one."""
    subscriptions.set_chosen("di@home.example", [("alerts", "mail")], by="ana")
    return lambda: alerts.raise_alert(
        "Unhealthy", "critical", "health", "search is down", {"part": "search"}
    )


def test_a_mail_that_the_server_refuses_for_now_is_tried_again(mail_of_alerts, smtp):
    mail_of_alerts()
    smtp.refuse = b"450 come back later"

    assert notifications.deliver_due() == (0, 1, 0)
    (row,) = [one for one in told() if one["way"] == "mail"]
    assert row["state"] == "waiting" and "450" in row["error"]
    assert notifications.deliver_due() == (0, 0, 0)
    smtp.refuse = b""
    make_due()

    assert notifications.deliver_due() == (1, 0, 0)
    assert len(smtp.mails) == 1 and alerts.list_alerts()[0]["name"] == "Unhealthy"


def test_a_mail_server_that_nobody_reaches_is_tried_until_the_mail_is_given_up_and_told(
    mail_of_alerts, configure
):
    mail_of_alerts()
    configure(smtp_url="smtp://127.0.0.1:1")

    for _ in subscriptions.MAIL_WAITS:
        assert notifications.deliver_due() == (0, 1, 0)
        make_due()
    assert notifications.deliver_due() == (0, 0, 1)

    (given_up,) = [one for one in alerts.list_alerts() if one["name"] == "NotificationGivenUp"]
    assert "di@home.example" in given_up["summary"] and "127.0.0.1" in given_up["summary"]


def test_an_address_that_the_server_does_not_know_is_not_tried_again(mail_of_alerts, smtp):
    mail_of_alerts()
    smtp.refuse = b"550 unknown here"

    assert notifications.deliver_due() == (0, 0, 1)

    assert [one["name"] for one in alerts.list_alerts()].count("NotificationGivenUp") == 1


def test_a_mail_names_the_page_where_the_console_is(mail_of_alerts, smtp, configure):
    configure(console_url="https://console.example/")
    mail_of_alerts()

    notifications.deliver_due()

    assert b"https://console.example/system" in smtp.mails[0]
