import json
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f.millrace.approvals import ask, record
from f.millrace.core import config, db, windmill
from f.millrace.telemetry import runs
from f.millrace.trust import actions, answers, approvals

DIGEST = "d" * 64
REFUSED = {"error": {"name": "SuspendedDisapproved"}}
TIMED_OUT = {"error": {"name": "SuspendedTimedOut"}}
YES = {"action_digest": DIGEST}


@pytest.fixture
def action(database):
    return actions.propose(
        "mail.send", {"to": ["ada@home.example"], "mails": []}, "send:1", reason="mail always asks"
    )


@pytest.mark.parametrize(
    ("resume", "resumes", "decision"),
    [
        (YES, [YES], "approved"),
        ({**YES, "decision": "approve"}, [], "approved"),
        (None, [None], "denied"),  # a bare GET on the resume address
        ({}, [{}], "denied"),
        (REFUSED, [REFUSED], "denied"),
        (REFUSED, [YES, REFUSED], "denied"),  # a refusal that carries a body which says yes
        (YES, [YES, REFUSED], "denied"),
        (TIMED_OUT, [], "expired"),
        ({"action_digest": "e" * 64}, [], "denied"),
        ({"decision": "yes"}, [{"decision": "yes"}], "denied"),
        ({**YES, "decision": "deny"}, [], "denied"),
        (YES, [YES, {"action_digest": "e" * 64}], "denied"),
        ("yes", ["yes"], "denied"),
    ],
)
def test_approved_only_when_nothing_says_otherwise(resume, resumes, decision):
    assert answers.read(DIGEST, resume, resumes)[0] == decision


BODIES = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.dictionaries(
        st.sampled_from(["action_digest", "error", "decision", "x"]),
        st.sampled_from([DIGEST, "e", "yes", None, {}]),
        max_size=3,
    ),
)


@given(BODIES, st.lists(BODIES, max_size=4))
def test_an_error_or_a_missing_digest_is_never_an_approval(resume, resumes):
    decision, why = answers.read(DIGEST, resume, resumes)

    if decision == "approved":
        assert resume["action_digest"] == DIGEST
        assert not any(isinstance(one, dict) and "error" in one for one in [resume, *resumes])
    else:
        assert why


def test_asking_shows_what_will_happen_and_binds_the_click(action):
    asked = ask.main(str(action["id"]), timeout=60)

    assert asked["default_args"] == {"action_digest": action["digest"]}
    assert (
        "ada@home.example" in asked["description"]["markdown"]
        and "mail always asks" in asked["description"]["markdown"]
    )
    assert [row["key"] for row in approvals.list_pending()] == ["send:1"]


def test_the_operator_is_mailed_once(action, monkeypatch):
    monkeypatch.setenv("MILLRACE_OPERATOR", "op@home.example")
    config.reload()

    for _ in range(2):
        ask.main(str(action["id"]))

    mails = list(Path(config.settings().outbox_dir).glob("*.eml"))
    assert len(mails) == 1 and f"approvals approve {action['id']}".encode() in mails[
        0
    ].read_bytes().replace(b"=\r\n", b"")


def test_on_windmill_the_mail_leads_to_the_page_and_gives_nobody_an_address_that_answers(
    action, monkeypatch
):
    pages = "https://windmill.example/approve/main"
    urls = {
        "approvalPage": f"{pages}/job/1/signed",
        "resume": "https://windmill.example/api/w/main/jobs_u/resume/job/1/signed",
        "cancel": "https://windmill.example/api/w/main/jobs_u/cancel/job/1/signed",
    }
    monkeypatch.setattr(
        windmill, "get", lambda path: urls if path == "jobs/resume_urls/job/1" else {}
    )
    monkeypatch.setattr(windmill, "on_worker", lambda: True)
    monkeypatch.setenv("WM_JOB_ID", "job")
    monkeypatch.setattr(config.settings(), "operator", "op@home.example")

    asked = ask.main(str(action["id"]))

    (row,) = db.fetch_all("SELECT content FROM outbox")
    mail = message_from_bytes(row["content"].encode(), policy=default)
    texts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    assert len(texts) == 2 and all(urls["approvalPage"] in text for text in texts)
    assert not any(
        "jobs_u" in text
        for text in [
            *texts,
            json.dumps(asked),
            json.dumps(db.fetch_all("SELECT * FROM run_event"), default=str),
        ]
    )


def test_untrusted_text_is_no_markdown_on_the_approval_page(database):
    db.execute(
        "INSERT INTO run (id, flow) VALUES ('00000000-0000-0000-0000-000000000001',"
        " 'daily_research')"
    )
    subject = "[click](http://evil.example) <img src=x>"
    action = actions.propose("mail.send", {"to": "a@b.example", "subject": subject}, "send:2")

    markdown = ask.main(str(action["id"]))["description"]["markdown"]

    assert "[click](" not in markdown and "<img" not in markdown.replace("\\<img", "")


def test_the_answer_is_recorded_once(action):
    body = {"action_digest": action["digest"]}

    first = record.main(str(action["id"]), resume=body, resumes=[body], approvers=["eva"])
    late = record.main(str(action["id"]), resume=REFUSED, resumes=[REFUSED], approvers=["mallory"])

    assert first == late == {"approved": True, "decision": "approved", "by": "eva"}
    assert record.main(str(action["id"]), asked=False) == first


def test_a_timeout_is_recorded_as_expired(action):
    assert record.main(str(action["id"]), resume=TIMED_OUT)["decision"] == "expired"
    assert actions.get_by_id(str(action["id"]))["state"] == "expired"


def test_a_run_waits_while_a_person_is_asked(database):
    run_id = "00000000-0000-0000-0000-000000000002"
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [run_id])
    action = actions.propose("mail.send", {"to": "a@b.example"}, "send:3", run_id=run_id)

    ask.main(str(action["id"]))
    assert db.fetch_one("SELECT status FROM run") == {"status": "waiting"}
    record.main(str(action["id"]), resume={"action_digest": action["digest"], "by": "eva"})
    assert db.fetch_one("SELECT status FROM run") == {"status": "running"}


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        (None, "waiting", None),
        ({"resume": {"decision": "approve"}}, "done", None),
        ({"resume": REFUSED}, "done", None),
        ({"resume": TIMED_OUT}, "timed_out", "nobody answered in time"),
    ],
)
def test_the_step_that_asked_waits_until_the_answer(database, answer, status, fault):
    run_id = "00000000-0000-0000-0000-000000000003"
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [run_id])
    action = actions.propose("mail.send", {"to": "a@b.example"}, "send:4", run_id=run_id)

    ask.main(str(action["id"]))
    if answer:
        answer["resume"].setdefault("action_digest", action["digest"])
        record.main(str(action["id"]), **answer)

    row = db.fetch_one("SELECT * FROM step WHERE name = 'approvals.ask'")
    assert row and (row["status"], bool(row["finished_at"])) == (status, True)
    assert (fault or "") in (row["error"] or "") and bool(row["error"]) == bool(fault)


def test_the_step_that_asked_ends_with_its_run(database):
    run_id = "00000000-0000-0000-0000-000000000004"
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [run_id])
    action = actions.propose("mail.send", {"to": "a@b.example"}, "send:5", run_id=run_id)
    ask.main(str(action["id"]))

    runs.end(run_id, "cancelled", "a person cancelled it")

    assert db.fetch_one("SELECT status FROM step") == {"status": "cancelled"}


def test_without_an_action_there_is_nothing_to_approve():
    assert record.main(asked=False) == {
        "approved": False,
        "decision": "nothing_to_approve",
        "by": "policy",
    }


def test_an_answer_that_nobody_was_asked_for_does_not_count(action):
    body = {"action_digest": action["digest"]}

    decided = record.main(
        str(action["id"]), asked=False, resume=body, resumes=[body], approvers=["eva"]
    )

    assert decided == {"approved": False, "decision": "proposed", "by": "policy"}
    assert approvals.find_answer(str(action["id"])) is None


def test_a_decision_about_nothing_is_a_step_of_the_run_that_its_job_goes_on_with(
    database, monkeypatch
):
    run_id, job = "00000000-0000-0000-0000-000000000003", "018f6b0e-7f3a-7c11-9a55-0123456789ac"
    db.execute("INSERT INTO run (id, flow) VALUES (%s, 'daily_research')", [run_id])
    db.execute("INSERT INTO attempt (run_id, job_id) VALUES (%s, %s)", [run_id, job])
    for name, value in {
        "ROOT_JOB_ID": job,
        "FLOW_JOB_ID": job,
        "FLOW_STEP_ID": "approve",
        "FLOW_PATH": "f/millrace/x/y",
    }.items():
        monkeypatch.setenv(f"WM_{name}", value)

    assert record.main(None, asked=False)["decision"] == "nothing_to_approve"

    assert db.fetch_all("SELECT run_id::text, path, status FROM step") == [
        {"run_id": run_id, "path": "approve", "status": "done"}
    ]
    assert db.fetch_all("SELECT id::text FROM run") == [{"id": run_id}]
