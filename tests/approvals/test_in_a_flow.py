"""Approvals as steps of a flow: compiled from a spec, run here, and flows of earlier versions that
wait.
"""

from pathlib import Path
from typing import Any

import pytest

from f.millrace.core import db
from f.millrace.trust import actions
from scripts.compiler import openflow, semantics, spec
from scripts.compiler.sources import bundle
from scripts.paths import ROOT
from scripts.runner.run import Outcome, resume, start

pytestmark = pytest.mark.usefixtures("database")
TWO = """\
summary: Ask twice
area: ops
inputs:
  first: {type: string, description: An action.}
  second: {type: string, description: An action.}
  asks_first: {type: boolean, description: Whether to ask.}
  asks_second: {type: boolean, description: Whether to ask.}
steps:
  - id: one
    summary: Ask first
    approval: {action: flow_input.first, when: flow_input.asks_first, timeout: 1h}
  - id: two
    summary: Ask again
    approval: {action: flow_input.second, when: flow_input.asks_second, timeout: 1h}
  - id: done
    summary: End
    run: approvals/record
    from: {action_id: flow_input.first, asked: results.two.approved}
"""


def propose(name: str) -> str:
    return str(
        actions.propose(
            "mail.send",
            {"to": [f"{name}@home.example"], "mails": []},
            name,
            reason="mail always asks",
        )["id"]
    )


@pytest.fixture
def twice(tmp_path: Path) -> Any:
    """Start the flow that asks twice."""
    file = tmp_path / "twice.yaml"
    file.write_text(TWO)
    loaded, files = spec.load(file), bundle(ROOT)
    assert semantics.check(loaded, files) == []
    flow = openflow.compile_flow(loaded, files)

    def begin(asks_first: bool, asks_second: bool) -> Outcome:
        args = {
            "first": propose("ada"),
            "second": propose("bob"),
            "asks_first": asks_first,
            "asks_second": asks_second,
        }
        return start(flow, "twice", args, isolation="inline")

    return begin


def decisions() -> dict[str, str]:
    rows = db.fetch_all(
        "SELECT a.key, p.decision FROM approval p JOIN action a ON a.id = p.action_id"
    )
    return {row["key"]: row["decision"] for row in rows}


def steps(run_id: str) -> list[str]:
    rows = db.fetch_all(
        "SELECT path FROM step WHERE run_id = %s AND status = 'done' ORDER BY started_at", [run_id]
    )
    return [row["path"] for row in rows]


def answered(outcome: Outcome) -> Outcome:
    [asked] = outcome.waiting
    return resume(
        outcome.run_id,
        {"approved": True, "body": asked["default_args"], "by": "eva"},
        isolation="inline",
    )


def test_the_answer_to_one_question_is_none_to_a_later_one_that_nobody_was_asked(
    twice: Any,
) -> None:
    waits = twice(True, False)
    assert (waits.status, [asked["step"] for asked in waits.waiting]) == ("waiting", ["one_ask"])

    done = answered(waits)

    assert done.status == "done", done.error
    assert decisions() == {"ada": "approved"}
    assert steps(done.run_id) == ["one_ask", "one", "two", "done"]


def test_both_questions_are_asked_and_answered_each_for_itself(twice: Any) -> None:
    second = answered(twice(True, True))
    assert [asked["step"] for asked in second.waiting] == ["two_ask"]

    assert answered(second).status == "done"
    assert decisions() == {"ada": "approved", "bob": "approved"}


def test_a_decision_that_nobody_was_asked_about_has_a_step_too(twice: Any) -> None:
    done = twice(False, False)

    assert done.status == "done", done.error
    assert decisions() == {}
    assert steps(done.run_id) == ["one", "two", "done"]


def old_form() -> dict[str, Any]:
    """Return the flow that earlier versions made of an approval, as it is stored with runs that
    wait.
    """
    action = {"action_id": {"type": "javascript", "expr": "flow_input.action_id"}}
    names = {
        name: {"type": "javascript", "expr": name} for name in ("resume", "resumes", "approvers")
    }

    def script(name: str, path: str, transforms: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": name,
            "summary": name,
            "value": {"type": "script", "path": path, "input_transforms": transforms},
            **more,
        }

    suspend = {"continue_on_disapprove_timeout": True, "required_events": 1, "timeout": 3600}
    asked = [
        script(
            "approve_ask",
            "f/millrace/approvals/ask",
            {**action, "timeout": {"type": "static", "value": 3600}},
            suspend=suspend,
        ),
        script("approve_record", "f/millrace/approvals/record", {**action, **names}),
    ]
    branches = [
        {
            "summary": "A person decides",
            "expr": "flow_input.asks",
            "modules": asked,
            "parallel": True,
            "skip_failure": True,
        }
    ]
    after = {**action, "asked": {"type": "javascript", "expr": "!results.approve.approved"}}
    return {
        "summary": "An approval as earlier versions compiled it",
        "value": {
            "modules": [
                {
                    "id": "approve",
                    "summary": "Ask",
                    "value": {"type": "branchone", "branches": branches, "default": []},
                },
                script("after", "f/millrace/approvals/record", after),
            ]
        },
    }


def test_a_run_that_waits_with_the_flow_of_an_earlier_version_goes_on() -> None:
    waits = start(
        old_form(),
        "daily_research",
        {"action_id": propose("ada"), "asks": True},
        isolation="inline",
    )
    assert [asked["step"] for asked in waits.waiting] == ["approve.approve_ask"]

    done = answered(waits)

    assert (done.status, done.result) == (
        "done",
        {"approved": True, "decision": "approved", "by": "eva"},
    ), done.error
    assert decisions() == {"ada": "approved"}
