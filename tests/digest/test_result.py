"""The whole result of a run, and the small one."""

import pytest

from f.millrace.digest import result, run_summary
from tests.digest.conftest import DAY, NOW, put

RESULT = {
    "summary": "All of it.",
    "findings": [
        {"text": "It opened.", "citations": ["e1", "gone"]},
        {"text": "It closed.", "citations": ["gone"]},
        {"text": "It rained.", "citations": ["e2"]},
    ],
    "conflicts": [],
    "confidence": 80,
    "stopped_because": "enough evidence",
    "written_by": ["a:b"],
    "rounds": 2,
    "cost_usd": 0.25,
}


def deliver(run, digest_id, recipient, path="", namespace="main", status="outbox"):
    put("delivery", run_id=run.id, digest_id=digest_id, flow="daily_research", namespace=namespace,
        edition="daily", local_day=DAY, number=1, recipient=recipient, window_until=NOW,
        status=status, path=path, message_id=recipient + namespace)  # fmt: skip


def test_a_finding_keeps_the_citations_that_are_stored_and_goes_without_them(open_run):
    run = open_run()
    run.topic("a", RESULT, reasons=["it is new"], update_of="t0")
    run.evidence("e1", "a", published_at=NOW, source="")
    run.evidence("e2", "a", source="")

    whole = result.whole_result(run.id)

    (topic,) = whole["topics"]
    assert topic["findings"] == [
        {"text": "It opened.", "citations": ["e1"]},
        {"text": "It rained.", "citations": ["e2"]},
    ]
    assert (topic["reasons"], topic["update_of"]) == (["it is new"], "t0")
    assert (topic["rounds"], topic["cost_usd"], topic["confidence"]) == (2, 0.25, 80)
    assert whole["written_by"] == {"a:b": 1} and whole["notices"] == []
    assert whole["evidence"]["e1"] == {
        "url": "https://news.example/e1",
        "title": "e1",
        "published_at": "2026-11-18T08:00:00+00:00",
        "source": "",
        "trust": "untrusted",
        "topic_id": "a",
    }
    assert whole["evidence"]["e2"]["published_at"] is None


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ({"source": "web"}, {"source": "web"}, True),
        ({"source": "web"}, {"source": "feeds"}, False),
        ({"source": ""}, {"source": ""}, False),
        ({"source": "", "url": "u"}, {"source": "", "url": "u"}, True),
    ],
)
def test_how_well_a_topic_is_supported_depends_on_how_many_publishers_are_cited(
    open_run, first, second, one
):
    run = open_run()
    run.topic("a", RESULT)
    run.evidence("e1", "a", **first)
    run.evidence("e2", "a", **second)
    run.evidence("e3", "a", source="not cited")

    (topic,) = result.whole_result(run.id)["topics"]

    assert topic["confidence_words"].startswith("One source") is one


def test_a_topic_whose_research_failed_is_told_as_such(open_run):
    run = open_run()
    run.topic("a", reasons=["it is new"])

    (topic,) = result.whole_result(run.id)["topics"]

    assert topic == {
        "topic_id": "a",
        "title": "Topic a",
        "summary": "",
        "confidence": 0,
        "confidence_parts": {},
        "confidence_words": "",
        "findings": [],
        "conflicts": [],
        "no_sources": False,
        "stopped_because": "the research step failed",
        "review": "none",
        "reasons": ["it is new"],
        "update_of": None,
        "rounds": 0,
        "cost_usd": 0,
    }


def test_topics_of_which_nothing_was_found_are_told_when_money_ended_them(open_run):
    run = open_run()
    run.topic("a", {**RESULT, "findings": [], "stopped_because": "the budget is spent"})
    run.topic("b", {**RESULT, "findings": [], "stopped_because": "no sources"})

    assert [one["topic_id"] for one in result.whole_result(run.id)["topics"]] == ["a"]


def test_the_files_of_a_digest_are_those_that_are_there(open_run, tmp_path, configure):
    configure(outbox_dir=tmp_path)
    run = open_run()
    put("digest", id="00000000-0000-0000-0000-000000000001", run_id=run.id, flow="daily_research",
        namespace="main", edition="daily", local_day=DAY, number=1, window_until=NOW,
        recipients=["b", "a", "c"], subject="", html="", plain="", shared={})  # fmt: skip
    mails = [tmp_path / name for name in ("a.eml", "b.eml", "gone.eml")]
    for mail in mails[:2]:
        mail.write_text("x")
    (tmp_path / "digest-2026-11-18.html").write_text("x")
    for recipient, mail in zip("bac", (mails[1], mails[0], mails[2]), strict=True):
        deliver(run, "00000000-0000-0000-0000-000000000001", recipient, str(mail))
    deliver(run, "00000000-0000-0000-0000-000000000001", "d")

    (digest,) = result.whole_result(run.id)["digests"]

    page = tmp_path / "digest-2026-11-18.html"
    assert digest["files"] == [str(path) for path in (page, *mails[:2])]
    (tmp_path / "digest-2026-11-18.txt").write_text("x")
    (digest,) = result.whole_result(run.id)["digests"]
    assert digest["files"][:2] == [str(page), str(page.with_suffix(".txt"))]
    assert [one["path"] for one in run_summary.deliveries(run.id)] == [
        str(mails[0]), str(mails[1]), str(mails[2]), None,
    ]  # fmt: skip


def test_changes_of_tools_are_told_in_order(open_run):
    run = open_run()
    for event, metadata, message in (
        ("tool", {"changed": True}, "b changed"),
        ("tool", {}, "a listing"),
        ("error", {"changed": True}, "a fault"),
        ("tool", {"changed": True}, "a changed"),
    ):
        put("run_event", run_id=run.id, step="s", event=event, message=message, metadata=metadata)

    assert result.whole_result(run.id)["tool_changes"] == ["b changed", "a changed"]


def test_a_run_that_was_not_opened_has_an_empty_result(database):
    missing = "00000000-0000-0000-0000-000000000009"

    assert result.whole_result(missing) == run_summary.small_result(missing) == run_summary.empty()
    assert run_summary.empty()["topics"] == [] and run_summary.empty()["evidence"] == {}


def test_a_run_that_found_its_digest_made_gives_the_result_of_the_other(open_run):
    made = open_run()
    made.topic("a", {**RESULT, "no_sources": True, "conflicts": [{"question": "x"}]})
    again = open_run(decision="already_done", same_as=made.id)

    small = run_summary.small_result(again.id)

    assert small["run_id"] == again.id and small["same_as"] == made.id
    assert small["topics"] == [
        {
            "topic_id": "a",
            "title": "Topic a",
            "confidence": 80,
            "findings": 3,
            "conflicts": 1,
            "no_sources": True,
        }
    ]
    assert result.whole_result(again.id)["topics"][0]["topic_id"] == "a"
    assert run_summary.small_result(made.id)["same_as"] is None


def test_a_source_whose_step_died_counts_as_failed(open_run):
    run = open_run()
    put("source_reading", run_id=run.id, source="feeds", status="ok", items=3, fresh=2, error="",
        seconds=1)  # fmt: skip

    assert run_summary.sources(run.id) == [
        {"name": "feeds", "status": "ok", "items": 3, "error": None},
        {
            "name": "hackernews",
            "status": "failed",
            "items": 0,
            "error": "its step ended without a result",
        },
    ]
    assert run_summary.sources(open_run(decision="nothing").id) == []


def test_the_reports_of_missing_tools_are_those_of_the_run(open_run):
    run, other = open_run(), open_run()
    for name, of in (("b", [run.id]), ("a", [other.id, run.id]), ("c", [other.id])):
        db_row = {"id": name, "report": {"need": name}}
        put("tool_gap", **db_row, run_ids=of)

    assert run_summary.gaps(run.id) == [{"need": "a"}, {"need": "b"}]
    assert run_summary.small_result(run.id)["tool_gaps"] == 2
