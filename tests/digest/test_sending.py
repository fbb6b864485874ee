"""How a digest's mail goes out: when it came too late, and what is told of how it ended."""

from datetime import date, timedelta
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.digest import delivery, sending
from f.millrace.telemetry import alerts
from f.millrace.tools import mail
from f.millrace.trust import recipients
from tests.digest.conftest import DAY, NOW, OpenRun, put

ADA = "ada@home.example"


@pytest.fixture(autouse=True)
def at_home(database, configure, tmp_path):
    """A reader with a standing approval, and an outbox."""
    configure(outbox_dir=tmp_path, now=NOW.isoformat())
    recipients.add(ADA, by="test")


def put_delivery(run: OpenRun, **columns: Any) -> None:
    """Store a digest and the mail of it."""
    own = {"flow": "daily_research", "namespace": "main", "edition": "daily", "local_day": DAY,
           "number": 1}  # fmt: skip
    own |= {name: columns.pop(name) for name in own if name in columns}
    of_digest = {name: columns.pop(name) for name in ("private", "window_since", "shared")
                 if name in columns}  # fmt: skip
    until = columns.pop("window_until", NOW)
    put("digest", id=run.id, run_id=run.id, **own, window_until=until, recipients=[ADA],
        subject="News", html="<p>News</p>", plain="News", **of_digest)  # fmt: skip
    plain = {"recipient": ADA, "status": "waiting", "message_id": f"{run.id}@millrace.local"}
    put("delivery", run_id=run.id, digest_id=run.id, window_until=until, **own,
        **{**plain, **columns})  # fmt: skip


def deliver(run: OpenRun) -> dict[str, Any]:
    rows = delivery.deliveries_of(run.id)
    (told,) = sending.deliver(
        run.plan, rows, lambda action: sending.authorise_unasked(run.plan, action)
    )
    return told


def test_a_mail_goes_out_once(tmp_path):
    run = OpenRun()
    put_delivery(run)

    assert deliver(run)["status"] == "outbox"
    assert deliver(run)["status"] == "outbox"
    assert len(list(tmp_path.rglob("*.eml"))) == 1
    assert alerts.list_alerts() == []


@pytest.mark.parametrize(
    ("earlier", "late"),
    [
        ({"local_day": date(2026, 11, 19)}, True),
        ({"local_day": date(2026, 11, 17)}, True),
        ({"local_day": date(2026, 11, 19), "status": "outbox"}, True),
        ({"local_day": date(2026, 11, 19), "status": "failed"}, False),
        ({"local_day": date(2026, 11, 19), "flow": "other"}, False),
        ({"local_day": date(2026, 11, 19), "namespace": "other"}, False),
        ({"local_day": date(2026, 11, 19), "edition": "sample"}, False),
        ({"local_day": date(2026, 11, 19), "recipient": "bob"}, False),
        ({"local_day": date(2026, 11, 17), "window_until": NOW - timedelta(hours=1)}, False),
        ({"number": 2}, True),
    ],
)
def test_a_mail_comes_too_late_after_one_that_holds_what_was_new(earlier, late):
    put_delivery(OpenRun(), **{"status": "sent", **earlier})
    run = OpenRun()
    put_delivery(run, window_since=NOW - timedelta(hours=1))

    told = deliver(run)

    assert (told["status"] == "expired") is late
    if late:
        day = earlier.get("local_day", DAY)
        assert told["error"] == f"the digest of {day} came first and holds what was new"


def test_a_further_edition_repeats_its_day_on_purpose():
    put_delivery(OpenRun(), status="sent")
    run = OpenRun(number=2)
    put_delivery(run, number=2)

    assert deliver(run)["status"] == "outbox"


def test_who_unsubscribed_gets_no_mail():
    run = OpenRun()
    put_delivery(run)
    recipients.unsubscribe(ADA, "daily_research", "main")

    told = deliver(run)

    assert (told["status"], told["error"]) == ("expired", "its reader has unsubscribed")


@pytest.mark.parametrize(("owner", "status"), [(True, "outbox"), (False, "expired")])
def test_what_is_private_goes_to_an_owner_only(owner, status):
    recipients.add(ADA, by="test", owner=owner)
    run = OpenRun()
    put_delivery(run, private=True)

    assert deliver(run)["status"] == status


def test_what_is_not_shared_any_more_is_not_sent():
    run = OpenRun()
    put_delivery(run, shared={"source:notes": "eva"})

    assert "not shared with its reader any more" in deliver(run)["error"]


def test_who_has_no_standing_approval_waits():
    run = OpenRun()
    put_delivery(run, recipient="bob@home.example")

    assert deliver(run)["status"] == "waiting"


@pytest.mark.parametrize(
    ("fault", "edition", "status", "severity"),
    [
        (RuntimeError("broken"), "daily", "unknown", "critical"),
        (mail.DeliveryUnknown("it hung up"), "daily", "unknown", "critical"),
        (RuntimeError("broken"), "sample", "unknown", None),
    ],
)
def test_a_mail_that_may_have_gone_out_is_told(monkeypatch, fault, edition, status, severity):
    def fail(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(mail, "send", fail)
    run = OpenRun(edition=edition)
    put_delivery(run, edition=edition)

    assert deliver(run)["status"] == status
    told = alerts.list_alerts()
    assert [alert["severity"] for alert in told] == [severity] * bool(severity)
    if severity:
        assert told[0]["labels"]["recipient"] == ADA
        assert "may or may not be delivered" in told[0]["summary"]


def test_a_fault_of_one_mail_is_told_without_its_secrets_and_cut(monkeypatch):
    def fail(*_: Any) -> str:
        raise RuntimeError("x" * 900)

    monkeypatch.setattr(sending, "_overtaken_by", fail)
    run = OpenRun()
    put_delivery(run)

    told = deliver(run)

    assert told["status"] == "failed" and told["error"] == ("RuntimeError: " + "x" * 900)[:500]
    (alert,) = alerts.list_alerts()
    assert alert["severity"] == "critical"
    assert db.fetch_one("SELECT status FROM delivery") == {"status": "failed"}
