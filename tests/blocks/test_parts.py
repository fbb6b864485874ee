"""The flows that are made to be steps of somebody's flow: mail_with_approval and ask_person."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from f.millrace.approvals import ask, propose_question, record
from f.millrace.blocks import send_if_approved, send_mail
from f.millrace.core import config, db, errors, windmill
from f.millrace.trust import actions, standing_approvals
from scripts.runner.run import Outcome, resume, start

pytestmark = pytest.mark.usefixtures("database")
MAIL, ASK = "f/millrace/blocks/mail_with_approval", "f/millrace/blocks/ask_person"
MINE = "u/eve/brief"


def outbox() -> list[str]:
    return sorted(path.name for path in Path(config.settings().outbox_dir).glob("*.eml"))


def part(name: str, path: str, **given: Any) -> dict[str, Any]:
    transforms = {key: {"type": "static", "value": value} for key, value in given.items()}
    return {
        "id": name,
        "summary": name,
        "value": {"type": "flow", "path": path, "input_transforms": transforms},
    }


def run(*modules: dict[str, Any]) -> Outcome:
    return start(
        {"summary": "Mine", "value": {"modules": list(modules)}}, MINE, {}, isolation="inline"
    )


def say(outcome: Outcome, approved: bool) -> Outcome:
    [asked] = outcome.waiting
    body = asked["default_args"] if approved else None
    return resume(
        outcome.run_id, {"approved": approved, "body": body, "by": "eva"}, isolation="inline"
    )


TO_BOTH = {
    "to": ["ada@home.example", "bob@home.example"],
    "subject": "Brief",
    "text": "Sodium is cheap.",
}


def test_one_step_mails_those_who_agreed_asks_about_the_others_and_says_how_it_ended() -> None:
    standing_approvals.grant("ada@home.example", MINE)
    waits = run(part("mail", MAIL, **TO_BOTH))
    assert waits.status == "waiting" and len(outbox()) == 1

    done = say(waits, True)

    assert done.status == "done", done.error
    assert {name: done.result[name] for name in ("approved", "decision", "by")} == {
        "approved": True, "decision": "approved", "by": "eva",
    }  # fmt: skip
    assert [(one["recipient"], one["status"]) for one in done.result["mails"]] == [
        ("ada@home.example", "outbox"), ("bob@home.example", "outbox"),
    ]  # fmt: skip
    assert len(outbox()) == 2


def test_nobody_is_asked_when_all_agreed_and_a_no_sends_nothing() -> None:
    refused = say(
        run(part("mail", MAIL, to=["bob@home.example"], subject="Brief", text="x")), False
    )
    assert (refused.status, refused.result["decision"], refused.result["mails"], outbox()) == (
        "done",
        "denied",
        [],
        [],
    )

    standing_approvals.grant("bob@home.example", MINE)
    done = run(part("mail", MAIL, to=["bob@home.example"], subject="Brief", text="x"))

    assert (done.status, done.result["decision"]) == ("done", "nothing_to_approve"), done.error
    assert [one["recipient"] for one in done.result["mails"]] == ["bob@home.example"]


def test_two_mails_of_one_flow_to_one_person_are_two_mails() -> None:
    standing_approvals.grant("ada@home.example", MINE)
    given = {"to": ["ada@home.example"], "subject": "Brief", "text": "Sodium is cheap."}

    assert run(part("morning", MAIL, **given), part("evening", MAIL, **given)).status == "done"

    assert len(outbox()) == 2


@pytest.mark.parametrize("approved", [True, False])
def test_a_question_to_a_person_is_one_step(approved: bool) -> None:
    waits = run(part("ask", ASK, question="Publish the report?", details="It has 3 pages."))
    assert waits.waiting[0]["step"] == "ask.approve_ask"

    done = say(waits, approved)

    assert done.result == {
        "approved": approved,
        "decision": "approved" if approved else "denied",
        "by": "eva",
    }


def test_a_question_without_words_is_refused() -> None:
    with pytest.raises(errors.BadInput, match="there is no question"):
        propose_question.main(" ")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Be a step of a part that a step of eve's flow calls, on Windmill; each step of hers is
    another job.
    """
    root = str(uuid4())
    jobs: dict[str, dict[str, Any]] = {root: {"script_path": MINE, "flow_status": {"modules": []}}}

    def get(path: str) -> Any:
        return jobs.get(path.removeprefix("jobs_u/get/").partition("?")[0])

    def be(step: str, caller: str = "mail", item: int | None = None) -> None:
        found = next((job for job, row in jobs.items() if row.get("at") == (caller, item)), None)
        job = found or str(uuid4())
        if found is None and item is None:
            jobs[root]["flow_status"]["modules"].append({"id": caller, "job": job})
            jobs[job] = {"parent_job": root, "script_path": MAIL, "at": (caller, item)}
        elif found is None:
            iteration = str(uuid4())
            jobs[root]["flow_status"]["modules"].append(
                {"id": "each", "flow_jobs": [*["-"] * (item or 0), iteration]}
            )
            jobs[iteration] = {
                "parent_job": root,
                "script_path": f"{MINE}/forloop-{item}",
                "flow_status": {"modules": [{"id": caller, "job": job}]},
            }
            jobs[job] = {"parent_job": iteration, "script_path": MAIL, "at": (caller, item)}
        names = {
            "ROOT_JOB_ID": root,
            "FLOW_JOB_ID": job,
            "FLOW_STEP_ID": step,
            "FLOW_PATH": MAIL,
            "JOB_ID": str(uuid4()),
        }
        for name, value in names.items():
            monkeypatch.setenv(f"WM_{name}", value)

    monkeypatch.setattr(windmill, "get", get)
    monkeypatch.setattr(windmill, "on_worker", lambda: True)
    be.root = root  # type: ignore[attr-defined]
    return be


def test_on_windmill_a_part_works_for_the_flow_that_calls_it(called: Any) -> None:
    standing_approvals.grant("ada@home.example", MINE)
    standing_approvals.grant("bob@home.example", MAIL)
    called("mail")

    proposed = send_mail.main(**TO_BOTH)

    assert [one["recipient"] for one in proposed["mails"]] == ["ada@home.example"]
    assert proposed["waiting"] == ["bob@home.example"]
    assert db.fetch_all("SELECT id::text, flow, status FROM run") == [
        {"id": called.root, "flow": MINE, "status": "done"}
    ]
    assert db.fetch_all("SELECT path FROM step") == [{"path": "mail.mail"}]


def test_on_windmill_two_calls_of_a_part_are_kept_apart_and_a_repeated_one_is_not_done_twice(
    called: Any,
) -> None:
    standing_approvals.grant("ada@home.example", MINE)
    for caller, item in (
        ("morning", None),
        ("morning", None),
        ("evening", None),
        ("mail", 0),
        ("mail", 1),
    ):
        called("mail", caller, item)
        send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")

    assert db.fetch_one("SELECT count(*) AS n FROM outbox") == {"n": 4}
    paths = [row["path"] for row in db.fetch_all("SELECT path FROM step ORDER BY path")]
    assert paths == ["each[0].mail.mail", "each[1].mail.mail", "evening.mail", "morning.mail"]


def test_on_windmill_the_run_of_a_part_waits_and_ends_with_its_steps(called: Any) -> None:
    def status() -> str:
        return (db.fetch_one("SELECT status FROM run") or {})["status"]

    called("mail")
    proposed = send_mail.main(**TO_BOTH)
    called("approve_ask")
    asked = ask.main(proposed["action_id"])
    assert status() == "waiting"
    called("approve")
    body = asked["default_args"]
    assert record.main(proposed["action_id"], True, body, [body], ["eva"])["approved"]
    assert status() == "done"
    called("sent")

    done = send_if_approved.main(proposed["action_id"], already_sent=proposed["mails"])

    assert (done["approved"], done["by"], len(done["mails"]), status()) == (True, "eva", 2, "done")
    assert actions.get_by_id(proposed["action_id"])["state"] == "performed"


def test_on_windmill_a_part_whose_caller_cannot_be_seen_says_so(
    called: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called("mail")
    monkeypatch.setenv("WM_FLOW_JOB_ID", "gone")

    with pytest.raises(errors.BadSetting, match="does not show job 'gone'"):
        send_mail.main(**TO_BOTH)
