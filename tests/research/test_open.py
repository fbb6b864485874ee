from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from f.millrace.core import all_settings, config, db
from f.millrace.core.errors import BadInput, BadSetting
from f.millrace.digest.result import whole_result
from f.millrace.research import open as step
from f.millrace.research.due import schedule_of
from f.millrace.trust import recipients
from tests.research.conftest import NOW, PIPELINE

ROOT = Path(__file__).resolve().parents[2]


def test_opening_names_readers_sources_and_day(pipeline):
    opened = pipeline.open()

    assert opened["decision"] == "run" and not opened["skip"]
    assert opened["recipients"] == ["ada@home.example"]
    assert opened["sources"] == ["hackernews", "feeds"]
    assert opened["day"] == "2026-11-18"
    assert opened["windows"] == [
        {
            "since": None,
            "until": None,
            "recipients": ["ada@home.example"],
            "private": False,
            "shared": {},
        }
    ]


def test_the_day_is_the_local_day_of_the_scheduled_time(pipeline, clock):
    clock(datetime(2026, 7, 1, 0, 30, tzinfo=UTC))

    assert pipeline.open(scheduled_for="2026-06-30T22:30:00+00:00")["day"] == "2026-06-30"
    assert pipeline.open(scheduled_for="2026-07-01T00:30:00+01:00")["day"] == "2026-07-01"


def test_a_start_that_comes_too_late_ends_with_the_reason(pipeline, clock):
    clock(NOW + timedelta(hours=14))

    opened = pipeline.open(scheduled_for="2026-11-18T08:00:00Z")

    assert opened["skip"] and opened["decision"] == "too_late"
    assert "grace" in opened["result"]["reason"]
    assert db.fetch_one("SELECT status FROM run WHERE id = %s", [opened["run_id"]]) == {
        "status": "done"
    }


def test_the_same_day_again_gives_the_digest_that_is_there(pipeline, two_stories):
    first, _ = pipeline.run()

    again = pipeline.open()

    assert again["skip"] and again["decision"] == "already_done"
    assert again["result"]["same_as"] == first
    assert again["result"]["digests"][0]["recipients"] == ["ada@home.example"]
    assert whole_result(again["run_id"])["topics"] == whole_result(first)["topics"]


def test_again_makes_a_numbered_edition_of_the_same_day(pipeline, two_stories):
    pipeline.run()

    run_id, closed = pipeline.run(again=True)

    assert [one["status"] for one in closed["deliveries"]] == ["outbox"]
    assert (
        db.fetch_one("SELECT number, subject FROM digest WHERE run_id = %s", [run_id])["number"]
        == 2
    )
    assert len(whole_result(run_id)["topics"]) == 2
    assert pipeline.open()["decision"] == "already_done"


def test_a_reader_who_was_added_later_gets_a_run_of_their_own(pipeline, two_stories):
    pipeline.run()
    recipients.add("bob@home.example")

    opened = pipeline.open()

    assert opened["recipients"] == ["bob@home.example"]


def test_two_readers_have_windows_of_their_own(pipeline, two_stories, clock):
    pipeline.run()
    recipients.add("bob@home.example")
    clock(NOW + timedelta(days=1))

    windows = pipeline.open()["windows"]

    assert [(window["recipients"], window["since"] is None) for window in windows] == [
        (["bob@home.example"], True),
        (["ada@home.example"], False),
    ]


def test_nobody_to_send_to_ends_the_run(pipeline):
    recipients.add("bob@home.example", flow="other")
    config.settings().recipients.clear()
    recipients.revoke("ada@home.example")

    opened = pipeline.open()

    assert opened["skip"] and opened["decision"] == "nothing"


def test_the_sample_lives_apart_and_has_its_own_reader(pipeline, two_stories):
    pipeline.run(sample=True)

    opened = pipeline.open()

    assert opened["decision"] == "run" and opened["namespace"] == "main"
    assert pipeline.open(sample=True)["decision"] == "already_done"


def test_a_continuation_keeps_what_was_decided(pipeline, clock, monkeypatch):
    opened = pipeline.open()
    recipients.add("bob@home.example")
    clock(NOW + timedelta(days=2))
    monkeypatch.setenv("WM_ROOT_JOB_ID", opened["run_id"])

    assert pipeline.open(again=True) == opened


def test_a_run_on_windmill_takes_the_time_that_was_due(pipeline, clock, monkeypatch):
    monkeypatch.setenv("WM_SCHEDULE_PATH", "f/millrace/research/daily_research")
    clock(NOW.replace(hour=7))

    opened = pipeline.open()

    assert opened["day"] == "2026-11-17" and opened["decision"] == "too_late"


def test_a_start_beyond_the_grace_is_made_up_for_when_the_spec_says_so(pipeline, clock):
    clock(NOW.replace(hour=11))
    schedule = {**PIPELINE["schedule"], "misfire_grace": "30m", "catch_up": True}

    opened = step.main(
        pipeline={**PIPELINE, "schedule": schedule}, scheduled_for="2026-11-18T08:00:00Z"
    )

    assert opened["decision"] == "catch_up"


def test_the_compiled_flow_gives_the_step_its_schedule():
    flow = yaml.safe_load((ROOT / "f/millrace/research/daily_research__flow/flow.yaml").read_text())

    cron, zone, grace, catch_up = schedule_of(flow["value"]["flow_env"]["pipeline"])

    assert (cron, zone, grace, catch_up) == (
        "0 0 8 * * *",
        "Europe/London",
        timedelta(hours=12),
        False,
    )


@pytest.mark.parametrize(
    ("change", "inputs", "fault", "words"),
    [
        ({"timezone": "Europe/Lundun"}, {}, BadSetting, "Europe/Lundun"),
        ({"schedule": {"cron": "0 0 8 * *"}}, {}, None, ""),
        (
            {"schedule": {"cron": "8"}},
            {"scheduled_for": "2026-11-18T08:00:00Z"},
            BadInput,
            "fields",
        ),
        ({}, {"scheduled_for": "tomorrow"}, BadInput, "tomorrow"),
    ],
)
def test_bad_schedules_are_refused_in_words(pipeline, change, inputs, fault, words):
    if fault is None:
        assert step.main(pipeline={**PIPELINE, **change}, **inputs)["decision"] == "run"
        return
    with pytest.raises(fault, match=words):
        step.main(pipeline={**PIPELINE, **change}, **inputs)


def test_the_day_is_that_of_the_zone_of_the_settings(pipeline, clock, monkeypatch):
    clock(datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    monkeypatch.setenv("MILLRACE_SCHEDULE_ZONE", "Pacific/Auckland")
    config.reload()

    assert pipeline.open(scheduled_for="2026-06-30T23:00:00+00:00")["day"] == "2026-07-01"
    row = db.fetch_one("SELECT pipeline #>> '{opened,timezone}' AS zone FROM run")
    assert row == {"zone": "Pacific/Auckland"}


def test_configured_recipients_wait_for_a_person(pipeline, monkeypatch):
    monkeypatch.setenv("MILLRACE_RECIPIENTS", "ada@home.example,carl@home.example")
    config.reload()

    assert pipeline.open()["recipients"] == ["ada@home.example", "carl@home.example"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sources": "none"}, "the setting sources is [] (from MILLRACE_SOURCES)"),
        (
            {"sources": "feeds,mastodon", "feeds": "none", "mastodon_tags": "none"},
            "the setting feeds is [] (from MILLRACE_FEEDS)",
        ),
        ({"sources": "notes"}, "the setting notes_dir is "),
    ],
)
def test_a_run_with_nothing_to_read_is_refused_with_the_place_that_says_so(
    pipeline, configure, given, said
):
    configure(**given)

    with pytest.raises(BadSetting) as caught:
        pipeline.open()

    assert "there is nothing to read" in str(caught.value) and said in str(caught.value)
    assert ", ".join(all_settings.Settings.sources) in str(caught.value)
    assert db.fetch_one("SELECT status FROM step") == {"status": "failed"}


def test_a_source_without_addresses_beside_others_is_no_fault(pipeline, configure):
    configure(sources="hackernews,feeds", feeds="none")

    assert pipeline.open()["decision"] == "run"


def test_the_sample_edition_is_refused_on_a_worker_and_its_switch_is_not_in_the_form(
    pipeline, worker
):
    with pytest.raises(BadInput, match="the sample edition is not on Windmill"):
        pipeline.open(sample=True)

    flow = yaml.safe_load((ROOT / "f/millrace/research/daily_research__flow/flow.yaml").read_text())
    assert flow["schema"]["properties"]["sample"]["showExpr"] == "false"
    assert db.fetch_all("SELECT id FROM run") == []


def test_a_first_step_that_was_run_by_itself_is_not_the_days_run(pipeline, clock, monkeypatch):
    with monkeypatch.context() as by_itself:
        by_itself.delenv("WM_FLOW_STEP_ID")
        pipeline.open(scheduled_for="2026-11-18T08:00:00Z")
    assert db.fetch_one("SELECT status, result FROM run") == {"status": "done", "result": None}

    assert pipeline.open(scheduled_for="2026-11-18T08:00:00Z")["decision"] == "run"
