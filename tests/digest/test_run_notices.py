"""What a run owns up to: models that failed, money that ran out, what was left undone."""

import pytest

from f.millrace.digest import findings, run_notices
from tests.digest.conftest import put

FOUND = [{"text": "It opened.", "citations": []}]
WRITTEN = {"findings": FOUND, "written_by": ["a:b"], "stopped_because": "enough evidence"}
PICKED = {**WRITTEN, "written_by": ["offline"]}
BROKE = {"findings": [], "written_by": [], "stopped_because": "the budget of the run is spent"}


def notices(run, detailed=True):
    return run_notices.notices(run.id, findings.load(run.id).topics, detailed)


def fail(run, model="a:b", kind="server", reason="it answered 503", times=1, next_step=""):
    for _ in range(times):
        put("model_fault", run_id=run.id, step="s", agent="judge", model=model, kind=kind,
            reason=reason, next_step=next_step, lasting=False)  # fmt: skip


def fail_topic(run, topic_id, error, status="failed"):
    put("run_event", run_id=run.id, step="s", event="topic", message="x",
        metadata={"topic_id": topic_id, "status": status, "error": error})  # fmt: skip


def test_nothing_is_said_of_a_run_in_which_all_went_well(open_run):
    run = open_run()
    run.topic("a", WRITTEN)
    run.topic("b", {**WRITTEN, "findings": [], "stopped_because": "no sources"})

    assert notices(run) == [] == notices(run, detailed=False)


def test_a_model_that_failed_is_named_with_the_next_step(open_run):
    run = open_run()
    run.topic("a")
    fail(run, next_step="try later", times=2)
    fail(run, model="c:d", reason="refused")

    assert notices(run) == [
        "a:b failed: it answered 503; try later (2 times).",
        "c:d failed: refused.",
        "Left undone: “Topic a” (its step ended without a result).",
    ]


def test_four_faults_are_named(open_run):
    run = open_run()
    run.topic("a")
    for number in range(5):
        fail(run, reason=f"fault {number}")

    assert [one for one in notices(run) if "fault" in one] == [
        f"a:b failed: fault {number}." for number in range(4)
    ]


def test_a_fault_that_was_mended_in_time_is_nobodys_worry(open_run):
    whole, harmed = open_run(), open_run()
    whole.topic("a", WRITTEN)
    harmed.topic("b", PICKED)
    for run in (whole, harmed):
        fail(run)
        put("usage", id=f"00000000-0000-0000-0000-00000000000{run is harmed:d}", run_id=run.id,
            step="s", agent="judge", model="a:b", state="settled", request_hash="x",
            reserved_usd=0, response={"x": 1}, settled_at="2100-01-01")  # fmt: skip

    assert notices(whole) == []
    assert len(notices(harmed)) == 2


def test_what_the_offline_model_stood_in_for_is_counted(open_run):
    run = open_run()
    run.topic("a", PICKED)
    run.topic("b", WRITTEN)
    fail(run)

    assert notices(run)[1:] == [
        "The offline model stood in for it: 1 topic of 2 hold sentences picked from the sources,"
        " not its words (setting offline_stands_in)."
    ]


@pytest.mark.parametrize(
    ("kinds", "results", "said"),
    [
        (["server"], [None], "The model could not be reached."),
        (["server", "timeout", "address"], [None], "The model could not be reached."),
        (["server", "key"], [None], "The model could not be used."),
        (
            ["server"],
            [PICKED],
            "The model could not be reached; sentences were picked from the sources without one.",
        ),
        (
            ["key"],
            [PICKED, WRITTEN],
            "The model could not be used; in 1 of 2 topics sentences were picked without one.",
        ),
        # Of a topic without findings nobody wrote anything.
        (["key"], [None, {**PICKED, "findings": []}], "The model could not be used."),
    ],
)
def test_a_reader_is_told_what_it_means_for_what_they_read(open_run, kinds, results, said):
    run = open_run()
    for number, result in enumerate(results):
        run.topic(str(number), result)
    for kind in kinds:
        fail(run, kind=kind, reason=kind)

    assert notices(run, detailed=False)[0] == said


def test_who_wrote_is_counted_by_topics_with_findings_the_busiest_first(open_run):
    run = open_run()
    run.topic("a", PICKED)
    run.topic("b", WRITTEN)
    run.topic("c", WRITTEN)
    run.topic("d", {**PICKED, "findings": []})
    run.topic("e")

    written = run_notices.writers(findings.load(run.id).topics)

    assert list(written.items()) == [("a:b", 2), ("offline", 1)]


def test_a_topic_without_a_result_is_left_undone_for_the_reason_of_its_last_failure(open_run):
    run = open_run()
    for name in "abcd":
        run.topic(name)
    fail_topic(run, "a", "ToolFailed: first")
    fail_topic(run, "a", "ToolFailed: last")
    fail_topic(run, "b", "no class: of a fault")
    fail_topic(run, "c", "Unusable: judge gave no usable answer: 3 tries")
    fail_topic(run, "d", "x", status="done")

    assert notices(run) == [
        "Left undone: “Topic a” (last); “Topic b” (no class: of a fault); “Topic c” (3 tries);"
        " “Topic d” (its step ended without a result)."
    ]
    assert notices(run, detailed=False) == [
        "Left undone: “Topic a”, “Topic b”, “Topic c” (its research failed); “Topic d” (its step"
        " ended without a result)."
    ]


def test_ten_topics_that_are_left_undone_are_named_and_the_others_counted(open_run):
    ten, eleven = open_run(), open_run()
    for number in range(10):
        ten.topic(f"t{number}")
    for number in range(12):
        eleven.topic(f"e{number}")

    (of_ten,), (of_eleven,) = notices(ten), notices(eleven)

    assert of_ten.count("Topic") == 10 and of_ten.endswith("result).")
    assert of_eleven.count("Topic") == 10 and of_eleven.endswith("result), and 2 more.")


def test_what_money_left_undone_and_what_it_made_worse_are_told_apart(open_run):
    run = open_run()
    run.topic("a", BROKE)
    run.topic("b", {**BROKE, "findings": FOUND, "written_by": ["offline"]})
    run.topic("c", {**BROKE, "findings": FOUND, "written_by": ["a:b"]})
    run.topic("d", PICKED)

    assert notices(run) == [
        "For want of money the offline model picked the sentences of “Topic b”.",
        "Left undone: “Topic a” (the budget of the run is spent).",
    ]
    told = run_notices.without_money(findings.load(run.id).topics)
    assert [row["title"] for row in told] == ["Topic a"]


def test_of_the_limits_that_a_run_came_near_the_highest_mark_is_told(open_run):
    run, other = open_run(), open_run()
    for percent, spent, of in ((70, 7.1, run), (90, 9.2, run), (100, 10, other)):
        put("budget_alert", scope="user_day", key="ada:2026-11-18", limit_usd=10, percent=percent,
            spent_usd=spent, run_id=of.id)  # fmt: skip

    (said,) = run_notices.budget_notices(run.id)

    assert "90" in said and "9.20" in said
    assert run_notices.budget_notices(open_run().id) == []


def test_what_a_model_failed_at_is_said_once_and_not_for_each_topic(open_run):
    run = open_run()
    fail(run, reason="404: no such model", next_step="correct its name", times=2)
    for name in "ab":
        run.topic(name)
        fail_topic(run, name, "F: planner gave no usable answer: 404: no such model; correct it")

    assert notices(run) == [
        "a:b failed: 404: no such model; correct its name (2 times).",
        "Left undone: “Topic a”, “Topic b” (the model could not be reached).",
    ]
