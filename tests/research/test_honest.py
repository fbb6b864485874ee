"""A day on which something fails: what waits, what is told, and who is said to have written."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from f.millrace.core import config, db
from f.millrace.core.errors import BudgetExceeded, SourceFailed, ToolFailed
from f.millrace.core.run_context import Context, use
from f.millrace.digest import run_summary
from f.millrace.models import fault_log, faults
from f.millrace.ops import health, recover_runs
from f.millrace.research import (
    check_model,
    close,
    compose,
    deliver,
    investigate,
    propose,
    read_pages,
    read_source,
    select,
)
from f.millrace.telemetry import alerts
from f.millrace.tools import mail
from f.millrace.trust import limits, recipients
from tests.agents.conftest import edge  # noqa: F401
from tests.research.conftest import NOW, item

DOWN = SourceFailed("https://site.example answered HTTP 503")
REFUSED = json.dumps({"error": {"message": "Incorrect API key provided", "code": "x"}})


def status(run_id):
    return db.fetch_one("SELECT status FROM run WHERE id = %s", [run_id])["status"]


def refuse_key(handler, _):
    handler.answer(401, REFUSED, "application/json")
    return True


def read_all(opened):
    for source in opened["sources"]:
        try:
            read_source.main(opened["run_id"], source)
        except SourceFailed:
            continue
    read_pages.main(opened["run_id"])


@pytest.fixture
def all_down(pipeline, offered):
    offered.update({"hackernews": DOWN, "feeds": DOWN})
    opened = pipeline.open(scheduled_for="2026-11-18T08:00:00Z")
    read_all(opened)
    return opened["run_id"]


def test_a_day_without_any_source_makes_no_digest_and_waits(all_down):
    chosen = select.main(all_down)

    assert chosen["stop"] and chosen["batches"] == []
    assert "hackernews: https://site.example answered HTTP 503" in chosen["reason"]
    assert "until 20:00 Europe/London" in chosen["reason"]
    assert status(all_down) == "waiting"
    (alert,) = alerts.list_alerts()
    assert (alert["name"], alert["severity"]) == ("RunWaits", "warning")
    assert db.fetch_all("SELECT id FROM digest") == [] == db.fetch_all("SELECT * FROM delivery")


def test_the_next_try_goes_on_when_a_source_answers(all_down, pipeline, offered, monkeypatch):
    select.main(all_down)
    offered.update({"feeds": [item("2", "A library opens three centuries of flood records")]})
    monkeypatch.setenv("WM_ROOT_JOB_ID", all_down)

    opened = pipeline.open()
    read_all(opened)
    chosen = select.main(all_down)

    assert opened["run_id"] == all_down
    assert not chosen["stop"] and chosen["count"] == 1


def test_after_its_window_the_run_fails_once_with_the_reason(all_down, clock):
    select.main(all_down)
    clock(NOW + timedelta(hours=12, minutes=1))

    with pytest.raises(SourceFailed, match=r"no source could be read .*given up after 2 tries"):
        select.main(all_down)

    assert alerts.list_alerts()[0]["severity"] == "critical"


def test_another_run_of_the_day_takes_the_place_of_the_one_that_waits(all_down, pipeline, offered):
    select.main(all_down)
    offered.update({"feeds": [item("2", "A library opens three centuries of flood records")]})

    run_id, small = pipeline.run()

    assert run_id != all_down and small["status"] == "partly_failed"
    assert [one["status"] for one in small["deliveries"]] == ["outbox"]
    assert status(all_down) == "failed"


def test_a_dry_run_does_not_wait(pipeline, offered):
    offered.update({"hackernews": DOWN, "feeds": DOWN})
    opened = pipeline.open(dry_run=True)
    read_all(opened)

    with pytest.raises(SourceFailed, match="no source could be read"):
        select.main(opened["run_id"])


def test_on_windmill_a_tick_starts_a_new_job_for_what_waits(all_down, worker, monkeypatch):
    select.main(all_down)
    db.execute(
        "UPDATE run SET orchestrator = 'windmill', pipeline = pipeline || %s",
        [db.jsonb({"area": "research"})],
    )

    assert recover_runs.main()["tried_again"] == [all_down]

    ((path, body),) = worker.posted
    assert path == "jobs/run/f/f/millrace/research/daily_research" and body["run_id"] == all_down
    assert status(all_down) == "running"
    assert recover_runs.main()["tried_again"] == []


@pytest.fixture
def model(pipeline, edge, configure):  # noqa: F811
    configure(model="openai:gpt-4o")
    edge.write = lambda _: "OK"
    return edge


def test_a_refused_key_is_found_before_anything_is_read(model, pipeline):
    model.faults = [refuse_key] * 9
    run_id = pipeline.open()["run_id"]

    told = check_model.main(run_id)

    assert told["stop"] and status(run_id) == "waiting"
    assert (
        "401: the key of OPENAI_API_KEY was refused (Incorrect API key provided)" in told["reason"]
    )
    assert len(model.requests) == 1
    # What nobody tried to read is not said to have failed.
    assert run_summary.sources(run_id) == []


def test_a_model_is_asked_once_a_day(model, pipeline):
    first, second = pipeline.open()["run_id"], pipeline.open()["run_id"]

    told = [check_model.main(run_id) for run_id in (first, first, second)]

    assert [one["checked"] for one in told] == [["openai:gpt-4o"], [], []]
    assert len(model.requests) == 1 and not told[0]["stop"]


def test_a_run_whose_models_have_answered_today_skips_the_check(model, pipeline):
    first = pipeline.open()

    check_model.main(first["run_id"])

    assert not first["models_checked"] and pipeline.open()["models_checked"]


def test_the_offline_model_is_not_asked(pipeline):
    assert check_model.main(pipeline.open()["run_id"]) == {
        "stop": False,
        "reason": "",
        "checked": [],
    }


def test_where_the_offline_model_may_stand_in_the_run_goes_on(model, pipeline, configure):
    configure(offline_stands_in="always")
    model.faults = [refuse_key] * 9

    told = check_model.main(pipeline.open()["run_id"])

    assert not told["stop"] and "401" in told["reason"]


def test_topics_of_which_a_failing_model_researched_none_make_no_digest_and_wait(
    pipeline, two_stories
):
    opened = pipeline.open(scheduled_for="2026-11-18T08:00:00Z")
    read_all(opened)
    select.main(opened["run_id"])
    fault = faults.Fault("key", "401: the key was refused", "set another", lasting=True)
    with use(Context(run_id=opened["run_id"])):
        fault_log.note_fault("planner", "openai:gpt-4o", fault)

    told = compose.main(opened["run_id"])

    assert told["stop"] and told["digests"] == []
    assert "openai:gpt-4o failed: 401: the key was refused; set another" in told["reason"]
    assert status(opened["run_id"]) == "waiting"


def written(pipeline, researcher, two_stories):
    opened = pipeline.open()
    read_all(opened)
    for topic_ids in select.main(opened["run_id"])["batches"]:
        investigate.main(opened["run_id"], topic_ids)
    return opened["run_id"]


def test_the_digest_names_who_wrote_what(pipeline, researcher, two_stories):
    researcher["Sodium batteries keep their charge in deep winter"] = lambda found, _: (
        found.model_copy(update={"written_by": ["openai:gpt-4o"]})
    )
    run_id = written(pipeline, researcher, two_stories)

    compose.main(run_id)

    plain = " ".join(db.fetch_one("SELECT plain FROM digest")["plain"].split())
    assert "Written by 1 topic by openai:gpt-4o, 1 topic picked from the sources by" in plain


def test_a_digest_in_which_nothing_was_written_names_no_model(
    pipeline, researcher, two_stories, configure
):
    configure(model="openai:gpt-4o")
    for title in ("Sodium batteries keep their charge in deep winter",):
        researcher[title] = RuntimeError("boom")
    researcher["A library opens three centuries of flood records"] = RuntimeError("boom")
    run_id = written(pipeline, researcher, two_stories)

    compose.main(run_id)

    row = db.fetch_one("SELECT plain, html FROM digest")
    for text in (" ".join(row["plain"].split()), row["html"]):
        assert "No model wrote anything in it." in text and "by openai" not in text
        assert "Left undone:" in text and "its research failed" in text
        assert "None of 2 topics could be researched." in text
        # What an error says is for those who can mend it.
        assert "boom" not in text


@pytest.fixture
def smtp(configure, monkeypatch):
    """A mail server by what it answers: an error for each address, or nothing."""
    refusals = {}
    configure(smtp_url="smtp://127.0.0.1:2")

    def hand_over(message, url):
        fault = refusals.get(str(message["To"]))
        if fault:
            raise fault

    monkeypatch.setattr(mail, "_hand_over", hand_over)
    return refusals


def refusal(words, temporary):
    fault = ToolFailed(words)
    fault.temporary = temporary
    return fault


def deliver_all(run_id):
    propose.main(run_id)
    return deliver.main(run_id), close.main(run_id)


def test_a_mail_that_is_refused_for_now_is_not_delivered_and_is_tried_again(
    pipeline, two_stories, smtp
):
    smtp["ada@home.example"] = refusal("451 4.7.1 come back later", True)
    run_id = pipeline.until_compose()

    told, closed = deliver_all(run_id)

    assert (told["delivered"], told["undelivered"]) == (0, 1)
    assert closed["status"] == "waiting" and "451 4.7.1" in closed["problems"][0]
    assert status(run_id) == "waiting"
    mailing = next(part for part in health.check_components() if part.name == "mail")
    assert mailing.state in ("degraded", "critical")
    assert "DeliveryFailed" in {row["name"] for row in alerts.list_alerts()}

    smtp.clear()
    told, closed = deliver_all(run_id)

    assert (told["delivered"], closed["status"]) == (1, "done")
    assert alerts.list_alerts() == []


def test_a_mail_that_is_refused_for_good_fails_the_run_and_is_an_alert(pipeline, two_stories, smtp):
    smtp["ada@home.example"] = refusal("550 no such user", False)
    recipients.add("bob@home.example")
    run_id = pipeline.until_compose()

    told, closed = deliver_all(run_id)

    assert (told["delivered"], told["undelivered"]) == (1, 1)
    assert closed["status"] == "partly_failed" and "550 no such user" in str(closed["problems"])
    (alert,) = alerts.list_alerts()
    assert alert["severity"] == "critical" and "was not delivered: 550" in alert["summary"]


def test_a_refusal_that_lasts_until_the_window_ends_is_told_as_failed(
    pipeline, two_stories, smtp, clock
):
    smtp["ada@home.example"] = refusal("451 4.7.1 come back later", True)
    run_id = pipeline.until_compose()
    deliver_all(run_id)
    clock(NOW + timedelta(hours=13))

    _, closed = deliver_all(run_id)

    assert closed["status"] == "partly_failed" and status(run_id) == "partly_failed"


def test_the_reader_of_a_fresh_installation_is_never_asked_about(
    pipeline, two_stories, smtp, monkeypatch
):
    monkeypatch.delenv("MILLRACE_RECIPIENTS")
    recipients.revoke("ada@home.example")
    config.reload()
    run_id = pipeline.until_compose()

    proposed = propose.main(run_id)
    told = deliver.main(run_id)

    assert not proposed["needs_approval"] and told["kept"] == 1
    page = Path(config.settings().outbox_dir) / "digest-2026-11-18.html"
    assert "Sodium batteries" in page.read_text(encoding="utf-8")


def test_a_budget_is_told_at_70_90_and_100_percent_in_the_digest_and_as_one_alert(
    pipeline, researcher, two_stories
):
    run_id = written(pipeline, researcher, two_stories)
    severities = []
    for spent in ("3.5", "4.5", "5"):
        entry = {"scope": "run", "key": run_id, "limit_usd": "5", "spent_usd": spent}
        limits.warn([entry], run_id)
        (alert,) = alerts.list_alerts()
        severities.append(alert["severity"])

    compose.main(run_id)

    assert severities == ["info", "warning", "critical"]
    plain = " ".join(db.fetch_one("SELECT plain FROM digest")["plain"].split())
    assert "! 100 % of the budget is used: $5.00 of the $5.00 of run" in plain
    assert "70 %" not in plain


def test_what_money_left_undone_is_listed_and_the_run_failed_in_part(
    pipeline, researcher, two_stories
):
    title = "Sodium batteries keep their charge in deep winter"
    researcher[title] = BudgetExceeded("writer needs up to $0.05 and run has $0.01 left")
    run_id = written(pipeline, researcher, two_stories)
    compose.main(run_id)

    _, closed = deliver_all(run_id)

    plain = " ".join(db.fetch_one("SELECT plain FROM digest")["plain"].split())
    assert f"Left undone: “{title}” (the budget: writer needs up to $0.05" in plain
    assert closed["status"] == "partly_failed"
    assert f"topic '{title}' was left undone" in closed["problems"][0]
