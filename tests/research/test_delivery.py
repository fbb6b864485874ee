import email
from pathlib import Path

import pytest

from f.millrace.approvals import ask, record
from f.millrace.core import config, db
from f.millrace.core.errors import SourceFailed, ToolFailed
from f.millrace.digest import delivery
from f.millrace.digest.result import whole_result
from f.millrace.research import close, deliver, deliver_rest, propose
from f.millrace.tools import mail
from f.millrace.trust import actions, approvals, audit, recipients


@pytest.fixture
def waiting(pipeline, two_stories, monkeypatch):
    """A composed run whose second reader has no standing approval."""
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "ada@home.example,carl@home.example")
    config.reload()
    return pipeline.until_compose()


def statuses(run_id):
    return {
        row["recipient"]: row["status"]
        for row in db.fetch_all(
            "SELECT recipient, status FROM delivery WHERE run_id = %s", [run_id]
        )
    }


def outbox():
    return sorted(Path(config.settings().outbox_dir).glob("*.eml"))


def test_a_standing_approval_gets_the_mail_at_once_and_others_wait(waiting):
    proposed = propose.main(waiting)
    delivered = deliver.main(waiting)

    assert proposed["standing"] == ["ada@home.example"] and proposed["asking"] == [
        "carl@home.example"
    ]
    assert proposed["needs_approval"] and proposed["action_id"]
    assert [one["status"] for one in delivered["deliveries"]] == ["outbox"]
    assert statuses(waiting) == {"ada@home.example": "outbox", "carl@home.example": "waiting"}


def test_the_mail_in_the_outbox_is_the_digest(waiting):
    propose.main(waiting)
    path = Path(deliver.main(waiting)["deliveries"][0]["path"])

    message = email.message_from_bytes(path.read_bytes())
    assert message["To"] == "ada@home.example"
    assert message["Message-ID"].startswith("<daily_research-2026-11-18-1-")
    assert path.with_name("digest-2026-11-18.html").is_file()
    assert path.with_name("digest-2026-11-18.txt").is_file()


def test_what_a_person_approves_is_sent(waiting):
    proposed = propose.main(waiting)
    deliver.main(waiting)
    question = ask.main(proposed["action_id"])
    answer = record.main(
        proposed["action_id"],
        resume=question["default_args"],
        resumes=[question["default_args"]],
        approvers=["eva"],
    )

    rest = deliver_rest.main(waiting, answer["approved"], proposed["action_id"])

    assert answer == {"approved": True, "decision": "approved", "by": "eva"}
    assert [(one["recipient"], one["status"]) for one in rest["deliveries"]] == [
        ("carl@home.example", "outbox")
    ]
    assert (
        deliver_rest.main(waiting, True, proposed["action_id"])["deliveries"] == rest["deliveries"]
    )
    assert len(outbox()) == 2 and audit.verify() == []


def test_what_a_person_denies_is_not_sent(waiting):
    proposed = propose.main(waiting)
    record.main(
        proposed["action_id"], resume={"error": {"name": "SuspendedDisapproved"}}, approvers=["eva"]
    )

    rest = deliver_rest.main(waiting, False, proposed["action_id"])

    assert [one["status"] for one in rest["deliveries"]] == ["denied"]
    assert close.main(waiting)["status"] == "done"
    assert len(outbox()) == 0


def test_saying_approved_without_a_stored_answer_sends_nothing(waiting):
    proposed = propose.main(waiting)

    assert [
        one["status"]
        for one in deliver_rest.main(waiting, True, proposed["action_id"])["deliveries"]
    ] == ["expired"]
    assert outbox() == []


def test_a_digest_that_changed_after_the_approval_is_not_sent(waiting):
    proposed = propose.main(waiting)
    approvals.decide(
        proposed["action_id"], actions.get_by_id(proposed["action_id"])["digest"], "approved", "eva"
    )
    db.execute(
        "UPDATE digest SET html = html || '<p>one more thing</p>' WHERE run_id = %s", [waiting]
    )

    rest = deliver_rest.main(waiting, True, proposed["action_id"])

    assert [one["status"] for one in rest["deliveries"]] == ["expired"]
    assert "not what was approved" in rest["deliveries"][0]["error"] and outbox() == []


def test_nothing_waits_when_everybody_has_a_standing_approval(pipeline, two_stories):
    run_id = pipeline.until_compose()
    proposed = propose.main(run_id)

    assert proposed["action_id"] is None and not proposed["needs_approval"]
    assert record.main(proposed["action_id"], asked=False)["approved"] is False
    assert deliver_rest.main(run_id)["deliveries"] == []


def test_a_revoked_approval_does_not_count_any_more(pipeline, two_stories):
    run_id = pipeline.until_compose()
    propose.main(run_id)
    recipients.revoke("ada@home.example")

    assert deliver.main(run_id)["deliveries"] == [] and outbox() == []


def test_a_repeat_after_a_crash_sends_once(pipeline, two_stories, monkeypatch):
    run_id = pipeline.until_compose()
    propose.main(run_id)
    kept = actions._record
    monkeypatch.setattr(actions, "_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        deliver.main(run_id)
    monkeypatch.setattr(actions, "_record", kept)
    sent = []
    monkeypatch.setattr(mail, "send", lambda *args: sent.append(args))

    again = deliver.main(run_id)

    assert [one["status"] for one in again["deliveries"]] == ["outbox"] and sent == []


@pytest.mark.parametrize(
    ("policy", "status", "times"), [("hold", "unknown", 1), ("resend", "sent", 2)]
)
def test_a_mail_server_that_vanished_is_held_or_asked_again(
    pipeline, two_stories, monkeypatch, policy, status, times
):
    monkeypatch.setenv("MILLRACE_SMTP_URL", "smtp://mail.example:25")
    monkeypatch.setenv("MILLRACE_SMTP_UNKNOWN", policy)
    config.reload()
    calls = []

    def send(to, subject, text, html, message_id, listing):
        calls.append(message_id)
        if len(calls) == 1:
            raise mail.DeliveryUnknown("the connection was lost while the mail was handed over")
        return mail.Sent(message_id=message_id, status="sent")

    monkeypatch.setattr(mail, "send", send)
    run_id = pipeline.until_compose()
    propose.main(run_id)
    first = deliver.main(run_id)["deliveries"]

    again = deliver.main(run_id)["deliveries"]

    assert first[0]["status"] == "unknown" and again[0]["status"] == status
    assert len(calls) == times and len(set(calls)) == 1


def test_a_mail_that_failed_can_be_tried_again(pipeline, two_stories, monkeypatch):
    real = mail.send
    monkeypatch.setattr(
        mail, "send", lambda *_: (_ for _ in ()).throw(ToolFailed("550 no such user"))
    )
    run_id, closed = pipeline.run()
    assert closed["status"] == "partly_failed" and statuses(run_id) == {
        "ada@home.example": "failed"
    }

    monkeypatch.setattr(mail, "send", real)
    again, closed = pipeline.run()

    assert again != run_id and closed["deliveries"] == [
        {"recipient": "ada@home.example", "status": "outbox"}
    ]


def test_two_runs_of_a_day_deliver_once(pipeline, two_stories):
    first, second = pipeline.until_compose(), pipeline.until_compose()
    for run_id in (first, second):
        propose.main(run_id)
    for run_id in (second, first):
        deliver.main(run_id)

    assert len(outbox()) == 1 and statuses(second) == {}


def test_a_dry_run_leaves_nothing_outside_its_record(pipeline, two_stories):
    run_id, closed = pipeline.run(dry_run=True)

    assert (
        closed["deliveries"] == [] and outbox() == [] and len(whole_result(run_id)["digests"]) == 1
    )
    for table in ("memory_item", "delivery", "action"):
        assert db.fetch_one(f"SELECT count(*) AS n FROM {table}") == {"n": 0}
    assert pipeline.open()["decision"] == "run"


def test_the_key_depends_on_the_mail_and_not_on_the_run(pipeline, two_stories):
    from f.millrace.digest.run_plan import load

    one, other = load(pipeline.open()["run_id"]), load(pipeline.open()["run_id"])

    assert delivery.message_id(one, "a@b.example") == delivery.message_id(other, "a@b.example")
    assert delivery.message_id(one, "a@b.example") != delivery.message_id(one, "b@b.example")


def test_the_run_closes_with_cost_and_label(pipeline, two_stories, offered):
    offered["feeds"] = SourceFailed("timed out")

    run_id, closed = pipeline.run()

    assert closed["wm_labels"][0] == "cost:$0.00" and closed["status"] == "partly_failed"
    row = db.fetch_one("SELECT status, error, result FROM run WHERE id = %s", [run_id])
    assert (
        row["status"] == "partly_failed"
        and "timed out" in row["error"]
        and row["result"]["digests"]
    )


def test_the_whole_result_has_what_the_command_line_promises(pipeline, two_stories):
    run_id, _ = pipeline.run()

    whole = whole_result(run_id)

    assert {
        "edition",
        "digests",
        "sources",
        "topics",
        "evidence",
        "deliveries",
        "tool_gaps",
    } <= set(whole)
    assert (
        set(whole["digests"][0]) == {"digest_id", "window", "recipients", "files"}
        and len(whole["digests"][0]["files"]) == 3
    )
    assert set(whole["sources"][0]) == {"name", "status", "items", "error"}
    cited = [
        one
        for topic in whole["topics"]
        for finding in topic["findings"]
        for one in finding["citations"]
    ]
    assert cited and set(cited) <= set(whole["evidence"])
    assert {"recipient", "status", "message_id", "path"} <= set(whole["deliveries"][0])


def test_a_fault_with_one_mail_that_nobody_foresaw_ends_no_other(
    pipeline, two_stories, monkeypatch
):
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "ada@home.example,zoe@home.example")
    config.reload()
    for address in ("ada@home.example", "zoe@home.example"):
        recipients.add(address)
    run_id = pipeline.until_compose()
    propose.main(run_id)
    send = mail.send

    def fail_for_ada(to, *more):
        if to.startswith("ada"):
            raise UnicodeEncodeError("ascii", to, 0, 1, "ordinal not in range")
        return send(to, *more)

    monkeypatch.setattr(mail, "send", fail_for_ada)

    deliver.main(run_id)

    assert statuses(run_id) == {"ada@home.example": "unknown", "zoe@home.example": "outbox"}
