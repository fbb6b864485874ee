"""A run that continues another from one of its steps."""

import uuid

import pytest

from f.millrace.core import db, errors
from f.millrace.telemetry import runs
from f.millrace.trust import actions, approvals, standing_approvals
from scripts.runner import run


@pytest.fixture
def step(bundle):
    """A script that leaves its step's row, as the bundle's do, and returns what it saw."""
    bundle.script(
        "step",
        """
        from f.millrace.telemetry import spans
        def main(value=None, seen=None):
            with spans.step("t.step"):
                note(value)
                return {"value": value, "seen": seen, "run": os.environ["WM_ROOT_JOB_ID"]}
        """,
    )
    return "f/t/step"


def chain(module, step, *names):
    """Return modules that are given what the one before came to."""
    return [
        module(
            name,
            step,
            with_={"value": name},
            expr={"seen": f"results.{before}"} if before else {},
        )
        for before, name in zip((None, *names), names, strict=False)
    ]


def repeat(bundle, run_id, step):
    return run.repeat(run_id, step, isolation=run.InlineWorker(bundle.root), root=bundle.root)


def test_a_run_goes_on_from_any_ended_step_as_a_new_one_with_the_results_before(
    bundle, module, step
):
    first = bundle.run(chain(module, step, "one", "two", "three"))
    assert first.status == "done" and bundle.calls() == ["one", "two", "three"]

    again = repeat(bundle, first.run_id, "two")

    assert again.status == "done" and again.run_id != first.run_id
    assert bundle.calls() == ["one", "two", "three", "two", "three"]
    seen = again.result["seen"]
    assert (again.result["run"], seen["run"]) == (again.run_id, again.run_id)
    # What came before is of the new run as well, so that later steps find its rows.
    assert seen["seen"] == {"value": "one", "seen": None, "run": again.run_id}
    row = db.fetch_one("SELECT * FROM run WHERE id = %s", [again.run_id])
    assert (str(row["continues"]), row["continues_at"]) == (first.run_id, "two")
    told = db.fetch_all("SELECT path FROM step WHERE run_id = %s ORDER BY path", [again.run_id])
    assert [one["path"] for one in told] == ["one", "three", "two"]


def test_a_run_goes_on_within_the_branch_that_was_taken(bundle, module, step):
    inner = chain(module, step, "left", "right")
    choose = {
        "id": "choose",
        "value": {
            "type": "branchone",
            "branches": [{"expr": "results.one.value == 'one'", "modules": inner}],
            "default": [],
        },
    }
    first = bundle.run([*chain(module, step, "one"), choose, *chain(module, step, "last")])

    again = repeat(bundle, first.run_id, "choose.right")

    assert again.status == "done"
    assert bundle.calls() == ["one", "left", "right", "last", "right", "last"]


def test_a_loop_is_done_again_as_a_whole(bundle, module, step):
    loop = {
        "id": "each",
        "value": {
            "type": "forloopflow",
            "iterator": {"type": "static", "value": [1, 2]},
            "modules": [module("item", step, expr={"value": "flow_input.iter.value"})],
        },
    }
    first = bundle.run([*chain(module, step, "one"), loop])

    again = repeat(bundle, first.run_id, "each[1].item")

    assert again.status == "done" and bundle.calls() == ["one", "1", "2", "1", "2"]


def test_what_was_read_is_there_under_ids_of_the_new_run_and_what_was_spent_counts(
    bundle, module, step
):
    bundle.script(
        "read",
        """
        from f.millrace.core import db, ids
        from f.millrace.telemetry import runs, spans
        def main():
            with spans.step("t.read") as span:
                run_id = os.environ["WM_ROOT_JOB_ID"]
                piece = ids.stable_id("ev", run_id)
                db.execute("INSERT INTO evidence (id, run_id, namespace, body) VALUES"
                           " (%s, %s, 'main', 'Lead is soft.')", [piece, run_id])
                runs.keep(run_id, {"plan": {"cites": [piece]}})
                return {"cites": piece}
        """,
    )
    bundle.script(
        "late",
        """
        from f.millrace.telemetry import runs, spans
        def main(found):
            with spans.step("t.late"):
                runs.keep(os.environ["WM_ROOT_JOB_ID"], {"answer": "once"})
                return found
        """,
    )
    first = bundle.run(
        [
            module("read", "f/t/read"),
            module("late", "f/t/late", expr={"found": "results.read.cites"}),
        ]
    )
    db.execute(
        "INSERT INTO budget (scope, key, limit_usd, spent_usd) VALUES ('run', %s, 5, 2)",
        [first.run_id],
    )

    again = repeat(bundle, first.run_id, "late")

    found = db.fetch_all("SELECT id, run_id, body FROM evidence ORDER BY created_at, id")
    assert {str(row["run_id"]) for row in found} == {first.run_id, again.run_id}
    mine = next(row["id"] for row in found if str(row["run_id"]) == again.run_id)
    assert again.result == mine != first.result
    row = db.fetch_one("SELECT pipeline FROM run WHERE id = %s", [again.run_id])
    assert row["pipeline"]["plan"] == {"cites": [mine]}
    spent = db.fetch_one("SELECT * FROM budget WHERE key = %s", [again.run_id])
    assert (spent["scope"], spent["spent_usd"]) == ("run", 2)


def test_what_a_later_step_kept_is_not_taken_over(bundle, module, step):
    bundle.script(
        "keep",
        """
        from f.millrace.core import db
        from f.millrace.telemetry import runs, spans
        def main():
            with spans.step("t.keep"):
                run_id = os.environ["WM_ROOT_JOB_ID"]
                row = db.fetch_one(
                    "SELECT pipeline ->> 'answer' AS said FROM run WHERE id = %s", [run_id])
                runs.keep(run_id, {"answer": "once"})
                return row["said"]
        """,
    )
    first = bundle.run([*chain(module, step, "one"), module("keep", "f/t/keep")])

    assert repeat(bundle, first.run_id, "keep").result is None


@pytest.mark.parametrize(
    ("wanted", "said"), [("nowhere", "has no step 'nowhere'"), ("skipped", "has not ended")]
)
def test_a_step_that_is_not_there_or_has_not_run_says_so(bundle, module, step, wanted, said):
    skipped = module("skipped", step, skip_if={"expr": "true"})
    first = bundle.run([*chain(module, step, "one"), skipped])

    with pytest.raises(errors.BadInput, match=said):
        repeat(bundle, first.run_id, wanted)


def test_a_run_that_goes_on_is_not_continued(bundle, module, step):
    first = bundle.run(chain(module, step, "one"))
    db.execute("UPDATE run SET status = 'running' WHERE id = %s", [first.run_id])

    with pytest.raises(errors.BadInput, match="is running; stop it"):
        repeat(bundle, first.run_id, "one")


@pytest.fixture
def continued(database):
    """Two runs, of which the second continues the first; returns their ids."""
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    for run_id in (one, two):
        runs.ensure(run_id, "do_task")
    db.execute("UPDATE run SET continues = %s WHERE id = %s", [one, two])
    return one, two


def perform(run_id, tool, key, **arguments):
    row = actions.propose(tool, arguments, key, run_id=run_id)
    return actions.perform(
        row["key"], arguments, lambda: {"status": "sent"}, unasked="medium risk runs"
    )


def test_what_was_done_is_asked_about_in_the_run_that_continues(continued):
    one, two = continued
    assert perform(one, "notes.write", "k1", text="a")["state"] == "performed"

    with pytest.raises(errors.NeedsApproval):
        perform(two, "notes.write", "k2", text="b")

    asked = actions.get_by_key("k2")
    assert asked["risk"] == "high" and f"run {one}, which this one continues" in asked["reason"]
    # A tool that did nothing there is as it was.
    assert perform(two, "web.fetch", "k3", url="https://out.example")["state"] == "performed"


def test_a_standing_approval_does_not_cover_what_the_continued_run_has_sent(continued):
    one, two = continued
    standing_approvals.grant("ana@out.example", "do_task", "main", by="ana")
    mail = {"to": "ana@out.example", "subject": "Hello", "text": "Hi"}
    for run_id, covered in ((one, True), (two, False)):
        row = actions.propose("mail.send", mail, f"mail {run_id}", run_id=run_id)
        assert approvals.approve_by_standing(row, "do_task") is covered
        if covered:
            actions.perform(row["key"], mail, lambda: {"status": "sent"})
